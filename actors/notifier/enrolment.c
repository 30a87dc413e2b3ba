/*  enrolment -- see enrolment.h.
 *
 *  Order makes it exact. We hear of changes before the first key is listed, so that what changes
 *  while it is read is in doubt again; and a set is in doubt from the moment that we hear of it.
 */
#include "actors/notifier/enrolment.h"

#include <stdlib.h>
#include <string.h>

#include "actors/notifier/roster.h"
#include "broker/runtime/life.h"
#include "proto/owned.h"

enum {
    REST_SHARE = 1,               // reading takes half of the time at most
    AGAIN_US = 600 * 1000 * 1000, // all is read anew: what no notification tells (FLUSHALL)
    RETRY_US = 1000 * 1000,       // after Redis did not answer
};

typedef enum {
    ENROLMENT_BLIND,   // notifications are not on, or we have not the role
    ENROLMENT_LISTING, // keys are being listed
    ENROLMENT_KNOWN,   // all keys were listed; those not read yet are in doubt
} enrolment_state_t;

struct enrolment {
    store_t *store;
    store_watch_t *watch;
    roster_t *roster;
    bool owned, failed; // failed: no memory for what was heard or read
    enrolment_state_t state;
    uint64_t epoch; // of the store when the list was begun
    char cursor[STORE_CURSOR_MAX];
    int64_t rest_us, again_us; // not before; all anew
    uint64_t asked;
};

enrolment_t *enrolment_new(store_t *store, store_watch_t *watch, fault_t *fault)
{
    owned(enrolment_destroy) enrolment_t *self = calloc(1, sizeof *self);
    if (self)
        self->roster = roster_new();
    if (!self || !self->roster) {
        store_watch_destroy(&watch);
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->store = store;
    self->watch = watch;
    enrolment_t *given = self;
    self = NULL;
    return given;
}

void enrolment_destroy(enrolment_t **self_p)
{
    enrolment_t *self = *self_p;
    if (!self)
        return;
    store_watch_destroy(&self->watch);
    roster_destroy(&self->roster);
    free(self);
    *self_p = NULL;
}

static void forget(enrolment_t *self)
{
    roster_clear(self->roster);
    self->state = ENROLMENT_BLIND;
    self->failed = false;
}

void enrolment_own(enrolment_t *self, bool owned)
{
    self->owned = owned;
    self->rest_us = 0;
    forget(self);
}

int enrolment_descriptor(const enrolment_t *self)
{
    return self->owned ? store_watch_descriptor(self->watch) : -1;
}

// ---- hearing ----------------------------------------------------------------------------------

static void on_change(void *context, const slice_t *key)
{
    enrolment_t *self = context;
    if (!key || (self->state != ENROLMENT_BLIND && !roster_doubt(self->roster, *key)))
        self->failed = true;
}

// Begin to know: from here on every change is heard.
static void begin(enrolment_t *self, int64_t now_us)
{
    strcpy(self->cursor, "0");
    self->state = ENROLMENT_LISTING;
    self->epoch = store_epoch(self->store);
    self->again_us = now_us + AGAIN_US;
}

// Take in what was heard. True: every change is.
static bool hear(enrolment_t *self)
{
    bool live;
    store_watch_take_keys(self->watch, &live, on_change, self);
    // Another connection may be to a Redis that was rolled back.
    if (self->failed || !live || self->epoch != store_epoch(self->store))
        forget(self);
    return live;
}

// ---- reading ----------------------------------------------------------------------------------

static void on_key(void *context, slice_t key)
{
    enrolment_t *self = context;
    self->failed |= !roster_doubt(self->roster, key);
}

static void on_members(void *context, slice_t key, const slice_t *names, size_t count)
{
    enrolment_t *self = context;
    if (!names)
        roster_foreign(self->roster, key);
    else if (!roster_set(self->roster, key, names, count))
        self->failed = true;
}

static store_status_t list_some(enrolment_t *self)
{
    store_status_t status = store_subscription_keys(self->store, self->cursor, on_key, self);
    if (status == STORE_OK && strcmp(self->cursor, "0") == 0)
        self->state = ENROLMENT_KNOWN;
    return status;
}

static store_status_t read_some(enrolment_t *self)
{
    slice_t keys[STORE_SETS_MAX];
    size_t count = roster_doubts(self->roster, keys, STORE_SETS_MAX);
    return count ? store_subscription_members(self->store, keys, count, on_members, self)
                 : STORE_OK;
}

void enrolment_step(enrolment_t *self, int64_t now_us)
{
    if (!self->owned)
        return;
    if (now_us >= self->again_us && self->state == ENROLMENT_KNOWN) {
        store_watch_renew(self->watch);
        forget(self);
    }
    if (!hear(self) || now_us < self->rest_us)
        return;
    if (self->state == ENROLMENT_BLIND)
        begin(self, now_us);
    store_status_t status = self->state == ENROLMENT_LISTING ? list_some(self) : STORE_OK;
    if (status == STORE_OK)
        status = read_some(self);
    if (status != STORE_OK || self->failed) {
        forget(self); // what was given to be read would be in doubt for ever
        self->rest_us = now_us + RETRY_US;
        return;
    }
    int64_t took_us = life_mono_us() - now_us;
    self->rest_us = now_us + took_us + REST_SHARE * took_us;
}

int64_t enrolment_due_us(const enrolment_t *self)
{
    bool more = self->state == ENROLMENT_LISTING || roster_has_doubts(self->roster);
    return self->owned && more ? self->rest_us : INT64_MAX;
}

// ---- asking -----------------------------------------------------------------------------------

store_status_t enrolment_subscribers(enrolment_t *self, store_t *store, slice_t rule,
                                     slice_t series, unsigned *unread,
                                     store_subscriber_visit_t *visit, void *context)
{
    roster_names_t found;
    *unread = 0;
    if (self && hear(self) && self->state == ENROLMENT_KNOWN &&
        roster_names(self->roster, rule, series, &found))
        return store_subscribers_named(store, found.names, found.count, visit, context);
    if (self)
        self->asked++;
    return store_subscribers(store, rule, series, unread, visit, context);
}

enrolment_count_t enrolment_count(const enrolment_t *self)
{
    roster_count_t count = roster_count(self->roster);
    return (enrolment_count_t){ .local = self->state == ENROLMENT_KNOWN,
                                .subscriptions = count.members,
                                .people = count.names,
                                .asked = self->asked };
}
