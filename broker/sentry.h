/*  sentry -- ends a call into libzmq that a reader keeps from ending.
 *
 *  libzmq's XPUB takes subscriptions for as long as there are any, within one call and before we
 *  are told of the first. Where its I/O thread brings them as fast as the tree of topics takes
 *  them, a reader who sends without end holds the broker in that call, and the tree grows by some
 *  400 MB a second. A thread of the sentry's own looks how much of the processor the watched thread
 *  has used since its last turn; is it much, and has come in meanwhile more than readers may ask
 *  for at all, it cuts off the connection that brought the most.
 *
 *  Counted are bytes of TCP: over ipc, which is for users of this machine, nobody is cut off.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "proto/fault.h"

enum {
    SENTRY_LOOK_MS = 10,
    SENTRY_TURN_US = 20 * 1000, // of the processor: from then on bytes are counted
    SENTRY_NAME_MAX = 63,
};

typedef struct sentry sentry_t;

// Watches the calling thread at its listening `endpoint`; at most `bytes_max` may come in within a
// turn. NULL with fault.
sentry_t *sentry_new(const char *endpoint, uint64_t bytes_max, fault_t *fault);
void sentry_destroy(sentry_t **self_p);

// The watched thread begins a turn. True: in the last one somebody was cut off; it is told once.
bool sentry_turn(sentry_t *self, char name[SENTRY_NAME_MAX + 1], uint64_t *bytes);
