/*  ruleset -- plans become tables: sharing, guards, refusals, hashes, and the exact query. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/owned.h"
#include "tests/unit/rules/plan_maker.h"

static void refused(void *context, plan_kind_t kind, const char *name, const fault_t *fault)
{
    (void) kind;
    buffer_printf(context, "%s:%d:%d: %s\n", name, fault->line, fault->column, fault->text);
}

static ruleset_t *compile(const plan_t *plan)
{
    buffer_t told = { 0 };
    ruleset_t *ruleset = ruleset_new(plan, refused, &told);
    assert_non_null(ruleset);
    assert_string_equal(buffer_string(&told), "");
    buffer_destroy(&told);
    return ruleset;
}

static const table_plan_t *candle(const ruleset_t *ruleset)
{
    const table_plan_t *table = ruleset_table(ruleset, slice_text("candle"));
    assert_non_null(table);
    return table;
}

static void test_first_rule(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    rule_t rule = plan_maker_rule("volume > 3 * avg(volume) OVER last_1h");
    plan_maker_put(plan, "spike", &rule);
    owned(ruleset_destroy) ruleset_t *ruleset = compile(plan);
    const table_plan_t *table = candle(ruleset);
    assert_int_equal(table->key_count, 2);
    assert_int_equal(table->column_count, 5);
    assert_int_equal(table->window_count, 1);
    assert_string_equal(table->windows[0].name, "last_1h");
    assert_int_equal(table->argument_count, 1);
    assert_int_equal(table->arguments[0].column, 4);
    assert_int_equal(table->aggregate_count, 2);
    assert_string_equal(table->aggregates[0].text, "avg(volume)");
    assert_int_equal(table->aggregates[1].kind, AGGREGATE_COUNT);
    assert_int_equal(table->keep_us, INT64_C(3600000000));
    const compiled_rule_t *compiled = &table->rules[0];
    assert_string_equal(compiled->name, "spike");
    assert_int_equal(compiled->guard_count, 2);
    assert_false(compiled->guards[0].positive);
    assert_int_equal(compiled->guards[0].least, 10);
    assert_true(compiled->guards[1].positive);
    assert_int_equal(compiled->guards[1].aggregate, 0);
    assert_int_equal(compiled->span_us, INT64_C(3600000000));
}

static void test_exact_query(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    rule_t rule = plan_maker_rule("volume > 3 * avg(volume) OVER last_1h");
    plan_maker_put(plan, "spike", &rule);
    owned(ruleset_destroy) ruleset_t *ruleset = compile(plan);
    owned(buffer_destroy) buffer_t query = { 0 };
    assert_true(ruleset_sql(ruleset, "spike", &query, NULL));
    assert_string_equal(
        buffer_string(&query),
        "-- spike: volume > 3 * avg(volume) OVER last_1h\n"
        "-- CREATE TABLE candle (exchange text, pair text, ts timestamp, n bigint, open numeric, "
        "high numeric, low numeric, close numeric, volume numeric);\n"
        "SELECT ts, exchange, pair FROM (\n"
        "  SELECT *, (\n"
        "    count(volume) OVER last_1h >= 10\n"
        "    AND sum(volume) OVER last_1h > 0\n"
        "    AND volume * count(volume) OVER last_1h > 3 * sum(volume) OVER last_1h\n"
        "  ) AS f FROM candle\n"
        "  WINDOW last_1h AS (PARTITION BY exchange, pair ORDER BY ts RANGE BETWEEN INTERVAL '1 "
        "hour' PRECEDING AND INTERVAL '1 microsecond' PRECEDING)\n"
        ") x WHERE f ORDER BY ts, n;\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_rule),
        cmocka_unit_test(test_exact_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
