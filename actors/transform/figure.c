/*  figure -- see figure.h. */
#include "actors/transform/figure.h"

#include <assert.h>

void figure_init(figure_t *self)
{
    *self = (figure_t){ .size = FIGURE_NULL };
    mpz_init(self->big);
}

void figure_clear(figure_t *self)
{
    mpz_clear(self->big);
}

void figure_set_int128(figure_t *self, int128_t mantissa, int exponent)
{
    self->exponent = exponent;
    if (mantissa > INT64_MIN && mantissa <= INT64_MAX) {
        self->size = FIGURE_SMALL;
        self->mantissa = (int64_t) mantissa;
    } else {
        self->size = FIGURE_BIG;
        exact_set_int128(self->big, mantissa);
        figure_normalise(self);
    }
}

void figure_set_big(figure_t *self, const mpz_t mantissa, int exponent)
{
    self->size = FIGURE_BIG;
    self->exponent = exponent;
    mpz_set(self->big, mantissa);
    figure_normalise(self);
}

bool figure_set_rational(figure_t *self, const mpq_t value)
{
    // a / (2^i * 5^j) = a * 2^(k-i) * 5^(k-j) / 10^k with k = max(i, j).
    mpz_t rest, factor;
    mpz_inits(rest, factor, NULL);
    mp_bitcnt_t twos = mpz_scan1(mpq_denref(value), 0);
    mpz_tdiv_q_2exp(rest, mpq_denref(value), twos);
    mpz_set_ui(factor, 5);
    mp_bitcnt_t fives = mpz_remove(rest, rest, factor);
    bool decimal = mpz_cmp_ui(rest, 1) == 0;
    if (decimal) {
        mp_bitcnt_t digits = twos > fives ? twos : fives;
        mpz_ui_pow_ui(factor, 5, digits - fives);
        mpz_mul(self->big, mpq_numref(value), factor);
        mpz_mul_2exp(self->big, self->big, digits - twos);
        self->size = FIGURE_BIG;
        self->exponent = -(int) digits;
        figure_normalise(self);
    }
    mpz_clears(rest, factor, NULL);
    return decimal;
}

static bool fits_int64(const mpz_t value)
{
    return mpz_fits_slong_p(value) && mpz_get_si(value) != FIGURE_NULL_MANTISSA;
}

void figure_normalise(figure_t *self)
{
    if (self->size == FIGURE_BIG) {
        mpz_t ten;
        mpz_init_set_ui(ten, 10);
        if (mpz_sgn(self->big) != 0)
            self->exponent += (int) mpz_remove(self->big, self->big, ten);
        mpz_clear(ten);
        if (!fits_int64(self->big))
            return;
        self->size = FIGURE_SMALL;
        self->mantissa = mpz_get_si(self->big);
    }
    if (self->size == FIGURE_NULL)
        return;
    if (self->mantissa == 0)
        self->exponent = 0;
    while (self->mantissa != 0 && self->mantissa % 10 == 0) {
        self->mantissa /= 10;
        self->exponent++;
    }
}

bool figure_at(const figure_t *self, int exponent, int64_t *mantissa)
{
    assert(self->size != FIGURE_NULL);
    if (self->size == FIGURE_BIG)
        return false; // normalised, so it neither shrinks nor fits
    int up = self->exponent - exponent;
    if (self->mantissa == 0 || up == 0) {
        *mantissa = self->mantissa;
        return true;
    }
    if (up > EXACT_TEN_MAX || up < -EXACT_TEN_MAX)
        return false;
    if (up > 0)
        return !__builtin_mul_overflow(self->mantissa, exact_ten[up], mantissa) &&
               *mantissa != FIGURE_NULL_MANTISSA;
    *mantissa = self->mantissa / exact_ten[-up];
    return self->mantissa % exact_ten[-up] == 0;
}

void figure_big_at(const figure_t *self, int exponent, mpz_t mantissa)
{
    assert(self->size != FIGURE_NULL);
    if (self->size == FIGURE_BIG)
        mpz_set(mantissa, self->big);
    else
        mpz_set_si(mantissa, self->mantissa);
    if (mpz_sgn(mantissa) == 0 || self->exponent == exponent)
        return;
    assert(self->exponent > exponent);
    mpz_t ten;
    mpz_init(ten);
    exact_ten_power(ten, (unsigned) (self->exponent - exponent));
    mpz_mul(mantissa, mantissa, ten);
    mpz_clear(ten);
}

void figure_rational(const figure_t *self, mpq_t value)
{
    assert(self->size != FIGURE_NULL);
    if (self->size == FIGURE_BIG)
        mpz_set(mpq_numref(value), self->big);
    else
        mpz_set_si(mpq_numref(value), self->mantissa);
    mpz_set_ui(mpq_denref(value), 1);
    exact_scale(value, self->exponent);
}

void figure_copy(figure_t *self, const figure_t *from)
{
    self->size = from->size;
    self->exponent = from->exponent;
    self->mantissa = from->mantissa;
    if (from->size == FIGURE_BIG)
        mpz_set(self->big, from->big);
}

// Both mantissas at the lower of the two exponents.
static int align(const figure_t *a, const figure_t *b, mpz_t x, mpz_t y)
{
    int exponent = a->exponent < b->exponent ? a->exponent : b->exponent;
    figure_big_at(a, exponent, x);
    figure_big_at(b, exponent, y);
    return exponent;
}

void figure_add(figure_t *self, const figure_t *other)
{
    if (self->size == FIGURE_SMALL && other->size == FIGURE_SMALL &&
        self->exponent == other->exponent) {
        figure_set_int128(self, (int128_t) self->mantissa + other->mantissa, self->exponent);
        return;
    }
    mpz_t x, y;
    mpz_inits(x, y, NULL);
    int exponent = align(self, other, x, y);
    mpz_add(x, x, y);
    figure_set_big(self, x, exponent);
    mpz_clears(x, y, NULL);
}

void figure_multiply(figure_t *self, const figure_t *other)
{
    int exponent = self->exponent + other->exponent;
    if (self->size == FIGURE_SMALL && other->size == FIGURE_SMALL) {
        figure_set_int128(self, (int128_t) self->mantissa * other->mantissa, exponent);
        return;
    }
    mpz_t x, y;
    mpz_inits(x, y, NULL);
    figure_big_at(self, self->exponent, x);
    figure_big_at(other, other->exponent, y);
    mpz_mul(x, x, y);
    figure_set_big(self, x, exponent);
    mpz_clears(x, y, NULL);
}

int figure_compare(const figure_t *a, const figure_t *b)
{
    if (a->size == FIGURE_SMALL && b->size == FIGURE_SMALL && a->exponent == b->exponent)
        return (a->mantissa > b->mantissa) - (a->mantissa < b->mantissa);
    mpz_t x, y;
    mpz_inits(x, y, NULL);
    align(a, b, x, y);
    int order = mpz_cmp(x, y);
    mpz_clears(x, y, NULL);
    return order;
}
