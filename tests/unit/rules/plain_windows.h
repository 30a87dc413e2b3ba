/*  plain_windows -- values of aggregates by scanning all rows, in rationals: slow and obvious.
 *
 *  What the tests of rules judge by; shares nothing with the windows of actors/transform. Rows
 *  are in the order of (ts, n). stddev and corr are doubles computed from exact sums.
 */
#pragma once
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "actors/rules/evaluate.h"

enum { PLAIN_COLUMNS = 5, PLAIN_KEYS = 2 };

typedef struct {
    int64_t ts_us;
    slice_t keys[PLAIN_KEYS];
    decimal_t columns[PLAIN_COLUMNS];
} plain_row_t;

typedef struct {
    const table_plan_t *table;
    const plain_row_t *rows;
    size_t current;
    double widen; // errors are reported this much larger than they are: more exact paths
} plain_windows_t;

static inline bool plain_same_series(const plain_row_t *a, const plain_row_t *b)
{
    return slice_same(a->keys[0], b->keys[0]) && slice_same(a->keys[1], b->keys[1]);
}

static inline bool plain_argument(const plain_windows_t *self, const plain_row_t *row, int index,
                                  mpq_ptr value)
{
    const argument_t *argument = &self->table->arguments[index];
    frame_t frame = { .columns = row->columns, .ts_us = row->ts_us };
    if (argument->column < 0)
        return evaluate_exact(argument->expr, &frame, value);
    decimal_t decimal = row->columns[argument->column];
    if (decimal_is_null(decimal))
        return false;
    mpq_set_si(value, decimal.mantissa, 1);
    for (int i = decimal.exponent; i < 0; i++)
        mpz_mul_ui(mpq_denref(value), mpq_denref(value), 10);
    for (int i = decimal.exponent; i > 0; i--)
        mpz_mul_ui(mpq_numref(value), mpq_numref(value), 10);
    mpq_canonicalize(value);
    return true;
}

typedef struct {
    unsigned long rows, count;
    mpq_t sum, sum2, sumxx, sumyy, sumxy, least, most, first, last, lag;
    bool has_first, has_last, has_lag;
} plain_sums_t;

static inline void plain_take(plain_sums_t *sums, mpq_srcptr y, mpq_srcptr x)
{
    mpq_t square;
    mpq_init(square);
    if (sums->count == 0 || mpq_cmp(y, sums->least) < 0)
        mpq_set(sums->least, y);
    if (sums->count == 0 || mpq_cmp(y, sums->most) > 0)
        mpq_set(sums->most, y);
    sums->count++;
    mpq_add(sums->sum, sums->sum, y);
    mpq_add(sums->sum2, sums->sum2, x);
    mpq_mul(square, y, y);
    mpq_add(sums->sumyy, sums->sumyy, square);
    mpq_mul(square, x, x);
    mpq_add(sums->sumxx, sums->sumxx, square);
    mpq_mul(square, x, y);
    mpq_add(sums->sumxy, sums->sumxy, square);
    mpq_clear(square);
}

static inline void plain_scan(const plain_windows_t *self, const aggregate_t *aggregate,
                              plain_sums_t *sums)
{
    const window_spec_t *window = &self->table->windows[aggregate->window];
    const plain_row_t *now = &self->rows[self->current];
    unsigned long back = 0;
    mpq_t y, x;
    mpq_inits(y, x, NULL);
    for (size_t i = self->current; i-- > 0;) {
        const plain_row_t *row = &self->rows[i];
        if (!plain_same_series(row, now))
            continue;
        back++;
        bool inside = window->by_rows
                          ? back <= window->rows
                          : row->ts_us < now->ts_us && row->ts_us >= now->ts_us - window->span_us;
        if (!inside)
            continue;
        sums->rows++;
        if (aggregate->argument < 0)
            continue;
        bool known = plain_argument(self, row, aggregate->argument, y);
        if (sums->rows == 1 && (sums->has_last = known))
            mpq_set(sums->last, y);
        if ((sums->has_first = known))
            mpq_set(sums->first, y);
        if (back == aggregate->offset && (sums->has_lag = known))
            mpq_set(sums->lag, y);
        if (known && aggregate->argument2 >= 0)
            known = plain_argument(self, row, aggregate->argument2, x);
        else
            mpq_set(x, y);
        if (known)
            plain_take(sums, y, x);
    }
    mpq_clears(y, x, NULL);
}

// n * sum(ab) - sum(a) * sum(b).
static inline void plain_moment(mpq_ptr value, unsigned long n, mpq_srcptr ab, mpq_srcptr a,
                                mpq_srcptr b)
{
    mpq_t product;
    mpq_init(product);
    mpq_set_ui(value, n, 1);
    mpq_mul(value, value, ab);
    mpq_mul(product, a, b);
    mpq_sub(value, value, product);
    mpq_clear(product);
}

static inline bool plain_deviation(const plain_sums_t *sums, aggregate_kind_t kind, mpq_ptr value)
{
    bool sample = kind == AGGREGATE_VAR_SAMP || kind == AGGREGATE_STDDEV_SAMP;
    bool root = kind == AGGREGATE_STDDEV_POP || kind == AGGREGATE_STDDEV_SAMP;
    if (sums->count < (sample ? 2ul : 1ul))
        return false;
    mpq_t divisor;
    mpq_init(divisor);
    plain_moment(value, sums->count, sums->sumyy, sums->sum, sums->sum);
    mpq_set_ui(divisor, sums->count * (sums->count - sample), 1);
    mpq_div(value, value, divisor);
    double number = mpq_get_d(value);
    mpq_set_d(value, root ? sqrt(number) : number);
    mpq_clear(divisor);
    return true;
}

static inline bool plain_regression(const plain_sums_t *sums, aggregate_kind_t kind, mpq_ptr value)
{
    mpq_t xx, yy, xy;
    mpq_inits(xx, yy, xy, NULL);
    plain_moment(xx, sums->count, sums->sumxx, sums->sum2, sums->sum2);
    plain_moment(yy, sums->count, sums->sumyy, sums->sum, sums->sum);
    plain_moment(xy, sums->count, sums->sumxy, sums->sum, sums->sum2);
    bool corr = kind == AGGREGATE_CORR;
    bool known = sums->count > 0 && mpq_sgn(xx) > 0 && (!corr || mpq_sgn(yy) > 0);
    if (known)
        mpq_set_d(value, mpq_get_d(xy) /
                             (corr ? sqrt(mpq_get_d(xx)) * sqrt(mpq_get_d(yy)) : mpq_get_d(xx)));
    mpq_clears(xx, yy, xy, NULL);
    return known;
}

static inline bool plain_known(bool known, mpq_ptr value, mpq_srcptr from)
{
    mpq_set(value, from);
    return known;
}

static inline bool plain_value(const plain_sums_t *sums, aggregate_kind_t kind, mpq_ptr value)
{
    switch (kind) {
    case AGGREGATE_COUNT_ROWS:
        mpq_set_ui(value, sums->rows, 1);
        return true;
    case AGGREGATE_COUNT:
        mpq_set_ui(value, sums->count, 1);
        return true;
    case AGGREGATE_SUM:
        return plain_known(sums->count > 0, value, sums->sum);
    case AGGREGATE_AVG: {
        mpq_t count;
        mpq_init(count);
        mpq_set_ui(count, sums->count ? sums->count : 1, 1);
        mpq_div(value, sums->sum, count);
        mpq_clear(count);
        return sums->count > 0;
    }
    case AGGREGATE_MIN:
        return plain_known(sums->count > 0, value, sums->least);
    case AGGREGATE_MAX:
        return plain_known(sums->count > 0, value, sums->most);
    case AGGREGATE_STDDEV_SAMP:
    case AGGREGATE_STDDEV_POP:
    case AGGREGATE_VAR_SAMP:
    case AGGREGATE_VAR_POP:
        return plain_deviation(sums, kind, value);
    case AGGREGATE_CORR:
    case AGGREGATE_REGR_SLOPE:
        return plain_regression(sums, kind, value);
    case AGGREGATE_FIRST_VALUE:
        return plain_known(sums->has_first, value, sums->first);
    case AGGREGATE_LAST_VALUE:
        return plain_known(sums->has_last, value, sums->last);
    case AGGREGATE_LAG:
        return plain_known(sums->has_lag, value, sums->lag);
    case AGGREGATE_DELTA:
    case AGGREGATE_RATE:
    case AGGREGATE_TWAVG:
    case AGGREGATE_MEDIAN:
    case AGGREGATE_EMA:
        break; // of the numbers one by one
    }
    return false;
}

// ---- the numbers of a window one by one ---------------------------------------------------------

typedef struct {
    size_t count;
    mpq_t *numbers; // those that are not NULL, oldest first
    int64_t *ts_us; // and the time of the current row behind them
} plain_list_t;

static inline plain_list_t plain_list(const plain_windows_t *self, const aggregate_t *aggregate)
{
    const window_spec_t *window = &self->table->windows[aggregate->window];
    const plain_row_t *now = &self->rows[self->current];
    size_t low = self->current, back = 0;
    while (low > 0 && (window->by_rows ? back < window->rows
                                       : self->rows[low - 1].ts_us >= now->ts_us - window->span_us))
        back += plain_same_series(&self->rows[--low], now);
    plain_list_t list = { .numbers = calloc(self->current + 1, sizeof *list.numbers),
                          .ts_us = calloc(self->current + 2, sizeof *list.ts_us) };
    for (; low < self->current; low++) {
        const plain_row_t *row = &self->rows[low];
        if (!plain_same_series(row, now) || (!window->by_rows && row->ts_us == now->ts_us))
            continue;
        mpq_init(list.numbers[list.count]);
        list.ts_us[list.count] = row->ts_us;
        if (plain_argument(self, row, aggregate->argument, list.numbers[list.count]))
            list.count++;
        else
            mpq_clear(list.numbers[list.count]);
    }
    list.ts_us[list.count] = now->ts_us;
    return list;
}

static inline void plain_list_free(plain_list_t *list)
{
    for (size_t i = 0; i < list->count; i++)
        mpq_clear(list->numbers[i]);
    free(list->numbers);
    free(list->ts_us);
}

// value = top / (us / 1,000,000); false: no time.
static inline bool plain_per_second(mpq_ptr value, int64_t us)
{
    mpq_t seconds;
    mpq_init(seconds);
    mpq_set_si(seconds, us, 1000000);
    mpq_canonicalize(seconds);
    if (us > 0)
        mpq_div(value, value, seconds);
    mpq_clear(seconds);
    return us > 0;
}

static inline bool plain_course(const plain_list_t *list, aggregate_kind_t kind, mpq_ptr value)
{
    if (list->count == 0)
        return false;
    size_t last = list->count - 1;
    if (kind != AGGREGATE_TWAVG) {
        mpq_sub(value, list->numbers[last], list->numbers[0]);
        return kind == AGGREGATE_DELTA ||
               plain_per_second(value, list->ts_us[last] - list->ts_us[0]);
    }
    mpq_t part;
    mpq_init(part);
    mpq_set_ui(value, 0, 1);
    for (size_t i = 0; i <= last; i++) {
        mpq_set_si(part, list->ts_us[i + 1] - list->ts_us[i], 1000000);
        mpq_canonicalize(part);
        mpq_mul(part, part, list->numbers[i]);
        mpq_add(value, value, part);
    }
    mpq_clear(part);
    return plain_per_second(value, list->ts_us[list->count] - list->ts_us[0]);
}

static inline int plain_order(const void *a, const void *b)
{
    return mpq_cmp(*(const mpq_t *) a, *(const mpq_t *) b);
}

static inline void plain_median(plain_list_t *list, mpq_ptr value)
{
    if (list->count == 0)
        return;
    qsort(list->numbers, list->count, sizeof *list->numbers, plain_order);
    mpq_add(value, list->numbers[(list->count - 1) / 2], list->numbers[list->count / 2]);
    mpq_div_2exp(value, value, 1);
}

// The double of e = x, then (2 x + (N - 1) e) / (N + 1).
static inline void plain_ema(const plain_list_t *list, uint32_t rows, mpq_ptr value)
{
    mpq_t share, part;
    mpq_inits(share, part, NULL);
    for (size_t i = 0; i < list->count; i++) {
        mpq_set_ui(share, i > 0 ? rows - 1 : 0, rows + 1);
        mpq_canonicalize(share);
        mpq_mul(value, value, share);
        mpq_set_ui(share, i > 0 ? 2 : rows + 1, rows + 1);
        mpq_canonicalize(share);
        mpq_mul(part, share, list->numbers[i]);
        mpq_add(value, value, part);
    }
    mpq_set_d(value, mpq_get_d(value));
    mpq_clears(share, part, NULL);
}

static inline bool plain_listed(const plain_windows_t *self, const aggregate_t *aggregate,
                                mpq_ptr value)
{
    plain_list_t list = plain_list(self, aggregate);
    bool known = list.count > 0;
    if (aggregate->kind == AGGREGATE_MEDIAN)
        plain_median(&list, value);
    else if (aggregate->kind == AGGREGATE_EMA)
        plain_ema(&list, self->table->windows[aggregate->window].rows, value);
    else
        known = plain_course(&list, aggregate->kind, value);
    plain_list_free(&list);
    return known;
}

static inline bool plain_exact(void *state, unsigned index, mpq_t value)
{
    const plain_windows_t *self = state;
    const aggregate_t *aggregate = &self->table->aggregates[index];
    if (aggregate->kind > AGGREGATE_LAG)
        return plain_listed(self, aggregate, value);
    plain_sums_t sums = { 0 };
    mpq_inits(sums.sum, sums.sum2, sums.sumxx, sums.sumyy, sums.sumxy, sums.least, sums.most,
              sums.first, sums.last, sums.lag, NULL);
    plain_scan(self, aggregate, &sums);
    bool known = plain_value(&sums, aggregate->kind, value);
    mpq_clears(sums.sum, sums.sum2, sums.sumxx, sums.sumyy, sums.sumxy, sums.least, sums.most,
               sums.first, sums.last, sums.lag, NULL);
    return known;
}

static inline approximate_t plain_approximate(void *state, unsigned index, double *value,
                                              double *error)
{
    const plain_windows_t *self = state;
    mpq_t exact;
    mpq_init(exact);
    bool known = plain_exact(state, index, exact);
    *value = mpq_get_d(exact); // towards zero: one ulp
    *error = fabs(*value) * 0x1p-52 * self->widen;
    mpq_clear(exact);
    return known ? APPROXIMATE_VALUE : APPROXIMATE_NULL;
}

static inline truth_t plain_guards(const compiled_rule_t *rule, plain_windows_t *self)
{
    truth_t truth = TRUTH_TRUE;
    mpq_t value;
    mpq_init(value);
    for (size_t i = 0; i < rule->guard_count && truth == TRUTH_TRUE; i++) {
        const guard_t *guard = &rule->guards[i];
        bool known = plain_exact(self, guard->aggregate, value);
        bool holds = guard->positive ? mpq_sgn(value) > 0 : mpq_cmp_ui(value, guard->least, 1) >= 0;
        truth = known && holds ? TRUTH_TRUE : TRUTH_FALSE;
    }
    mpq_clear(value);
    return truth;
}

// Guards and condition of one rule on the current row.
static inline bool plain_judge(const compiled_rule_t *rule, plain_windows_t *self)
{
    static const aggregate_source_t source = { .approximate = plain_approximate,
                                               .exact = plain_exact };
    const plain_row_t *row = &self->rows[self->current];
    frame_t frame = { .columns = row->columns,
                      .ts_us = row->ts_us,
                      .key_count = PLAIN_KEYS,
                      .key_values = row->keys,
                      .source = &source,
                      .window_state = self };
    return plain_guards(rule, self) == TRUTH_TRUE &&
           evaluate_truth(rule->when, &frame) == TRUTH_TRUE;
}
