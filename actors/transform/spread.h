/*  spread -- variance, deviation, correlation and slope from the exact sums of a slot.
 *
 *  Pure. Defined as the exact value (for roots: the root of the exact radicand) rounded to 53
 *  bits, whatever its size.
 */
#pragma once
#include "actors/rules/evaluate.h"
#include "actors/transform/slot.h"

typedef struct {
    aggregate_kind_t kind; // VAR_*, STDDEV_*, CORR or REGR_SLOPE
    const slot_t *slot;
    int exponent, exponent2; // of the arguments' columns
} spread_t;

bool spread_exact(const spread_t *self, mpq_t value); // false: NULL
// With a bound on the absolute error against what is defined.
approximate_t spread_approximate(const spread_t *self, double *value, double *error);
