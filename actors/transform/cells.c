/*  cells -- see cells.h. Windows over them are in cells_windows.c. */
#include "actors/transform/cells.h"

#include <stdlib.h>

int64_t cells_span(const layout_t *layout, unsigned bits)
{
    const table_plan_t *plan = layout->plan;
    int64_t span_us = 0;
    for (size_t i = 0; i < plan->window_count; i++)
        if (!plan->windows[i].by_rows && layout->cell_bits[i] == bits &&
            plan->windows[i].span_us > span_us)
            span_us = plan->windows[i].span_us;
    return span_us;
}

static bool figures_new(figure_t **figures, size_t count)
{
    *figures = malloc(count * sizeof **figures);
    for (size_t i = 0; *figures && i < count; i++)
        figure_init(&(*figures)[i]);
    return *figures != NULL;
}

static void figures_destroy(figure_t **figures, size_t count)
{
    for (size_t i = 0; *figures && i < count; i++)
        figure_clear(&(*figures)[i]);
    free(*figures);
    *figures = NULL;
}

cells_t *cells_new(const layout_t *layout, unsigned bits)
{
    cells_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->layout = layout;
    self->bits = bits;
    self->span_us = cells_span(layout, bits);
    figure_init(&self->other);
    self->known_us = malloc((layout->trace_count + 1) * sizeof *self->known_us);
    if (!self->known_us || !ring_open(&self->ring, layout->cell_column_count, 0, 0) ||
        !figures_new(&self->row, layout->cell_column_count) || !cells_lay(self, layout)) {
        cells_destroy(&self);
        return NULL;
    }
    for (size_t i = 0; i < layout->trace_count; i++)
        self->known_us[i] = INT64_MIN;
    return self;
}

void cells_destroy(cells_t **self_p)
{
    cells_t *self = *self_p;
    if (!self)
        return;
    cells_unlay(self);
    figures_destroy(&self->row, self->layout->cell_column_count);
    figure_clear(&self->other);
    ring_close(&self->ring);
    free(self->known_us);
    free(self);
    *self_p = NULL;
}

bool cells_empty(const cells_t *self)
{
    return ring_count(&self->ring) == 0;
}

bool cells_know(const cells_t *self, uint16_t trace, int64_t from_us)
{
    return trace == LAYOUT_NO_TRACE || self->known_us[trace] <= from_us;
}

// ---- merging ----------------------------------------------------------------------------------

static void set_count(figure_t *figure, int64_t count)
{
    figure->size = FIGURE_SMALL;
    figure->mantissa = count;
    figure->exponent = 0;
}

// x * y, or 0 if one is NULL.
static void set_product(figure_t *product, const figure_t *x, const figure_t *y)
{
    if (x->size == FIGURE_NULL || y->size == FIGURE_NULL) {
        set_count(product, 0);
        return;
    }
    figure_copy(product, x);
    figure_multiply(product, y);
}

static void trace_pair(figure_t *out, figure_t *x, figure_t *y)
{
    bool counted = x->size != FIGURE_NULL && y->size != FIGURE_NULL;
    set_count(&out[0], counted);
    if (!counted)
        x->size = y->size = FIGURE_NULL;
    set_product(&out[3], x, x);
    set_product(&out[4], y, y);
    set_product(&out[5], x, y);
    figure_copy(&out[1], x);
    figure_copy(&out[2], y);
    if (!counted) {
        set_count(&out[1], 0);
        set_count(&out[2], 0);
    }
}

// A row as the cell that it would be alone.
static void trace_row(cells_t *self, const ring_t *rows, uint64_t position)
{
    set_count(&self->row[CELL_WEIGHT], 1);
    for (size_t i = 0; i < self->layout->trace_count; i++) {
        const trace_layout_t *trace = &self->layout->traces[i];
        figure_t *out = &self->row[trace->column], *x = &self->other;
        ring_get(rows, (unsigned) trace->argument, position, x);
        switch (trace->kind) {
        case TRACE_SUM:
            set_count(&out[0], x->size != FIGURE_NULL);
            if (x->size == FIGURE_NULL)
                set_count(&out[1], 0);
            else
                figure_copy(&out[1], x);
            break;
        case TRACE_SQUARES:
            set_product(&out[0], x, x);
            break;
        case TRACE_LEAST:
        case TRACE_MOST:
        case TRACE_FIRST:
        case TRACE_LAST:
        case TRACE_NEWEST:
            figure_copy(&out[0], x);
            break;
        case TRACE_PAIR: {
            figure_t y;
            figure_init(&y);
            ring_get(rows, (unsigned) trace->argument2, position, &y);
            trace_pair(out, x, &y);
            figure_clear(&y);
            break;
        }
        }
    }
}

// Merge `later` into `value`. NULL is a number that is not there: it changes nothing.
static void merge(cell_merge_t how, figure_t *value, const figure_t *later)
{
    if (how == CELL_LAST) {
        figure_copy(value, later);
        return;
    }
    if (how == CELL_FIRST || later->size == FIGURE_NULL)
        return;
    if (how == CELL_NEWEST || value->size == FIGURE_NULL) {
        figure_copy(value, later);
        return;
    }
    int order = how == CELL_ADD ? 0 : figure_compare(later, value);
    if (how == CELL_ADD)
        figure_add(value, later);
    else if (how == CELL_LEAST ? order < 0 : order > 0)
        figure_copy(value, later);
}

// Merge self->row, as of time `ts`, into the last cell.
static bool merge_last(cells_t *self, int64_t ts)
{
    uint64_t last = self->ring.tail - 1;
    cells_leave(self, last);
    for (unsigned i = 0; i < self->layout->cell_column_count; i++) {
        ring_get(&self->ring, i, last, &self->other);
        merge(self->layout->cell_merges[i], &self->other, &self->row[i]);
        if (!ring_set(&self->ring, i, last, &self->other))
            return false;
    }
    self->ring.ts[last & self->ring.mask] = ts;
    return true;
}

static bool append(cells_t *self, int64_t ts)
{
    if (!ring_push(&self->ring, ts))
        return false;
    for (unsigned i = 0; i < self->layout->cell_column_count; i++)
        if (!ring_set(&self->ring, i, self->ring.tail - 1, &self->row[i]))
            return false;
    return true;
}

static bool same_cell(const cells_t *self, int64_t a, int64_t b)
{
    return a >> self->bits == b >> self->bits;
}

// Put self->row in. The first row of the time at the floor opens a cell of its own.
static bool put(cells_t *self, int64_t ts, int64_t floor)
{
    int64_t last = cells_empty(self) ? 0 : ring_ts(&self->ring, self->ring.tail - 1);
    bool join = !cells_empty(self) && same_cell(self, last, ts) && (ts < floor || last == ts);
    bool ok = join ? merge_last(self, ts) : append(self, ts);
    self->stale = self->stale || self->ring.restated;
    return ok;
}

bool cells_take(cells_t *self, const ring_t *rows, uint64_t position, int64_t floor)
{
    trace_row(self, rows, position);
    return put(self, ring_ts(rows, position), floor);
}

bool cells_settle(cells_t *self)
{
    if (ring_count(&self->ring) < 2)
        return true;
    uint64_t last = self->ring.tail - 1;
    int64_t ts = ring_ts(&self->ring, last);
    if (!same_cell(self, ring_ts(&self->ring, last - 1), ts))
        return true;
    cells_leave(self, last);
    for (unsigned i = 0; i < self->layout->cell_column_count; i++)
        ring_get(&self->ring, i, last, &self->row[i]);
    self->ring.tail--;
    bool ok = merge_last(self, ts);
    self->stale = self->stale || self->ring.restated;
    return ok;
}

void cells_trim(cells_t *self, int64_t from)
{
    ring_t *ring = &self->ring;
    while (ring->head < ring->tail && ring_ts(ring, ring->head) < from)
        ring->head++;
}

// ---- another plan -----------------------------------------------------------------------------

static int trace_before(const layout_t *was, const layout_t *is, size_t index)
{
    const trace_layout_t *trace = &is->traces[index];
    int argument = layout_argument(was, is, (size_t) trace->argument);
    int argument2 = trace->argument2 < 0 ? -1 : layout_argument(was, is, (size_t) trace->argument2);
    if (argument < 0 || (trace->argument2 >= 0 && argument2 < 0))
        return -1;
    return layout_trace(was, trace->kind, argument, argument2);
}

// Which column of `self` each column of `to` was, or -1; and since when the traces are known.
static void relate(const cells_t *self, cells_t *to, int64_t newest, int *from)
{
    const layout_t *was = self->layout, *is = to->layout;
    from[CELL_WEIGHT] = CELL_WEIGHT;
    for (size_t i = 0; i < is->trace_count; i++) {
        unsigned column = is->traces[i].column;
        unsigned end = i + 1 < is->trace_count ? is->traces[i + 1].column : is->cell_column_count;
        int before = trace_before(was, is, i);
        for (unsigned c = column; c < end; c++)
            from[c] = before < 0 ? -1 : was->traces[before].column + (int) (c - column);
        to->known_us[i] = before < 0 ? newest + 1 : self->known_us[before];
    }
}

cells_t *cells_copy(const cells_t *self, const layout_t *layout, unsigned bits, int64_t newest,
                    int64_t floor)
{
    cells_t *copy = cells_new(layout, bits);
    int *from = malloc(layout->cell_column_count * sizeof *from);
    bool ok = copy && from;
    if (ok)
        relate(self, copy, newest, from);
    for (uint64_t p = self->ring.head; ok && p < self->ring.tail; p++) {
        for (unsigned i = 0; i < layout->cell_column_count; i++) {
            if (from[i] < 0)
                copy->row[i].size = FIGURE_NULL;
            else
                ring_get(&self->ring, (unsigned) from[i], p, &copy->row[i]);
        }
        ok = put(copy, ring_ts(&self->ring, p), floor);
    }
    free(from);
    if (!ok)
        cells_destroy(&copy);
    return copy;
}

size_t cells_bytes(const cells_t *self)
{
    return sizeof *self + ring_bytes(&self->ring);
}
