/*  rerun -- see rerun.h. */
#include "actors/cli/rerun.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/cli/feed_files.h"
#include "actors/cli/feed_staged.h"
#include "actors/prep/inflate.h"
#include "actors/prep/mapping.h"
#include "broker/site.h"
#include "broker/stage/catalog.h"
#include "broker/stage/stage.h"
#include "proto/edition.h"
#include "proto/owned.h"
#include "proto/tick.h"

enum { REFUSALS_TOLD = 10 };

#define FILES "backtest" // the stream of files, where no log tells what it is called live

typedef struct {
    const rerun_t *asked;
    fold_t *fold;
    rows_t *rows;
    buffer_t block;
    partitions_t all;
    ruleset_t *rules;
    char stream[EDITION_NAME_MAX + 1];  // that the plan is in force in, the last one
    char unnamed[EDITION_NAME_MAX + 1]; // of sources that name none
    size_t unnamed_count;               // of logs that could be theirs
    uint64_t seq;
    rerun_count_t count;
    uint64_t alerts;      // so far
    mapping_t **mappings; // of the sources, in their order
    const char *source;   // being mapped
    unsigned told;        // refusals printed
} running_t;

static void take_alert(void *context, unsigned partition, const alert_t *alert)
{
    running_t *self = context;
    if (alert->incident && !alert_is_of_silence(alert))
        return; // whoever asks what would have been asks for alerts, and for what no row says
    self->alerts += !alert->incident;
    self->asked->alert(self->asked->context, partition, alert);
}

// ---- records ----------------------------------------------------------------------------------

// The first refused rows are told with place and reason; all are counted.
static void note_refusal(void *context, const quarantine_t *quarantine)
{
    running_t *self = context;
    if (self->told == REFUSALS_TOLD)
        return;
    char row[32] = "";
    if (quarantine->row != UINT32_MAX)
        snprintf(row, sizeof row, " row %" PRIu32, quarantine->row);
    fprintf(stderr, "quarantined: source '%s' record %" PRIu64 "%s: %s\n", self->source, self->seq,
            row, quarantine->reason);
    if (++self->told == REFUSALS_TOLD)
        fputs("quarantined: more are counted, not told\n", stderr);
}

// Live, a series lives in one stream: it does here, too, and so do the ticks that are about it.
static bool enter_stream(running_t *self, const char *stream)
{
    if (strcmp(stream, self->stream) == 0)
        return true;
    snprintf(self->stream, sizeof self->stream, "%s", stream);
    return fold_plan(self->fold, slice_text(stream), &self->all, self->rules, 1, 0);
}

static bool fold_payload(running_t *self, mapping_t *mapping, const source_t *source,
                         const char *stream, int64_t recv_us, slice_t payload)
{
    rows_head_t head = { .seq = ++self->seq,
                         .recv_us = recv_us,
                         .source = slice_text(source->name) };
    mapping_count_t count = { 0 };
    self->source = source->name;
    if (!mapping_apply(mapping, &head, payload, self->rows, note_refusal, self, &count))
        return false;
    self->count.rows += count.rows;
    self->count.quarantined += count.quarantined;
    buffer_clear(&self->block);
    if (!rows_encode(self->rows, &self->all, &self->block))
        return !self->block.failed;
    rows_view_t view;
    fault_t fault;
    if (!rows_decode(&view, buffer_slice(&self->block), &fault))
        return false;
    if (self->asked->progress)
        fprintf(stderr, "\r%" PRIu64 " rows, %" PRIu64 " alerts", self->count.rows, self->alerts);
    return enter_stream(self, stream) &&
           fold_rows(self->fold, slice_text(stream), &view, &self->all, 0);
}

typedef struct {
    running_t *running;
    mapping_t *mapping;
    const source_t *source;
    const char *stream;
} feed_context_t;

// Gzip that cannot be read is no row that was refused: the file is missing from the result.
static bool is_damaged(slice_t piece)
{
    owned(buffer_destroy) buffer_t inflated = { 0 };
    return inflate_is_gzip(piece) &&
           inflate_gzip(piece, MAPPING_INFLATE_MAX, &inflated) != INFLATE_GOOD;
}

static bool take_piece(void *context, int64_t changed_us, slice_t piece)
{
    feed_context_t *feed = context;
    uint64_t rows = feed->running->count.rows;
    if (!fold_payload(feed->running, feed->mapping, feed->source, feed->stream, changed_us, piece))
        return false;
    if (feed->running->count.rows == rows && is_damaged(piece))
        feed->running->count.unreadable++;
    return true;
}

static void refuse_torn(running_t *self, const source_t *source, slice_t payload)
{
    self->source = source->name;
    self->seq++;
    quarantine_t torn = mapping_torn(payload);
    note_refusal(self, &torn);
    self->count.quarantined++;
}

static bool fold_staged_tick(running_t *self, const char *stream, const record_t *record)
{
    tick_t told;
    if (!tick_decode(&told, record->payload) || told.since_us <= 0)
        return true; // as prep
    const fold_tick_t tick = { self->seq, record->recv_us, told.since_us };
    return enter_stream(self, stream) &&
           fold_tick(self->fold, slice_text(stream), &self->all, &tick, 0);
}

static bool take_record(void *context, const char *stream, const record_t *record)
{
    running_t *self = context;
    if (record->kind == RECORD_TICK)
        return fold_staged_tick(self, stream, record);
    for (size_t i = 0; i < self->asked->settings->source_count; i++) {
        const source_t *source = &self->asked->settings->sources[i];
        if (source->kind == SOURCE_FILE || !slice_is(record->source, source->name))
            continue;
        if (record->kind == RECORD_TORN) {
            refuse_torn(self, source, record->payload);
            return true;
        }
        return fold_payload(self, self->mappings[i], source, stream, record->recv_us,
                            record->payload);
    }
    return true; // of a source that the configuration no longer has
}

static bool map_sources(running_t *self, fault_t *fault)
{
    self->mappings = calloc(self->asked->settings->source_count + 1, sizeof *self->mappings);
    if (!self->mappings)
        return fault_set(fault, "out of memory");
    for (size_t i = 0; i < self->asked->settings->source_count; i++) {
        owned(buffer_destroy) buffer_t definition = { 0 };
        if (!mapping_define(&self->asked->settings->sources[i], &definition))
            return fault_set(fault, "out of memory");
        self->mappings[i] = mapping_new(buffer_slice(&definition), fault);
        if (!self->mappings[i])
            return false;
    }
    return true;
}

// Does no source name this stream? Then it is the log of a collector, which has that of all others.
static bool look_at_stream(void *context, const char *stream)
{
    running_t *self = context;
    const settings_t *settings = self->asked->settings;
    for (size_t i = 0; i < settings->source_count; i++)
        if (settings->sources[i].stream && strcmp(settings->sources[i].stream, stream) == 0)
            return true;
    snprintf(self->unnamed, sizeof self->unnamed, "%s", stream);
    self->unnamed_count++;
    return true;
}

static bool fold_files(running_t *self, fault_t *fault)
{
    const char *unnamed = self->unnamed_count == 1 ? self->unnamed : FILES;
    for (size_t i = 0; i < self->asked->settings->source_count; i++) {
        const source_t *source = &self->asked->settings->sources[i];
        feed_context_t context = { self, self->mappings[i], source,
                                   source->stream ? source->stream : unnamed };
        if (source->kind == SOURCE_FILE && !feed_files(source, take_piece, &context, fault))
            return false;
    }
    return true;
}

// Files one source after the other; what was staged stream by stream in order of seq, as it was
// judged live, whatever source a record is of.
static bool fold_sources(running_t *self, fault_t *fault)
{
    bool staged = false;
    const settings_t *settings = self->asked->settings;
    fault_set(fault, "out of memory"); // what it is if what is read cannot be folded
    for (size_t i = 0; i < settings->source_count; i++)
        staged |= settings->sources[i].kind != SOURCE_FILE;
    if (!staged)
        return fold_files(self, fault);
    char root[SITE_PATH_MAX];
    return site_stage(settings, self->asked->dir, root, fault) &&
           catalog_streams(root, settings->namespace, look_at_stream, self, fault) &&
           fold_files(self, fault) &&
           feed_staged(root, settings->namespace, take_record, self, fault);
}

// ---- all of it ----------------------------------------------------------------------------------

static void running_clear(running_t *self)
{
    for (size_t i = 0; self->mappings && i < self->asked->settings->source_count; i++)
        mapping_destroy(&self->mappings[i]);
    free(self->mappings);
    buffer_destroy(&self->block);
    rows_destroy(&self->rows);
    fold_destroy(&self->fold);
}

bool rerun(const rerun_t *asked, ruleset_t *rules, rerun_count_t *count, fault_t *fault)
{
    owned(running_clear) running_t self = { .asked = asked, .rules = rules };
    memset(&self.all, 0xff, sizeof self.all);
    self.fold = fold_new(take_alert, &self);
    self.rows = rows_new();
    bool ok = self.fold && self.rows;
    for (unsigned p = 0; ok && p < PARTITIONS; p++)
        fold_own(self.fold, p);
    if (!ok)
        fault_set(fault, "out of memory");
    ok = ok && map_sources(&self, fault) && fold_sources(&self, fault);
    if (asked->progress)
        fputc('\n', stderr);
    *count = self.count;
    if (ok) {
        count->fold = fold_count(self.fold);
        count->series = fold_series(self.fold);
    }
    return ok;
}
