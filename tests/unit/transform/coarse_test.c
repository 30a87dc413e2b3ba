/*  Windows that hold too many rows turn coarse: which do, for how long, and what they see then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scene.h"

static char seen_sum[64];
static uint64_t seen_rows;
static bool all_exact;
static size_t alert_count;

static void look_at_exact(void *context, unsigned partition, const alert_t *alert)
{
    (void) context, (void) partition;
    if (alert->incident)
        return;
    alert_count++;
    all_exact = alert->evidence[0].exact;
}

// Coarse from the first row over the limit until no row is in the longest window.
static void test_coarse(void **state)
{
    (void) state;
    feed_rows_max = 30;
    ruleset_t *set = feed_rules(spike, NULL);
    unsigned partition = series_partition(slice_text("candle:x:a"));
    partitions_t all = feed_everything();
    scene_t scene = { .fold = fold_new(look_at_exact, NULL) };
    fold_own(scene.fold, partition);
    assert_true(fold_plan(scene.fold, slice_text("s"), &all, set, 1, 0));
    alert_count = 0;
    minutes(&scene, 0, 29, "1");
    row(&scene, 29 * MINUTE, "9", NULL, false); // the thirtieth
    row(&scene, 30 * MINUTE, "9", NULL, false); // one too many: coarse from the next one on
    assert_int_equal(alert_count, 2);
    assert_true(all_exact);
    row(&scene, 31 * MINUTE, "9", NULL, false);
    assert_int_equal(alert_count, 3);
    assert_false(all_exact);
    minutes(&scene, 32, 50, "1");
    row(&scene, 50 * MINUTE, "9", NULL, false);
    assert_int_equal(alert_count, 4);
    assert_false(all_exact); // fewer again, but not none
    minutes(&scene, 111, 130, "1");
    row(&scene, 130 * MINUTE, "9", NULL, false);
    assert_int_equal(alert_count, 5);
    assert_true(all_exact);
    fold_destroy(&scene.fold);
    ruleset_destroy(&set);
    feed_rows_max = EXACT_ROWS_DEFAULT;
}

static size_t base_size(const fold_t *fold, unsigned partition)
{
    buffer_t base = { 0 };
    assert_true(fold_base(fold, partition, &base));
    size_t size = base.size;
    buffer_destroy(&base);
    return size;
}

static void look_at_sum(void *context, unsigned partition, const alert_t *alert)
{
    (void) context, (void) partition;
    if (alert->incident)
        return;
    alert_count++;
    seen_rows = alert->evidence[0].rows;
    strcpy(seen_sum, alert->evidence[0].sum);
}

static bool long_exact;

static void look_at_short(void *context, unsigned partition, const alert_t *alert)
{
    (void) context, (void) partition;
    if (alert->incident)
        return;
    assert_true(alert->evidence_count == 2);
    alert_count++;
    seen_rows = alert->evidence[0].rows;
    all_exact = alert->evidence[0].exact;
    long_exact = alert->evidence[1].exact;
}

// Only a window that itself holds too many rows turns coarse, and to cells of its own width.
static void test_short_beside_long(void **state)
{
    (void) state;
    feed_rows_max = 100;
    const feed_rule_t rules[] = {
        { "r", "count(*) OVER last_1m <> 60 AND count(*) OVER last_31d >= 60", 0 }, { 0 }
    };
    const feed_rule_t always[] = {
        { "r", "count(*) OVER last_1m > 0 AND count(*) OVER last_31d > 0", 0 }, { 0 }
    };
    unsigned partition = series_partition(slice_text("candle:x:a"));
    scene_t scene = { .fold = fold_new(look_at_short, NULL) };
    fold_own(scene.fold, partition);
    plan(&scene, rules);
    alert_count = 0;
    for (int i = 0; i < 1000; i++) {
        if (i == 999)
            plan(&scene, always);
        row(&scene, i * MINUTE / 60, "1", NULL, false);
    }
    assert_int_equal(alert_count, 1);
    assert_int_equal(seen_rows, 60);
    assert_true(all_exact && !long_exact);
    // Ten times as dense: the minute is coarse as well, its cells are of 1,024 us.
    for (int i = 0; i < 1000; i++)
        row(&scene, 1000 * MINUTE / 60 + i * MINUTE / 600, "1", NULL, false);
    assert_int_equal(alert_count, 1001);
    assert_int_equal(seen_rows, 600);
    assert_false(all_exact);
    // Once it was empty it is exact again, while the month is not.
    for (int i = 0; i < 200; i++)
        row(&scene, 2000 * MINUTE / 60 + i * MINUTE / 60, "1", NULL, false);
    assert_int_equal(seen_rows, 60);
    assert_true(all_exact && !long_exact);
    fold_destroy(&scene.fold);
    feed_rows_max = EXACT_ROWS_DEFAULT;
}

// A window that is new while a longer one is coarse sees what the longer one's cells have.
static void test_new_window_of_coarse(void **state)
{
    (void) state;
    feed_rows_max = 100;
    const feed_rule_t one[] = { { "r", "sum(volume) OVER last_30d > 0", 1 }, { 0 } };
    const feed_rule_t two[] = { { "r", "sum(volume) OVER last_30d > 0", 1 },
                                { "s", "sum(volume) OVER last_1h > 0", 1 },
                                { 0 } };
    unsigned partition = series_partition(slice_text("candle:x:a"));
    scene_t scene = { .fold = fold_new(look_at_sum, NULL) };
    fold_own(scene.fold, partition);
    plan(&scene, one);
    for (int i = 0; i < 2000; i++)
        row(&scene, i * MINUTE / 60, "1", NULL, false);
    plan(&scene, two);
    row(&scene, 2000 * MINUTE / 60, "1", NULL, false);
    assert_int_equal(seen_rows, 2000); // of s, which is judged after r
    for (int i = 2001; i < 8000; i++)
        row(&scene, i * MINUTE / 60, "1", NULL, false);
    assert_int_equal(seen_rows, 3600);
    plan(&scene, one);
    row(&scene, 8000 * MINUTE / 60, "1", NULL, false);
    assert_int_equal(seen_rows, 8000);
    fold_destroy(&scene.fold);
    feed_rows_max = EXACT_ROWS_DEFAULT;
}

// The limit is of the plan, so that whoever reads the log comes to the same verdicts.
static void test_limit_changes_with_the_plan(void **state)
{
    (void) state;
    unsigned partition = series_partition(slice_text("candle:x:a"));
    scene_t scene = { .fold = fold_new(look_at_exact, NULL) };
    fold_own(scene.fold, partition);
    plan(&scene, spike);
    minutes(&scene, 0, 40, "1");
    row(&scene, 40 * MINUTE, "9", NULL, false);
    assert_true(all_exact);
    feed_rows_max = 30;
    plan(&scene, spike);
    row(&scene, 41 * MINUTE, "1", NULL, false);
    row(&scene, 42 * MINUTE, "9", NULL, false);
    assert_false(all_exact);
    feed_rows_max = EXACT_ROWS_DEFAULT;
    plan(&scene, spike);
    row(&scene, 43 * MINUTE, "9", NULL, false);
    assert_false(all_exact); // until it ran empty
    minutes(&scene, 120, 135, "1");
    row(&scene, 135 * MINUTE, "9", NULL, false);
    assert_true(all_exact);
    fold_destroy(&scene.fold);
}

// A longer window makes cells coarser, and loses nothing of what they have summed.
static void test_coarser(void **state)
{
    (void) state;
    feed_rows_max = 30;
    const feed_rule_t hour[] = { { "r", "volume > 3 * avg(volume) OVER last_1h", 1 }, { 0 } };
    const feed_rule_t day[] = { { "r", "volume > 4 * avg(volume) OVER last_24h", 1 }, { 0 } };
    unsigned partition = series_partition(slice_text("candle:x:a"));
    scene_t scene = { .fold = fold_new(look_at_sum, NULL) };
    fold_own(scene.fold, partition);
    plan(&scene, hour);
    for (int i = 0; i < 1000; i++)
        row(&scene, i * 100000, "1.25", NULL, false);
    alert_count = 0;
    size_t fine = base_size(scene.fold, partition);
    plan(&scene, day);
    assert_true(base_size(scene.fold, partition) * 4 < fine);
    row(&scene, 100000000, "9", NULL, false);
    assert_int_equal(alert_count, 0); // the rows of the first day were not all promised
    row(&scene, INT64_C(86400000000) - 40000000, "9", NULL, false);
    assert_int_equal(alert_count, 1);
    assert_int_equal(seen_rows, 1001);
    assert_string_equal(seen_sum, "1259");
    row(&scene, INT64_C(86400000000) + 99000000, "9", NULL, false);
    assert_int_equal(alert_count, 2);
    // Left: the last second, as much before it as one cell may hold, and two rows of 9.
    assert_true(seen_rows >= 2 + 10 && seen_rows < 2 + 10 + 21);
    assert_true(strtod(seen_sum, NULL) == 18 + 1.25 * (double) (seen_rows - 2));
    fold_destroy(&scene.fold);
    feed_rows_max = EXACT_ROWS_DEFAULT;
}

// Rows without end at one time: neither memory nor the delta grows with them.
static void test_bounded(void **state)
{
    (void) state;
    feed_rows_max = 1000;
    ruleset_t *set = feed_rules(spike, NULL);
    unsigned partition = series_partition(slice_text("candle:x:a"));
    partitions_t all = feed_everything();
    scene_t scene = { .fold = fold_new(look_at_exact, NULL) };
    fold_own(scene.fold, partition);
    assert_true(fold_plan(scene.fold, slice_text("s"), &all, set, 1, 0));
    static feed_row_t rows[50000];
    size_t bytes = 0;
    for (uint64_t block = 0; block < 6; block++) {
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            rows[i] = (feed_row_t){ .pair = "a", .ts = 1000 };
            rows[i].values[0] = (decimal_t){ .mantissa = (int64_t) i };
            rows[i].values[1] = DECIMAL_NULL;
        }
        assert_true(feed(scene.fold, "s", block, rows, sizeof rows / sizeof *rows, true));
        fold_delta_reset(scene.fold, partition);
        if (block == 1)
            bytes = fold_bytes(scene.fold);
    }
    assert_int_equal(fold_bytes(scene.fold), bytes);
    assert_true(bytes < 2000000);
    fold_destroy(&scene.fold);
    ruleset_destroy(&set);
    feed_rows_max = EXACT_ROWS_DEFAULT;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coarse),
        cmocka_unit_test(test_short_beside_long),
        cmocka_unit_test(test_new_window_of_coarse),
        cmocka_unit_test(test_limit_changes_with_the_plan),
        cmocka_unit_test(test_coarser),
        cmocka_unit_test(test_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
