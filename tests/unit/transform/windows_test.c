/*  Windows and aggregates against a plain scan in rationals: after every row of random streams,
 *  every aggregate over every window is the same exactly, and nearly within its own bound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <mpfr.h>
#include <stdlib.h>

#include "actors/transform/aggregate.h"
#include "actors/transform/series.h"
#include "tables.h"
#include "tests/unit/proto/seeded.h"

enum { ROWS_MAX = 4000 };

typedef struct {
    int64_t ts;
    decimal_t values[2];
} remembered_t;

static remembered_t rows[ROWS_MAX];
static size_t row_count;

static void set_decimal(mpq_t value, decimal_t decimal)
{
    mpq_set_si(value, decimal.mantissa, 1);
    exact_scale(value, decimal.exponent);
}

// ---- the plain scan ---------------------------------------------------------------------------

typedef struct {
    uint64_t count;
    mpq_t sum[2], square[2], product, least, most;
} scan_t;

static void scan_init(scan_t *self)
{
    self->count = 0;
    mpq_inits(self->sum[0], self->sum[1], self->square[0], self->square[1], self->product,
              self->least, self->most, NULL);
}

static void scan_clear(scan_t *self)
{
    mpq_clears(self->sum[0], self->sum[1], self->square[0], self->square[1], self->product,
               self->least, self->most, NULL);
}

static void scan_row(scan_t *self, const aggregate_t *what, const remembered_t *row)
{
    mpq_t x[2], square;
    mpq_inits(x[0], x[1], square, NULL);
    int arguments[2] = { what->argument, what->argument2 };
    bool counted = true;
    for (int i = 0; i < 2; i++) {
        if (arguments[i] < 0)
            continue;
        counted = counted && !decimal_is_null(row->values[arguments[i]]);
        if (counted)
            set_decimal(x[i], row->values[arguments[i]]);
    }
    if (counted) {
        for (int i = 0; i < 2; i++) {
            mpq_add(self->sum[i], self->sum[i], x[i]);
            mpq_mul(square, x[i], x[i]);
            mpq_add(self->square[i], self->square[i], square);
        }
        mpq_mul(square, x[0], x[1]);
        mpq_add(self->product, self->product, square);
        if (self->count == 0 || mpq_cmp(x[0], self->least) < 0)
            mpq_set(self->least, x[0]);
        if (self->count == 0 || mpq_cmp(x[0], self->most) > 0)
            mpq_set(self->most, x[0]);
        self->count++;
    }
    mpq_clears(x[0], x[1], square, NULL);
}

// n * sum(xy) - sum(x) * sum(y)
static void spread(mpq_t value, uint64_t n, mpq_t product, mpq_t x, mpq_t y)
{
    mpq_t count, other;
    mpq_inits(count, other, NULL);
    mpq_set_ui(count, n, 1);
    mpq_mul(value, product, count);
    mpq_mul(other, x, y);
    mpq_sub(value, value, other);
    mpq_clears(count, other, NULL);
}

// Nearest double of a rational or of its root, by MPFR with bits to spare.
static void set_nearest(mpq_t value, const mpq_t exact, bool root)
{
    mpfr_t real;
    mpfr_init2(real, 2000);
    mpfr_set_q(real, exact, MPFR_RNDN);
    if (root)
        mpfr_sqrt(real, real, MPFR_RNDN);
    mpq_set_d(value, mpfr_get_d(real, MPFR_RNDN));
    mpfr_clear(real);
}

static bool scan_kin(const scan_t *self, const aggregate_t *what, mpq_t value)
{
    scan_t *s = (scan_t *) self;
    aggregate_kind_t kind = what->kind;
    bool relation = kind == AGGREGATE_CORR || kind == AGGREGATE_REGR_SLOPE;
    mpq_t sx, sy, sxy, divisor;
    mpq_inits(sx, sy, sxy, divisor, NULL);
    spread(sx, s->count, s->square[0], s->sum[0], s->sum[0]);
    spread(sy, s->count, s->square[1], s->sum[1], s->sum[1]);
    spread(sxy, s->count, s->product, s->sum[0], s->sum[1]);
    bool sample = kind == AGGREGATE_STDDEV_SAMP || kind == AGGREGATE_VAR_SAMP;
    bool root = kind == AGGREGATE_STDDEV_SAMP || kind == AGGREGATE_STDDEV_POP;
    bool defined = relation ? mpq_sgn(sy) != 0 && (kind != AGGREGATE_CORR || mpq_sgn(sx) != 0)
                            : s->count >= (sample ? 2 : 1);
    if (defined && kind == AGGREGATE_CORR) {
        int sign = mpq_sgn(sxy);
        mpq_mul(sxy, sxy, sxy);
        mpq_mul(divisor, sx, sy);
        mpq_div(sxy, sxy, divisor);
        set_nearest(value, sxy, true);
        if (sign < 0)
            mpq_neg(value, value);
    } else if (defined && relation) {
        mpq_div(sxy, sxy, sy);
        set_nearest(value, sxy, false);
    } else if (defined) {
        mpq_set_ui(divisor, s->count * (sample ? s->count - 1 : s->count), 1);
        mpq_div(sx, sx, divisor);
        set_nearest(value, sx, root);
    }
    mpq_clears(sx, sy, sxy, divisor, NULL);
    return defined;
}

static bool scan_place(const aggregate_t *what, size_t low, size_t high, size_t at, mpq_t value)
{
    size_t place = what->kind == AGGREGATE_FIRST_VALUE  ? low
                   : what->kind == AGGREGATE_LAST_VALUE ? high - 1
                                                        : at - what->offset;
    if (what->kind == AGGREGATE_LAG ? at < what->offset : low >= high)
        return false;
    if (decimal_is_null(rows[place].values[what->argument]))
        return false;
    set_decimal(value, rows[place].values[what->argument]);
    return true;
}

// The value for row `at`, from nothing but the list of rows.
static bool scan(const window_spec_t *window, const aggregate_t *what, size_t at, mpq_t value,
                 uint64_t *count)
{
    size_t low = 0, high = 0;
    if (window->by_rows) {
        high = at;
        low = at > window->rows ? at - window->rows : 0;
    } else {
        while (low < at && rows[low].ts < rows[at].ts - window->span_us)
            low++;
        high = low;
        while (high < at && rows[high].ts < rows[at].ts)
            high++;
    }
    scan_t s;
    scan_init(&s);
    for (size_t i = low; i < high; i++)
        scan_row(&s, what, &rows[i]);
    *count = what->kind == AGGREGATE_COUNT_ROWS ? high - low : s.count;
    bool defined = true;
    switch (what->kind) {
    case AGGREGATE_COUNT_ROWS:
    case AGGREGATE_COUNT:
        mpq_set_ui(value, *count, 1);
        break;
    case AGGREGATE_SUM:
        defined = s.count > 0;
        mpq_set(value, s.sum[0]);
        break;
    case AGGREGATE_AVG:
        defined = s.count > 0;
        if (defined) {
            mpq_set_ui(value, s.count, 1);
            mpq_div(value, s.sum[0], value);
        }
        break;
    case AGGREGATE_MIN:
        defined = s.count > 0;
        mpq_set(value, s.least);
        break;
    case AGGREGATE_MAX:
        defined = s.count > 0;
        mpq_set(value, s.most);
        break;
    case AGGREGATE_STDDEV_SAMP:
    case AGGREGATE_STDDEV_POP:
    case AGGREGATE_VAR_SAMP:
    case AGGREGATE_VAR_POP:
    case AGGREGATE_CORR:
    case AGGREGATE_REGR_SLOPE:
        defined = scan_kin(&s, what, value);
        break;
    case AGGREGATE_FIRST_VALUE:
    case AGGREGATE_LAST_VALUE:
    case AGGREGATE_LAG:
        defined = scan_place(what, low, high, at, value);
        break;
    }
    scan_clear(&s);
    return defined;
}

// ---- comparing --------------------------------------------------------------------------------

static void compare(const series_t *series, const moment_t *moment, unsigned aggregate)
{
    const aggregate_t *what = &series->layout->plan->aggregates[aggregate];
    sight_t sight = { .layout = series->layout, .windows = &series->windows, .moment = moment };
    mpq_t expected, exact, nearly, off;
    mpq_inits(expected, exact, nearly, off, NULL);
    uint64_t count;
    bool defined = scan(&series->layout->plan->windows[what->window], what,
                        (size_t) moment->position, expected, &count);
    assert_int_equal(aggregate_rows(&sight, aggregate), count);
    assert_int_equal(aggregate_exact(&sight, aggregate, exact), defined);
    double value, error;
    assert_int_equal(aggregate_approximate(&sight, aggregate, &value, &error), defined);
    if (defined) {
        assert_true(mpq_equal(expected, exact));
        assert_true(isfinite(value) && error >= 0);
        assert_true(error <= fabs(value) * 1e-14);
        mpq_set_d(nearly, value);
        mpq_sub(off, nearly, exact);
        mpq_abs(off, off);
        mpq_set_d(nearly, error);
        assert_true(mpq_cmp(off, nearly) <= 0);
    }
    if (what->kind == AGGREGATE_SUM || what->kind == AGGREGATE_AVG)
        assert_int_equal(aggregate_sign(&sight, aggregate), defined ? mpq_sgn(expected) : 0);
    mpq_clears(expected, exact, nearly, off, NULL);
}

static void compare_all(series_t *series, uint64_t position)
{
    moment_t moment;
    assert_true(series_look(series, position, &moment));
    for (unsigned i = 0; i < series->layout->plan->aggregate_count; i++)
        compare(series, &moment, i);
}

// ---- streams ----------------------------------------------------------------------------------

typedef decimal_t number_of_t(seeded_t *);

static decimal_t prices(seeded_t *seed)
{
    return (decimal_t){ .mantissa = 2700000 + (int64_t) seeded_below(seed, 5000), .exponent = -2 };
}

static decimal_t few(seeded_t *seed) // ties, zeros and signs
{
    return (decimal_t){ .mantissa = (int64_t) seeded_below(seed, 5) - 2, .exponent = -1 };
}

static decimal_t volumes(seeded_t *seed) // ever more digits after the point
{
    return (decimal_t){ .mantissa = (int64_t) seeded_below(seed, 1u << 30),
                        .exponent = (int8_t) - (int) seeded_below(seed, 9) };
}

static decimal_t glitches(seeded_t *seed) // 1e17 now and then among cents
{
    if (seeded_below(seed, 60) == 0)
        return (decimal_t){ .mantissa = 1, .exponent = 17 };
    return (decimal_t){ .mantissa = (int64_t) seeded_below(seed, 1000000000), .exponent = -9 };
}

static decimal_t anything(seeded_t *seed)
{
    int64_t mantissa = (int64_t) (seeded_next(seed) % 2000000000000000000) - 1000000000000000000;
    for (uint64_t shorter = seeded_below(seed, 18); shorter > 0; shorter--)
        mantissa /= 10;
    return (decimal_t){ .mantissa = mantissa,
                        .exponent = (int8_t) ((int) seeded_below(seed, 60) - 40) };
}

static void run(uint64_t state, number_of_t *numbers, unsigned null_one_in, size_t count)
{
    seeded_t seed = { .state = state };
    table_t table;
    table_init(&table);
    layout_t *layout = layout_new(&table.plan);
    series_t *series = series_new(slice_text("t:x"), 1, layout);
    figure_t arguments[2];
    figure_init(&arguments[0]);
    figure_init(&arguments[1]);
    row_count = 0;
    int64_t ts = 1000;
    for (size_t i = 0; i < count; i++) {
        uint64_t step = seeded_below(&seed, 40);
        ts += step < 15 ? 0 : step < 38 ? (int64_t) step / 8 : (int64_t) seeded_below(&seed, 500);
        remembered_t *row = &rows[row_count++];
        row->ts = ts;
        for (int c = 0; c < 2; c++) {
            bool null = null_one_in && seeded_below(&seed, null_one_in) == 0;
            row->values[c] = null ? DECIMAL_NULL : numbers(&seed);
            figure_set_decimal(&arguments[c], row->values[c]);
        }
        row_t fresh = { .ts = ts, .values = row->values, .arguments = arguments, .ordinal = true };
        moment_t moment;
        size_t open;
        assert_int_equal(series_admit(series, &fresh, &open), ADMIT_NEW);
        assert_true(series_accept(series, &fresh, &moment));
        if (i % 3 == 0)
            compare_all(series, i);
        if (i % 50 == 49) { // as after a load
            series->windows.stale = true;
            compare_all(series, i);
        }
    }
    // What is kept is what the plan says.
    size_t kept = 0;
    while (kept < count && rows[kept].ts < ts - 300)
        kept++;
    assert_int_equal(series->ring.head, kept < count - 51 ? kept : count - 51);
    figure_clear(&arguments[0]);
    figure_clear(&arguments[1]);
    series_destroy(&series);
    layout_destroy(&layout);
}

static void test_prices(void **state)
{
    (void) state;
    run(11, prices, 0, 600);
}

static void test_few(void **state)
{
    (void) state;
    run(12, few, 6, 900);
}

static void test_volumes(void **state)
{
    (void) state;
    run(13, volumes, 20, 600);
}

static void test_glitches(void **state)
{
    (void) state;
    run(14, glitches, 10, 900);
}

static void test_anything(void **state)
{
    (void) state;
    run(15, anything, 10, 600);
}

static void test_nulls(void **state)
{
    (void) state;
    run(16, few, 1, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prices),   cmocka_unit_test(test_few),
        cmocka_unit_test(test_volumes),  cmocka_unit_test(test_glitches),
        cmocka_unit_test(test_anything), cmocka_unit_test(test_nulls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
