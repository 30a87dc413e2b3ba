/*  courier -- carries due deliveries from Redis to their receivers and the outcome back.
 *
 *  Redis hands a delivery out and hides it for HIDDEN_MS: when this process dies, it becomes due
 *  again by itself and is sent again with the same id. The subscriber is read, and the letter
 *  written, when an attempt is made, so a mended subscriber heals waiting deliveries.
 *
 *  Not a process: the notifier's loop calls courier_step whenever it wakes.
 */
#pragma once
#include "actors/notifier/means.h"
#include "actors/notifier/silence.h"
#include "broker/store.h"
#include "proto/fault.h"

typedef struct courier courier_t;

typedef struct {
    uint64_t delivered, retried, dead; // outcomes of attempts
    uint64_t silenced;                 // that waited, and wait for a silence to end now
    uint64_t expired;                  // of the dead, those that had waited for too long
    uint64_t passed;                   // to another notifier: we have no such channel
    uint64_t waiting;                  // deliveries in Redis, as of the last look
} courier_count_t;

// The means must live longer, or until others are used.
courier_t *courier_new(store_t *store, const means_t *means, bool allow_private, fault_t *fault);
void courier_destroy(courier_t **self_p);
void courier_use(courier_t *self, const means_t *means, bool allow_private);
// What these silence is not sent for now. They must live longer; without them nothing is silenced.
void courier_heed(courier_t *self, const silences_t *silences);

// Recipients are shared out to so many notifiers, and this is ours, from 0. Before that all are.
void courier_share(courier_t *self, unsigned parts, unsigned part);
// Something may have become due: look at the next step.
void courier_wake(courier_t *self);
// Move on. fetch: take new ones from Redis (false while stopping, or on standby).
void courier_step(courier_t *self, int64_t now_us, bool fetch);
// We are to end: what is in hand and not sent goes back, for another to take at once.
void courier_release(courier_t *self, int64_t now_us);
bool courier_busy(const courier_t *self); // attempts under way or outcomes not yet told
// When courier_step has to be called at the latest (monotonic us).
int64_t courier_due_us(const courier_t *self);

enum { COURIER_WAIT_MAX = 5 }; // descriptors

// The one wait of the process: until a descriptor is readable or a transfer moves.
void courier_wait(courier_t *self, const int *descriptors, size_t count, int wait_ms);
courier_count_t courier_count(const courier_t *self);
