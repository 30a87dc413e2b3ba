/*  spread -- variance, deviation, correlation and slope from the exact sums of a slot.
 *
 *  Pure. Defined as the double nearest to the exact value (for roots: to the root of the exact
 *  radicand).
 */
#pragma once
#include "actors/transform/slot.h"

typedef struct {
    aggregate_kind_t kind; // VAR_*, STDDEV_*, CORR or REGR_SLOPE
    const slot_t *slot;
    int exponent, exponent2; // of the arguments' columns
} spread_t;

bool spread_exact(const spread_t *self, double *number); // false: NULL
// With a bound on the absolute error against the defined double.
bool spread_approximate(const spread_t *self, double *value, double *error);
