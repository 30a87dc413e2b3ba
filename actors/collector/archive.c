/*  archive -- see archive.h. */
#include "actors/collector/archive.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actors/prep/json.h"
#include "broker/stage/manifest.h"
#include "broker/stage/object_file.h"
#include "broker/stage/object_line.h"
#include "proto/owned.h"

#define DAY_US (INT64_C(86400) * 1000000)

// Payloads of one route and day.
typedef struct {
    const char *route; // of the manifest
    int64_t day;
    manifest_object_t object; // its path is that of the manifest, once it is there
    object_writer_t *writer;
} group_t;

struct archive {
    char *root, *namespace;
    json_t *json;
    pointer_tree_t nothing; // to look for in a document: it is only judged
    buffer_t line;
    archive_count_t count;
    atomic_bool stopped;
    // Of the segment at hand.
    const char *stream;
    manifest_t manifest;
    size_t group_count, group_capacity;
    group_t *groups;
};

archive_t *archive_new(const char *root, const char *namespace)
{
    owned(archive_destroy) archive_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->root = strdup(root);
    self->namespace = strdup(namespace);
    self->json = json_new();
    pointer_tree_begin(&self->nothing);
    if (!self->root || !self->namespace || !self->json)
        return NULL;
    archive_t *given = self;
    self = NULL;
    return given;
}

static void s_clear(archive_t *self)
{
    for (size_t i = 0; i < self->group_count; i++)
        object_writer_destroy(&self->groups[i].writer);
    self->group_count = 0;
    manifest_clear(&self->manifest);
}

void archive_destroy(archive_t **self_p)
{
    archive_t *self = *self_p;
    if (!self)
        return;
    s_clear(self);
    free(self->groups);
    json_destroy(&self->json);
    buffer_destroy(&self->line);
    free(self->root);
    free(self->namespace);
    free(self);
    *self_p = NULL;
}

void archive_stop(archive_t *self)
{
    atomic_store(&self->stopped, true);
}

archive_count_t archive_count(const archive_t *self)
{
    return self->count;
}

// ---- reading the segment ----------------------------------------------------------------------

typedef bool take_t(archive_t *self, void *context, const record_t *record, fault_t *fault);

// Every payload of the segment. What the disk has damaged is in no object: `stage verify` tells.
static bool s_read(archive_t *self, take_t *take, void *context, fault_t *fault)
{
    owned(stage_reader_destroy) stage_reader_t *reader =
        stage_reader_open(self->root, self->namespace, self->stream, fault);
    if (!reader)
        return false;
    record_t record;
    uint64_t last = self->manifest.last_seq;
    bool good = stage_reader_seek(reader, self->manifest.first_seq);
    for (stage_read_t got; good && (got = stage_reader_next(reader, last, &record)) != STAGE_END;) {
        if (atomic_load(&self->stopped))
            return fault_set(fault, "stopped");
        if (got == STAGE_RECORD && record_is_raw(record.kind) &&
            !take(self, context, &record, fault))
            return false;
    }
    const char *error = stage_reader_error(reader);
    return !error ||
           fault_set(fault, "cannot read the stage of stream %s: %s", self->stream, error);
}

// ---- what there will be -------------------------------------------------------------------------

static int64_t s_day(int64_t us)
{
    return us / DAY_US - (us % DAY_US < 0);
}

static group_t *s_group(archive_t *self, const char *route, int64_t day)
{
    for (size_t i = self->group_count; i-- > 0;)
        if (self->groups[i].route == route && self->groups[i].day == day)
            return &self->groups[i];
    return NULL;
}

static group_t *s_add_group(archive_t *self, const char *route, int64_t day)
{
    if (self->group_count == self->group_capacity) {
        size_t capacity = self->group_capacity ? 2 * self->group_capacity : 16;
        group_t *groups = realloc(self->groups, capacity * sizeof *groups);
        if (!groups)
            return NULL;
        self->groups = groups;
        self->group_capacity = capacity;
    }
    self->groups[self->group_count] = (group_t){ .route = route, .day = day };
    return &self->groups[self->group_count++];
}

// Sources of one path share their objects, so they have one and the same text.
static const char *s_same_path(const manifest_t *manifest, const char *path)
{
    for (size_t i = 0; i < manifest->route_count; i++)
        if (strcmp(manifest->routes[i].path, path) == 0)
            return manifest->routes[i].path;
    return NULL;
}

typedef struct {
    archive_route_t *route;
    void *context;
} routing_t;

// The route of a record, as written down by an earlier try, else as it is now.
static const char *s_route(archive_t *self, const routing_t *routing, slice_t source)
{
    const char *known = manifest_route(&self->manifest, source);
    if (known)
        return s_same_path(&self->manifest, known);
    char name[STAGE_SOURCE_NAME_MAX + 1], path[ROUTE_BYTES_MAX + 1];
    snprintf(name, sizeof name, "%.*s", (int) source.size, source.data);
    routing->route(routing->context, name, path);
    return manifest_add_route(&self->manifest, name, path) ? s_same_path(&self->manifest, path)
                                                           : NULL;
}

static bool s_plan_record(archive_t *self, void *context, const record_t *record, fault_t *fault)
{
    const char *route = s_route(self, context, record->source);
    group_t *group = route ? s_group(self, route, s_day(record->recv_us)) : NULL;
    if (route && !group)
        group = s_add_group(self, route, s_day(record->recv_us));
    if (!group)
        return fault_set(fault, "out of memory");
    manifest_object_t *object = &group->object;
    if (object->records++ == 0) {
        object->first_seq = record->seq;
        object->first_us = record->recv_us;
    }
    object->last_seq = record->seq;
    object->last_us = record->recv_us;
    self->manifest.sum += object_line_sum(record);
    return true;
}

// "<route>/<date>/<time in ms>-<stream>-<seq>.json.gz", both of the first record.
static bool s_name_objects(archive_t *self, fault_t *fault)
{
    for (size_t i = 0; i < self->group_count; i++) {
        group_t *group = &self->groups[i];
        time_t day = (time_t) (group->day * (DAY_US / 1000000));
        struct tm utc;
        char date[16], path[MANIFEST_PATH_MAX + 1];
        gmtime_r(&day, &utc);
        strftime(date, sizeof date, "%Y-%m-%d", &utc);
        int size =
            snprintf(path, sizeof path, "%s/%s/%" PRId64 "-%s-%" PRIu64 ".json.gz", group->route,
                     date, group->object.first_us / 1000, self->stream, group->object.first_seq);
        if (size < 0 || (size_t) size >= sizeof path)
            return fault_set(fault, "the path of an object is too long");
        group->object.path = path;
        if (!manifest_add_object(&self->manifest, &group->object))
            return fault_set(fault, "out of memory");
        group->object.path = self->manifest.objects[i].path;
    }
    return true;
}

// ---- making it ------------------------------------------------------------------------------

// False: no memory to tell. It must not look like no JSON: equal segments give equal objects.
static bool s_is_json(archive_t *self, slice_t payload, bool *is_json)
{
    json_fault_t fault;
    size_t end = 0;
    json_result_t read = JSON_NO_MEMORY;
    if (json_open(self->json, payload))
        read = json_read(self->json, 0, payload.size, &self->nothing, NULL, &end, &fault);
    json_close(self->json);
    *is_json = read == JSON_GOOD && end == payload.size;
    return read != JSON_NO_MEMORY;
}

static bool s_write_record(archive_t *self, void *context, const record_t *record, fault_t *fault)
{
    (void) context;
    const char *route =
        s_same_path(&self->manifest, manifest_route(&self->manifest, record->source));
    group_t *group = s_group(self, route, s_day(record->recv_us));
    if (!group->writer)
        return true; // in another reading
    buffer_clear(&self->line);
    bool is_json = false;
    if (record->kind == RECORD_PAYLOAD && !s_is_json(self, record->payload, &is_json))
        return fault_set(fault, "out of memory");
    if (!object_line_write(&self->line, self->stream, record, is_json))
        return fault_set(fault, "out of memory");
    group->object.plain_bytes += self->line.size;
    return object_writer_put(group->writer, buffer_slice(&self->line), fault);
}

static bool s_make(archive_t *self, size_t first, size_t end, fault_t *fault)
{
    for (size_t i = first; i < end; i++) {
        group_t *group = &self->groups[i];
        group->writer = object_writer_new(self->root, self->namespace, group->object.path, fault);
        if (!group->writer)
            return false;
    }
    if (!s_read(self, s_write_record, NULL, fault))
        return false;
    for (size_t i = first; i < end; i++) {
        manifest_object_t *object = &self->groups[i].object;
        if (!object_writer_finish(self->groups[i].writer, &object->bytes, fault))
            return false;
        object_writer_destroy(&self->groups[i].writer);
        self->manifest.objects[i].bytes = object->bytes;
        self->manifest.objects[i].plain_bytes = object->plain_bytes;
        self->count.objects++;
        self->count.records += object->records;
        self->count.plain_bytes += object->plain_bytes;
        self->count.bytes += object->bytes;
    }
    return true;
}

static bool s_archive(archive_t *self, int directory, const catalog_segment_t *segment,
                      routing_t *routing, fault_t *fault)
{
    if (!manifest_load(&self->manifest, directory, segment->first_seq, fault) &&
        !self->manifest.damaged)
        return false;
    bool damaged = self->manifest.damaged;
    if (self->manifest.complete && self->manifest.last_seq == segment->last_seq)
        return true;
    // Begun before, or the segment has grown since: the routes stay, all else is made again.
    for (size_t i = 0; i < self->manifest.object_count; i++)
        free(self->manifest.objects[i].path);
    self->manifest.object_count = 0;
    self->manifest.complete = false;
    self->manifest.sum = 0;
    self->manifest.first_seq = segment->first_seq;
    self->manifest.last_seq = segment->last_seq;
    if (!s_read(self, s_plan_record, routing, fault) ||
        !manifest_save(&self->manifest, directory, fault) || !s_name_objects(self, fault))
        return false;
    for (size_t i = 0; i < self->group_count; i += ARCHIVE_OPEN_MAX) {
        size_t left = self->group_count - i;
        if (!s_make(self, i, i + (left < ARCHIVE_OPEN_MAX ? left : ARCHIVE_OPEN_MAX), fault))
            return false;
    }
    self->manifest.complete = true;
    if (!manifest_save(&self->manifest, directory, fault))
        return false;
    self->count.remade += damaged;
    return true;
}

bool archive_segment(archive_t *self, const char *stream, int directory,
                     const catalog_segment_t *segment, archive_route_t *route, void *context,
                     fault_t *fault)
{
    routing_t routing = { route, context };
    self->stream = stream;
    bool good = s_archive(self, directory, segment, &routing, fault);
    s_clear(self);
    return good;
}
