/*  trim -- see trim.h. */
#include "broker/stage/trim.h"

#include <errno.h>
#include <string.h>

#include "broker/runtime/durable.h"
#include "broker/runtime/fault_point.h"
#include "broker/stage/calls.h"
#include "broker/stage/files.h"
#include "broker/stage/manifest.h"
#include "broker/stage/reader.h"
#include "proto/owned.h"
#include "proto/plan.h"

enum { HEADS_KEPT = 2 };

bool trim_is_due(const trim_segment_t *segment, const trim_limits_t *limits, int64_t now_us)
{
    return segment->last_seq > 0 && segment->last_seq <= limits->floor && limits->keep_us > 0 &&
           segment->last_us < now_us - limits->keep_us && segment->archived;
}

size_t trim_count(size_t count, size_t due, size_t heads, size_t second_head)
{
    if (heads < HEADS_KEPT || count < 2)
        return 0;
    size_t most = count - 2; // the one that grows, and the last closed one
    most = most < second_head ? most : second_head;
    return due < most ? due : most;
}

// ---- looking --------------------------------------------------------------------------------

typedef struct {
    catalog_t catalog;
    stage_reader_t *reader;
} look_t;

static uint64_t s_first(const look_t *self, size_t index)
{
    return self->catalog.segments[index].first_seq;
}

// Receive times rise: nothing in a segment is newer than the first record after it.
static int64_t s_last_us(look_t *self, size_t index)
{
    record_t record;
    uint64_t next = s_first(self, index + 1);
    if (!stage_reader_seek(self->reader, next) ||
        stage_reader_next(self->reader, UINT64_MAX, &record) != STAGE_RECORD)
        return INT64_MAX;
    return record.recv_us;
}

static bool s_is_archived(const look_t *self, size_t index)
{
    manifest_t manifest = { 0 };
    fault_t fault;
    const catalog_segment_t *segment = &self->catalog.segments[index];
    bool archived = manifest_load(&manifest, self->catalog.directory, segment->first_seq, &fault) &&
                    manifest.complete && manifest.last_seq == segment->last_seq;
    manifest_clear(&manifest);
    return archived;
}

// How many of the oldest may go by themselves. What costs reading is asked last.
static size_t s_count_due(look_t *self, const trim_limits_t *limits, int64_t now_us)
{
    for (size_t i = 0; i < self->catalog.count; i++) {
        trim_segment_t segment = { .last_seq = self->catalog.segments[i].last_seq,
                                   .last_us = INT64_MIN,
                                   .archived = true };
        if (!trim_is_due(&segment, limits, now_us))
            return i;
        segment.last_us = s_last_us(self, i);
        segment.archived = s_is_archived(self, i);
        if (!trim_is_due(&segment, limits, now_us))
            return i;
    }
    return self->catalog.count;
}

static size_t s_count_heads(look_t *self, size_t *second_head)
{
    size_t heads = 0;
    for (size_t i = self->catalog.count; i-- > 0 && heads < HEADS_KEPT;) {
        uint64_t last = self->catalog.segments[i].last_seq;
        if (!reader_is_headed(self->reader, s_first(self, i), last ? last : UINT64_MAX))
            continue;
        heads++;
        *second_head = i;
    }
    return heads;
}

// Does what is told from this segment on say itself which plan is in force? One that began after a
// failed write does not: it begins with the group that was kept, and its plan is in the one before.
static bool s_holds_its_plan(look_t *self, size_t index)
{
    record_t record;
    plan_change_t change;
    uint64_t first = s_first(self, index), last = self->catalog.segments[index].last_seq;
    bool begins = stage_reader_seek(self->reader, first) &&
                  stage_reader_next(self->reader, UINT64_MAX, &record) == STAGE_RECORD &&
                  record.seq == first && record.kind == RECORD_PLAN &&
                  plan_peek(&change, record.payload, NULL) && change.snapshot;
    return begins || reader_is_headed(self->reader, first, last ? last : UINT64_MAX);
}

static void s_close(look_t *self)
{
    catalog_close(&self->catalog);
    stage_reader_destroy(&self->reader);
}

bool trim_look(const char *root, const char *namespace, const char *stream,
               const trim_limits_t *limits, int64_t now_us, uint64_t *first_seq, fault_t *fault)
{
    *first_seq = 1;
    owned(s_close) look_t look = { .reader = NULL };
    if (!catalog_open(&look.catalog, root, namespace, stream, fault))
        return false;
    look.reader = stage_reader_open(root, namespace, stream, fault);
    if (!look.reader)
        return false;
    if (look.catalog.count == 0)
        return true;
    *first_seq = s_first(&look, 0);
    size_t due = s_count_due(&look, limits, now_us), second_head = 0;
    if (due == 0)
        return true;
    size_t heads = s_count_heads(&look, &second_head);
    size_t count = trim_count(look.catalog.count, due, heads, second_head);
    while (count > 0 && !s_holds_its_plan(&look, count))
        count--;
    *first_seq = s_first(&look, count);
    return true;
}

// ---- removing -------------------------------------------------------------------------------

static bool s_remove(int directory, uint64_t segment, fault_t *fault)
{
    char name[STAGE_FILE_NAME_BYTES];
    files_name(name, segment);
    bool gone = (stage_calls.remove(directory, name) == 0 || errno == ENOENT);
    FAULT_POINT("trim.removed");
    return (gone && durable_sync(directory)) ||
           fault_set(fault, "cannot remove segment %s: %s", name, strerror(errno));
}

bool trim_run(const char *root, const char *namespace, const char *stream, uint64_t first_seq,
              uint64_t *gone, fault_t *fault)
{
    owned(catalog_close) catalog_t catalog;
    if (!catalog_open(&catalog, root, namespace, stream, fault))
        return false;
    for (size_t i = 0; i < catalog.count && catalog.segments[i].last_seq > 0 &&
                       catalog.segments[i].last_seq < first_seq;
         i++) {
        if (!s_remove(catalog.directory, catalog.segments[i].first_seq, fault))
            return false;
        *gone += 1;
    }
    return true;
}
