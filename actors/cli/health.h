/*  health -- is this Tidewire well? One line for people and for whoever watches it.
 *
 *  Ill is what needs somebody: an actor of some role is missing, partitions have no owner, a log
 *  runs away from those who work on it, a disk or the outbox is stalled. Refused rows and failing
 *  sources are not: those say that the world outside is ill, and stand elsewhere.
 */
#pragma once
#include "broker/store.h"
#include "proto/buffer.h"

enum {
    // Positions without rows are committed every ten seconds, in turns: below is no lag.
    HEALTH_LAG_S_MAX = 30,
    HEALTH_SKEW_MS_MAX = 2000, // between the clocks of an actor and of Redis
    HEALTH_OUTBOX_MAX =
        100000, // entries that wait for the notifier: a tenth of what there is room for
};

typedef struct {
    bool ill;
    buffer_t line; // "well: ..." or "ILL: reason; reason", without an end
} health_t;

void health_destroy(health_t *self);

// Ask Redis. A Redis that does not answer is an illness, too. False: no memory.
bool health_look(health_t *self, store_t *store);
