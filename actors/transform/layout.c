/*  layout -- see layout.h. */
#include "actors/transform/layout.h"

#include <stdlib.h>
#include <string.h>

#include "actors/rules/expr.h"

static uint8_t needs_of(aggregate_kind_t kind)
{
    switch (kind) {
    case AGGREGATE_COUNT_ROWS:
    case AGGREGATE_COUNT:
    case AGGREGATE_SUM:
    case AGGREGATE_AVG:
    case AGGREGATE_FIRST_VALUE:
    case AGGREGATE_LAST_VALUE:
    case AGGREGATE_LAG:
    case AGGREGATE_EMA:
        return 0; // count and sum are always kept
    case AGGREGATE_MIN:
        return SLOT_MIN;
    case AGGREGATE_MAX:
        return SLOT_MAX;
    case AGGREGATE_STDDEV_SAMP:
    case AGGREGATE_STDDEV_POP:
    case AGGREGATE_VAR_SAMP:
    case AGGREGATE_VAR_POP:
        return SLOT_SQUARES;
    case AGGREGATE_CORR:
    case AGGREGATE_REGR_SLOPE:
        return SLOT_SQUARES | SLOT_PAIR;
    case AGGREGATE_DELTA:
    case AGGREGATE_RATE:
        return SLOT_COURSE;
    case AGGREGATE_TWAVG:
        return SLOT_COURSE | SLOT_AREA;
    case AGGREGATE_MEDIAN:
        return SLOT_RANKS;
    }
    abort();
}

// The slot of an aggregate among those there are already from `first` on; a new one if none.
static uint16_t slot_for(layout_t *self, size_t first, const aggregate_t *aggregate)
{
    for (size_t i = first; i < self->slot_count; i++) {
        slot_layout_t *slot = &self->slots[i];
        if (slot->argument == aggregate->argument && slot->argument2 == aggregate->argument2) {
            slot->needs |= needs_of(aggregate->kind);
            return (uint16_t) i;
        }
    }
    self->slots[self->slot_count] = (slot_layout_t){ .window = aggregate->window,
                                                     .argument = aggregate->argument,
                                                     .argument2 = aggregate->argument2,
                                                     .needs = needs_of(aggregate->kind) };
    return (uint16_t) self->slot_count++;
}

static void lay_slots(layout_t *self)
{
    const table_plan_t *plan = self->plan;
    for (size_t w = 0; w < plan->window_count; w++) {
        self->first_slot[w] = (uint16_t) self->slot_count;
        for (size_t a = 0; a < plan->aggregate_count; a++) {
            const aggregate_t *aggregate = &plan->aggregates[a];
            if (aggregate->window != w)
                continue;
            self->slot_of[a] = aggregate->kind == AGGREGATE_COUNT_ROWS
                                   ? LAYOUT_NO_SLOT
                                   : slot_for(self, self->first_slot[w], aggregate);
        }
    }
    self->first_slot[plan->window_count] = (uint16_t) self->slot_count;
}

// What an argument that is no raw column means, by the names of its columns.
static void digest_arguments(layout_t *self)
{
    for (size_t i = 0; i < self->plan->argument_count; i++)
        if (self->plan->arguments[i].column < 0)
            expr_digest_argument(self->plan, self->plan->arguments[i].expr, self->digests[i].bytes);
}

layout_t *layout_new(const table_plan_t *plan, uint32_t open_rows_max)
{
    layout_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->plan = plan;
    self->open_rows_max = open_rows_max;
    self->slots = calloc(plan->aggregate_count + 1, sizeof *self->slots);
    self->first_slot = calloc(plan->window_count + 1, sizeof *self->first_slot);
    self->slot_of = calloc(plan->aggregate_count + 1, sizeof *self->slot_of);
    self->digests = calloc(plan->argument_count + 1, sizeof *self->digests);
    self->docket = docket_new(plan);
    if (!self->docket || !self->slots || !self->first_slot || !self->slot_of || !self->digests ||
        !layout_lay_traces(self)) {
        layout_destroy(&self);
        return NULL;
    }
    digest_arguments(self);
    lay_slots(self);
    return self;
}

void layout_destroy(layout_t **self_p)
{
    layout_t *self = *self_p;
    if (!self)
        return;
    docket_destroy(&self->docket);
    free(self->digests);
    free(self->traces);
    free(self->trace_of);
    free(self->cell_merges);
    free(self->cell_bits);
    free(self->slot_of);
    free(self->first_slot);
    free(self->slots);
    free(self);
    *self_p = NULL;
}

int layout_column(const layout_t *self, const char *name)
{
    for (size_t i = 0; i < self->plan->column_count; i++)
        if (strcmp(self->plan->columns[i], name) == 0)
            return (int) i;
    return -1;
}

int layout_rule(const layout_t *self, const char *name)
{
    size_t low = 0, high = self->plan->rule_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(self->plan->rules[middle].name, name);
        if (order == 0)
            return (int) middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

int layout_argument(const layout_t *self, const layout_t *other, size_t index)
{
    const argument_t *wanted = &other->plan->arguments[index];
    int column = -1;
    if (wanted->column >= 0) {
        column = layout_column(self, other->plan->columns[wanted->column]);
        if (column < 0)
            return -1;
    }
    for (size_t i = 0; i < self->plan->argument_count; i++) {
        if (self->plan->arguments[i].column != column)
            continue;
        if (column >= 0 || memcmp(self->digests[i].bytes, other->digests[index].bytes,
                                  sizeof self->digests[i].bytes) == 0)
            return (int) i;
    }
    return -1;
}

static bool same_argument(const layout_t *self, int argument, const layout_t *other, int theirs)
{
    return argument < 0 || theirs < 0 ? argument == theirs
                                      : layout_argument(self, other, (size_t) theirs) == argument;
}

bool layout_same_aggregate(const layout_t *self, size_t aggregate, const layout_t *other,
                           size_t theirs)
{
    const aggregate_t *a = &self->plan->aggregates[aggregate];
    const aggregate_t *b = &other->plan->aggregates[theirs];
    const window_spec_t *mine = &self->plan->windows[a->window];
    const window_spec_t *window = &other->plan->windows[b->window];
    return a->kind == b->kind && a->offset == b->offset && mine->by_rows == window->by_rows &&
           (mine->by_rows ? mine->rows == window->rows : mine->span_us == window->span_us) &&
           same_argument(self, a->argument, other, b->argument) &&
           same_argument(self, a->argument2, other, b->argument2);
}
