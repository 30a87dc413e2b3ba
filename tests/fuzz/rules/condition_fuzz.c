/*  condition -- any bytes as a condition: refused with words, or compiled, printed and judged.
 *
 *  No crash, no leak, bounded time; a refusal points into the text; the same text gives the same
 *  hash; and a condition that says nothing of windows is judged without touching one.
 */
#include <stdio.h>

#include "actors/rules/evaluate.h"
#include "proto/owned.h"
#include "tests/unit/rules/plan_maker.h"

enum { COLUMNS = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// How much the fast path is told.
typedef enum { TOLD_NEARLY, TOLD_VAGUELY, TOLD_NOTHING } told_t;

static approximate_t approximate(void *state, unsigned aggregate, double *value, double *error)
{
    told_t told = *(const told_t *) state;
    *value = (double) aggregate / 3;
    *error = told == TOLD_VAGUELY ? 1e9 : 1e-12;
    return aggregate % 5 == 4     ? APPROXIMATE_NULL
           : told == TOLD_NOTHING ? APPROXIMATE_UNSURE
                                  : APPROXIMATE_VALUE;
}

static bool exact(void *state, unsigned aggregate, mpq_t value)
{
    (void) state;
    mpq_set_ui(value, aggregate, 3);
    mpq_canonicalize(value);
    return aggregate % 5 != 4;
}

static truth_t judge(const compiled_rule_t *rule, const decimal_t *columns, told_t told)
{
    static const aggregate_source_t source = { .approximate = approximate, .exact = exact };
    const slice_t keys[] = { slice_text("kraken"), slice_text("XBT/USD") };
    frame_t frame = { .columns = columns,
                      .ts_us = INT64_C(1677628800123456),
                      .key_count = 2,
                      .key_values = keys,
                      .source = &source,
                      .window_state = &told };
    char threshold[EVALUATE_TEXT_MAX], ratio[EVALUATE_TEXT_MAX];
    evaluate_threshold(rule->when, &frame, threshold, ratio);
    return evaluate_truth(rule->when, &frame);
}

static void use(const plan_t *plan)
{
    owned(ruleset_destroy) ruleset_t *ruleset = ruleset_new(plan, NULL, NULL);
    if (!ruleset)
        abort();
    const table_plan_t *table = ruleset_table(ruleset, slice_text("candle"));
    if (table->rule_count != 1)
        abort(); // what ruleset_check accepts compiles
    const compiled_rule_t *rule = &table->rules[0];
    static const decimal_t rows[][COLUMNS] = {
        { { 1, 0 }, { 25, -1 }, DECIMAL_NULL, { 1, 17 }, { 3, -18 } },
        { { 1, 46 }, { -1, 46 }, { 999999999999999999, 45 }, { 1, -64 }, { -1, -64 } },
        { { 1, 0 }, { 1, -64 }, { 0, 0 }, { 999999999999999999, 46 }, { 1, 46 } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        truth_t truth = judge(rule, rows[i], TOLD_NEARLY);
        if (judge(rule, rows[i], TOLD_VAGUELY) != truth ||
            judge(rule, rows[i], TOLD_NOTHING) != truth)
            abort(); // the fast path says what the exact one says
    }
    owned(buffer_destroy) buffer_t query = { 0 };
    fault_t fault = { 0 };
    if (!ruleset_sql(ruleset, "r", &query, &fault))
        abort(); // what is accepted has an exact query
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    plan_maker_derive(plan, "candle.ratio", "volume / avg(volume) OVER last_1h");
    plan_maker_derive(plan, "candle.spread", "high - low");
    rule_t rule = plan_maker_rule("");
    rule.when = slice_of(data, size);
    fault_t fault = { 0 };
    if (ruleset_check(plan, "r", &rule, &fault)) {
        plan_maker_put(plan, "r", &rule);
        use(plan);
    } else if (!fault.text[0] || fault.column > (int) size + 1) {
        abort();
    }
    return 0;
}
