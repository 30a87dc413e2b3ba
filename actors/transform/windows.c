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

// Where the window begins at this moment, not before `low`.
static inline uint64_t begin(const window_spec_t *spec, const moment_t *moment, uint64_t low)
{
    if (spec->by_rows) {
        uint64_t from = moment->position > spec->rows ? moment->position - spec->rows : 0;
        return from > low ? from : low;
    }
    int64_t start = window_start(moment->ts, spec->span_us);
    const int64_t *ts = moment->ring->ts;
    uint64_t mask = moment->ring->mask, end = moment->first;
    while (low < end && ts[low & mask] < start)
        low++;
    return low;
}

// Only windows by rows tell rows of one time apart.
bool windows_beyond(const windows_t *self, const layout_t *layout, const moment_t *moment)
{
    return self->stale || moment->first < self->first ||
           (layout->plan->keep_rows > 0 && moment->position < self->position);
}

bool windows_copy(windows_t *self, const layout_t *layout, const windows_t *from)
{
    for (size_t i = 0; i < layout->plan->window_count; i++)
        self->windows[i] = from->windows[i];
    for (size_t i = 0; i < self->slot_count; i++)
        if (!slot_copy(&self->slots[i], &from->slots[i]))
            return false;
    self->position = from->position;
    self->first = from->first;
    self->stale = false;
    return true;
}

bool windows_move(windows_t *self, const layout_t *layout, const moment_t *moment)
{
    const table_plan_t *plan = layout->plan;
    const ring_t *ring = moment->ring;
    for (size_t i = 0; i < plan->window_count; i++) {
        const window_spec_t *spec = &plan->windows[i];
        window_t *window = &self->windows[i];
        if (moment->cells && !spec->by_rows && spec->span_us > moment->exact_us)
            continue;
        if (self->stale) // as if it had ended where the oldest row begins
            window->low = window->high = ring->head;
        uint64_t low = begin(spec, moment, window->low);
        uint64_t high = spec->by_rows ? moment->position : moment->first;
        high = high > low ? high : low;
        bool apart = low >= window->high; // no row stays: start from nothing
        span_t leave = { window->low, apart ? window->low : low };
        span_t enter = { apart ? low : window->high, high };
        const slot_layout_t *end = &layout->slots[layout->first_slot[i + 1]];
        const slot_layout_t *what = &layout->slots[layout->first_slot[i]];
        for (slot_t *slot = &self->slots[layout->first_slot[i]]; what < end; slot++, what++) {
            if (apart && !slot_reset(slot, what, ring))
                return false;
            if (!slot_move(slot, what, ring, leave, enter))
                return false;
        }
        window->low = low;
        window->high = high;
    }
    self->position = moment->position;
    self->first = moment->first;
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
