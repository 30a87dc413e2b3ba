/*  journal -- a partition as bytes: what changed (delta) and all of it (base).
 *
 *  Pure. Applying either evaluates no rule. Both are read from Redis, so reading is bounded and
 *  refuses what it does not understand; nothing is allocated from a declared count that the
 *  bytes do not bear out.
 *
 *  A delta is written when it is asked for, out of the series that were touched since the last
 *  one: rows that came and went in between are in none, so a delta is never larger than the
 *  state. Plan changes split it: rows before one are written under the plan they came under.
 *
 *  A base is canonical: equal states are equal bytes, whatever way they came about (streams and
 *  series in order of their names, numbers at the one exponent that their values imply).
 */
#pragma once
#include "actors/transform/partition.h"

// Write what is in no delta yet to self->delta. False: out of memory.
bool journal_flush(partition_t *self);
// The same, then: from here on this plan is in force in this branch.
bool journal_plan(partition_t *self, branch_t *branch, plan_hash_t hash);
// The same, then: this branch is no more.
bool journal_forget(partition_t *self, const branch_t *branch);
// The same for one series only.
bool journal_series(partition_t *self, const branch_t *branch, series_t *series);
void journal_reset(partition_t *self); // the delta was taken
bool journal_mark(series_t *series);   // all of it is written; false: out of memory
bool journal_changed(const partition_t *self);

bool journal_base(const partition_t *self, buffer_t *out);

// Read a base or delta. `find` gives layouts for a plan (NULL: unknown). False: refused or out of
// memory; the partition is void then.
typedef layouts_t *journal_find_t(void *context, plan_hash_t hash);
bool journal_load(partition_t *self, slice_t encoded, journal_find_t *find, void *context,
                  fault_t *fault);
