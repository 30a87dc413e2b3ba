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
#include "broker/stage/stage.h"
#include "proto/owned.h"

enum { REFUSALS_TOLD = 10 };

#define STREAM "backtest" // all sources are one here

typedef struct {
    const rerun_t *asked;
    fold_t *fold;
    rows_t *rows;
    buffer_t block;
    partitions_t all;
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
    if (alert->incident)
        return; // whoever asks what would have been asks for alerts
    self->alerts++;
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

static bool fold_payload(running_t *self, mapping_t *mapping, const source_t *source,
                         int64_t recv_us, slice_t payload)
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
    return fold_rows(self->fold, slice_text(STREAM), &view, &self->all, 0);
}

typedef struct {
    running_t *running;
    mapping_t *mapping;
    const source_t *source;
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
    if (!fold_payload(feed->running, feed->mapping, feed->source, changed_us, piece))
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

static bool take_record(void *context, const record_t *record)
{
    running_t *self = context;
    for (size_t i = 0; i < self->asked->settings->source_count; i++) {
        const source_t *source = &self->asked->settings->sources[i];
        if (source->kind == SOURCE_FILE || !slice_is(record->source, source->name))
            continue;
        if (record->kind == RECORD_TORN) {
            refuse_torn(self, source, record->payload);
            return true;
        }
        return fold_payload(self, self->mappings[i], source, record->recv_us, record->payload);
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

// Files one source after the other; what was staged stream by stream in order of seq, as it was
// judged live, whatever source a record is of.
static bool fold_sources(running_t *self, fault_t *fault)
{
    bool staged = false;
    for (size_t i = 0; i < self->asked->settings->source_count; i++) {
        const source_t *source = &self->asked->settings->sources[i];
        feed_context_t context = { self, self->mappings[i], source };
        if (source->kind != SOURCE_FILE)
            staged = true;
        else if (!feed_files(source, take_piece, &context, fault))
            return false;
    }
    char root[SITE_PATH_MAX];
    fault_set(fault, "out of memory"); // what it is if take_record stops
    return !staged ||
           (site_stage(self->asked->settings, self->asked->dir, root, fault) &&
            feed_staged(root, self->asked->settings->namespace, take_record, self, fault));
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
    owned(running_clear) running_t self = { .asked = asked };
    memset(&self.all, 0xff, sizeof self.all);
    self.fold = fold_new(take_alert, &self);
    self.rows = rows_new();
    bool ok = self.fold && self.rows;
    for (unsigned p = 0; ok && p < PARTITIONS; p++)
        fold_own(self.fold, p);
    ok = ok && fold_plan(self.fold, slice_text(STREAM), &self.all, rules);
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
