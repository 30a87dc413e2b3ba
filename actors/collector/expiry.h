/*  expiry -- removes stage objects that are too old, or too many.
 *
 *  Objects alone: they can be made again from the log, which nothing here touches.
 */
#pragma once
#include "broker/stage/stage.h"

typedef struct {
    int64_t keep_us;    // objects whose newest record was received longer ago go; 0 = for ever
    uint64_t bytes_max; // of all objects of these streams: the oldest go first; 0 = any
} expiry_limits_t;

// The objects of these streams, now. `again`: remove, too, what an earlier life has struck off the
// lists and perhaps not removed. *gone counts up. False with fault: something could not be read or
// removed; the rest was done.
bool expiry_run(const char *root, const char *namespace, const char *const *streams, size_t count,
                const expiry_limits_t *limits, int64_t now_us, bool again, uint64_t *gone,
                fault_t *fault);
