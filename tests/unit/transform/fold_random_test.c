/*  The fold against a model that keeps every row for ever and scans: random rows with ties,
 *  duplicates, revisions, late rows, equal times and NULLs must give the same alerts, in order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gmp.h>

#include "feeds.h"
#include "tests/unit/proto/seeded.h"

enum { SERIES = 3, ROWS_MAX = 3000, BLOCK_MAX = 12, RULES = 5 };

static const feed_rule_t rules[] = {
    { "average", "volume > 3 * avg(volume) OVER last_1s", 3 },
    { "deals", "sum(volume * price) OVER rows_4 > 20", 1 },
    { "highest", "price >= max(price) OVER rows_5", 2 },
    { "least", "count(*) OVER last_1s >= 4 AND volume < min(volume) OVER last_1s", 1 },
    { "same", "volume = lag(volume, 2) OVER rows_3", 1 },
    { 0 },
};

typedef struct {
    int64_t ts;
    char identity[8];
    bool ordinal;
    decimal_t values[2];
    bool fired[RULES];
} kept_t;

typedef struct {
    size_t count;
    kept_t rows[ROWS_MAX];
    size_t alert_count;
    struct {
        int rule;
        int64_t ts;
    } alerts[ROWS_MAX];
    uint64_t late, duplicates, revisions;
} model_t; // of one series

static model_t models[SERIES];

// ---- the model --------------------------------------------------------------------------------

// Value of an argument; false: NULL.
static bool argument(const kept_t *row, int which, mpq_t value) // 0 volume, 1 price, 2 product
{
    mpq_t factor;
    mpq_init(factor);
    mpq_set_ui(value, 1, 1);
    bool defined = true;
    for (int i = 0; i < 2; i++) {
        if (which != 2 && which != i)
            continue;
        defined = defined && !decimal_is_null(row->values[i]);
        mpq_set_si(factor, row->values[i].mantissa, 1);
        for (int e = row->values[i].exponent; e < 0; e++)
            mpz_mul_ui(mpq_denref(factor), mpq_denref(factor), 10);
        for (int e = row->values[i].exponent; e > 0; e--)
            mpz_mul_ui(mpq_numref(factor), mpq_numref(factor), 10);
        mpq_canonicalize(factor);
        mpq_mul(value, value, factor);
    }
    mpq_clear(factor);
    return defined;
}

typedef struct {
    uint64_t rows, count;
    mpq_t sum, least, most;
} window_sum_t;

static void sum_up(const model_t *model, size_t low, size_t high, int which, window_sum_t *out)
{
    mpq_t value;
    mpq_init(value);
    mpq_inits(out->sum, out->least, out->most, NULL);
    out->rows = high - low;
    out->count = 0;
    for (size_t i = low; i < high; i++) {
        if (!argument(&model->rows[i], which, value))
            continue;
        mpq_add(out->sum, out->sum, value);
        if (out->count == 0 || mpq_cmp(value, out->least) < 0)
            mpq_set(out->least, value);
        if (out->count == 0 || mpq_cmp(value, out->most) > 0)
            mpq_set(out->most, value);
        out->count++;
    }
    mpq_clear(value);
}

static const size_t by_rows[RULES] = { 0, 4, 5, 0, 3 };

static bool verdict(const model_t *model, size_t at, int rule)
{
    static const int which[RULES] = { 0, 2, 1, 0, 0 };
    size_t low = 0, high = at;
    if (by_rows[rule]) {
        low = at > by_rows[rule] ? at - by_rows[rule] : 0;
    } else {
        while (high > 0 && model->rows[high - 1].ts == model->rows[at].ts)
            high--;
        while (low < high && model->rows[low].ts < model->rows[at].ts - 1000000)
            low++;
    }
    window_sum_t w;
    sum_up(model, low, high, which[rule], &w);
    mpq_t own, other;
    mpq_inits(own, other, NULL);
    bool known = argument(&model->rows[at], which[rule] == 2 ? 0 : which[rule], own);
    bool holds = false;
    switch (rule) {
    case 0: // volume * count > 3 * sum
        mpq_set_ui(other, w.count, 1);
        mpq_mul(own, own, other);
        mpq_set_ui(other, 3, 1);
        mpq_mul(other, other, w.sum);
        holds = known && w.count >= 3 && mpq_sgn(w.sum) > 0 && mpq_cmp(own, other) > 0;
        break;
    case 1:
        holds = w.count >= 1 && mpq_cmp_ui(w.sum, 20, 1) > 0;
        break;
    case 2:
        holds = known && w.count >= 2 && mpq_cmp(own, w.most) >= 0;
        break;
    case 3:
        holds = known && w.count >= 1 && w.rows >= 4 && mpq_cmp(own, w.least) < 0;
        break;
    case 4:
        holds = known && w.count >= 1 && at >= 2 && argument(&model->rows[at - 2], 0, other) &&
                mpq_equal(own, other);
        break;
    }
    mpq_clears(own, other, w.sum, w.least, w.most, NULL);
    return holds;
}

// Row `at`, `back` rows behind one that was revised, or 0.
static void judge(model_t *model, size_t at, size_t back)
{
    for (int rule = 0; rule < RULES; rule++) {
        if (model->rows[at].fired[rule] || by_rows[rule] < back || !verdict(model, at, rule))
            continue;
        model->rows[at].fired[rule] = true;
        assert_true(model->alert_count < ROWS_MAX);
        model->alerts[model->alert_count].rule = rule;
        model->alerts[model->alert_count++].ts = model->rows[at].ts;
    }
}

static bool same_number(decimal_t a, decimal_t b)
{
    if (decimal_is_null(a) || decimal_is_null(b))
        return decimal_is_null(a) && decimal_is_null(b);
    return decimal_compare(a, b) == 0;
}

static void take(model_t *model, const feed_row_t *row, bool ordinal)
{
    if (model->count > 0 && row->ts < model->rows[model->count - 1].ts) {
        model->late++;
        return;
    }
    const char *identity = row->identity ? row->identity : "";
    for (size_t i = model->count; !ordinal && i-- > 0 && model->rows[i].ts == row->ts;) {
        kept_t *kept = &model->rows[i];
        if (kept->ordinal || strcmp(kept->identity, identity) != 0)
            continue;
        if (same_number(kept->values[0], row->values[0]) &&
            same_number(kept->values[1], row->values[1])) {
            model->duplicates++;
            return;
        }
        memcpy(kept->values, row->values, sizeof kept->values);
        model->revisions++;
        judge(model, i, 0);
        for (size_t behind = i + 1; behind < model->count; behind++)
            if (!model->rows[behind].ordinal) // those cannot come again: judged once
                judge(model, behind, behind - i);
        return;
    }
    kept_t *kept = &model->rows[model->count++];
    *kept = (kept_t){ .ts = row->ts, .ordinal = ordinal };
    strcpy(kept->identity, identity);
    memcpy(kept->values, row->values, sizeof kept->values);
    judge(model, model->count - 1, 0);
}

// ---- runs -------------------------------------------------------------------------------------

static decimal_t number(seeded_t *seed)
{
    switch (seeded_below(seed, 20)) {
    case 0:
        return DECIMAL_NULL;
    case 1:
        return (decimal_t){ .mantissa = 1, .exponent = 17 };
    case 2:
        return (decimal_t){ .mantissa = 1000000000000001, .exponent = -16 };
    case 3:
        return (decimal_t){ .mantissa = 30, .exponent = -2 };
    case 4:
        return (decimal_t){ .mantissa = -2, .exponent = -1 };
    default: // 0.1 and 0.3: ties at three times the average
        return (decimal_t){ .mantissa = seeded_below(seed, 8) ? 1 : 3, .exponent = -1 };
    }
}

static int by_ts(const void *a, const void *b)
{
    const feed_row_t *x = *(const feed_row_t *const *) a, *y = *(const feed_row_t *const *) b;
    if (x->ts != y->ts)
        return x->ts < y->ts ? -1 : 1;
    return (x > y) - (x < y); // stable: they lie in one array
}

static void compare(const ear_t *ear, int series, const char *pair)
{
    const model_t *model = &models[series];
    char id[64];
    feed_series(pair, id);
    size_t next = 0;
    uint64_t seqs[RULES] = { 0 };
    for (size_t i = 0; i < ear->count; i++) {
        const heard_t *heard = &ear->alerts[i];
        if (strcmp(heard->series, id) != 0)
            continue;
        assert_true(next < model->alert_count);
        assert_string_equal(heard->rule, rules[model->alerts[next].rule].name);
        assert_int_equal(heard->ts, model->alerts[next].ts);
        assert_int_equal(heard->seq, ++seqs[model->alerts[next].rule]);
        next++;
    }
    assert_int_equal(next, model->alert_count);
}

static size_t run(uint64_t state, ruleset_t *set)
{
    static const char *const pairs[SERIES] = { "a", "b", "c" };
    static const char *const identities[] = { "", "1", "2", "3" };
    seeded_t seed = { .state = state };
    ear_t ear = { 0 };
    fold_t *fold = feed_fold(&ear, "s", set);
    memset(models, 0, sizeof models);
    int64_t now = 0;
    for (uint64_t block = 0; block < 400; block++) {
        feed_row_t rows[BLOCK_MAX];
        const feed_row_t *sorted[BLOCK_MAX];
        size_t count = 1 + seeded_below(&seed, seeded_below(&seed, 2) ? 1 : BLOCK_MAX);
        bool ordinal = seeded_below(&seed, 5) == 0;
        for (size_t i = 0; i < count; i++) {
            now += seeded_below(&seed, 2) ? 0 : (int64_t) seeded_below(&seed, 300000);
            rows[i] = (feed_row_t){ .pair = pairs[seeded_below(&seed, SERIES)] };
            rows[i].ts = now - (seeded_below(&seed, 8) ? 0 : 400000);
            rows[i].identity = ordinal ? NULL : identities[seeded_below(&seed, 4)];
            rows[i].values[0] = number(&seed);
            rows[i].values[1] = number(&seed);
            sorted[i] = &rows[i];
        }
        assert_true(feed(fold, "s", block, rows, count, ordinal));
        qsort(sorted, count, sizeof *sorted, by_ts);
        for (size_t i = 0; i < count; i++)
            take(&models[sorted[i]->pair[0] - 'a'], sorted[i], ordinal);
    }
    fold_count_t counts = fold_count(fold);
    uint64_t accepted = 0, late = 0, duplicates = 0, revisions = 0;
    for (int s = 0; s < SERIES; s++) {
        compare(&ear, s, pairs[s]);
        accepted += models[s].count;
        late += models[s].late;
        duplicates += models[s].duplicates;
        revisions += models[s].revisions;
    }
    assert_int_equal(counts.accepted, accepted);
    assert_int_equal(counts.late, late);
    assert_int_equal(counts.duplicates, duplicates);
    assert_int_equal(counts.revisions, revisions);
    assert_true(late > 0 && duplicates > 0 && revisions > 0);
    size_t alerts = ear.count;
    fold_destroy(&fold);
    ear_clear(&ear);
    return alerts;
}

static void test_same_alerts(void **state)
{
    (void) state;
    ruleset_t *set = feed_rules(rules, NULL);
    size_t alerts = 0;
    for (uint64_t seed = 1; seed <= 40; seed++)
        alerts += run(seed * 104729, set);
    assert_true(alerts > 4000);
    ruleset_destroy(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_same_alerts) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
