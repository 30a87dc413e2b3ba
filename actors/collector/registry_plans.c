/*  registry_plans -- how plans are put into Redis, by their hash: see registry.h.
 *
 *  Whoever reads a state that was left under a plan needs that plan, so none is removed. One that
 *  is like another that is there is written as what changed: one rule among a hundred thousand is
 *  some hundred bytes then, not ten million. Changes are always of a snapshot; when all of one have
 *  come to its own size, the next plan is a snapshot again. With ten million bytes and changes of
 *  150, that is 55 KB for each change.
 */
#include <stdio.h>
#include <string.h>

#include "actors/collector/registry_inside.h"
#include "proto/owned.h"

enum { HASH_TEXT = 2 * sizeof(plan_hash_t) + 1 };

static void s_print_hash(const plan_t *plan, char text[HASH_TEXT])
{
    plan_hash_t hash = plan_hash(plan);
    for (size_t i = 0; i < sizeof hash.bytes; i++)
        snprintf(text + 2 * i, 3, "%02x", hash.bytes[i]);
}

// One that Redis has no room for is none, unless it holds it from before: nobody else could read
// it.
static bool s_took(registry_t *self, const char *hash, store_status_t status)
{
    bool known = status == STORE_OK;
    if (status == STORE_FULL)
        status = store_plan_known(self->store, hash, &known);
    if (registry_heard(self, status) && !known)
        registry_tell_no_room(self, NO_ROOM_PLAN, NULL,
                              self->latest ? "changes of rules wait until it has"
                                           : "nothing is staged until it has");
    return known;
}

static bool s_put_whole(registry_t *self, const plan_t *plan)
{
    registry_plans_t *plans = &self->plans;
    owned(buffer_destroy) buffer_t snapshot = { 0 };
    char hash[HASH_TEXT];
    s_print_hash(plan, hash);
    plan_destroy(&plans->whole);
    if (!plan_encode(plan, NULL, &snapshot))
        return registry_tell_no_memory(self);
    store_status_t status = store_plan_put(self->store, hash, buffer_slice(&snapshot));
    if (status != STORE_OK)
        return s_took(self, hash, status);
    plans->whole = plan_copy(plan); // no memory: the next is a snapshot, too
    plans->epoch = store_epoch(self->store);
    plans->bytes = snapshot.size;
    plans->changes = 0;
    return true;
}

// Is the snapshot still there? Another connection may be to another Redis.
static bool s_has_whole(registry_t *self)
{
    char hash[HASH_TEXT];
    bool known = false;
    if (!self->plans.whole || self->plans.epoch != store_epoch(self->store))
        return false;
    s_print_hash(self->plans.whole, hash);
    return store_plan_known(self->store, hash, &known) == STORE_OK && known;
}

bool registry_store_plan(registry_t *self, const plan_t *plan)
{
    owned(buffer_destroy) buffer_t change = { 0 };
    char hash[HASH_TEXT];
    if (!s_has_whole(self))
        return s_put_whole(self, plan);
    if (!plan_encode(plan, self->plans.whole, &change))
        return registry_tell_no_memory(self);
    if (self->plans.changes + change.size > self->plans.bytes)
        return s_put_whole(self, plan);
    s_print_hash(plan, hash);
    self->plans.changes += change.size;
    return s_took(self, hash, store_plan_add(self->store, hash, buffer_slice(&change)));
}
