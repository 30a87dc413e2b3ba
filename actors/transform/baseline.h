/*  baseline -- what the windows of a rule held at the row from which on they stand still
 *  (`freeze`).
 *
 *  Pure. A baseline never changes, and all rows of one anomaly share it: baselines.h.
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
    bool settled;     // rows of a series have it (baselines.c)
    int64_t since_us; // of the row that its windows are those of
    uint64_t nth;     // how many of its time are before that
    bool resolves;    // `resolve` can be judged by it: its guards hold
    size_t count;
    baseline_value_t values[]; // of the aggregates of the rule, then those of its `resolve`
} baseline_t;

baseline_t *baseline_new(size_t count); // all NULL, with one reference; NULL: out of memory
void baseline_release(baseline_t **self_p);
bool baseline_same(const baseline_t *a, const baseline_t *b);
size_t baseline_bytes(const baseline_t *self);

static inline baseline_t *baseline_share(baseline_t *self)
{
    self->references++;
    return self;
}

static inline size_t baseline_size(const compiled_rule_t *rule)
{
    return rule->aggregate_count + (rule->resolve ? rule->resolve->aggregate_count : 0);
}

// Of a rule whose windows stand still.
typedef struct {
    uint32_t rule; // in the plan
    baseline_t *baseline;
} standing_t;

// Those behind one row, in order of rules; each has a reference.
typedef struct {
    size_t count, capacity;
    standing_t *items;
} standings_t;

void standings_close(standings_t *self); // also of a zeroed one
void standings_clear(standings_t *self);
baseline_t *standings_find(const standings_t *self, uint32_t rule); // or NULL
// Takes the reference over, whatever comes of it. False: out of memory.
bool standings_add(standings_t *self, uint32_t rule, baseline_t *baseline);
