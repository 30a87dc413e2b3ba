/*  aggregate -- the value of an aggregate for the row being judged: nearly at once, or exactly.
 *
 *  Pure. Sums, averages and extremes are exact rationals. Variance, deviation, correlation and
 *  slope are defined as the exact value (for roots: of the exact radicand) rounded to 53 bits,
 *  so they depend on the rows only, not on the order or the machine that summed them.
 */
#pragma once
#include "actors/rules/evaluate.h"
#include "actors/transform/windows.h"

typedef struct {
    const layout_t *layout;
    const moment_t *moment;
} sight_t;

// A value near the exact one and a bound on its absolute error; UNSURE where doubles end.
approximate_t aggregate_approximate(const sight_t *sight, unsigned aggregate, double *value,
                                    double *error);
bool aggregate_exact(const sight_t *sight, unsigned aggregate, mpq_t value); // false: NULL

// Sign of a sum or average; 0 also for NULL.
int aggregate_sign(const sight_t *sight, unsigned aggregate);
uint64_t aggregate_rows(const sight_t *sight,
                        unsigned aggregate); // with a number; all for count(*)
bool aggregate_sum(const sight_t *sight, unsigned aggregate, mpq_t sum); // false: it has none
