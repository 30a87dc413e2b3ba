/*  plan: the set, its hash, differences and snapshots; hostile records change nothing. */
#include "tests/unit/proto/checked.h"

#include "proto/owned.h"
#include "proto/plan.h"
#include "proto/wire.h"
#include "tests/unit/proto/golden.h"
#include "tests/unit/proto/seeded.h"

static bool set(plan_t *plan, plan_kind_t kind, const char *name, const char *body)
{
    return plan_set(plan, kind, slice_text(name), slice_text(body), NULL);
}

static bool same(const plan_t *a, const plan_t *b)
{
    if (plan_count(a) != plan_count(b))
        return false;
    for (size_t i = 0; i < plan_count(a); i++) {
        plan_entry_t left = plan_at(a, i), right = plan_at(b, i);
        if (left.kind != right.kind || !slice_same(left.name, right.name) ||
            !slice_same(left.body, right.body))
            return false;
    }
    plan_hash_t left = plan_hash(a), right = plan_hash(b);
    return memcmp(&left, &right, sizeof left) == 0;
}

static void is_an_ordered_set(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *plan = plan_new();
    assert_true(set(plan, PLAN_RULE, "b", "1") && set(plan, PLAN_SOURCE, "z", "2") &&
                set(plan, PLAN_RULE, "ab", "3") && set(plan, PLAN_RULE, "a", "4") &&
                set(plan, PLAN_RULE, "b", "5"));
    assert_int_equal(plan_count(plan), 4);
    assert_int_equal(plan_at(plan, 0).kind, PLAN_SOURCE);
    assert_true(slice_is(plan_at(plan, 1).name, "a"));
    assert_true(slice_is(plan_at(plan, 2).name, "ab"));
    assert_true(slice_is(plan_find(plan, PLAN_RULE, slice_text("b"))->body, "5"));
    assert_null(plan_find(plan, PLAN_DERIVE, slice_text("b")));
    plan_remove(plan, PLAN_RULE, slice_text("ab"));
    plan_remove(plan, PLAN_RULE, slice_text("nobody"));
    assert_int_equal(plan_count(plan), 3);
    owned(plan_destroy) plan_t *copy = plan_copy(plan);
    assert_true(same(plan, copy));
    set(copy, PLAN_RULE, "b", "6");
    assert_false(same(plan, copy));
}

static void bounds_are_told(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *plan = plan_new();
    static char text[PLAN_BODY_MAX + 1];
    fault_t fault;
    memset(text, 'n', sizeof text);
    assert_false(plan_set(plan, PLAN_RULE, slice_text(""), slice_text("x"), &fault));
    assert_false(
        plan_set(plan, PLAN_RULE, slice_of(text, PLAN_NAME_MAX + 1), slice_text("x"), &fault));
    assert_string_equal(fault.text, "name of 129 bytes; 1 to 128 are allowed");
    assert_false(
        plan_set(plan, PLAN_RULE, slice_text("r"), slice_of(text, PLAN_BODY_MAX + 1), &fault));
    assert_string_equal(fault.text, "r: 65537 bytes; at most 65536 are allowed");
    assert_true(plan_set(plan, PLAN_RULE, slice_of(text, PLAN_NAME_MAX),
                         slice_of(text, PLAN_BODY_MAX), &fault));
}

// A snapshot of the largest plan fits into a record, and what does not fit is refused by name.
static void bytes_of_all_are_bounded(void **state)
{
    (void) state;
    enum { BODIES = PLAN_BYTES_MAX / PLAN_BODY_MAX, RECORD_MAX = 64 << 20 };
    plan_t *plan = plan_new();
    uint8_t *body = calloc(1, PLAN_BODY_MAX);
    slice_t large = slice_of(body, PLAN_BODY_MAX);
    char name[32];
    fault_t fault;
    for (int i = 0; i < BODIES - 1; i++) {
        snprintf(name, sizeof name, "rule-%05d", i);
        assert_true(plan_set(plan, PLAN_RULE, slice_text(name), large, &fault));
    }
    assert_false(plan_set(plan, PLAN_RULE, slice_text("rule-last"), large, &fault));
    assert_string_equal(fault.text, "the plan is full: 62914560 bytes");
    assert_true(plan_set(plan, PLAN_RULE, slice_text(name), large, &fault)); // instead of itself
    assert_true(plan_set(plan, PLAN_RULE, slice_text("small"), slice_text("x"), &fault));
    plan_remove(plan, PLAN_RULE, slice_text(name));
    assert_true(plan_set(plan, PLAN_RULE, slice_text("rule-last"), large, &fault));
    buffer_t snapshot = { 0 };
    assert_true(plan_encode(plan, NULL, &snapshot));
    assert_true(snapshot.size < RECORD_MAX);
    buffer_destroy(&snapshot);
    // One comes into a full plan before another leaves it, in order of name: that can be followed.
    owned(plan_destroy) plan_t *next = plan_copy(plan);
    plan_remove(next, PLAN_RULE, slice_text("rule-last"));
    assert_true(plan_set(next, PLAN_RULE, slice_text("early"), large, &fault));
    assert_true(plan_encode(next, plan, &snapshot));
    assert_true(plan_apply(plan, buffer_slice(&snapshot), &fault));
    assert_true(same(plan, next));
    buffer_destroy(&snapshot);
    free(body);
    plan_destroy(&plan);
}

static void records_keep_their_bytes(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *old = plan_new(), *new = plan_new();
    assert_true(set(old, PLAN_SOURCE, "feed", "mapping") && set(old, PLAN_RULE, "gone", "x") &&
                set(old, PLAN_RULE, "same", "y"));
    assert_true(set(new, PLAN_SOURCE, "feed", "mapping 2") && set(new, PLAN_RULE, "same", "y") &&
                set(new, PLAN_DERIVE, "t.c", "a + b"));
    owned(buffer_destroy) buffer_t out = { 0 };
    assert_true(plan_encode(new, NULL, &out));
    golden_same("plan-snapshot-v1.msgpack", buffer_slice(&out));
    buffer_clear(&out);
    assert_true(plan_encode(new, old, &out));
    golden_same("plan-change-v1.msgpack", buffer_slice(&out));
    fault_t fault;
    plan_change_t change;
    const plan_hash_t from = plan_hash(old), to = plan_hash(new);
    assert_true(plan_peek(&change, buffer_slice(&out), &fault));
    assert_false(change.snapshot);
    assert_memory_equal(&change.from, &from, sizeof from);
    assert_memory_equal(&change.to, &to, sizeof to);
    assert_false(plan_peek(&change, slice_of(out.data, 20), &fault));
    assert_true(plan_apply(old, buffer_slice(&out), &fault));
    assert_true(same(old, new));
    assert_false(plan_apply(old, buffer_slice(&out), &fault));
    assert_string_equal(fault.text, "plan: the change builds on another plan than ours");
    assert_true(same(old, new));
}

static plan_t *random_plan(seeded_t *random, unsigned entries)
{
    plan_t *plan = plan_new();
    for (unsigned i = 0; i < entries; i++) {
        char name[16], body[16];
        snprintf(name, sizeof name, "n%u", (unsigned) seeded_below(random, 40));
        snprintf(body, sizeof body, "%u", (unsigned) seeded_below(random, 3));
        set(plan, (plan_kind_t) (1 + seeded_below(random, 3)), name, body);
    }
    return plan;
}

static void any_plan_leads_to_any_other(void **state)
{
    (void) state;
    seeded_t random = { 31 };
    for (int round = 0; round < 3000; round++) {
        owned(plan_destroy) plan_t *from = random_plan(&random, (unsigned) (round % 50));
        owned(plan_destroy) plan_t *to = random_plan(&random, (unsigned) seeded_below(&random, 50));
        owned(buffer_destroy) buffer_t out = { 0 };
        assert_true(plan_encode(to, round % 3 ? from : NULL, &out));
        fault_t fault;
        assert_true(plan_apply(from, buffer_slice(&out), &fault));
        assert_true(same(from, to));
    }
}

static void many_changes_become_a_snapshot(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *from = plan_new(), *to = plan_new(), *other = plan_new();
    for (int i = 0; i < PLAN_CHANGES_MAX + 1; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        assert_true(set(to, PLAN_RULE, name, "x"));
    }
    assert_true(set(other, PLAN_RULE, "elsewhere", "y"));
    owned(buffer_destroy) buffer_t out = { 0 };
    assert_true(plan_encode(to, from, &out));
    assert_true(plan_apply(other, buffer_slice(&out), NULL)); // builds on nothing
    assert_true(same(other, to));
    buffer_clear(&out);
    plan_remove(to, PLAN_RULE, slice_text("0"));
    assert_true(plan_encode(to, from, &out));
    assert_false(plan_apply(other, buffer_slice(&out), NULL)); // 1,000 changes: a difference
    assert_true(plan_apply(from, buffer_slice(&out), NULL));
    assert_true(same(from, to));
}

static void damage_is_refused_and_changes_nothing(void **state)
{
    (void) state;
    seeded_t random = { 32 };
    owned(plan_destroy) plan_t *plan = random_plan(&random, 20), *next = random_plan(&random, 20);
    owned(plan_destroy) plan_t *before = plan_copy(plan);
    owned(buffer_destroy) buffer_t out = { 0 };
    assert_true(plan_encode(next, plan, &out));
    fault_t fault;
    for (size_t size = 0; size < out.size; size++)
        assert_false(plan_apply(plan, slice_of(out.data, size), &fault));
    for (size_t i = 0; i < out.size; i++) { // the hash at the end finds every flipped bit
        out.data[i] ^= (uint8_t) (1 << (i % 8));
        assert_false(plan_apply(plan, buffer_slice(&out), &fault));
        out.data[i] ^= (uint8_t) (1 << (i % 8));
    }
    buffer_append(&out, "\0", 1);
    assert_false(plan_apply(plan, buffer_slice(&out), &fault));
    assert_string_equal(fault.text, "plan: bytes after the end");
    assert_true(same(plan, before));
}

static void a_rule_comes_back(void **state)
{
    (void) state;
    const rule_t rule = { .on = slice_text("candle"),
                          .when = slice_text("volume > 3 * avg(volume) OVER last_1h"),
                          .severity = slice_text("warning"),
                          .note = slice_text("gr\xc3\xbc\xc3\x9f"),
                          .min_rows = 10,
                          .positive = true,
                          .enabled = false,
                          .cooldown_us = 600000000,
                          .emit = RULE_EMIT_EDGE,
                          .alerts_max = 1000,
                          .for_us = 120000000,
                          .resolve = slice_text("volume < 1") };
    owned(buffer_destroy) buffer_t out = { 0 };
    rule_encode(&rule, &out);
    golden_same("rule-v3.msgpack", buffer_slice(&out));
    rule_t read;
    fault_t fault;
    assert_true(rule_decode(&read, buffer_slice(&out), &fault));
    assert_true(slice_same(read.on, rule.on) && slice_same(read.when, rule.when) &&
                slice_same(read.severity, rule.severity) && slice_same(read.note, rule.note));
    assert_true(read.min_rows == 10 && read.positive && !read.enabled &&
                read.cooldown_us == 600000000 && read.emit == RULE_EMIT_EDGE &&
                read.alerts_max == 1000 && read.for_us == 120000000 &&
                slice_is(read.resolve, "volume < 1"));
    for (size_t size = 0; size < out.size; size++)
        assert_false(rule_decode(&read, slice_of(out.data, size), &fault));
    buffer_append(&out, "\0", 1);
    assert_false(rule_decode(&read, buffer_slice(&out), &fault));
}

static void first_form(buffer_t *body, uint32_t fields)
{
    wire_array(body, fields);
    wire_string(body, "candle");
    wire_string(body, "volume > 3 * avg(volume) OVER last_1h");
    wire_string(body, "warning");
    wire_string(body, "gr\xc3\xbc\xc3\x9f");
    wire_u64(body, 10);
    wire_bool(body, true);
    wire_bool(body, false);
    wire_i64(body, 600000000);
}

static void a_rule_that_asks_for_silence_comes_back(void **state)
{
    (void) state;
    const rule_t rule = { .on = slice_text("candle"),
                          .when = slice_text("volume > 3"),
                          .severity = slice_text("warning"),
                          .emit = RULE_EMIT_EDGE,
                          .nodata_us = 600000000 };
    owned(buffer_destroy) buffer_t out = { 0 };
    rule_encode(&rule, &out);
    golden_same("rule-v4.msgpack", buffer_slice(&out));
    rule_t read;
    fault_t fault;
    assert_true(rule_decode(&read, buffer_slice(&out), &fault));
    assert_int_equal(read.nodata_us, 600000000);
    for (size_t size = 0; size < out.size; size++)
        assert_false(rule_decode(&read, slice_of(out.data, size), &fault));
    memset(out.data + out.size - 4, 0, 4); // not at all is said by leaving it out
    assert_false(rule_decode(&read, buffer_slice(&out), &fault));
    buffer_clear(&out);
    rule_t longer = rule;
    longer.nodata_us = RULE_NODATA_US_MAX + 1;
    rule_encode(&longer, &out);
    assert_false(rule_decode(&read, buffer_slice(&out), &fault));
}

static void a_rule_that_guards_against_flaps_comes_back(void **state)
{
    (void) state;
    const rule_t rule = { .on = slice_text("candle"),
                          .when = slice_text("volume > 3"),
                          .severity = slice_text("warning"),
                          .emit = RULE_EMIT_EDGE,
                          .flap_changes = 6,
                          .flap_us = 600000000 };
    owned(buffer_destroy) buffer_t out = { 0 };
    rule_encode(&rule, &out);
    golden_same("rule-v5.msgpack", buffer_slice(&out));
    rule_t read;
    fault_t fault;
    assert_true(rule_decode(&read, buffer_slice(&out), &fault));
    assert_int_equal(read.nodata_us, 0);
    assert_int_equal(read.flap_changes, 6);
    assert_int_equal(read.flap_us, 600000000);
    for (size_t size = 0; size < out.size; size++)
        assert_false(rule_decode(&read, slice_of(out.data, size), &fault));
    static const struct {
        uint32_t changes;
        int64_t us;
        bool good;
    } others[] = { { RULE_FLAP_LEAST, 1, true },
                   { RULE_FLAP_MOST, RULE_FLAP_US_MAX, true },
                   { RULE_FLAP_LEAST - 1, 1, false },
                   { RULE_FLAP_MOST + 1, 1, false },
                   { 6, 0, false },
                   { 6, -1, false },
                   { 6, RULE_FLAP_US_MAX + 1, false } };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        rule_t other = rule;
        other.flap_changes = others[i].changes;
        other.flap_us = others[i].us;
        buffer_clear(&out);
        rule_encode(&other, &out);
        assert_int_equal(rule_decode(&read, buffer_slice(&out), &fault), others[i].good);
    }
}

static void a_rule_whose_windows_stand_still_comes_back(void **state)
{
    (void) state;
    rule_t rule = { .on = slice_text("candle"),
                    .when = slice_text("volume > avg(volume) OVER last_1h"),
                    .severity = slice_text("warning"),
                    .freeze = true };
    owned(buffer_destroy) buffer_t out = { 0 };
    rule_encode(&rule, &out);
    golden_same("rule-v6.msgpack", buffer_slice(&out));
    rule_t read;
    fault_t fault;
    assert_true(rule_decode(&read, buffer_slice(&out), &fault));
    assert_true(read.freeze);
    assert_int_equal(read.flap_changes, 0);
    for (size_t size = 0; size < out.size; size++)
        assert_false(rule_decode(&read, slice_of(out.data, size), &fault));
    out.data[out.size - 1] = 0xc2; // that they do not is said by leaving it out
    assert_false(rule_decode(&read, buffer_slice(&out), &fault));
    rule.flap_changes = 6;
    rule.flap_us = 600000000;
    buffer_clear(&out);
    rule_encode(&rule, &out);
    assert_true(rule_decode(&read, buffer_slice(&out), &fault));
    assert_true(read.freeze);
    assert_int_equal(read.flap_us, 600000000);
    rule.flap_changes = 0; // a time without changes
    buffer_clear(&out);
    rule_encode(&rule, &out);
    assert_false(rule_decode(&read, buffer_slice(&out), &fault));
}

// Logs have bodies from before there was `emit`: they mean what they meant.
static void a_rule_of_the_first_form_is_read(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t body = { 0 };
    first_form(&body, 8);
    golden_same("rule-v1.msgpack", buffer_slice(&body));
    rule_t read = { .emit = RULE_EMIT_DEFAULT, .alerts_max = 5 };
    fault_t fault;
    assert_true(rule_decode(&read, buffer_slice(&body), &fault));
    assert_true(slice_is(read.on, "candle") && read.min_rows == 10 && !read.enabled);
    assert_int_equal(read.emit, RULE_EMIT_ROW);
    assert_int_equal(read.alerts_max, 0);
    body.data[0]++; // nine
    assert_false(rule_decode(&read, buffer_slice(&body), &fault));
}

// And from before there were incidents.
static void a_rule_of_the_second_form_is_read(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t body = { 0 };
    first_form(&body, 10);
    wire_u64(&body, RULE_EMIT_EDGE);
    wire_u64(&body, 1000);
    golden_same("rule-v2.msgpack", buffer_slice(&body));
    rule_t read = { .for_us = 5 };
    fault_t fault;
    assert_true(rule_decode(&read, buffer_slice(&body), &fault));
    assert_int_equal(read.emit, RULE_EMIT_EDGE);
    assert_int_equal(read.alerts_max, 1000);
    assert_int_equal(read.for_us, 0);
    assert_int_equal(read.resolve.size, 0);
    body.data[0]++; // eleven
    assert_false(rule_decode(&read, buffer_slice(&body), &fault));
    wire_i64(&body, 0);
    assert_false(rule_decode(&read, buffer_slice(&body), &fault)); // `for` without `resolve`
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_an_ordered_set),
        cmocka_unit_test(bounds_are_told),
        cmocka_unit_test(bytes_of_all_are_bounded),
        cmocka_unit_test(records_keep_their_bytes),
        cmocka_unit_test(any_plan_leads_to_any_other),
        cmocka_unit_test(many_changes_become_a_snapshot),
        cmocka_unit_test(damage_is_refused_and_changes_nothing),
        cmocka_unit_test(a_rule_comes_back),
        cmocka_unit_test(a_rule_that_asks_for_silence_comes_back),
        cmocka_unit_test(a_rule_that_guards_against_flaps_comes_back),
        cmocka_unit_test(a_rule_whose_windows_stand_still_comes_back),
        cmocka_unit_test(a_rule_of_the_first_form_is_read),
        cmocka_unit_test(a_rule_of_the_second_form_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
