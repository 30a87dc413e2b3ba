/*  journal_load -- reading: see journal.h and journal_format.h.
 *
 *  A series is read into local variables and checked as far as memory safety and the layout of
 *  state ask for it (times never fall, positions lie where they can); that it is the truth, only
 *  whoever wrote it can know.
 */
#include <stdlib.h>

#include "actors/transform/hash.h"
#include "actors/transform/journal.h"
#include "actors/transform/journal_format.h"
#include "proto/series.h"

enum { BITS_MAX = 62 };
#define POSITION_MAX (INT64_C(1) << 61)

typedef struct {
    unpack_t in;
    partition_t *partition;
    branch_t *branch; // of the section before
    journal_find_t *find;
    void *context;
    fault_t *fault;
    size_t named_count, named_capacity;
    series_t **named;
    // Scratch, grown to the table in hand.
    size_t column_capacity;
    column_reader_t *columns;
    figure_t *figures;
    size_t value_capacity;
    decimal_t *values;
} reader_t;

static bool no_memory(reader_t *self)
{
    return fault_set(self->fault, "state of a partition: out of memory");
}

static bool refused(reader_t *self, const char *what)
{
    return fault_set(self->fault, "state of a partition: bad %s", what);
}

static bool room_for_columns(reader_t *self, size_t count)
{
    if (count <= self->column_capacity)
        return true;
    column_reader_t *readers = realloc(self->columns, count * sizeof *readers);
    if (readers)
        self->columns = readers;
    figure_t *figures = realloc(self->figures, count * sizeof *figures);
    if (figures)
        self->figures = figures;
    if (!readers || !figures)
        return false;
    while (self->column_capacity < count)
        figure_init(&self->figures[self->column_capacity++]);
    return true;
}

static bool room_for(reader_t *self, const layout_t *layout)
{
    size_t columns = layout->plan->column_count;
    if (!room_for_columns(self, layout->plan->argument_count))
        return false;
    if (columns > self->value_capacity) {
        decimal_t *values = realloc(self->values, columns * sizeof *values);
        if (!values)
            return false;
        self->values = values;
        self->value_capacity = columns;
    }
    return true;
}

// ---- sections ---------------------------------------------------------------------------------

static bool read_branch(reader_t *self)
{
    slice_t name = unpack_bytes(&self->in);
    if (self->in.bad || name.size > STREAM_NAME_MAX)
        return refused(self, "stream");
    self->branch = partition_branch(self->partition, name);
    return self->branch || no_memory(self);
}

static bool read_plan(reader_t *self)
{
    plan_hash_t hash;
    slice_t bytes = unpack_raw(&self->in, sizeof hash.bytes);
    if (self->in.bad || !self->branch)
        return refused(self, "plan");
    memcpy(hash.bytes, bytes.data, sizeof hash.bytes);
    layouts_t *layouts = self->find(self->context, hash);
    if (!layouts)
        return fault_set(self->fault, "state of a partition: it names a plan that is not known");
    return layouts == self->branch->layouts || branch_replan(self->branch, layouts) ||
           no_memory(self);
}

static bool name_series(reader_t *self, series_t *series)
{
    if (self->named_count == self->named_capacity) {
        size_t capacity = self->named_capacity ? 2 * self->named_capacity : 64;
        series_t **named = realloc(self->named, capacity * sizeof(series_t *));
        if (!named)
            return false;
        self->named = named;
        self->named_capacity = capacity;
    }
    self->named[self->named_count++] = series;
    return true;
}

// The series of an entry: named before, or by its id; made if it is new.
static series_t *read_name(reader_t *self)
{
    uint64_t number = unpack_u64(&self->in);
    if (number > 0) {
        if (number > self->named_count)
            return refused(self, "number of a series"), NULL;
        return self->named[number - 1];
    }
    slice_t id = unpack_bytes(&self->in);
    if (self->in.bad || !series_valid(id))
        return refused(self, "series id"), NULL;
    uint64_t hash = hash_bytes(id);
    series_t *series = branch_find(self->branch, id, hash);
    if (!series)
        series = branch_add(self->branch, id, hash);
    if (!series || !name_series(self, series))
        return no_memory(self), NULL;
    return series;
}

// ---- one series -------------------------------------------------------------------------------

// Rows from `start` on, which may replace the last ones or leave a gap to them.
static bool read_rows(reader_t *self, series_t *series, int64_t start)
{
    ring_t *ring = &series->ring;
    uint64_t sent = ring->tail, from = sent + (uint64_t) start;
    uint64_t count = unpack_u64(&self->in);
    unpack_list_t times = unpack_list(&self->in, (size_t) count, 1);
    for (unsigned i = 0; i < ring->column_count; i++)
        column_read(&self->columns[i], &self->in, (size_t) count);
    if (self->in.bad || start > POSITION_MAX || start < -POSITION_MAX ||
        -start > (int64_t) ring_count(ring) || sent > (uint64_t) POSITION_MAX ||
        from + count < sent || from + count == 0)
        return refused(self, "rows");
    if (start > 0) {
        ring->head = from;
        cells_destroy(&series->cells); // a coarse one leaves no gap
    }
    if (series->cells && from < series->cells->taken)
        return refused(self, "rows");
    ring->tail = from;
    open_t *open = &series->open;
    if (from + count > sent && open_count(open) > 0 && open->rows[open->end - 1].ordinal)
        open_drop_ordinal(open);
    int64_t ts = series->sent_ts;
    for (size_t r = 0; r < count; r++) {
        int64_t step = unpack_at(&times, r);
        if ((step < 0 && (sent > 0 || r > 0)) || __builtin_add_overflow(ts, step, &ts) ||
            ts < ROWS_TS_MIN || ts > ROWS_TS_MAX)
            return refused(self, "times");
        if (!ring_push(ring, ts))
            return no_memory(self);
        for (unsigned i = 0; i < ring->column_count; i++) {
            column_next(&self->columns[i], &self->figures[i]);
            if (!ring_set(ring, i, ring->tail - 1, &self->figures[i]))
                return no_memory(self);
        }
        series->newest = ts;
        if (step > 0 && series->cells && !series_settle(series))
            return no_memory(self);
    }
    for (unsigned i = 0; i < ring->column_count; i++)
        if (self->columns[i].wide.bad)
            return refused(self, "numbers");
    return true;
}

static bool read_values(reader_t *self, size_t count)
{
    figure_t figure;
    figure_init(&figure);
    for (size_t i = 0; i < count; i++) {
        figure_read(&self->in, &figure);
        self->values[i] = DECIMAL_NULL;
        if (figure.size == FIGURE_BIG ||
            (figure.size == FIGURE_SMALL &&
             (figure.exponent < INT8_MIN || figure.exponent > INT8_MAX)))
            self->in.bad = true;
        else if (figure.size == FIGURE_SMALL)
            self->values[i] =
                (decimal_t){ .mantissa = figure.mantissa, .exponent = (int8_t) figure.exponent };
    }
    figure_clear(&figure);
    return !self->in.bad;
}

// Open row `at` of those before `end` rows were added; SIZE_MAX if it is none of them.
static size_t find_open(const open_t *open, uint64_t position)
{
    size_t low = open->first, high = open->end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (open->rows[middle].position < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low < open->end && open->rows[low].position == position ? low : SIZE_MAX;
}

static bool read_open_row(reader_t *self, series_t *series, uint64_t first)
{
    open_t *open = &series->open;
    uint64_t back = unpack_u64(&self->in);
    slice_t identity = unpack_bytes(&self->in);
    if (self->in.bad || back / 2 == 0 || back / 2 > series->ring.tail - first ||
        identity.size > IDENTITY_BYTES_MAX || !read_values(self, open->column_count))
        return refused(self, "open row");
    uint64_t position = series->ring.tail - back / 2;
    size_t at = find_open(open, position);
    if (at == SIZE_MAX) {
        if ((open_count(open) > 0 && open->rows[open->end - 1].position > position) ||
            open_count(open) == OPEN_ROWS_MAX)
            return refused(self, "open row");
        if (!open_add(open, position, identity, back & 1))
            return no_memory(self);
        at = open->end - 1;
    }
    for (unsigned i = 0; i < open->column_count; i++)
        open_values(open, at)[i] = self->values[i];
    return true;
}

static bool read_open(reader_t *self, series_t *series)
{
    const ring_t *ring = &series->ring;
    open_t *open = &series->open;
    series->same_ts = unpack_u64(&self->in);
    uint64_t back = unpack_u64(&self->in);
    uint64_t changed = unpack_u64(&self->in);
    if (self->in.bad || back == 0 || back > ring_count(ring) || series->same_ts == 0 ||
        series->same_ts > ring->tail)
        return refused(self, "open rows");
    uint64_t first = ring->tail - back;
    size_t gone = 0;
    while (gone < open_count(open) && open->rows[open->first + gone].position < first)
        gone++;
    if (gone == open_count(open))
        open_clear(open);
    else if (!open_drop_first(open, gone))
        return no_memory(self);
    for (; changed > 0; changed--)
        if (!read_open_row(self, series, first))
            return false;
    if (open_count(open) == 0 || open->rows[open->first].position != first)
        return refused(self, "open rows");
    return true;
}

static bool read_fired(reader_t *self, series_t *series, bool given)
{
    uint64_t first = series->open.rows[series->open.first].position;
    if (!given) {
        series_forget_fired(series, first);
        return true;
    }
    series->fired_count = 0;
    for (uint64_t count = unpack_u64(&self->in); count > 0; count--) {
        uint64_t back = unpack_u64(&self->in);
        uint64_t rule = unpack_u64(&self->in);
        if (self->in.bad || back == 0 || back > series->ring.tail - first ||
            rule >= series->layout->plan->rule_count)
            return refused(self, "published row");
        if (!series_set_fired(series, series->ring.tail - back, (uint32_t) rule))
            return no_memory(self);
    }
    return !self->in.bad || refused(self, "published row");
}

static bool read_topics(reader_t *self, series_t *series)
{
    uint64_t count = unpack_u64(&self->in);
    if (count > 0 && !series_topics(series))
        return no_memory(self);
    for (; count > 0; count--) {
        uint64_t rule = unpack_u64(&self->in);
        uint64_t seq = unpack_u64(&self->in);
        slice_t prev = unpack_raw(&self->in, sizeof(alert_id_t));
        if (self->in.bad || rule >= series->layout->plan->rule_count)
            return refused(self, "topic");
        series->topics[rule].seq = seq;
        memcpy(series->topics[rule].prev.bytes, prev.data, prev.size);
    }
    return !self->in.bad || refused(self, "topic");
}

static bool read_covered(reader_t *self, series_t *series)
{
    series->covered_us = unpack_i64(&self->in);
    series->covered_position = unpack_u64(&self->in);
    for (unsigned i = 0; i < series->ring.column_count; i++) {
        series->known[i].us = unpack_i64(&self->in);
        series->known[i].position = unpack_u64(&self->in);
    }
    return !self->in.bad || refused(self, "history");
}

// Counts are whole numbers below 2^53; those of a trace may be unknown.
static bool good_counts(const reader_t *self, const layout_t *layout)
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

static bool read_cell(reader_t *self, cells_t *cells, int64_t ts)
{
    if (!ring_push(&cells->ring, ts))
        return no_memory(self);
    for (unsigned i = 0; i < cells->ring.column_count; i++)
        column_next(&self->columns[i], &self->figures[i]);
    if (!good_counts(self, cells->layout))
        return refused(self, "cell");
    figure_t *weight = &self->figures[CELL_WEIGHT];
    (void) figure_at(weight, 0, &weight->mantissa);
    weight->exponent = 0;
    for (unsigned i = 0; i < cells->ring.column_count; i++)
        if (!ring_set(&cells->ring, i, cells->ring.tail - 1, &self->figures[i]))
            return no_memory(self);
    return true;
}

static bool read_cells(reader_t *self, series_t *series)
{
    const layout_t *layout = series->layout;
    unsigned bits = (unsigned) unpack_up_to(&self->in, BITS_MAX);
    uint64_t waiting = unpack_up_to(&self->in, ring_count(&series->ring));
    if (layout->plan->keep_us == 0)
        return refused(self, "cells");
    series->cells = cells_new(layout, bits, series->ring.tail - waiting);
    if (!series->cells || !room_for_columns(self, layout->cell_column_count))
        return no_memory(self);
    for (size_t i = 0; i < layout->trace_count; i++)
        series->cells->known_us[i] = unpack_i64(&self->in);
    size_t count = (size_t) unpack_u64(&self->in);
    unpack_list_t times = unpack_list(&self->in, count, 1);
    for (unsigned i = 0; i < layout->cell_column_count; i++)
        column_read(&self->columns[i], &self->in, count);
    int64_t ts = 0;
    if (self->in.bad)
        return refused(self, "cells");
    for (size_t c = 0; c < count; c++) {
        int64_t step = unpack_at(&times, c);
        if ((step < 0 && c > 0) || __builtin_add_overflow(ts, step, &ts) || ts < ROWS_TS_MIN ||
            ts > series->newest)
            return refused(self, "cells");
        if (!read_cell(self, series->cells, ts))
            return false;
    }
    for (unsigned i = 0; i < layout->cell_column_count; i++)
        if (self->columns[i].wide.bad)
            return refused(self, "cells");
    return true;
}

// The parts of an entry that come before its rows.
static bool read_turn(reader_t *self, series_t *series, uint8_t flags)
{
    bool whole = flags & ENTRY_WHOLE;
    if (flags > (ENTRY_WHOLE | ENTRY_FIRED | ENTRY_TURNED | ENTRY_COARSE) ||
        (whole ? series->ring.tail > 0 || flags & ENTRY_TURNED : flags & ENTRY_COARSE))
        return refused(self, "series");
    if (!(flags & ENTRY_TURNED))
        return true;
    unsigned bits = (unsigned) unpack_up_to(&self->in, BITS_MAX);
    if (self->in.bad || series->cells || series->ring.tail == 0 ||
        series->layout->plan->keep_us == 0)
        return refused(self, "series");
    return series_turn(series, bits) || no_memory(self);
}

static bool read_series(reader_t *self)
{
    if (!self->branch)
        return refused(self, "series without a stream");
    series_t *series = read_name(self);
    if (!series)
        return false;
    if (!room_for(self, series->layout))
        return no_memory(self);
    uint8_t flags = unpack_byte(&self->in);
    if (!read_turn(self, series, flags))
        return false;
    int64_t start = unpack_i64(&self->in);
    if (!read_rows(self, series, start) || !read_open(self, series) ||
        !read_fired(self, series, flags & ENTRY_FIRED) || !read_topics(self, series) ||
        (flags & ENTRY_WHOLE && !read_covered(self, series)) ||
        (flags & ENTRY_COARSE && !read_cells(self, series)))
        return false;
    if (!series_take(series))
        return no_memory(self);
    series->ring.restated = false;
    series->windows.stale = true;
    series->kept = series->ring.head;
    series_note_partial(series);
    journal_mark(series);
    series_trim(series);
    partition_hide(self->partition, series);
    return true;
}

static bool read_all(reader_t *self)
{
    if (unpack_byte(&self->in) != JOURNAL_VERSION)
        return refused(self, "version");
    while (self->in.at < self->in.end) {
        uint8_t section = unpack_byte(&self->in);
        bool ok = section == SECTION_BRANCH   ? read_branch(self)
                  : section == SECTION_PLAN   ? read_plan(self)
                  : section == SECTION_SERIES ? read_series(self)
                                              : refused(self, "section");
        if (!ok)
            return false;
    }
    return true;
}

bool journal_load(partition_t *self, slice_t encoded, journal_find_t *find, void *context,
                  fault_t *fault)
{
    if (encoded.size == 0)
        return true; // a delta without changes
    reader_t reader = { .in = { .at = encoded.data, .end = encoded.data + encoded.size },
                        .partition = self,
                        .find = find,
                        .context = context,
                        .fault = fault };
    bool ok = read_all(&reader);
    for (size_t i = 0; i < reader.column_capacity; i++)
        figure_clear(&reader.figures[i]);
    free(reader.figures);
    free(reader.columns);
    free(reader.values);
    free(reader.named);
    return ok;
}
