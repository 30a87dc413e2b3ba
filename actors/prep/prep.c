/*  prep -- raw records in, rows out.
 *
 *      collector --RAW, PUSH--> [ prep ] --ROWS, PUSH--> transform
 *
 *  Stateless: everything needed to map a record travels with it, so any number of preps share
 *  the work, and one that dies loses nothing but messages that the workers ask for again. For
 *  each RAW message every route gets ROWS messages covering the same records, with or without rows
 *  in them, so that positions move without holes: one, or several if few bytes become many rows.
 *
 *  Refused rows go to the quarantine in Redis, named by (stream, seq, row), so that a replay
 *  adds none twice; and before the rows of the same message leave, so that none is missed.
 */
#include "actors/prep/prep.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/prep/mapping.h"
#include "actors/prep/mappings.h"
#include "actors/prep/outlets.h"
#include "actors/prep/refusals.h"
#include "broker/lane.h"
#include "broker/peers.h"
#include "broker/runtime/fault_point.h"
#include "broker/runtime/life.h"
#include "broker/runtime/log.h"
#include "broker/runtime/options.h"
#include "broker/site.h"
#include "broker/trust/strangers.h"
#include "proto/message.h"
#include "proto/owned.h"
#include "proto/tick.h"

enum {
    INBOX_QUEUE = 8,   // messages of up to 1 MB taken ahead from each collector
    BEAT_US = 1000000, // how often we say that we live and look for collectors
    LEASE_MS = 5000,
    COMPLAIN_US = 1000000,                // of quiet between two complaints
    ROUTES_MAX = 64,                      // as in the schema
    PART_BYTES = LANE_HOLD_BYTES_MAX / 2, // of blocks in a message; one larger block goes alone
    AROUND_BYTES_MAX = LANE_SHIP_BYTES + (512 << 10), // of a message: plan changes, heads
};

_Static_assert(ROWS_BYTES_MAX + AROUND_BYTES_MAX <= BUS_FRAME_BYTES_MAX, "any block fits a frame");

typedef struct {
    const char *name;
    int signals;
    store_t *store;
    bus_t *inbox;
    peers_t *collectors;   // that the inbox is connected to
    metrics_t *metrics;    // or NULL
    strangers_t strangers; // whom the log tells of
    mappings_t *mappings;
    outlets_t *outlets;
    refusals_t *refusals;
    rows_t *rows;
    buffer_t blocks[ROUTES_MAX]; // encoded rows_block elements for each route
    uint32_t block_count[ROUTES_MAX];
    buffer_t plans, ticks, block, frame;
    uint32_t plan_count, tick_count;
    uint64_t part_from;  // the records before it have been sent
    int64_t complain_us; // not again before
    uint64_t messages, records, rows_out, quarantined, skipped, rounded, dropped, malformed;
} prep_t;

static void prep_destroy(prep_t **self_p)
{
    prep_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < ROUTES_MAX; i++)
        buffer_destroy(&self->blocks[i]);
    buffer_destroy(&self->plans);
    buffer_destroy(&self->ticks);
    buffer_destroy(&self->block);
    buffer_destroy(&self->frame);
    rows_destroy(&self->rows);
    refusals_destroy(&self->refusals);
    outlets_destroy(&self->outlets);
    mappings_destroy(&self->mappings);
    metrics_destroy(&self->metrics);
    peers_destroy(&self->collectors);
    bus_destroy(&self->inbox);
    store_destroy(&self->store);
    close(self->signals);
    free(self);
    *self_p = NULL;
}

static prep_t *prep_new(const char *name, const settings_t *settings, const char *dir, int signals,
                        fault_t *fault)
{
    owned(prep_destroy) prep_t *self = calloc(1, sizeof *self);
    if (!self) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->name = name;
    self->signals = signals;
    self->store = site_store(settings, dir, REDIS_PREP, fault);
    if (!self->store)
        return NULL;
    if (!site_metrics(settings, ROLE_PREP, name, &self->metrics, fault))
        return NULL;
    self->inbox = bus_connect(BUS_PULL, DOOR_RAW, NULL, INBOX_QUEUE, fault);
    self->mappings = mappings_new();
    self->outlets = outlets_new();
    self->refusals = refusals_new();
    self->rows = rows_new();
    if (!self->inbox)
        return NULL;
    self->collectors = peers_new(self->inbox, "collector", "raw");
    if (!self->collectors || !self->mappings || !self->outlets || !self->refusals || !self->rows) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    prep_t *given = self;
    self = NULL;
    return given;
}

// ---- one message ----------------------------------------------------------------------------

static const char NO_MEMORY[] = "out of memory";
static const char NOT_TOLD[] = "refused rows cannot be told to Redis";

typedef struct {
    prep_t *prep;
    const message_raw_t *raw;
    const raw_record_t *record;
    slice_t source;
} refuse_context_t;

static void refuse_row(void *context, const quarantine_t *quarantine)
{
    const refuse_context_t *c = context;
    c->prep->quarantined++;
    refusals_add(c->prep->refusals, c->prep->store, c->source, c->raw->stream, c->record->seq,
                 quarantine);
}

static void refuse_record(const refuse_context_t *context, const char *reason)
{
    quarantine_t whole = { .row = UINT32_MAX, .reason = reason };
    refuse_row((void *) context, &whole);
}

static void refuse_torn(prep_t *self, const message_raw_t *raw, const raw_record_t *record,
                        slice_t source)
{
    const refuse_context_t context = { self, raw, record, source };
    quarantine_t torn = mapping_torn(record->payload);
    refuse_row((void *) &context, &torn);
}

// The worker asks again for what is dropped; in the log once in a while is enough.
static void complain(prep_t *self, const char *what, const char *reason)
{
    int64_t now_us = life_mono_us();
    self->dropped++;
    if (now_us >= self->complain_us)
        log_event(LOG_WARNING, what, "dropped=%" PRIu64 " reason=%s", self->dropped,
                  log_quote(reason));
    self->complain_us = now_us + COMPLAIN_US;
}

// What there is for the records from part_from .. to, to every route.
static void send_part(prep_t *self, const message_raw_t *raw, uint64_t to)
{
    list_t rest = raw->routes;
    raw_route_t route;
    for (size_t r = 0; raw_route_next(&rest, &route); r++) {
        message_rows_t rows = {
            .stream = raw->stream,
            .lane = route.lane,
            .mark = route.mark,
            .first = raw->from,
            .last = raw->to,
            .partitions = route.partitions,
            .seal = route.seal,
            .from = self->part_from,
            .to = to,
            .plans = { .count = self->plan_count, .bytes = buffer_slice(&self->plans) },
            .ticks = { .count = self->tick_count, .bytes = buffer_slice(&self->ticks) },
            .blocks = { .count = self->block_count[r], .bytes = buffer_slice(&self->blocks[r]) },
        };
        buffer_clear(&self->frame);
        message_rows_encode(&rows, &self->frame);
        fault_t fault = { 0 };
        if (self->frame.failed)
            fault_set(&fault, "out of memory");
        else if (outlets_send(self->outlets, route.endpoint, buffer_slice(&self->frame),
                              life_mono_us(), &fault))
            continue;
        complain(self, "message for a worker dropped; it will ask again", fault.text);
    }
}

static void begin_part(prep_t *self, const message_raw_t *raw, uint64_t from)
{
    for (size_t r = 0; r < raw->routes.count; r++) {
        buffer_clear(&self->blocks[r]);
        self->block_count[r] = 0;
    }
    buffer_clear(&self->plans);
    buffer_clear(&self->ticks);
    self->plan_count = self->tick_count = 0;
    self->part_from = from;
}

// What was refused is told before what was taken: a replay comes only for the latter.
static bool tell_refused(prep_t *self)
{
    return refusals_flush(self->refusals, self->store);
}

// If the rows of record `seq`, which are mapped by now, find no room beside those before it, the
// latter go ahead. False: refusals cannot be told.
static bool send_if_full(prep_t *self, const message_raw_t *raw, uint64_t seq)
{
    size_t most = rows_bytes(self->rows);
    bool full = false;
    for (size_t r = 0; r < raw->routes.count; r++)
        full |= self->block_count[r] > 0 && self->blocks[r].size + most > PART_BYTES;
    if (!full)
        return true;
    if (!tell_refused(self))
        return false;
    send_part(self, raw, seq - 1);
    begin_part(self, raw, seq);
    return true;
}

// Map one payload and append its block to every route that has rows in it. NULL, or why not.
static const char *map_record(prep_t *self, const message_raw_t *raw, const raw_record_t *record,
                              const raw_mapping_t *mapping)
{
    refuse_context_t context = { self, raw, record, mapping->source };
    fault_t fault;
    mapping_t *compiled = mappings_get(self->mappings, mapping->definition, &fault);
    if (!compiled) {
        refuse_record(&context, fault.text);
        return NULL;
    }
    rows_head_t head = {
        .seq = record->seq,
        .recv_us = record->recv_us,
        .staged_us = raw->staged_us,
        .prep_us = life_wall_us(),
        .source = mapping->source,
    };
    mapping_count_t count = { 0 };
    if (!mapping_apply(compiled, &head, record->payload, self->rows, refuse_row, &context, &count))
        return NO_MEMORY;
    self->rows_out += count.rows;
    self->skipped += count.skipped;
    self->rounded += count.rounded;
    if (!send_if_full(self, raw, record->seq))
        return NOT_TOLD;
    list_t rest = raw->routes;
    raw_route_t route;
    for (size_t r = 0; raw_route_next(&rest, &route); r++) {
        partitions_t partitions = partitions_of(route.partitions);
        buffer_clear(&self->block);
        if (!rows_encode(self->rows, &partitions, &self->block)) {
            if (self->block.failed)
                return NO_MEMORY;
            continue;
        }
        rows_block_t block = { .seq = record->seq, .block = buffer_slice(&self->block) };
        rows_block_encode(&block, &self->blocks[r]);
        self->block_count[r]++;
        if (self->blocks[r].failed)
            return NO_MEMORY;
    }
    return NULL;
}

// One of an earlier build, which does not say since when the collector was there, tells nobody.
static void add_tick(prep_t *self, const raw_record_t *record)
{
    tick_t tick;
    if (!tick_decode(&tick, record->payload) || tick.since_us <= 0)
        return;
    const rows_tick_t told = { record->seq, record->recv_us, tick.since_us };
    rows_tick_encode(&told, &self->ticks);
    self->tick_count++;
}

// NULL, or why not all of them. Sources are in bounds: message_raw_decode looked.
static const char *map_records(prep_t *self, const message_raw_t *raw,
                               const raw_mapping_t *mappings)
{
    const char *failure = NULL;
    list_t rest = raw->records;
    for (raw_record_t record; !failure && raw_record_next(&rest, &record);) {
        self->records++;
        switch ((record_kind_t) record.kind) {
        case RECORD_PAYLOAD:
            failure = map_record(self, raw, &record, &mappings[record.source]);
            break;
        case RECORD_TORN:
            refuse_torn(self, raw, &record, mappings[record.source].source);
            break;
        case RECORD_PLAN: {
            rows_plan_t plan = { .seq = record.seq, .payload = record.payload };
            rows_plan_encode(&plan, &self->plans);
            self->plan_count++;
            break;
        }
        case RECORD_TICK:
            add_tick(self, &record);
            break;
        default: // of the collector: no rows, positions move over it
            break;
        }
    }
    bool whole = !self->plans.failed && !self->ticks.failed;
    return failure || whole ? failure : NO_MEMORY;
}

// A message that cannot be worked on is dropped as if the wire had lost it.
static void take_message(prep_t *self, slice_t frame)
{
    message_raw_t raw;
    fault_t fault;
    if (!message_raw_decode(&raw, frame, &fault)) {
        self->malformed++;
        const char *peer = bus_peer(self->inbox);
        uint64_t times;
        if (strangers_tell(&self->strangers, peer ? peer : "", life_mono_us() / 1000, &times))
            log_event(LOG_WARNING, "malformed message refused", "peer=%s reason=%s times=%" PRIu64,
                      peer ? peer : "unknown", log_quote(fault.text), times);
        return;
    }
    self->messages++;
    begin_part(self, &raw, raw.from);
    raw_mapping_t *mappings = calloc(raw.mappings.count + 1, sizeof *mappings);
    list_t rest = raw.mappings;
    for (size_t i = 0; mappings && raw_mapping_next(&rest, &mappings[i]); i++)
        ;
    const char *failure = mappings ? map_records(self, &raw, mappings) : NO_MEMORY;
    if (!tell_refused(self) && !failure)
        failure = NOT_TOLD;
    if (failure == NOT_TOLD) {
        fault_set(&fault, "%s: %s", NOT_TOLD, store_error(self->store));
        failure = fault.text;
    }
    FAULT_POINT("prep.mapped");
    if (!failure)
        send_part(self, &raw, raw.to);
    else
        complain(self, "records dropped on the way; the worker will ask again", failure);
    free(mappings);
}

// ---- living ---------------------------------------------------------------------------------

// True: the registry has heard of us.
static bool beat(prep_t *self)
{
    char pid[16], numbers[8][24];
    snprintf(pid, sizeof pid, "%d", (int) getpid());
    const uint64_t counters[] = { self->messages, self->records, self->rows_out, self->quarantined,
                                  self->skipped,  self->rounded, self->dropped,  self->malformed };
    static const char *const names[] = { "messages", "records", "rows",    "quarantined",
                                         "skipped",  "rounded", "dropped", "malformed" };
    store_field_t fields[10] = { { "pid", pid } };
    size_t count = 1;
    for (size_t i = 0; i < 8; i++) {
        snprintf(numbers[i], sizeof numbers[i], "%" PRIu64, counters[i]);
        fields[count++] = (store_field_t){ names[i], numbers[i] };
    }
    if (self->metrics)
        fields[count++] = (store_field_t){ "metrics", metrics_address(self->metrics) };
    bool heard = store_beat(self->store, "prep", self->name, LEASE_MS, fields, count) == STORE_OK;
    metrics_begin(self->metrics);
    metrics_add(self->metrics, NULL, fields, count);
    metrics_end(self->metrics, heard);
    if (heard)
        peers_follow(self->collectors, self->store);
    outlets_sweep(self->outlets, life_mono_us());
    return heard;
}

static int prep_run(prep_t *self)
{
    int64_t beat_at_us = 0;
    for (;;) {
        int64_t now_us = life_mono_us();
        if (now_us >= beat_at_us) {
            if (site_renew(beat(self)) == BUS_LOST)
                return EXIT_FAILED;
            beat_at_us = now_us + BEAT_US;
        }
        zmq_pollitem_t wait[] = {
            { .fd = self->signals, .events = ZMQ_POLLIN },
            { .socket = bus_socket(self->inbox), .events = ZMQ_POLLIN },
        };
        long wait_ms = (long) ((beat_at_us - life_mono_us()) / 1000);
        if (zmq_poll(wait, 2, wait_ms > 0 ? wait_ms : 0) == -1 && errno != EINTR)
            return EXIT_FAILED;
        // Stopping drops what is in the inbox: the workers ask for it again.
        if (wait[0].revents && life_take_signal(self->signals) == LIFE_DRAIN)
            break;
        slice_t frame;
        for (int i = 0; i < INBOX_QUEUE && bus_take(self->inbox, &frame); i++)
            take_message(self, frame);
    }
    store_leave(self->store, "prep", self->name);
    log_event(LOG_INFO, "stopped", "records=%" PRIu64 " rows=%" PRIu64, self->records,
              self->rows_out);
    return EXIT_OK;
}

int prep_main(int argc, char **argv)
{
    options_t options;
    int status;
    if (!options_parse(&options, "prep", "Maps raw records to rows; start as many as you like.",
                       argc, argv, &status))
        return status;
    fault_t fault = { 0 };
    owned(settings_destroy) settings_t *settings = options_settings(&options);
    if (!settings)
        return EXIT_CONFIG;
    int signals = life_open_signals(); // before the first socket
    if (signals < 0)
        fault_set(&fault, "cannot take signals: %s", strerror(errno));
    bool able = signals >= 0 && site_guard(settings, options.dir, ROLE_PREP, options.name, &fault);
    site_wait_t redis =
        able ? site_await(settings, options.dir, REDIS_PREP, signals, &fault) : SITE_UNFIT;
    if (redis == SITE_STOPPED)
        return EXIT_OK;
    owned(prep_destroy) prep_t *prep = NULL;
    if (redis == SITE_READY)
        prep = prep_new(options.name, settings, options.dir, signals, &fault);
    if (!prep) {
        log_event(LOG_ERROR, "cannot start", "reason=%s", log_quote(fault.text));
        return EXIT_FAILED;
    }
    log_event(LOG_INFO, "started", NULL);
    return prep_run(prep);
}
