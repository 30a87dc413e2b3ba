/*  rule_fields: what people write in Redis, field by field. */
#include "actors/collector/rule_fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static bool read_with(rule_t *rule, const char *name, const char *value, fault_t *fault)
{
    static store_rule_t fields;
    fields = (store_rule_t){ .name = "r", .count = 2 };
    fields.fields[0] = (store_field_t){ "on", "trade" };
    fields.fields[1] = (store_field_t){ "when", "price > 1" };
    if (name)
        fields.fields[fields.count++] = (store_field_t){ name, value };
    return rule_fields_read(rule, &fields, fault);
}

static void defaults(void **state)
{
    (void) state;
    rule_t rule;
    fault_t fault;
    assert_true(read_with(&rule, NULL, NULL, &fault));
    assert_true(slice_is(rule.on, "trade"));
    assert_true(slice_is(rule.when, "price > 1"));
    assert_true(slice_is(rule.severity, "warning"));
    assert_int_equal(rule.note.size, 0);
    assert_int_equal(rule.min_rows, 10);
    assert_true(rule.positive);
    assert_true(rule.enabled);
    assert_int_equal(rule.cooldown_us, 0);
}

static void every_field(void **state)
{
    (void) state;
    rule_t rule;
    fault_t fault;
    assert_true(read_with(&rule, "min_rows", "0", &fault));
    assert_int_equal(rule.min_rows, 0);
    assert_true(read_with(&rule, "positive", "false", &fault));
    assert_false(rule.positive);
    assert_true(read_with(&rule, "enabled", "off", &fault));
    assert_false(rule.enabled);
    assert_true(read_with(&rule, "enabled", "yes", &fault));
    assert_true(rule.enabled);
    assert_true(read_with(&rule, "nodata", "15m", &fault));
    assert_int_equal(rule.nodata_us, 900000000);
    assert_false(rule.freeze);
    assert_true(read_with(&rule, "freeze", "yes", &fault));
    assert_true(rule.freeze);
    assert_true(read_with(&rule, "freeze", "false", &fault));
    assert_false(rule.freeze);
    assert_true(read_with(&rule, "flap", "6/10m", &fault));
    assert_int_equal(rule.flap_changes, 6);
    assert_int_equal(rule.flap_us, 600000000);
    assert_true(read_with(&rule, "flap", "20/366d", &fault));
    assert_true(read_with(&rule, "flap", "", &fault));
    assert_int_equal(rule.flap_changes, 0);
    assert_true(read_with(&rule, "cooldown", "10m", &fault));
    assert_int_equal(rule.cooldown_us, 600000000);
    assert_true(read_with(&rule, "severity", "page", &fault));
    assert_true(slice_is(rule.severity, "page"));
    assert_true(read_with(&rule, "note", "look at it", &fault));
    assert_true(slice_is(rule.note, "look at it"));
    assert_true(read_with(&rule, "note", "", &fault));
    assert_true(read_with(&rule, "for", "0s", &fault));
    assert_int_equal(rule.emit, RULE_EMIT_DEFAULT);
    assert_int_equal(rule.alerts_max, RULE_ALERTS_MAX_DEFAULT);
    assert_true(read_with(&rule, "emit", "row", &fault));
    assert_int_equal(rule.emit, RULE_EMIT_ROW);
    assert_true(read_with(&rule, "emit", "edge", &fault));
    assert_int_equal(rule.emit, RULE_EMIT_EDGE);
    assert_true(read_with(&rule, "alerts_max", "0", &fault));
    assert_int_equal(rule.alerts_max, 0);
    assert_true(read_with(&rule, "alerts_max", "1000000", &fault));
    assert_int_equal(rule.alerts_max, 1000000);
    assert_true(read_with(&rule, "for", "2m", &fault));
    assert_int_equal(rule.for_us, 120000000);
    assert_true(read_with(&rule, "resolve", "", &fault));
    assert_int_equal(rule.resolve.size, 0);
    assert_true(read_with(&rule, "resolve", "price < 1", &fault));
    assert_true(slice_is(rule.resolve, "price < 1"));
}

static void refused(void **state)
{
    (void) state;
    static const char *const pairs[][2] = {
        { "wen", "price > 1" },
        { "min_rows", "" },
        { "min_rows", "-1" },
        { "min_rows", "10x" },
        { "min_rows", " 1" },
        { "min_rows", "65537" },
        { "positive", "maybe" },
        { "enabled", "" },
        { "cooldown", "soon" },
        { "nodata", "never" },
        { "nodata", "367d" },
        { "cooldown", "-5s" },
        { "freeze", "" },
        { "freeze", "1h" },
        { "flap", "often" },
        { "flap", "0" },
        { "flap", "2/10m" },
        { "flap", "21/10m" },
        { "flap", "6/0s" },
        { "flap", "6/367d" },
        { "flap", "6 in 10m" },
        { "flap", "-6/10m" },
        { "flap", "4294967299/10m" },
        { "for", "x" },
        { "for", "-1s" },
        { "resolve", "price < '\xc3'" },
        { "alerts_max", "1000001" },
        { "alerts_max", "few" },
        { "emit", "rows" },
        { "severity", "" },
        { "state", "ok" },
        { "severity", "h\xffigh" },
        { "when", "price > '\xc3'" },
        { "note", "\xed\xa0\x80" },
        { "on", "trade\xff" },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        rule_t rule = { .min_rows = 77 };
        fault_t fault = { 0 };
        if (read_with(&rule, pairs[i][0], pairs[i][1], &fault))
            fail_msg("accepted %s=%s", pairs[i][0], pairs[i][1]);
        assert_int_equal(rule.min_rows, 77); // untouched
        assert_non_null(strstr(fault.text, pairs[i][0]));
    }
}

static void what_a_rule_cannot_do_without(void **state)
{
    (void) state;
    rule_t rule;
    fault_t fault;
    store_rule_t fields = { .name = "r" };
    assert_false(rule_fields_read(&rule, &fields, &fault)); // a key of another type
    assert_non_null(strstr(fault.text, "not a hash"));
    fields.count = 1;
    fields.fields[0] = (store_field_t){ "on", "trade" };
    assert_false(rule_fields_read(&rule, &fields, &fault));
    assert_non_null(strstr(fault.text, "when"));
    fields.fields[0] = (store_field_t){ "when", "price > 1" };
    assert_false(rule_fields_read(&rule, &fields, &fault));
    assert_non_null(strstr(fault.text, "on"));
    fields.fields[0] = (store_field_t){ "enabled", "0" }; // switches off what the file says
    assert_true(rule_fields_read(&rule, &fields, &fault));
    assert_false(rule.enabled);
    assert_false(rule_fields_are_whole(&rule));
    assert_true(read_with(&rule, "enabled", "0", &fault));
    assert_true(rule_fields_are_whole(&rule));
}

static void written_as_it_is_read(void **state)
{
    (void) state;
    rule_t rule, again;
    fault_t fault;
    assert_true(read_with(&rule, "note", "look at it", &fault));
    rule.min_rows = 3;
    rule.positive = rule.enabled = false;
    rule.cooldown_us = 90000000;
    rule.nodata_us = 70000000;
    rule.flap_changes = 5;
    rule.flap_us = 1;
    rule.freeze = true;
    rule.alerts_max = 7;
    rule.for_us = 5000000;
    rule.resolve = slice_text("price < 1");
    for (int note = 0; note < 2; note++) {
        rule.emit = note ? RULE_EMIT_EDGE : RULE_EMIT_DEFAULT;
        buffer_t texts = { 0 };
        store_rule_t fields = { .name = "r" };
        fields.count = rule_fields_write(&rule, fields.fields, &texts);
        assert_int_equal(fields.count, RULE_FIELDS_MAX);
        assert_true(rule_fields_read(&again, &fields, &fault));
        buffer_t first = { 0 }, second = { 0 };
        rule_encode(&rule, &first);
        rule_encode(&again, &second);
        assert_true(slice_same(buffer_slice(&first), buffer_slice(&second)));
        buffer_destroy(&first);
        buffer_destroy(&second);
        buffer_destroy(&texts);
        rule.note = (slice_t){ 0 }; // and without one
        rule.flap_changes = 0, rule.flap_us = 0;
        rule.freeze = false;
    }
}

static void names(void **state)
{
    (void) state;
    assert_true(rule_name_is_good("volume-spike_2.b"));
    assert_false(rule_name_is_good(""));
    assert_false(rule_name_is_good("a b"));
    assert_false(rule_name_is_good("a:b"));
    assert_false(rule_name_is_good("\xc3\xa9t\xc3\xa9"));
    char text[PLAN_NAME_MAX + 2];
    memset(text, 'x', sizeof text);
    text[PLAN_NAME_MAX] = '\0';
    assert_true(rule_name_is_good(text));
    text[PLAN_NAME_MAX] = 'x';
    text[PLAN_NAME_MAX + 1] = '\0';
    assert_false(rule_name_is_good(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(every_field),
        cmocka_unit_test(refused),
        cmocka_unit_test(what_a_rule_cannot_do_without),
        cmocka_unit_test(written_as_it_is_read),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
