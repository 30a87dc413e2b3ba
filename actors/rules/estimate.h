/*  estimate -- a number in a double with a bound on its absolute error, and arithmetic on it.
 *
 *  Every step adds its own rounding to the bound and a little more for the rounding of the
 *  bound, so that the bound holds in round-to-nearest without looking at the flags. What is not
 *  finite is unsure. Inline: verdicts of every row are made of it.
 */
#pragma once
#include <math.h>

#include "actors/rules/evaluate.h"

typedef struct {
    double value, error;
} estimate_t;

#define ESTIMATE_HALF_ULP 0x1p-53    // relative error of one rounding
#define ESTIMATE_SLACK (1 + 0x1p-50) // for the roundings of a bound
#define ESTIMATE_LEAST 0x1p-1071     // absolute error of the roundings of a step near zero
#define ESTIMATE_WHOLE_MAX 0x1p53    // up to here whole numbers are exact

// ---- unscreened -------------------------------------------------------------------------------
// What is not finite has an error that is not, and so has all that is made of it; estimate_order
// tells nothing of it. So it is enough to look at the end.

static inline estimate_t estimate_of(double value, double error)
{
    return (estimate_t){ .value = value, .error = error * ESTIMATE_SLACK };
}

static inline estimate_t estimate_sum(estimate_t a, estimate_t b)
{
    double sum = a.value + b.value, part = sum - a.value; // the rounding itself: exact (Knuth)
    double lost = (a.value - (sum - part)) + (b.value - part);
    return estimate_of(sum, a.error + b.error + fabs(lost));
}

static inline estimate_t estimate_product(estimate_t a, estimate_t b)
{
    double product = a.value * b.value;
    double error = fabs(a.value) * b.error + fabs(b.value) * a.error + a.error * b.error;
    if (error == 0 && fabs(product) < ESTIMATE_WHOLE_MAX && a.value == trunc(a.value) &&
        b.value == trunc(b.value))
        return (estimate_t){ .value = product, .error = 0 };
    return estimate_of(product, error + fabs(product) * ESTIMATE_HALF_ULP + ESTIMATE_LEAST);
}

// NULL: the divisor is 0; UNSURE: it may be.
static inline approximate_t estimate_quotient(estimate_t a, estimate_t b, estimate_t *estimate)
{
    double least_divisor = (fabs(b.value) - b.error) * (1 - 0x1p-50);
    if (b.value == 0 && b.error == 0)
        return APPROXIMATE_NULL;
    if (!(least_divisor > 0))
        return APPROXIMATE_UNSURE;
    double quotient = a.value / b.value;
    double error =
        (a.error + fabs(quotient) * ESTIMATE_SLACK * b.error + ESTIMATE_LEAST) / least_divisor;
    *estimate = estimate_of(quotient, error + fabs(quotient) * ESTIMATE_HALF_ULP + ESTIMATE_LEAST);
    return APPROXIMATE_VALUE;
}

// ---- screened ---------------------------------------------------------------------------------

static inline approximate_t estimate_screen(estimate_t found, estimate_t *estimate)
{
    *estimate = found;
    return isfinite(found.value) && isfinite(found.error) ? APPROXIMATE_VALUE : APPROXIMATE_UNSURE;
}

static inline approximate_t estimate_give(estimate_t *estimate, double value, double error)
{
    return estimate_screen(estimate_of(value, error), estimate);
}

static inline approximate_t estimate_add(estimate_t a, estimate_t b, estimate_t *estimate)
{
    return estimate_screen(estimate_sum(a, b), estimate);
}

static inline approximate_t estimate_multiply(estimate_t a, estimate_t b, estimate_t *estimate)
{
    return estimate_screen(estimate_product(a, b), estimate);
}

static inline approximate_t estimate_divide(estimate_t a, estimate_t b, estimate_t *estimate)
{
    approximate_t known = estimate_quotient(a, b, estimate);
    return known == APPROXIMATE_VALUE ? estimate_screen(*estimate, estimate) : known;
}

// Is a < b (-1), > (1) or neither for sure (0)? *equal: nothing was lost, and it is a = b.
static inline int estimate_order(estimate_t a, estimate_t b, bool *equal)
{
    double apart = a.value - b.value, unsure = (a.error + b.error) * ESTIMATE_SLACK;
    *equal = unsure == 0 && apart == 0;
    return fabs(apart) > unsure ? (apart > 0) - (apart < 0) : 0;
}

approximate_t estimate_decimal(decimal_t decimal, estimate_t *estimate); // approximate.c
