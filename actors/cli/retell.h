/*  retell -- what the staged log of a stream says, told again in this process.
 *
 *  The same mappings, plans, amendments and fold as the actors use, one record after the other, for
 *  the series of one partition: so what it says is what they said, or one of them was wrong. No
 *  Redis is asked and nothing is written.
 */
#pragma once
#include "actors/transform/fold.h"

// What the fold says, and by which plan: what a plan ends is said by the one before it. Everything
// lives during the call only.
typedef struct {
    const alert_t *alert;
    const table_plan_t *table; // of its series; NULL: the plan has no such table
    plan_hash_t plan;
    uint64_t plan_seq; // the record that brought the plan
} retell_alert_t;
typedef void retell_say_t(void *context, const retell_alert_t *alert);

typedef struct {
    const char *root, *namespace; // of the stage
    slice_t stream;               // as an alert names it, edition included
    unsigned partition;
    uint64_t last; // the record to end with
    retell_say_t *alert;
    fold_take_t *row;
    void *context;
    void (*progress)(void *context, uint64_t seq); // now and then; may be NULL
} retell_t;

typedef struct {
    uint64_t records, first; // read; and the seq of the first
    uint64_t damaged;        // records that are not there any more
} retell_count_t;

// False with fault: the log cannot be read, has not come so far, or no memory.
bool retell(const retell_t *self, retell_count_t *count, fault_t *fault);
