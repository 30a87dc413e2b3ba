/*  series_close -- windows at an open row, and rows that close: see series.h. */
#include <stdlib.h>
#include <string.h>

#include "actors/transform/series.h"

void series_void_windows(series_t *self)
{
    self->windows.stale = self->trail.stale = true;
}

bool series_look_cells(series_t *self, int64_t ts)
{
    for (cells_t *cells = self->cells; cells; cells = cells->next)
        if (!cells_look(cells, ts))
            return false;
    return true;
}

static moment_t moment_of(const series_t *self, const open_row_t *row, const windows_t *windows)
{
    return (moment_t){ .windows = windows,
                       .ring = &self->ring,
                       .position = row->position,
                       .first = row->position - row->nth,
                       .ts = row->ts,
                       .cells = self->cells,
                       .exact_us = self->exact_us,
                       .ahead = self->cells && row->ts > self->floor_us };
}

// Cells see the moment; windows that cannot be moved to it are copied from the trail, or built
// anew. Not inlined: rows that come in order, whose windows are exact, are not to pay for its
// frame.
static __attribute__((noinline)) bool look_afresh(series_t *self, const moment_t *moment)
{
    windows_t *windows = &self->windows;
    if (self->cells && !moment->ahead && !series_look_cells(self, moment->ts))
        return false;
    if (!windows_beyond(windows, self->layout, moment))
        return true;
    windows->stale = true;
    return !series_has_trail(self) || windows_beyond(&self->trail, self->layout, moment) ||
           windows_copy(windows, self->layout, &self->trail);
}

bool series_look(series_t *self, size_t open, moment_t *moment)
{
    windows_t *windows = &self->windows;
    *moment = moment_of(self, &self->open.rows[open], windows);
    if ((self->cells || windows_beyond(windows, self->layout, moment)) &&
        !look_afresh(self, moment))
        return false;
    return windows_move(windows, self->layout, moment);
}

bool series_look_closing(series_t *self, moment_t *moment)
{
    const open_row_t *row = &self->open.rows[self->open.first];
    if (!series_raise(self, row->ts))
        return false;
    if (!series_has_trail(self))
        return series_look(self, self->open.first, moment);
    *moment = moment_of(self, row, &self->trail);
    return series_look_cells(self, moment->ts) && windows_move(&self->trail, self->layout, moment);
}

// Windows that judge what closes move up to the floor before rows that have left them are
// forgotten.
static bool move_trail(series_t *self)
{
    const open_t *open = &self->open;
    open_row_t end = { .ts = self->floor_us, .position = self->ring.tail };
    if (open_count(open) > 0) {
        end.position = open->rows[open->first].position;
        end.nth = open->rows[open->first].ts == end.ts ? open->rows[open->first].nth : 0;
    }
    moment_t moment = moment_of(self, &end, &self->trail);
    for (cells_t *cells = self->cells; cells; cells = cells->next)
        if (!cells->stale && !cells_look(cells, moment.ts))
            return false;
    return self->trail.stale || windows_move(&self->trail, self->layout, &moment);
}

bool series_follow(series_t *self)
{
    return (!self->cells || series_settle(self)) && (!series_has_trail(self) || move_trail(self));
}

bool series_leave(series_t *self, size_t open)
{
    const open_row_t *row = &self->open.rows[open];
    left_t *left = &self->left;
    size_t columns = self->open.column_count;
    if (!self->layout->plan->has_edges || (left->known && row->position < left->position))
        return true;
    if (!left->values && !(left->values = malloc((columns + 1) * sizeof *left->values)))
        return false;
    memcpy(left->values, open_values(&self->open, open), columns * sizeof *left->values);
    left->known = true;
    left->position = row->position;
    left->ts = row->ts;
    return true;
}

void series_forget(series_t *self, uint64_t open)
{
    if (self->layout->plan->recalls) {
        fired_keep_held(&self->fired, open);
        recalls_forget(&self->recalls, open);
        baselines_forget(&self->baselines, open > 0 ? open - 1 : 0); // the row before them stays
    } else {
        fired_forget(&self->fired, open);
    }
}

before_t series_before(const series_t *self, uint64_t position, int64_t *ts,
                       const decimal_t **values)
{
    const open_t *open = &self->open;
    if (position == 0)
        return BEFORE_NONE;
    size_t low = open->first, high = open->end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (open->rows[middle].position < position - 1)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < open->end && open->rows[low].position == position - 1) {
        *ts = open->rows[low].ts;
        *values = open_values(open, low);
        return BEFORE_KNOWN;
    }
    if (!self->left.known || self->left.position != position - 1)
        return BEFORE_UNKNOWN;
    *ts = self->left.ts;
    *values = self->left.values;
    return BEFORE_KNOWN;
}

bool series_close(series_t *self)
{
    if (!series_leave(self, self->open.first))
        return false;
    const open_row_t *row = &self->open.rows[self->open.first];
    self->due -= row->due;
    series_forget(self, row->position + 1);
    return open_drop_first(&self->open, 1);
}
