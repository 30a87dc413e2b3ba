/*  stream -- see stream.h. */
#include "actors/collector/stream.h"

#include <assert.h>
#include <stdlib.h>

#include "actors/collector/known.h"
#include "proto/owned.h"
#include "proto/tick.h"

struct stream {
    char *name;
    stage_t *stage;
    places_t *places;
    amendments_t *amendments; // durable
    buffer_t amending;        // payload of the one that is not yet, if not empty
    record_t amending_record; // its source and place point into names
    uint8_t names[2 * UINT8_MAX];
    plan_t *plan;      // in force at the end of the log
    bool plan_known;   // it is what the log says
    bool snapshot_due; // the first plan of this life is written as a whole
    bool walk_failed;  // while the log was walked; why:
    fault_t walk_fault;
    bool heading; // what was walked through so far is the head that the walk began with
    uint64_t first_seq;
    uint64_t up_us;       // time really collecting, over all lives
    int64_t tick_mono_us; // of the last tick; 0 = none yet
    int64_t tick_recv_us; // its receipt
    int64_t since_us;     // collecting without a break
    int64_t head_us;      // receipt of the head that is being appended
    int64_t stopped_us;   // of the last record of the life before; 0 = there was none
    stream_count_t count;
};

// ---- opening --------------------------------------------------------------------------------

// What we knew at the beginning of a segment.
static bool s_recall(stream_t *self, slice_t payload)
{
    known_t known = { self->places, self->amendments, self->up_us };
    bool good = known_read(&known, payload, &self->walk_fault);
    self->up_us = known.up_us;
    return good;
}

// The log tells what we knew when we stopped.
static bool s_visit(void *context, const record_t *record)
{
    stream_t *self = context;
    slice_t subject;
    uint64_t number;
    plan_change_t change;
    tick_t tick;
    switch (record->kind) {
    case RECORD_TORN:
    case RECORD_PAYLOAD:
        if (place_split(record->place, &subject, &number) &&
            !places_note(self->places, record->source, subject, number))
            self->walk_failed = true;
        break;
    case RECORD_PLAN:
        // After a damaged stretch a difference may not fit: unknown until the next snapshot.
        if (plan_peek(&change, record->payload, NULL) && (change.snapshot || self->plan_known)) {
            plan_result_t applied = plan_follow(self->plan, record->payload, NULL);
            self->plan_known = applied == PLAN_APPLIED;
            self->walk_failed = applied == PLAN_NO_MEMORY;
        }
        break;
    case RECORD_TICK:
        if (tick_decode(&tick, record->payload))
            self->up_us = tick.up_us;
        break;
    case RECORD_RESET:
        if (!amendments_note(self->amendments, record))
            self->walk_failed = true;
        break;
    case RECORD_KNOWN:
    case RECORD_KNOWN_END:
        // In a later one stands nothing that was not walked through.
        if (self->heading && !s_recall(self, record->payload))
            self->walk_failed = true;
        break;
    case RECORD_SKIP:
    case RECORD_GAP:
        break;
    }
    self->heading &= record->kind == RECORD_PLAN || record->kind == RECORD_KNOWN;
    return !self->walk_failed;
}

stream_t *stream_open(const char *root, const char *namespace, const char *name, fault_t *fault)
{
    owned(stream_destroy) stream_t *self = calloc(1, sizeof *self);
    if (self) {
        self->snapshot_due = self->heading = true;
        fault_set(&self->walk_fault, "out of memory");
        self->name = strdup(name);
        self->places = places_new();
        self->amendments = amendments_new();
        self->plan = plan_new();
    }
    if (!self || !self->name || !self->places || !self->plan || !self->amendments) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->stage = stage_open(root, namespace, name, s_visit, self, fault);
    if (!self->stage)
        return NULL;
    if (self->walk_failed) {
        fault_set(fault, "cannot read the log of stream %s: %s", name, self->walk_fault.text);
        return NULL;
    }
    self->first_seq = stage_oldest_seq(self->stage);
    self->stopped_us = stage_last_seq(self->stage) > 0 ? stage_recv_us(self->stage) : 0;
    stream_t *given = self;
    self = NULL;
    return given;
}

void stream_destroy(stream_t **self_p)
{
    stream_t *self = *self_p;
    if (!self)
        return;
    stage_destroy(&self->stage);
    plan_destroy(&self->plan);
    amendments_destroy(&self->amendments);
    buffer_destroy(&self->amending);
    places_destroy(&self->places);
    free(self->name);
    free(self);
    *self_p = NULL;
}

void stream_seal_after(stream_t *self, int64_t us)
{
    stage_seal_after(self->stage, us);
}

uint32_t stream_mark(const stream_t *self)
{
    return stage_mark(self->stage);
}

const char *stream_name(const stream_t *self)
{
    return self->name;
}

places_t *stream_places(stream_t *self)
{
    return self->places;
}

// ---- appending ------------------------------------------------------------------------------

static uint64_t s_append_plan(stream_t *self, const plan_t *plan, const plan_t *from,
                              int64_t recv_us)
{
    owned(buffer_destroy) buffer_t payload = { 0 };
    if (!plan_encode(plan, from, &payload) || payload.failed)
        return 0;
    slice_t none = { 0 };
    return stage_append(self->stage, RECORD_PLAN, recv_us, none, none, buffer_slice(&payload));
}

static bool s_append_known(void *context, bool last, slice_t payload)
{
    stream_t *self = context;
    slice_t none = { 0 };
    return stage_append(self->stage, last ? RECORD_KNOWN_END : RECORD_KNOWN, self->head_us, none,
                        none, payload) != 0;
}

// What stands before is known by heart, so that nobody has to read it. Nothing is pending: places
// and amendments are those of durable records. Before the first record there is nothing to know. An
// amendment for which there was no memory is not known yet: then there is no head.
static bool s_append_head(stream_t *self, int64_t recv_us)
{
    const known_t known = { self->places, self->amendments, self->up_us };
    if (stage_last_seq(self->stage) == 0 || stream_is_amending(self) ||
        !known_is_due(&known, stage_unheaded(self->stage)))
        return true;
    self->head_us = recv_us;
    return known_write(&known, s_append_known, self);
}

// Whoever starts reading at a segment must find the plan in it. A head that does not fit into
// memory leaves the segment without one: readers know such.
static bool s_begin_segment(stream_t *self, int64_t recv_us)
{
    assert(self->plan_known && !self->snapshot_due);
    return !stage_segment_is_full(self->stage) ||
           (s_append_plan(self, self->plan, NULL, recv_us) && s_append_head(self, recv_us));
}

static bool s_append_gap(stream_t *self, slice_t source, const gap_t *gap, int64_t recv_us)
{
    owned(buffer_destroy) buffer_t payload = { 0 };
    gap_encode(gap, &payload);
    slice_t none = { 0 };
    if (payload.failed ||
        !stage_append(self->stage, RECORD_GAP, recv_us, source, none, buffer_slice(&payload)))
        return false;
    self->count.gaps++;
    return true;
}

// The last record of the life before was hardly older than a tick when that life ended.
static void s_append_stop(stream_t *self, int64_t recv_us)
{
    const gap_t gap = { .reason = GAP_STOPPED, .from_us = self->stopped_us, .to_us = recv_us };
    slice_t all = { 0 };
    if (self->stopped_us && recv_us - self->stopped_us > STREAM_TICK_COUNTED_US)
        (void) s_append_gap(self, all, &gap, recv_us);
    self->stopped_us = 0;
}

static bool s_same_plan(const plan_t *a, const plan_t *b)
{
    plan_hash_t x = plan_hash(a), y = plan_hash(b);
    return memcmp(&x, &y, sizeof x) == 0;
}

bool stream_plan(stream_t *self, const plan_t *plan, int64_t recv_us, uint64_t *seq)
{
    *seq = 0;
    bool begins = stage_segment_is_full(self->stage);
    bool whole = self->snapshot_due || !self->plan_known || begins;
    if (!self->snapshot_due && self->plan_known && s_same_plan(plan, self->plan))
        return true;
    owned(plan_destroy) plan_t *copy = plan_copy(plan);
    if (!copy)
        return false;
    *seq = s_append_plan(self, plan, whole ? NULL : self->plan, recv_us);
    if (*seq == 0)
        return false;
    plan_t *old = self->plan;
    self->plan = copy;
    copy = old;
    self->plan_known = true;
    self->snapshot_due = false;
    if (begins)
        (void) s_append_head(self, recv_us); // without: as above
    s_append_stop(self, recv_us);
    return true;
}

const plan_t *stream_plan_logged(const stream_t *self)
{
    return self->plan_known ? self->plan : NULL;
}

const plan_t *stream_plan_in_force(const stream_t *self)
{
    return self->plan_known && !self->snapshot_due ? self->plan : NULL;
}

static slice_t s_keep(uint8_t *to, slice_t from)
{
    if (from.size > 0)
        memcpy(to, from.data, from.size);
    return slice_of(to, from.size);
}

// Later than any that was.
static uint64_t s_next_edition(const stream_t *self, uint64_t above, int64_t recv_us)
{
    uint64_t before = amendments_edition(self->amendments);
    uint64_t least = (above > before ? above : before) + 1;
    return (uint64_t) recv_us > least ? (uint64_t) recv_us : least;
}

bool stream_amend(stream_t *self, slice_t source, int64_t from_us, slice_t request, uint64_t above,
                  int64_t recv_us)
{
    assert(stream_plan_in_force(self) && source.size <= UINT8_MAX && request.size <= UINT8_MAX);
    if (self->amending.size > 0)
        return true; // one is on its way to the disk: the next after it
    record_t *record = &self->amending_record;
    *record = (record_t){ .kind = RECORD_RESET,
                          .source = s_keep(self->names, source),
                          .place = s_keep(self->names + UINT8_MAX, request) };
    if (amendments_count(self->amendments) == AMENDMENTS_MAX ||
        amendments_bytes(self->amendments) >= AMENDMENTS_BYTES_MAX ||
        !amendments_encode(self->plan, from_us, s_next_edition(self, above, recv_us),
                           self->first_seq, &self->amending) ||
        !s_begin_segment(self, recv_us) ||
        !(record->seq = stage_append(self->stage, RECORD_RESET, recv_us, source, request,
                                     buffer_slice(&self->amending)))) {
        buffer_destroy(&self->amending);
        return false;
    }
    record->recv_us = stage_recv_us(self->stage);
    return true;
}

const amendments_t *stream_amendments(const stream_t *self)
{
    return self->amendments;
}

bool stream_is_amending(const stream_t *self)
{
    return self->amending.size > 0;
}

// What was appended is durable. Without memory for it, the next sync tries again.
static void s_settle_amendment(stream_t *self)
{
    if (self->amending.size == 0)
        return;
    self->amending_record.payload = buffer_slice(&self->amending);
    if (amendments_note(self->amendments, &self->amending_record))
        buffer_destroy(&self->amending);
}

static uint64_t s_put(stream_t *self, record_kind_t kind, slice_t source, const place_t *place,
                      slice_t payload, int64_t recv_us)
{
    if (!s_begin_segment(self, recv_us))
        return 0;
    uint64_t seq = stage_append(self->stage, kind, recv_us, source,
                                slice_of(place->bytes, place->size), payload);
    if (seq) {
        self->count.records++;
        self->count.bytes += payload.size;
    }
    return seq;
}

uint64_t stream_put(stream_t *self, slice_t source, const place_t *place, slice_t payload,
                    int64_t recv_us)
{
    return s_put(self, RECORD_PAYLOAD, source, place, payload, recv_us);
}

uint64_t stream_put_torn(stream_t *self, slice_t source, slice_t payload, int64_t recv_us)
{
    static const place_t nowhere = { .size = 0 };
    return s_put(self, RECORD_TORN, source, &nowhere, payload, recv_us);
}

bool stream_gap(stream_t *self, slice_t source, const gap_t *gap, int64_t recv_us)
{
    return s_begin_segment(self, recv_us) && s_append_gap(self, source, gap, recv_us);
}

bool stream_tick(stream_t *self, bool collecting, int64_t mono_us, int64_t recv_us)
{
    int64_t since = mono_us - self->tick_mono_us;
    if (!stream_plan_in_force(self) || (self->tick_mono_us && since < STREAM_TICK_US))
        return true;
    if (!self->tick_mono_us)
        since = 0;
    // Not before what the log has: after a step back of the clock nobody was there any sooner.
    if (!self->tick_mono_us || recv_us - self->tick_recv_us > STREAM_BREAK_US)
        self->since_us =
            recv_us > stage_recv_us(self->stage) ? recv_us : stage_recv_us(self->stage);
    self->tick_mono_us = mono_us;
    self->tick_recv_us = recv_us;
    if (collecting)
        self->up_us += (uint64_t) (since < STREAM_TICK_COUNTED_US ? since : STREAM_TICK_COUNTED_US);
    uint8_t payload[TICK_BYTES];
    tick_encode(&(tick_t){ .up_us = self->up_us, .since_us = self->since_us }, payload);
    slice_t none = { 0 };
    return s_begin_segment(self, recv_us) && stage_append(self->stage, RECORD_TICK, recv_us, none,
                                                          none, slice_of(payload, sizeof payload));
}

int64_t stream_tick_due_us(const stream_t *self)
{
    return self->tick_mono_us + STREAM_TICK_US;
}

// ---- durability -----------------------------------------------------------------------------

size_t stream_pending(const stream_t *self)
{
    return stage_pending_bytes(self->stage);
}

bool stream_sync(stream_t *self, fault_t *fault)
{
    if (stage_pending_bytes(self->stage) > 0) {
        if (!stage_sync(self->stage, fault))
            return false;
        self->count.syncs++;
    }
    s_settle_amendment(self);
    return true;
}

uint64_t stream_durable(const stream_t *self)
{
    return stage_last_seq(self->stage);
}

uint64_t stream_damaged(const stream_t *self)
{
    return stage_damaged(self->stage);
}

uint64_t stream_first_seq(const stream_t *self)
{
    return self->first_seq;
}

void stream_forget(stream_t *self, uint64_t before_seq)
{
    assert(!stream_is_amending(self) && before_seq <= stream_durable(self));
    if (before_seq > self->first_seq)
        self->first_seq = before_seq;
}

stream_count_t stream_count(const stream_t *self)
{
    return self->count;
}
