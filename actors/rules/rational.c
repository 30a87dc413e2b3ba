/*  rational -- see rational.h.
 *
 *  Correct rounding is Ziv's way: enclose the argument, compute both ends rounded outwards, and
 *  ask for more bits until both give the same double.
 */
#include "actors/rules/rational.h"

#include <float.h>
#include <math.h>
#include <mpfr.h>

enum {
    FIRST_BITS = 96,
    // Only a value exactly halfway between two doubles gets here (27^(2/3) and its like are
    // found long before): then the side that both ends were rounded to is the answer.
    LAST_BITS = 1 << 13,
};

static const double exponent_max = 709; // of e: what is beyond does not fit a double
static const double power_max = 0x1.d422d2be5dc9bp+1022; // e^709

double rational_nearest(mpq_srcptr value)
{
    mpfr_t wide;
    mpfr_init2(wide, 53); // rounded once; again only where doubles are subnormal: below 1e-307
    mpfr_set_q(wide, value, MPFR_RNDN);
    double nearest = mpfr_get_d(wide, MPFR_RNDN);
    mpfr_clear(wide);
    return nearest;
}

bool rational_is_double(mpq_srcptr value, double number)
{
    if (!isfinite(number))
        return false;
    mpq_t same;
    mpq_init(same);
    mpq_set_d(same, number);
    bool is = mpq_equal(same, value);
    mpq_clear(same);
    return is;
}

void rational_of_decimal(mpq_ptr value, decimal_t decimal)
{
    _Static_assert(sizeof(long) == sizeof(int64_t), "GMP takes mantissas as long");
    mpz_set_si(mpq_numref(value), decimal.mantissa);
    mpz_set_ui(mpq_denref(value), 1);
    if (decimal.exponent == 0)
        return;
    mpz_t ten;
    mpz_init(ten);
    mpz_ui_pow_ui(ten, 10,
                  (unsigned long) (decimal.exponent < 0 ? -decimal.exponent : decimal.exponent));
    if (decimal.exponent > 0)
        mpz_mul(mpq_numref(value), mpq_numref(value), ten);
    else
        mpz_swap(mpq_denref(value), ten);
    mpz_clear(ten);
    mpq_canonicalize(value);
}

void rational_floor(mpq_ptr value, mpq_srcptr x)
{
    mpz_fdiv_q(mpq_numref(value), mpq_numref(x), mpq_denref(x));
    mpz_set_ui(mpq_denref(value), 1);
}

void rational_round(mpq_ptr value, mpq_srcptr x, int digits)
{
    mpq_t ten, half;
    mpq_init(ten);
    mpq_init(half);
    mpq_set_ui(half, 1, 2);
    mpz_ui_pow_ui(mpq_numref(ten), 10, (unsigned long) (digits < 0 ? -digits : digits));
    if (digits < 0)
        mpq_inv(ten, ten);
    bool negative = mpq_sgn(x) < 0;
    mpq_abs(value, x);
    mpq_mul(value, value, ten);
    mpq_add(value, value, half);
    rational_floor(value, value);
    mpq_div(value, value, ten);
    if (negative)
        mpq_neg(value, value);
    mpq_clear(half);
    mpq_clear(ten);
}

// floor(x + 1/2), which is one too many if x + 1/2 is whole and odd.
void rational_round_even(mpq_ptr value, mpq_srcptr x)
{
    mpq_t half;
    mpq_init(half);
    mpq_set_ui(half, 1, 2);
    mpq_add(value, x, half);
    bool middle = mpz_cmp_ui(mpq_denref(value), 1) == 0;
    rational_floor(value, value);
    if (middle && mpz_odd_p(mpq_numref(value)))
        mpz_sub_ui(mpq_numref(value), mpq_numref(value), 1);
    mpq_clear(half);
}

// ---- correctly rounded ------------------------------------------------------------------------

static void apply(rounded_t function, mpfr_ptr value, mpfr_srcptr x, mpfr_srcptr y, mpfr_rnd_t to)
{
    switch (function) {
    case ROUNDED_SQRT:
        mpfr_sqrt(value, x, to);
        break;
    case ROUNDED_LN:
        mpfr_log(value, x, to);
        break;
    case ROUNDED_EXP:
        mpfr_exp(value, x, to);
        break;
    case ROUNDED_POWER:
        mpfr_pow(value, x, y, to);
        break;
    }
}

// x > 0 here, and for ROUNDED_EXP any x: every function is monotonic in each argument, so the
// extremes over the enclosures of x and y are at their corners.
static double rounded_at(rounded_t function, mpq_srcptr x, mpq_srcptr y, mpfr_prec_t bits,
                         bool *agreed)
{
    mpfr_t ends[2], powers[2], value;
    mpfr_init2(value, bits);
    for (int i = 0; i < 2; i++) {
        mpfr_inits2(bits, ends[i], powers[i], (mpfr_ptr) NULL);
        mpfr_set_q(ends[i], x, i ? MPFR_RNDU : MPFR_RNDD);
        mpfr_set_q(powers[i], y, i ? MPFR_RNDU : MPFR_RNDD);
    }
    double low = INFINITY, high = -INFINITY;
    for (int corner = 0; corner < 4; corner++) {
        mpfr_ptr at = ends[corner & 1], power = powers[corner >> 1];
        apply(function, value, at, power, MPFR_RNDD);
        low = fmin(low, mpfr_get_d(value, MPFR_RNDN));
        apply(function, value, at, power, MPFR_RNDU);
        high = fmax(high, mpfr_get_d(value, MPFR_RNDN));
    }
    for (int i = 0; i < 2; i++)
        mpfr_clears(ends[i], powers[i], (mpfr_ptr) NULL);
    mpfr_clear(value);
    *agreed = low == high;
    return low;
}

// Is y * ln|x| (or x itself, for exp) more than a double can take?
static bool beyond(rounded_t function, mpq_srcptr x, mpq_srcptr y)
{
    if (function == ROUNDED_SQRT || function == ROUNDED_LN)
        return false;
    mpfr_t exponent, factor;
    mpfr_inits2(FIRST_BITS, exponent, factor, (mpfr_ptr) NULL);
    mpfr_set_q(exponent, x, MPFR_RNDN);
    if (function == ROUNDED_POWER) {
        mpfr_set_q(factor, y, MPFR_RNDN);
        mpfr_log(exponent, exponent, MPFR_RNDN);
        mpfr_mul(exponent, exponent, factor, MPFR_RNDN);
    }
    bool more = mpfr_cmp_d(exponent, exponent_max) > 0;
    mpfr_clears(exponent, factor, (mpfr_ptr) NULL);
    return more;
}

static bool rounded_positive(rounded_t function, mpq_srcptr x, mpq_srcptr y, mpq_ptr value)
{
    if (beyond(function, x, y))
        return false;
    bool agreed = false;
    double nearest = 0;
    for (mpfr_prec_t bits = FIRST_BITS; !agreed && bits <= LAST_BITS; bits *= 2)
        nearest = rounded_at(function, x, y, bits, &agreed);
    // The root of what is larger than any double squared; or a power whose base is so near 1 that
    // beyond() took it for 1.
    bool any_size = function == ROUNDED_SQRT || function == ROUNDED_LN;
    if (!(nearest <= (any_size ? DBL_MAX : power_max)))
        return false;
    mpq_set_d(value, nearest);
    return true;
}

bool rational_rounded(rounded_t function, mpq_srcptr x, mpq_srcptr y, mpq_ptr value)
{
    int sign = mpq_sgn(x);
    if (function == ROUNDED_EXP || sign > 0)
        return rounded_positive(function, x, function == ROUNDED_POWER ? y : x, value);
    if (function == ROUNDED_LN || (function == ROUNDED_SQRT && sign < 0))
        return false;
    if (function == ROUNDED_SQRT) {
        mpq_set_ui(value, 0, 1);
        return true;
    }
    if (sign == 0) { // 0^0 is 1
        mpq_set_ui(value, mpq_sgn(y) == 0, 1);
        return mpq_sgn(y) >= 0;
    }
    if (mpz_cmp_ui(mpq_denref(y), 1) != 0)
        return false;
    bool odd = mpz_odd_p(mpq_numref(y));
    mpq_t size;
    mpq_init(size);
    mpq_abs(size, x);
    bool good = rounded_positive(function, size, y, value);
    mpq_clear(size);
    if (good && odd)
        mpq_neg(value, value);
    return good;
}
