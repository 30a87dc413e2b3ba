/*  What the body of an alert of the log says is taken as it is, or refused: whoever may write the
 * log may have written it.
 */
#include "actors/cli/logged_alert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define RECORD "\"record\":{\"stream\":\"s\",\"seq\":7}"
#define TIME_MAX "9007199254740991"

static const char *fault_of(logged_alert_t *logged, const char *body)
{
    static fault_t fault;
    fault.text[0] = '\0';
    buffer_clear(&logged->body);
    free(logged->stream);
    logged->stream = NULL;
    logged->rows = 0;
    logged->span_us = 0;
    buffer_text(&logged->body, body);
    bool good = logged_alert_read(logged, &fault);
    assert_int_equal(good, fault.text[0] == '\0');
    return fault.text;
}

static void test_read(void **state)
{
    (void) state;
    logged_alert_t *logged = calloc(1, sizeof *logged);
    logged->ts_us = 5;
    assert_string_equal(fault_of(logged, "{" RECORD "}"), "");
    assert_int_equal(logged->record_seq, 7);
    assert_string_equal(logged->stream, "s");
    assert_int_equal(logged->frozen_us, 5);
    assert_int_equal(logged->rows, 0);
    assert_int_equal(logged->span_us, 0);
    assert_string_equal(fault_of(logged, "{" RECORD ",\"frozen\":-3,\"evidence\":["
                                         "{\"window\":\"last_2m\"},{\"window\":\"rows_9\"},"
                                         "{\"window\":\"last_30s\"},{\"window\":\"rows_4\"}]}"),
                        "");
    assert_int_equal(logged->frozen_us, -3);
    assert_int_equal(logged->rows, 9);
    assert_int_equal(logged->span_us, 120000000);
    logged_alert_destroy(&logged);
}

static void test_refused(void **state)
{
    (void) state;
    static const char *const bodies[] = { "",
                                          "{}",
                                          ("{" RECORD),
                                          "{\"record\":{\"stream\":\"s\"}}",
                                          "{\"record\":{\"stream\":\"s\",\"seq\":0}}",
                                          "{\"record\":{\"stream\":\"\\u001b[2J\",\"seq\":7}}" };
    static const char *const windows[] = { "\"\"",
                                           "\"rows_\"",
                                           "\"rows_65537\"",
                                           "\"rows_99999999999999999999\"",
                                           "\"last_32d\"",
                                           "\"last_2678400d\"",
                                           "\"last_1y\"",
                                           "\"a name that is longer than those of windows are\"",
                                           "7" };
    logged_alert_t *logged = calloc(1, sizeof *logged);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        assert_string_equal(fault_of(logged, bodies[i]),
                            "its entry in the alert log names no record");
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        char body[256];
        snprintf(body, sizeof body, "{" RECORD ",\"evidence\":[{\"window\":%s}]}", windows[i]);
        assert_string_equal(fault_of(logged, body), "its entry in the alert log names no window");
    }
    logged_alert_destroy(&logged);
}

// With times that no row has nobody could reckon.
static void test_times(void **state)
{
    (void) state;
    static const struct {
        int64_t ts_us;
        const char *body;
        bool good;
    } cases[] = { { INT64_MAX, "{" RECORD "}", false },
                  { INT64_MIN, "{" RECORD "}", false },
                  { INT64_MAX, "{" RECORD ",\"frozen\":5}", false },
                  { 5, "{" RECORD ",\"frozen\":9007199254740992}", false },
                  { 5, "{" RECORD ",\"frozen\":-9007199254740992}", false },
                  { 5, "{" RECORD ",\"frozen\":" TIME_MAX "}", true },
                  { INT64_C(9007199254740991), "{" RECORD ",\"frozen\":-" TIME_MAX "}", true } };
    logged_alert_t *logged = calloc(1, sizeof *logged);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        logged->ts_us = cases[i].ts_us;
        assert_string_equal(fault_of(logged, cases[i].body),
                            cases[i].good ? ""
                                          : "its entry in the alert log names no time of a row");
    }
    logged_alert_destroy(&logged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
