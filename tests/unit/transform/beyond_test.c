/*  Rules over numbers that doubles cannot hold: larger than any, or so small that they are 0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "feeds.h"

#define MINUTE INT64_C(60000000)

// Nine rows, growing from 1e63 to 9e63. window_rows_max: 4 makes the series coarse.
static size_t alerts_of(const char *when, uint32_t window_rows_max)
{
    static const char *const growing[] = { "1e63", "2e63", "3e63", "4e63", "5e63",
                                           "6e63", "7e63", "8e63", "9e63" };
    feed_rule_t rules[] = { { "holds", when, 2 }, { 0 } };
    feed_rows_max = window_rows_max;
    ruleset_t *set = feed_rules(rules, NULL);
    unsigned partition = series_partition(slice_text("candle:x:a"));
    partitions_t all = feed_everything();
    ear_t ear = { 0 };
    fold_t *fold = fold_new(ear_hear, &ear);
    fold_own(fold, partition);
    assert_true(fold_plan(fold, slice_text("s"), &all, set, 1, 0));
    for (int i = 0; i < 9; i++) {
        feed_row_t row = { .pair = "a", .ts = i * MINUTE };
        row.values[0] = feed_number(growing[i]);
        row.values[1] = DECIMAL_NULL;
        assert_true(feed(fold, "s", 1 + (uint64_t) i, &row, 1, false));
    }
    size_t alerts = ear.count;
    fold_destroy(&fold);
    ruleset_destroy(&set);
    ear_clear(&ear);
    return alerts;
}

// Neither NULL nor 0.
static void test_beyond_doubles(void **state)
{
    (void) state;
#define LARGE "volume * volume * volume * volume * volume * volume" // about 1e383
#define SMALL "volume * 1e-250 * 1e-250"                            // about 1e-436
    static const char *const holds[] = {
        "sum(" LARGE ") OVER last_1h > 5",
        "avg(" LARGE ") OVER last_1h > 5",
        "min(" LARGE ") OVER last_1h > 5",
        "max(" LARGE ") OVER last_1h > 5",
        "first_value(" LARGE ") OVER last_1h IS NOT NULL",
        "last_value(" LARGE ") OVER last_1h <= " LARGE,
        "lag(" LARGE ") OVER rows_3 > 5",
        "sum(" LARGE ") OVER rows_3 > 1e200",
        "var_pop(" LARGE ") OVER last_1h > 5",
        "stddev(" LARGE ") OVER last_1h > 5",
        "stddev(" LARGE ") OVER rows_4 > 5",
        "regr_slope(" LARGE ", volume) OVER last_1h > 5",
        "corr(" LARGE ", volume) OVER last_1h > 0.7",
        "sum(" LARGE ") OVER last_1h / max(" LARGE ") OVER last_1h > 1",
        "sum(" SMALL ") OVER last_1h > 0",
        "avg(" SMALL ") OVER last_1h > 0",
        "min(" SMALL ") OVER last_1h > 0",
        "max(" SMALL ") OVER last_1h <> 0",
        "first_value(" SMALL ") OVER last_1h > 0",
        "lag(" SMALL ") OVER rows_3 > 0",
        "var_pop(" SMALL ") OVER last_1h > 0",
        "stddev(" SMALL ") OVER last_1h > 0",
        "stddev(" SMALL ") OVER last_1h < 1e-250",
        "max(volume * 1e-299) OVER last_1h * 1e-100 > 0",
        "max(volume * 1e-299) OVER last_1h / 1e100 > 0",
        "sum(" LARGE ") OVER last_1h * sum(" SMALL ") OVER last_1h > 0",
    };
    for (size_t i = 0; i < sizeof holds / sizeof *holds; i++) {
        size_t rows = alerts_of(holds[i], 65536), cells = alerts_of(holds[i], 4);
        if (rows != 7 || cells != 7) // the first two rows are warming
            fail_msg("%s: %zu, coarse %zu", holds[i], rows, cells);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_beyond_doubles) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
