/*  figure -- one exact decimal of any size on its way into or out of a column.
 *
 *  Pure. Almost every number is SMALL; what does not fit 64 bits (a product of two long prices)
 *  is BIG. GMP ends the process when it cannot allocate: numbers are bounded (by
 *  ARGUMENT_DIGITS_MAX), so that is lack of memory, which drops nothing.
 */
#pragma once
#include "actors/transform/exact.h"
#include "proto/decimal.h"

#define FIGURE_NULL_MANTISSA DECIMAL_NULL_MANTISSA

typedef enum { FIGURE_NULL, FIGURE_SMALL, FIGURE_BIG } figure_size_t;

typedef struct {
    figure_size_t size;
    int exponent;
    int64_t mantissa; // of a SMALL one; never FIGURE_NULL_MANTISSA
    mpz_t big;        // mantissa of a BIG one
} figure_t;

void figure_init(figure_t *self); // NULL
void figure_clear(figure_t *self);

static inline void figure_set_decimal(figure_t *self, decimal_t value)
{
    self->size = decimal_is_null(value) ? FIGURE_NULL : FIGURE_SMALL;
    self->mantissa = value.mantissa;
    self->exponent = value.exponent;
}

void figure_set_int128(figure_t *self, int128_t mantissa, int exponent);
void figure_set_big(figure_t *self, const mpz_t mantissa, int exponent);
// False: not a decimal (a denominator with other factors than 2 and 5).
bool figure_set_rational(figure_t *self, const mpq_t value);

// No trailing zero in the mantissa, zero is 0 * 10^0, SMALL if it fits.
void figure_normalise(figure_t *self);

// Mantissa at another exponent. False: does not fit, or is not a whole number there. Not NULL.
bool figure_at(const figure_t *self, int exponent, int64_t *mantissa);
void figure_big_at(const figure_t *self, int exponent, mpz_t mantissa); // exponent <= its own

void figure_rational(const figure_t *self, mpq_t value); // not NULL

void figure_copy(figure_t *self, const figure_t *from);
void figure_add(figure_t *self, const figure_t *other);      // neither NULL
void figure_multiply(figure_t *self, const figure_t *other); // neither NULL
int figure_compare(const figure_t *a, const figure_t *b);    // neither NULL
