/*  staged_gaps -- see staged.h: what should have been staged and was not. */
#include <inttypes.h>
#include <stdio.h>

#include "actors/cli/staged.h"
#include "actors/cli/table.h"
#include "broker/runtime/life.h"
#include "proto/gap.h"
#include "proto/owned.h"

typedef struct {
    const staged_t *staged;
    const staged_cat_t *wanted;
    table_t table;
    buffer_t lines;
} gaps_t;

static void put_text(buffer_t *out, slice_t text)
{
    buffer_append(out, text.data, text.size); // names and clients: nothing to be escaped
}

static void put_json(gaps_t *self, const char *stream, const record_t *record, const gap_t *gap,
                     const char *from, const char *to)
{
    buffer_t *out = &self->lines;
    buffer_printf(out, "{\"stream\":\"%s\",\"seq\":%" PRIu64 ",\"source\":\"", stream, record->seq);
    put_text(out, record->source);
    buffer_printf(out, "\",\"reason\":\"%s\",\"from\":\"%s\",\"to\":\"%s\"",
                  gap_reason_text(gap->reason), from, to);
    if (gap->reason == GAP_PUSHED) {
        buffer_text(out, ",\"client\":\"");
        put_text(out, gap->client);
        buffer_printf(out, "\",\"from_n\":%" PRIu64 ",\"to_n\":%" PRIu64, gap->from_n, gap->to_n);
    }
    buffer_text(out, "}\n");
}

static void put_row(gaps_t *self, const char *stream, const record_t *record, const gap_t *gap,
                    const char *from, const char *to)
{
    char text[GAP_CLIENT_MAX + 64];
    table_cell(&self->table, stream);
    snprintf(text, sizeof text, "%" PRIu64, record->seq);
    table_cell(&self->table, text);
    snprintf(text, sizeof text, "%.*s", (int) record->source.size,
             (const char *) record->source.data);
    table_cell(&self->table, text[0] ? text : NULL);
    table_cell(&self->table, from);
    table_cell(&self->table, to);
    if (gap->reason == GAP_PUSHED)
        snprintf(text, sizeof text, "%s: %" PRIu64 "..%" PRIu64 " of %.*s",
                 gap_reason_text(gap->reason), gap->from_n, gap->to_n, (int) gap->client.size,
                 (const char *) gap->client.data);
    else
        snprintf(text, sizeof text, "%s", gap_reason_text(gap->reason));
    table_cell(&self->table, text);
}

static void put_gap(gaps_t *self, const char *stream, const record_t *record)
{
    const staged_cat_t *wanted = self->wanted;
    gap_t gap;
    fault_t fault;
    if (!gap_decode(&gap, record->payload, &fault)) {
        fprintf(stderr, "tidewire stage: stream %s, record %" PRIu64 ": %s\n", stream, record->seq,
                fault.text);
        return;
    }
    if (gap.to_us < wanted->from_us || gap.from_us >= wanted->to_us ||
        (wanted->source && record->source.size > 0 && !slice_is(record->source, wanted->source)))
        return;
    char from[STAGED_TIME], to[STAGED_TIME];
    staged_time(gap.from_us, from);
    staged_time(gap.to_us, to);
    if (wanted->json)
        put_json(self, stream, record, &gap, from, to);
    else
        put_row(self, stream, record, &gap, from, to);
}

static bool list_stream(void *context, const char *stream)
{
    gaps_t *self = context;
    const staged_t *staged = self->staged;
    fault_t fault;
    owned(stage_reader_destroy) stage_reader_t *reader =
        stage_reader_open(staged->root, staged->namespace, stream, &fault);
    if (!reader) {
        fprintf(stderr, "tidewire stage: %s\n", fault.text);
        return false;
    }
    record_t record;
    bool good = stage_reader_seek(reader, self->wanted->from_seq);
    for (stage_read_t got;
         good && (got = stage_reader_next(reader, self->wanted->to_seq, &record)) != STAGE_END;)
        if (got == STAGE_RECORD && record.kind == RECORD_GAP)
            put_gap(self, stream, &record);
    if (!stage_reader_error(reader))
        return true;
    fprintf(stderr, "tidewire stage: stream %s: %s\n", stream, stage_reader_error(reader));
    return false;
}

int staged_gaps(const staged_t *self, const staged_cat_t *wanted)
{
    static const char *const titles[] = { "STREAM", "SEQ", "SOURCE", "FROM", "UNTIL", "WHY" };
    enum { COLUMNS = sizeof titles / sizeof titles[0] };
    gaps_t gaps = { .staged = self, .wanted = wanted, .table = { .columns = COLUMNS } };
    for (size_t i = 0; i < COLUMNS; i++)
        table_cell(&gaps.table, titles[i]);
    bool good = staged_streams(self, list_stream, &gaps);
    if (!wanted->json)
        table_print(&gaps.table, &gaps.lines);
    good = good && !gaps.lines.failed &&
           fwrite(gaps.lines.data, 1, gaps.lines.size, stdout) == gaps.lines.size &&
           fflush(stdout) == 0;
    table_destroy(&gaps.table);
    buffer_destroy(&gaps.lines);
    return good ? EXIT_OK : EXIT_FAILED;
}
