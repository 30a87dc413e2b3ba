/*  still -- see still.h. */
#include "actors/transform/still.h"

#include <assert.h>

#include "actors/transform/exact.h"

still_t still_of(const table_plan_t *plan, const compiled_rule_t *rule, const baseline_t *baseline)
{
    assert(baseline->count == baseline_size(rule));
    return (still_t){ .baseline = baseline,
                      .plan = plan,
                      .aggregates = rule->aggregates,
                      .count = rule->aggregate_count,
                      .values = baseline->values };
}

still_t still_resolve(const table_plan_t *plan, const compiled_rule_t *rule,
                      const baseline_t *baseline)
{
    return (still_t){ .baseline = baseline,
                      .plan = plan,
                      .aggregates = rule->resolve->aggregates,
                      .count = rule->resolve->aggregate_count,
                      .values = baseline->values + rule->aggregate_count };
}

static const baseline_value_t *value_of(const still_t *self, unsigned aggregate)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->aggregates[i] == aggregate)
            return self->values[i].known ? &self->values[i] : NULL;
    return NULL;
}

static approximate_t see_approximate(void *state, unsigned aggregate, double *value, double *error)
{
    const baseline_value_t *seen = value_of(state, aggregate);
    if (!seen)
        return APPROXIMATE_NULL;
    return exact_estimate(seen->value, value, error) ? APPROXIMATE_VALUE : APPROXIMATE_UNSURE;
}

static bool see_exact(void *state, unsigned aggregate, mpq_t value)
{
    const baseline_value_t *seen = value_of(state, aggregate);
    if (seen)
        mpq_set(value, seen->value);
    return seen != NULL;
}

const aggregate_source_t stills = { .approximate = see_approximate, .exact = see_exact };

bool still_sum(const still_t *self, size_t index, mpq_t sum)
{
    const baseline_value_t *seen = &self->values[index];
    aggregate_kind_t kind = self->plan->aggregates[self->aggregates[index]].kind;
    if (!seen->known || (kind != AGGREGATE_SUM && kind != AGGREGATE_AVG))
        return false;
    mpq_set(sum, seen->value);
    if (kind == AGGREGATE_AVG) {
        mpz_mul_ui(mpq_numref(sum), mpq_numref(sum), seen->rows);
        mpq_canonicalize(sum);
    }
    return true;
}
