/*  cells_windows -- windows by time over cells: see cells.h. */
#include "actors/transform/cells.h"

#include <assert.h>
#include <stdlib.h>

bool cells_lay(cells_t *self, const layout_t *layout)
{
    self->windows = calloc(layout->plan->window_count + 1, sizeof *self->windows);
    self->slots = calloc(layout->slot_count + 1, sizeof *self->slots);
    self->stale = true;
    for (size_t i = 0; self->slots && i < layout->slot_count; i++) {
        for (int t = 0; t < TALLIES_MAX; t++)
            mpz_init(self->slots[i].sums[t]);
        course_open(&self->slots[i].course);
    }
    return self->windows && self->slots;
}

void cells_unlay(cells_t *self)
{
    for (size_t i = 0; self->slots && i < self->layout->slot_count; i++) {
        for (int t = 0; t < TALLIES_MAX; t++)
            mpz_clear(self->slots[i].sums[t]);
        extremes_close(&self->slots[i].least);
        extremes_close(&self->slots[i].most);
        course_close(&self->slots[i].course);
        ranks_close(&self->slots[i].ranks);
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

// The column of what a slot needs of each cell, or -1: not needed, or NULL there.
static int needed_column(const cells_t *self, size_t index, int need, trace_kind_t kind,
                         uint64_t cell)
{
    const slot_layout_t *what = &self->layout->slots[index];
    if (!(what->needs & need))
        return -1;
    int trace = layout_trace(self->layout, kind, what->argument, -1);
    unsigned column = self->layout->traces[trace].column;
    return ring_null(&self->ring, column, cell) ? -1 : (int) column;
}

static bool enter_slot(cells_t *self, size_t index, uint64_t cell)
{
    cell_slot_t *slot = &self->slots[index];
    int least = needed_column(self, index, SLOT_MIN, TRACE_LEAST, cell);
    int most = needed_column(self, index, SLOT_MAX, TRACE_MOST, cell);
    int newest = needed_column(self, index, SLOT_COURSE, TRACE_NEWEST, cell);
    int ranked = needed_column(self, index, SLOT_RANKS, TRACE_NEWEST, cell);
    tally_slot(self, index, cell, 1);
    if (newest >= 0)
        course_enter(&slot->course, &self->ring, (unsigned) newest, cell);
    if (ranked >= 0 && !ranks_enter(&slot->ranks, &self->ring, (unsigned) ranked, cell))
        return false;
    if (least >= 0 && !extremes_add(&slot->least, &self->ring, (unsigned) least, cell, 1))
        return false;
    return most < 0 || extremes_add(&slot->most, &self->ring, (unsigned) most, cell, -1);
}

static void leave_slot(cells_t *self, size_t index, uint64_t cell)
{
    cell_slot_t *slot = &self->slots[index];
    int newest = needed_column(self, index, SLOT_COURSE, TRACE_NEWEST, cell);
    int ranked = needed_column(self, index, SLOT_RANKS, TRACE_NEWEST, cell);
    tally_slot(self, index, cell, -1);
    extremes_remove(&slot->least, cell);
    extremes_remove(&slot->most, cell);
    if (newest >= 0)
        course_leave(&slot->course, &self->ring, (unsigned) newest, cell);
    if (ranked >= 0)
        ranks_leave(&slot->ranks, &self->ring, (unsigned) ranked, cell);
}

static bool enter(cells_t *self, size_t window, uint64_t cell)
{
    const layout_t *layout = self->layout;
    self->windows[window].rows += count_at(&self->ring, CELL_WEIGHT, cell);
    for (size_t i = layout->first_slot[window]; i < layout->first_slot[window + 1]; i++)
        if (!enter_slot(self, i, cell))
            return false;
    return true;
}

static void leave(cells_t *self, size_t window, uint64_t cell)
{
    const layout_t *layout = self->layout;
    self->windows[window].rows -= count_at(&self->ring, CELL_WEIGHT, cell);
    for (size_t i = layout->first_slot[window]; i < layout->first_slot[window + 1]; i++)
        leave_slot(self, i, cell);
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
        course_clear(&slot->course, layout->slots[i].needs & SLOT_AREA);
        ranks_clear(&slot->ranks);
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
