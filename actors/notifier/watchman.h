/*  watchman -- looks whether Tidewire itself is well, and tells subscribers of affected rules once
 *  that the watch is degraded, and once that it is back; the alert socket hears it, too (herald.h).
 *
 *  Only the notifier that has the role tells. What is decided is noted in Redis before anybody is
 *  told, and noted as told after the last one's delivery is planned; the ids of deliveries are
 *  functions of what is noted. So a crash, a restart or another notifier repeats nothing, and
 *  forgets nothing. `restored` goes to those whom `degraded` went to, and to nobody else.
 *
 *  Not a process: the notifier's loop calls watchman_step whenever it wakes. A step asks Redis
 *  about a few dozen subscribers or one page of keys, so that role and deliveries have their
 *  turns.
 */
#pragma once
#include "actors/notifier/means.h"
#include "actors/notifier/publisher.h"
#include "broker/runtime/settings.h"
#include "broker/store.h"
#include "proto/fault.h"

typedef struct watchman watchman_t;

typedef struct {
    uint64_t degraded; // causes that subscribers are told of, or were and not yet that it is over
    uint64_t planned;  // deliveries
} watchman_count_t;

// Settings and means must live longer, or until others are used; the publisher must live longer.
// NULL with fault.
watchman_t *watchman_new(store_t *store, publisher_t *publisher, const settings_t *settings,
                         const means_t *means, fault_t *fault);
void watchman_destroy(watchman_t **self_p);
void watchman_use(watchman_t *self, const settings_t *settings, const means_t *means);
// From now on we are the notifier, or no longer. Who is not looks all the same, so that it knows
// which collectors there were.
void watchman_own(watchman_t *self, bool owned);

// Move on. now_us: monotonic.
void watchman_step(watchman_t *self, int64_t now_us);
int64_t watchman_due_us(const watchman_t *self); // when to call again at the latest
watchman_count_t watchman_count(const watchman_t *self);
