/*  evaluate -- conditions over one row: what they say, that ties are ties, and that the fast path
 *  never says anything else than the exact one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "actors/rules/expr.h"
#include "proto/owned.h"
#include "tests/unit/rules/plain_windows.h"
#include "tests/unit/rules/plan_maker.h"

enum { ROWS = 60, RANDOM_RULES = 1500 };

static decimal_t decimal(const char *text)
{
    decimal_t value = DECIMAL_NULL;
    if (text && decimal_parse(&value, text, strlen(text)) != DECIMAL_EXACT)
        fail_msg("%s", text);
    return value;
}

static plain_row_t row_of(int64_t ts_us, const char *close, const char *volume)
{
    return (plain_row_t){ .ts_us = ts_us,
                          .keys = { slice_text("kraken"), slice_text("XBT/USD") },
                          .columns = { decimal("100"), decimal("110.5"), decimal("90"),
                                       decimal(close), decimal(volume) } };
}

// One rule over rows, judged at the last of them, without guards.
typedef struct {
    plan_t *plan;
    ruleset_t *ruleset;
    plain_windows_t windows;
} judged_t;

static judged_t judged_new(const char *when, const plain_row_t *rows, size_t count)
{
    judged_t self = { .plan = plan_maker_candles() };
    rule_t rule = plan_maker_rule(when);
    fault_t fault;
    if (!ruleset_check(self.plan, "r", &rule, &fault))
        fail_msg("%s: %s", when, fault.text);
    plan_maker_put(self.plan, "r", &rule);
    self.ruleset = ruleset_new(self.plan, NULL, NULL);
    assert_non_null(self.ruleset);
    self.windows = (plain_windows_t){ .table = ruleset_table(self.ruleset, slice_text("candle")),
                                      .rows = rows,
                                      .current = count - 1,
                                      .widen = 1 };
    return self;
}

static void judged_end(judged_t *self)
{
    ruleset_destroy(&self->ruleset);
    plan_destroy(&self->plan);
}

static const aggregate_source_t source = { .approximate = plain_approximate, .exact = plain_exact };

static frame_t frame_of(judged_t *self)
{
    const plain_row_t *row = &self->windows.rows[self->windows.current];
    return (frame_t){ .columns = row->columns,
                      .ts_us = row->ts_us,
                      .key_count = PLAIN_KEYS,
                      .key_values = row->keys,
                      .source = &source,
                      .window_state = &self->windows };
}

static truth_t judged_truth(judged_t *self)
{
    frame_t frame = frame_of(self);
    return evaluate_truth(self->windows.table->rules[0].when, &frame);
}

static truth_t truth_over(const char *when, const plain_row_t *rows, size_t count)
{
    judged_t judged = judged_new(when, rows, count);
    truth_t truth = judged_truth(&judged);
    judged_end(&judged);
    return truth;
}

// ---- what conditions say --------------------------------------------------------------------

static void test_one_row(void **state)
{
    (void) state;
    plain_row_t row = row_of(1677628800000000, "99.5", "3"); // 2023-03-01, a Wednesday
    row.columns[0] = DECIMAL_NULL;                           // open
    static const struct {
        const char *when;
        truth_t truth;
    } cases[] = {
        { "close = 99.50", TRUTH_TRUE },
        { "close < 99.5", TRUTH_FALSE },
        { "open > 1", TRUTH_NULL },
        { "open > 1 OR volume = 3", TRUTH_TRUE },
        { "open > 1 AND volume = 3", TRUTH_NULL },
        { "open > 1 AND volume = 4", TRUTH_FALSE },
        { "NOT open > 1", TRUTH_NULL },
        { "open IS NULL AND volume IS NOT NULL", TRUTH_TRUE },
        { "(open > 1) IS UNKNOWN", TRUTH_TRUE },
        { "volume IN (1, NULL)", TRUTH_NULL },
        { "volume NOT IN (1, NULL)", TRUTH_NULL },
        { "volume IN (3, NULL)", TRUTH_TRUE },
        { "volume BETWEEN 3 AND open", TRUTH_NULL },
        { "volume BETWEEN 4 AND open", TRUTH_FALSE },
        { "volume BETWEEN SYMMETRIC 5 AND 1", TRUTH_TRUE },
        { "coalesce(open, volume) = 3", TRUTH_TRUE },
        { "greatest(open, volume, 2) = 3", TRUTH_TRUE },
        { "least(open, NULL) > 3", TRUTH_NULL },
        { "nullif(volume, 3.0) IS NULL", TRUTH_TRUE },
        { "CASE WHEN open > 1 THEN 1 ELSE 2 END = 2", TRUTH_TRUE },
        { "CASE volume WHEN 2 THEN 1 WHEN 3 THEN 7 END = 7", TRUTH_TRUE },
        { "CASE volume WHEN 2 THEN 1 END IS NULL", TRUTH_TRUE },
        { "volume / 0 IS NULL", TRUTH_TRUE },
        { "volume % 0 IS NULL", TRUTH_TRUE },
        { "1 / 2 = 0", TRUTH_TRUE },
        { "-7 / 2 = -3", TRUTH_TRUE },
        { "1 / 2.0 = 0.5", TRUTH_TRUE },
        { "-7 % 3 = -1", TRUTH_TRUE },
        { "close / 3 * 3 = close", TRUTH_TRUE }, // rounded nowhere
        { "volume / 9 = 1 / 3.0", TRUTH_TRUE },
        { "0.1 + 0.2 = 0.3", TRUTH_TRUE },
        { "round(2.5) = 3 AND round(-2.5) = -3 AND round(0.125, 2) = 0.13", TRUTH_TRUE },
        { "round(1250, -2) = 1300 AND round(-1250, -2) = -1300", TRUTH_TRUE },
        { "floor(-0.5) = -1 AND ceil(-0.5) = 0 AND ceil(0.1) = 1", TRUTH_TRUE },
        { "sign(-3.5) = -1 AND sign(0) = 0", TRUTH_TRUE },
        { "2.5::int = 3 AND (volume / 2)::int = 2", TRUTH_TRUE },
        { "sqrt(volume * 3) = 3", TRUTH_TRUE },
        { "sqrt(-volume) IS NULL", TRUTH_TRUE },
        { "sqrt(2) * sqrt(2) = 2", TRUTH_FALSE }, // the double nearest to the root, squared
        { "ln(0) IS NULL AND ln(-1) IS NULL AND ln(1) = 0", TRUTH_TRUE },
        { "exp(0) = 1 AND exp(710) IS NULL AND exp(-10000) = 0", TRUTH_TRUE },
        { "2 ^ 10 = 1024 AND 2 ^ -1 = 0.5 AND power(-2, 3) = -8", TRUTH_TRUE },
        { "power(0, 0) = 1 AND power(0, -1) IS NULL AND power(-8, 0.5) IS NULL", TRUTH_TRUE },
        { "power(10, 400) IS NULL AND power(0.1, 400) = 0", TRUTH_TRUE },
        { "power(27, 1 / 3.0) = 3", TRUTH_TRUE },
        { "exchange = 'kraken' AND pair LIKE 'XBT%'", TRUTH_TRUE },
        { "exchange IN ('a', NULL)", TRUTH_NULL },
        { "exchange IS NULL", TRUTH_FALSE },
        { "nullif(exchange, 'kraken') = 'x'", TRUTH_NULL },
        { "extract(dow FROM ts) = 3 AND extract(epoch FROM ts) = 1677628800", TRUTH_TRUE },
        { "volume IS DISTINCT FROM open", TRUTH_TRUE },
        { "open IS NOT DISTINCT FROM NULL", TRUTH_TRUE },
        { "(volume > 1) = (open > 1)", TRUTH_NULL },
        { "true", TRUTH_TRUE },
        { "NULL", TRUTH_NULL },
        { "volume = '3'", TRUTH_TRUE },
        { "volume = ' 3e0 '", TRUTH_TRUE },
        { "99999999999999999999999999999999999999 + 1 = 1e38", TRUTH_TRUE },
        { "1e299 * 1e299 > 1e299", TRUTH_TRUE }, // beyond doubles: the exact path
        { "1e299 * 1e299 = 1e299 * 1e299", TRUTH_TRUE },
        { "1e-299 * 1e-299 > 0", TRUTH_TRUE },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        truth_t truth = truth_over(cases[i].when, &row, 1);
        if (truth != cases[i].truth)
            fail_msg("%s: %d, not %d", cases[i].when, truth, cases[i].truth);
    }
}

// 59 points of 0.1 and a new one of 0.3: a tie, which doubles do not see.
static void test_a_tie_is_a_tie(void **state)
{
    (void) state;
    plain_row_t rows[60];
    for (int i = 0; i < 60; i++)
        rows[i] = row_of((int64_t) i * 60000000, "1", i < 59 ? "0.1" : "0.3");
    assert_int_equal(truth_over("volume > 3 * avg(volume) OVER last_1h", rows, 60), TRUTH_FALSE);
    assert_int_equal(truth_over("volume >= 3 * avg(volume) OVER last_1h", rows, 60), TRUTH_TRUE);
    assert_int_equal(truth_over("volume / avg(volume) OVER last_1h = 3", rows, 60), TRUTH_TRUE);
    // The divisor is 0, and in doubles a little less.
    assert_int_equal(truth_over("1 / (volume * 3 - 0.9) < 0", rows, 60), TRUTH_NULL);
    rows[59].columns[4] = decimal("0.300000000000000001");
    assert_int_equal(truth_over("volume > 3 * avg(volume) OVER last_1h", rows, 60), TRUTH_TRUE);
    rows[59].columns[4] = decimal("0.299999999999999999");
    assert_int_equal(truth_over("volume >= 3 * avg(volume) OVER last_1h", rows, 60), TRUTH_FALSE);
}

static void test_what_people_read(void **state)
{
    (void) state;
    plain_row_t rows[3] = { row_of(0, "1", "0.1"), row_of(1, "1", "0.2"), row_of(2, "1", "0.9") };
    char threshold[EVALUATE_TEXT_MAX], ratio[EVALUATE_TEXT_MAX];
    judged_t judged = judged_new("volume > 3 * avg(volume) OVER last_1h", rows, 3);
    frame_t frame = frame_of(&judged);
    const expr_t *when = judged.windows.table->rules[0].when;
    assert_true(evaluate_threshold(when, &frame, threshold, ratio));
    assert_string_equal(threshold, "0.45");
    assert_string_equal(ratio, "2");
    judged_end(&judged);
    judged = judged_new("volume > avg(close) OVER last_1h - 1", rows, 3);
    frame = frame_of(&judged);
    when = judged.windows.table->rules[0].when;
    assert_true(evaluate_threshold(when, &frame, threshold, ratio));
    assert_string_equal(threshold, "0");
    assert_string_equal(ratio, "");
    judged_end(&judged);
    judged = judged_new("volume > 1 AND close > 1", rows, 3);
    frame = frame_of(&judged);
    assert_false(evaluate_threshold(judged.windows.table->rules[0].when, &frame, threshold, ratio));
    judged_end(&judged);
}

// ---- at random ------------------------------------------------------------------------------

static uint64_t seed = 20230301;

static unsigned pick(unsigned many)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned) (seed >> 33) % many;
}

static void random_number(buffer_t *out, int depth);

static void random_atom(buffer_t *out)
{
    static const char *const atoms[] = {
        "open",
        "high",
        "low",
        "close",
        "volume",
        "close",
        "volume",
        "0",
        "1",
        "3",
        "0.1",
        "2.5",
        "-7",
        "1e17",
        "1e-18",
        "0.30000000000000004",
        "avg(volume) OVER last_1h",
        "sum(close) OVER rows_7",
        "count(*) OVER last_10m",
        "max(close) OVER rows_5",
        "lag(volume, 2) OVER rows_3",
        "stddev(close) OVER rows_9",
        "corr(close, volume) OVER rows_9",
        "extract(second FROM ts)",
        "avg(close * volume) OVER rows_4",
        "1e-299",
        "1e299",
    };
    buffer_text(out, atoms[pick(sizeof atoms / sizeof *atoms)]);
}

static void random_call(buffer_t *out, int depth)
{
    static const char *const unary[] = { "abs",  "floor", "ceil", "round", "sign",
                                         "sqrt", "ln",    "exp",  "-",     "+" };
    static const char *const binary[] = {
        "coalesce", "nullif", "greatest", "least", "power", "mod"
    };
    if (pick(2)) {
        buffer_printf(out, "%s((", unary[pick(sizeof unary / sizeof *unary)]);
        random_number(out, depth);
        buffer_text(out, ")::numeric)");
        return;
    }
    buffer_printf(out, "%s((", binary[pick(sizeof binary / sizeof *binary)]);
    random_number(out, depth);
    buffer_text(out, ")::numeric, (");
    random_number(out, depth);
    buffer_text(out, ")::numeric)");
}

static void random_number(buffer_t *out, int depth)
{
    static const char *const signs[] = { "+", "-", "*", "/", "%", "*", "-" };
    if (depth == 0 || pick(4) == 0) {
        random_atom(out);
    } else if (pick(3) == 0) {
        random_call(out, depth - 1);
    } else if (pick(6) == 0) {
        buffer_text(out, "CASE WHEN ");
        random_number(out, depth - 1);
        buffer_printf(out, " %s ", pick(2) ? ">" : "=");
        random_number(out, depth - 1);
        buffer_text(out, " THEN ");
        random_number(out, depth - 1);
        buffer_text(out, " ELSE round(volume, 1) END");
    } else {
        buffer_text(out, "((");
        random_number(out, depth - 1);
        buffer_printf(out, ")::numeric %s (", signs[pick(sizeof signs / sizeof *signs)]);
        random_number(out, depth - 1);
        buffer_text(out, ")::numeric)");
    }
}

static const char *random_value(char text[32])
{
    static const char *const odd[] = { NULL, "0", "100000000000000000", "0.000000000000000001" };
    if (pick(12) == 0)
        return odd[pick(4)];
    snprintf(text, 32, "%s%u.%u", pick(4) ? "" : "-", pick(20), pick(10));
    return text;
}

static void random_rows(plain_row_t *rows)
{
    int64_t us = 0;
    for (int i = 0; i < ROWS; i++) {
        char a[32], b[32], c[32];
        rows[i] = row_of(us, random_value(a), random_value(b));
        rows[i].columns[0] = decimal(random_value(c));
        us += pick(3) * 30000000;
    }
}

// A comparison by its two sides in rationals.
static truth_t exact_truth(judged_t *self)
{
    static const bool holds[][3] = {
        // by sign of left - right, in the order of compare_t
        { false, true, false }, { true, false, true },  { true, false, false },
        { true, true, false },  { false, false, true }, { false, true, true },
    };
    frame_t frame = frame_of(self);
    const expr_t *when = self->windows.table->rules[0].when;
    truth_t truth = TRUTH_NULL;
    mpq_t left, right;
    mpq_inits(left, right, NULL);
    if (evaluate_exact(when->operands[0], &frame, left) &&
        evaluate_exact(when->operands[1], &frame, right)) {
        int order = mpq_cmp(left, right);
        truth = holds[when->index][(order > 0) - (order < 0) + 1] ? TRUTH_TRUE : TRUTH_FALSE;
    }
    mpq_clears(left, right, NULL);
    return truth;
}

static void test_fast_and_exact_agree(void **state)
{
    (void) state;
    static const char *const signs[] = { "=", "<>", "<", "<=", ">", ">=" };
    static plain_row_t rows[ROWS];
    unsigned seen[3] = { 0 };
    for (int i = 0; i < RANDOM_RULES; i++) {
        if (i % 50 == 0)
            random_rows(rows);
        owned(buffer_destroy) buffer_t when = { 0 };
        random_number(&when, 3);
        buffer_printf(&when, " %s ", signs[pick(6)]);
        random_number(&when, 2);
        judged_t judged = judged_new(buffer_string(&when), rows, 1);
        for (judged.windows.current = pick(9); judged.windows.current < ROWS;
             judged.windows.current += 1 + pick(17)) {
            judged.windows.widen = 1;
            truth_t fast = judged_truth(&judged);
            judged.windows.widen = 1e6;
            truth_t slower = judged_truth(&judged);
            judged.windows.widen = HUGE_VAL;
            truth_t exact = exact_truth(&judged);
            if (fast != exact || slower != exact)
                fail_msg("%s at row %zu: fast %d, slower %d, exact %d", buffer_string(&when),
                         judged.windows.current, fast, slower, exact);
            seen[exact]++;
        }
        judged_end(&judged);
    }
    for (int i = 0; i < 3; i++)
        assert_true(seen[i] > 500); // false, true and NULL all occur
}

// ---- arguments in 128 bits ------------------------------------------------------------------

static void random_argument(buffer_t *out, int depth)
{
    static const char *const columns[] = { "open", "close", "volume", "low", "0.25", "-3", "1e30" };
    static const char *const forms[] = { "(%s + %s)",      "(%s - %s)",
                                         "(%s * %s)",      "greatest(%s, %s)",
                                         "least(%s, %s)",  "coalesce(%s, %s)",
                                         "nullif(%s, %s)", "abs(%s - %s)",
                                         "(- %s) * %s",    "CASE WHEN %s > %s THEN close END" };
    if (depth == 0 || pick(4) == 0) {
        buffer_text(out, columns[pick(7)]);
        return;
    }
    buffer_t a = { 0 }, b = { 0 };
    random_argument(&a, depth - 1);
    random_argument(&b, depth - 1);
    const char *form = forms[pick(10)], *left = buffer_string(&a), *right = buffer_string(&b);
    for (const char *operand = left; *form; form++) {
        if (form[0] == '%' && form[1] == 's') {
            buffer_text(out, operand);
            operand = right;
            form++;
        } else {
            buffer_append(out, form, 1);
        }
    }
    buffer_destroy(&a);
    buffer_destroy(&b);
}

static void set_wide(mpq_ptr value, __int128 mantissa, int exponent)
{
    bool negative = mantissa < 0;
    unsigned __int128 size =
        negative ? -(unsigned __int128) mantissa : (unsigned __int128) mantissa;
    mpz_t ten;
    mpz_init(ten);
    mpq_set_ui(value, (uint64_t) (size >> 64), 1);
    mpz_mul_2exp(mpq_numref(value), mpq_numref(value), 64);
    mpz_add_ui(mpq_numref(value), mpq_numref(value), (uint64_t) size);
    if (negative)
        mpz_neg(mpq_numref(value), mpq_numref(value));
    mpz_ui_pow_ui(ten, 10, (unsigned) abs(exponent));
    if (exponent < 0)
        mpz_set(mpq_denref(value), ten);
    else
        mpz_mul(mpq_numref(value), mpq_numref(value), ten);
    mpq_canonicalize(value);
    mpz_clear(ten);
}

static void test_small_arguments_are_exact(void **state)
{
    (void) state;
    static plain_row_t rows[ROWS];
    unsigned fitted = 0, nulls = 0, large = 0;
    mpq_t exact, small;
    mpq_inits(exact, small, NULL);
    for (int i = 0; i < RANDOM_RULES; i++) {
        random_rows(rows);
        owned(buffer_destroy) buffer_t when = { 0 };
        buffer_text(&when, "sum(1 * ");
        random_argument(&when, 3);
        buffer_text(&when, ") OVER rows_3 > 0");
        judged_t judged = judged_new(buffer_string(&when), rows, 1);
        const argument_t *argument = &judged.windows.table->arguments[0];
        for (int k = 0; k < ROWS; k += 7) {
            frame_t frame = { .columns = rows[k].columns };
            __int128 mantissa;
            int exponent;
            bool fits, known = evaluate_small(argument->expr, &frame, &mantissa, &exponent, &fits);
            bool truly = evaluate_exact(argument->expr, &frame, exact);
            large += !fits;
            if (!fits)
                continue;
            assert_int_equal(known, truly);
            nulls += !known;
            fitted += known;
            if (!known)
                continue;
            set_wide(small, mantissa, exponent);
            if (!mpq_equal(small, exact))
                fail_msg("%s", buffer_string(&when));
        }
        judged_end(&judged);
    }
    mpq_clears(exact, small, NULL);
    assert_true(fitted > 5000 && nulls > 500 && large > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_row),
        cmocka_unit_test(test_a_tie_is_a_tie),
        cmocka_unit_test(test_what_people_read),
        cmocka_unit_test(test_fast_and_exact_agree),
        cmocka_unit_test(test_small_arguments_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
