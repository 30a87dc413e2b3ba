/*  alert_line: each kind of entry as people see it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "actors/cli/alert_line.h"
#include "proto/alert.h"
#include "proto/owned.h"

static const alert_value_t columns[] = { { "close", "101" } };

static alert_t entry(const char *kind, uint8_t id, uint8_t prev)
{
    return (alert_t){ .kind = kind,
                      .id = { { id } },
                      .prev = { { prev } },
                      .seq = 1,
                      .incident = strcmp(kind, "alert") != 0,
                      .since_us = INT64_C(1699999940000000),
                      .rule = slice_text("high"),
                      .severity = slice_text("warning"),
                      .series = slice_text("candle:a"),
                      .when = slice_text("close > 100"),
                      .ts_us = INT64_C(1700000000000000),
                      .threshold = "100",
                      .ratio = "1.01",
                      .column_count = 1,
                      .columns = columns,
                      .stream = slice_text("s") };
}

static void assert_line(const alert_t *alert, char last[ALERT_LINE_ID], const char *line)
{
    owned(buffer_destroy) buffer_t body = { 0 }, out = { 0 };
    alert_encode(alert, &body);
    alert_line_t made = alert_line(buffer_slice(&body), false, last, &out);
    bool is_alert = strcmp(alert->kind, "alert") == 0;
    assert_int_equal(made, !line      ? ALERT_LINE_SILENT
                           : is_alert ? ALERT_LINE_ALERT
                                      : ALERT_LINE_OTHER);
    if (line)
        assert_string_equal(buffer_string(&out), line);
}

#define HEAD "2023-11-14 22:13:20  high  candle:a  close 101"

static void each_kind_has_its_words(void **state)
{
    (void) state;
    char last[ALERT_LINE_ID] = "";
    alert_t alert = entry("alert", 1, 0), firing = entry("firing", 2, 1);
    alert_t still = entry("still", 3, 2), resolved = entry("resolved", 4, 3);
    assert_line(&alert, last, HEAD "  (1.01 times the threshold of 100)");
    assert_line(&firing, last, NULL); // nobody needs to be told twice
    assert_line(&still, last, HEAD "  (still firing, since 2023-11-14 22:12:20)");
    assert_line(&resolved, last, HEAD "  (resolved)");
    assert_line(&firing, last,
                HEAD "  (firing, since 2023-11-14 22:12:20)"); // its alert was before
    assert_int_equal(alert_line(slice_text("none"), false, last, &(buffer_t){ 0 }),
                     ALERT_LINE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_its_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
