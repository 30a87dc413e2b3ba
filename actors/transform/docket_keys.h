/*  docket_keys -- the keys that a condition asks for, and in how many groups that puts it.
 *
 *  Pure, part of docket_build.c.
 */
#pragma once
#include "actors/rules/family.h"
#include "actors/transform/docket.h"

typedef struct {
    size_t count;
    key_condition_t keys[SERIES_KEYS_MAX];
} asked_t;

// Those of them by which its groups are found.
typedef struct {
    uint32_t mask;
    size_t places; // how many groups
    size_t count;
    const key_condition_t *keys[SERIES_KEYS_MAX];
} spread_t;

void keys_asked(asked_t *self, const table_plan_t *plan, const expr_t *when);
// In at most so many groups: a key that would make them more is left out. Hangs on nothing else, so
// that all conditions of a family leave out the same.
spread_t keys_spread(const asked_t *asked, size_t most);
void spread_values(const spread_t *self, size_t place, slice_t *values); // of one of the groups

// In how many groups one condition may be, for all of a table to be in no more than its share of
// DOCKET_PLACES_PLAN: the more ask for many, the fewer. Count each, then ask.
enum { PLACES_BITS = 6 };
_Static_assert(DOCKET_PLACES_MAX == 1 << PLACES_BITS, "they are tried by halves");

typedef struct {
    size_t conditions;
    size_t totals[PLACES_BITS + 1]; // of groups, if one may be in 1, 2, 4 ... of them
} spreads_t;

void spreads_count(spreads_t *self, const asked_t *asked);
size_t spreads_each(const spreads_t *self, const table_plan_t *plan, size_t *total);
