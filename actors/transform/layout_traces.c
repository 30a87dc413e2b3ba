/*  layout_traces -- what cells keep of the arguments of windows by time: see layout.h. */
#include <stdlib.h>

#include "actors/transform/layout.h"

enum { TRACE_COLUMNS_MAX = 6, TRACES_OF_ONE_MAX = 2, CELLS_OF_WINDOW = 65536, BITS_MAX = 46 };

int layout_trace(const layout_t *self, trace_kind_t kind, int argument, int argument2)
{
    for (size_t i = 0; i < self->trace_count; i++)
        if (self->traces[i].kind == kind && self->traces[i].argument == argument &&
            self->traces[i].argument2 == argument2)
            return (int) i;
    return -1;
}

static trace_kind_t trace_kind(aggregate_kind_t kind)
{
    switch (kind) {
    case AGGREGATE_COUNT_ROWS:
    case AGGREGATE_COUNT:
    case AGGREGATE_SUM:
    case AGGREGATE_AVG:
    case AGGREGATE_LAG: // over rows only, as ema
    case AGGREGATE_EMA:
        return TRACE_SUM;
    case AGGREGATE_MIN:
        return TRACE_LEAST;
    case AGGREGATE_MAX:
        return TRACE_MOST;
    case AGGREGATE_STDDEV_SAMP:
    case AGGREGATE_STDDEV_POP:
    case AGGREGATE_VAR_SAMP:
    case AGGREGATE_VAR_POP:
        return TRACE_SQUARES;
    case AGGREGATE_CORR:
    case AGGREGATE_REGR_SLOPE:
        return TRACE_PAIR;
    case AGGREGATE_FIRST_VALUE:
        return TRACE_FIRST;
    case AGGREGATE_LAST_VALUE:
        return TRACE_LAST;
    case AGGREGATE_DELTA:
    case AGGREGATE_RATE:
    case AGGREGATE_TWAVG:
    case AGGREGATE_MEDIAN:
        return TRACE_NEWEST;
    }
    abort();
}

static unsigned columns_of(trace_kind_t kind)
{
    return kind == TRACE_SUM ? 2 : kind == TRACE_PAIR ? TRACE_COLUMNS_MAX : 1;
}

static cell_merge_t merge_of(trace_kind_t kind)
{
    switch (kind) {
    case TRACE_SUM:
    case TRACE_SQUARES:
    case TRACE_PAIR:
        return CELL_ADD;
    case TRACE_LEAST:
        return CELL_LEAST;
    case TRACE_MOST:
        return CELL_MOST;
    case TRACE_FIRST:
        return CELL_FIRST;
    case TRACE_LAST:
        return CELL_LAST;
    case TRACE_NEWEST:
        return CELL_NEWEST;
    }
    abort();
}

static uint16_t trace_for(layout_t *self, trace_kind_t kind, int16_t argument, int16_t argument2)
{
    int known = layout_trace(self, kind, argument, argument2);
    if (known >= 0)
        return (uint16_t) known;
    self->traces[self->trace_count] = (trace_layout_t){ .kind = kind,
                                                        .argument = argument,
                                                        .argument2 = argument2,
                                                        .column = self->cell_column_count };
    for (unsigned i = columns_of(kind); i > 0; i--)
        self->cell_merges[self->cell_column_count++] = merge_of(kind);
    return (uint16_t) self->trace_count++;
}

// So wide that a window has about CELLS_OF_WINDOW of them at most.
static uint8_t bits_for(int64_t span_us)
{
    uint8_t bits = 0;
    while (bits < BITS_MAX && ((int64_t) CELLS_OF_WINDOW << bits) < span_us)
        bits++;
    return bits;
}

bool layout_lay_traces(layout_t *self)
{
    const table_plan_t *plan = self->plan;
    size_t most = TRACES_OF_ONE_MAX * plan->aggregate_count;
    self->traces = calloc(most + 1, sizeof *self->traces);
    self->trace_of = calloc(plan->aggregate_count + 1, sizeof *self->trace_of);
    self->cell_merges = calloc(most * TRACE_COLUMNS_MAX + 1, sizeof *self->cell_merges);
    self->cell_bits = calloc(plan->window_count + 1, sizeof *self->cell_bits);
    if (!self->traces || !self->trace_of || !self->cell_merges || !self->cell_bits)
        return false;
    for (size_t i = 0; i < plan->window_count; i++)
        self->cell_bits[i] = bits_for(plan->windows[i].span_us);
    self->cell_merges[CELL_WEIGHT] = CELL_ADD;
    self->cell_column_count = 1;
    for (size_t i = 0; i < plan->aggregate_count; i++) {
        const aggregate_t *aggregate = &plan->aggregates[i];
        self->trace_of[i] = LAYOUT_NO_TRACE;
        if (plan->windows[aggregate->window].by_rows || aggregate->argument < 0)
            continue;
        trace_kind_t kind = trace_kind(aggregate->kind);
        if (kind != TRACE_PAIR)
            trace_for(self, TRACE_SUM, aggregate->argument, -1);
        self->trace_of[i] = trace_for(self, kind, aggregate->argument, aggregate->argument2);
    }
    return true;
}
