/*  decimal_value -- comparing and converting decimals: exact, in 128 bits. See decimal.h.
 *
 *  Mantissas up to 2^63 are taken here, not only normal forms: columns of one exponent
 *  (proto/rows.h) hold such.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/decimal.h"
#include "proto/decimal_scale.h"

enum {
    DOUBLE_BITS = 53,
    DOUBLE_TEN_MAX = 22, // the highest power of ten a double holds exactly
};

const uint64_t decimal_ten[DECIMAL_TEN_MAX + 1] = {
    UINT64_C(1),
    UINT64_C(10),
    UINT64_C(100),
    UINT64_C(1000),
    UINT64_C(10000),
    UINT64_C(100000),
    UINT64_C(1000000),
    UINT64_C(10000000),
    UINT64_C(100000000),
    UINT64_C(1000000000),
    UINT64_C(10000000000),
    UINT64_C(100000000000),
    UINT64_C(1000000000000),
    UINT64_C(10000000000000),
    UINT64_C(100000000000000),
    UINT64_C(1000000000000000),
    UINT64_C(10000000000000000),
    UINT64_C(100000000000000000),
    UINT64_C(1000000000000000000),
    UINT64_C(10000000000000000000),
};

static const double double_ten[DOUBLE_TEN_MAX + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

static int sign(int64_t value)
{
    return (value > 0) - (value < 0);
}

// a (the higher exponent by `places`) against b.
static int compare_scaled(int64_t a, int places, int64_t b)
{
    if (a == 0 || places > DECIMAL_TEN_MAX)
        return a != 0 ? sign(a) : -sign(b); // |a| >= 10^20 > any |b|
    __int128 scaled = (__int128) a * decimal_ten[places];
    return (scaled > b) - (scaled < b);
}

int decimal_compare(decimal_t a, decimal_t b)
{
    if (a.exponent == b.exponent)
        return (a.mantissa > b.mantissa) - (a.mantissa < b.mantissa);
    if (a.exponent > b.exponent)
        return compare_scaled(a.mantissa, a.exponent - b.exponent, b.mantissa);
    return -compare_scaled(b.mantissa, b.exponent - a.exponent, a.mantissa);
}

// Nearest double of value * 2^shift; `inexact`: the true value lies a little above, and `value`
// has at least 64 bits.
static double round_wide(unsigned __int128 value, bool inexact, int shift)
{
    uint64_t high = (uint64_t) (value >> 64);
    if (high) {
        int drop = 64 - __builtin_clzll(high);
        inexact |= (value & (((unsigned __int128) 1 << drop) - 1)) != 0;
        value >>= drop;
        shift += drop;
    }
    // 64 bits hold 53, the rounding bit and more: a sticky last bit makes the one rounding right.
    return ldexp((double) ((uint64_t) value | inexact), shift);
}

static double nearest_of_text(decimal_t value)
{
    char text[40];
    snprintf(text, sizeof text, "%llde%d", (long long) value.mantissa, value.exponent);
    return strtod(text, NULL);
}

double decimal_to_double(decimal_t value)
{
    if (decimal_is_null(value))
        return NAN;
    bool negative = value.mantissa < 0;
    uint64_t magnitude = negative ? -(uint64_t) value.mantissa : (uint64_t) value.mantissa;
    int places = abs(value.exponent);
    double result;
    if (magnitude >> DOUBLE_BITS == 0 && places <= DOUBLE_TEN_MAX) {
        // Both operands are exact, so the one operation rounds correctly.
        result = value.exponent < 0 ? (double) magnitude / double_ten[places]
                                    : (double) magnitude * double_ten[places];
    } else if (places > DECIMAL_TEN_MAX) {
        return nearest_of_text(value);
    } else if (value.exponent >= 0) {
        result = round_wide((unsigned __int128) magnitude * decimal_ten[places], false, 0);
    } else {
        int shift = 64 + __builtin_clzll(magnitude); // not 0 here; 10^19 < 2^64
        unsigned __int128 wide = (unsigned __int128) magnitude << shift;
        unsigned __int128 quotient = wide / decimal_ten[places];
        result = round_wide(quotient, quotient * decimal_ten[places] != wide, -shift);
    }
    return negative ? -result : result;
}

bool decimal_rescale(decimal_t value, int exponent, int64_t *mantissa)
{
    if (value.mantissa == 0 || decimal_is_null(value)) {
        *mantissa = value.mantissa;
        return true;
    }
    int places = value.exponent - exponent;
    if (places > DECIMAL_TEN_MAX || places < -DECIMAL_TEN_MAX)
        return false;
    if (places >= 0) {
        __int128 scaled = (__int128) value.mantissa * decimal_ten[places];
        if (scaled > INT64_MAX || scaled < -INT64_MAX)
            return false;
        *mantissa = (int64_t) scaled;
        return true;
    }
    __int128 divisor = decimal_ten[-places]; // 10^19 does not fit int64
    if (value.mantissa % divisor != 0)
        return false;
    *mantissa = (int64_t) (value.mantissa / divisor);
    return true;
}
