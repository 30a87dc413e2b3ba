/*  series_cells -- which windows of a series are coarse, and what their cells have: see series.h.
 */
#include "actors/transform/series.h"

// The end of the rows that are counted: with lateness, of those that have closed.
static uint64_t counted_end(const series_t *self)
{
    bool lateness = self->layout->plan->lateness_us > 0;
    return lateness ? self->open.rows[self->open.first].position : self->ring.tail;
}

bool series_crowded(const series_t *self, uint32_t rows_max)
{
    return counted_end(self) > self->kept + rows_max;
}

int64_t series_bearable(const series_t *self, uint32_t rows_max)
{
    const table_plan_t *plan = self->layout->plan;
    int64_t longest_us = 0;
    for (size_t i = 0; i < plan->window_count; i++) {
        int64_t span_us = plan->windows[i].span_us;
        if (plan->windows[i].by_rows || span_us <= longest_us || span_us > self->exact_us)
            continue;
        uint64_t from = ring_since(&self->ring, window_start(self->floor_us, span_us));
        if (counted_end(self) <= from + rows_max)
            longest_us = span_us;
    }
    return longest_us;
}

// ---- taking rows in ---------------------------------------------------------------------------

// The first row that may still be revised, or judged.
static uint64_t first_open(const series_t *self)
{
    const open_row_t *row = &self->open.rows[self->open.first];
    return row->ordinal && !row->due && open_count(&self->open) == 1 ? self->ring.tail
                                                                     : row->position;
}

static bool take_before(series_t *self, uint64_t end)
{
    for (; self->taken < end; self->taken++)
        for (cells_t *cells = self->cells; cells; cells = cells->next)
            if (!cells_take(cells, &self->ring, self->taken, self->floor_us))
                return false;
    return true;
}

bool series_take(series_t *self)
{
    return !self->cells || take_before(self, first_open(self));
}

bool series_settle(series_t *self)
{
    uint64_t end = self->taken; // rows of the floor itself wait
    while (end < self->ring.tail && ring_ts(&self->ring, end) < self->floor_us)
        end++;
    if (!take_before(self, end))
        return false;
    for (cells_t *cells = self->cells; cells; cells = cells->next)
        if (!cells_settle(cells))
            return false;
    series_shed(self);
    return true;
}

// ---- coming and going -------------------------------------------------------------------------

bool series_add_cells(series_t *self, cells_t *cells)
{
    if (!cells)
        return false;
    cells_t **place = &self->cells;
    while (*place && (*place)->bits < cells->bits)
        place = &(*place)->next;
    cells->next = *place;
    *place = cells;
    return true;
}

static int64_t known_of(const series_t *self, const trace_layout_t *trace)
{
    int64_t known = self->known[trace->argument].us;
    if (trace->argument2 >= 0 && self->known[trace->argument2].us > known)
        known = self->known[trace->argument2].us;
    return known;
}

// Cells of this width, if there are none yet, out of the rows that their longest window sees: up
// to now it was exact, so they are all here.
static bool make_cells(series_t *self, unsigned bits)
{
    for (const cells_t *cells = self->cells; cells; cells = cells->next)
        if (cells->bits == bits)
            return true;
    cells_t *cells = cells_new(self->layout, bits);
    if (!series_add_cells(self, cells))
        return false;
    for (size_t i = 0; i < self->layout->trace_count; i++)
        cells->known_us[i] = known_of(self, &self->layout->traces[i]);
    uint64_t from = ring_since(&self->ring, window_start(self->floor_us, cells->span_us));
    for (; from < self->taken; from++)
        if (!cells_take(cells, &self->ring, from, self->floor_us))
            return false;
    return true;
}

bool series_turn(series_t *self, int64_t exact_us)
{
    const table_plan_t *plan = self->layout->plan;
    if (!self->cells)
        self->taken = first_open(self);
    self->exact_us = self->turned_us = exact_us;
    self->turned = self->changed = true;
    series_void_windows(self);
    for (size_t i = 0; i < plan->window_count; i++)
        if (!plan->windows[i].by_rows && plan->windows[i].span_us > exact_us &&
            !make_cells(self, self->layout->cell_bits[i]))
            return false;
    return true;
}

// Every row that their windows could see has gone, but those of the floor itself.
static bool ran_empty(const cells_t *cells, int64_t floor)
{
    return cells_empty(cells) ||
           ring_ts(&cells->ring, cells->ring.tail - 1) < window_start(floor, cells->span_us);
}

void series_shed(series_t *self)
{
    while (self->cells && ran_empty(self->cells, self->floor_us)) {
        cells_t *empty = self->cells;
        self->cells = empty->next;
        self->exact_us = self->cells ? empty->span_us : INT64_MAX;
        cells_destroy(&empty);
        self->kept = self->ring.head;
        series_void_windows(self);
    }
}

void series_drop_cells(series_t *self)
{
    while (self->cells) {
        cells_t *first = self->cells;
        self->cells = first->next;
        cells_destroy(&first);
    }
    self->exact_us = INT64_MAX;
}
