/*  census -- who has subscribed to which of some rules: gathered, then read by subscriber. Pure.
 *
 *  What is added twice counts once.
 */
#pragma once
#include "proto/buffer.h"

enum {
    CENSUS_PAIRS_MAX = 4000000,    // of subscriber and rule
    CENSUS_BYTES_MAX = 1000000000, // of their names
    CENSUS_NAMED_MAX = 20,         // rules of one subscriber that are told by name
};

typedef struct census census_t;

census_t *census_new(void); // NULL: out of memory
void census_destroy(census_t **self_p);

// The subscriber is copied up to its NUL. False: too many, or out of memory.
bool census_add(census_t *self, slice_t rule, const char *subscriber);
// All have been added.
void census_sort(census_t *self);

// The next subscriber, and "<how many rules> <name>,<name>,..." with the first of them, by name.
// The name is valid as long as the census. NULL: no more.
const char *census_next(census_t *self, buffer_t *rules);
