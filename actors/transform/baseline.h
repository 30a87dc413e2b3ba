/*  baseline -- what the windows of a rule held at the row from which on they stand still
 *  (`freeze`).
 *
 *  Pure. For each open row of a series, and the one before them, it is remembered for which rules
 *  windows stand still behind it, and what they held: the row after it is judged by that. So as
 *  with steps (fired.h) the answer is final when the row closes, whatever was guessed on the way.
 *  A baseline never changes, and all rows of one anomaly share it.
 */
#pragma once
#include <gmp.h>

#include "actors/transform/layout.h"

typedef struct {
    bool known;    // false: the aggregate is NULL
    bool coarse;   // its window was (cells.h)
    uint64_t rows; // with a number in it
    mpq_t value;   // of a known one
} baseline_value_t;

typedef struct {
    unsigned references;
    int64_t since_us; // of the row that its windows are those of
    uint64_t nth;     // how many of its time are before that
    bool resolves;    // `resolve` can be judged by it: its guards hold
    size_t count;
    baseline_value_t values[]; // of the aggregates of the rule, then those of its `resolve`
} baseline_t;

baseline_t *baseline_new(size_t count); // all NULL, with one reference; NULL: out of memory
void baseline_release(baseline_t **self_p);
bool baseline_same(const baseline_t *a, const baseline_t *b);

static inline size_t baseline_size(const compiled_rule_t *rule)
{
    return rule->aggregate_count + (rule->resolve ? rule->resolve->aggregate_count : 0);
}

// Of one row and rule: behind it the windows stand still.
typedef struct {
    uint64_t position;
    uint32_t rule; // in the plan
    baseline_t *baseline;
} baseline_row_t;

typedef struct {
    size_t count, capacity;
    baseline_row_t *rows; // in order of (position, rule)
} baselines_t;

void baselines_close(baselines_t *self); // also of a zeroed one
baseline_t *baselines_find(const baselines_t *self, uint64_t position, uint32_t rule); // or NULL
// With a reference of its own; there is none yet of this row and rule. False: out of memory.
bool baselines_put(baselines_t *self, uint64_t position, uint32_t rule, baseline_t *baseline);
size_t baselines_from(const baselines_t *self, uint64_t position); // the first in `rows` from there
void baselines_clear(baselines_t *self, uint64_t position);        // of this row
void baselines_move_up(baselines_t *self, uint64_t from);          // a row was put in there
void baselines_forget(baselines_t *self, uint64_t before);         // nobody asks for rows before it
void baselines_drop(baselines_t *self, uint64_t from);             // rows that are told again
// The plan changes: a rule under the same verdict goes on, if its aggregates are written alike;
// else its windows move again. False: out of memory.
bool baselines_reshape(baselines_t *self, const layout_t *from, const layout_t *to);
size_t baselines_bytes(const baselines_t *self);
