/*  staged_ls -- see staged.h: what there is. */
#include <inttypes.h>
#include <stdio.h>

#include "actors/cli/staged.h"
#include "actors/cli/table.h"
#include "broker/runtime/life.h"
#include "broker/stage/catalog.h"
#include "broker/stage/manifest.h"
#include "proto/owned.h"

typedef struct {
    const staged_t *staged;
    bool json;
    table_t table;
    buffer_t lines;
} ls_t;

// One line: a segment, or an object of it.
typedef struct {
    const char *stream, *kind, *name;
    uint64_t first_seq, last_seq, records, bytes, plain_bytes; // 0 = not said
    int64_t first_us, last_us;
} entry_t;

static void put_number(table_t *table, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    table_cell(table, number ? text : NULL);
}

static void put_entry(ls_t *self, const entry_t *entry)
{
    char first[STAGED_TIME] = "", last[STAGED_TIME] = "";
    if (entry->first_us) {
        staged_time(entry->first_us, first);
        staged_time(entry->last_us, last);
    }
    if (self->json) {
        buffer_printf(&self->lines,
                      "{\"stream\":\"%s\",\"kind\":\"%s\",\"name\":\"%s\",\"first_seq\":%" PRIu64
                      ",\"last_seq\":%" PRIu64 ",\"first\":\"%s\",\"last\":\"%s\","
                      "\"bytes\":%" PRIu64,
                      entry->stream, entry->kind, entry->name, entry->first_seq, entry->last_seq,
                      first, last, entry->bytes);
        if (entry->records)
            buffer_printf(&self->lines, ",\"records\":%" PRIu64 ",\"plain_bytes\":%" PRIu64,
                          entry->records, entry->plain_bytes);
        buffer_text(&self->lines, "}\n");
        return;
    }
    table_cell(&self->table, entry->stream);
    table_cell(&self->table, entry->kind);
    put_number(&self->table, entry->first_seq);
    put_number(&self->table, entry->last_seq);
    table_cell(&self->table, first[0] ? first : NULL);
    table_cell(&self->table, last[0] ? last : NULL);
    put_number(&self->table, entry->records);
    put_number(&self->table, entry->bytes);
    table_cell(&self->table, entry->name);
}

// When the payloads of a segment were received last, as far as its objects say. 0: they do not.
static int64_t last_of(const manifest_t *manifest)
{
    int64_t last_us = 0;
    for (size_t i = 0; manifest->complete && i < manifest->object_count; i++)
        if (manifest->objects[i].last_us > last_us)
            last_us = manifest->objects[i].last_us;
    return last_us;
}

// Seqs and times of a segment, from its first record and, unless that is known, its last. A damaged
// place is passed over.
static void look_into(const staged_t *staged, entry_t *entry, uint64_t until)
{
    fault_t fault;
    bool known = entry->last_us != 0;
    owned(stage_reader_destroy) stage_reader_t *reader =
        stage_reader_open(staged->root, staged->namespace, entry->stream, &fault);
    record_t record;
    if (!reader || !stage_reader_seek(reader, entry->first_seq))
        return;
    for (stage_read_t got; (got = stage_reader_next(reader, until, &record)) != STAGE_END;) {
        if (got != STAGE_RECORD)
            continue;
        if (!entry->first_us)
            entry->first_us = record.recv_us;
        if (known)
            return;
        entry->last_us = record.recv_us;
        entry->last_seq = record.seq;
    }
}

static void list_objects(ls_t *self, const char *stream, const manifest_t *manifest)
{
    for (size_t o = 0; o < manifest->object_count; o++) {
        const manifest_object_t *object = &manifest->objects[o];
        put_entry(self,
                  &(entry_t){ stream, object->gone ? "gone" : "object", object->path,
                              object->first_seq, object->last_seq, object->records, object->bytes,
                              object->plain_bytes, object->first_us, object->last_us });
    }
}

// The objects of a segment that was removed.
static void list_orphan(ls_t *self, const catalog_t *catalog, const char *stream,
                        uint64_t first_seq)
{
    manifest_t manifest = { 0 };
    fault_t fault;
    if (!manifest_load(&manifest, catalog->directory, first_seq, &fault))
        fprintf(stderr, "tidewire stage: stream %s: %s\n", stream, fault.text);
    list_objects(self, stream, &manifest);
    manifest_clear(&manifest);
}

static bool list_stream(void *context, const char *stream)
{
    ls_t *self = context;
    const staged_t *staged = self->staged;
    fault_t fault;
    catalog_t catalog;
    if (!catalog_open(&catalog, staged->root, staged->namespace, stream, &fault)) {
        fprintf(stderr, "tidewire stage: %s\n", fault.text);
        return false;
    }
    for (size_t i = 0; i < catalog.orphan_count; i++)
        list_orphan(self, &catalog, stream, catalog.orphans[i]);
    for (size_t i = 0; i < catalog.count; i++) {
        const catalog_segment_t *segment = &catalog.segments[i];
        char name[32];
        snprintf(name, sizeof name, "%020" PRIu64 ".seg", segment->first_seq);
        manifest_t manifest = { 0 };
        if (!manifest_load(&manifest, catalog.directory, segment->first_seq, &fault))
            fprintf(stderr, "tidewire stage: stream %s: %s\n", stream, fault.text);
        entry_t entry = { .stream = stream,
                          .kind = segment->last_seq ? "sealed" : "open",
                          .name = name,
                          .first_seq = segment->first_seq,
                          .last_seq = segment->last_seq,
                          .last_us = segment->last_seq ? last_of(&manifest) : 0,
                          .bytes = segment->bytes };
        look_into(staged, &entry, segment->last_seq ? segment->last_seq : UINT64_MAX);
        if (!catalog_is_removed(&catalog, i)) // since we listed it
            put_entry(self, &entry);
        list_objects(self, stream, &manifest);
        manifest_clear(&manifest);
    }
    catalog_close(&catalog);
    return true;
}

int staged_ls(const staged_t *self, bool json)
{
    ls_t ls = { .staged = self, .json = json, .table = { .columns = 9 } };
    static const char *const titles[] = { "STREAM", "KIND",    "FIRST", "LAST", "RECEIVED",
                                          "UNTIL",  "RECORDS", "BYTES", "NAME" };
    for (size_t i = 0; i < 9; i++)
        table_cell(&ls.table, titles[i]);
    bool good = staged_streams(self, list_stream, &ls);
    if (!json)
        table_print(&ls.table, &ls.lines);
    good = good && !ls.lines.failed;
    if (good)
        fputs(buffer_string(&ls.lines), stdout);
    table_destroy(&ls.table);
    buffer_destroy(&ls.lines);
    return good && fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
}
