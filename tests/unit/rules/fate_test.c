/*  fate -- conditions that never hold, always hold, and at random: what is said is so for every
 *  row.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "actors/rules/evaluate.h"
#include "actors/rules/fate.h"
#include "proto/owned.h"
#include "tests/unit/rules/plan_maker.h"

static ruleset_t *ruleset_of(const char *when)
{
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    rule_t rule = plan_maker_rule(when);
    plan_maker_put(plan, "r", &rule);
    return ruleset_new(plan, NULL, NULL);
}

static fate_t fate_with(const char *when, const slice_t *keys)
{
    owned(ruleset_destroy) ruleset_t *rules = ruleset_of(when);
    const table_plan_t *table = ruleset_table(rules, slice_text("candle"));
    if (table->rule_count != 1)
        fail_msg("does not compile: %s", when);
    return fate_of(table, &table->rules[0], keys);
}

static void test_never(void **state)
{
    (void) state;
    static const char *const never[] = {
        "volume = NULL",
        "NULL > volume OR false",
        "1 > 2",
        "close > close",
        "close > 10 AND close < 5",
        "close > 10 AND 10 >= close",
        "close = 1 AND close = 2",
        "avg(volume) OVER last_1h < 0", // it must be above 0, as a side of a comparison
        "abs(close) < 0",
        "count(*) OVER last_1h < 5",
        "count(*) OVER rows_20 > 20",
        "volume > 3 * avg(volume) OVER last_1h AND avg(volume) OVER last_1h < 0",
        "stddev_samp(close) OVER last_1h < 0",
        "extract(hour FROM ts) > 23",
        "exchange = 'a' AND exchange = 'b' AND close > 1",
        "CASE WHEN close > 1 THEN 2 ELSE 3 END > 3",
        "coalesce(nullif(abs(close), 7), 0) < 0",
        "greatest(close, 5) < 5 AND false",
        "sqrt(close) < 0",
        "1 / 2 > 0",
    };
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        if (fate_with(never[i], NULL) != FATE_NEVER)
            fail_msg("can hold? %s", never[i]);
}

static void test_always(void **state)
{
    (void) state;
    static const char *const always[] = {
        "true",
        "1 < 2",
        "close = close",
        "abs(close) >= 0",

        "extract(dow FROM ts) <= 6",
    };
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        if (fate_with(always[i], NULL) != FATE_ALWAYS)
            fail_msg("not always? %s", always[i]);
}

static void test_open(void **state)
{
    (void) state;
    static const char *const open[] = {
        "volume > 3 * avg(volume) OVER last_1h",
        "count(*) OVER last_1h < 11",
        "count(*) OVER last_1h >= 0", // not before min_rows
        "close > 5 AND close < 10",
        "close >= 5 AND close <= 5",
        "close > 10 OR close < 5",
        "exchange = 'a'",
        "exchange = 'a' OR exchange = 'b'",
        "greatest(close, 5) < 5.0000000001",
        "open / close < 0",
        "close > 0.1 AND close < 0.1000000000000000001",
        "volume IS NULL OR volume IS NOT NULL", // always, but that is not looked for
        "ln(close) < 0",
        "close % 3 > 1",
        "power(close, 2) < 1",
        "floor(close) > 5",
    };
    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        if (fate_with(open[i], NULL) != FATE_OPEN)
            fail_msg("not open? %s", open[i]);
}

static void test_keys(void **state)
{
    (void) state;
    const slice_t kraken[] = { slice_text("kraken"), slice_text("XBT/USD") };
    const slice_t half[] = { slice_text("kraken"), { 0 } };
    assert_int_equal(fate_with("exchange = 'binance' AND close > 1", kraken), FATE_NEVER);
    assert_int_equal(fate_with("exchange = 'kraken' AND close > 1", kraken), FATE_OPEN);
    assert_int_equal(fate_with("pair LIKE 'XBT%' AND close > 1", kraken), FATE_OPEN);
    assert_int_equal(fate_with("pair LIKE 'ETH%' AND close > 1", kraken), FATE_NEVER);
    assert_int_equal(fate_with("pair IN ('A', 'B') AND close > 1", kraken), FATE_NEVER);
    assert_int_equal(fate_with("pair IN ('A', 'B') AND close > 1", half), FATE_OPEN);
    assert_int_equal(fate_with("exchange <> 'kraken'", half), FATE_NEVER);
    assert_int_equal(fate_with("exchange <> 'kraken'", NULL), FATE_OPEN);
}

// ---- at random ----------------------------------------------------------------------------------

static uint32_t seed = 20261129;

static uint32_t pick(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % below;
}

static void number(buffer_t *out, unsigned depth)
{
    static const char *const leaves[] = {
        "close",     "open", "0", "1", "-2.5", "1e17", "0.1", "10", "NULL", "extract(hour FROM ts)",
        "abs(close)"
    };
    static const char *const forms[] = { "(%s + %s)",
                                         "(%s - %s)",
                                         "(%s * %s)",
                                         "(%s / %s)",
                                         "greatest(%s, %s)",
                                         "least(%s, %s)",
                                         "coalesce(%s, %s)",
                                         "nullif(%s, %s)",
                                         "CASE WHEN close > 1 THEN %s ELSE %s END",
                                         "(- abs(%s) + sqrt(abs(%s)))" };
    if (depth == 0 || pick(3) == 0) {
        buffer_printf(out, "%s", leaves[pick(sizeof leaves / sizeof *leaves)]);
        return;
    }
    owned(buffer_destroy) buffer_t a = { 0 };
    owned(buffer_destroy) buffer_t b = { 0 };
    number(&a, depth - 1);
    number(&b, depth - 1);
    const char *form = forms[pick(sizeof forms / sizeof *forms)];
    const char *first = strstr(form, "%s"), *second = strstr(first + 2, "%s");
    buffer_printf(out, "%.*s%s%.*s%s%s", (int) (first - form), form, buffer_string(&a),
                  (int) (second - first - 2), first + 2, buffer_string(&b), second + 2);
}

static void truth(buffer_t *out, unsigned depth)
{
    static const char *const signs[] = { "=", "<>", "<", "<=", ">", ">=" };
    unsigned form = depth ? pick(6) : 0;
    if (form < 2) {
        number(out, 2);
        buffer_printf(out, " %s ", signs[pick(6)]);
        number(out, 2);
        return;
    }
    if (form == 2 || form == 3) {
        buffer_printf(out, form == 2 ? "(NOT (" : "((");
        truth(out, depth - 1);
        buffer_printf(out, form == 2 ? "))" : ") IS NOT TRUE)");
        return;
    }
    buffer_printf(out, "((");
    truth(out, depth - 1);
    buffer_printf(out, form == 4 ? ") AND (" : ") OR (");
    truth(out, depth - 1);
    buffer_printf(out, "))");
}

// Every pair of these values for close and open: a fate is never contradicted.
static unsigned tried(const table_plan_t *table, fate_t fate, const char *when)
{
    static const char *const values[] = { "0", "1", "-1", "2.5", "-2.5", "10", "0.1", "1e17", "" };
    enum { VALUES = sizeof values / sizeof *values, CLOSE = 3, OPEN = 0 };
    const slice_t keys[] = { slice_text("x"), slice_text("x") };
    unsigned holds = 0;
    for (unsigned i = 0; i < VALUES * VALUES; i++) {
        decimal_t columns[5] = { [OPEN] = DECIMAL_NULL, [CLOSE] = DECIMAL_NULL };
        const char *close = values[i % VALUES], *open = values[i / VALUES];
        bool null = !*close || !*open;
        if (*close)
            decimal_parse(&columns[CLOSE], close, strlen(close));
        if (*open)
            decimal_parse(&columns[OPEN], open, strlen(open));
        frame_t frame = {
            .columns = columns, .ts_us = i * INT64_C(3600000000), .key_count = 2, .key_values = keys
        };
        truth_t truth = evaluate_truth(table->rules[0].when, &frame);
        holds += truth == TRUTH_TRUE;
        if (fate == FATE_NEVER && truth == TRUTH_TRUE)
            fail_msg("it does hold: %s with close %s, open %s", when, close, open);
        if (fate == FATE_ALWAYS && truth == TRUTH_FALSE && !null)
            fail_msg("it does not hold: %s with close %s, open %s", when, close, open);
    }
    return holds;
}

static void test_at_random(void **state)
{
    (void) state;
    unsigned fates[FATE_ALWAYS + 1] = { 0 }, never_held = 0;
    for (int i = 0; i < 4000; i++) {
        owned(buffer_destroy) buffer_t when = { 0 };
        truth(&when, 3);
        owned(ruleset_destroy) ruleset_t *rules = ruleset_of(buffer_string(&when));
        const table_plan_t *table = ruleset_table(rules, slice_text("candle"));
        if (table->rule_count != 1)
            continue; // refused: of NULLs alone, say
        fate_t fate = fate_of(table, &table->rules[0], NULL);
        fates[fate]++;
        never_held += tried(table, fate, buffer_string(&when)) == 0;
    }
    printf("%u open, %u never, %u always; %u held for no row\n", fates[FATE_OPEN],
           fates[FATE_NEVER], fates[FATE_ALWAYS], never_held);
    assert_true(fates[FATE_OPEN] > 1000 && fates[FATE_NEVER] > 100 && fates[FATE_ALWAYS] > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never), cmocka_unit_test(test_always),    cmocka_unit_test(test_open),
        cmocka_unit_test(test_keys),  cmocka_unit_test(test_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
