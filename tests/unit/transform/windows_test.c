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
#include <string.h>

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
// What windows by time see.
static struct {
    bool coarse; // cells of 2^bits microseconds, of rows from `from` on
    int bits;
    size_t from;
} views[TABLE_WINDOWS];

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

// The numbers of rows low .. high - 1 in order: their rows, or, of each cell, that of the last one
// and that of its newest row, whose time it has.
static size_t list_numbers(const aggregate_t *what, size_t low, size_t high, size_t *numbers,
                           int64_t *times)
{
    bool coarse = views[what->window].coarse;
    int bits = views[what->window].bits;
    size_t count = 0;
    for (size_t i = low, end; i < high; i = end) {
        size_t number = SIZE_MAX;
        for (end = i;
             end < high && (end == i || (coarse && rows[end].ts >> bits == rows[i].ts >> bits));
             end++)
            if (!decimal_is_null(rows[end].values[what->argument]))
                number = end;
        if (number == SIZE_MAX)
            continue;
        numbers[count] = number;
        times[count++] = rows[end - 1].ts;
    }
    return count;
}

static void add_weighed(mpq_t sum, const mpq_t number, int64_t weight)
{
    mpq_t part;
    mpq_init(part);
    mpq_set_si(part, weight, 1);
    mpq_mul(part, part, number);
    mpq_add(sum, sum, part);
    mpq_clear(part);
}

static bool scan_course(const aggregate_t *what, size_t low, size_t high, size_t at, mpq_t value)
{
    static size_t numbers[ROWS_MAX];
    static int64_t times[ROWS_MAX + 1];
    size_t count = list_numbers(what, low, high, numbers, times);
    if (count == 0)
        return false;
    mpq_t number;
    mpq_init(number);
    int64_t lapse =
        what->kind == AGGREGATE_TWAVG ? rows[at].ts - times[0] : times[count - 1] - times[0];
    mpq_set_ui(value, 0, 1);
    times[count] = rows[at].ts;
    for (size_t i = 0; i < count; i++) {
        set_decimal(number, rows[numbers[i]].values[what->argument]);
        if (what->kind == AGGREGATE_TWAVG)
            add_weighed(value, number, times[i + 1] - times[i]);
        else
            add_weighed(value, number, (i == count - 1) - (i == 0));
    }
    mpq_set_si(number, what->kind == AGGREGATE_RATE ? 1000000 : 1, 1);
    mpq_mul(value, value, number);
    mpq_set_si(number, what->kind == AGGREGATE_DELTA ? 1 : lapse, 1);
    bool defined = mpq_sgn(number) > 0;
    if (defined)
        mpq_div(value, value, number);
    mpq_clear(number);
    return defined;
}

static bool scan_median(const aggregate_t *what, size_t low, size_t high, mpq_t value)
{
    static size_t numbers[ROWS_MAX];
    static int64_t times[ROWS_MAX];
    size_t count = list_numbers(what, low, high, numbers, times);
    for (size_t i = 1; i < count; i++) // into order, by insertion
        for (size_t k = i; k > 0; k--) {
            size_t a = numbers[k - 1], b = numbers[k];
            if (decimal_compare(rows[a].values[what->argument], rows[b].values[what->argument]) <=
                0)
                break;
            numbers[k - 1] = b;
            numbers[k] = a;
        }
    if (count == 0)
        return false;
    mpq_t other;
    mpq_init(other);
    set_decimal(value, rows[numbers[(count - 1) / 2]].values[what->argument]);
    set_decimal(other, rows[numbers[count / 2]].values[what->argument]);
    mpq_add(value, value, other);
    mpq_div_2exp(value, value, 1);
    mpq_clear(other);
    return true;
}

static bool scan_ema(const aggregate_t *what, size_t low, size_t high, uint32_t window, mpq_t value)
{
    mpq_t a, step;
    mpq_inits(a, step, NULL);
    mpq_set_ui(a, 2, window + 1);
    mpq_canonicalize(a);
    bool any = false;
    for (size_t i = low; i < high; i++) {
        if (decimal_is_null(rows[i].values[what->argument]))
            continue;
        set_decimal(step, rows[i].values[what->argument]);
        if (any) {
            mpq_sub(step, step, value);
            mpq_mul(step, step, a);
            mpq_add(value, value, step);
        } else {
            mpq_set(value, step);
        }
        any = true;
    }
    if (any)
        set_nearest(value, value, false);
    mpq_clears(a, step, NULL);
    return any;
}

// The value for row `at`, from nothing but the list of rows.
static bool scan(const window_spec_t *window, const aggregate_t *what, size_t at, mpq_t value,
                 uint64_t *count)
{
    int bits = views[what->window].bits;
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
        // A cell is in as long as its newest row is.
        while (views[what->window].coarse && low < high && low > views[what->window].from &&
               rows[low - 1].ts >> bits == rows[low].ts >> bits)
            low--;
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
    case AGGREGATE_DELTA:
    case AGGREGATE_RATE:
    case AGGREGATE_TWAVG:
        defined = scan_course(what, low, high, at, value);
        break;
    case AGGREGATE_MEDIAN:
        defined = scan_median(what, low, high, value);
        break;
    case AGGREGATE_EMA:
        defined = scan_ema(what, low, high, window->rows, value);
        break;
    }
    scan_clear(&s);
    return defined;
}

// ---- comparing --------------------------------------------------------------------------------

static void compare(const series_t *series, const moment_t *moment, unsigned aggregate)
{
    const aggregate_t *what = &series->layout->plan->aggregates[aggregate];
    sight_t sight = { .layout = series->layout, .moment = moment };
    mpq_t expected, exact, nearly, off;
    mpq_inits(expected, exact, nearly, off, NULL);
    uint64_t count;
    bool defined = scan(&series->layout->plan->windows[what->window], what,
                        (size_t) moment->position, expected, &count);
    assert_int_equal(aggregate_rows(&sight, aggregate), count);
    assert_int_equal(aggregate_exact(&sight, aggregate, exact), defined);
    double value, error;
    assert_int_equal(aggregate_approximate(&sight, aggregate, &value, &error),
                     defined ? APPROXIMATE_VALUE : APPROXIMATE_NULL);
    if (defined) {
        assert_true(mpq_equal(expected, exact));
        assert_true(isfinite(value) && error >= 0);
        // That of ema is one of its largest number.
        assert_true(what->kind == AGGREGATE_EMA || error <= fabs(value) * 1e-14);
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

static void compare_all(series_t *series)
{
    moment_t moment;
    assert_true(series_look(series, series->open.end - 1, &moment));
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

typedef struct {
    uint64_t seed;
    number_of_t *numbers;
    unsigned null_one_in; // 0: never
    size_t count;
    int bits, short_bits; // the longer window's cells, and the shorter's; -1: never coarse
} tape_t;

enum { SHORT, LONG }; // windows by time

static size_t first_since(int64_t ts)
{
    size_t first = 0;
    while (first < row_count && rows[first].ts < ts)
        first++;
    return first;
}

// The longer window turns coarse every 40 rows, five rows later the shorter as well, with cells of
// its own or those of the longer; notice when one ran empty and is exact again.
static size_t turn(series_t *series, const tape_t *tape, size_t row)
{
    const window_spec_t *windows = series->layout->plan->windows;
    bool was[] = { series->exact_us < windows[SHORT].span_us,
                   series->exact_us < windows[LONG].span_us };
    int64_t to = row % 40 == 30 ? windows[SHORT].span_us : row % 40 == 35 ? 0 : INT64_MAX;
    if (tape->bits >= 0 && to < series->exact_us)
        assert_true(series_turn(series, to));
    for (int w = SHORT; w <= LONG; w++) {
        views[w].coarse = series->exact_us < windows[w].span_us;
        views[w].bits = w == LONG ? tape->bits : tape->short_bits;
        if (views[w].coarse && !was[w])
            views[w].from = w == SHORT && was[LONG] && tape->bits == tape->short_bits
                                ? views[LONG].from
                                : first_since(series->newest - cells_of(series->cells, w)->span_us);
    }
    if (series->cells)
        series->resend = series->ring.tail; // as if it were in a delta already
    series_trim(series);
    return views[SHORT].coarse + views[LONG].coarse;
}

static void make_stale(series_t *series) // as after a load
{
    series->windows.stale = true;
    for (cells_t *cells = series->cells; cells; cells = cells->next)
        cells->stale = true;
}

static void accept(series_t *series, const tape_t *tape, seeded_t *seed, int64_t ts)
{
    figure_t arguments[2];
    remembered_t *row = &rows[row_count];
    row->ts = ts;
    for (int c = 0; c < 2; c++) {
        bool null = tape->null_one_in && seeded_below(seed, tape->null_one_in) == 0;
        row->values[c] = null ? DECIMAL_NULL : tape->numbers(seed);
        figure_init(&arguments[c]);
        figure_set_decimal(&arguments[c], row->values[c]);
    }
    // Rows that may be revised wait outside of cells, the others do not.
    char identity[24];
    row_t fresh = { .ts = ts,
                    .values = row->values,
                    .arguments = arguments,
                    .identity = slice_of(identity, (size_t) sprintf(identity, "%zu", row_count)),
                    .ordinal = seeded_below(seed, 2) };
    row_count++;
    moment_t moment;
    size_t open;
    assert_int_equal(series_admit(series, &fresh, &open), ADMIT_NEW);
    assert_true(series_accept(series, &fresh, &moment));
    figure_clear(&arguments[0]);
    figure_clear(&arguments[1]);
}

static void assert_kept(const series_t *series, int64_t ts)
{
    // What is kept is what the plan says, for windows that are exact.
    size_t kept =
        views[SHORT].coarse ? row_count : first_since(ts - (views[LONG].coarse ? 10 : 300));
    uint64_t open = series->open.rows[series->open.first].position;
    uint64_t before = open < 50 ? 0 : open - 50;
    assert_int_equal(series->ring.head, kept < before ? kept : before);
}

static void run(const tape_t *tape)
{
    seeded_t seed = { .state = tape->seed };
    table_t table;
    table_init(&table);
    layout_t *layout = layout_new(&table.plan, OPEN_ROWS_MAX);
    if (tape->bits >= 0) {
        layout->cell_bits[LONG] = (uint8_t) tape->bits;
        layout->cell_bits[SHORT] = (uint8_t) tape->short_bits;
    }
    series_t *series = series_new(slice_text("t:x"), 1, layout);
    row_count = 0;
    memset(views, 0, sizeof views);
    int64_t ts = 1000;
    size_t coarse = 0;
    for (size_t i = 0; i < tape->count; i++) {
        uint64_t step = seeded_below(&seed, 40);
        ts += step < 15 ? 0 : step < 39 ? (int64_t) step / 8 : (int64_t) seeded_below(&seed, 450);
        accept(series, tape, &seed, ts);
        coarse += turn(series, tape, i);
        if (i % 3 == 0)
            compare_all(series);
        if (i % 7 == 0)
            assert_kept(series, ts);
        if (i % 50 == 49) {
            make_stale(series);
            compare_all(series);
        }
    }
    assert_true(coarse >= (tape->bits < 0 ? 0 : tape->count / 4));
    series_destroy(&series);
    layout_destroy(&layout);
}

static void test_rows(void **state)
{
    (void) state;
    const tape_t tapes[] = {
        { 11, prices, 0, 600, -1, -1 },    { 12, few, 6, 900, -1, -1 },
        { 13, volumes, 20, 600, -1, -1 },  { 14, glitches, 10, 900, -1, -1 },
        { 15, anything, 10, 600, -1, -1 }, { 16, few, 1, 100, -1, -1 },
    };
    for (size_t i = 0; i < sizeof tapes / sizeof *tapes; i++)
        run(&tapes[i]);
}

// Cells of a microsecond lose nothing.
static void test_finest_cells(void **state)
{
    (void) state;
    const tape_t tapes[] = {
        { 21, prices, 0, 600, 0, 0 },
        { 22, few, 6, 900, 0, 0 },
        { 23, glitches, 10, 900, 0, 0 },
        { 24, anything, 10, 600, 0, 0 },
    };
    for (size_t i = 0; i < sizeof tapes / sizeof *tapes; i++)
        run(&tapes[i]);
}

static void test_cells(void **state)
{
    (void) state;
    const tape_t tapes[] = {
        { 31, prices, 0, 600, 2, 0 },    { 32, few, 6, 900, 3, 1 },
        { 33, volumes, 20, 600, 4, 2 },  { 34, glitches, 10, 900, 5, 2 },
        { 35, anything, 10, 600, 3, 1 }, { 36, few, 1, 100, 3, 2 },
        { 37, few, 6, 900, 3, 3 },
    };
    for (size_t i = 0; i < sizeof tapes / sizeof *tapes; i++)
        run(&tapes[i]);
}

// A number that made a column wide leaves nothing behind, not even that.
static void test_narrow_again(void **state)
{
    (void) state;
    ring_t ring;
    assert_true(ring_open(&ring, 1, 0, 0));
    figure_t figure;
    figure_init(&figure);
    for (uint64_t i = 0; i < 200; i++) {
        bool glitch = i == 50;
        figure_set_decimal(&figure, (decimal_t){ .mantissa = glitch ? 1 : 12345 + (int64_t) i,
                                                 .exponent = glitch ? 17 : -8 });
        assert_true(ring_push(&ring, (int64_t) i));
        assert_true(ring_set(&ring, 0, i, &figure));
        ring.head = i > 20 ? i - 20 : 0;
        if (i < 50)
            assert_null(ring.columns[0].wide);
        else if (i == 50)
            assert_non_null(ring.columns[0].wide);
    }
    assert_null(ring.columns[0].wide);
    assert_int_equal(ring.columns[0].exponent, -8);
    figure_clear(&figure);
    ring_close(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_finest_cells),
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_narrow_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
