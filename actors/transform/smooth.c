/*  smooth -- see smooth.h. */
#include "actors/transform/smooth.h"

#include <math.h>

enum { ROUNDINGS_OF_STEP = 10 }; // of one step, in units of the largest number

// e_k (N + 1)^(k - 1) is whole: it is (N - 1) times the one before, plus 2 x (N + 1)^(k - 2).
bool smooth_exact(const smooth_t *self, mpq_t value)
{
    mpz_ptr sum = mpq_numref(value), divisor = mpq_denref(value);
    mpz_t number;
    mpz_init(number);
    bool any = false;
    for (uint64_t p = self->low; p < self->high; p++) {
        if (ring_null(self->ring, self->column, p))
            continue;
        ring_mantissa(self->ring, self->column, p, number);
        if (any) {
            mpz_mul_ui(sum, sum, self->rows - 1);
            mpz_mul_2exp(number, number, 1);
            mpz_addmul(sum, number, divisor);
            mpz_mul_ui(divisor, divisor, self->rows + 1UL);
        } else {
            mpz_set(sum, number);
            mpz_set_ui(divisor, 1);
        }
        any = true;
    }
    mpz_clear(number);
    if (!any)
        return false;
    mpq_canonicalize(value);
    exact_scale(value, self->ring->columns[self->column].exponent);
    exact_round(value);
    return true;
}

// In doubles. No step adds more to the error than ROUNDINGS_OF_STEP halves of an ulp of the largest
// number: of a, x, their difference, product and sum; what was there before does not grow.
static bool nearly(const smooth_t *self, double *value, double *error, bool *any)
{
    const column_t *column = &self->ring->columns[self->column];
    double a = 2 / (self->rows + 1.0), e = 0, largest = 0;
    unsigned steps = 0;
    if (!column->narrow)
        return false;
    for (uint64_t p = self->low; p < self->high; p++) {
        int64_t mantissa = column->narrow[p & self->ring->mask];
        if (mantissa == FIGURE_NULL_MANTISSA)
            continue;
        double x = (double) mantissa;
        e = steps == 0 ? x : e + a * (x - e);
        largest = fabs(x) > largest ? fabs(x) : largest;
        steps++;
    }
    *any = steps > 0;
    double off = largest * ROUNDINGS_OF_STEP * (steps + 1) * 0x1p-53, scaled, least;
    if (!exact_approximate(e, column->exponent, 1, value, &least) ||
        !exact_approximate(off, column->exponent, 1, &scaled, error))
        return false;
    *error += scaled + least;
    return true;
}

approximate_t smooth_approximate(const smooth_t *self, double *value, double *error)
{
    bool any = true;
    if (nearly(self, value, error, &any))
        return any ? APPROXIMATE_VALUE : APPROXIMATE_NULL;
    mpq_t exact;
    mpq_init(exact);
    approximate_t known = !smooth_exact(self, exact)            ? APPROXIMATE_NULL
                          : exact_estimate(exact, value, error) ? APPROXIMATE_VALUE
                                                                : APPROXIMATE_UNSURE;
    mpq_clear(exact);
    return known;
}
