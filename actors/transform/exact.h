/*  exact -- integers wider than the machine's, and the doubles nearest to what they stand for.
 *
 *  Pure. Sums of int64 mantissas live in 128 bits, sums of their products in 192: neither can
 *  overflow for 2^64 rows, so adding and taking away are exact and leave nothing behind.
 */
#pragma once
#include <gmp.h>
#include <stdbool.h>
#include <stdint.h>

typedef __int128 int128_t;
typedef unsigned __int128 uint128_t;

typedef struct {
    uint128_t low;
    int64_t high; // two's complement over both
} int192_t;

static inline void int192_add(int192_t *self, int128_t value)
{
    uint128_t before = self->low;
    self->low += (uint128_t) value;
    self->high += (value < 0 ? -1 : 0) + (self->low < before);
}

static inline void int192_subtract(int192_t *self, int128_t value)
{
    uint128_t before = self->low;
    self->low -= (uint128_t) value;
    self->high -= (value < 0 ? -1 : 0) + (before < (uint128_t) value);
}

// True and *value set if it fits 128 bits.
static inline bool int192_small(const int192_t *self, int128_t *value)
{
    *value = (int128_t) self->low;
    return self->high == (*value < 0 ? -1 : 0);
}

enum { EXACT_TEN_MAX = 18 }; // highest power of ten in an int64

extern const int64_t exact_ten[EXACT_TEN_MAX + 1];

void exact_set_int128(mpz_t value, int128_t from);
void exact_set_int192(mpz_t value, const int192_t *from);
void exact_ten_power(mpz_t value, unsigned exponent);

// value *= 10^exponent
void exact_scale(mpq_t value, int exponent);

// Round to 53 bits, ties to even: as a double would, but of any size.
void exact_round(mpq_t value);
void exact_round_root(mpq_t value); // the square root; value >= 0

// The nearest double and a bound on its absolute error. False: too large for a double.
bool exact_estimate(const mpq_t value, double *number, double *error);

// mantissa * 10^exponent as a double with a bound on its absolute error. `roundings` counts those
// behind `mantissa` already. False: out of the range where that is simple; compute exactly.
bool exact_approximate(double mantissa, int exponent, int roundings, double *value, double *error);
