/*  aggregate -- see aggregate.h. */
#include "actors/transform/aggregate.h"

#include <stdlib.h>

#include "actors/transform/aggregate_cells.h"
#include "actors/transform/smooth.h"
#include "actors/transform/spread.h"

// An aggregate with all it is computed from.
typedef struct {
    const aggregate_t *what;
    const window_t *window;
    uint32_t rows;      // N of a window by rows
    const slot_t *slot; // NULL for count(*)
    const ring_t *ring;
    int exponent, exponent2; // of the arguments' columns
} source_t;

static source_t source_of(const sight_t *sight, unsigned aggregate)
{
    const layout_t *layout = sight->layout;
    const aggregate_t *what = &layout->plan->aggregates[aggregate];
    uint16_t slot = layout->slot_of[aggregate];
    const ring_t *ring = sight->moment->ring;
    return (source_t){
        .what = what,
        .window = &sight->moment->windows->windows[what->window],
        .rows = layout->plan->windows[what->window].rows,
        .slot = slot == LAYOUT_NO_SLOT ? NULL : &sight->moment->windows->slots[slot],
        .ring = ring,
        .exponent = what->argument < 0 ? 0 : ring->columns[what->argument].exponent,
        .exponent2 = what->argument2 < 0 ? 0 : ring->columns[what->argument2].exponent,
    };
}

uint64_t aggregate_rows(const sight_t *sight, unsigned aggregate)
{
    if (aggregate_coarse(sight, aggregate))
        return cells_rows(sight, aggregate);
    uint16_t slot = sight->layout->slot_of[aggregate];
    if (slot != LAYOUT_NO_SLOT)
        return sight->moment->windows->slots[slot].count;
    const window_t *window =
        &sight->moment->windows->windows[sight->layout->plan->aggregates[aggregate].window];
    return window->high - window->low;
}

// The row whose number min, max, first_value, last_value and lag are. False: none, or NULL there.
static bool row_of(const source_t *source, const moment_t *moment, uint64_t *position)
{
    const aggregate_t *what = source->what;
    const window_t *window = source->window;
    if (what->kind == AGGREGATE_LAG) {
        if (moment->position < source->ring->head + what->offset)
            return false;
        *position = moment->position - what->offset;
    } else if (what->kind == AGGREGATE_MIN || what->kind == AGGREGATE_MAX) {
        const slot_more_t *more = source->slot->more;
        return extremes_first(what->kind == AGGREGATE_MIN ? &more->min : &more->max, window->low,
                              position);
    } else {
        if (window->low >= window->high)
            return false;
        *position = what->kind == AGGREGATE_FIRST_VALUE ? window->low : window->high - 1;
    }
    return !ring_null(source->ring, (unsigned) what->argument, *position);
}

static void set_sum(const source_t *source, mpq_t value)
{
    const slot_t *slot = source->slot;
    if (slot->more && slot->more->big)
        mpz_set(mpq_numref(value), slot->more->big_sum);
    else
        exact_set_int128(mpq_numref(value), slot->sum);
    mpz_set_ui(mpq_denref(value), 1);
    exact_scale(value, source->exponent);
}

int aggregate_sign(const sight_t *sight, unsigned aggregate)
{
    if (aggregate_coarse(sight, aggregate))
        return cells_sign(sight, aggregate);
    const slot_t *slot = &sight->moment->windows->slots[sight->layout->slot_of[aggregate]];
    if (slot->more && slot->more->big)
        return mpz_sgn(slot->more->big_sum);
    return (slot->sum > 0) - (slot->sum < 0);
}

bool aggregate_sum(const sight_t *sight, unsigned aggregate, mpq_t sum)
{
    aggregate_kind_t kind = sight->layout->plan->aggregates[aggregate].kind;
    if (kind != AGGREGATE_SUM && kind != AGGREGATE_AVG)
        return false;
    if (aggregate_coarse(sight, aggregate))
        return cells_sum(sight, aggregate, sum);
    source_t source = source_of(sight, aggregate);
    if (source.slot->count == 0)
        return false;
    set_sum(&source, sum);
    return true;
}

static spread_t spread_of(const source_t *source)
{
    return (spread_t){ .kind = source->what->kind,
                       .slot = source->slot,
                       .exponent = source->exponent,
                       .exponent2 = source->exponent2 };
}

static approximate_t kin_approximate(const sight_t *sight, unsigned aggregate, double *value,
                                     double *error)
{
    source_t source = source_of(sight, aggregate);
    spread_t spread = spread_of(&source);
    return spread_approximate(&spread, value, error);
}

static course_view_t course_of(const source_t *source, const moment_t *moment)
{
    return (course_view_t){ .course = &source->slot->more->course,
                            .ring = source->ring,
                            .column = (unsigned) source->what->argument,
                            .kind = source->what->kind,
                            .ts = moment->ts };
}

static approximate_t course_nearly(const sight_t *sight, unsigned aggregate, double *value,
                                   double *error)
{
    source_t source = source_of(sight, aggregate);
    course_view_t view = course_of(&source, sight->moment);
    return course_approximate(&view, value, error);
}

static bool course_exactly(const source_t *source, const moment_t *moment, mpq_t value)
{
    course_view_t view = course_of(source, moment);
    return course_exact(&view, value);
}

static smooth_t smooth_of(const source_t *source)
{
    return (smooth_t){ .ring = source->ring,
                       .column = (unsigned) source->what->argument,
                       .low = source->window->low,
                       .high = source->window->high,
                       .rows = source->rows };
}

// Of the numbers of a window one by one.
static approximate_t each_nearly(const sight_t *sight, unsigned aggregate, double *value,
                                 double *error)
{
    source_t source = source_of(sight, aggregate);
    if (source.what->kind == AGGREGATE_MEDIAN)
        return ranks_approximate(&source.slot->more->ranks, source.ring,
                                 (unsigned) source.what->argument, value, error);
    smooth_t smooth = smooth_of(&source);
    return smooth_approximate(&smooth, value, error);
}

static bool each_exactly(const source_t *source, mpq_t value)
{
    if (source->what->kind == AGGREGATE_MEDIAN)
        return ranks_exact(&source->slot->more->ranks, source->ring,
                           (unsigned) source->what->argument, value);
    smooth_t smooth = smooth_of(source);
    return smooth_exact(&smooth, value);
}

static void row_rational(const source_t *source, uint64_t position, mpq_t value)
{
    figure_t figure;
    figure_init(&figure);
    ring_get(source->ring, (unsigned) source->what->argument, position, &figure);
    figure_rational(&figure, value);
    figure_clear(&figure);
}

static approximate_t row_approximate(const sight_t *sight, unsigned aggregate, double *value,
                                     double *error)
{
    source_t source = source_of(sight, aggregate);
    uint64_t position;
    if (!row_of(&source, sight->moment, &position))
        return APPROXIMATE_NULL;
    const column_t *c = &source.ring->columns[source.what->argument];
    int64_t mantissa = c->narrow ? c->narrow[position & source.ring->mask] : 0;
    int roundings = mantissa > -(1LL << 53) && mantissa < 1LL << 53 ? 0 : 1;
    if (c->narrow && exact_approximate((double) mantissa, c->exponent, roundings, value, error))
        return APPROXIMATE_VALUE;
    mpq_t exact;
    mpq_init(exact);
    row_rational(&source, position, exact);
    bool near = exact_estimate(exact, value, error);
    mpq_clear(exact);
    return near ? APPROXIMATE_VALUE : APPROXIMATE_UNSURE;
}

static approximate_t sum_approximate(const sight_t *sight, unsigned aggregate, double *value,
                                     double *error)
{
    const aggregate_t *what = &sight->layout->plan->aggregates[aggregate];
    const slot_t *slot = &sight->moment->windows->slots[sight->layout->slot_of[aggregate]];
    if (slot->count == 0)
        return APPROXIMATE_NULL;
    double divisor = what->kind == AGGREGATE_AVG ? (double) slot->count : 1;
    int exponent = sight->moment->ring->columns[what->argument].exponent;
    if (!(slot->more && slot->more->big) &&
        exact_approximate((double) slot->sum / divisor, exponent, 3, value, error))
        return APPROXIMATE_VALUE;
    mpq_t exact;
    mpq_init(exact);
    (void) aggregate_exact(sight, aggregate, exact); // there are rows
    bool near = exact_estimate(exact, value, error);
    mpq_clear(exact);
    return near ? APPROXIMATE_VALUE : APPROXIMATE_UNSURE;
}

approximate_t aggregate_approximate(const sight_t *sight, unsigned aggregate, double *value,
                                    double *error)
{
    if (aggregate_coarse(sight, aggregate))
        return cells_approximate(sight, aggregate, value, error);
    switch (sight->layout->plan->aggregates[aggregate].kind) {
    case AGGREGATE_COUNT_ROWS:
    case AGGREGATE_COUNT:
        *value = (double) aggregate_rows(sight, aggregate);
        *error = 0;
        return APPROXIMATE_VALUE;
    case AGGREGATE_SUM:
    case AGGREGATE_AVG:
        return sum_approximate(sight, aggregate, value, error);
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
    case AGGREGATE_FIRST_VALUE:
    case AGGREGATE_LAST_VALUE:
    case AGGREGATE_LAG:
        return row_approximate(sight, aggregate, value, error);
    case AGGREGATE_STDDEV_SAMP:
    case AGGREGATE_STDDEV_POP:
    case AGGREGATE_VAR_SAMP:
    case AGGREGATE_VAR_POP:
    case AGGREGATE_CORR:
    case AGGREGATE_REGR_SLOPE:
        return kin_approximate(sight, aggregate, value, error);
    case AGGREGATE_DELTA:
    case AGGREGATE_RATE:
    case AGGREGATE_TWAVG:
        return course_nearly(sight, aggregate, value, error);
    case AGGREGATE_MEDIAN:
    case AGGREGATE_EMA:
        return each_nearly(sight, aggregate, value, error);
    }
    abort();
}

static bool row_exact(const source_t *source, const moment_t *moment, mpq_t value)
{
    uint64_t position;
    if (!row_of(source, moment, &position))
        return false;
    figure_t number;
    figure_init(&number);
    ring_get(source->ring, (unsigned) source->what->argument, position, &number);
    figure_rational(&number, value);
    figure_clear(&number);
    return true;
}

static bool kin_exact(const source_t *source, mpq_t value)
{
    spread_t spread = spread_of(source);
    return spread_exact(&spread, value);
}

bool aggregate_exact(const sight_t *sight, unsigned aggregate, mpq_t value)
{
    if (aggregate_coarse(sight, aggregate))
        return cells_exact(sight, aggregate, value);
    source_t source = source_of(sight, aggregate);
    switch (source.what->kind) {
    case AGGREGATE_COUNT_ROWS:
    case AGGREGATE_COUNT:
        mpq_set_ui(value, aggregate_rows(sight, aggregate), 1);
        return true;
    case AGGREGATE_SUM:
    case AGGREGATE_AVG:
        if (source.slot->count == 0)
            return false;
        set_sum(&source, value);
        if (source.what->kind == AGGREGATE_AVG) {
            mpz_mul_ui(mpq_denref(value), mpq_denref(value), source.slot->count);
            mpq_canonicalize(value);
        }
        return true;
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
    case AGGREGATE_FIRST_VALUE:
    case AGGREGATE_LAST_VALUE:
    case AGGREGATE_LAG:
        return row_exact(&source, sight->moment, value);
    case AGGREGATE_STDDEV_SAMP:
    case AGGREGATE_STDDEV_POP:
    case AGGREGATE_VAR_SAMP:
    case AGGREGATE_VAR_POP:
    case AGGREGATE_CORR:
    case AGGREGATE_REGR_SLOPE:
        return kin_exact(&source, value);
    case AGGREGATE_DELTA:
    case AGGREGATE_RATE:
    case AGGREGATE_TWAVG:
        return course_exactly(&source, sight->moment, value);
    case AGGREGATE_MEDIAN:
    case AGGREGATE_EMA:
        return each_exactly(&source, value);
    }
    abort();
}
