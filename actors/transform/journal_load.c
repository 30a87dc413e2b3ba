/*  journal_load -- reading, section by section: see journal.h and journal_format.h. */
#include <stdlib.h>

#include "actors/transform/hash.h"
#include "actors/transform/journal_reader.h"
#include "proto/series.h"

bool journal_no_memory(journal_reader_t *self)
{
    return fault_set(self->fault, "state of a partition: out of memory");
}

bool journal_refused(journal_reader_t *self, const char *what)
{
    return fault_set(self->fault, "state of a partition: bad %s", what);
}

bool journal_room_for_columns(journal_reader_t *self, size_t count)
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

bool journal_room(journal_reader_t *self, const layout_t *layout)
{
    size_t columns = layout->plan->column_count;
    if (!journal_room_for_columns(self, layout->plan->argument_count))
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

static bool read_branch(journal_reader_t *self)
{
    slice_t name = unpack_bytes(&self->in);
    if (self->in.bad || name.size > STREAM_NAME_MAX)
        return journal_refused(self, "stream");
    self->branch = partition_branch(self->partition, name);
    return self->branch || journal_no_memory(self);
}

static bool read_plan(journal_reader_t *self)
{
    plan_hash_t hash;
    slice_t bytes = unpack_raw(&self->in, sizeof hash.bytes);
    if (self->in.bad || !self->branch)
        return journal_refused(self, "plan");
    memcpy(hash.bytes, bytes.data, sizeof hash.bytes);
    layouts_t *layouts = self->find(self->context, hash);
    if (!layouts)
        return fault_set(self->fault,
                         "state of a partition: the plan that it names is not known, or "
                         "there is no memory for it");
    return layouts == self->branch->layouts || branch_replan(self->branch, layouts) ||
           journal_no_memory(self);
}

static bool read_forget(journal_reader_t *self)
{
    if (!self->branch)
        return journal_refused(self, "end of a stream");
    partition_forget(self->partition, self->branch);
    self->branch = NULL;
    return true;
}

// The series of an entry by its id; made if it is new.
static series_t *read_id(journal_reader_t *self)
{
    slice_t id = unpack_bytes(&self->in);
    if (self->in.bad || !series_valid(id))
        return journal_refused(self, "series id"), NULL;
    uint64_t hash = hash_bytes(id);
    series_t *series = branch_find(self->branch, id, hash);
    if (!series)
        series = branch_add(self->branch, id, hash);
    if (!series)
        return journal_no_memory(self), NULL;
    return series;
}

static series_t *read_tag(journal_reader_t *self)
{
    uint64_t tag = 0;
    slice_t bytes = unpack_raw(&self->in, SERIES_TAG_BITS / 8);
    memcpy(&tag, bytes.data, bytes.size);
    series_t *series = self->in.bad ? NULL : branch_find_tag(self->branch, le64toh(tag));
    if (!series)
        return journal_refused(self, "tag of a series"), NULL;
    return series;
}

static bool read_series(journal_reader_t *self, bool known)
{
    if (!self->branch)
        return journal_refused(self, "series without a stream");
    series_t *series = known ? read_tag(self) : read_id(self);
    if (!series || !journal_read_entry(self, series))
        return false;
    series->ring.restated = false;
    series_void_windows(series);
    series->kept = series->ring.head;
    series_note_partial(series);
    self->branch->quiet_us = 0;
    if (!journal_mark(series))
        return journal_no_memory(self);
    series_trim(series);
    partition_hide(self->partition, series);
    return true;
}

static bool read_all(journal_reader_t *self)
{
    self->version = unpack_byte(&self->in);
    if (self->version < JOURNAL_VERSION_LEAST || self->version > JOURNAL_VERSION)
        return journal_refused(self, "version");
    while (self->in.at < self->in.end) {
        uint8_t section = unpack_byte(&self->in);
        bool ok = section == SECTION_BRANCH   ? read_branch(self)
                  : section == SECTION_PLAN   ? read_plan(self)
                  : section == SECTION_SERIES ? read_series(self, false)
                  : section == SECTION_KNOWN  ? read_series(self, true)
                  : section == SECTION_FORGET ? read_forget(self)
                                              : journal_refused(self, "section");
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
    journal_reader_t reader = { .in = { .at = encoded.data, .end = encoded.data + encoded.size },
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
    standings_close(&reader.standing);
    return ok;
}
