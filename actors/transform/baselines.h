/*  baselines -- for which rules of a series windows stand still behind which row, and what they
 *  held (baseline.h).
 *
 *  Pure. This is remembered of each open row, and the one before them: the row after it is judged
 *  by it. So as with steps (fired.h) the answer is final when the row closes, whatever was guessed
 *  on the way.
 *
 *  Rows come at the end and go at the front, and what closes is near the front: that moves no
 *  others, however many are open. What changes in the midst moves those that are fewer.
 */
#pragma once
#include "actors/transform/baseline.h"

// Of one row and rule: behind it the windows stand still.
typedef struct {
    uint64_t position;
    uint32_t rule; // in the plan
    baseline_t *baseline;
} baseline_row_t;

typedef struct {
    size_t first, count, capacity; // in use are `count` from `first` on
    size_t bytes;                  // of the baselines, each once
    baseline_row_t *rows;          // in order of (position, rule)
    standings_t told;              // behind the row before the open ones, by the journal so far
} baselines_t;

void baselines_close(baselines_t *self); // also of a zeroed one

static inline baseline_row_t *baselines_row(const baselines_t *self, size_t index)
{
    return &self->rows[self->first + index];
}

size_t baselines_from(const baselines_t *self, uint64_t position); // index of the first from there
baseline_t *baselines_find(const baselines_t *self, uint64_t position, uint32_t rule); // or NULL
// What stands still behind this row is that and no more; `behind` is empty then. False: out of
// memory.
bool baselines_set(baselines_t *self, uint64_t position, standings_t *behind);
// All of it is in the journal; the first open row is that. False: out of memory.
bool baselines_mark(baselines_t *self, uint64_t open);
void baselines_move_up(baselines_t *self, uint64_t from);  // a row was put in there
void baselines_forget(baselines_t *self, uint64_t before); // nobody asks for rows before it
void baselines_drop(baselines_t *self, uint64_t from);     // rows that are told again
// The plan changes: a rule under the same verdict goes on, if its aggregates are written alike;
// else its windows move again.
void baselines_reshape(baselines_t *self, const layout_t *from, const layout_t *to);
size_t baselines_bytes(const baselines_t *self);
