/*  journal -- writing: see journal.h and journal_format.h. */
#include "actors/transform/journal.h"

#include <stdlib.h>

#include "actors/transform/journal_format.h"

typedef struct {
    buffer_t *out;
    column_writer_t columns;
} writer_t;

static void writer_open(writer_t *self, buffer_t *out)
{
    self->out = out;
    column_writer_init(&self->columns);
    if (out->size == 0)
        buffer_append(out, &(uint8_t){ JOURNAL_VERSION }, 1);
}

// True if everything has been written.
static bool writer_close(writer_t *self, bool ok)
{
    column_writer_close(&self->columns);
    return ok && !self->out->failed;
}

static void write_byte(writer_t *self, unsigned byte)
{
    buffer_append(self->out, &(uint8_t){ (uint8_t) byte }, 1);
}

static void write_branch(writer_t *self, const branch_t *branch)
{
    write_byte(self, SECTION_BRANCH);
    pack_bytes(self->out, slice_of(branch->name, branch->name_size));
}

static void write_plan(writer_t *self, plan_hash_t hash)
{
    write_byte(self, SECTION_PLAN);
    buffer_append(self->out, hash.bytes, sizeof hash.bytes);
}

// ---- one series -------------------------------------------------------------------------------

static bool write_times(writer_t *self, const ring_t *ring, uint64_t from, int64_t before)
{
    size_t count = (size_t) (ring->tail - from);
    if (!column_writer_room(&self->columns, count))
        return false;
    for (uint64_t p = from; p < ring->tail; p++) {
        self->columns.numbers[p - from] = ring_ts(ring, p) - before;
        before = ring_ts(ring, p);
    }
    pack_list(self->out, self->columns.numbers, count, 1);
    return true;
}

static void write_values(writer_t *self, const decimal_t *values, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        figure_set_decimal(&self->columns.figure, values[i]);
        figure_write(&self->columns, &self->columns.figure, self->out);
    }
}

// Open rows from this position on, and what has published them.
static void write_open(writer_t *self, const series_t *series, uint64_t from)
{
    const open_t *open = &series->open;
    uint64_t end = series->ring.tail;
    size_t first = open->end;
    while (first > open->first && open->rows[first - 1].position >= from)
        first--;
    pack_u64(self->out, end - open->rows[open->first].position);
    pack_u64(self->out, open->end - first);
    for (size_t i = first; i < open->end; i++) {
        const open_row_t *row = &open->rows[i];
        pack_u64(self->out, 4 * (end - row->position) + 2 * row->due + row->ordinal);
        pack_u64(self->out, row->nth);
        pack_bytes(self->out, open_identity(open, i));
        write_values(self, open_values(open, i), open->column_count);
    }
    const fired_t *fired = &series->fired;
    uint64_t first_open = open->rows[open->first].position;
    size_t next = fired_from(fired, from > first_open ? from : first_open);
    pack_u64(self->out, fired->count - next);
    for (; next < fired->count; next++) {
        pack_u64(self->out,
                 (SAID_ALL + 1) * (end - fired->rows[next].position) + fired->rows[next].said);
        buffer_append(self->out, fired->rows[next].rule.bytes, sizeof fired->rows[next].rule.bytes);
    }
}

static void write_flap(writer_t *self, const series_t *series, const flap_t *flap)
{
    pack_u64(self->out, 2 * flap->count + flap->on);
    for (unsigned i = 0; i < flap->count; i++)
        pack_i64(self->out, series->newest - flap->changes[i]);
    if (!flap->on)
        return;
    pack_i64(self->out, series->newest - flap->since_us);
    buffer_append(self->out, flap->opened.bytes, sizeof flap->opened.bytes);
}

static void write_incident(writer_t *self, const series_t *series, const topic_t *topic)
{
    const incident_t *incident = &topic->incident;
    bool changes = topic->flap && !flap_is_idle(topic->flap);
    pack_u64(self->out, incident->state + (incident->told ? INCIDENT_TOLD : 0) +
                            (topic->silent ? INCIDENT_SILENT : 0) +
                            (changes ? INCIDENT_CHANGES : 0));
    if (incident->told)
        pack_i64(self->out, series->newest - incident->told_us);
    if (topic->silent)
        pack_i64(self->out, series->newest - topic->silent_us);
    if (incident->state != INCIDENT_WELL)
        pack_i64(self->out, series->newest - incident->since_us);
    if (incident->state == INCIDENT_FIRING)
        buffer_append(self->out, incident->opened.bytes, sizeof incident->opened.bytes);
    if (changes)
        write_flap(self, series, topic->flap);
}

static bool topic_used(const topic_t *topic)
{
    return topic->seq > 0 || topic->incident.state != INCIDENT_WELL ||
           (topic->flap && !flap_is_idle(topic->flap));
}

static void write_topic(writer_t *self, const series_t *series, uint32_t rule, const topic_t *topic)
{
    pack_u64(self->out, rule);
    pack_u64(self->out, topic->seq);
    buffer_append(self->out, topic->prev.bytes, sizeof topic->prev.bytes);
    pack_i64(self->out, topic_minute_of(series->newest) - topic->minute);
    pack_u64(self->out, topic->alerts);
    pack_u64(self->out, topic->suppressed);
    write_incident(self, series, topic);
}

static void write_all_topics(writer_t *self, const series_t *series)
{
    const spoken_t *topics = &series->topics;
    size_t count = 0;
    for (size_t i = 0; i < topics->count; i++)
        count += topic_used(topics->entries[i].topic);
    pack_u64(self->out, count);
    for (size_t i = 0; i < topics->count; i++)
        if (topic_used(topics->entries[i].topic))
            write_topic(self, series, topics->entries[i].rule, topics->entries[i].topic);
}

static void write_changed_topics(writer_t *self, const series_t *series)
{
    const spoken_t *topics = &series->topics;
    pack_u64(self->out, topics->changed_count);
    for (size_t i = 0; i < topics->changed_count; i++)
        write_topic(self, series, topics->changed[i], spoken_find(topics, topics->changed[i]));
}

static void write_left(writer_t *self, const series_t *series)
{
    pack_u64(self->out, series->ring.tail - series->left.position);
    pack_u64(self->out, (uint64_t) (series->newest - series->left.ts));
    write_values(self, series->left.values, series->open.column_count);
}

static void write_recalls(writer_t *self, const series_t *series)
{
    const fired_t *fired = &series->fired;
    const recalls_t *recalls = &series->recalls;
    size_t held = fired_from(fired, series->open.rows[series->open.first].position);
    pack_u64(self->out, held);
    for (size_t i = 0; i < held; i++)
        buffer_append(self->out, fired->rows[i].rule.bytes, sizeof fired->rows[i].rule.bytes);
    pack_u64(self->out, recalls->count);
    for (size_t i = 0; i < recalls->count; i++) {
        uint64_t since = recalls->rules[i].since;
        pack_u64(self->out, recalls->rules[i].rule);
        pack_u64(self->out, since == RECALLS_NONE ? 0 : series->ring.tail - since);
    }
}

static void write_covered(writer_t *self, const series_t *series)
{
    pack_i64(self->out, series->covered_us);
    pack_u64(self->out, series->covered_position);
    for (unsigned i = 0; i < series->ring.column_count; i++) {
        pack_i64(self->out, series->known[i].us);
        pack_u64(self->out, series->known[i].position);
    }
}

static bool write_cells(writer_t *self, const series_t *series, const cells_t *cells)
{
    pack_u64(self->out, cells->bits);
    for (size_t i = 0; i < series->layout->trace_count; i++)
        pack_i64(self->out, cells->known_us[i]);
    pack_u64(self->out, ring_count(&cells->ring));
    if (!write_times(self, &cells->ring, cells->ring.head, 0))
        return false;
    for (unsigned i = 0; i < cells->ring.column_count; i++)
        if (!column_write(&self->columns, &cells->ring, i, cells->ring.head, cells->ring.tail,
                          self->out))
            return false;
    return true;
}

static bool write_coarse(writer_t *self, const series_t *series)
{
    size_t count = 0;
    for (const cells_t *cells = series->cells; cells; cells = cells->next)
        count++;
    pack_i64(self->out, series->exact_us);
    pack_u64(self->out, series->ring.tail - series->taken);
    pack_u64(self->out, count);
    for (const cells_t *cells = series->cells; cells; cells = cells->next)
        if (!write_cells(self, series, cells))
            return false;
    return true;
}

static bool write_entry(writer_t *self, const series_t *series, bool whole)
{
    const ring_t *ring = &series->ring;
    uint64_t sent = whole ? 0 : series->sent;
    uint64_t from = whole || series->resend < ring->head ? ring->head : series->resend;
    bool floor = series->floor_us != series->newest - series->layout->plan->lateness_us;
    bool turned = !whole && series->turned, coarse = whole && series->cells;
    bool known = whole || series->known_moved;
    bool only = !whole && series->resend < ring->head;
    write_byte(self, (whole ? ENTRY_WHOLE : 0) | (known ? ENTRY_KNOWN : 0) |
                         (floor ? ENTRY_FLOOR : 0) | (turned ? ENTRY_TURNED : 0) |
                         (coarse ? ENTRY_COARSE : 0) | (only ? ENTRY_ONLY : 0) |
                         (series->left.known ? ENTRY_LEFT : 0) |
                         (series->heard_us ? ENTRY_HEARD : 0));
    if (turned)
        pack_i64(self->out, series->turned_us);
    pack_i64(self->out, (int64_t) (from - sent));
    pack_u64(self->out, ring->tail - from);
    if (!write_times(self, ring, from, whole ? 0 : series->sent_ts))
        return false;
    for (unsigned i = 0; i < ring->column_count; i++)
        if (!column_write(&self->columns, ring, i, from, ring->tail, self->out))
            return false;
    if (floor)
        pack_u64(self->out, (uint64_t) (series->newest - series->floor_us));
    write_open(self, series, from);
    if (whole)
        write_all_topics(self, series);
    else
        write_changed_topics(self, series);
    if (series->left.known)
        write_left(self, series);
    if (series->layout->plan->recalls)
        write_recalls(self, series);
    if (series->layout->plan->freezes)
        baselines_write(series, from, whole, self->out);
    if (series->heard_us)
        pack_i64(self->out, series->newest - series->heard_us);
    if (known)
        write_covered(self, series);
    return !coarse || write_coarse(self, series);
}

bool journal_mark(series_t *series)
{
    series->sent = series->resend = series->ring.tail;
    series->sent_ts = series->newest;
    series->changed = series->turned = series->known_moved = false;
    spoken_mark(&series->topics);
    return baselines_mark(&series->baselines, series->open.rows[series->open.first].position);
}

// ---- deltas -----------------------------------------------------------------------------------

// By its tag, if whoever reads this knows it by then and no other of that tag.
static void write_name(writer_t *self, const branch_t *branch, const series_t *series)
{
    uint64_t tag = htole64(series->hash << (64 - SERIES_TAG_BITS) >> (64 - SERIES_TAG_BITS));
    if (series->sent > 0 && branch_find_tag(branch, le64toh(tag))) {
        write_byte(self, SECTION_KNOWN);
        buffer_append(self->out, &tag, SERIES_TAG_BITS / 8);
    } else {
        write_byte(self, SECTION_SERIES);
        pack_bytes(self->out, series_name(series));
    }
}

static bool write_touched(writer_t *self, const branch_t *branch, series_t *series)
{
    write_name(self, branch, series);
    return write_entry(self, series, false) && journal_mark(series);
}

static bool flush_branch(writer_t *self, branch_t *branch)
{
    if (!branch->touched)
        return true;
    write_branch(self, branch);
    while (branch->touched) {
        series_t *series = branch->touched;
        if (series->changed && !write_touched(self, branch, series))
            return false;
        branch->touched = series->next_touched;
        series->touched = false;
    }
    return true;
}

bool journal_changed(const partition_t *self)
{
    bool changed = self->delta.size > 0;
    for (size_t i = 0; !changed && i < self->branch_count; i++)
        changed = self->branches[i].touched;
    return changed;
}

bool journal_flush(partition_t *self)
{
    if (!journal_changed(self))
        return true;
    writer_t writer;
    writer_open(&writer, &self->delta);
    bool ok = true;
    for (size_t i = 0; ok && i < self->branch_count; i++)
        ok = flush_branch(&writer, &self->branches[i]);
    self->pending_rows = 0;
    return writer_close(&writer, ok);
}

bool journal_series(partition_t *self, const branch_t *branch, series_t *series)
{
    if (!series->changed)
        return true;
    writer_t writer;
    writer_open(&writer, &self->delta);
    write_branch(&writer, branch);
    return writer_close(&writer, write_touched(&writer, branch, series));
}

bool journal_plan(partition_t *self, branch_t *branch, plan_hash_t hash)
{
    if (!journal_flush(self))
        return false;
    writer_t writer;
    writer_open(&writer, &self->delta);
    write_branch(&writer, branch);
    write_plan(&writer, hash);
    return writer_close(&writer, true);
}

bool journal_forget(partition_t *self, const branch_t *branch)
{
    if (!journal_flush(self))
        return false;
    writer_t writer;
    writer_open(&writer, &self->delta);
    write_branch(&writer, branch);
    write_byte(&writer, SECTION_FORGET);
    return writer_close(&writer, true);
}

void journal_reset(partition_t *self)
{
    buffer_clear(&self->delta);
}

// ---- bases ------------------------------------------------------------------------------------

static bool base_branch(writer_t *self, const branch_t *branch)
{
    write_branch(self, branch);
    if (layouts_rules(branch->layouts))
        write_plan(self, ruleset_hash(layouts_rules(branch->layouts)));
    size_t count;
    series_t **sorted = branch_sorted(branch, NULL, NULL, &count);
    if (!sorted)
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        write_byte(self, SECTION_SERIES);
        pack_bytes(self->out, series_name(sorted[i]));
        ok = write_entry(self, sorted[i], true);
    }
    free(sorted);
    return ok;
}

static int by_stream(const void *a, const void *b)
{
    const branch_t *x = *(const branch_t *const *) a, *y = *(const branch_t *const *) b;
    int order = memcmp(x->name, y->name, x->name_size < y->name_size ? x->name_size : y->name_size);
    return order ? order : (x->name_size > y->name_size) - (x->name_size < y->name_size);
}

bool journal_base(const partition_t *self, buffer_t *out)
{
    const branch_t **sorted = malloc((self->branch_count + 1) * sizeof *sorted);
    if (!sorted)
        return false;
    for (size_t i = 0; i < self->branch_count; i++)
        sorted[i] = &self->branches[i];
    qsort(sorted, self->branch_count, sizeof *sorted, by_stream);
    writer_t writer;
    writer_open(&writer, out);
    bool ok = true;
    for (size_t i = 0; ok && i < self->branch_count; i++)
        ok = base_branch(&writer, sorted[i]);
    free(sorted);
    return writer_close(&writer, ok);
}
