/*  worker_plans -- compiled plans by hash: see worker.h.
 *
 *  A plan is content-addressed. Its text comes from the control record itself (a snapshot, or a
 *  difference from a plan we know), or from Redis, where the collector put it before it staged
 *  the record. Few plans are in force at a time, so the cache is small and the oldest goes first.
 */
#include <stdlib.h>

#include "actors/transform/worker.h"
#include "proto/owned.h"

enum { PLANS_MAX = 16, HASH_TEXT = 2 * sizeof(plan_hash_t) + 1 };

typedef struct {
    plan_hash_t hash;
    plan_t *text;
    ruleset_t *rules;
    uint64_t used; // turn of last use
} known_t;

struct worker_plans {
    store_t *store;
    uint64_t turn;
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

// Compile and remember a plan; takes `text` over.
static known_t *known_add(worker_plans_t *self, plan_t *text)
{
    known_t fresh = { .hash = plan_hash(text), .text = text, .used = ++self->turn };
    fresh.rules = ruleset_new(text, NULL, NULL); // the collector has told what does not compile
    if (!fresh.rules) {
        known_clear(&fresh);
        return NULL;
    }
    size_t at = self->count;
    if (self->count < PLANS_MAX) {
        self->count++;
    } else {
        at = 0;
        for (size_t i = 1; i < PLANS_MAX; i++)
            if (self->known[i].used < self->known[at].used)
                at = i;
        known_clear(&self->known[at]); // the fold holds references of its own
    }
    self->known[at] = fresh;
    return &self->known[at];
}

typedef struct {
    plan_t *plan;
    bool ok;
} fetch_t;

static void fetched(void *context, slice_t bytes)
{
    fetch_t *fetch = context;
    fault_t fault;
    fetch->ok = plan_apply(fetch->plan, bytes, &fault);
}

static void print_hash(plan_hash_t hash, char text[HASH_TEXT])
{
    for (size_t i = 0; i < sizeof hash.bytes; i++)
        snprintf(text + 2 * i, 3, "%02x", hash.bytes[i]);
}

static known_t *known_fetch(worker_plans_t *self, plan_hash_t hash)
{
    char text[HASH_TEXT];
    print_hash(hash, text);
    owned(plan_destroy) plan_t *plan = plan_new();
    fetch_t fetch = { .plan = plan };
    if (!plan || store_plan_get(self->store, text, fetched, &fetch) != STORE_OK || !fetch.ok)
        return NULL;
    plan_hash_t found = plan_hash(plan);
    if (memcmp(&found, &hash, sizeof hash) != 0)
        return NULL; // somebody wrote something else under this name
    plan_t *given = plan;
    plan = NULL;
    return known_add(self, given);
}

ruleset_t *worker_plans_find(void *plans, plan_hash_t hash)
{
    worker_plans_t *self = plans;
    known_t *known = known_find(self, hash);
    if (!known)
        known = known_fetch(self, hash);
    return known ? known->rules : NULL;
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
