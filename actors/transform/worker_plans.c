/*  worker_plans -- compiled plans by hash: see worker.h.
 *
 *  A plan is content-addressed. Its text comes from the control record itself (a snapshot, or a
 *  difference from a plan we know), or from Redis, where the collector put it before it staged
 *  the record. Few plans are in force at a time, but journals name those before them, for each
 *  partition in turn: so as many are kept as have room, and the oldest goes first.
 */
#include <stdlib.h>

#include "actors/transform/worker.h"
#include "broker/runtime/log.h"
#include "proto/owned.h"

enum {
    PLANS_MAX = 256,
    PLANS_LEAST = 4,             // of any size
    PLANS_BYTES_MAX = 512 << 20, // of the others, as reckoned
    COMPILED_SHARE = 8,          // bytes of memory for one of text
    WEIGHT_SHARE = 8,            // bytes of text for one of a journal
    HASH_TEXT = 2 * sizeof(plan_hash_t) + 1,
};

typedef struct {
    plan_hash_t hash;
    plan_t *text;
    ruleset_t *rules;
    uint64_t used; // turn of last use
} known_t;

struct worker_plans {
    store_t *store;
    uint64_t turn;
    size_t bytes; // of all, as reckoned
    size_t count;
    known_t known[PLANS_MAX];
};

worker_plans_t *worker_plans_new(store_t *store)
{
    worker_plans_t *self = calloc(1, sizeof *self);
    if (self)
        self->store = store;
    return self;
}

static void known_clear(known_t *known)
{
    plan_destroy(&known->text);
    ruleset_destroy(&known->rules);
}

void worker_plans_destroy(worker_plans_t **self_p)
{
    worker_plans_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        known_clear(&self->known[i]);
    free(self);
    *self_p = NULL;
}

static known_t *known_find(worker_plans_t *self, plan_hash_t hash)
{
    for (size_t i = 0; i < self->count; i++) {
        if (memcmp(&self->known[i].hash, &hash, sizeof hash) == 0) {
            self->known[i].used = ++self->turn;
            return &self->known[i];
        }
    }
    return NULL;
}

static size_t room_for(const plan_t *text)
{
    return COMPILED_SHARE * plan_bytes(text);
}

// The fold holds references of its own.
static void forget_oldest(worker_plans_t *self)
{
    size_t oldest = 0;
    for (size_t i = 1; i < self->count; i++)
        if (self->known[i].used < self->known[oldest].used)
            oldest = i;
    self->bytes -= room_for(self->known[oldest].text);
    known_clear(&self->known[oldest]);
    self->known[oldest] = self->known[--self->count];
}

// The collector leaves out what does not compile, and says so. So this did compile there, or in the
// build that staged it: nobody else would tell that it is judged by no one now.
static void is_not_understood(void *context, plan_kind_t kind, const char *name,
                              const fault_t *fault)
{
    static const char *const kinds[] = { [PLAN_SOURCE] = "source",
                                         [PLAN_DERIVE] = "column",
                                         [PLAN_RULE] = "rule",
                                         [PLAN_LIMIT] = "limit" };
    (void) context;
    if (!fault_is_no_memory(fault)) // else the plan is tried again
        log_event(LOG_ERROR, "this build does not understand what the plan in force has: left out",
                  "%s=%s reason=%s next=\"are all actors of one version?\"", kinds[kind],
                  log_quote(name), log_quote(fault->text));
}

// Compile and remember a plan; takes `text` over.
static known_t *known_add(worker_plans_t *self, plan_t *text)
{
    known_t fresh = { .hash = plan_hash(text), .text = text, .used = ++self->turn };
    fresh.rules = ruleset_new(text, is_not_understood, NULL);
    if (!fresh.rules) {
        known_clear(&fresh);
        return NULL;
    }
    while (self->count == PLANS_MAX ||
           (self->count >= PLANS_LEAST && self->bytes + room_for(text) > PLANS_BYTES_MAX))
        forget_oldest(self);
    self->bytes += room_for(text);
    self->known[self->count] = fresh;
    return &self->known[self->count++];
}

static void fetched(void *context, slice_t bytes)
{
    buffer_append(context, bytes.data, bytes.size);
}

static void print_hash(plan_hash_t hash, char text[HASH_TEXT])
{
    for (size_t i = 0; i < sizeof hash.bytes; i++)
        snprintf(text + 2 * i, 3, "%02x", hash.bytes[i]);
}

static plan_t *fetch(worker_plans_t *self, plan_hash_t hash, bool whole);

// A copy of what a change builds on. Redis holds changes of snapshots only.
static plan_t *fetch_base(worker_plans_t *self, const plan_change_t *change, bool whole)
{
    known_t *known = change->snapshot ? NULL : known_find(self, change->from);
    if (change->snapshot)
        return plan_new();
    if (known)
        return plan_copy(known->text);
    return whole ? NULL : fetch(self, change->from, true);
}

// The text of a plan in Redis, which may be told as what changed since another there. NULL: it is
// not there, somebody wrote something else under its name, or no memory.
static plan_t *fetch(worker_plans_t *self, plan_hash_t hash, bool whole)
{
    char text[HASH_TEXT];
    print_hash(hash, text);
    owned(buffer_destroy) buffer_t bytes = { 0 };
    plan_change_t change;
    fault_t fault;
    if (store_plan_get(self->store, text, fetched, &bytes) != STORE_OK || bytes.failed ||
        !plan_peek(&change, buffer_slice(&bytes), &fault) ||
        memcmp(&change.to, &hash, sizeof hash) != 0)
        return NULL;
    owned(plan_destroy) plan_t *plan = fetch_base(self, &change, whole);
    if (!plan || !plan_apply(plan, buffer_slice(&bytes), &fault))
        return NULL;
    plan_t *given = plan;
    plan = NULL;
    return given;
}

static known_t *known_fetch(worker_plans_t *self, plan_hash_t hash)
{
    plan_t *plan = fetch(self, hash, false);
    return plan ? known_add(self, plan) : NULL;
}

ruleset_t *worker_plans_find(void *plans, plan_hash_t hash)
{
    worker_plans_t *self = plans;
    known_t *known = known_find(self, hash);
    if (!known)
        known = known_fetch(self, hash);
    return known ? known->rules : NULL;
}

size_t worker_plans_weight(const worker_plans_t *self, const ruleset_t *rules)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->known[i].rules == rules)
            return plan_bytes(self->known[i].text) / WEIGHT_SHARE;
    return 0;
}

// What is committed under a plan names it, and the next owner has it from Redis alone: a Redis that
// was emptied since the collector put it there must not get a state that nobody can read.
static bool is_in_redis(worker_plans_t *self, const known_t *plan, fault_t *fault)
{
    char text[HASH_TEXT];
    print_hash(plan->hash, text);
    bool known;
    store_status_t status = store_plan_known(self->store, text, &known);
    if (status == STORE_OK && known)
        return true;
    owned(buffer_destroy) buffer_t snapshot = { 0 };
    if (status == STORE_OK && !plan_encode(plan->text, NULL, &snapshot))
        return fault_set(fault, "out of memory");
    if (status == STORE_OK)
        status = store_plan_put(self->store, text, buffer_slice(&snapshot));
    return status == STORE_OK ||
           fault_set(fault, "its plan cannot be put into Redis: %s", store_error(self->store));
}

// The plan a control record leads to, from what it says itself or from Redis.
static known_t *follow(worker_plans_t *self, slice_t payload, fault_t *fault)
{
    plan_change_t change;
    if (!plan_peek(&change, payload, fault))
        return NULL;
    known_t *known = known_find(self, change.to);
    if (known)
        return known;
    known_t *base = change.snapshot ? NULL : known_find(self, change.from);
    if (!change.snapshot && !base) {
        known = known_fetch(self, change.to);
        if (!known)
            fault_set(fault, "the plan of a control record is neither known nor in Redis");
        return known;
    }
    owned(plan_destroy) plan_t *plan = base ? plan_copy(base->text) : plan_new();
    if (!plan)
        fault_set(fault, "out of memory");
    if (!plan || !plan_apply(plan, payload, fault))
        return NULL;
    plan_t *given = plan;
    plan = NULL;
    known = known_add(self, given);
    if (!known)
        fault_set(fault, "out of memory");
    return known;
}

ruleset_t *worker_plans_follow(worker_plans_t *self, slice_t payload, fault_t *fault)
{
    known_t *known = follow(self, payload, fault);
    return known && is_in_redis(self, known, fault) ? known->rules : NULL;
}
