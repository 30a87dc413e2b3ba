/*  rational -- correct rounding against many more bits; decimals for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "actors/rules/evaluate.h"
#include "actors/rules/rational.h"

static void set(mpq_ptr value, const char *text)
{
    assert_int_equal(mpq_set_str(value, text, 10), 0);
    mpq_canonicalize(value);
}

static void test_print(void **state)
{
    (void) state;
    static const char *const cases[][2] = {
        { "0", "0" },
        { "-7", "-7" },
        { "1/2", "0.5" },
        { "-1/8", "-0.125" },
        { "1500", "1500" },
        { "1/3", "0.33333333333333333333" },
        { "-2/3", "-0.66666666666666666667" },
        { "2000000/3", "666666.66666666666667" },
        { "1/3000000", "0.00000033333333333333333333" },
        { "123456789012345678901234567890/100", "1234567890123456789012345678.9" },
        { "99999999999999999999999999999999/3", "33333333333333333333333333333333" },
        { "100000000000000000000000000000000/3", "33333333333333333333000000000000" },
        { "1/100000000000000000000000000000000000000000000000000",
          "0.00000000000000000000000000000000000000000000000001" },
        { "6369051672525773/4503599627370496", "1.4142135623730951" }, // sqrt(2) as a double
    };
    char text[EVALUATE_TEXT_MAX];
    mpq_t value;
    mpq_init(value);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        set(value, cases[i][0]);
        rational_print(value, text);
        assert_string_equal(text, cases[i][1]);
    }
    mpz_ui_pow_ui(mpq_numref(value), 10, 300);
    mpz_set_ui(mpq_denref(value), 1);
    mpq_neg(value, value);
    rational_print(value, text);
    assert_string_equal(text, "-1.0000000000000000000e+300");
    mpz_set_ui(mpq_numref(value), 1);
    mpz_ui_pow_ui(mpq_denref(value), 3, 600);
    rational_print(value, text);
    assert_true(strlen(text) < EVALUATE_TEXT_MAX);
    assert_true(fabs(strtod(text, NULL) * pow(3, 300) * pow(3, 300) - 1) < 1e-12);
    mpq_clear(value);
}

static double rounded(rounded_t function, const char *x, const char *y)
{
    mpq_t a, b, value;
    mpq_inits(a, b, value, NULL);
    set(a, x);
    set(b, y);
    double number = rational_rounded(function, a, b, value) ? mpq_get_d(value) : NAN;
    if (!isnan(number))
        assert_true(rational_is_double(value, number));
    mpq_clears(a, b, value, NULL);
    return number;
}

static void test_rounded(void **state)
{
    (void) state;
    assert_true(rounded(ROUNDED_SQRT, "2", "0") == 0x1.6a09e667f3bcdp+0);
    assert_true(rounded(ROUNDED_SQRT, "0", "0") == 0);
    assert_true(rounded(ROUNDED_SQRT, "1/4", "0") == 0.5);
    assert_true(isnan(rounded(ROUNDED_SQRT, "-1", "0")));
    assert_true(rounded(ROUNDED_LN, "1", "0") == 0);
    assert_true(rounded(ROUNDED_LN, "2", "0") == 0x1.62e42fefa39efp-1);
    assert_true(isnan(rounded(ROUNDED_LN, "0", "0")));
    assert_true(rounded(ROUNDED_EXP, "1", "0") == 0x1.5bf0a8b145769p+1);
    assert_true(rounded(ROUNDED_EXP, "-1000000", "0") == 0);
    assert_true(rounded(ROUNDED_EXP, "709", "0") == 0x1.d422d2be5dc9bp+1022);
    assert_true(isnan(rounded(ROUNDED_EXP, "7091/10", "0")));
    assert_true(rounded(ROUNDED_POWER, "9", "1/2") == 3);
    assert_true(rounded(ROUNDED_POWER, "27", "1/3") == 3);
    assert_true(rounded(ROUNDED_POWER, "-2", "-3") == -0.125);
    assert_true(rounded(ROUNDED_POWER, "1/10", "2") == 0.01);
    assert_true(rounded(ROUNDED_POWER, "0", "0") == 1);
    assert_true(isnan(rounded(ROUNDED_POWER, "0", "-1")));
    assert_true(isnan(rounded(ROUNDED_POWER, "-4", "1/2")));
    assert_true(fabs(rounded(ROUNDED_POWER, "1000000001/1000000000", "1000000000") -
                     2.7182818270999043) < 1e-15);
    // Exactly halfway between two doubles, as it is and as a root: to the even one.
    assert_true(rounded(ROUNDED_POWER, "9007199254740993", "1") == 9007199254740992.0);
    assert_true(rounded(ROUNDED_POWER, "81129638414606699710187514626049", "1/2") ==
                9007199254740992.0);
}

// What no double can hold is no number, however it came about.
static void test_beyond(void **state)
{
    (void) state;
    mpq_t x, y, value;
    mpq_inits(x, y, value, NULL);
    mpz_ui_pow_ui(mpq_numref(x), 10, 897);
    assert_false(rational_rounded(ROUNDED_SQRT, x, x, value)); // 10^448.5
    mpz_ui_pow_ui(mpq_numref(x), 10, 616);
    assert_true(rational_rounded(ROUNDED_SQRT, x, x, value));
    assert_true(rational_is_double(value, 1e308));
    // (1 + 10^-598)^(y * 10^598) is e^y, and 96 bits take the base for 1.
    mpz_ui_pow_ui(mpq_denref(x), 10, 598);
    mpz_add_ui(mpq_numref(x), mpq_denref(x), 1);
    static const struct {
        unsigned exponent;
        bool known;
    } cases[] = { { 8, true }, { 708, true }, { 710, false }, { 800, false }, { 1000000, false } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mpz_ui_pow_ui(mpq_numref(y), 10, 598);
        mpz_mul_ui(mpq_numref(y), mpq_numref(y), cases[i].exponent);
        assert_int_equal(rational_rounded(ROUNDED_POWER, x, y, value), cases[i].known);
    }
    mpq_clears(x, y, value, NULL);
}

static void test_steps(void **state)
{
    (void) state;
    static const struct {
        const char *x;
        int digits;
        const char *rounded, *floor, *even;
    } cases[] = {
        { "5/2", 0, "3", "2", "2" },
        { "-5/2", 0, "-3", "-3", "-2" },
        { "7/2", 0, "4", "3", "4" },
        { "-7/2", 0, "-4", "-4", "-4" },
        { "1/2", 0, "1", "0", "0" },
        { "-1/2", 0, "-1", "-1", "0" },
        { "51/20", 0, "3", "2", "3" },
        { "-49/20", 0, "-2", "-3", "-2" },
        { "1/8", 2, "13/100", "0", "0" },
        { "-1/8", 2, "-13/100", "-1", "0" },
        { "1250", -2, "1300", "1250", "1250" },
        { "1249", -2, "1200", "1249", "1249" },
        { "1/3", 3, "333/1000", "0", "0" },
    };
    mpq_t x, value, expected;
    mpq_inits(x, value, expected, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        set(x, cases[i].x);
        rational_round(value, x, cases[i].digits);
        set(expected, cases[i].rounded);
        assert_true(mpq_equal(value, expected));
        rational_floor(value, x);
        set(expected, cases[i].floor);
        assert_true(mpq_equal(value, expected));
        rational_round_even(value, x);
        set(expected, cases[i].even);
        assert_true(mpq_equal(value, expected));
    }
    mpq_clears(x, value, expected, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_rounded),
        cmocka_unit_test(test_beyond),
        cmocka_unit_test(test_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
