/*  staged_cat -- see staged.h: records, as they came. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "actors/cli/staged.h"
#include "actors/prep/json.h"
#include "broker/runtime/life.h"
#include "broker/stage/object_line.h"
#include "proto/owned.h"

typedef struct {
    const staged_t *staged;
    const staged_cat_t *wanted;
    const char *stream;
    json_t *json;
    pointer_tree_t nothing;
    buffer_t line;
    bool broken; // the last payload did not end its line
} cat_t;

static bool is_json(cat_t *self, const record_t *record)
{
    json_fault_t fault;
    size_t end;
    bool good = record->kind == RECORD_PAYLOAD && json_open(self->json, record->payload) &&
                json_read(self->json, 0, record->payload.size, &self->nothing, NULL, &end,
                          &fault) == JSON_GOOD &&
                end == record->payload.size;
    json_close(self->json);
    return good;
}

// One record to stdout. Payloads are kept apart by a line break where they have none of their own.
static bool put_record(cat_t *self, const record_t *record)
{
    slice_t out = record->payload;
    if (self->wanted->json) {
        buffer_clear(&self->line);
        if (!object_line_write(&self->line, self->stream, record, is_json(self, record)))
            return false;
        out = buffer_slice(&self->line);
    }
    if (self->broken)
        fputc('\n', stdout);
    self->broken = out.size > 0 && out.data[out.size - 1] != '\n';
    return out.size == 0 || fwrite(out.data, 1, out.size, stdout) == out.size;
}

static bool is_wanted(const staged_cat_t *wanted, const record_t *record)
{
    return record_is_raw(record->kind) && record->recv_us >= wanted->from_us &&
           record->recv_us < wanted->to_us &&
           (!wanted->source || slice_is(record->source, wanted->source));
}

static bool cat_stream(void *context, const char *stream)
{
    cat_t *self = context;
    const staged_t *staged = self->staged;
    fault_t fault;
    owned(stage_reader_destroy) stage_reader_t *reader =
        stage_reader_open(staged->root, staged->namespace, stream, &fault);
    if (!reader) {
        fprintf(stderr, "tidewire stage: %s\n", fault.text);
        return false;
    }
    self->stream = stream;
    record_t record;
    bool good = stage_reader_seek(reader, self->wanted->from_seq);
    for (stage_read_t got;
         good && (got = stage_reader_next(reader, self->wanted->to_seq, &record)) != STAGE_END;) {
        if (got == STAGE_RECORD && is_wanted(self->wanted, &record) && !put_record(self, &record)) {
            fprintf(stderr, "tidewire stage: cannot write: %s\n", strerror(errno));
            return false;
        }
        if (got == STAGE_TRIMMED)
            fprintf(stderr,
                    "tidewire stage: stream %s: records before %llu were removed meanwhile\n",
                    stream, (unsigned long long) record.seq);
        if (got == STAGE_DAMAGED)
            fprintf(stderr, "tidewire stage: stream %s is damaged before record %llu\n", stream,
                    (unsigned long long) record.seq);
    }
    if (!stage_reader_error(reader))
        return true;
    fprintf(stderr, "tidewire stage: stream %s: %s\n", stream, stage_reader_error(reader));
    return false;
}

int staged_cat(const staged_t *self, const staged_cat_t *wanted)
{
    cat_t cat = { .staged = self, .wanted = wanted, .json = json_new() };
    pointer_tree_begin(&cat.nothing);
    bool good = cat.json && staged_streams(self, cat_stream, &cat);
    json_destroy(&cat.json);
    buffer_destroy(&cat.line);
    return good && fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
}
