/*  schedule -- when each polled source is due, and which one is asked next.
 *
 *  Pure: time is an argument, jitter comes from a seed. A source is polled every `every`, a
 *  little early or late so that hundreds of them do not beat in step; after a failure of its own it
 *  is left alone twice as long each time, and as long as its server asks for. Sources of one host
 *  share its gate (gate.h) and go through it in the order in which they are due. Every step costs
 *  the logarithm of the number of sources, so that a thousand are no burden.
 */
#pragma once
#include <stddef.h>

#include "actors/collector/gate.h"

enum {
    SCHEDULE_JITTER_PERCENT = 5, // of `every`, to both sides
};

typedef struct {
    int64_t every_us; // > 0
    unsigned host;    // index of its budget
} schedule_source_t;

typedef struct schedule schedule_t;

// The first polls come at once, spread over a second. NULL: out of memory.
schedule_t *schedule_new(const schedule_source_t *sources, size_t count, const budget_t *budgets,
                         size_t hosts, uint64_t seed, int64_t now_us);
void schedule_destroy(schedule_t **self_p);

// A host of ours is the one of that number in an older schedule: its gate goes on.
void schedule_inherit(schedule_t *self, size_t host, const schedule_t *old, size_t old_host);

// A source that is due and may be asked, now under way; -1 if there is none. *late_us = for how
// long that has been so; -1 for another page.
int schedule_take(schedule_t *self, int64_t now_us, int64_t *late_us);

// It came back. `more`: with a good answer of which there is another page to be asked for at once.
void schedule_done(schedule_t *self, int source, const answer_t *answer, bool more, int64_t now_us);

// How long a source that is due must still wait for the gate of its host; 0 if it need not, or not
// for a known time. *due_us = since when it is due.
int64_t schedule_held_us(const schedule_t *self, int source, int64_t now_us, int64_t *due_us);

// Earliest time that anything can be taken; INT64_MAX = not before something comes back.
int64_t schedule_next_us(const schedule_t *self);
