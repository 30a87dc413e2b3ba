/*  staged_verify -- see staged.h: is every byte as it was written?
 *
 *  Segments by their checksums. Objects by gzip's, by that of each payload, and together: an
 *  order-free sum over (seq, payload) proves that the objects of a segment hold its payloads, all
 *  of them, once, byte for byte.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "actors/cli/staged.h"
#include "broker/runtime/life.h"
#include "broker/stage/catalog.h"
#include "broker/stage/manifest.h"
#include "broker/stage/object_file.h"
#include "broker/stage/object_line.h"
#include "proto/owned.h"

typedef struct {
    const staged_t *staged;
    const char *stream;
    uint64_t records, objects, object_records, damaged; // damaged: places told
} verify_t;

static void __attribute__((format(printf, 2, 3))) tell(verify_t *self, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("stream %s: ", self->stream);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
    self->damaged++;
}

// ---- objects ------------------------------------------------------------------------------------

typedef struct {
    uint64_t records, sum, last_seq;
} held_t;

static bool verify_line(verify_t *self, const manifest_object_t *object, slice_t line,
                        buffer_t *bytes, held_t *held)
{
    record_t record;
    slice_t stream;
    fault_t fault;
    if (!object_line_read(line, &record, &stream, bytes, &fault)) {
        tell(self, "object %s after record %" PRIu64 ": %s", object->path, held->last_seq,
             fault.text);
        return false;
    }
    if (!slice_is(stream, self->stream) || record.seq < object->first_seq ||
        record.seq > object->last_seq || record.seq <= held->last_seq) {
        tell(self, "object %s: record %" PRIu64 " does not belong there", object->path, record.seq);
        return false;
    }
    held->records++;
    held->sum += object_line_sum(&record);
    held->last_seq = record.seq;
    return true;
}

static void verify_object(verify_t *self, const manifest_object_t *object, uint64_t *sum)
{
    fault_t fault;
    owned(buffer_destroy) buffer_t bytes = { 0 };
    owned(object_reader_destroy) object_reader_t *reader =
        object_reader_open(self->staged->root, self->staged->namespace, object->path, &fault);
    if (!reader) {
        tell(self, "%s", fault.text);
        return;
    }
    held_t held = { 0 };
    slice_t line;
    object_read_t got;
    while ((got = object_reader_next(reader, &line, &fault)) == OBJECT_LINE)
        if (!verify_line(self, object, line, &bytes, &held))
            return;
    if (got == OBJECT_DAMAGED)
        tell(self, "after record %" PRIu64 ": %s", held.last_seq, fault.text);
    else if (held.records != object->records)
        tell(self, "object %s holds %" PRIu64 " records, not %" PRIu64, object->path, held.records,
             object->records);
    self->objects++;
    self->object_records += held.records;
    *sum += held.sum;
}

// The objects of a segment, against what its payloads sum up to now.
static void verify_objects(verify_t *self, int directory, uint64_t first_seq, uint64_t sum,
                           bool intact)
{
    manifest_t manifest = { 0 };
    fault_t fault;
    if (!manifest_load(&manifest, directory, first_seq, &fault))
        tell(self, "%s", fault.text);
    uint64_t held = 0, told = self->damaged;
    bool all = manifest.complete;
    for (size_t i = 0; manifest.complete && i < manifest.object_count; i++) {
        all &= !manifest.objects[i].gone;
        if (!manifest.objects[i].gone)
            verify_object(self, &manifest.objects[i], &held);
    }
    if (all && told == self->damaged && held != manifest.sum)
        tell(self, "the objects of segment %" PRIu64 " are not those that were made", first_seq);
    if (manifest.complete && intact && sum != manifest.sum)
        tell(self, "segment %" PRIu64 " is not what its objects were made of", first_seq);
    manifest_clear(&manifest);
}

// ---- segments -----------------------------------------------------------------------------------

// Reads segments one by one; an end where none should be is damage, unless it is that of the log.
static void verify_segment(verify_t *self, stage_reader_t *reader, const catalog_t *catalog,
                           size_t index)
{
    const catalog_segment_t *segment = &catalog->segments[index];
    uint64_t last = segment->last_seq ? segment->last_seq : UINT64_MAX;
    uint64_t expected = segment->first_seq, sum = 0, told = self->damaged;
    record_t record;
    bool good = stage_reader_seek(reader, segment->first_seq);
    for (stage_read_t got; good && (got = stage_reader_next(reader, last, &record)) != STAGE_END;) {
        if (got == STAGE_DAMAGED) {
            tell(self, "records %" PRIu64 "..%" PRIu64 " are damaged", expected, record.seq - 1);
            expected = record.seq;
            continue;
        }
        expected = record.seq + 1;
        self->records++;
        if (record_is_raw(record.kind))
            sum += object_line_sum(&record);
    }
    bool removed = catalog_is_removed(catalog, index); // meanwhile: that is no damage
    if (stage_reader_error(reader))
        tell(self, "record %" PRIu64 ": %s", expected, stage_reader_error(reader));
    else if (segment->last_seq && expected <= segment->last_seq && !removed)
        tell(self, "records %" PRIu64 "..%" PRIu64 " are damaged", expected, segment->last_seq);
    if (segment->last_seq)
        verify_objects(self, catalog->directory, segment->first_seq, sum,
                       told == self->damaged && !removed);
}

static bool verify_stream(void *context, const char *stream)
{
    verify_t *self = context;
    self->stream = stream;
    fault_t fault;
    catalog_t catalog;
    if (!catalog_open(&catalog, self->staged->root, self->staged->namespace, stream, &fault)) {
        tell(self, "%s", fault.text);
        return true;
    }
    owned(stage_reader_destroy) stage_reader_t *reader =
        stage_reader_open(self->staged->root, self->staged->namespace, stream, &fault);
    if (!reader)
        tell(self, "%s", fault.text);
    for (size_t i = 0; i < catalog.orphan_count; i++)
        verify_objects(self, catalog.directory, catalog.orphans[i], 0, false);
    for (size_t i = 0; reader && i < catalog.count; i++)
        verify_segment(self, reader, &catalog, i);
    catalog_close(&catalog);
    return true;
}

int staged_verify(const staged_t *self)
{
    verify_t verify = { .staged = self };
    if (!staged_streams(self, verify_stream, &verify))
        return EXIT_FAILED;
    printf("%" PRIu64 " records in segments, %" PRIu64 " in %" PRIu64 " objects, %" PRIu64
           " damaged places\n",
           verify.records, verify.object_records, verify.objects, verify.damaged);
    return fflush(stdout) == 0 && verify.damaged == 0 ? EXIT_OK : EXIT_FAILED;
}
