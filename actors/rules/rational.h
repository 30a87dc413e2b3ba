/*  rational -- exact rationals to doubles and to text, and the functions that have no exact
 *  value: correctly rounded to double, on every host alike.
 *
 *  Pure. The only file that knows MPFR.
 */
#pragma once
#include <gmp.h>
#include <stdbool.h>

#include "proto/decimal.h"

double rational_nearest(mpq_srcptr value); // infinite beyond the doubles
bool rational_is_double(mpq_srcptr value, double number);
void rational_of_decimal(mpq_ptr value, decimal_t decimal); // not NULL

typedef enum { ROUNDED_SQRT, ROUNDED_LN, ROUNDED_EXP, ROUNDED_POWER } rounded_t;

// The double nearest to f(x), or to x to the power of y. False: no number (the root of a
// negative one, ln of 0, 0 to a negative power ...), a power beyond e^709, or no double that large.
bool rational_rounded(rounded_t function, mpq_srcptr x, mpq_srcptr y, mpq_ptr value);

// Largest whole number that is not larger.
void rational_floor(mpq_ptr value, mpq_srcptr x);
// Nearest number of `digits` after the point (before it, if negative), halves away from zero.
void rational_round(mpq_ptr value, mpq_srcptr x, int digits);
void rational_round_even(mpq_ptr value, mpq_srcptr x); // to a whole number, halves to even
