/*  reference -- see reference.h. */
#include "tests/sim/reference.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/prep/mapping.h"
#include "broker/stage/stage.h"
#include "proto/json.h"
#include "proto/owned.h"
#include "proto/tick.h"
#include "tests/sim/disk.h"
#include "tests/sim/process.h"
#include "tests/sim/world.h"

enum { MAPPINGS_MAX = 64, PLANS_MAX = 256, SLOTS = 1 << 14 };

// The state of a partition from this record of the stream on.
typedef struct {
    uint64_t seq;
    size_t at, size; // in the blobs
} point_t;

typedef struct {
    char name[65];
    stage_reader_t *reader;
    plan_t *plan;
    fold_t *fold;
    uint64_t seq, durable, interesting;
    buffer_t blobs;
    struct {
        size_t count, capacity;
        point_t *points;
    } partitions[PARTITIONS];
} stream_t;

typedef struct {
    char name[64];
    buffer_t payloads;
    uint64_t refused;
} source_text_t;

static struct {
    const char *root, *namespace;
    size_t stream_count, source_count, mapping_count, plan_count;
    stream_t *streams[REFERENCE_STREAMS_MAX];
    source_text_t sources[REFERENCE_SOURCES_MAX];
    struct {
        buffer_t definition;
        mapping_t *mapping;
    } mappings[MAPPINGS_MAX];
    struct {
        plan_hash_t hash;
        ruleset_t *rules;
    } plans[PLANS_MAX];
    rows_t *rows;
    fold_t *scratch;
    size_t alert_count, alert_capacity;
    reference_alert_t *alerts;
    uint32_t slots[SLOTS]; // index + 1 by id
} self;

static void s_stop(const char *what)
{
    fprintf(stderr, "sim: the reference cannot go on: %s\n", what);
    abort();
}

// ---- alerts
// -----------------------------------------------------------------------------------------

static size_t s_slot(const char *id)
{
    uint64_t hash = 0;
    for (const char *c = id; *c; c++)
        hash = (hash ^ (unsigned char) *c) * UINT64_C(0x100000001b3);
    size_t slot = (hash >> 20) % SLOTS;
    while (self.slots[slot] && strcmp(self.alerts[self.slots[slot] - 1].id, id) != 0)
        slot = (slot + 1) % SLOTS;
    return slot;
}

reference_alert_t *reference_alert(const char *id)
{
    size_t slot = s_slot(id);
    return self.slots[slot] ? &self.alerts[self.slots[slot] - 1] : NULL;
}

static void s_cut_member(char *json, const char *name, bool map)
{
    char *at = strstr(json, name);
    if (!at)
        return;
    char *end = map ? strchr(at, '}') : strpbrk(at, ",}");
    end += map ? 1 : 0;
    if (*end == ',')
        end++;
    memmove(at, end, strlen(end) + 1);
}

void reference_strip(char *json)
{
    s_cut_member(json, "\"stamps\":{", true);
    s_cut_member(json, "\"at\":", false);
}

static char *s_copy(slice_t text)
{
    return strndup(text.data ? (const char *) text.data : "", text.size);
}

// The seqs of a topic are dense, or begin anew; prev is the one before.
static void s_check_order(const reference_alert_t *fresh, const alert_t *alert)
{
    static const alert_id_t none;
    bool first = memcmp(&alert->prev, &none, sizeof none) == 0;
    char prev[ALERT_ID_TEXT];
    alert_id_print(alert->prev, prev);
    if (first != (alert->seq == 1))
        world_fail("the reference: seq %llu of %s has %s predecessor",
                   (unsigned long long) alert->seq, fresh->topic, first ? "no" : "a");
    if (!first && !reference_alert(prev))
        world_fail("the reference: %s of %s follows an alert that is none", fresh->id,
                   fresh->topic);
}

static void s_on_alert(void *context, unsigned partition, const alert_t *alert)
{
    (void) context;
    (void) partition;
    if (self.alert_count == self.alert_capacity) {
        self.alert_capacity = self.alert_capacity ? 2 * self.alert_capacity : 256;
        self.alerts = realloc(self.alerts, self.alert_capacity * sizeof *self.alerts);
        if (!self.alerts)
            abort();
    }
    reference_alert_t fresh = { .rule = s_copy(alert->rule), .news = alert->incident };
    alert_id_print(alert->id, fresh.id);
    owned(buffer_destroy) buffer_t topic = { 0 }, body = { 0 }, json = { 0 };
    alert_topic(alert, &topic);
    alert_encode(alert, &body);
    if (!json_from_wire(&json, buffer_slice(&body)))
        s_stop("an alert that is no msgpack");
    fresh.topic = s_copy(buffer_slice(&topic));
    fresh.body = s_copy(buffer_slice(&json));
    reference_strip(fresh.body);
    s_check_order(&fresh, alert);
    size_t slot = s_slot(fresh.id);
    if (self.slots[slot]) {
        world_fail("the reference: %s comes twice:\n  %s\n  %s", fresh.id,
                   self.alerts[self.slots[slot] - 1].body, fresh.body);
        return;
    }
    self.alerts[self.alert_count++] = fresh;
    self.slots[slot] = (uint32_t) self.alert_count;
}

size_t reference_alerts(void)
{
    return self.alert_count;
}

reference_alert_t *reference_alert_at(size_t index)
{
    return &self.alerts[index];
}

// ---- states
// -----------------------------------------------------------------------------------------

static void s_remember(stream_t *stream, unsigned partition)
{
    owned(buffer_destroy) buffer_t state = { 0 };
    size_t at = stream->blobs.size;
    if (!fold_base(stream->fold, partition, &state))
        s_stop("no memory");
    buffer_append(&stream->blobs, state.data, state.size);
    typeof(stream->partitions[0]) *list = &stream->partitions[partition];
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 8;
        list->points = realloc(list->points, list->capacity * sizeof *list->points);
    }
    list->points[list->count++] =
        (point_t){ .seq = stream->seq, .at = at, .size = stream->blobs.size - at };
}

static stream_t *s_stream(slice_t name)
{
    for (size_t i = 0; i < self.stream_count; i++)
        if (slice_is(name, self.streams[i]->name))
            return self.streams[i];
    return NULL;
}

static slice_t s_state_at(const stream_t *stream, unsigned partition, uint64_t seq)
{
    slice_t state = { 0 };
    for (size_t i = 0; i < stream->partitions[partition].count; i++) {
        const point_t *point = &stream->partitions[partition].points[i];
        if (point->seq <= seq)
            state = slice_of(stream->blobs.data + point->at, point->size);
    }
    return state;
}

void reference_state(unsigned partition, const store_offset_t *offsets, size_t count, buffer_t *out)
{
    fault_t fault = { 0 };
    fold_own(self.scratch, partition);
    for (size_t i = 0; i < count; i++) {
        const stream_t *stream = s_stream(offsets[i].stream);
        slice_t state = stream ? s_state_at(stream, partition, offsets[i].seq) : (slice_t){ 0 };
        if (state.size && !fold_load(self.scratch, partition, state, reference_plan, NULL, &fault))
            s_stop(fault.text);
    }
    if (!fold_base(self.scratch, partition, out))
        s_stop("no memory");
    fold_drop(self.scratch, partition);
}

void reference_check(unsigned partition, slice_t state, const store_offset_t *offsets, size_t count,
                     const char *what)
{
    owned(buffer_destroy) buffer_t wanted = { 0 };
    for (size_t i = 0; i < count; i++) {
        const stream_t *stream = s_stream(offsets[i].stream);
        if (offsets[i].seq > (stream ? stream->durable : 0)) {
            world_fail("%s: partition %u is at record %llu of %.*s, which is not durable", what,
                       partition, (unsigned long long) offsets[i].seq, (int) offsets[i].stream.size,
                       (const char *) offsets[i].stream.data);
            return;
        }
    }
    reference_state(partition, offsets, count, &wanted);
    if (slice_same(buffer_slice(&wanted), state))
        return;
    world_fail("%s: partition %u at record %llu of %.*s: its state has %zu bytes, and other ones "
               "than the %zu of an undisturbed run",
               what, partition, count ? (unsigned long long) offsets[0].seq : 0ull,
               count ? (int) offsets[0].stream.size : 0,
               count ? (const char *) offsets[0].stream.data : "", state.size, wanted.size);
}

// ---- plans and mappings
// -----------------------------------------------------------------------------

ruleset_t *reference_plan(void *context, plan_hash_t hash)
{
    (void) context;
    for (size_t i = 0; i < self.plan_count; i++)
        if (memcmp(&self.plans[i].hash, &hash, sizeof hash) == 0)
            return self.plans[i].rules;
    return NULL;
}

static ruleset_t *s_compile(const plan_t *plan)
{
    ruleset_t *known = reference_plan(NULL, plan_hash(plan));
    if (known)
        return known;
    if (self.plan_count == PLANS_MAX)
        s_stop("too many plans");
    self.plans[self.plan_count].hash = plan_hash(plan);
    self.plans[self.plan_count].rules = ruleset_new(plan, NULL, NULL);
    return self.plans[self.plan_count++].rules;
}

static mapping_t *s_mapping(slice_t definition)
{
    for (size_t i = 0; i < self.mapping_count; i++)
        if (slice_same(buffer_slice(&self.mappings[i].definition), definition))
            return self.mappings[i].mapping;
    fault_t fault;
    if (self.mapping_count == MAPPINGS_MAX)
        s_stop("too many mappings");
    size_t at = self.mapping_count++;
    buffer_append(&self.mappings[at].definition, definition.data, definition.size);
    self.mappings[at].mapping = mapping_new(buffer_slice(&self.mappings[at].definition), &fault);
    if (!self.mappings[at].mapping)
        s_stop(fault.text);
    return self.mappings[at].mapping;
}

static source_text_t *s_source(slice_t name)
{
    for (size_t i = 0; i < self.source_count; i++)
        if (slice_is(name, self.sources[i].name))
            return &self.sources[i];
    if (self.source_count == REFERENCE_SOURCES_MAX)
        s_stop("too many sources");
    source_text_t *fresh = &self.sources[self.source_count++];
    snprintf(fresh->name, sizeof fresh->name, "%.*s", (int) name.size, (const char *) name.data);
    return fresh;
}

size_t reference_sources(void)
{
    return self.source_count;
}

const char *reference_source(size_t index)
{
    return self.sources[index].name;
}

slice_t reference_payloads(const char *source)
{
    return buffer_slice(&s_source(slice_text(source))->payloads);
}

uint64_t reference_refused(const char *source)
{
    return s_source(slice_text(source))->refused;
}

// ---- records
// ----------------------------------------------------------------------------------------

static void s_on_refusal(void *context, const quarantine_t *quarantine)
{
    (void) quarantine;
    ((source_text_t *) context)->refused++;
}

static void s_fold(stream_t *stream, const rows_view_t *view)
{
    partitions_t set = { { 0 } };
    slice_t rest = view->runs;
    for (rows_run_t run = { 0 }; rows_run_next(&rest, &run);)
        partitions_add(&set, run.partition);
    if (!fold_rows(stream->fold, slice_text(stream->name), view, &set, 0))
        s_stop("no memory");
    for (unsigned p = 0; p < PARTITIONS; p++)
        if (partitions_has(&set, p))
            s_remember(stream, p);
}

static void s_take_payload(stream_t *stream, const record_t *record)
{
    source_text_t *source = s_source(record->source);
    buffer_append(&source->payloads, record->payload.data, record->payload.size);
    const plan_entry_t *entry = plan_find(stream->plan, PLAN_SOURCE, record->source);
    if (!entry)
        s_stop("a payload before its plan");
    rows_head_t head = { .seq = record->seq, .recv_us = record->recv_us, .source = record->source };
    mapping_count_t count = { 0 };
    if (!mapping_apply(s_mapping(entry->body), &head, record->payload, self.rows, s_on_refusal,
                       source, &count))
        s_stop("no memory");
    partitions_t all;
    memset(&all, 0xff, sizeof all);
    owned(buffer_destroy) buffer_t block = { 0 };
    rows_view_t view;
    fault_t fault;
    if (!rows_encode(self.rows, &all, &block))
        return;
    if (!rows_decode(&view, buffer_slice(&block), &fault))
        s_stop(fault.text);
    s_fold(stream, &view);
}

static void s_take_plan(stream_t *stream, const record_t *record)
{
    fault_t fault;
    plan_change_t change;
    plan_hash_t before = plan_hash(stream->plan);
    if (!plan_peek(&change, record->payload, &fault) ||
        !plan_apply(stream->plan, record->payload, &fault))
        s_stop(fault.text);
    if (memcmp(&before, &change.to, sizeof before) != 0) // each segment begins with a snapshot
        stream->interesting = record->seq;
    partitions_t all;
    memset(&all, 0xff, sizeof all);
    if (!fold_plan(stream->fold, slice_text(stream->name), &all, s_compile(stream->plan),
                   record->seq, 0))
        s_stop("no memory");
    for (unsigned p = 0; p < PARTITIONS; p++)
        s_remember(stream, p);
}

static void s_take_tick(stream_t *stream, const record_t *record)
{
    tick_t tick;
    if (!tick_decode(&tick, record->payload) || tick.since_us <= 0)
        s_stop("a tick that says nothing");
    partitions_t all;
    memset(&all, 0xff, sizeof all);
    size_t before = self.alert_count;
    const fold_tick_t told = { record->seq, record->recv_us, tick.since_us };
    slice_t delta;
    for (unsigned p = 0; p < PARTITIONS; p++) // so that we see what the tick changes
        if (!fold_delta(stream->fold, p, &delta))
            s_stop("no memory");
        else
            fold_delta_reset(stream->fold, p);
    if (!fold_tick(stream->fold, slice_text(stream->name), &all, &told, 0))
        s_stop("no memory");
    for (unsigned p = 0; p < PARTITIONS; p++)
        if (fold_changed(stream->fold, p))
            s_remember(stream, p);
    if (self.alert_count > before) // most ticks say nothing
        stream->interesting = record->seq;
}

static void s_take(stream_t *stream, const record_t *record)
{
    stream->seq = record->seq;
    if (record->kind == RECORD_PAYLOAD)
        s_take_payload(stream, record);
    else if (record->kind == RECORD_PLAN)
        s_take_plan(stream, record);
    else if (record->kind == RECORD_TICK)
        s_take_tick(stream, record);
    if (record->kind == RECORD_PAYLOAD)
        stream->interesting = record->seq;
}

static stream_t *s_add(const char *name)
{
    stream_t *stream = calloc(1, sizeof *stream);
    fault_t fault;
    if (!stream || self.stream_count == REFERENCE_STREAMS_MAX)
        s_stop("too many streams");
    snprintf(stream->name, sizeof stream->name, "%s", name);
    stream->reader = stage_reader_open(self.root, self.namespace, name, &fault);
    if (!stream->reader)
        s_stop(fault.text);
    stream->plan = plan_new();
    stream->fold = fold_new(s_on_alert, NULL);
    for (unsigned p = 0; p < PARTITIONS; p++)
        fold_own(stream->fold, p);
    self.streams[self.stream_count++] = stream;
    return stream;
}

void reference_begin(const char *root, const char *namespace)
{
    memset(&self, 0, sizeof self);
    self.root = root;
    self.namespace = namespace;
    self.rows = rows_new();
    self.scratch = fold_new(s_on_alert, NULL);
}

void reference_follow(const char *name, uint64_t durable, bool opened)
{
    stream_t *stream = s_stream(slice_text(name));
    if (!stream)
        stream = s_add(name);
    if (durable < stream->durable)
        world_fail("stream %s is durable up to %llu, and was up to %llu", name,
                   (unsigned long long) durable, (unsigned long long) stream->durable);
    if (durable <= stream->durable)
        return;
    stream->durable = durable;
    disk_observe(true);
    if (!stage_reader_seek(stream->reader, stream->seq + 1))
        s_stop(stage_reader_error(stream->reader));
    record_t record;
    for (stage_read_t got;
         (got = stage_reader_next(stream->reader, durable, &record)) != STAGE_END;) {
        if (got == STAGE_DAMAGED) {
            if (!opened)
                world_fail("stream %s: what was durable up to %llu cannot be read up to %llu", name,
                           (unsigned long long) durable, (unsigned long long) record.seq);
            stream->seq = record.seq - 1;
            continue;
        }
        if (record.seq != stream->seq + 1)
            world_fail("stream %s: record %llu follows %llu", name, (unsigned long long) record.seq,
                       (unsigned long long) stream->seq);
        s_take(stream, &record);
    }
    disk_observe(false);
    if (stream->seq != durable)
        world_fail("stream %s: durable up to %llu, but it ends at %llu: %s", name,
                   (unsigned long long) durable, (unsigned long long) stream->seq,
                   stage_reader_error(stream->reader) ? stage_reader_error(stream->reader) : "");
}

uint64_t reference_durable(slice_t name)
{
    const stream_t *stream = s_stream(name);
    return stream ? stream->durable : 0;
}

uint64_t reference_last_of_interest(size_t stream)
{
    return self.streams[stream]->interesting;
}

size_t reference_streams(void)
{
    return self.stream_count;
}

const char *reference_stream(size_t index)
{
    return self.streams[index]->name;
}
