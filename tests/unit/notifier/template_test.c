/*  template_test -- the operator's texts: what is refused and where, and that no value breaks out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "actors/notifier/template.h"
#include "proto/owned.h"
#include "tests/unit/notifier/noticed.h"

static const template_reader_t reader = { .delivery = "id-alice~sms",
                                          .subscriber = "alice",
                                          .address = "+49 \"1\"\r\nX: y" };

static void check_written(void (*make)(buffer_t *), template_place_t place, const char *text,
                          const char *expected)
{
    fault_t fault = { 0 };
    owned(buffer_destroy) buffer_t body = { 0 }, out = { 0 };
    owned(template_destroy) template_t *template = template_new(text, place, &fault);
    if (!template)
        fail_msg("%s: %d:%d %s", text, fault.line, fault.column, fault.text);
    make(&body);
    notice_t notice;
    assert_true(notice_read(&notice, buffer_slice(&body)));
    assert_true(template_write(template, &notice, &reader, &out));
    assert_string_equal(buffer_string(&out), expected);
}

static void make_alert(buffer_t *out)
{
    noticed_alert(out, "alert");
}

static void values_are_put_in(void **state)
{
    (void) state;
    check_written(make_alert, TEMPLATE_TEXT,
                  "{{rule}} {{ series }} {{key.pair}} {{key.none}}. {{columns.close}} "
                  "{{columns.trades}}. {{threshold}} {{ratio}} {{severity}} {{kind}} {{ts}}",
                  "volume-spike candle:kraken:XBT%2FUSD XBT/USD . 27123.5 . 6 2.0833 warning alert "
                  "2023-11-14T22:13:20.5Z");
    check_written(make_alert, TEMPLATE_TEXT,
                  "{{id}} {{delivery}} {{subscriber}} {{title}} {{note}}.",
                  "00112233445566778899aabbccddeeff id-alice~sms alice [warning] volume-spike on "
                  "candle:kraken:XBT%2FUSD .");
    check_written(make_alert, TEMPLATE_TEXT, "no value { } }} {x}", "no value { } }} {x}");
    check_written(make_alert, TEMPLATE_TEXT, "", "");
}

static void missing_numbers_are_null_in_json(void **state)
{
    (void) state;
    check_written(make_alert, TEMPLATE_JSON,
                  "{\"a\":{{columns.close}},\"b\":{{columns.trades}},\"c\":\"{{columns.none}}\"}",
                  "{\"a\":27123.5,\"b\":null,\"c\":\"\"}");
}

static void no_value_breaks_out(void **state)
{
    (void) state;
    check_written(noticed_hostile, TEMPLATE_JSON, "{\"k\":\"{{key.pair}}\",\"n\":{{columns.text}}}",
                  "{\"k\":\"X\\\"}, \\\"injected\\\": {\\\"\\r\\n/../?a=b&c#d\",\"n\":null}");
    check_written(noticed_hostile, TEMPLATE_URL, "http://h/{{key.pair}}",
                  "http://h/X%22%7D%2C%20%22injected%22%3A%20%7B%22%0D%0A%2F..%2F%3Fa%3Db%26c%23d");
    check_written(noticed_hostile, TEMPLATE_HTML, "<p title=\"{{severity}}\">{{rule}}</p>",
                  "<p title=\"&lt;b&gt;&amp;&#39;x\">r&quot;1</p>");
    check_written(noticed_hostile, TEMPLATE_HEADER, "{{when}}{{address}}",
                  "a > 1  Bcc: x@example.org .  +49 \"1\"  X: y");
    check_written(noticed_hostile, TEMPLATE_TEXT, "{{when}}|{{note}}",
                  "a > 1\nBcc: x@example.org\n.\n|\xe2\x82\xac 5 \\ <!channel> @everyone "
                  "=?UTF-8?Q?x?= ?[31m?");
}

static void check_refused(template_place_t place, const char *text, int line, int column,
                          const char *why)
{
    fault_t fault = { 0 };
    template_t *template = template_new(text, place, &fault);
    if (template)
        fail_msg("'%s' is taken", text);
    if (fault.line != line || fault.column != column || !strstr(fault.text, why))
        fail_msg("'%s': %d:%d: %s", text, fault.line, fault.column, fault.text);
}

static void mistakes_are_refused_with_their_place(void **state)
{
    (void) state;
    check_refused(TEMPLATE_TEXT, "a {{nonsense}}", 1, 3, "there is no value 'nonsense'");
    check_refused(TEMPLATE_TEXT, "a\n\n {{key.}}", 3, 2, "'key.'");
    check_refused(TEMPLATE_TEXT, "{{rule}} {{columns.A}}", 1, 10, "'columns.A'");
    check_refused(TEMPLATE_TEXT, "{{}}", 1, 1, "there is no value");
    check_refused(TEMPLATE_TEXT, "{{rule", 1, 1, "without '}}'");
    check_refused(TEMPLATE_TEXT, "{{rule.x}}", 1, 1, "'rule.x'");
    check_refused(TEMPLATE_JSON, "{\"a\": {{rule}}}", 1, 7, "outside quotes");
    check_refused(TEMPLATE_JSON, "{\"a\": \"\\\"\", \"b\": {{rule}}}", 1, 18, "outside quotes");
    check_refused(TEMPLATE_JSON, "{\"a\": \"\\{{rule}}\"}", 1, 9, "backslash");
    check_refused(TEMPLATE_JSON, "{\"a\": \"{{rule}}}", 1, 17, "no end");
}

static void types_decide_where_values_stand(void **state)
{
    (void) state;
    fault_t fault = { 0 };
    template_place_t place = TEMPLATE_TEXT;
    assert_true(template_place("application/json; charset=utf-8", &place, &fault));
    assert_int_equal(place, TEMPLATE_JSON);
    assert_true(template_place("application/vnd.x+JSON", &place, &fault));
    assert_int_equal(place, TEMPLATE_JSON);
    assert_true(template_place("Text/HTML", &place, &fault));
    assert_int_equal(place, TEMPLATE_HTML);
    assert_true(template_place("application/x-www-form-urlencoded", &place, &fault));
    assert_int_equal(place, TEMPLATE_URL);
    assert_false(template_place("application/javascript", &place, &fault));
    assert_false(template_place("", &place, &fault));
    assert_false(template_place("text/plain2", &place, &fault));
}

static void what_comes_out_is_bounded(void **state)
{
    (void) state;
    fault_t fault = { 0 };
    owned(buffer_destroy) buffer_t body = { 0 }, out = { 0 }, text = { 0 };
    for (int i = 0; i < 500; i++)
        buffer_text(&text, "{{text}}");
    owned(template_destroy) template_t *template =
        template_new(buffer_string(&text), TEMPLATE_URL, &fault);
    assert_non_null(template);
    noticed_hostile(&body);
    notice_t notice;
    assert_true(notice_read(&notice, buffer_slice(&body)));
    assert_false(template_write(template, &notice, &reader, &out));
    assert_true(out.size < 2 * TEMPLATE_OUTPUT_MAX);
    for (int i = 0; i < 13; i++)
        buffer_text(&text, "{{text}}");
    check_refused(TEMPLATE_URL, buffer_string(&text), 1, 8 * TEMPLATE_PIECES_MAX + 1, "too many");
    owned(buffer_destroy) buffer_t large = { 0 };
    memset(buffer_extend(&large, TEMPLATE_BYTES_MAX + 1), 'x', TEMPLATE_BYTES_MAX + 1);
    assert_null(template_new(buffer_string(&large), TEMPLATE_TEXT, &fault));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_put_in),
        cmocka_unit_test(missing_numbers_are_null_in_json),
        cmocka_unit_test(no_value_breaks_out),
        cmocka_unit_test(mistakes_are_refused_with_their_place),
        cmocka_unit_test(types_decide_where_values_stand),
        cmocka_unit_test(what_comes_out_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
