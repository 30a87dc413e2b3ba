/*  forward -- see forward.h. */
#include "actors/collector/forward.h"

#include <stdlib.h>

#include "actors/collector/log_cursor.h"
#include "actors/collector/shipment.h"
#include "proto/edition.h"
#include "proto/owned.h"

enum {
    ACK_QUEUE = 1024,
    FRAME_KEPT_BYTES = 8 << 20,
};

typedef struct {
    uint64_t seq;
    plan_t *plan; // in force after it
} plan_mark_t;

typedef struct {
    log_cursor_t *cursor;
    uint64_t used; // when, in uses of all: the one not used longest is moved
} slot_t;

struct forward {
    char *root, *namespace, *stream;
    char name[EDITION_NAME_MAX + 1]; // of the stream as it is told
    const amendments_t *amendments;
    bus_t *raw, *ack;
    lane_out_t *lanes;
    slot_t slots[FORWARD_CURSORS];
    uint64_t uses;
    size_t plan_count;
    plan_mark_t plans[FORWARD_PLANS];
    shipment_t *shipment;
    lane_ship_t ship;
    buffer_t frame;            // in hand while not empty
    uint64_t durable;          // last record of the log, as of the last call
    uint64_t begin, first_seq; // of the edition; of the log
    partitions_t gone;         // asked for below that
    forward_count_t count;
};

forward_t *forward_new(const char *root, const char *namespace, const char *stream,
                       const char *listen, const amendments_t *amendments, fault_t *fault)
{
    owned(forward_destroy) forward_t *self = calloc(1, sizeof *self);
    if (!self) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->amendments = amendments;
    self->begin = amendments_begin(amendments);
    self->first_seq = 1;
    if (!edition_name(self->name, stream, amendments_edition(amendments))) {
        fault_set(fault, "the name of stream %s leaves no room for its edition", stream);
        return NULL;
    }
    self->root = strdup(root);
    self->namespace = strdup(namespace);
    self->stream = strdup(stream);
    self->lanes = lane_out_new();
    self->shipment = shipment_new();
    if (!self->root || !self->namespace || !self->stream || !self->lanes || !self->shipment) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->raw = bus_bind(BUS_PUSH, DOOR_RAW, listen, FORWARD_QUEUE, fault);
    if (self->raw)
        self->ack = bus_bind(BUS_PULL, DOOR_ACK, listen, ACK_QUEUE, fault);
    if (!self->ack)
        return NULL;
    forward_t *given = self;
    self = NULL;
    return given;
}

void forward_destroy(forward_t **self_p)
{
    forward_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < FORWARD_CURSORS; i++)
        log_cursor_destroy(&self->slots[i].cursor);
    for (size_t i = 0; i < self->plan_count; i++)
        plan_destroy(&self->plans[i].plan);
    bus_destroy(&self->raw);
    bus_destroy(&self->ack);
    lane_out_destroy(&self->lanes);
    shipment_destroy(&self->shipment);
    buffer_destroy(&self->frame);
    free(self->root);
    free(self->namespace);
    free(self->stream);
    free(self);
    *self_p = NULL;
}

const char *forward_name(const forward_t *self)
{
    return self->name;
}

const char *forward_raw_endpoint(const forward_t *self)
{
    return bus_endpoint(self->raw);
}

const char *forward_ack_endpoint(const forward_t *self)
{
    return bus_endpoint(self->ack);
}

void *forward_raw_socket(forward_t *self)
{
    return bus_socket(self->raw);
}

void *forward_ack_socket(forward_t *self)
{
    return bus_socket(self->ack);
}

// ---- plans ----------------------------------------------------------------------------------

void forward_plan(forward_t *self, const plan_t *plan, uint64_t seq)
{
    plan_t *copy = plan_copy(plan);
    if (!copy || self->plan_count == FORWARD_PLANS) {
        // What is not remembered is looked up in the log: marks must be without holes, though.
        size_t gone = copy ? 1 : self->plan_count;
        for (size_t i = 0; i < gone; i++)
            plan_destroy(&self->plans[i].plan);
        self->plan_count -= gone;
        memmove(self->plans, self->plans + gone, self->plan_count * sizeof self->plans[0]);
    }
    if (copy)
        self->plans[self->plan_count++] = (plan_mark_t){ .seq = seq, .plan = copy };
}

// The plan in force before record `from`; NULL: not remembered.
static const plan_t *s_plan_before(const forward_t *self, uint64_t from)
{
    for (size_t i = self->plan_count; i-- > 0;)
        if (self->plans[i].seq < from)
            return self->plans[i].plan;
    return NULL;
}

// ---- hearing --------------------------------------------------------------------------------

static worker_id_t s_worker(slice_t bytes)
{
    worker_id_t worker;
    memcpy(worker.bytes, bytes.data, sizeof worker.bytes); // its size was checked by decode
    return worker;
}

static bool s_hear_ack(forward_t *self, slice_t frame, int64_t mono_us)
{
    message_ack_t ack;
    if (!message_ack_decode(&ack, frame, NULL) || !slice_is(ack.stream, self->name))
        return false;
    worker_id_t worker = s_worker(ack.worker);
    // Of another log, or made up: that it has committed any of ours is not said. Marks are bounded
    // by what was sent.
    if (ack.durable > self->durable || ack.received > self->durable) {
        self->count.acks_beyond++;
        ack.durable = 0;
    }
    // Without marks it still says that the worker lives.
    if (ack.marks.count == 0)
        lane_out_ack(self->lanes, worker, ack.endpoint, LANE_LIVE, 0, ack.durable, mono_us);
    list_t rest = ack.marks;
    for (ack_mark_t mark; ack_mark_next(&rest, &mark);)
        lane_out_ack(self->lanes, worker, ack.endpoint, mark.lane, mark.mark, ack.durable, mono_us);
    return true;
}

// Where to read for somebody who misses this record and all after it: before the edition begins
// there is nothing to miss.
static uint64_t s_start(const forward_t *self, uint64_t from)
{
    return from < self->begin ? self->begin : from;
}

static void s_note_gone(forward_t *self, const partitions_t *partitions)
{
    for (size_t i = 0; i < sizeof partitions->bits; i++)
        self->gone.bits[i] |= partitions->bits[i];
    self->count.gone++;
}

static bool s_hear_need(forward_t *self, slice_t frame, int64_t mono_us)
{
    message_need_t need;
    if (!message_need_decode(&need, frame, NULL) || !slice_is(need.stream, self->name))
        return false;
    partitions_t partitions;
    memcpy(partitions.bits, need.partitions.data, sizeof partitions.bits);
    self->count.needs++;
    if (s_start(self, need.from) < self->first_seq) {
        s_note_gone(self, &partitions);
        return true;
    }
    lane_out_need(self->lanes, s_worker(need.worker), need.endpoint, need.from, &partitions,
                  mono_us);
    if (need.from > self->durable + 1 && need.from > self->count.ahead)
        self->count.ahead = need.from;
    return true;
}

void forward_trimmed(forward_t *self, uint64_t first_seq)
{
    self->first_seq = first_seq;
}

bool forward_take_gone(forward_t *self, partitions_t *partitions)
{
    static const partitions_t none;
    *partitions = self->gone;
    self->gone = none;
    return memcmp(partitions, &none, sizeof none) != 0;
}

void forward_hear(forward_t *self, uint64_t durable, int64_t mono_us)
{
    slice_t frame;
    self->durable = durable;
    while (bus_take(self->ack, &frame)) {
        bool good = false;
        switch (message_kind(frame)) {
        case MESSAGE_ACK:
            good = s_hear_ack(self, frame, mono_us);
            break;
        case MESSAGE_NEED:
            good = s_hear_need(self, frame, mono_us);
            break;
        case MESSAGE_NONE:
        case MESSAGE_RAW:
        case MESSAGE_ROWS:
            break;
        }
        self->count.malformed += !good;
    }
}

// ---- sending --------------------------------------------------------------------------------

// A cursor that stands at `from`: one that does already, else the one not used longest.
static log_cursor_t *s_cursor_at(forward_t *self, uint64_t from, fault_t *fault)
{
    slot_t *slot = &self->slots[0];
    for (size_t i = 0; i < FORWARD_CURSORS; i++) {
        slot_t *other = &self->slots[i];
        if (other->cursor && log_cursor_next(other->cursor) == from) {
            other->used = ++self->uses;
            return other->cursor;
        }
        if (other->used < slot->used)
            slot = other;
    }
    if (!slot->cursor)
        slot->cursor = log_cursor_new(self->root, self->namespace, self->stream, fault);
    if (!slot->cursor || !log_cursor_seek(slot->cursor, from, s_plan_before(self, from), fault))
        return NULL;
    slot->used = ++self->uses;
    return slot->cursor;
}

// What makes no rows and no plan only counts as a record.
static bool s_is_told(const record_t *record)
{
    return record->kind != RECORD_KNOWN && record->kind != RECORD_KNOWN_END &&
           record->kind != RECORD_GAP;
}

static size_t s_told_bytes(const record_t *record)
{
    return s_is_told(record) ? record->payload.size : 0;
}

// Read records from..last into the shipment as far as they fit. Returns the last seq it speaks
// for, 0 if it could read none (fault).
static uint64_t s_load(forward_t *self, uint64_t from, uint64_t last, fault_t *fault)
{
    shipment_begin(self->shipment);
    if (from > last)
        return last; // all of it lies before the edition
    log_cursor_t *cursor = s_cursor_at(self, from, fault);
    if (!cursor)
        return 0;
    uint64_t to = from - 1;
    while (to < last) {
        record_t record;
        stage_read_t got = log_cursor_peek(cursor, last, &record);
        uint64_t next = log_cursor_next(cursor);
        if (next > to + 1) {
            // A stretch of the log is lost for everybody: positions move over it, and it counts.
            uint64_t reach = next - 1 < last ? next - 1 : last;
            self->count.damaged += reach - to;
            to = reach;
        }
        if (got == STAGE_DAMAGED)
            continue;
        if (got == STAGE_END || !shipment_has_room(self->shipment, s_told_bytes(&record)))
            break;
        if (!s_is_told(&record))
            record =
                (record_t){ .kind = RECORD_SKIP, .seq = record.seq, .recv_us = record.recv_us };
        slice_t definition = { 0 };
        if (record_is_raw(record.kind))
            definition = amendments_definition(self->amendments, &record,
                                               log_cursor_definition(cursor, record.source));
        if (!shipment_add(self->shipment, &record, definition)) {
            fault_set(fault, "out of memory");
            return 0;
        }
        log_cursor_pass(cursor);
        to = record.seq;
    }
    if (to < from)
        fault_set(fault, "cannot read record %llu of stream %s: %s", (unsigned long long) from,
                  self->stream, log_cursor_error(cursor));
    return to < from ? 0 : to;
}

static forward_step_t s_give(forward_t *self)
{
    if (!bus_send(self->raw, buffer_slice(&self->frame), 0))
        return FORWARD_BLOCKED;
    self->count.messages++;
    self->count.bytes += self->frame.size;
    if (self->frame.capacity > FRAME_KEPT_BYTES)
        buffer_destroy(&self->frame);
    buffer_clear(&self->frame);
    return FORWARD_SENT;
}

forward_step_t forward_step(forward_t *self, const seal_secret_t *secret, uint64_t durable,
                            int64_t durable_us, int64_t mono_us, fault_t *fault)
{
    self->durable = durable;
    if (self->count.ahead <= durable + 1)
        self->count.ahead = 0; // the log has come so far
    if (self->frame.size)
        return s_give(self);
    if (!lane_out_next(self->lanes, durable, mono_us, &self->ship))
        return FORWARD_IDLE;
    uint64_t from = s_start(self, self->ship.from);
    if (from < self->first_seq) {
        for (size_t i = 0; i < self->ship.route_count; i++)
            s_note_gone(self, &self->ship.routes[i].partitions);
        lane_out_give_up(self->lanes, &self->ship);
        return FORWARD_IDLE;
    }
    uint64_t to = s_load(self, from, self->ship.last, fault);
    if (to == 0)
        return FORWARD_FAILED;
    lane_out_shipped(self->lanes, &self->ship, to, shipment_bytes(self->shipment));
    self->count.records += shipment_records(self->shipment);
    // If this fails the workers see a gap and ask again.
    if (!shipment_encode(self->shipment, slice_text(self->name), secret, &self->ship, to,
                         self->ship.live ? durable_us : 0, &self->frame)) {
        buffer_destroy(&self->frame);
        fault_set(fault, "out of memory");
        return FORWARD_FAILED;
    }
    return s_give(self);
}

forward_count_t forward_count(const forward_t *self)
{
    forward_count_t count = self->count;
    count.workers = lane_out_workers(self->lanes);
    count.durable = lane_out_durable(self->lanes);
    return count;
}
