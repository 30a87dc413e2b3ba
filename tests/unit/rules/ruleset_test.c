/*  ruleset -- plans become tables: sharing, guards, refusals, hashes, and the exact query. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

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

// ---- sharing --------------------------------------------------------------------------------

static void put(plan_t *plan, const char *name, const char *when)
{
    rule_t rule = plan_maker_rule(when);
    plan_maker_put(plan, name, &rule);
}

static void test_equal_things_are_shared(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    plan_maker_derive(plan, "candle.ratio", "volume / avg(volume) OVER last_60m");
    put(plan, "a", "volume > 3 * avg(volume) OVER last_1h");
    put(plan, "b", "ratio > 2 AND sum(close * volume) OVER last_3600s > 1");
    put(plan, "c",
        "sum(close*volume) OVER (ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING "
        "AND INTERVAL '1 microsecond' PRECEDING) > 5");
    owned(ruleset_destroy) ruleset_t *ruleset = compile(plan);
    const table_plan_t *table = candle(ruleset);
    assert_int_equal(table->window_count, 1);
    assert_int_equal(table->argument_count, 2);
    assert_string_equal(table->aggregates[table->rules[2].aggregates[0]].text,
                        "sum(close * volume)");
    assert_int_equal(table->aggregate_count, 4); // avg and count of volume; sum and count of both
    assert_int_equal(table->rule_count, 3);
    assert_int_equal(table->derived_count, 1);
    assert_string_equal(table->derived[0].name, "ratio");
}

static void test_a_bad_rule_leaves_nothing(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    put(plan, "a", "avg(close) OVER last_2h > nothing");
    put(plan, "b", "volume > 1");
    buffer_t told = { 0 };
    owned(ruleset_destroy) ruleset_t *ruleset = ruleset_new(plan, refused, &told);
    assert_non_null(ruleset);
    assert_string_equal(buffer_string(&told), "a:1:27: column \"nothing\" does not exist\n");
    buffer_destroy(&told);
    const table_plan_t *table = candle(ruleset);
    assert_int_equal(table->rule_count, 1);
    assert_int_equal(table->window_count, 0);
    assert_int_equal(table->aggregate_count, 0);
    assert_int_equal(table->keep_us, 0);
}

// Nor does a bad derived column, whatever good ones it names: they stay, and what it alone had
// goes.
static void test_a_bad_derived_column_leaves_others(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    plan_maker_derive(plan, "candle.a", "max(close) OVER last_31d + b + nope"); // before b
    plan_maker_derive(plan, "candle.b", "avg(volume) OVER last_1h + c");
    plan_maker_derive(plan, "candle.c", "min(volume) OVER last_2h");
    rule_t rule = plan_maker_rule("volume > sum(close) OVER last_5m");
    plan_maker_put(plan, "r", &rule);
    rule.when = slice_text("b > 1");
    plan_maker_put(plan, "s", &rule);
    owned(ruleset_destroy) ruleset_t *ruleset = ruleset_new(plan, NULL, NULL);
    const table_plan_t *table = ruleset_table(ruleset, slice_text("candle"));
    assert_int_equal(table->derived_count, 2);
    assert_int_equal(table->rule_count, 2);
    assert_int_equal(table->keep_us, INT64_C(7200000000)); // of c; nothing of 31 days
    const compiled_rule_t *s = &table->rules[1];
    assert_string_equal(s->name, "s");
    assert_int_equal(s->aggregate_count, 2);
    assert_string_equal(table->aggregates[s->aggregates[0]].text, "avg(volume)");
    assert_string_equal(table->aggregates[s->aggregates[1]].text, "min(volume)");
    assert_string_equal(table->windows[table->aggregates[s->aggregates[0]].window].name, "last_1h");
}

static void test_disabled_rules_are_left_out(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    rule_t rule = plan_maker_rule("volume >");
    rule.enabled = false;
    plan_maker_put(plan, "off", &rule);
    owned(ruleset_destroy) ruleset_t *ruleset = compile(plan);
    assert_int_equal(candle(ruleset)->rule_count, 0);
}

static void test_sources_of_one_table(void **state)
{
    (void) state;
    static const char *const keys[] = { "exchange", "pair", NULL };
    static const char *const turned[] = { "pair", "exchange", NULL };
    static const char *const columns[] = { "trades", "close", NULL };
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    plan_maker_source(plan, "more", "candle", keys, columns);
    plan_maker_source(plan, "turned", "candle", turned, columns);
    plan_maker_source(plan, "zother", "tick", keys, columns);
    if (!plan_set(plan, PLAN_SOURCE, slice_text("zz"), slice_text("?"), NULL))
        fail();
    buffer_t told = { 0 };
    owned(ruleset_destroy) ruleset_t *ruleset = ruleset_new(plan, refused, &told);
    assert_string_equal(buffer_string(&told),
                        "turned:0:0: sources of table \"candle\" have to declare the same keys in "
                        "the same order\nzz:0:0: not a mapping definition of version 1\n");
    buffer_destroy(&told);
    assert_int_equal(candle(ruleset)->column_count, 6);
    assert_string_equal(candle(ruleset)->columns[5], "trades");
    assert_null(ruleset_table(ruleset, slice_text("nothing")));
    assert_string_equal(ruleset_at(ruleset, 1)->name, "tick");
    assert_null(ruleset_at(ruleset, 2));
}

// ---- guards ---------------------------------------------------------------------------------

typedef struct {
    const char *when;
    const char *guards; // "count(volume)>=10 avg(volume)>0"
    bool unguarded;     // positive: false
    uint32_t min_rows;
} guard_case_t;

static void write_guards(const table_plan_t *table, const compiled_rule_t *rule, buffer_t *out)
{
    for (size_t i = 0; i < rule->guard_count; i++) {
        const guard_t *guard = &rule->guards[i];
        buffer_printf(out, "%s%s>", i ? " " : "", table->aggregates[guard->aggregate].text);
        if (guard->positive)
            buffer_printf(out, "0");
        else
            buffer_printf(out, "=%u", guard->least);
    }
}

static void test_guards(void **state)
{
    (void) state;
    static const guard_case_t cases[] = {
        { "volume > 3 * avg(volume) OVER last_1h", "count(volume)>=10 avg(volume)>0", false, 10 },
        { "volume > 3 * avg(volume) OVER last_1h", "count(volume)>=10", true, 10 },
        { "volume > 3 * avg(volume) OVER last_1h", "avg(volume)>0", false, 0 },
        { "volume > 3 * avg(volume) OVER rows_4", "count(volume)>=4 avg(volume)>0", false, 10 },
        { "volume > 3 + avg(volume) OVER last_1h", "count(volume)>=10", false, 10 },
        { "volume > - avg(volume) OVER last_1h", "count(volume)>=10 avg(volume)>0", false, 10 },
        { "volume / (2 * sum(volume) OVER last_1h) + 1 > 3", "count(volume)>=10 sum(volume)>0",
          false, 10 },
        { "volume / (2 + sum(volume) OVER last_1h) > 3", "count(volume)>=10", false, 10 },
        { "abs(avg(volume) OVER last_1h) > 3", "count(volume)>=10", false, 10 },
        { "max(volume) OVER last_1h > 3", "count(volume)>=10", false, 10 },
        { "avg(volume) OVER last_1h > 0 AND avg(volume) OVER last_1h < 5",
          "count(volume)>=10 avg(volume)>0", false, 10 },
        { "count(*) OVER last_1h > 3", "count(*)>=10", false, 10 },
        { "corr(close, volume) OVER last_1h > 0", "count(close)>=10 count(volume)>=10", false, 10 },
        { "lag(close, 2) OVER rows_3 > 0", "count(close)>=3", false, 10 },
        { "sum(close * volume) OVER last_1h IS NULL", "count(close * volume)>=10", false, 10 },
        { "CASE WHEN avg(low) OVER last_1h > 1 THEN 1 END + open > 2", "count(low)>=10 avg(low)>0",
          false, 10 },
        { "volume > 3", "", false, 10 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        owned(plan_destroy) plan_t *plan = plan_maker_candles();
        rule_t rule = plan_maker_rule(cases[i].when);
        rule.positive = !cases[i].unguarded;
        rule.min_rows = cases[i].min_rows;
        plan_maker_put(plan, "r", &rule);
        owned(ruleset_destroy) ruleset_t *ruleset = compile(plan);
        owned(buffer_destroy) buffer_t guards = { 0 };
        write_guards(candle(ruleset), &candle(ruleset)->rules[0], &guards);
        assert_string_equal(buffer_string(&guards), cases[i].guards);
    }
}

// ---- the hash of a verdict ------------------------------------------------------------------

static void hash_of(const plan_t *base, const rule_t *rule, char text[65])
{
    owned(plan_destroy) plan_t *plan = plan_copy(base);
    plan_maker_put(plan, "r", rule);
    owned(ruleset_destroy) ruleset_t *ruleset = compile(plan);
    const compiled_rule_t *compiled = &candle(ruleset)->rules[0];
    for (int i = 0; i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", compiled->hash[i]);
}

static bool same_hash(const plan_t *plan, const char *a, const char *b)
{
    char x[65], y[65];
    rule_t left = plan_maker_rule(a), right = plan_maker_rule(b);
    hash_of(plan, &left, x);
    hash_of(plan, &right, y);
    return strcmp(x, y) == 0;
}

static void test_hash_says_what_is_judged(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    plan_maker_derive(plan, "candle.ratio", "volume/avg(volume) OVER last_1h");
    static const char *const same[][2] = {
        { "volume > 3 * avg(volume) OVER last_1h", " ((volume))>3*(avg( volume )over last_60m)" },
        { "ratio > 3", "volume / avg(volume) OVER last_1h > 3" },
        { "volume > 1 AND close > 2 AND open > 3", "volume > 1 AND (close > 2 AND (open > 3.0))" },
        { "volume > 1 -- why", "/* what */ volume > 1e0" },
        { "volume BETWEEN 1 AND 2", "volume >= 1 AND volume <= 2" },
        { "avg(close) OVER (ORDER BY ts, n ROWS BETWEEN 9 PRECEDING AND 1 PRECEDING) > 1",
          "avg(close) OVER rows_9 > 1" },
    };
    static const char *const other[][2] = {
        { "volume > 1", "volume >= 1" },
        { "volume > 1", "close > 1" },
        { "volume > 1", "volume > 1.1" },
        { "volume / 2 > 1", "volume / 2 > 1 OR close > 1" },
        { "1 / 2 = volume", "1 / 2.0 = volume" },
        { "avg(volume) OVER last_1h > 1", "avg(volume) OVER last_2h > 1" },
        { "avg(volume) OVER last_1h > 1", "avg(volume) OVER rows_3600 > 1" },
        { "avg(volume) OVER last_1h > 1", "min(volume) OVER last_1h > 1" },
        { "lag(volume) OVER rows_3 > 1", "lag(volume, 2) OVER rows_3 > 1" },
        { "corr(close, volume) OVER last_1h > 0", "corr(volume, close) OVER last_1h > 0" },
        { "exchange = 'a'", "exchange = 'b'" },
        { "exchange = 'a'", "pair = 'a'" },
        { "extract(hour FROM ts) = 1", "extract(day FROM ts) = 1" },
        { "round(volume, 1) = 1", "round(volume, 2) = 1" },
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        assert_true(same_hash(plan, same[i][0], same[i][1]));
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        assert_false(same_hash(plan, other[i][0], other[i][1]));
}

// Alert ids hang on this: it may never change.
static void test_hash_is_golden(void **state)
{
    (void) state;
    static const char *const keys[] = { "exchange", "pair", NULL };
    static const char *const columns[] = { "another", "volume", NULL };
    char text[65];
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    plan_maker_source(plan, "a-source-before", "candle", keys, columns); // other indexes
    rule_t rule = plan_maker_rule("volume > 3 * avg(volume) OVER last_1h");
    hash_of(plan, &rule, text);
    assert_string_equal(text, "0d95781ed15b5f23213278c8a05c8fb2d4c19126f6dc21bb57ee5a1628c3aaf7");
    char other[65];
    rule_t changed = rule;
    changed.severity = slice_text("critical");
    changed.note = slice_text("note");
    changed.cooldown_us = 5;
    hash_of(plan, &changed, other);
    assert_string_equal(text, other);
    changed.min_rows = 11;
    hash_of(plan, &changed, other);
    assert_string_not_equal(text, other);
    changed = rule;
    changed.positive = false;
    hash_of(plan, &changed, other);
    assert_string_not_equal(text, other);
    changed = plan_maker_rule("volume > 3");
    hash_of(plan, &changed, text);
    changed.emit = RULE_EMIT_EDGE;
    hash_of(plan, &changed, other);
    assert_string_not_equal(text, other);
    assert_string_equal(other, "73dc81ffe20d7b522914738b946a7ed2f4f4846407511039dbe4dc7a078461d1");
}

// Which rows alert, where the author does not say: by windows.
static void test_emit(void **state)
{
    (void) state;
    static const struct {
        const char *when;
        rule_emit_t said, means;
    } cases[] = {
        { "volume > 3", RULE_EMIT_DEFAULT, RULE_EMIT_EDGE },
        { "volume > 3", RULE_EMIT_ROW, RULE_EMIT_ROW },
        { "volume > 3", RULE_EMIT_EDGE, RULE_EMIT_EDGE },
        { "volume > avg(volume) OVER last_1h", RULE_EMIT_DEFAULT, RULE_EMIT_ROW },
        { "volume > lag(volume) OVER rows_1", RULE_EMIT_DEFAULT, RULE_EMIT_ROW },
        { "volume > avg(volume) OVER last_1h", RULE_EMIT_EDGE, RULE_EMIT_EDGE },
        { "volume > lag(volume) OVER rows_1", RULE_EMIT_EDGE, RULE_EMIT_EDGE },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        owned(plan_destroy) plan_t *plan = plan_maker_candles();
        rule_t rule = plan_maker_rule(cases[i].when);
        rule.emit = cases[i].said;
        plan_maker_put(plan, "r", &rule);
        owned(ruleset_destroy) ruleset_t *ruleset = compile(plan);
        const table_plan_t *table = candle(ruleset);
        assert_int_equal(table->rules[0].rule.emit, cases[i].means);
        assert_int_equal(table->has_edges, cases[i].means == RULE_EMIT_EDGE);
        assert_int_equal(table->recalls, table->has_edges && table->window_count > 0);
    }
}

// What ends an incident is a condition with windows and guards of its own, and no part of the id.
static void test_resolve(void **state)
{
    (void) state;
    char text[65], other[65];
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    rule_t rule = plan_maker_rule("volume > 3 * avg(volume) OVER last_1h");
    hash_of(plan, &rule, text);
    rule.resolve = slice_text("volume < 2 * avg(volume) OVER last_4h");
    rule.for_us = 5;
    hash_of(plan, &rule, other);
    assert_string_equal(text, other);
    plan_maker_put(plan, "r", &rule);
    owned(ruleset_destroy) ruleset_t *ruleset = compile(plan);
    const table_plan_t *table = candle(ruleset);
    assert_non_null(table->rules[0].resolve);
    assert_int_equal(table->rules[0].aggregate_count, 1);
    assert_int_equal(table->rules[0].resolve->aggregate_count, 1);
    assert_int_equal(table->rules[0].resolve->guard_count, 2);
    assert_int_equal(table->rules[0].resolve->span_us, INT64_C(4) * 3600 * 1000000);
    assert_int_equal(table->keep_us, table->rules[0].resolve->span_us);
    fault_t fault;
    rule.resolve = slice_text("volum < 2");
    assert_false(ruleset_check(plan, "r", &rule, &fault));
    assert_string_equal(fault.text, "resolve: 1:1: column \"volum\" does not exist");
    assert_int_equal(fault.line, 0);
    rule.resolve = slice_text("volume");
    assert_false(ruleset_check(plan, "r", &rule, &fault));
    assert_non_null(strstr(fault.text, "resolve: 1:1: "));
}

// A plain condition is accepted without its query being printed: the longest there can be has one.
static void test_the_longest_plain_rule_has_a_query(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    fault_t fault = { .text = "" };
    static char when[RULE_TEXT_MAX + 64], longest[RULE_TEXT_MAX + 1];
    size_t comparisons = 0, size = 0;
    for (;;) { // AND and OR in turn, each around all before it, until no more is accepted
        size_t grown = (size_t) snprintf(
            when, sizeof when, comparisons == 0 ? "volume > 1e299" : "(%s) %s volume > 1e299",
            longest, comparisons % 2 ? "AND" : "OR");
        rule_t rule = plan_maker_rule(when);
        if (grown > RULE_TEXT_MAX || !ruleset_check(plan, "r", &rule, &fault))
            break;
        memcpy(longest, when, grown + 1);
        size = grown;
        comparisons++;
    }
    assert_true(comparisons > 20);
    for (;;) { // and then flat
        size_t grown = (size_t) snprintf(when, sizeof when, "%s OR volume > 1e299", longest);
        rule_t rule = plan_maker_rule(when);
        if (grown > RULE_TEXT_MAX || !ruleset_check(plan, "r", &rule, &fault))
            break;
        memcpy(longest, when, grown + 1);
        size = grown;
        comparisons++;
    }
    assert_true(comparisons > 70 && size > 1000);
    rule_t rule = plan_maker_rule(longest);
    plan_maker_put(plan, "r", &rule);
    owned(ruleset_destroy) ruleset_t *ruleset = compile(plan);
    owned(buffer_destroy) buffer_t query = { 0 };
    if (!ruleset_sql(ruleset, "r", &query, &fault))
        fail_msg("%zu comparisons: %s", comparisons, fault.text);
    assert_true(query.size > size);
}

// `rule sql` of an edge asks for the row before, under names that no column has.
static void test_sql_of_an_edge(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    rule_t rule = plan_maker_rule("volume > 3");
    rule.emit = RULE_EMIT_EDGE;
    plan_maker_put(plan, "r", &rule);
    owned(ruleset_destroy) ruleset_t *ruleset = compile(plan);
    owned(buffer_destroy) buffer_t query = { 0 };
    fault_t fault;
    assert_true(ruleset_sql(ruleset, "r", &query, &fault));
    const char *select = strstr(buffer_string(&query), "SELECT");
    assert_non_null(select);
    assert_string_equal(select, "SELECT ts, exchange, pair FROM (\n"
                                "  SELECT *, lag(f) OVER (PARTITION BY exchange, pair "
                                "ORDER BY ts, n) AS g FROM (\n"
                                "  SELECT *, (\n"
                                "    volume > 3\n"
                                "  ) AS f FROM candle) y\n"
                                ") x WHERE f AND g IS NOT TRUE ORDER BY ts, n;\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_rule),
        cmocka_unit_test(test_exact_query),
        cmocka_unit_test(test_equal_things_are_shared),
        cmocka_unit_test(test_a_bad_rule_leaves_nothing),
        cmocka_unit_test(test_a_bad_derived_column_leaves_others),
        cmocka_unit_test(test_disabled_rules_are_left_out),
        cmocka_unit_test(test_sources_of_one_table),
        cmocka_unit_test(test_guards),
        cmocka_unit_test(test_hash_says_what_is_judged),
        cmocka_unit_test(test_hash_is_golden),
        cmocka_unit_test(test_emit),
        cmocka_unit_test(test_the_longest_plain_rule_has_a_query),
        cmocka_unit_test(test_sql_of_an_edge),
        cmocka_unit_test(test_resolve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
