/*  worker_streams -- what arrives, what is missing, what to answer: see worker.h. */
#include "actors/transform/worker.h"

#include "broker/runtime/life.h"
#include "broker/runtime/log.h"
#include <inttypes.h>

enum { ANSWER_WAIT_MS = 0 };
#define NO_MORE UINT64_MAX

static bool partitions_any(const partitions_t *set)
{
    for (size_t i = 0; i < sizeof set->bits; i++)
        if (set->bits[i])
            return true;
    return false;
}

// ---- applying ---------------------------------------------------------------------------------

// What the fold answers: nothing else makes it fail.
static bool tell_starved(worker_t *self, const worker_stream_t *stream, const char *what,
                         uint64_t seq, bool ok)
{
    uint64_t times;
    if (!ok && strangers_tell(&self->starved, stream->name, life_mono_us() / 1000, &times))
        log_event(LOG_ERROR,
                  "out of memory; the partitions it was for are read again, and again this record",
                  "stream=%s record=%s seq=%" PRIu64 " times=%" PRIu64, stream->name, what, seq,
                  times);
    return ok;
}

// Those of `ready` that have not taken record `seq` yet.
static partitions_t still_before(const worker_stream_t *stream, const partitions_t *ready,
                                 uint64_t seq)
{
    partitions_t before = { { 0 } };
    for (unsigned p = 0; p < PARTITIONS; p++)
        if (partitions_has(ready, p) && lane_in_position(stream->lane, p) < seq)
            partitions_add(&before, p);
    return before;
}

static bool apply_plan(worker_t *self, worker_stream_t *stream, const rows_plan_t *plan,
                       const partitions_t *ready)
{
    fault_t fault;
    ruleset_t *rules = worker_plans_follow(self->plans, plan->payload, &fault);
    if (!rules) {
        log_event(LOG_ERROR, "plan change cannot be followed; trying again",
                  "stream=%s seq=%llu reason=%s", stream->name, (unsigned long long) plan->seq,
                  log_quote(fault.text));
        return false;
    }
    partitions_t set = still_before(stream, ready, plan->seq);
    self->applying = stream;
    for (unsigned p = 0; p < PARTITIONS; p++)
        if (partitions_has(&set, p))
            self->holdings[p].plan_bytes += worker_plans_weight(self->plans, rules);
    return !partitions_any(&set) || tell_starved(self, stream, "plan", plan->seq,
                                                 fold_plan(self->fold, slice_text(stream->name),
                                                           &set, rules, plan->seq, life_wall_us()));
}

static bool apply_block(worker_t *self, worker_stream_t *stream, const rows_block_t *block,
                        const partitions_t *ready)
{
    rows_view_t view;
    fault_t fault;
    if (!rows_decode(&view, block->block, &fault) || view.seq != block->seq) {
        uint64_t times;
        if (strangers_tell(&self->bad_peers, stream->name, life_mono_us() / 1000, &times))
            log_event(LOG_ERROR, "malformed block refused",
                      "stream=%s seq=%llu reason=%s times=%" PRIu64, stream->name,
                      (unsigned long long) block->seq, log_quote(fault.text), times);
        return false;
    }
    partitions_t set = still_before(stream, ready, block->seq);
    self->applying = stream;
    return !partitions_any(&set) || tell_starved(self, stream, "rows", block->seq,
                                                 fold_rows(self->fold, slice_text(stream->name),
                                                           &view, &set, life_wall_us()));
}

static bool apply_tick(worker_t *self, worker_stream_t *stream, const rows_tick_t *tick,
                       const partitions_t *ready)
{
    const fold_tick_t told = { tick->seq, tick->recv_us, tick->since_us };
    partitions_t set = still_before(stream, ready, tick->seq);
    self->applying = stream;
    return tell_starved(
        self, stream, "tick", tick->seq,
        fold_tick(self->fold, slice_text(stream->name), &set, &told, life_wall_us()));
}

// Plans, ticks and blocks, merged in order of seq; each is of a record of its own.
static bool apply_parts(worker_t *self, worker_stream_t *stream, const message_rows_t *rows,
                        const partitions_t *ready)
{
    list_t plans = rows->plans, ticks = rows->ticks, blocks = rows->blocks;
    rows_plan_t plan;
    rows_tick_t tick;
    rows_block_t block;
    uint64_t plan_seq = rows_plan_next(&plans, &plan) ? plan.seq : NO_MORE;
    uint64_t tick_seq = rows_tick_next(&ticks, &tick) ? tick.seq : NO_MORE;
    uint64_t block_seq = rows_block_next(&blocks, &block) ? block.seq : NO_MORE;
    bool ok = true;
    while (ok && (plan_seq & tick_seq & block_seq) != NO_MORE) {
        if (plan_seq < tick_seq && plan_seq < block_seq) {
            ok = apply_plan(self, stream, &plan, ready);
            plan_seq = rows_plan_next(&plans, &plan) ? plan.seq : NO_MORE;
        } else if (tick_seq < block_seq) {
            ok = apply_tick(self, stream, &tick, ready);
            tick_seq = rows_tick_next(&ticks, &tick) ? tick.seq : NO_MORE;
        } else {
            ok = apply_block(self, stream, &block, ready);
            block_seq = rows_block_next(&blocks, &block) ? block.seq : NO_MORE;
        }
    }
    return ok;
}

// Half a message applied is a state that never was: those partitions start again from Redis.
static void apply(worker_t *self, worker_stream_t *stream, const message_rows_t *rows,
                  const lane_span_t *span, const partitions_t *ready)
{
    if (apply_parts(self, stream, rows, ready)) {
        lane_in_applied(stream->lane, span, ready);
        return;
    }
    self->dropped++;
    for (unsigned p = 0; p < PARTITIONS; p++)
        if (partitions_has(ready, p))
            worker_forget(self, p);
}

static void note_mark(worker_stream_t *stream, uint32_t lane, uint64_t mark)
{
    for (size_t i = 0; i < stream->mark_count; i++) {
        if (stream->marks[i].lane == lane) {
            if (mark > stream->marks[i].mark)
                stream->marks[i].mark = mark;
            return;
        }
    }
    if (stream->mark_count == WORKER_MARKS_MAX) {
        // Catch-up lanes end; the oldest number has ended first.
        size_t oldest = 0;
        for (size_t i = 1; i < stream->mark_count; i++)
            if (stream->marks[i].lane != LANE_LIVE &&
                (stream->marks[oldest].lane == LANE_LIVE ||
                 stream->marks[i].lane < stream->marks[oldest].lane))
                oldest = i;
        stream->marks[oldest] = stream->marks[--stream->mark_count];
    }
    stream->marks[stream->mark_count++] = (ack_mark_t){ .lane = lane, .mark = mark };
}

static void release_held(worker_t *self, worker_stream_t *stream, int64_t now_us)
{
    lane_span_t span;
    slice_t frame;
    while (lane_in_release(stream->lane, &span, &frame)) {
        message_rows_t rows;
        fault_t fault;
        if (!message_rows_decode(&rows, frame, &fault))
            continue; // cannot be: it was decoded before it was held
        partitions_t ready, early;
        lane_in_sort(stream->lane, &span, now_us, &ready, &early);
        apply(self, stream, &rows, &span, &ready);
        if (partitions_any(&early)) {
            span.partitions = early;
            (void) lane_in_hold(stream->lane, &span, frame); // no room: asked for again
        }
    }
}

static void tell_refused(worker_t *self, strangers_t *told, const char *message, const char *reason,
                         int64_t now_us)
{
    const char *peer = bus_peer(self->inbox);
    uint64_t times;
    if (strangers_tell(told, peer ? peer : "", now_us / 1000, &times))
        log_event(LOG_WARNING, message, "peer=%s reason=%s times=%" PRIu64, peer ? peer : "unknown",
                  log_quote(reason), times);
}

static void refuse_forged(worker_t *self, const char *reason, int64_t now_us)
{
    self->forged++;
    tell_refused(self, &self->forgers, "forged message refused", reason, now_us);
}

// The stream that it is of. NULL: it is late, or nothing says that a collector has sealed it for
// us.
static worker_stream_t *admit(worker_t *self, const message_rows_t *rows, int64_t now_us)
{
    worker_stream_t *stream = worker_stream_known(self, rows->stream);
    if (!stream && worker_stream_is_over(self, rows->stream))
        return NULL; // late, no harm
    if (!stream) {
        refuse_forged(self, "of a stream that nobody tells", now_us);
        return NULL;
    }
    switch (worker_judge_seal(self, stream, rows, now_us)) {
    case SEAL_FITS:
        return stream;
    case SEAL_UNKNOWN:
        self->dropped++; // asked for again
        break;
    case SEAL_FORGED:
        refuse_forged(self, "its seal is not its collector's", now_us);
        break;
    }
    return NULL;
}

void worker_take(worker_t *self, slice_t frame, int64_t now_us)
{
    message_rows_t rows;
    fault_t fault;
    if (!message_rows_decode(&rows, frame, &fault)) {
        self->malformed++;
        tell_refused(self, &self->bad_peers, "malformed message refused", fault.text, now_us);
        return;
    }
    worker_stream_t *stream = admit(self, &rows, now_us);
    if (!stream)
        return;
    self->messages++;
    self->bytes += frame.size;
    stream->unacked = true;
    if (rows.to == rows.last)
        note_mark(stream, rows.lane, rows.mark);
    lane_span_t span = { .from = rows.from, .to = rows.to };
    memcpy(span.partitions.bits, rows.partitions.data, sizeof span.partitions.bits);
    partitions_t ready, early;
    lane_in_sort(stream->lane, &span, now_us, &ready, &early);
    if (partitions_any(&ready))
        apply(self, stream, &rows, &span, &ready);
    if (partitions_any(&early)) {
        span.partitions = early;
        if (lane_in_hold(stream->lane, &span, frame))
            self->held++;
        else
            self->dropped++;
    }
    release_held(self, stream, now_us);
}

// ---- answering --------------------------------------------------------------------------------

static void send_answer(worker_stream_t *stream, buffer_t *frame)
{
    // Lost answers are repaired by the next one.
    if (stream->ack && !frame->failed)
        (void) bus_send(stream->ack, buffer_slice(frame), ANSWER_WAIT_MS);
    buffer_destroy(frame);
}

void worker_ask(worker_t *self, int64_t now_us)
{
    // One question for all of them: each makes the collector read its log once more.
    for (unsigned p = 0; p < PARTITIONS; p++)
        if (self->holdings[p].state == HOLDING_CLAIMED)
            return;
    for (size_t i = 0; i < self->stream_count; i++) {
        worker_stream_t *stream = &self->streams[i];
        partitions_t partitions;
        uint64_t from;
        if (!stream->ack || !lane_in_needs(stream->lane, now_us, self->unread, &partitions, &from))
            continue;
        message_need_t need = {
            .worker = slice_of(self->id.bytes, sizeof self->id.bytes),
            .endpoint = slice_text(bus_endpoint(self->inbox)),
            .stream = slice_text(stream->name),
            .from = from,
            .partitions = slice_of(partitions.bits, sizeof partitions.bits),
        };
        buffer_t frame = { 0 };
        message_need_encode(&need, &frame);
        self->asked++;
        send_answer(stream, &frame);
    }
}

void worker_answer(worker_t *self)
{
    for (size_t i = 0; i < self->stream_count; i++) {
        worker_stream_t *stream = &self->streams[i];
        if (stream->superseded)
            continue;
        uint64_t received = UINT64_MAX, durable = UINT64_MAX;
        for (unsigned p = 0; p < PARTITIONS; p++) {
            if (self->holdings[p].state != HOLDING_OURS)
                continue;
            uint64_t position = lane_in_position(stream->lane, p);
            received = position < received ? position : received;
            durable = stream->committed[p] < durable ? stream->committed[p] : durable;
        }
        buffer_t marks = { 0 };
        for (size_t m = 0; m < stream->mark_count; m++)
            ack_mark_encode(&stream->marks[m], &marks);
        message_ack_t ack = {
            .worker = slice_of(self->id.bytes, sizeof self->id.bytes),
            .endpoint = slice_text(bus_endpoint(self->inbox)),
            .stream = slice_text(stream->name),
            .received = received == UINT64_MAX ? 0 : received,
            .durable = durable == UINT64_MAX ? 0 : durable,
            .marks = { .count = (uint32_t) stream->mark_count, .bytes = buffer_slice(&marks) },
        };
        buffer_t frame = { 0 };
        message_ack_encode(&ack, &frame);
        send_answer(stream, &frame);
        buffer_destroy(&marks);
        stream->unacked = false;
    }
}
