/*  cost -- a rule costs what is in it, and each window and aggregate once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "actors/rules/cost.h"
#include "proto/owned.h"
#include "tests/unit/rules/plan_maker.h"

static uint32_t cost_with(const char *when, const char *resolve, bool freeze)
{
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    rule_t rule = plan_maker_rule(when);
    rule.freeze = freeze;
    if (resolve)
        rule.resolve = slice_text(resolve);
    plan_maker_put(plan, "r", &rule);
    owned(ruleset_destroy) ruleset_t *rules = ruleset_new(plan, NULL, NULL);
    const table_plan_t *table = ruleset_table(rules, slice_text("candle"));
    assert_int_equal(table->rule_count, 1);
    return cost_of(table, &table->rules[0]);
}

static uint32_t cost(const char *when, const char *resolve)
{
    return cost_with(when, resolve, false);
}

#define AVG "avg(volume) OVER last_1h"

static void test_what_is_in_it(void **state)
{
    (void) state;
    assert_int_equal(cost("close > 1", NULL), 3 * 5);
    // Three operations and operands of five, the window, sum, and the count that min_rows needs.
    assert_int_equal(cost("volume > 3 * " AVG, NULL), 5 * 5 + 10 + 30 + 10);
    assert_true(cost("volume > 3 * ema(volume) OVER rows_1000", NULL) > 2000);
    assert_true(cost("volume > median(volume) OVER last_1h", NULL) > cost("volume > " AVG, NULL));
}

static void test_each_thing_once(void **state)
{
    (void) state;
    uint32_t one = cost("volume > 3 * " AVG, NULL);
    assert_int_equal(cost("volume > 3 * " AVG " AND close > " AVG, NULL), one + 4 * 5);
    assert_int_equal(cost("volume > 3 * " AVG, "volume < " AVG), one + 3 * 5);
    assert_true(cost("volume > 3 * " AVG, "volume < avg(volume) OVER last_2h") > one + 30);
}

// For each aggregate, whether or not it is in both: the baseline has it twice then.
static void test_windows_that_stand_still(void **state)
{
    (void) state;
    const char *when = "volume > 3 * " AVG, *two = "volume > 3 * " AVG " + max(close) OVER last_1h";
    assert_int_equal(cost_with(when, NULL, true), cost(when, NULL) + 200 + 400);
    assert_int_equal(cost_with(two, NULL, true), cost(two, NULL) + 200 + 2 * 400);
    assert_int_equal(cost_with(when, "volume < " AVG, true),
                     cost(when, "volume < " AVG) + 2 * (200 + 400));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_in_it),
        cmocka_unit_test(test_each_thing_once),
        cmocka_unit_test(test_windows_that_stand_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
