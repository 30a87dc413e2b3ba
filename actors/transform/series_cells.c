/*  series_cells -- when a series is coarse, and which of its rows its cells have: see series.h. */
#include "actors/transform/series.h"

bool series_crowded(const series_t *self, uint32_t window_rows_max)
{
    return !self->cells && self->ring.tail - self->kept > window_rows_max;
}

// The first row that may still be revised.
static uint64_t first_open(const series_t *self)
{
    const open_row_t *row = &self->open.rows[self->open.first];
    return row->ordinal ? self->ring.tail : row->position;
}

static bool take_before(series_t *self, uint64_t end)
{
    while (self->cells->taken < end)
        if (!cells_take(self->cells, &self->ring, self->newest))
            return false;
    return true;
}

bool series_take(series_t *self)
{
    return !self->cells || take_before(self, first_open(self));
}

static int64_t known_of(const series_t *self, const trace_layout_t *trace)
{
    int64_t known = self->known[trace->argument].us;
    if (trace->argument2 >= 0 && self->known[trace->argument2].us > known)
        known = self->known[trace->argument2].us;
    return known;
}

bool series_turn(series_t *self, unsigned bits)
{
    self->cells = cells_new(self->layout, bits, self->kept);
    if (!self->cells)
        return false;
    for (size_t i = 0; i < self->layout->trace_count; i++)
        self->cells->known_us[i] = known_of(self, &self->layout->traces[i]);
    self->turned = self->changed = true;
    self->turned_bits = bits;
    self->windows.stale = true;
    return series_take(self);
}

bool series_settle(series_t *self)
{
    cells_t *cells = self->cells;
    if (!take_before(self, self->ring.tail - 1) || !cells_settle(cells))
        return false;
    int64_t start = window_start(self->newest, self->layout->plan->keep_us);
    if (!cells_empty(cells) && ring_ts(&cells->ring, cells->ring.tail - 1) >= start)
        return true;
    // Every row that a window by time could see has gone, but this one: exact again.
    cells_destroy(&self->cells);
    self->kept = self->ring.head;
    self->windows.stale = true;
    return true;
}
