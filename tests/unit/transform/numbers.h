/*  numbers -- of rows in models of the fold: drawn so that they tie, and taken exactly. */
#pragma once
#include <gmp.h>

#include "proto/decimal.h"
#include "tests/unit/proto/seeded.h"

// Value of an argument; false: NULL. which: 0 volume, 1 price, 2 product
static inline bool argument(const decimal_t values[2], int which, mpq_t value)
{
    mpq_t factor;
    mpq_init(factor);
    mpq_set_ui(value, 1, 1);
    bool defined = true;
    for (int i = 0; i < 2; i++) {
        if (which != 2 && which != i)
            continue;
        defined = defined && !decimal_is_null(values[i]);
        mpq_set_si(factor, values[i].mantissa, 1);
        for (int e = values[i].exponent; e < 0; e++)
            mpz_mul_ui(mpq_denref(factor), mpq_denref(factor), 10);
        for (int e = values[i].exponent; e > 0; e--)
            mpz_mul_ui(mpq_numref(factor), mpq_numref(factor), 10);
        mpq_canonicalize(factor);
        mpq_mul(value, value, factor);
    }
    mpq_clear(factor);
    return defined;
}

static inline decimal_t number(seeded_t *seed)
{
    switch (seeded_below(seed, 20)) {
    case 0:
        return DECIMAL_NULL;
    case 1:
        return (decimal_t){ .mantissa = 1, .exponent = 17 };
    case 2:
        return (decimal_t){ .mantissa = 1000000000000001, .exponent = -16 };
    case 3:
        return (decimal_t){ .mantissa = 30, .exponent = -2 };
    case 4:
        return (decimal_t){ .mantissa = -2, .exponent = -1 };
    default: // 0.1 and 0.3: ties at three times the average
        return (decimal_t){ .mantissa = seeded_below(seed, 8) ? 1 : 3, .exponent = -1 };
    }
}
