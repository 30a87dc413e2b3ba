/*  worker_commit -- making it durable: see worker.h.
 *
 *  One batch at a time, the next as soon as the last has returned: no timer decides latency. A
 *  commit carries, for one partition, the alerts, the delta and the positions that belong
 *  together, names the commit it builds on and has a random id of its own. While it is under
 *  way rows are applied on; whatever the answer, memory is either exactly what Redis has plus
 *  what follows, or it is dropped and read again:
 *
 *      OK, DUP        the head is now ours
 *      STALE          Redis is elsewhere (rolled back): drop, claim and load again
 *      FENCED         another worker owns it: drop
 *      FULL           the outbox is full: drop, take nothing in for a while; what held alerts
 *                     alone is not dropped but sent again
 *      DOWN           nothing is known of any of them: drop all, claim again when it is back
 */
#include <assert.h>
#include <stdlib.h>

#include "actors/transform/worker.h"
#include "broker/runtime/fault_point.h"
#include "broker/runtime/life.h"
#include "broker/runtime/log.h"

enum {
    FULL_WAIT_US = 1000000,
    ALERT_BYTES_PER_BATCH = 8 << 20,
    ALERTS_PER_LOOK = 1024, // at the clock, while one record makes ever more of them
};

struct worker_commits {
    size_t count;           // 0 = none under way
    int64_t sent_us;        // when it was sent
    bool whole[PARTITIONS]; // with delta and positions, not only part of the alerts
    unsigned turn;          // the partition that comes first
    size_t alert_count, alert_bytes;
    store_alert_t alerts[WORKER_ALERTS_PER_BATCH];
    store_commit_t commits[PARTITIONS];
    store_offset_t offsets[PARTITIONS][WORKER_STREAMS_MAX];
    store_status_t status[PARTITIONS];
    int64_t idle_at_us[PARTITIONS];     // last commit
    uint64_t idle_at_bytes[PARTITIONS]; // what had been taken in then
};

worker_commits_t *worker_commits_new(void)
{
    return calloc(1, sizeof(worker_commits_t));
}

void worker_commits_destroy(worker_commits_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

// ---- gathering --------------------------------------------------------------------------------

void worker_alert(void *worker, unsigned partition, const alert_t *alert)
{
    worker_t *self = worker;
    holding_t *holding = &self->holdings[partition];
    worker_stream_t *stream = self->applying;
    if (++stream->made[partition] % ALERTS_PER_LOOK == 0)
        worker_renew_meanwhile(self);
    if (stream->made[partition] <= stream->sent[partition] || holding->cut)
        return;
    size_t before = holding->alerts.bytes.size;
    if (self->alert_bytes >= self->alert_bytes_max)
        holding->cut = true;
    else
        alert_queue_add(&holding->alerts, alert, stream->number);
    self->alert_bytes += holding->alerts.bytes.size - before;
}

size_t worker_uncommitted(const worker_t *self)
{
    return fold_uncommitted(self->fold) + self->alert_bytes;
}

bool worker_committing(const worker_t *self)
{
    return self->batch->count > 0;
}

// Positions that moved since the last commit of this partition.
static size_t gather_offsets(worker_t *self, unsigned partition, store_offset_t *offsets)
{
    size_t count = 0;
    for (size_t i = 0; i < self->stream_count; i++) {
        const worker_stream_t *stream = &self->streams[i];
        uint64_t position = lane_in_position(stream->lane, partition);
        if (!stream->superseded && position > stream->committed[partition])
            offsets[count++] =
                (store_offset_t){ .stream = slice_text(stream->name), .seq = position };
    }
    return count;
}

// Positions as they are, with how many alerts of later records are in the outbox once the first
// `count` that wait are.
static size_t gather_sent(worker_t *self, unsigned partition, size_t count, store_offset_t *offsets)
{
    size_t streams = 0;
    for (size_t i = 0; i < self->stream_count; i++) {
        const worker_stream_t *stream = &self->streams[i];
        size_t more = alert_queue_count(&self->holdings[partition].alerts, count, stream->number);
        if (more > 0 && !stream->superseded)
            offsets[streams++] = (store_offset_t){ .stream = slice_text(stream->name),
                                                   .seq = stream->committed[partition],
                                                   .sent = stream->sent[partition] + more };
    }
    return streams;
}

// Alerts that do not fit go first, in commits that move no position and carry no delta, but say
// how many alerts after it are in the outbox: their order is a function of the log, so whoever
// reads the partition after a crash knows which they are. Delta and positions follow with the
// last of them. False: out of memory.
static bool add_commit(worker_t *self, unsigned partition, size_t offset_count)
{
    worker_commits_t *batch = self->batch;
    holding_t *holding = &self->holdings[partition];
    store_alert_t *alerts = &batch->alerts[batch->alert_count];
    store_offset_t *offsets = batch->offsets[batch->count];
    size_t waiting = alert_queue_waiting(&holding->alerts), count = 0;
    if (waiting > 0 && batch->alert_bytes < ALERT_BYTES_PER_BATCH)
        count = alert_queue_front(&holding->alerts, alerts,
                                  worker_limits.alerts_per_batch - batch->alert_count,
                                  ALERT_BYTES_PER_BATCH - batch->alert_bytes);
    bool whole = count == waiting && !holding->cut;
    if (!whole)
        batch->turn = (partition + 1) % PARTITIONS; // whose turn it was not, goes first
    if (!whole && count == 0)
        return true; // in the next batch
    slice_t delta = { 0 };
    if (whole && !fold_delta(self->fold, partition, &delta))
        return false;
    batch->alert_count += count;
    for (size_t i = 0; i < count; i++)
        batch->alert_bytes += alerts[i].id.size + alerts[i].topic.size + alerts[i].body.size;
    batch->whole[batch->count] = whole;
    store_commit_t *commit = &batch->commits[batch->count];
    *commit = (store_commit_t){
        .partition = partition,
        .token = holding->token,
        .previous = holding->head,
        .delta = delta,
        .offsets = offsets,
        .offset_count = whole ? offset_count : gather_sent(self, partition, count, offsets),
        .alerts = alerts,
        .alert_count = count,
    };
    life_random(&commit->mine, sizeof commit->mine);
    batch->count++;
    if (whole)
        worker_base_make(self, commit);
    return true;
}

static void drop_alerts(worker_t *self, unsigned partition, size_t count)
{
    alert_queue_t *alerts = &self->holdings[partition].alerts;
    self->alert_bytes -= alerts->bytes.size;
    alert_queue_drop(alerts, count);
    self->alert_bytes += alerts->bytes.size;
}

static void sent(worker_t *self)
{
    worker_commits_t *batch = self->batch;
    int64_t now_us = life_mono_us();
    for (size_t i = 0; i < batch->count; i++) {
        store_commit_t *commit = &batch->commits[i];
        unsigned partition = commit->partition;
        holding_t *holding = &self->holdings[partition];
        holding->journal_bytes += commit->delta.size;
        holding->journal_count += commit->delta.size > 0;
        if (batch->whole[i]) {
            fold_delta_reset(self->fold, partition);
            drop_alerts(self, partition, commit->alert_count);
            for (size_t o = 0; o < commit->offset_count; o++) {
                worker_stream_t *stream = worker_stream(self, commit->offsets[o].stream);
                stream->sent[partition] = stream->made[partition] = 0;
            }
        }
        batch->idle_at_us[partition] = now_us;
        batch->idle_at_bytes[partition] = self->bytes;
        // The bytes are Redis' now; only positions are needed for the answer.
        commit->delta = slice_of(NULL, 0);
        commit->alerts = NULL;
    }
    batch->alert_count = batch->alert_bytes = 0;
    batch->sent_us = now_us;
}

static void down(worker_t *self)
{
    log_event(LOG_WARNING, "Redis is away: partitions dropped, to be read again when it is back",
              "reason=%s", log_quote(store_error(self->commits)));
    self->batch->count = self->batch->alert_count = self->batch->alert_bytes = 0;
    worker_forget_all(self);
}

static bool is_idle_for_long(const worker_t *self, unsigned partition, int64_t now_us)
{
    return now_us - self->batch->idle_at_us[partition] > worker_limits.idle_commit_us ||
           self->bytes - self->batch->idle_at_bytes[partition] > WORKER_IDLE_COMMIT_BYTES;
}

static void add_partition(worker_t *self, unsigned partition, int64_t now_us)
{
    worker_commits_t *batch = self->batch;
    holding_t *holding = &self->holdings[partition];
    if (holding->state != HOLDING_OURS && holding->state != HOLDING_LEAVING)
        return;
    bool waiting = alert_queue_waiting(&holding->alerts) > 0;
    if (waiting && now_us < self->full_until_us)
        return;
    if (holding->cut && !waiting) {
        log_event(LOG_INFO, "more alerts of a record than may wait in memory: made again",
                  "partition=%u", partition);
        worker_forget(self, partition);
        return;
    }
    size_t offsets = gather_offsets(self, partition, batch->offsets[batch->count]);
    bool dirty = fold_changed(self->fold, partition) || waiting;
    bool idle = offsets > 0 &&
                (holding->state == HOLDING_LEAVING || is_idle_for_long(self, partition, now_us));
    if (!dirty && !idle)
        return;
    if (holding->alerts.failed || !add_commit(self, partition, offsets)) {
        log_event(LOG_ERROR, "out of memory: partition starts again from Redis", "partition=%u",
                  partition);
        worker_forget(self, partition);
    }
}

void worker_commit(worker_t *self)
{
    worker_commits_t *batch = self->batch;
    assert(batch->count == 0);
    int64_t now_us = life_mono_us();
    for (unsigned i = 0, first = batch->turn; i < PARTITIONS; i++)
        add_partition(self, (first + i) % PARTITIONS, now_us);
    if (batch->count == 0)
        return;
    FAULT_POINT("commit.gathered");
    if (store_commit_send(self->commits, batch->commits, batch->count) != STORE_OK) {
        down(self);
        return;
    }
    FAULT_POINT("commit.sent");
    sent(self);
}

// ---- answers ----------------------------------------------------------------------------------

static void committed(worker_t *self, const store_commit_t *commit, bool whole)
{
    unsigned partition = commit->partition;
    self->holdings[partition].head = commit->mine;
    worker_base_taken(self, commit);
    self->commits_done++;
    self->committed_us = life_mono_us();
    if (!whole)
        drop_alerts(self, partition, commit->alert_count);
    for (size_t o = 0; o < commit->offset_count; o++) {
        worker_stream_t *stream = worker_stream(self, commit->offsets[o].stream);
        if (!stream)
            continue;
        stream->committed[partition] = commit->offsets[o].seq;
        if (!whole)
            stream->sent[partition] = commit->offsets[o].sent;
    }
}

static void settle(worker_t *self, const store_commit_t *commit, bool whole, store_status_t status,
                   int64_t now_us)
{
    unsigned partition = commit->partition;
    holding_t *holding = &self->holdings[partition];
    bool same = holding->state != HOLDING_NONE &&
                memcmp(&holding->token, &commit->token, sizeof commit->token) == 0 &&
                memcmp(&holding->head, &commit->previous, sizeof commit->previous) == 0;
    if (!same)
        return; // dropped meanwhile
    switch (status) {
    case STORE_OK:
    case STORE_DUP:
        committed(self, commit, whole);
        return;
    case STORE_STALE:
        self->stale++;
        break;
    case STORE_FENCED:
        self->fenced++;
        break;
    case STORE_FULL:
        self->full_until_us = now_us + FULL_WAIT_US;
        log_event(LOG_WARNING, "outbox is full: waiting for the notifier", "partition=%u",
                  partition);
        if (!whole)
            return;
        break;
    case STORE_DOWN:
        break;
    case STORE_REFUSED:
        log_event(LOG_ERROR, "commit refused by Redis", "partition=%u reason=%s", partition,
                  log_quote(store_error(self->commits)));
        break;
    }
    worker_forget(self, partition);
}

// Nothing of it is on the way, and nothing is left to be sent.
static bool is_left(worker_t *self, unsigned partition)
{
    const holding_t *holding = &self->holdings[partition];
    store_offset_t offsets[WORKER_STREAMS_MAX];
    return holding->state == HOLDING_RETURNED ||
           (holding->state == HOLDING_LEAVING && !fold_changed(self->fold, partition) &&
            alert_queue_waiting(&holding->alerts) == 0 &&
            gather_offsets(self, partition, offsets) == 0);
}

static void release_left(worker_t *self)
{
    partitions_t left = { { 0 } };
    store_id_t tokens[PARTITIONS];
    bool any = false;
    for (unsigned p = 0; p < PARTITIONS; p++) {
        if (!is_left(self, p))
            continue;
        any = true;
        partitions_add(&left, p);
        tokens[p] = self->holdings[p].token;
        worker_forget(self, p);
    }
    if (!any)
        return;
    FAULT_POINT("partition.left");
    (void) store_release_all(self->store, tokens, &left); // else their leases run out
}

void worker_commit_watch(worker_t *self, int64_t now_us)
{
    if (self->batch->count == 0 || now_us - self->batch->sent_us < STORE_TIMEOUT_MS * INT64_C(1000))
        return;
    store_give_up(self->commits);
    worker_commit_settle(self, now_us);
}

void worker_commit_settle(worker_t *self, int64_t now_us)
{
    worker_commits_t *batch = self->batch;
    if (batch->count > 0) {
        if (store_commit_take(self->commits, batch->status, batch->count) != STORE_OK) {
            down(self);
            return;
        }
        FAULT_POINT("commit.answered");
        for (size_t i = 0; i < batch->count; i++)
            settle(self, &batch->commits[i], batch->whole[i], batch->status[i], now_us);
        batch->count = 0;
    }
    worker_swap_bases(self); // before the next commit
    release_left(self);
}
