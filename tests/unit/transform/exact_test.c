/*  Wide integers and doubles nearest to rationals, against GMP and MPFR. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <mpfr.h>

#include "actors/transform/figure.h"
#include "tests/unit/proto/seeded.h"

static int128_t random128(seeded_t *seed)
{
    int128_t value = (int128_t) (((uint128_t) seeded_next(seed) << 64) | seeded_next(seed));
    return value >> seeded_below(seed, 127);
}

static void test_int192(void **state)
{
    (void) state;
    seeded_t seed = { .state = 3 };
    int192_t sum = { 0 };
    mpz_t expected, value;
    mpz_inits(expected, value, NULL);
    for (int i = 0; i < 20000; i++) {
        int128_t next = random128(&seed);
        exact_set_int128(value, next);
        if (seeded_below(&seed, 2)) {
            int192_add(&sum, next);
            mpz_add(expected, expected, value);
        } else {
            int192_subtract(&sum, next);
            mpz_sub(expected, expected, value);
        }
        exact_set_int192(value, &sum);
        assert_int_equal(mpz_cmp(value, expected), 0);
        int128_t small;
        bool fits = mpz_sizeinbase(expected, 2) < 128;
        assert_int_equal(int192_small(&sum, &small), fits);
        if (fits) {
            exact_set_int128(value, small);
            assert_int_equal(mpz_cmp(value, expected), 0);
        }
    }
    mpz_clears(expected, value, NULL);
}

static void random_rational(seeded_t *seed, mpq_t value)
{
    exact_set_int128(mpq_numref(value), random128(seed));
    do
        exact_set_int128(mpq_denref(value), random128(seed));
    while (mpz_sgn(mpq_denref(value)) == 0);
    if (seeded_below(seed, 3) == 0) { // a tie of two doubles, or one off it
        mpz_set_ui(mpq_numref(value), 2 * (seeded_next(seed) >> 11) + 1);
        mpz_mul_2exp(mpq_numref(value), mpq_numref(value), 90);
        mpz_add_ui(mpq_numref(value), mpq_numref(value), seeded_below(seed, 2));
        mpz_set_ui(mpq_denref(value), 1);
    }
    mpq_canonicalize(value);
}

// real = value, times 2^-shift so that a double can hold it.
static void assert_rounded(const mpq_t rounded, mpfr_t real, long shift)
{
    mpq_t wanted;
    mpq_init(wanted);
    mpfr_div_2si(real, real, shift, MPFR_RNDN);
    mpq_set_d(wanted, mpfr_get_d(real, MPFR_RNDN));
    if (shift > 0)
        mpq_mul_2exp(wanted, wanted, (mp_bitcnt_t) shift);
    else
        mpq_div_2exp(wanted, wanted, (mp_bitcnt_t) -shift);
    assert_true(mpq_equal(rounded, wanted));
    mpq_clear(wanted);
}

static void test_rounding(void **state)
{
    (void) state;
    static const long shifts[] = { 0, 0, 2000, -2000 }; // to where no double is
    seeded_t seed = { .state = 4 };
    mpq_t value, rounded;
    mpq_inits(value, rounded, NULL);
    mpfr_t real;
    mpfr_init2(real, 1000);
    for (int i = 0; i < 20000; i++) {
        long shift = shifts[i % 4];
        random_rational(&seed, value);
        if (shift > 0)
            mpq_mul_2exp(value, value, (mp_bitcnt_t) shift);
        else
            mpq_div_2exp(value, value, (mp_bitcnt_t) -shift);
        mpq_set(rounded, value);
        exact_round(rounded);
        mpfr_set_q(real, value, MPFR_RNDN);
        assert_rounded(rounded, real, shift);
        mpq_abs(value, value);
        mpq_set(rounded, value);
        exact_round_root(rounded);
        mpfr_set_q(real, value, MPFR_RNDN);
        mpfr_sqrt(real, real, MPFR_RNDN);
        assert_rounded(rounded, real, shift / 2);
    }
    mpfr_clear(real);
    mpq_clears(value, rounded, NULL);
}

// Down to nothing, where a double has few bits or none, and up to where there is none.
static void test_estimates(void **state)
{
    (void) state;
    seeded_t seed = { .state = 8 };
    mpq_t value, off;
    mpq_inits(value, off, NULL);
    int refused = 0, nothing = 0;
    for (int i = 0; i < 20000; i++) {
        random_rational(&seed, value);
        unsigned shift = seeded_below(&seed, 1200);
        if (i % 2)
            mpq_mul_2exp(value, value, shift);
        else
            mpq_div_2exp(value, value, shift);
        double number, error;
        bool near = exact_estimate(value, &number, &error);
        refused += !near;
        if (!near) {
            mpq_div_2exp(value, value, 1023);
            assert_true(fabs(mpq_get_d(value)) >= 1.999);
            continue;
        }
        nothing += number == 0 && mpq_sgn(value) != 0;
        mpq_set_d(off, number);
        mpq_sub(value, value, off);
        mpq_abs(value, value);
        mpq_set_d(off, error);
        assert_true(mpq_cmp(value, off) <= 0);
        assert_true(error <= fabs(number) * 0x1p-52 + 0x1p-1074);
    }
    assert_true(refused > 500 && nothing > 200);
    mpq_clears(value, off, NULL);
}

static void test_approximate(void **state)
{
    (void) state;
    seeded_t seed = { .state = 5 };
    mpq_t exact, nearly;
    mpq_inits(exact, nearly, NULL);
    for (int i = 0; i < 20000; i++) {
        int64_t mantissa = (int64_t) seeded_next(&seed) >> (11 + seeded_below(&seed, 50));
        int exponent = (int) seeded_below(&seed, 401) - 200;
        double value, error;
        if (!exact_approximate((double) mantissa, exponent, 0, &value, &error))
            continue;
        mpq_set_si(exact, mantissa, 1);
        exact_scale(exact, exponent);
        mpq_set_d(nearly, value);
        mpq_sub(exact, exact, nearly);
        mpq_abs(exact, exact);
        mpq_set_d(nearly, error);
        assert_true(mpq_cmp(exact, nearly) <= 0);
        assert_true(error <= fabs(value) * 0x1p-48);
    }
    mpq_clears(exact, nearly, NULL);
}

static void random_figure(seeded_t *seed, figure_t *figure)
{
    figure_set_int128(figure, random128(seed), (int) seeded_below(seed, 40) - 20);
    if (seeded_below(seed, 4) == 0)
        figure_normalise(figure);
}

static void test_figures(void **state)
{
    (void) state;
    seeded_t seed = { .state = 6 };
    figure_t a, b, c;
    figure_init(&a);
    figure_init(&b);
    figure_init(&c);
    mpq_t x, y, z;
    mpq_inits(x, y, z, NULL);
    for (int i = 0; i < 5000; i++) {
        random_figure(&seed, &a);
        random_figure(&seed, &b);
        figure_rational(&a, x);
        figure_rational(&b, y);
        assert_int_equal(figure_compare(&a, &b) > 0, mpq_cmp(x, y) > 0);
        assert_int_equal(figure_compare(&a, &b) < 0, mpq_cmp(x, y) < 0);
        figure_copy(&c, &a);
        figure_add(&c, &b);
        figure_rational(&c, z);
        mpq_sub(z, z, y);
        assert_true(mpq_equal(z, x));
        figure_copy(&c, &a);
        figure_multiply(&c, &b);
        figure_rational(&c, z);
        mpq_mul(x, x, y);
        assert_true(mpq_equal(z, x));
        assert_true(figure_set_rational(&b, x));
        figure_rational(&b, z);
        assert_true(mpq_equal(z, x));
        int64_t mantissa;
        if (c.size == FIGURE_SMALL && c.mantissa % 10 == 0 &&
            figure_at(&c, c.exponent + 1, &mantissa))
            assert_int_equal(mantissa, c.mantissa / 10);
    }
    mpq_set_ui(x, 1, 3);
    assert_false(figure_set_rational(&a, x));
    mpq_clears(x, y, z, NULL);
    figure_clear(&a);
    figure_clear(&b);
    figure_clear(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_int192),    cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_estimates), cmocka_unit_test(test_approximate),
        cmocka_unit_test(test_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
