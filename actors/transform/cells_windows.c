/*  cells_windows -- windows by time over cells: see cells.h. */
#include "actors/transform/cells.h"

#include <assert.h>
#include <stdlib.h>

bool cells_lay(cells_t *self, const layout_t *layout)
{
    self->windows = calloc(layout->plan->window_count + 1, sizeof *self->windows);
    self->slots = calloc(layout->slot_count + 1, sizeof *self->slots);
    self->stale = true;
    for (size_t i = 0; self->slots && i < layout->slot_count; i++)
        for (int t = 0; t < TALLIES_MAX; t++)
            mpz_init(self->slots[i].sums[t]);
    return self->windows && self->slots;
}

void cells_unlay(cells_t *self)
{
    for (size_t i = 0; self->slots && i < self->layout->slot_count; i++) {
        for (int t = 0; t < TALLIES_MAX; t++)
            mpz_clear(self->slots[i].sums[t]);
        extremes_close(&self->slots[i].least);
        extremes_close(&self->slots[i].most);
    }
    free(self->slots);
    free(self->windows);
    self->slots = NULL;
    self->windows = NULL;
}

// A whole number of a cell: its rows, or those of them with a number. 0 if it does not know.
static uint64_t count_at(const ring_t *ring, unsigned column, uint64_t cell)
{
    const column_t *c = &ring->columns[column];
    assert(c->narrow && c->exponent == 0); // they are put in as whole numbers, far from wide
    int64_t count = c->narrow[cell & ring->mask];
    return count == FIGURE_NULL_MANTISSA ? 0 : (uint64_t) count;
}

static void tally(mpz_t sum, const ring_t *ring, unsigned column, uint64_t cell, int sign)
{
    const column_t *c = &ring->columns[column];
    if (ring_null(ring, column, cell))
        return;
    if (c->wide) {
        if (sign > 0)
            mpz_add(sum, sum, c->wide[cell & ring->mask].value);
        else
            mpz_sub(sum, sum, c->wide[cell & ring->mask].value);
        return;
    }
    int64_t number = c->narrow[cell & ring->mask];
    if ((number < 0) == (sign < 0))
        mpz_add_ui(sum, sum, (unsigned long) llabs(number));
    else
        mpz_sub_ui(sum, sum, (unsigned long) llabs(number));
}

static void tally_slot(cells_t *self, size_t index, uint64_t cell, int sign)
{
    const slot_layout_t *what = &self->layout->slots[index];
    cell_slot_t *slot = &self->slots[index];
    bool pair = what->needs & SLOT_PAIR;
    int trace =
        layout_trace(self->layout, pair ? TRACE_PAIR : TRACE_SUM, what->argument, what->argument2);
    unsigned column = self->layout->traces[trace].column;
    uint64_t count = count_at(&self->ring, column, cell);
    slot->count += sign > 0 ? count : 0 - count;
    for (unsigned i = 1; i < (pair ? 6u : 2u); i++)
        tally(slot->sums[i - 1], &self->ring, column + i, cell, sign);
    if (pair || !(what->needs & SLOT_SQUARES))
        return;
    trace = layout_trace(self->layout, TRACE_SQUARES, what->argument, -1);
    tally(slot->sums[1], &self->ring, self->layout->traces[trace].column, cell, sign);
}

// The column of the extreme that a slot needs, or -1.
static int extreme_column(const layout_t *layout, const slot_layout_t *what, trace_kind_t kind)
{
    if (!(what->needs & (kind == TRACE_LEAST ? SLOT_MIN : SLOT_MAX)))
        return -1;
    return layout->traces[layout_trace(layout, kind, what->argument, -1)].column;
}

static bool enter_extremes(cells_t *self, size_t index, uint64_t cell)
{
    const slot_layout_t *what = &self->layout->slots[index];
    cell_slot_t *slot = &self->slots[index];
    int least = extreme_column(self->layout, what, TRACE_LEAST);
    int most = extreme_column(self->layout, what, TRACE_MOST);
    if (least >= 0 && !ring_null(&self->ring, (unsigned) least, cell) &&
        !extremes_add(&slot->least, &self->ring, (unsigned) least, cell, 1))
        return false;
    return most < 0 || ring_null(&self->ring, (unsigned) most, cell) ||
           extremes_add(&slot->most, &self->ring, (unsigned) most, cell, -1);
}

static bool enter(cells_t *self, size_t window, uint64_t cell)
{
    const layout_t *layout = self->layout;
    self->windows[window].rows += count_at(&self->ring, CELL_WEIGHT, cell);
    for (size_t i = layout->first_slot[window]; i < layout->first_slot[window + 1]; i++) {
        tally_slot(self, i, cell, 1);
        if (!enter_extremes(self, i, cell))
            return false;
    }
    return true;
}

static void leave(cells_t *self, size_t window, uint64_t cell)
{
    const layout_t *layout = self->layout;
    self->windows[window].rows -= count_at(&self->ring, CELL_WEIGHT, cell);
    for (size_t i = layout->first_slot[window]; i < layout->first_slot[window + 1]; i++) {
        tally_slot(self, i, cell, -1);
        extremes_remove(&self->slots[i].least, cell);
        extremes_remove(&self->slots[i].most, cell);
    }
}

// In the queues of extremes the last cell may stay: when it enters again, it pushes itself out,
// and what it had pushed out before stays out rightly, since its extremes only widen.
void cells_leave(cells_t *self, uint64_t cell)
{
    const table_plan_t *plan = self->layout->plan;
    for (size_t i = 0; self->windows && !self->stale && i < plan->window_count; i++) {
        cell_window_t *window = &self->windows[i];
        if (!cells_serve(self, i) || window->high <= cell)
            continue;
        if (window->low <= cell)
            leave(self, i, cell);
        window->high = cell;
        window->low = window->low < cell ? window->low : cell;
    }
}

static void clear(cells_t *self, size_t window)
{
    const layout_t *layout = self->layout;
    self->windows[window] = (cell_window_t){ .low = self->ring.head, .high = self->ring.head };
    for (size_t i = layout->first_slot[window]; i < layout->first_slot[window + 1]; i++) {
        cell_slot_t *slot = &self->slots[i];
        slot->count = 0;
        for (int t = 0; t < TALLIES_MAX; t++)
            mpz_set_ui(slot->sums[t], 0);
        extremes_clear(&slot->least);
        extremes_clear(&slot->most);
    }
}

bool cells_look(cells_t *self, int64_t ts)
{
    const table_plan_t *plan = self->layout->plan;
    const ring_t *ring = &self->ring;
    bool waiting = !cells_empty(self) && ring_ts(ring, ring->tail - 1) == ts;
    uint64_t end = ring->tail - waiting;
    for (size_t i = 0; i < plan->window_count; i++) {
        if (!cells_serve(self, i))
            continue;
        cell_window_t *window = &self->windows[i];
        if (self->stale)
            clear(self, i);
        int64_t start = window_start(ts, plan->windows[i].span_us);
        for (; window->high < end; window->high++)
            if (!enter(self, i, window->high))
                return false;
        for (; window->low < end && ring_ts(ring, window->low) < start; window->low++)
            leave(self, i, window->low);
    }
    self->stale = false;
    self->ring.restated = false;
    return true;
}
