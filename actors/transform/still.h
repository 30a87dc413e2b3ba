/*  still -- a condition seen through windows that stand still: see baseline.h.
 *
 *  Pure. The row and its time are those of the row in hand; aggregates are what they were at the
 *  row where they came to stand still, exactly.
 */
#pragma once
#include "actors/rules/evaluate.h"
#include "actors/transform/baseline.h"

// Of the rule itself, or of its `resolve`.
typedef struct {
    const baseline_t *baseline;
    const table_plan_t *plan;
    const uint16_t *aggregates; // in order of their values
    size_t count;
    const baseline_value_t *values;
} still_t;

still_t still_of(const table_plan_t *plan, const compiled_rule_t *rule, const baseline_t *baseline);
still_t still_resolve(const table_plan_t *plan, const compiled_rule_t *rule,
                      const baseline_t *baseline);

extern const aggregate_source_t stills; // of a still_t; what it does not have is NULL

// Of the rule's own aggregates in order, as aggregate.h.
bool still_sum(const still_t *self, size_t index, mpq_t sum); // false: it has none
