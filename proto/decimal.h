/*  decimal -- the number of a feed, exactly as it was written: mantissa * 10^exponent.
 *
 *  Pure. Up to 18 significant digits; longer input is rounded half away from zero and said to
 *  be rounded. Normal form (what parse, from_double and from_int give): no trailing zero in the
 *  mantissa unless the exponent is DECIMAL_EXPONENT_MAX, zero is 0 * 10^0, so equal numbers are
 *  equal bytes. Functions that take a decimal take any mantissa: a column read from a block
 *  (proto/rows.h) has one exponent for all its rows. NULL is a mantissa of INT64_MIN.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "proto/slice.h"

enum {
    DECIMAL_DIGITS_MAX = 18,
    DECIMAL_EXPONENT_MIN = -64, // of the last digit kept
    DECIMAL_EXPONENT_MAX = 46,  // so |value| < 10^64
    DECIMAL_TEXT_MAX = 96,      // bytes decimal_print writes at most, NUL included
};

#define DECIMAL_NULL_MANTISSA INT64_MIN
#define DECIMAL_NULL ((decimal_t){ .mantissa = DECIMAL_NULL_MANTISSA, .exponent = 0 })

typedef struct {
    int64_t mantissa; // |mantissa| < 10^18, or DECIMAL_NULL_MANTISSA
    int8_t exponent;
} decimal_t;

typedef enum {
    DECIMAL_EXACT,
    DECIMAL_ROUNDED, // more than 18 significant digits (or digits below 10^-64): value kept rounded
    DECIMAL_NOT_A_NUMBER, // not a number as JSON or CSV write it (leading +, spaces around, NaN,
                          // Inf, hex ...)
    DECIMAL_OUT_OF_RANGE, // |value| >= 10^64
} decimal_result_t;

static inline bool decimal_is_null(decimal_t value)
{
    return value.mantissa == DECIMAL_NULL_MANTISSA;
}

// Parse "[-]digits[.digits][e[+-]digits]" (also ".5" and "5."), the whole text. Writes *value
// only for EXACT and ROUNDED.
decimal_result_t decimal_parse(decimal_t *value, const char *text, size_t size);

// The shortest decimal that reads back as this double (17 digits at most).
// NOT_A_NUMBER for NaN and infinities.
decimal_result_t decimal_from_double(decimal_t *value, double number);
decimal_t decimal_from_int(int64_t number); // |number| >= 10^18 is rounded

double decimal_to_double(decimal_t value);     // nearest double; NULL gives NaN
int decimal_compare(decimal_t a, decimal_t b); // exact, <0 0 >0; neither may be NULL

// Plain notation without exponent ("-0.00001", "1500"); NULL prints "null". Returns the length.
int decimal_print(decimal_t value, char text[DECIMAL_TEXT_MAX]);

// Same value at another exponent: true and *mantissa set if it is exact and |*mantissa| < 2^63.
bool decimal_rescale(decimal_t value, int exponent, int64_t *mantissa);
