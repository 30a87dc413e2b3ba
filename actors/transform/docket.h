/*  docket -- the rules of a table in the order in which a row can find those that concern it.
 *
 *  Pure, immutable. Rules that are the same but for their name, or what follows from their
 *  verdict, are one question, asked once a row. Questions that differ in one number only
 *  (actors/rules/family.h) are the rungs of a ladder, in order of it: those that are true are found
 *  by bisection. Ladders are grouped by the keys that their rules ask for; a series is bound once
 *  to the groups that can hold for it, and sees no others.
 *
 *  A question settles if what its rules say of a row follows from the verdict on it and on the row
 *  before alone: they alert at the step to true, and their incident fires as long as it is true.
 *  Then a row that changes nothing of the verdict needs no look at them.
 */
#pragma once
#include "actors/rules/program.h"
#include "proto/series.h"

typedef struct {
    uint32_t first, count;    // of `copies`: rules, in order
    const program_t *program; // of the condition; NULL: none, or no ladder of it needs one
    uint32_t guards;          // of the condition that has a program: which set of them
    bool settles;
} question_t;

typedef struct {
    uint32_t first, count; // of `rungs`, and of `steps` beside them
    uint32_t rules;        // of all its rungs
    int16_t column;        // to be compared with the steps, and that is all; -1: not so
    uint8_t compare;       // compare_t: column <compare> step
    bool settles;
} ladder_t;

// The ladders of all rules that ask for these keys and no others.
typedef struct {
    uint32_t mask;         // of the keys, by bits
    const slice_t *values; // of those
    uint64_t hash;
    uint32_t first, count; // of `ladders`
    uint32_t rules;
} group_t;

enum {
    DOCKET_MASKS_MAX = 64,         // sets of keys that rules ask for; rules of more ask for none
    DOCKET_PLACES_MAX = 64,        // groups of one rule: keys that would make them more it asks not
    DOCKET_PLACES_PLAN = 1 << 20,  // groups of all rules of a plan, each counted by itself
    DOCKET_BYTES_MAX = 1073741824, // of one table; the places of a plan need less
    DOCKET_PROGRAMS_MAX = 1 << 28, // bytes of them; conditions beyond have none
};

typedef struct docket docket_t;
struct docket {
    uint32_t rule_count;
    uint32_t guard_sets; // those that are not the same, of conditions with programs
    const uint32_t *copies;
    const question_t *questions;
    const uint32_t *question_of; // of each rule
    const uint32_t *rungs;       // questions
    const decimal_t *steps;
    const ladder_t *ladders;
    size_t group_count, mask_count;
    const group_t *groups;
    uint32_t masks[DOCKET_MASKS_MAX];
    const uint32_t *slots; // of groups by hash: index + 1, or 0
    size_t slot_mask;
    struct arena *arena; // all of it
    struct arena *programs;
};

docket_t *docket_new(const table_plan_t *plan); // NULL: out of memory
void docket_destroy(docket_t **self_p);

static inline const question_t *docket_question(const docket_t *self, uint32_t rung)
{
    return &self->questions[self->rungs[rung]];
}

// ---- for one series ---------------------------------------------------------------------------

enum { ROLL_LADDERS_MAX = 16384 }; // with more, nothing settles: 8 bytes a ladder and series

typedef struct {
    uint32_t from, to; // rungs of a ladder that are true
} stretch_t;

// The groups that a series is bound to, and how its rules stood at its newest row.
typedef struct {
    uint32_t group_count, ladder_count, rules;
    const group_t **groups;
    stretch_t *truths; // of each ladder; NULL: there are more than ROLL_LADDERS_MAX
    uint32_t *watch;   // rules that do not settle and whose incident is not well, in order
    size_t watch_count, watch_capacity;
} roll_t;

roll_t *docket_bind(const docket_t *self, const series_parts_t *key); // NULL: out of memory
void roll_destroy(roll_t **self_p);
size_t roll_bytes(const roll_t *self);        // of NULL: 0
bool roll_watch(roll_t *self, uint32_t rule); // appended; false: out of memory

// For docket*.c only.
uint64_t docket_hash(uint32_t mask, const slice_t *values);
