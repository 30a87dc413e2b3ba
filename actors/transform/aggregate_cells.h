/*  aggregate_cells -- values of aggregates over windows by time that see cells.
 *
 *  Pure. As aggregate.h, always by way of the exact value: what is not exact is which rows are
 *  in the window, by up to one cell at its old end. Evidence says so.
 */
#pragma once
#include "actors/transform/aggregate.h"
#include "actors/transform/cells.h"

static inline bool aggregate_coarse(const sight_t *sight, unsigned aggregate)
{
    const table_plan_t *plan = sight->layout->plan;
    const window_spec_t *window = &plan->windows[plan->aggregates[aggregate].window];
    return sight->moment->cells && !window->by_rows && window->span_us > sight->moment->exact_us;
}

uint64_t cells_rows(const sight_t *sight, unsigned aggregate);
int cells_sign(const sight_t *sight, unsigned aggregate);
bool cells_sum(const sight_t *sight, unsigned aggregate, mpq_t sum);
bool cells_exact(const sight_t *sight, unsigned aggregate, mpq_t value);
approximate_t cells_approximate(const sight_t *sight, unsigned aggregate, double *value,
                                double *error);
