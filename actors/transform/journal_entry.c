/*  journal_entry -- reading what a base or delta says of one series: see journal_format.h.
 *
 *  Checked as far as memory safety and the shape of state ask for it (times never fall,
 *  positions lie where they can); that it is the truth, only whoever wrote it can know.
 */
#include <stdlib.h>

#include "actors/transform/journal_reader.h"

// Open rows from here on are told again. Without lateness, one told apart by its ordinal leaves
// when another comes.
static void drop_open(series_t *series, uint64_t from, uint64_t end)
{
    open_t *open = &series->open;
    bool more = end > series->ring.tail && series->layout->plan->lateness_us == 0;
    open_drop_last(open, from);
    fired_drop(&series->fired, from);
    baselines_drop(&series->baselines, from);
    if (more && open_count(open) > 0 && open->rows[open->end - 1].ordinal &&
        !open->rows[open->end - 1].due && !series_keeps_ordinal(series))
        open_drop_ordinal(open);
}

// Rows from *first on, which may replace the last ones or leave a gap to them.
static bool read_rows(journal_reader_t *self, series_t *series, bool only, uint64_t *first)
{
    ring_t *ring = &series->ring;
    int64_t start = unpack_i64(&self->in);
    uint64_t sent = ring->tail, from = sent + (uint64_t) start;
    *first = from;
    uint64_t count = unpack_u64(&self->in);
    unpack_list_t times = unpack_list(&self->in, (size_t) count, 1);
    for (unsigned i = 0; i < ring->column_count; i++)
        column_read(&self->columns[i], &self->in, (size_t) count);
    if (self->in.bad || start > POSITION_MAX || start < -POSITION_MAX ||
        -start > (int64_t) ring_count(ring) || sent > (uint64_t) POSITION_MAX ||
        from + count < sent || from + count == 0)
        return journal_refused(self, "rows");
    if (only)
        series_drop_cells(series); // with cells all are kept until they were sent
    if ((start > 0 && !only && sent > 0) || (series->cells && from < series->taken))
        return journal_refused(self, "rows");
    drop_open(series, from, from + count);
    ring->tail = from;
    if (only || sent == 0)
        ring->head = from;
    int64_t ts = series->sent_ts;
    for (size_t r = 0; r < count; r++) {
        int64_t step = unpack_at(&times, r);
        if (__builtin_add_overflow(ts, step, &ts) || ts < ROWS_TS_MIN || ts > ROWS_TS_MAX ||
            (ring_count(ring) > 0 && ts < ring_ts(ring, ring->tail - 1)))
            return journal_refused(self, "times");
        if (!ring_push(ring, ts))
            return journal_no_memory(self);
        for (unsigned i = 0; i < ring->column_count; i++) {
            column_next(&self->columns[i], &self->figures[i]);
            if (!ring_set(ring, i, ring->tail - 1, &self->figures[i]))
                return journal_no_memory(self);
        }
    }
    if (ring_count(ring) == 0 || (sent > 0 && count > 0 && ts < series->newest))
        return journal_refused(self, "times");
    if (count > 0)
        series->newest = ts;
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

static bool read_open_row(journal_reader_t *self, series_t *series, uint64_t from)
{
    open_t *open = &series->open;
    const ring_t *ring = &series->ring;
    uint64_t back = unpack_u64(&self->in);
    uint64_t nth = unpack_u64(&self->in);
    slice_t identity = unpack_bytes(&self->in);
    opening_t row = { .position = ring->tail - back / 4,
                      .nth = nth,
                      .identity = identity,
                      .due = back & 2,
                      .ordinal = back & 1 };
    if (self->in.bad || back / 4 == 0 || back / 4 > ring->tail - from ||
        (open_count(open) > 0 && open->rows[open->end - 1].position >= row.position) ||
        series_full(series) || row.nth > row.position || row.identity.size > IDENTITY_BYTES_MAX ||
        !read_values(self, open->column_count))
        return journal_refused(self, "open row");
    row.ts = ring_ts(ring, row.position);
    uint64_t first = ring_since(ring, row.ts);
    if (first > ring->head ? row.nth != row.position - first : row.nth < row.position - first)
        return journal_refused(self, "open row");
    if (!open_insert(open, open->end, &row))
        return journal_no_memory(self);
    for (unsigned i = 0; i < open->column_count; i++)
        open_values(open, open->end - 1)[i] = self->values[i];
    return true;
}

static bool read_fired(journal_reader_t *self, series_t *series, uint64_t from)
{
    for (uint64_t count = unpack_u64(&self->in); count > 0; count--) {
        uint64_t back = unpack_u64(&self->in);
        unsigned said = SAID_ALERT;
        if (self->version > JOURNAL_VERSION_LEAST) {
            uint64_t base =
                self->version > JOURNAL_VERSION_EIGHTS ? SAID_ALL + 1 : SAID_ANYTHING + 1;
            said = (unsigned) (back % base);
            back /= base;
        }
        slice_t bytes = unpack_raw(&self->in, sizeof(rule_id_t));
        if (self->in.bad || said == 0 || said > SAID_ALL || back == 0 ||
            back > series->ring.tail - from)
            return journal_refused(self, "published row");
        rule_id_t rule;
        memcpy(rule.bytes, bytes.data, sizeof rule.bytes);
        if (!fired_say(&series->fired, series->ring.tail - back, &rule, said))
            return journal_no_memory(self);
    }
    return !self->in.bad || journal_refused(self, "published row");
}

static void count_due(series_t *series)
{
    series->due = 0;
    for (size_t i = series->open.first; i < series->open.end; i++)
        series->due += series->open.rows[i].due;
}

// Open rows from `from` on come after those that were kept; the first of all is `back` from the
// end.
static bool read_open(journal_reader_t *self, series_t *series, uint64_t from)
{
    const ring_t *ring = &series->ring;
    open_t *open = &series->open;
    uint64_t back = unpack_u64(&self->in);
    uint64_t count = unpack_u64(&self->in);
    if (self->in.bad || back == 0 || back > ring_count(ring))
        return journal_refused(self, "open rows");
    uint64_t first = ring->tail - back;
    size_t gone = 0;
    while (gone < open_count(open) && open->rows[open->first + gone].position < first)
        gone++;
    if (gone == open_count(open))
        open_clear(open);
    else if (!open_drop_first(open, gone))
        return journal_no_memory(self);
    for (; count > 0; count--)
        if (!read_open_row(self, series, from > first ? from : first))
            return false;
    if (open_count(open) == 0 || open->rows[open->first].position != first ||
        open->rows[open->end - 1].position != ring->tail - 1)
        return journal_refused(self, "open rows");
    fired_forget(&series->fired, first);
    count_due(series);
    return read_fired(self, series, from > first ? from : first);
}

static void read_minute(journal_reader_t *self, const series_t *series, topic_t *topic)
{
    int64_t back = unpack_i64(&self->in);
    topic->alerts = unpack_u64(&self->in);
    topic->suppressed = unpack_u64(&self->in);
    if (back > POSITION_MAX || back < -POSITION_MAX)
        self->in.bad = true;
    else
        topic->minute = topic_minute_of(series->newest) - back;
}

static int64_t read_ago(journal_reader_t *self, const series_t *series)
{
    int64_t ago = unpack_i64(&self->in);
    if (ago > 2 * ROWS_TS_MAX || ago < -2 * ROWS_TS_MAX)
        self->in.bad = true;
    return self->in.bad ? 0 : series->newest - ago;
}

static void read_id(journal_reader_t *self, alert_id_t *id)
{
    slice_t bytes = unpack_raw(&self->in, sizeof id->bytes);
    memcpy(id->bytes, bytes.data, bytes.size);
}

// False: out of memory.
static bool read_flap(journal_reader_t *self, series_t *series, topic_t *topic, bool known)
{
    if (topic->flap)
        topic->flap->on = false, topic->flap->count = 0;
    if (!known || self->in.bad)
        return true;
    if (!spoken_flap(&series->topics, topic))
        return false;
    flap_t *flap = topic->flap;
    uint64_t count = unpack_up_to(&self->in, 2 * RULE_FLAP_MOST + 1);
    flap->on = count % 2;
    flap->count = (unsigned) count / 2;
    for (unsigned i = 0; i < flap->count; i++) {
        flap->changes[i] = read_ago(self, series);
        if (i > 0 && flap->changes[i] < flap->changes[i - 1])
            self->in.bad = true;
    }
    if (flap_is_idle(flap))
        self->in.bad = true;
    if (!flap->on)
        return true;
    flap->since_us = read_ago(self, series);
    read_id(self, &flap->opened);
    return true;
}

static bool read_incident(journal_reader_t *self, series_t *series, topic_t *topic)
{
    incident_t *incident = &topic->incident;
    uint64_t state = unpack_u64(&self->in);
    *incident = (incident_t){ .state = (incident_state_t) (state % INCIDENT_TOLD),
                              .told = state & INCIDENT_TOLD };
    topic->silent = state & INCIDENT_SILENT;
    if (state > INCIDENT_SAYS || state % INCIDENT_TOLD > INCIDENT_FIRING)
        self->in.bad = true;
    if (incident->told)
        incident->told_us = read_ago(self, series);
    if (topic->silent)
        topic->silent_us = read_ago(self, series);
    if (incident->state != INCIDENT_WELL)
        incident->since_us = read_ago(self, series);
    if (incident->state == INCIDENT_FIRING)
        read_id(self, &incident->opened);
    return read_flap(self, series, topic, state & INCIDENT_CHANGES);
}

static bool read_topics(journal_reader_t *self, series_t *series)
{
    for (uint64_t count = unpack_u64(&self->in); count > 0; count--) {
        uint64_t rule = unpack_u64(&self->in);
        uint64_t seq = unpack_u64(&self->in);
        slice_t prev = unpack_raw(&self->in, sizeof(alert_id_t));
        if (self->in.bad || rule >= series->layout->plan->rule_count)
            return journal_refused(self, "topic");
        topic_t *topic = spoken_take(&series->topics, (uint32_t) rule);
        if (!topic)
            return journal_no_memory(self);
        topic->seq = seq;
        memcpy(topic->prev.bytes, prev.data, prev.size);
        if (self->version > JOURNAL_VERSION_LEAST)
            read_minute(self, series, topic);
        if (self->version > JOURNAL_VERSION_LEAST + 1 && !read_incident(self, series, topic))
            return journal_no_memory(self);
    }
    series->silences = spoken_silences(&series->topics);
    return !self->in.bad || journal_refused(self, "topic");
}

static bool read_heard(journal_reader_t *self, series_t *series, bool known)
{
    series->heard_us = known ? read_ago(self, series) : 0;
    if (self->in.bad || (known && (series->heard_us <= 0 || !series->layout->plan->nodata_us)))
        return journal_refused(self, "time of the last row");
    return true;
}

// The row that was open last, or none that is known.
static bool read_left(journal_reader_t *self, series_t *series, bool known)
{
    left_t *left = &series->left;
    unsigned count = series->open.column_count;
    left->known = known;
    if (!known)
        return true;
    uint64_t back = unpack_u64(&self->in);
    uint64_t ago = unpack_up_to(&self->in, 2 * (uint64_t) ROWS_TS_MAX);
    if (self->in.bad || back == 0 || back > series->ring.tail || !series->layout->plan->has_edges ||
        !read_values(self, count))
        return journal_refused(self, "row before the open ones");
    if (!left->values && !(left->values = malloc((count + 1) * sizeof *left->values)))
        return journal_no_memory(self);
    memcpy(left->values, self->values, count * sizeof *left->values);
    left->position = series->ring.tail - back;
    left->ts = series->newest - (int64_t) ago;
    return true;
}

// Rules that held for the row before the open ones, and those that do not know.
static bool read_recalls(journal_reader_t *self, series_t *series)
{
    const table_plan_t *plan = series->layout->plan;
    uint64_t first = series->open.rows[series->open.first].position, tail = series->ring.tail;
    uint64_t held = unpack_u64(&self->in);
    if (held > 0 && first == 0)
        return journal_refused(self, "row before the open ones");
    for (; held > 0; held--) {
        slice_t bytes = unpack_raw(&self->in, sizeof(rule_id_t));
        rule_id_t rule = { { 0 } };
        memcpy(rule.bytes, bytes.data, bytes.size);
        if (self->in.bad)
            return journal_refused(self, "row before the open ones");
        if (!fired_say(&series->fired, first - 1, &rule, SAID_HELD))
            return journal_no_memory(self);
    }
    series->recalls.count = 0;
    uint64_t next = 0;
    for (uint64_t count = unpack_u64(&self->in); count > 0; count--) {
        uint64_t rule = unpack_u64(&self->in), back = unpack_u64(&self->in);
        if (self->in.bad || rule < next || rule >= plan->rule_count || back > tail ||
            !rule_recalls(&plan->rules[rule]))
            return journal_refused(self, "rule by edge");
        next = rule + 1;
        if (!recalls_add(&series->recalls, (uint32_t) rule, back ? tail - back : RECALLS_NONE))
            return journal_no_memory(self);
    }
    return !self->in.bad || journal_refused(self, "rule by edge");
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
    if ((whole ? series->ring.tail > 0 || flags & (ENTRY_TURNED | ENTRY_ONLY)
               : flags & ENTRY_COARSE))
        return journal_refused(self, "series");
    if (!(flags & ENTRY_TURNED))
        return true;
    int64_t exact_us = unpack_i64(&self->in), keep_us = series->layout->plan->keep_us;
    if (self->in.bad || series->ring.tail == 0 || exact_us < 0 || exact_us >= series->exact_us ||
        exact_us >= keep_us)
        return journal_refused(self, "series");
    return series_turn(series, exact_us) || journal_no_memory(self);
}

static int64_t read_floor(journal_reader_t *self, const series_t *series, bool given)
{
    uint64_t distance = given ? unpack_up_to(&self->in, 2 * (uint64_t) ROWS_TS_MAX)
                              : (uint64_t) series->layout->plan->lateness_us;
    return series->newest - (int64_t) distance;
}

// It never falls, and lies between the rows that have closed and those that are open.
static bool good_floor(const journal_reader_t *self, const series_t *series, int64_t floor)
{
    const open_row_t *first = &series->open.rows[series->open.first];
    return !self->in.bad && floor >= series->floor_us && floor <= first->ts &&
           (first->position == series->ring.head ||
            ring_ts(&series->ring, first->position - 1) <= floor);
}

// Cells take the rows that have closed, and run empty on the way as they did.
static bool close_rows(series_t *series, int64_t floor)
{
    uint64_t first = series->open.rows[series->open.first].position;
    for (uint64_t p = series->taken; series->cells && p < first; p++)
        if (ring_ts(&series->ring, p) < floor && !series_raise(series, ring_ts(&series->ring, p)))
            return false;
    return series_raise(series, floor) && series_take(series);
}

bool journal_read_entry(journal_reader_t *self, series_t *series)
{
    if (!journal_room(self, series->layout))
        return journal_no_memory(self);
    uint8_t flags = unpack_byte(&self->in);
    if (!read_turn(self, series, flags))
        return false;
    uint64_t from;
    if (!read_rows(self, series, flags & ENTRY_ONLY, &from))
        return false;
    int64_t floor = read_floor(self, series, flags & ENTRY_FLOOR);
    if (!read_open(self, series, from))
        return false;
    if (!good_floor(self, series, floor))
        return journal_refused(self, "floor");
    bool recalls = series->layout->plan->recalls && self->version > JOURNAL_VERSION_EIGHTS;
    bool freezes = series->layout->plan->freezes && self->version > JOURNAL_VERSION_MOVING;
    if (!read_topics(self, series) || !read_left(self, series, flags & ENTRY_LEFT) ||
        (recalls && !read_recalls(self, series)) ||
        (freezes && !journal_read_baselines(self, series, from)) ||
        !read_heard(self, series, flags & ENTRY_HEARD) ||
        (flags & ENTRY_KNOWN && !read_covered(self, series)) ||
        (flags & ENTRY_COARSE && !journal_read_cells(self, series, floor)))
        return false;
    return close_rows(series, floor) || journal_no_memory(self);
}
