/*  layout -- what a table's plan asks of the memory of each of its series.
 *
 *  Pure. Aggregates over the same window and arguments share one slot of sums; rules know which
 *  (window, argument) pairs must be covered before they are judged. One layout serves all series
 *  of a table under one plan.
 */
#pragma once
#include "actors/rules/ruleset.h"

enum {
    SLOT_SQUARES = 1, // sum of squares
    SLOT_MIN = 2,
    SLOT_MAX = 4,
    SLOT_PAIR = 8, // sums of both arguments, their squares and products
};
enum { LAYOUT_NO_SLOT = UINT16_MAX };

typedef struct {
    uint16_t window;
    int16_t argument, argument2; // argument2 is -1 unless SLOT_PAIR
    uint8_t needs;
} slot_layout_t;

typedef struct {
    uint16_t window;
    int16_t argument; // -1: only the rows as such
} cover_t;

typedef struct {
    size_t count;
    const cover_t *covers;
} rule_layout_t;

typedef struct {
    uint8_t bytes[32];
} layout_digest_t;

typedef struct {
    const table_plan_t *plan;
    size_t slot_count;
    slot_layout_t *slots;     // in order of window
    uint16_t *first_slot;     // of each window; one more entry ends the last
    uint16_t *slot_of;        // of each aggregate, or LAYOUT_NO_SLOT (count(*))
    rule_layout_t *rules;     // as plan->rules
    cover_t *covers;          // memory of all rules' covers
    layout_digest_t *digests; // of arguments that are expressions
} layout_t;

layout_t *layout_new(const table_plan_t *plan); // borrows the plan
void layout_destroy(layout_t **self_p);

// The argument of `self` that is the same value as argument `index` of `other`, or -1.
int layout_argument(const layout_t *self, const layout_t *other, size_t index);
int layout_column(const layout_t *self, const char *name); // or -1
int layout_rule(const layout_t *self, const char *name);   // or -1
