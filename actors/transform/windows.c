/*  windows -- see windows.h. */
#include "actors/transform/windows.h"

#include <stdlib.h>

bool windows_open(windows_t *self, const layout_t *layout)
{
    *self = (windows_t){ .slot_count = layout->slot_count, .stale = true };
    self->windows = calloc(layout->plan->window_count + 1, sizeof *self->windows);
    self->slots = calloc(layout->slot_count + 1, sizeof *self->slots);
    return self->windows && self->slots;
}

void windows_close(windows_t *self)
{
    for (size_t i = 0; self->slots && i < self->slot_count; i++)
        slot_close(&self->slots[i]);
    free(self->slots);
    free(self->windows);
    *self = (windows_t){ 0 };
}

// Where the window begins and ends at this moment, not before `low`.
static window_t bounds(const window_spec_t *spec, const moment_t *moment, uint64_t low)
{
    const ring_t *ring = moment->ring;
    if (spec->by_rows) {
        uint64_t from = moment->position > spec->rows ? moment->position - spec->rows : 0;
        return (window_t){ .low = from > low ? from : low, .high = moment->position };
    }
    int64_t start = window_start(moment->ts, spec->span_us);
    while (low < moment->first && ring_ts(ring, low) < start)
        low++;
    return (window_t){ .low = low, .high = moment->first > low ? moment->first : low };
}

static bool move(windows_t *self, const layout_t *layout, size_t index, window_t to,
                 const ring_t *ring)
{
    window_t *window = &self->windows[index];
    slot_move_t rows = { window->low, to.low, window->high, to.high };
    bool apart = to.low >= window->high; // no row stays: start from nothing
    if (apart)
        rows = (slot_move_t){ .in_from = to.low, .in_to = to.high };
    for (size_t i = layout->first_slot[index]; i < layout->first_slot[index + 1]; i++) {
        if (apart && !slot_reset(&self->slots[i], &layout->slots[i], ring))
            return false;
        if (!slot_move(&self->slots[i], &layout->slots[i], ring, &rows))
            return false;
    }
    *window = to;
    return true;
}

bool windows_move(windows_t *self, const layout_t *layout, const moment_t *moment)
{
    const table_plan_t *plan = layout->plan;
    for (size_t i = 0; i < plan->window_count; i++) {
        if (moment->cells && !plan->windows[i].by_rows)
            continue;
        if (self->stale) // as if it had ended where the oldest row begins
            self->windows[i] = (window_t){ .low = moment->ring->head, .high = moment->ring->head };
        window_t to = bounds(&plan->windows[i], moment, self->windows[i].low);
        if (!move(self, layout, i, to, moment->ring))
            return false;
    }
    self->stale = false;
    return true;
}

size_t windows_bytes(const windows_t *self)
{
    size_t bytes = 0;
    for (size_t i = 0; self->slots && i < self->slot_count; i++)
        bytes += slot_bytes(&self->slots[i]);
    return bytes;
}
