/*  ration -- how much comparing of patterns each viewer may do, so that it ends for all of them
 *  together. Pure.
 *
 *  In a turn, that is between two wakes, all may take RATION_STEPS_MAX, each its share of that: the
 *  smaller, the more of them were not done in the last one. A comparison is never broken off; who
 *  took more than there was has that less in the turns that follow, so that nobody is passed over
 *  for ever.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
    RATION_STEPS_MAX = 20 << 20, // of glob.h, in a turn: 70 ms at worst
    RATION_SHARE_MAX = 4 << 20,  // of one viewer
};

typedef struct { // of all; zero, then ration_turn
    int64_t left, share;
    uint64_t turn;
} ration_t;

typedef struct { // of one viewer; zero: it is new
    int64_t left;
    uint64_t turn;
} portion_t;

// The next turn; so many viewers were not done in the last one.
void ration_turn(ration_t *self, size_t unfinished);
// What it may take now; none where it is not above 0.
int64_t ration_left(const ration_t *self, portion_t *portion);
void ration_take(ration_t *self, portion_t *portion, int64_t steps);
