/*  document_test -- the JSON of what the API tells. */
#include "actors/api/document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "actors/api/alerts.h"
#include "actors/api/rule_book.h"
#include "proto/owned.h"

static void latest_values_are_exact(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t out = { 0 };
    const store_rule_t series = { .name = "t:a\"b",
                                  .count = 3,
                                  .fields = {
                                      { "price", "1.10" }, { "ts", "7" }, { "n", "NaN" } } };
    const store_rule_t bare = { .name = "t:c", .count = 1, .fields = { { "ts", "8" } } };
    document_begin(&out, "latest");
    document_next(&out);
    document_latest(&out, &series);
    document_next(&out);
    document_latest(&out, &bare);
    document_end(&out);
    assert_string_equal(
        buffer_string(&out),
        "{\"status\":\"success\",\"data\":{\"latest\":[\n"
        "{\"series\":\"t:a\\\"b\",\"ts\":7,\"values\":{\"price\":1.10,\"n\":\"NaN\"}},\n"
        "{\"series\":\"t:c\",\"ts\":8,\"values\":{}}]}}\n");
}

static const char *const no_times[] = { "abc",
                                        "",
                                        "1e19",
                                        "1e3",
                                        "1.0",
                                        "10000000000000000000",
                                        "9223372036854775808",
                                        "-9223372036854775809",
                                        "NaN",
                                        "0x1",
                                        "01" };

static void a_time_is_an_integer_or_missing(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t out = { 0 };
    store_rule_t series = { .name = "t:a", .count = 1, .fields = { { "ts", "" } } };
    for (size_t i = 0; i < sizeof no_times / sizeof *no_times; i++) {
        buffer_clear(&out);
        series.fields[0].value = no_times[i];
        document_latest(&out, &series);
        assert_string_equal(buffer_string(&out), "{\"series\":\"t:a\",\"ts\":null,\"values\":{}}");
    }
    static const char *const times[] = { "0", "-1", "9223372036854775807", "-9223372036854775808" };
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        buffer_clear(&out);
        series.fields[0].value = times[i];
        document_latest(&out, &series);
        assert_non_null(strstr(buffer_string(&out), times[i]));
    }
}

static void an_incident_says_what_it_is(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t out = { 0 };
    store_rule_t incident = { .name = "spike:t:a",
                              .count = 3,
                              .fields = {
                                  { "state", "firing" }, { "since", "5" }, { "body", "{}" } } };
    assert_true(document_incident(&out, &incident));
    assert_string_equal(buffer_string(&out),
                        "{\"rule\":\"spike\",\"series\":\"t:a\",\"state\":\"firing\",\"since\":5,"
                        "\"ts\":null,\"severity\":null,\"id\":null,\"entry\":{}}");
    static const char *const none[] = { "text", "{", "{}}", "{},{}", "{\"a\":1,}", "{\"a\":\x80}" };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        incident.fields[2].value = none[i];
        if (document_incident(&out, &incident))
            fail_msg("'%s' is none", none[i]);
    }
    incident.fields[2].value = "{}";
    for (size_t i = 0; i < sizeof no_times / sizeof *no_times; i++) {
        incident.fields[1] = (store_field_t){ i % 2 ? "since" : "ts", no_times[i] };
        if (document_incident(&out, &incident))
            fail_msg("'%s' is no time", no_times[i]);
    }
    incident.count = 0;
    assert_false(document_incident(&out, &incident));
}

static void the_newest_alerts_come_first(void **state)
{
    (void) state;
    owned(alerts_destroy) alerts_t alerts = { 0 };
    owned(buffer_destroy) buffer_t out = { 0 };
    assert_true(alerts_add(&alerts, slice_text("{\"n\":1}")));
    assert_false(alerts_add(&alerts, slice_text("[]")));
    assert_false(alerts_add(&alerts, slice_text("{")));
    assert_false(alerts_add(&alerts, slice_text("{\"n\":}")));
    assert_true(alerts_add(&alerts, slice_text("{\"n\":2}")));
    assert_true(alerts_add(&alerts, slice_text("{\"n\":3}")));
    alerts_document(&alerts, 2, &out, NULL);
    assert_string_equal(buffer_string(&out), "{\"status\":\"success\",\"data\":{\"alerts\":[\n"
                                             "{\"n\":3},\n{\"n\":2}]}}\n");
    buffer_clear(&out);
    size_t marks[ALERTS_MAX + 1];
    alerts_document(&alerts, 9, &out, marks);
    for (size_t n = 0; n <= alerts.count; n++) {
        owned(buffer_destroy) buffer_t cut = { 0 }, whole = { 0 };
        buffer_append(&cut, out.data, marks[n]);
        buffer_append(&cut, out.data + marks[alerts.count], out.size - marks[alerts.count]);
        alerts_document(&alerts, n, &whole, NULL);
        assert_string_equal(buffer_string(&cut), buffer_string(&whole));
    }
    assert_non_null(strstr(buffer_string(&out), "{\"n\":2},\n{\"n\":1}]"));
    while (alerts.count < ALERTS_MAX)
        assert_true(alerts_add(&alerts, slice_text("{}")));
    assert_false(alerts_add(&alerts, slice_text("{}")));
}

static void a_rule_in_redis_hides_that_of_the_configuration(void **state)
{
    (void) state;
    owned(rule_book_destroy) rule_book_t *book = rule_book_new();
    owned(buffer_destroy) buffer_t out = { 0 };
    rule_settings_t rules[] = { { .name = "b",
                                  .on = "t",
                                  .when = "x > 1",
                                  .severity = "info",
                                  .note = "",
                                  .enabled = true },
                                { .name = "a",
                                  .on = "t",
                                  .when = "x > 2",
                                  .severity = "info",
                                  .note = "7",
                                  .enabled = true } };
    const settings_t settings = { .rule_count = 2, .rules = rules };
    const store_rule_t written = { .name = "b", .count = 1, .fields = { { "when", "x > 3" } } };
    const store_rule_t status = { .name = "b",
                                  .count = 2,
                                  .fields = { { "state", "ok" }, { "cost", "12" } } };
    const store_rule_t alone = { .name = "c", .count = 1, .fields = { { "state", "error" } } };
    rule_book_configured(book, &settings);
    rule_book_add(book, RULE_WRITTEN, &written);
    rule_book_add(book, RULE_STATUS, &status);
    rule_book_add(book, RULE_STATUS, &alone);
    rule_book_document(book, &out);
    assert_string_equal(
        buffer_string(&out),
        "{\"status\":\"success\",\"data\":{\"rules\":[\n"
        "{\"name\":\"a\",\"from\":\"configuration\",\"definition\":{\"on\":\"t\",\"when\":\"x > "
        "2\","
        "\"severity\":\"info\",\"note\":\"7\",\"enabled\":\"1\"},\"status\":null},\n"
        "{\"name\":\"b\",\"from\":\"redis\",\"definition\":{\"when\":\"x > 3\"},"
        "\"status\":{\"state\":\"ok\",\"cost\":12}},\n"
        "{\"name\":\"c\",\"from\":null,\"definition\":null,\"status\":{\"state\":\"error\"}}]}}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(latest_values_are_exact),
        cmocka_unit_test(a_time_is_an_integer_or_missing),
        cmocka_unit_test(an_incident_says_what_it_is),
        cmocka_unit_test(the_newest_alerts_come_first),
        cmocka_unit_test(a_rule_in_redis_hides_that_of_the_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
