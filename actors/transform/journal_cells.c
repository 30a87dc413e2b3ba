/*  journal_cells -- reading the cells of a coarse series: see journal_format.h. */
#include "actors/transform/journal_reader.h"

// Counts are whole numbers below 2^53; those of a trace may be unknown.
static bool good_counts(const journal_reader_t *self, const layout_t *layout)
{
    int64_t count;
    const figure_t *weight = &self->figures[CELL_WEIGHT];
    if (weight->size != FIGURE_SMALL || !figure_at(weight, 0, &count) || count < 1)
        return false;
    for (size_t i = 0; i < layout->trace_count; i++) {
        const trace_layout_t *trace = &layout->traces[i];
        figure_t *counted = &self->figures[trace->column];
        if ((trace->kind != TRACE_SUM && trace->kind != TRACE_PAIR) || counted->size == FIGURE_NULL)
            continue;
        if (!figure_at(counted, 0, &count) || count < 0 || count > ROWS_TS_MAX)
            return false;
        counted->mantissa = count;
        counted->exponent = 0;
    }
    return true;
}

static bool read_cell(journal_reader_t *self, cells_t *cells, int64_t ts)
{
    if (!ring_push(&cells->ring, ts))
        return journal_no_memory(self);
    for (unsigned i = 0; i < cells->ring.column_count; i++)
        column_next(&self->columns[i], &self->figures[i]);
    if (!good_counts(self, cells->layout))
        return journal_refused(self, "cell");
    figure_t *weight = &self->figures[CELL_WEIGHT];
    (void) figure_at(weight, 0, &weight->mantissa);
    weight->exponent = 0;
    for (unsigned i = 0; i < cells->ring.column_count; i++)
        if (!ring_set(&cells->ring, i, cells->ring.tail - 1, &self->figures[i]))
            return journal_no_memory(self);
    return true;
}

// The cells of one width. Rows that are not in cells yet came after those that are: `last`.
static bool read_width(journal_reader_t *self, series_t *series, int64_t last)
{
    const layout_t *layout = series->layout;
    uint64_t bits = unpack_u64(&self->in);
    for (const cells_t *cells = series->cells; cells; cells = cells->next)
        if (bits <= cells->bits)
            return journal_refused(self, "cells");
    if (self->in.bad || bits > UINT8_MAX || cells_span(layout, (unsigned) bits) <= series->exact_us)
        return journal_refused(self, "cells");
    cells_t *cells = cells_new(layout, (unsigned) bits);
    if (!series_add_cells(series, cells) ||
        !journal_room_for_columns(self, layout->cell_column_count))
        return journal_no_memory(self);
    for (size_t i = 0; i < layout->trace_count; i++)
        cells->known_us[i] = unpack_i64(&self->in);
    size_t count = (size_t) unpack_u64(&self->in);
    unpack_list_t times = unpack_list(&self->in, count, 1);
    for (unsigned i = 0; i < layout->cell_column_count; i++)
        column_read(&self->columns[i], &self->in, count);
    int64_t ts = 0;
    if (self->in.bad)
        return journal_refused(self, "cells");
    for (size_t c = 0; c < count; c++) {
        int64_t step = unpack_at(&times, c);
        if ((step < 0 && c > 0) || __builtin_add_overflow(ts, step, &ts) || ts < ROWS_TS_MIN ||
            ts > last)
            return journal_refused(self, "cells");
        if (!read_cell(self, cells, ts))
            return false;
    }
    for (unsigned i = 0; i < layout->cell_column_count; i++)
        if (self->columns[i].wide.bad)
            return journal_refused(self, "cells");
    return true;
}

// Every coarse window has cells to see.
static bool all_served(const series_t *series)
{
    const table_plan_t *plan = series->layout->plan;
    for (size_t i = 0; i < plan->window_count; i++) {
        if (plan->windows[i].by_rows || plan->windows[i].span_us <= series->exact_us)
            continue;
        const cells_t *cells = series->cells;
        while (cells && !cells_serve(cells, i))
            cells = cells->next;
        if (!cells)
            return false;
    }
    return true;
}

bool journal_read_cells(journal_reader_t *self, series_t *series, int64_t floor)
{
    series->floor_us = floor;
    series->exact_us = unpack_i64(&self->in);
    uint64_t waiting = unpack_up_to(&self->in, ring_count(&series->ring));
    uint64_t widths = unpack_u64(&self->in);
    if (self->in.bad || series->exact_us < 0 || widths == 0)
        return journal_refused(self, "cells");
    series->taken = series->ring.tail - waiting;
    int64_t last = waiting > 0 ? ring_ts(&series->ring, series->taken) : series->newest;
    for (; widths > 0; widths--)
        if (!read_width(self, series, last))
            return false;
    return all_served(series) || journal_refused(self, "cells");
}
