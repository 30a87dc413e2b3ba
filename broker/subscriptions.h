/*  subscriptions -- what readers ask the broker for, and what is asked of the actors for it.
 *
 *  Actors are always asked for alert/, staged/ and health/, so that a reader who subscribes
 *  misses nothing from that moment on, without a round trip to the publishers. Metrics are asked
 *  for only while somebody reads them: topic by topic, and where there are many, all of them.
 *
 *  The topics of all readers together have a budget (topics.h). When it is used up, whoever holds
 *  the most loses his connections, and libzmq what they brought; others stay as they are.
 */
#pragma once
#include "broker/bus.h"

typedef struct subscriptions subscriptions_t;

// Neither socket is owned; both must live longer. Actors are asked at once. NULL with fault.
subscriptions_t *subscriptions_new(bus_t *readers, bus_t *actors, fault_t *fault);
void subscriptions_destroy(subscriptions_t **self_p);

// Both sockets were made anew: nobody is subscribed, and actors are asked again.
void subscriptions_renew(subscriptions_t *self);

// Take what readers have sent; at most some, so that news has its turn.
void subscriptions_take(subscriptions_t *self);

// Once a second. False, and logged: topics fill the budget whose readers cannot be found; only a
// broker that begins anew is rid of them.
bool subscriptions_tick(subscriptions_t *self);

// Somebody at `address` was cut off who brought so many bytes that libzmq had no end of taking
// them.
void subscriptions_cut_off(subscriptions_t *self, const char *address, uint64_t bytes);

typedef struct {
    uint64_t taken;   // subscriptions, each topic once
    uint64_t refused; // frames that are neither subscription nor cancellation, or too long
    uint64_t evicted; // times that somebody lost his connections
    uint64_t bytes;   // of topics there are
} subscriptions_count_t;
subscriptions_count_t subscriptions_count(const subscriptions_t *self);
