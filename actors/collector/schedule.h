/*  schedule -- when each polled source is due.
 *
 *  Pure: time is an argument, jitter comes from a seed. A source is polled every `every`, a
 *  little early or late so that hundreds of them do not beat in step; after a failure it is
 *  left alone twice as long each time, and as long as its server asks for.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SCHEDULE_BACKOFF_US_MAX =
        300 * 1000000,                 // longest pause after failures, unless `every` is longer
    SCHEDULE_RETRY_AFTER_S_MAX = 3600, // more is not believed
    SCHEDULE_JITTER_PERCENT = 5,       // of `every`, to both sides
};

typedef struct schedule schedule_t;

// Source i is polled every every_us[i] (> 0); the first polls come at once, spread over a second.
schedule_t *schedule_new(const int64_t *every_us, size_t count, uint64_t seed, int64_t now_us);
void schedule_destroy(schedule_t **self_p);

// A source that is due, now under way; -1 if there is none.
int schedule_take(schedule_t *self, int64_t now_us);

// It came back. retry_after_us = what the server asked for, 0 = nothing.
void schedule_done(schedule_t *self, int source, bool good, int64_t retry_after_us, int64_t now_us);

int64_t schedule_next_us(const schedule_t *self); // earliest time anything is due; INT64_MAX = none
