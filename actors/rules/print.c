/*  print -- rationals as plain decimals for people. See evaluate.h. */
#include <stdio.h>
#include <stdlib.h>

#include "actors/rules/evaluate.h"
#include "actors/rules/rational.h"

enum {
    PLAIN_MAX = EVALUATE_TEXT_MAX - 8, // characters of an exact decimal
    SIGNIFICANT = 20,                  // digits of what is none, or too long
    FLOAT_BITS = 24, // a power of two this high in the denominator comes from a double
};

// Digits after the point of an exact decimal: the larger power of 2 or 5. -1: it is none.
static long places_of(mpz_srcptr denominator)
{
    mpz_t rest, five;
    mpz_init(rest);
    mpz_init_set_ui(five, 5);
    long twos = (long) mpz_scan1(denominator, 0);
    mpz_tdiv_q_2exp(rest, denominator, (mp_bitcnt_t) twos);
    long fives = (long) mpz_remove(rest, rest, five);
    bool plain = mpz_cmp_ui(rest, 1) == 0;
    mpz_clear(five);
    mpz_clear(rest);
    if (!plain)
        return -1;
    return twos > fives ? twos : fives;
}

// digits * 10^-places with its point, without zeros at the end.
static void write_plain(char *text, bool negative, const char *digits, long places)
{
    long count = (long) strlen(digits);
    while (places > 0 && count > 0 && digits[count - 1] == '0') {
        count--;
        places--;
    }
    if (count == 0 || (count == 1 && *digits == '0')) {
        strcpy(text, "0");
        return;
    }
    if (negative)
        *text++ = '-';
    for (long i = count > places ? count : places + 1; i > 0; i--) {
        if (i == places)
            *text++ = '.';
        *text++ = i > count ? '0' : digits[count - i];
    }
    for (; places < 0; places++)
        *text++ = '0';
    *text = '\0';
}

// Round |value| * 10^places to a whole number, halves up.
static void scaled(mpz_ptr digits, mpq_srcptr value, long places)
{
    mpq_t scale;
    mpq_init(scale);
    mpz_ui_pow_ui(mpq_numref(scale), 10, (unsigned long) labs(places));
    if (places < 0)
        mpq_inv(scale, scale);
    mpq_mul(scale, scale, value);
    mpq_abs(scale, scale);
    mpz_mul_2exp(digits, mpq_numref(scale), 1);
    mpz_add(digits, digits, mpq_denref(scale));
    mpz_mul_2exp(mpq_denref(scale), mpq_denref(scale), 1);
    mpz_fdiv_q(digits, digits, mpq_denref(scale));
    mpq_clear(scale);
}

// Places after the point that leave SIGNIFICANT digits.
static long significant_places(mpq_srcptr value)
{
    mpz_t digits, limit;
    mpz_init(digits);
    mpz_init(limit);
    mpz_ui_pow_ui(limit, 10, SIGNIFICANT);
    long magnitude = (long) mpz_sizeinbase(mpq_numref(value), 10) -
                     (long) mpz_sizeinbase(mpq_denref(value), 10); // right, or one off either way
    long places = SIGNIFICANT - magnitude + 1;
    scaled(digits, value, places);
    while (mpz_cmp(digits, limit) >= 0)
        scaled(digits, value, --places);
    mpz_clear(limit);
    mpz_clear(digits);
    return places;
}

static void print_scaled(mpq_srcptr value, long places, char *text)
{
    mpz_t digits;
    mpz_init(digits);
    scaled(digits, value, places);
    char *written = mpz_get_str(NULL, 10, digits);
    long length = (long) strlen(written);
    if (length + labs(places) < PLAIN_MAX) {
        write_plain(text, mpq_sgn(value) < 0, written, places);
    } else {
        long exponent = length - 1 - places;
        snprintf(text, EVALUATE_TEXT_MAX, "%s%c.%.*se%+ld", mpq_sgn(value) < 0 ? "-" : "", *written,
                 SIGNIFICANT - 1, written + 1, exponent);
    }
    void (*release)(void *, size_t);
    mp_get_memory_functions(NULL, NULL, &release);
    release(written, (size_t) length + 1);
    mpz_clear(digits);
}

// The double of a root, a logarithm, a deviation: shortest text that reads back as it.
static bool print_double(mpq_srcptr value, char *text)
{
    decimal_t decimal;
    bool power_of_two = mpz_popcount(mpq_denref(value)) == 1;
    double number = rational_nearest(value);
    if (!power_of_two || mpz_scan1(mpq_denref(value), 0) < FLOAT_BITS ||
        !rational_is_double(value, number) ||
        decimal_from_double(&decimal, number) == DECIMAL_NOT_A_NUMBER || decimal.mantissa == 0)
        return false;
    char plain[DECIMAL_TEXT_MAX];
    decimal_print(decimal, plain);
    snprintf(text, EVALUATE_TEXT_MAX, "%s", plain);
    return true;
}

void rational_print(const mpq_t value, char *text)
{
    if (print_double(value, text))
        return;
    long places = places_of(mpq_denref(value));
    bool plain = places >= 0 && (long) mpz_sizeinbase(mpq_numref(value), 10) + places < PLAIN_MAX;
    print_scaled(value, plain ? places : significant_places(value), text);
}
