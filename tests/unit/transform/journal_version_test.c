/*  Journals of the version before are read, those of others refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/transform/fired.h"
#include "actors/transform/journal_format.h"
#include "scene.h"

static const feed_rule_t every[] = { { "every", "volume > 1", 0 }, { 0 } };

static ruleset_t *set;

static ruleset_t *find_plan(void *context, plan_hash_t hash)
{
    (void) context;
    plan_hash_t known = ruleset_hash(set);
    return memcmp(&known, &hash, sizeof hash) == 0 ? set : NULL;
}

// What the version before has written is read: it knew neither edges nor alerts held back.
static void test_version_before(void **state)
{
    (void) state;
    set = feed_rules(spike, NULL);
    ear_t ear = { 0 };
    fold_t *fold = feed_fold(&ear, "s", set), *loaded = feed_fold(&ear, NULL, NULL);
    feed_row_t row = { .pair = "a", .ts = 5, .identity = "1" };
    assert_true(feed(fold, "s", 1, &row, 1, false));
    unsigned partition = series_partition(slice_text("candle:x:a"));
    buffer_t base = { 0 };
    fault_t fault = { .text = "" };
    assert_true(fold_base(fold, partition, &base));
    static const uint8_t versions[] = { JOURNAL_VERSION_LEAST - 1, JOURNAL_VERSION + 1,
                                        JOURNAL_VERSION_LEAST }; // the last one is good
    for (size_t i = 0; i < sizeof versions; i++) {
        base.data[0] = versions[i];
        assert_int_equal(fold_load(loaded, partition, buffer_slice(&base), find_plan, NULL, &fault),
                         i == 2);
    }
    base.data[0] = JOURNAL_VERSION;
    buffer_t again = { 0 };
    assert_true(fold_base(loaded, partition, &again));
    assert_true(slice_same(buffer_slice(&again), buffer_slice(&base)));
    buffer_destroy(&again);
    buffer_destroy(&base);
    fold_destroy(&loaded);
    fold_destroy(&fold);
    ear_clear(&ear);
    ruleset_destroy(&set);
}

// Before anything was recalled, what rules had said of open rows was written with three bits.
static void test_eights(void **state)
{
    (void) state;
    set = feed_rules(every, NULL);
    ear_t ear = { 0 };
    fold_t *fold = feed_fold(&ear, "s", set), *loaded = feed_fold(&ear, NULL, NULL);
    feed_row_t row = { .pair = "a", .ts = 5, .identity = "1" };
    row.values[0] = feed_number("5");
    assert_true(feed(fold, "s", 1, &row, 1, false));
    assert_int_equal(ear.count, 1);
    unsigned partition = series_partition(slice_text("candle:x:a"));
    buffer_t base = { 0 }, again = { 0 };
    fault_t fault = { .text = "" };
    assert_true(fold_base(fold, partition, &base));
    const rule_id_t *id = &ruleset_at(set, 0)->rules[0].id;
    uint8_t *said = memmem(base.data, base.size, id->bytes, sizeof id->bytes);
    assert_non_null(said);
    assert_int_equal(said[-1], 16 + SAID_ALERT + SAID_INCIDENT); // of the last row
    said[-1] = 8 + SAID_ALERT + SAID_INCIDENT;
    base.data[0] = JOURNAL_VERSION_EIGHTS;
    assert_true(fold_load(loaded, partition, buffer_slice(&base), find_plan, NULL, &fault));
    said[-1] = 16 + SAID_ALERT + SAID_INCIDENT;
    base.data[0] = JOURNAL_VERSION;
    assert_true(fold_base(loaded, partition, &again));
    assert_true(slice_same(buffer_slice(&again), buffer_slice(&base)));
    buffer_destroy(&again);
    buffer_destroy(&base);
    fold_destroy(&loaded);
    fold_destroy(&fold);
    ear_clear(&ear);
    ruleset_destroy(&set);
}

static void to_stand_still(const char *name, rule_t *rule)
{
    (void) name;
    rule->freeze = true;
}

// Before baselines were told apart from those of the entry before, plain rules stood behind the row
// before the open ones.
static void test_repeated(void **state)
{
    (void) state;
    static const feed_rule_t two[] = { { "never", "price > 99 * max(price) OVER rows_1", 0 },
                                       { "twice", "price > 2 * max(price) OVER rows_1", 0 },
                                       { 0 } };
    static const char *const prices[] = { "123456789", "300000000", "300000000" };
    feed_more = to_stand_still;
    set = feed_rules(two, NULL);
    feed_more = NULL;
    ear_t ear = { 0 };
    fold_t *fold = feed_fold(&ear, "s", set), *loaded = feed_fold(&ear, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        feed_row_t row = { .pair = "a", .ts = i, .identity = "1" };
        row.values[1] = feed_number(prices[i]);
        assert_true(feed(fold, "s", (uint64_t) i + 1, &row, 1, false));
    }
    assert_int_equal(ear.count, 2);
    unsigned partition = series_partition(slice_text("candle:x:a"));
    buffer_t base = { 0 }, again = { 0 };
    fault_t fault = { .text = "" };
    assert_true(fold_base(fold, partition, &base));
    // One rule, that of index 1; since one microsecond, the first of its time; known, of one row.
    static const uint8_t is[] = { 1, 2, 1, 0, 1, 1, 8, 0x15, 0xcd, 0x5b, 0x07 };
    uint8_t *held = memmem(base.data, base.size, is, sizeof is);
    assert_non_null(held);
    held[1] = 1;
    base.data[0] = JOURNAL_VERSION_REPEATED;
    assert_true(fold_load(loaded, partition, buffer_slice(&base), find_plan, NULL, &fault));
    held[1] = 2;
    base.data[0] = JOURNAL_VERSION;
    assert_true(fold_base(loaded, partition, &again));
    assert_true(slice_same(buffer_slice(&again), buffer_slice(&base)));
    buffer_destroy(&again);
    buffer_destroy(&base);
    fold_destroy(&loaded);
    fold_destroy(&fold);
    ear_clear(&ear);
    ruleset_destroy(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_before),
        cmocka_unit_test(test_eights),
        cmocka_unit_test(test_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
