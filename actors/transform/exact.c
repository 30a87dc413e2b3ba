/*  exact -- see exact.h. */
#include "actors/transform/exact.h"

#include <assert.h>
#include <math.h>

enum {
    LIMB_BYTES = 8,
    ROOM_BITS = 64,        // bits of a quotient or root before it is rounded to 53
    TEN_EXACT_DOUBLE = 22, // 10^22 is the highest power of ten that is a double
    SIMPLE_EXPONENT = 200, // far from over- and underflow
};

const int64_t exact_ten[EXACT_TEN_MAX + 1] = { 1,
                                               10,
                                               100,
                                               1000,
                                               10000,
                                               100000,
                                               1000000,
                                               10000000,
                                               100000000,
                                               1000000000,
                                               10000000000,
                                               100000000000,
                                               1000000000000,
                                               10000000000000,
                                               100000000000000,
                                               1000000000000000,
                                               10000000000000000,
                                               100000000000000000,
                                               1000000000000000000 };

static void set_limbs(mpz_t value, const uint64_t *limbs, size_t count)
{
    mpz_import(value, count, -1, LIMB_BYTES, 0, 0, limbs);
}

void exact_set_int128(mpz_t value, int128_t from)
{
    uint128_t magnitude = from < 0 ? -(uint128_t) from : (uint128_t) from;
    uint64_t limbs[2] = { (uint64_t) magnitude, (uint64_t) (magnitude >> 64) };
    set_limbs(value, limbs, 2);
    if (from < 0)
        mpz_neg(value, value);
}

void exact_set_int192(mpz_t value, const int192_t *from)
{
    int192_t magnitude = *from;
    if (from->high < 0) {
        magnitude = (int192_t){ 0 };
        magnitude.low = -from->low;
        magnitude.high = (int64_t) (~(uint64_t) from->high + (from->low == 0));
    }
    uint64_t limbs[3] = { (uint64_t) magnitude.low, (uint64_t) (magnitude.low >> 64),
                          (uint64_t) magnitude.high };
    set_limbs(value, limbs, 3);
    if (from->high < 0)
        mpz_neg(value, value);
}

void exact_ten_power(mpz_t value, unsigned exponent)
{
    mpz_ui_pow_ui(value, 10, exponent);
}

void exact_scale(mpq_t value, int exponent)
{
    if (exponent == 0)
        return;
    mpz_t ten;
    mpz_init(ten);
    exact_ten_power(ten, exponent < 0 ? (unsigned) -exponent : (unsigned) exponent);
    if (exponent > 0)
        mpz_mul(mpq_numref(value), mpq_numref(value), ten);
    else
        mpz_mul(mpq_denref(value), mpq_denref(value), ten);
    mpq_canonicalize(value);
    mpz_clear(ten);
}

// bits (at least 55 significant) * 2^*power as a double times 2^*power; `inexact` = something was
// cut off below. The cut-off becomes the lowest bit, so that the one rounding to 53 bits cannot
// fall on a false tie.
static double round_bits(const mpz_t bits, bool inexact, long *power)
{
    size_t size = mpz_sizeinbase(bits, 2);
    mpz_t top;
    mpz_init(top);
    if (size > 64) {
        inexact = inexact || mpz_scan1(bits, 0) < size - 64;
        mpz_tdiv_q_2exp(top, bits, size - 64);
        *power += (long) (size - 64);
    } else {
        mpz_set(top, bits);
    }
    uint64_t word = mpz_get_ui(top) | (inexact ? 1 : 0);
    mpz_clear(top);
    return (double) word;
}

// |value|, which is not 0, in 53 bits times 2^*power.
static double nearest(const mpq_t value, long *power)
{
    long shift = (long) mpz_sizeinbase(mpq_denref(value), 2) -
                 (long) mpz_sizeinbase(mpq_numref(value), 2) + ROOM_BITS;
    mpz_t quotient, rest;
    mpz_inits(quotient, rest, NULL);
    mpz_abs(quotient, mpq_numref(value));
    if (shift > 0) {
        mpz_mul_2exp(quotient, quotient, (mp_bitcnt_t) shift);
        mpz_tdiv_qr(quotient, rest, quotient, mpq_denref(value));
    } else {
        mpz_mul_2exp(rest, mpq_denref(value), (mp_bitcnt_t) -shift);
        mpz_tdiv_qr(quotient, rest, quotient, rest);
    }
    *power = -shift;
    double number = round_bits(quotient, mpz_sgn(rest) != 0, power);
    mpz_clears(quotient, rest, NULL);
    return number;
}

static double nearest_root(const mpq_t value, long *power)
{
    // sqrt(a / b) = sqrt(a * 2^(2s) / b) / 2^s, with 2s such that the root has ROOM_BITS bits.
    long shift = (long) mpz_sizeinbase(mpq_denref(value), 2) -
                 (long) mpz_sizeinbase(mpq_numref(value), 2) + 2L * ROOM_BITS;
    shift += shift & 1;
    mpz_t quotient, rest, root;
    mpz_inits(quotient, rest, root, NULL);
    if (shift > 0) {
        mpz_mul_2exp(quotient, mpq_numref(value), (mp_bitcnt_t) shift);
        mpz_tdiv_qr(quotient, rest, quotient, mpq_denref(value));
    } else {
        mpz_mul_2exp(rest, mpq_denref(value), (mp_bitcnt_t) -shift);
        mpz_tdiv_qr(quotient, rest, mpq_numref(value), rest);
    }
    bool inexact = mpz_sgn(rest) != 0;
    mpz_sqrtrem(root, rest, quotient);
    *power = -shift / 2;
    double number = round_bits(root, inexact || mpz_sgn(rest) != 0, power);
    mpz_clears(quotient, rest, root, NULL);
    return number;
}

static void set_scaled(mpq_t value, double number, long power)
{
    mpq_set_d(value, number);
    if (power < 0)
        mpq_div_2exp(value, value, (mp_bitcnt_t) -power);
    else
        mpq_mul_2exp(value, value, (mp_bitcnt_t) power);
}

void exact_round(mpq_t value)
{
    long power;
    int sign = mpq_sgn(value);
    if (sign == 0)
        return;
    double number = nearest(value, &power);
    set_scaled(value, sign < 0 ? -number : number, power);
}

void exact_round_root(mpq_t value)
{
    long power;
    assert(mpq_sgn(value) >= 0);
    if (mpq_sgn(value) == 0)
        return;
    double number = nearest_root(value, &power);
    set_scaled(value, number, power);
}

bool exact_estimate(const mpq_t value, double *number, double *error)
{
    *number = *error = 0;
    int sign = mpq_sgn(value);
    if (sign == 0)
        return true;
    long power;
    double size = nearest(value, &power);
    int scale = power > 2000 ? 2000 : power < -2000 ? -2000 : (int) power; // beyond either way
    *number = sign * ldexp(size, scale);
    // Rounded to 53 bits, and once more where doubles are too small to have them.
    *error = fabs(*number) * 0x1p-53 * (1 + 0x1p-50) + 0x1p-1074;
    return isfinite(*number);
}

bool exact_approximate(double mantissa, int exponent, int roundings, double *value, double *error)
{
    static const double ten[TEN_EXACT_DOUBLE + 1] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,
                                                      1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                                      1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
                                                      1e18, 1e19, 1e20, 1e21, 1e22 };
    if (exponent < -SIMPLE_EXPONENT || exponent > SIMPLE_EXPONENT)
        return false;
    while (exponent != 0) {
        int step = exponent < -TEN_EXACT_DOUBLE  ? -TEN_EXACT_DOUBLE
                   : exponent > TEN_EXACT_DOUBLE ? TEN_EXACT_DOUBLE
                                                 : exponent;
        mantissa = step < 0 ? mantissa / ten[-step] : mantissa * ten[step];
        exponent -= step;
        roundings++;
    }
    *value = mantissa;
    // One rounding more than were made covers the products of their errors.
    *error = roundings ? fabs(mantissa) * (roundings + 1) * 0x1p-53 : 0;
    return fabs(mantissa) < 1e250;
}
