/*  worker_claims -- taking partitions, handing them over, losing them: see worker.h.
 *
 *  Who should own what is a wish that every worker computes alike (broker/ownership.h). A
 *  partition is taken only when nobody holds a lease on it; the lease is for liveness, the
 *  token that the claim returns is what makes commits safe.
 */
#include <stdio.h>
#include <stdlib.h>

#include "actors/transform/worker.h"
#include "broker/ownership.h"
#include "broker/runtime/life.h"
#include "broker/runtime/log.h"

enum { WORKERS_MAX = LANE_WORKERS_MAX };

size_t worker_held(const worker_t *self)
{
    size_t count = 0;
    for (unsigned p = 0; p < PARTITIONS; p++)
        count += self->holdings[p].state == HOLDING_OURS;
    return count;
}

void worker_forget(worker_t *self, unsigned partition)
{
    holding_t *holding = &self->holdings[partition];
    if (holding->state == HOLDING_NONE)
        return;
    fold_drop(self->fold, partition);
    for (size_t i = 0; i < self->stream_count; i++) {
        lane_in_drop(self->streams[i].lane, partition);
        self->streams[i].committed[partition] = 0;
    }
    alert_queue_destroy(&holding->alerts);
    *holding = (holding_t){ .state = HOLDING_NONE };
}

void worker_forget_all(worker_t *self)
{
    for (unsigned p = 0; p < PARTITIONS; p++)
        worker_forget(self, p);
}

// ---- loading what Redis holds of a partition --------------------------------------------------

typedef struct {
    worker_t *worker;
    unsigned partition;
    fault_t fault;
    bool failed;
    size_t offset_count;
    struct {
        worker_stream_t *stream;
        uint64_t seq;
    } offsets[WORKER_STREAMS_MAX];
} loading_t;

static void load_offset(void *context, slice_t stream, uint64_t seq)
{
    loading_t *loading = context;
    worker_stream_t *known = worker_stream(loading->worker, stream);
    if (!known || loading->offset_count == WORKER_STREAMS_MAX) {
        loading->failed = true;
        fault_set(&loading->fault, "more than %d streams", WORKER_STREAMS_MAX);
        return;
    }
    loading->offsets[loading->offset_count].stream = known;
    loading->offsets[loading->offset_count++].seq = seq;
}

static bool load_state(void *context, slice_t encoded)
{
    loading_t *loading = context;
    if (!loading->failed && !fold_load(loading->worker->fold, loading->partition, encoded,
                                       worker_plans_find, loading->worker->plans, &loading->fault))
        loading->failed = true;
    return !loading->failed;
}

static bool load_partition(worker_t *self, unsigned partition, int64_t now_us)
{
    holding_t *holding = &self->holdings[partition];
    loading_t loading = { .worker = self, .partition = partition };
    const store_load_t load = { load_offset, load_state, load_state };
    fold_own(self->fold, partition);
    store_status_t status =
        store_load(self->store, partition, &load, &loading, &holding->head, &holding->base_bytes,
                   &holding->journal_bytes, &holding->journal_count);
    if (status != STORE_OK || loading.failed) {
        log_event(LOG_ERROR, "cannot load a partition", "partition=%u reason=%s", partition,
                  log_quote(loading.failed ? loading.fault.text : store_error(self->store)));
        return false;
    }
    holding->state = HOLDING_OURS;
    for (size_t i = 0; i < self->stream_count; i++) {
        worker_stream_t *stream = &self->streams[i];
        uint64_t seq = 0;
        for (size_t o = 0; o < loading.offset_count; o++)
            if (loading.offsets[o].stream == stream)
                seq = loading.offsets[o].seq;
        stream->committed[partition] = seq;
        lane_in_own(stream->lane, partition, seq, now_us);
    }
    return true;
}

// ---- claiming ---------------------------------------------------------------------------------

typedef struct {
    size_t count;
    char names[WORKERS_MAX][64];
} roster_t;

static void list_worker(void *context, const store_actor_t *actor)
{
    roster_t *roster = context;
    if (roster->count < WORKERS_MAX)
        snprintf(roster->names[roster->count++], sizeof roster->names[0], "%s", actor->name);
}

static bool claim_partition(worker_t *self, unsigned partition, int64_t now_us)
{
    holding_t *holding = &self->holdings[partition];
    store_status_t status =
        store_claim(self->store, partition, self->name, WORKER_LEASE_MS, &holding->token);
    if (status != STORE_OK)
        return status != STORE_DOWN;
    if (!load_partition(self, partition, now_us)) {
        store_id_t token = holding->token;
        holding->state = HOLDING_OURS; // so that forgetting clears what was loaded
        worker_forget(self, partition);
        (void) store_release(self->store, partition, token);
    }
    return true;
}

void worker_claim(worker_t *self, int64_t now_us)
{
    roster_t roster = { 0 };
    static char owners[PARTITIONS][64];
    if (store_actors(self->store, "transform", list_worker, &roster) != STORE_OK ||
        store_owners(self->store, owners) != STORE_OK || roster.count == 0)
        return;
    const char *names[WORKERS_MAX];
    for (size_t i = 0; i < roster.count; i++)
        names[i] = roster.names[i];
    size_t before = worker_held(self);
    for (unsigned p = 0; p < PARTITIONS; p++) {
        holding_t *holding = &self->holdings[p];
        const char *wanted = names[ownership_owner(p, names, roster.count)];
        bool mine = !self->draining && strcmp(wanted, self->name) == 0;
        if (holding->state == HOLDING_OURS && !mine) {
            for (size_t i = 0; i < self->stream_count; i++)
                lane_in_drop(self->streams[i].lane, p);
            holding->state = HOLDING_LEAVING;
        } else if (holding->state == HOLDING_NONE && mine &&
                   (owners[p][0] == '\0' || strcmp(owners[p], self->name) == 0)) {
            if (!claim_partition(self, p, now_us))
                return; // Redis went away
        }
    }
    if (worker_held(self) != before)
        log_event(LOG_INFO, "partitions", "owned=%zu workers=%zu", worker_held(self), roster.count);
}

void worker_renew(worker_t *self)
{
    partitions_t held = { { 0 } };
    store_id_t tokens[PARTITIONS];
    for (unsigned p = 0; p < PARTITIONS; p++) {
        if (self->holdings[p].state == HOLDING_NONE)
            continue;
        partitions_add(&held, p);
        tokens[p] = self->holdings[p].token;
    }
    if (store_renew(self->store, self->name, WORKER_LEASE_MS, tokens, &held) != STORE_OK)
        return; // if we are too late for good, the next commit is fenced
    for (unsigned p = 0; p < PARTITIONS; p++) {
        if (self->holdings[p].state == HOLDING_NONE || partitions_has(&held, p))
            continue;
        log_event(LOG_WARNING, "partition lost to another worker", "partition=%u", p);
        self->fenced++;
        worker_forget(self, p);
    }
}
