/*  journal_entry -- reading what a base or delta says of one series: see journal_format.h.
 *
 *  Checked as far as memory safety and the shape of state ask for it (times never fall,
 *  positions lie where they can); that it is the truth, only whoever wrote it can know.
 */
#include "actors/transform/journal_reader.h"

// Rows from `start` on, which may replace the last ones or leave a gap to them.
static bool read_rows(journal_reader_t *self, series_t *series, int64_t start)
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
        return journal_refused(self, "rows");
    if (start > 0) {
        ring->head = from;
        series_drop_cells(series); // with cells there is no gap
    }
    if (series->cells && from < series->taken)
        return journal_refused(self, "rows");
    ring->tail = from;
    open_t *open = &series->open;
    if (from + count > sent && open_count(open) > 0 && open->rows[open->end - 1].ordinal)
        open_drop_ordinal(open);
    int64_t ts = series->sent_ts;
    for (size_t r = 0; r < count; r++) {
        int64_t step = unpack_at(&times, r);
        if ((step < 0 && (sent > 0 || r > 0)) || __builtin_add_overflow(ts, step, &ts) ||
            ts < ROWS_TS_MIN || ts > ROWS_TS_MAX)
            return journal_refused(self, "times");
        if (!ring_push(ring, ts))
            return journal_no_memory(self);
        for (unsigned i = 0; i < ring->column_count; i++) {
            column_next(&self->columns[i], &self->figures[i]);
            if (!ring_set(ring, i, ring->tail - 1, &self->figures[i]))
                return journal_no_memory(self);
        }
        series->newest = ts;
        if (step > 0 && series->cells && !series_settle(series))
            return journal_no_memory(self);
    }
    for (unsigned i = 0; i < ring->column_count; i++)
        if (self->columns[i].wide.bad)
            return journal_refused(self, "numbers");
    return true;
}

static bool read_values(journal_reader_t *self, size_t count)
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

static bool read_open_row(journal_reader_t *self, series_t *series, uint64_t first)
{
    open_t *open = &series->open;
    uint64_t back = unpack_u64(&self->in);
    slice_t identity = unpack_bytes(&self->in);
    if (self->in.bad || back / 2 == 0 || back / 2 > series->ring.tail - first ||
        identity.size > IDENTITY_BYTES_MAX || !read_values(self, open->column_count))
        return journal_refused(self, "open row");
    uint64_t position = series->ring.tail - back / 2;
    size_t at = find_open(open, position);
    if (at == SIZE_MAX) {
        if ((open_count(open) > 0 && open->rows[open->end - 1].position > position) ||
            open_count(open) == OPEN_ROWS_MAX)
            return journal_refused(self, "open row");
        if (!open_add(open, position, identity, back & 1))
            return journal_no_memory(self);
        at = open->end - 1;
    }
    for (unsigned i = 0; i < open->column_count; i++)
        open_values(open, at)[i] = self->values[i];
    return true;
}

static bool read_open(journal_reader_t *self, series_t *series)
{
    const ring_t *ring = &series->ring;
    open_t *open = &series->open;
    series->same_ts = unpack_u64(&self->in);
    uint64_t back = unpack_u64(&self->in);
    uint64_t changed = unpack_u64(&self->in);
    if (self->in.bad || back == 0 || back > ring_count(ring) || series->same_ts == 0 ||
        series->same_ts > ring->tail)
        return journal_refused(self, "open rows");
    uint64_t first = ring->tail - back;
    size_t gone = 0;
    while (gone < open_count(open) && open->rows[open->first + gone].position < first)
        gone++;
    if (gone == open_count(open))
        open_clear(open);
    else if (!open_drop_first(open, gone))
        return journal_no_memory(self);
    for (; changed > 0; changed--)
        if (!read_open_row(self, series, first))
            return false;
    if (open_count(open) == 0 || open->rows[open->first].position != first)
        return journal_refused(self, "open rows");
    return true;
}

static bool read_fired(journal_reader_t *self, series_t *series, bool given)
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
            return journal_refused(self, "published row");
        if (!series_set_fired(series, series->ring.tail - back, (uint32_t) rule))
            return journal_no_memory(self);
    }
    return !self->in.bad || journal_refused(self, "published row");
}

static bool read_topics(journal_reader_t *self, series_t *series)
{
    uint64_t count = unpack_u64(&self->in);
    if (count > 0 && !series_topics(series))
        return journal_no_memory(self);
    for (; count > 0; count--) {
        uint64_t rule = unpack_u64(&self->in);
        uint64_t seq = unpack_u64(&self->in);
        slice_t prev = unpack_raw(&self->in, sizeof(alert_id_t));
        if (self->in.bad || rule >= series->layout->plan->rule_count)
            return journal_refused(self, "topic");
        series->topics[rule].seq = seq;
        memcpy(series->topics[rule].prev.bytes, prev.data, prev.size);
    }
    return !self->in.bad || journal_refused(self, "topic");
}

static bool read_covered(journal_reader_t *self, series_t *series)
{
    series->covered_us = unpack_i64(&self->in);
    series->covered_position = unpack_u64(&self->in);
    for (unsigned i = 0; i < series->ring.column_count; i++) {
        series->known[i].us = unpack_i64(&self->in);
        series->known[i].position = unpack_u64(&self->in);
    }
    return !self->in.bad || journal_refused(self, "history");
}

// The parts of an entry that come before its rows.
static bool read_turn(journal_reader_t *self, series_t *series, uint8_t flags)
{
    bool whole = flags & ENTRY_WHOLE;
    if (flags > (ENTRY_WHOLE | ENTRY_FIRED | ENTRY_TURNED | ENTRY_COARSE) ||
        (whole ? series->ring.tail > 0 || flags & ENTRY_TURNED : flags & ENTRY_COARSE))
        return journal_refused(self, "series");
    if (!(flags & ENTRY_TURNED))
        return true;
    int64_t exact_us = unpack_i64(&self->in), keep_us = series->layout->plan->keep_us;
    if (self->in.bad || series->ring.tail == 0 || exact_us < 0 || exact_us >= series->exact_us ||
        exact_us >= keep_us)
        return journal_refused(self, "series");
    return series_turn(series, exact_us) || journal_no_memory(self);
}

bool journal_read_entry(journal_reader_t *self, series_t *series)
{
    if (!journal_room(self, series->layout))
        return journal_no_memory(self);
    uint8_t flags = unpack_byte(&self->in);
    if (!read_turn(self, series, flags))
        return false;
    int64_t start = unpack_i64(&self->in);
    if (!read_rows(self, series, start) || !read_open(self, series) ||
        !read_fired(self, series, flags & ENTRY_FIRED) || !read_topics(self, series) ||
        (flags & ENTRY_WHOLE && !read_covered(self, series)) ||
        (flags & ENTRY_COARSE && !journal_read_cells(self, series)))
        return false;
    return series_take(series) || journal_no_memory(self);
}
