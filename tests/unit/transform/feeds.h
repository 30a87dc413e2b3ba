/*  feeds -- plans, blocks and a fold that remembers its alerts, for tests of the fold. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/transform/fold.h"
#include "proto/series.h"
#include "proto/wire.h"

// ---- plans ------------------------------------------------------------------------------------

enum { FEED_COLUMNS = 2, FEED_RULES_MAX = 8 };
static const char *const feed_columns[FEED_COLUMNS] = { "volume", "price" };

typedef struct {
    const char *name, *when;
    uint32_t min_rows;
} feed_rule_t;

static void (*feed_more)(const char *name, rule_t *rule) = NULL; // what else rules say from here on

static int64_t feed_lateness_us = 0; // of sources from here on

enum { FEED_KEYS_MAX = 7 };
static uint32_t feed_keys = 2; // of sources from here on

// A source's body as far as rules look at it: table "candle" with keys exchange and pair.
static inline void feed_source(buffer_t *out, const char *table)
{
    static const char *const keys[FEED_KEYS_MAX] = { "exchange", "pair", "k2", "k3",
                                                     "k4",       "k5",   "k6" };
    bool late = feed_lateness_us > 0;
    wire_array(out, late ? 18 : 13);
    wire_u64(out, 1);
    for (int i = 0; i < 6; i++)
        wire_nil(out);
    wire_string(out, table);
    wire_array(out, 2 * feed_keys);
    for (uint32_t i = 0; i < feed_keys; i++) {
        wire_string(out, keys[i]);
        wire_nil(out);
    }
    for (int i = 0; i < 3; i++)
        wire_nil(out);
    wire_array(out, 2 * FEED_COLUMNS);
    for (int i = 0; i < FEED_COLUMNS; i++) {
        wire_string(out, feed_columns[i]);
        wire_nil(out);
    }
    if (!late)
        return;
    for (int i = 0; i < 4; i++)
        wire_nil(out);
    wire_map(out, 1);
    wire_string(out, "lateness");
    wire_u64(out, (uint64_t) feed_lateness_us);
}

static uint32_t feed_open_max = OPEN_ROWS_MAX;      // open rows of a series in folds from here on
static uint32_t feed_rows_max = EXACT_ROWS_DEFAULT; // window_rows_max of plans made from here on

// Rules up to the first without a name; derived may be NULL.
static inline ruleset_t *feed_rules(const feed_rule_t *rules, const char *derived)
{
    plan_t *plan = plan_new();
    fault_t fault = { .text = "" };
    buffer_t body = { 0 };
    feed_source(&body, "candle");
    if (!plan_set(plan, PLAN_SOURCE, slice_text("feed"), buffer_slice(&body), &fault))
        fprintf(stderr, "source: %s\n", fault.text), abort();
    if (derived &&
        !plan_set(plan, PLAN_DERIVE, slice_text("candle.extra"), slice_text(derived), &fault))
        fprintf(stderr, "derive: %s\n", fault.text), abort();
    char limit[16];
    snprintf(limit, sizeof limit, "%u", feed_rows_max);
    plan_set(plan, PLAN_LIMIT, slice_text(PLAN_WINDOW_ROWS_MAX), slice_text(limit), &fault);
    for (; rules->name; rules++) {
        rule_t rule = { .on = slice_text("candle"),
                        .when = slice_text(rules->when),
                        .severity = slice_text("warning"),
                        .min_rows = rules->min_rows,
                        .positive = true,
                        .enabled = true };
        if (feed_more)
            feed_more(rules->name, &rule);
        if (!ruleset_check(plan, rules->name, &rule, &fault))
            fprintf(stderr, "%s: %s\n", rules->name, fault.text), abort();
        buffer_clear(&body);
        rule_encode(&rule, &body);
        plan_set(plan, PLAN_RULE, slice_text(rules->name), buffer_slice(&body), &fault);
    }
    ruleset_t *set = ruleset_new(plan, NULL, NULL);
    buffer_destroy(&body);
    plan_destroy(&plan);
    return set;
}

// ---- blocks -----------------------------------------------------------------------------------

typedef struct {
    const char *pair; // series candle:x:<pair>
    int64_t ts;
    decimal_t values[FEED_COLUMNS];
    const char *identity; // NULL = ""
} feed_row_t;

static inline decimal_t feed_number(const char *text)
{
    decimal_t value = DECIMAL_NULL;
    if (strcmp(text, "null") != 0 && decimal_parse(&value, text, strlen(text)) != DECIMAL_EXACT)
        abort();
    return value;
}

static inline slice_t feed_series(const char *pair, char *text)
{
    return slice_of(text, (size_t) sprintf(text, "candle:x:%s", pair));
}

static inline partitions_t feed_everything(void)
{
    partitions_t all;
    memset(&all, 0xff, sizeof all);
    return all;
}

static int64_t feed_recv_us = 1; // receipt of records from here on

// Give rows to the fold as the block of record `seq` of stream `stream`.
static inline bool feed(fold_t *fold, const char *stream, uint64_t seq, const feed_row_t *rows,
                        size_t count, bool ordinal)
{
    rows_t *builder = rows_new();
    rows_head_t head = { .seq = seq,
                         .recv_us = feed_recv_us,
                         .source = slice_text("feed"),
                         .table = slice_text("candle"),
                         .column_count = FEED_COLUMNS,
                         .columns = feed_columns,
                         .ordinal = ordinal };
    rows_begin(builder, &head);
    char id[SERIES_ID_MAX + 1];
    for (size_t i = 0; i < count; i++)
        if (!rows_add(builder, rows_series(builder, feed_series(rows[i].pair, id)), rows[i].ts,
                      rows[i].values, slice_text(rows[i].identity ? rows[i].identity : ""),
                      (uint32_t) i))
            abort();
    partitions_t all = feed_everything();
    buffer_t block = { 0 };
    rows_encode(builder, &all, &block);
    rows_view_t view;
    fault_t fault;
    if (!rows_decode(&view, buffer_slice(&block), &fault))
        fprintf(stderr, "block: %s\n", fault.text), abort();
    bool ok = fold_rows(fold, slice_text(stream), &view, &all, 7);
    buffer_destroy(&block);
    rows_destroy(&builder);
    return ok;
}

// A tick as record `seq`, of a collector that is there since then.
static inline bool feed_tick(fold_t *fold, const char *stream, uint64_t seq, int64_t since_us)
{
    partitions_t all = feed_everything();
    const fold_tick_t tick = { .seq = seq, .recv_us = feed_recv_us, .since_us = since_us };
    return fold_tick(fold, slice_text(stream), &all, &tick, 7);
}

// ---- alerts -----------------------------------------------------------------------------------

typedef struct {
    alert_id_t id, prev, corrects, opened;
    char kind[16];
    bool correction, late;
    int64_t since;
    uint64_t seq, record, suppressed, changes;
    uint32_t row;
    unsigned partition;
    int64_t ts;
    char rule[32], series[64], reason[32], pair[16]; // pair: of the key
} heard_t;

typedef struct {
    heard_t *alerts;
    size_t count, capacity;
    buffer_t bodies; // of all alerts, encoded
} ear_t;

static bool feed_incidents = false; // are entries that tell of incidents heard from here on?

static inline void ear_hear(void *context, unsigned partition, const alert_t *alert)
{
    ear_t *self = context;
    if (alert->incident && !feed_incidents)
        return;
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 64;
        self->alerts = realloc(self->alerts, self->capacity * sizeof *self->alerts);
    }
    heard_t *heard = &self->alerts[self->count++];
    *heard = (heard_t){ .id = alert->id,
                        .prev = alert->prev,
                        .corrects = alert->corrects,
                        .opened = alert->opened,
                        .correction = strcmp(alert->kind, "correction") == 0,
                        .late = alert->late,
                        .since = alert->since_us,
                        .seq = alert->seq,
                        .suppressed = alert->suppressed,
                        .changes = alert->changes,
                        .record = alert->record_seq,
                        .row = alert->row,
                        .partition = partition,
                        .ts = alert->ts_us };
    snprintf(heard->kind, sizeof heard->kind, "%s", alert->kind);
    snprintf(heard->rule, sizeof heard->rule, "%.*s", (int) alert->rule.size, alert->rule.data);
    snprintf(heard->series, sizeof heard->series, "%.*s", (int) alert->series.size,
             alert->series.data);
    snprintf(heard->reason, sizeof heard->reason, "%s", alert->reason ? alert->reason : "");
    snprintf(heard->pair, sizeof heard->pair, "%.*s", (int) alert->key_values[1].size,
             alert->key_values[1].data);
    alert_encode(alert, &self->bodies);
}

static inline void ear_clear(ear_t *self)
{
    free(self->alerts);
    buffer_destroy(&self->bodies);
    *self = (ear_t){ 0 };
}

static inline fold_t *feed_fold(ear_t *ear, const char *stream, ruleset_t *rules)
{
    fold_t *fold = fold_new(ear_hear, ear);
    fold_limit_open(fold, feed_open_max);
    for (unsigned p = 0; p < PARTITIONS; p++)
        fold_own(fold, p);
    partitions_t all = feed_everything();
    if (rules && !fold_plan(fold, slice_text(stream), &all, rules, 1, 0))
        abort();
    return fold;
}
