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
#include "broker/runtime/fault_point.h"
#include "broker/runtime/life.h"
#include "broker/runtime/log.h"

enum {
    SETTLE_US = 1500000, // in which everybody beats once
    RENEW_US = 1000000,  // how often leases are renewed
    STRANGERS_MAX = 3,   // in a row: see list_worker
};

size_t worker_held(const worker_t *self)
{
    size_t count = 0;
    for (unsigned p = 0; p < PARTITIONS; p++)
        count += self->holdings[p].state == HOLDING_OURS;
    return count;
}

bool worker_has_nothing(const worker_t *self)
{
    for (unsigned p = 0; p < PARTITIONS; p++)
        if (self->holdings[p].state != HOLDING_NONE)
            return false;
    return true;
}

void worker_leave(worker_t *self, unsigned partition)
{
    switch (self->holdings[partition].state) {
    case HOLDING_NONE:
    case HOLDING_LEAVING:
    case HOLDING_RETURNED:
        return;
    case HOLDING_CLAIMED:
        self->holdings[partition].state = HOLDING_RETURNED;
        return;
    case HOLDING_OURS:
        for (size_t i = 0; i < self->stream_count; i++)
            lane_in_drop(self->streams[i].lane, partition);
        self->holdings[partition].state = HOLDING_LEAVING;
        return;
    }
}

void worker_forget(worker_t *self, unsigned partition)
{
    holding_t *holding = &self->holdings[partition];
    if (holding->state == HOLDING_NONE)
        return;
    fold_drop(self->fold, partition);
    for (size_t i = 0; i < self->stream_count; i++) {
        lane_in_drop(self->streams[i].lane, partition);
        worker_stream_t *stream = &self->streams[i];
        stream->committed[partition] = stream->sent[partition] = stream->made[partition] = 0;
    }
    self->alert_bytes -= holding->alerts.bytes.size;
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
        uint64_t seq, sent;
    } offsets[WORKER_STREAMS_MAX];
} loading_t;

static void load_offset(void *context, const store_offset_t *offset)
{
    loading_t *loading = context;
    if (worker_stream_is_over(loading->worker, offset->stream))
        return;
    bool no_place;
    worker_stream_t *known = worker_stream_of_past(loading->worker, offset->stream, &no_place);
    if (no_place)
        return; // nobody tells it, or it is ignored: its position stays in Redis as it is
    if (!known || loading->offset_count == WORKER_STREAMS_MAX) {
        loading->failed = true;
        fault_set(&loading->fault, "out of memory, or a stream with a name that no stream has");
        return;
    }
    loading->offsets[loading->offset_count].stream = known;
    loading->offsets[loading->offset_count].seq = offset->seq;
    loading->offsets[loading->offset_count++].sent = offset->sent;
}

// A fold_find_plan_t.
static ruleset_t *load_plan(void *context, plan_hash_t hash)
{
    loading_t *loading = context;
    ruleset_t *rules = worker_plans_find(loading->worker->plans, hash);
    if (rules)
        loading->worker->holdings[loading->partition].plan_bytes +=
            worker_plans_weight(loading->worker->plans, rules);
    return rules;
}

static bool load_state(void *context, slice_t encoded)
{
    loading_t *loading = context;
    if (!loading->failed && !fold_load(loading->worker->fold, loading->partition, encoded,
                                       load_plan, loading, &loading->fault))
        loading->failed = true;
    return !loading->failed;
}

// Its own plans are read with every base, so another would not spare them.
static bool load_base(void *context, slice_t encoded)
{
    loading_t *loading = context;
    bool ok = load_state(context, encoded);
    loading->worker->holdings[loading->partition].plan_bytes = 0;
    return ok;
}

// Take a claimed partition into service. Not OK: nothing is left of it in memory.
static store_status_t load_partition(worker_t *self, unsigned partition, int64_t now_us,
                                     fault_t *fault)
{
    holding_t *holding = &self->holdings[partition];
    loading_t loading = { .worker = self, .partition = partition };
    const store_load_t load = { load_offset, load_base, load_state };
    fold_own(self->fold, partition);
    store_status_t status =
        store_load(self->store, partition, &load, &loading, &holding->head, &holding->base_bytes,
                   &holding->journal_bytes, &holding->journal_count);
    if (status != STORE_OK || loading.failed) {
        fault_set(fault, "%s", loading.failed ? loading.fault.text : store_error(self->store));
        worker_forget(self, partition);
        return status == STORE_OK ? STORE_REFUSED : status;
    }
    holding->state = HOLDING_OURS;
    for (size_t i = 0; i < self->stream_count; i++) {
        worker_stream_t *stream = &self->streams[i];
        if (stream->superseded)
            continue;
        // Its state may be of before a replay that we know of.
        if (!fold_supersede(self->fold, partition, slice_text(stream->name))) {
            fault_set(fault, "out of memory");
            worker_forget(self, partition);
            return STORE_REFUSED;
        }
        uint64_t seq = 0;
        for (size_t o = 0; o < loading.offset_count; o++) {
            if (loading.offsets[o].stream == stream) {
                seq = loading.offsets[o].seq;
                stream->sent[partition] = loading.offsets[o].sent;
            }
        }
        stream->committed[partition] = seq;
        lane_in_own(stream->lane, partition, seq, now_us);
    }
    return STORE_OK;
}

// In turns, so that leases are renewed and rows of other partitions flow meanwhile. What cannot
// be read is given back and claimed again with the next look around.
bool worker_load(worker_t *self)
{
    int64_t until_us = life_mono_us() + WORKER_LOAD_US;
    size_t loaded = 0, failed = 0;
    bool away = false, all = true;
    fault_t fault = { 0 };
    for (unsigned p = 0; p < PARTITIONS; p++) {
        if (self->holdings[p].state != HOLDING_CLAIMED)
            continue;
        if (life_mono_us() > until_us) {
            all = false;
            break;
        }
        store_id_t token = self->holdings[p].token;
        store_status_t status = STORE_DOWN;
        if (away)
            worker_forget(self, p);
        else
            status = load_partition(self, p, life_mono_us(), &fault);
        FAULT_POINT("partition.loaded");
        away = status == STORE_DOWN;
        loaded += status == STORE_OK;
        failed += status != STORE_OK;
        if (status != STORE_OK && status != STORE_DOWN)
            (void) store_release(self->store, p, token); // else its lease runs out
    }
    if (failed > 0)
        log_event(LOG_ERROR, "cannot load partitions", "count=%zu reason=%s", failed,
                  log_quote(fault.text));
    if (loaded > 0 && all)
        log_event(LOG_INFO, "partitions", "owned=%zu workers=%zu", worker_held(self),
                  self->roster.count);
    return all;
}

// ---- claiming ---------------------------------------------------------------------------------

// False: no room.
static bool roster_add(worker_roster_t *roster, const char *name)
{
    for (size_t i = 0; i < roster->count; i++)
        if (strcmp(roster->names[i], name) == 0)
            return true;
    if (roster->count == LANE_WORKERS_MAX)
        return false;
    snprintf(roster->names[roster->count++], sizeof roster->names[0], "%s", name);
    return true;
}

// Messages have room for so many workers. Who comes behind them, by name, owns nothing.
static void note_spare(worker_t *self, bool spare)
{
    if (spare && !self->spare)
        log_event(
            LOG_WARNING,
            "this worker owns nothing, for as many run as can: it takes the place of one that "
            "ends; else stop it",
            "most=%d", LANE_WORKERS_MAX);
    self->spare = spare;
}

void worker_listed(worker_t *self)
{
    self->listed_epoch = store_epoch(self->store);
}

// The registry knows one process of a name, the one that beat last. If that is another than us
// although we have beaten, and again each time that we have beaten once more, it was started after
// us: it claims what we hold, for ever. Before we have beaten on this connection it may be our
// former life, in a Redis that came back older, however often it does; and so may it be without any
// end of the connection, if something between Redis and us keeps it: twice, when Redis came back
// older twice (seeds 333 and 800 of the simulator).
static void list_worker(void *context, const store_actor_t *actor)
{
    worker_t *self = context;
    const char *id = store_actor_field(actor, "id");
    if (strcmp(actor->name, self->name) == 0) {
        bool told = self->listed_epoch == store_epoch(self->store);
        bool other = told && id && strcmp(id, self->id_text) != 0;
        self->strangers = other ? self->strangers + 1 : 0;
        self->replaced = self->strangers >= STRANGERS_MAX;
    }
    (void) roster_add(&self->roster, actor->name);
}

bool worker_look_around(worker_t *self, int64_t now_us)
{
    worker_roster_t before = self->roster;
    self->roster.count = 0;
    if (store_actors(self->store, "transform", list_worker, self) != STORE_OK) {
        self->roster = before;
        return false;
    }
    note_spare(self, !roster_add(&self->roster, self->name));
    if (self->epoch != store_epoch(self->store)) {
        self->before = before;
        self->settle_until_us = now_us + SETTLE_US;
    }
    self->epoch = store_epoch(self->store);
    for (size_t i = 0; now_us < self->settle_until_us && i < self->before.count; i++)
        (void) roster_add(&self->roster, self->before.names[i]);
    return true;
}

// Hand over what should be another's; what should be ours and is free.
static partitions_t compare_wishes(worker_t *self, char owners[PARTITIONS][64])
{
    const char *names[LANE_WORKERS_MAX];
    for (size_t i = 0; i < self->roster.count; i++)
        names[i] = self->roster.names[i];
    ownership_t wishes = ownership_of(names, self->roster.count);
    partitions_t wanted = { { 0 } };
    for (unsigned p = 0; p < PARTITIONS; p++) {
        const char *wish = names[wishes.worker[p]];
        bool mine = strcmp(wish, self->name) == 0;
        bool free_for_us = owners[p][0] == '\0' || strcmp(owners[p], self->name) == 0;
        if (!mine)
            worker_leave(self, p);
        else if (self->holdings[p].state == HOLDING_NONE && free_for_us)
            partitions_add(&wanted, p);
    }
    return wanted;
}

void worker_claim(worker_t *self)
{
    char owners[PARTITIONS][64];
    store_id_t tokens[PARTITIONS];
    if (store_owners(self->store, owners) != STORE_OK)
        return;
    partitions_t wanted = compare_wishes(self, owners);
    if (store_claim_all(self->store, self->name, WORKER_LEASE_MS, tokens, &wanted) != STORE_OK)
        return;
    FAULT_POINT("partition.claimed");
    for (unsigned p = 0; p < PARTITIONS; p++)
        if (partitions_has(&wanted, p))
            self->holdings[p] = (holding_t){ .state = HOLDING_CLAIMED, .token = tokens[p] };
}

// *held: those that are still ours.
static bool renew(worker_t *self, partitions_t *held)
{
    store_id_t tokens[PARTITIONS];
    *held = (partitions_t){ { 0 } };
    for (unsigned p = 0; p < PARTITIONS; p++) {
        if (self->holdings[p].state == HOLDING_NONE)
            continue;
        partitions_add(held, p);
        tokens[p] = self->holdings[p].token;
    }
    self->renewed_us = life_mono_us();
    return store_renew(self->store, WORKER_LEASE_MS, tokens, held) == STORE_OK;
}

void worker_renew_meanwhile(worker_t *self)
{
    partitions_t held;
    if (life_mono_us() - self->renewed_us >= RENEW_US)
        (void) renew(self, &held); // what is lost, the next renewal or commit finds out
}

void worker_renew(worker_t *self)
{
    partitions_t held;
    if (!renew(self, &held))
        return; // if we are too late for good, the next commit is fenced
    size_t lost = 0;
    for (unsigned p = 0; p < PARTITIONS; p++) {
        if (self->holdings[p].state == HOLDING_NONE || partitions_has(&held, p))
            continue;
        lost++;
        worker_forget(self, p);
    }
    self->fenced += lost;
    if (lost > 0)
        log_event(LOG_WARNING, "partitions lost to another worker", "count=%zu", lost);
}
