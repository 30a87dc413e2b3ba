/*  aggregate_cells -- see aggregate_cells.h. */
#include "actors/transform/aggregate_cells.h"

#include <stdlib.h>

typedef struct {
    const aggregate_t *what;
    const cells_t *cells;
    const cell_window_t *window;
    const cell_slot_t *slot;     // NULL for count(*)
    const trace_layout_t *trace; // NULL for count(*)
} source_t;

static source_t source_of(const sight_t *sight, unsigned aggregate)
{
    const layout_t *layout = sight->layout;
    const aggregate_t *what = &layout->plan->aggregates[aggregate];
    const cells_t *cells = cells_of(sight->moment->cells, what->window);
    uint16_t slot = layout->slot_of[aggregate], trace = layout->trace_of[aggregate];
    return (source_t){
        .what = what,
        .cells = cells,
        .window = &cells->windows[what->window],
        .slot = slot == LAYOUT_NO_SLOT ? NULL : &cells->slots[slot],
        .trace = trace == LAYOUT_NO_TRACE ? NULL : &layout->traces[trace],
    };
}

uint64_t cells_rows(const sight_t *sight, unsigned aggregate)
{
    source_t source = source_of(sight, aggregate);
    return source.slot ? source.slot->count : source.window->rows;
}

int cells_sign(const sight_t *sight, unsigned aggregate)
{
    return mpz_sgn(source_of(sight, aggregate).slot->sums[0]);
}

// A tally as a number; `column` is where its exponent is.
static void tallied(const source_t *source, unsigned tally, unsigned column, mpq_t value)
{
    mpz_set(mpq_numref(value), source->slot->sums[tally]);
    mpz_set_ui(mpq_denref(value), 1);
    exact_scale(value, source->cells->ring.columns[column].exponent);
}

static void set_sum(const source_t *source, mpq_t value)
{
    int trace = layout_trace(source->cells->layout, TRACE_SUM, source->what->argument, -1);
    tallied(source, 0, source->cells->layout->traces[trace].column + 1u, value);
}

bool cells_sum(const sight_t *sight, unsigned aggregate, mpq_t sum)
{
    source_t source = source_of(sight, aggregate);
    if (source.slot->count > 0)
        set_sum(&source, sum);
    return source.slot->count > 0;
}

// n * product - a * b
static void spread(const source_t *source, mpq_t product, const mpq_t a, const mpq_t b)
{
    mpq_t other;
    mpq_init(other);
    mpq_set_ui(other, source->slot->count, 1);
    mpq_mul(product, product, other);
    mpq_mul(other, a, b);
    mpq_sub(product, product, other);
    mpq_clear(other);
}

static bool variance(const source_t *source, mpq_t squares)
{
    aggregate_kind_t kind = source->what->kind;
    bool sample = kind == AGGREGATE_VAR_SAMP || kind == AGGREGATE_STDDEV_SAMP;
    bool root = kind == AGGREGATE_STDDEV_SAMP || kind == AGGREGATE_STDDEV_POP;
    uint64_t n = source->slot->count;
    if (n < (sample ? 2 : 1))
        return false;
    mpq_t sum;
    mpq_init(sum);
    set_sum(source, sum);
    tallied(source, 1, source->trace->column, squares);
    spread(source, squares, sum, sum);
    mpz_mul_ui(mpq_denref(squares), mpq_denref(squares), n);
    mpz_mul_ui(mpq_denref(squares), mpq_denref(squares), sample ? n - 1 : n);
    mpq_canonicalize(squares);
    bool real = mpq_sgn(squares) >= 0; // as always, unless a journal tells sums that no rows have
    if (real)
        (root ? exact_round_root : exact_round)(squares);
    mpq_clear(sum);
    return real;
}

// corr(Y, X) and regr_slope(Y, X): Y is the first argument.
static bool relation(const source_t *source, mpq_t xy)
{
    mpq_t y, x, yy, xx;
    mpq_inits(y, x, yy, xx, NULL);
    unsigned column = source->trace->column;
    tallied(source, 0, column + 1, y);
    tallied(source, 1, column + 2, x);
    tallied(source, 2, column + 3, yy);
    tallied(source, 3, column + 4, xx);
    tallied(source, 4, column + 5, xy);
    spread(source, yy, y, y);
    spread(source, xx, x, x);
    spread(source, xy, x, y);
    bool corr = source->what->kind == AGGREGATE_CORR;
    bool defined = mpq_sgn(xx) > 0 && (!corr || mpq_sgn(yy) > 0); // never < 0, as above
    if (defined && corr) {
        int sign = mpq_sgn(xy);
        mpq_mul(xy, xy, xy);
        mpq_mul(xx, xx, yy);
        mpq_div(xy, xy, xx);
        exact_round_root(xy);
        if (sign < 0)
            mpq_neg(xy, xy);
    } else if (defined) {
        mpq_div(xy, xy, xx);
        exact_round(xy);
    }
    mpq_clears(y, x, yy, xx, NULL);
    return defined;
}

// The number of one cell that min, max, first_value and last_value are.
static bool of_cell(const source_t *source, mpq_t value)
{
    const cell_slot_t *slot = source->slot;
    const cell_window_t *window = source->window;
    uint64_t cell = source->what->kind == AGGREGATE_FIRST_VALUE ? window->low : window->high - 1;
    if (window->low >= window->high)
        return false;
    if (source->what->kind == AGGREGATE_MIN && !extremes_first(&slot->least, window->low, &cell))
        return false;
    if (source->what->kind == AGGREGATE_MAX && !extremes_first(&slot->most, window->low, &cell))
        return false;
    figure_t figure;
    figure_init(&figure);
    ring_get(&source->cells->ring, source->trace->column, cell, &figure);
    bool known = figure.size != FIGURE_NULL;
    if (known)
        figure_rational(&figure, value);
    figure_clear(&figure);
    return known;
}

bool cells_exact(const sight_t *sight, unsigned aggregate, mpq_t value)
{
    source_t source = source_of(sight, aggregate);
    switch (source.what->kind) {
    case AGGREGATE_COUNT_ROWS:
    case AGGREGATE_COUNT:
        mpq_set_ui(value, cells_rows(sight, aggregate), 1);
        return true;
    case AGGREGATE_SUM:
    case AGGREGATE_AVG:
        if (!cells_sum(sight, aggregate, value))
            return false;
        if (source.what->kind == AGGREGATE_AVG) {
            mpz_mul_ui(mpq_denref(value), mpq_denref(value), source.slot->count);
            mpq_canonicalize(value);
        }
        return true;
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
    case AGGREGATE_FIRST_VALUE:
    case AGGREGATE_LAST_VALUE:
        return of_cell(&source, value);
    case AGGREGATE_LAG: // over rows only, as ema
    case AGGREGATE_EMA:
        return false;
    case AGGREGATE_STDDEV_SAMP:
    case AGGREGATE_STDDEV_POP:
    case AGGREGATE_VAR_SAMP:
    case AGGREGATE_VAR_POP:
        return variance(&source, value);
    case AGGREGATE_CORR:
    case AGGREGATE_REGR_SLOPE:
        return relation(&source, value);
    case AGGREGATE_DELTA:
    case AGGREGATE_RATE:
    case AGGREGATE_TWAVG: {
        course_view_t view = { .course = &source.slot->course,
                               .ring = &source.cells->ring,
                               .column = source.trace->column,
                               .kind = source.what->kind,
                               .ts = sight->moment->ts };
        return course_exact(&view, value);
    }
    case AGGREGATE_MEDIAN:
        return ranks_exact(&source.slot->ranks, &source.cells->ring, source.trace->column, value);
    }
    abort();
}

approximate_t cells_approximate(const sight_t *sight, unsigned aggregate, double *value,
                                double *error)
{
    mpq_t exact;
    mpq_init(exact);
    approximate_t known = !cells_exact(sight, aggregate, exact) ? APPROXIMATE_NULL
                          : exact_estimate(exact, value, error) ? APPROXIMATE_VALUE
                                                                : APPROXIMATE_UNSURE;
    mpq_clear(exact);
    return known;
}
