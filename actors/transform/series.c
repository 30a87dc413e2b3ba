/*  series -- see series.h. */
#include "actors/transform/series.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SHRINK_FROM = 64, SHRINK_BELOW = 8 };

series_t *series_new(slice_t id, uint64_t hash, const layout_t *layout)
{
    assert(id.size <= SERIES_ID_MAX);
    series_t *self = calloc(1, sizeof *self + id.size);
    if (!self)
        return NULL;
    size_t arguments = layout->plan->argument_count;
    self->layout = layout;
    self->hash = hash;
    self->id_size = (uint8_t) id.size;
    memcpy(self->id, id.data, id.size);
    self->newest = self->floor_us = self->covered_us = INT64_MIN;
    self->exact_us = INT64_MAX;
    open_init(&self->open, (unsigned) layout->plan->column_count);
    self->known = malloc((arguments + 1) * sizeof *self->known);
    if (!self->known || !ring_open(&self->ring, (unsigned) arguments, 0, 0) ||
        !windows_open(&self->windows, layout) ||
        (layout->plan->lateness_us > 0 && !windows_open(&self->trail, layout))) {
        series_destroy(&self);
        return NULL;
    }
    for (size_t i = 0; i < arguments; i++)
        self->known[i] = (known_t){ .us = INT64_MIN };
    return self;
}

void series_destroy(series_t **self_p)
{
    series_t *self = *self_p;
    if (!self)
        return;
    ring_close(&self->ring);
    series_drop_cells(self);
    windows_close(&self->windows);
    windows_close(&self->trail);
    open_close(&self->open);
    free(self->known);
    spoken_close(&self->topics);
    roll_destroy(&self->roll);
    free(self->left.values);
    free(self->asking);
    fired_close(&self->fired);
    recalls_close(&self->recalls);
    baselines_close(&self->baselines);
    free(self);
    *self_p = NULL;
}

static void trim_kept(series_t *self)
{
    const ring_t *ring = &self->ring;
    int64_t keep_us = self->layout->plan->keep_us;
    if (keep_us > self->exact_us)
        keep_us = self->exact_us;
    if (keep_us == 0) {
        self->kept = ring->tail;
        return;
    }
    int64_t start = window_start(self->floor_us, keep_us);
    if (self->kept < ring->head)
        self->kept = ring->head;
    while (self->kept < ring->tail && ring_ts(ring, self->kept) < start)
        self->kept++;
}

void series_trim(series_t *self)
{
    ring_t *ring = &self->ring;
    const table_plan_t *plan = self->layout->plan;
    trim_kept(self);
    uint64_t before = self->open.rows[self->open.first].position;
    uint64_t head = before > plan->keep_rows ? before - plan->keep_rows : 0;
    if (head > self->kept)
        head = self->kept;
    for (cells_t *cells = self->cells; cells; cells = cells->next)
        cells_trim(cells, window_start(self->floor_us, cells->span_us));
    if (self->cells && head > self->resend)
        head = self->resend;
    if (head > ring->head)
        ring->head = head;
    size_t count = ring_count(ring);
    if (ring->mask >= SHRINK_FROM && count * SHRINK_BELOW < ring->mask)
        (void) ring_shrink(ring, 2 * count); // memory: nice to have back
}

static bool argument_covered(const series_t *self, int argument, bool by_rows, uint64_t position,
                             int64_t start)
{
    if (argument < 0)
        return true;
    const known_t *known = &self->known[argument];
    return by_rows ? known->position <= position : known->us <= start;
}

bool series_covers(const series_t *self, unsigned aggregate, const moment_t *moment)
{
    if (!self->partial && !moment->ahead)
        return true;
    const aggregate_t *what = &self->layout->plan->aggregates[aggregate];
    const window_spec_t *window = &self->layout->plan->windows[what->window];
    uint64_t from = moment->position > window->rows ? moment->position - window->rows : 0;
    int64_t start = window_start(moment->ts, window->span_us);
    if (moment->ahead && !window->by_rows && window->span_us > self->exact_us)
        return false;
    if (window->by_rows ? self->covered_position > from : self->covered_us > start)
        return false;
    if (self->cells && !window->by_rows && window->span_us > self->exact_us)
        return cells_know(cells_of(self->cells, what->window), self->layout->trace_of[aggregate],
                          start);
    return argument_covered(self, what->argument, window->by_rows, from, start) &&
           argument_covered(self, what->argument2, window->by_rows, from, start);
}

void series_note_partial(series_t *self)
{
    self->partial = self->covered_us != INT64_MIN || self->covered_position != 0;
    for (size_t i = 0; i < self->layout->plan->argument_count; i++)
        if (self->known[i].us != INT64_MIN || self->known[i].position != 0)
            self->partial = true;
    for (const cells_t *cells = self->cells; cells; cells = cells->next)
        for (size_t i = 0; i < self->layout->trace_count; i++)
            if (cells->known_us[i] != INT64_MIN)
                self->partial = true;
}

size_t series_bytes(const series_t *self)
{
    const table_plan_t *plan = self->layout->plan;
    size_t coarse = 0;
    for (const cells_t *cells = self->cells; cells; cells = cells->next)
        coarse += cells_bytes(cells);
    return coarse + sizeof *self + self->id_size + ring_bytes(&self->ring) +
           windows_bytes(&self->windows) + windows_bytes(&self->trail) + open_bytes(&self->open) +
           plan->argument_count * sizeof *self->known + spoken_bytes(&self->topics) +
           roll_bytes(self->roll) + self->fired.capacity * sizeof *self->fired.rows +
           self->recalls.capacity * sizeof *self->recalls.rules +
           baselines_bytes(&self->baselines) +
           (self->asking ? (self->asking_count + 1) * sizeof *self->asking : 0) +
           (self->left.values ? plan->column_count * sizeof *self->left.values : 0);
}
