/*  spread -- see spread.h. */
#include "actors/transform/spread.h"

#include <math.h>

typedef enum { OF_X, OF_Y, OF_XY } which_t; // x is the first argument, y the second

// n * sum(a * b) - sum(a) * sum(b) over mantissas, exactly.
static void sums_exact(const slot_t *slot, which_t which, mpz_t value)
{
    const slot_more_t *more = slot->more;
    mpz_t a, b;
    mpz_inits(a, b, NULL);
    if (more->big) {
        mpz_set(a, which == OF_Y ? more->big_sum2 : more->big_sum);
        mpz_set(b, which == OF_X ? more->big_sum : more->big_sum2);
        mpz_set(value, which == OF_X   ? more->big_squares
                       : which == OF_Y ? more->big_squares2
                                       : more->big_products);
    } else {
        exact_set_int128(a, which == OF_Y ? more->sum2 : slot->sum);
        exact_set_int128(b, which == OF_X ? slot->sum : more->sum2);
        exact_set_int192(value, which == OF_X   ? &more->squares
                                : which == OF_Y ? &more->squares2
                                                : &more->products);
    }
    mpz_mul_ui(value, value, slot->count);
    mpz_submul(value, a, b);
    mpz_clears(a, b, NULL);
}

// The same if it fits 128 bits on the way.
static bool sums_small(const slot_t *slot, which_t which, int128_t *value)
{
    const slot_more_t *more = slot->more;
    int128_t squares, product;
    return !more->big &&
           int192_small(which == OF_X   ? &more->squares
                        : which == OF_Y ? &more->squares2
                                        : &more->products,
                        &squares) &&
           !__builtin_mul_overflow(squares, (int128_t) slot->count, &squares) &&
           !__builtin_mul_overflow(which == OF_Y ? more->sum2 : slot->sum,
                                   which == OF_X ? slot->sum : more->sum2, &product) &&
           !__builtin_sub_overflow(squares, product, value);
}

static bool is_sample(aggregate_kind_t kind)
{
    return kind == AGGREGATE_VAR_SAMP || kind == AGGREGATE_STDDEV_SAMP;
}

static bool is_root(aggregate_kind_t kind)
{
    return kind == AGGREGATE_STDDEV_SAMP || kind == AGGREGATE_STDDEV_POP;
}

static bool variance_exact(const spread_t *self, double *number)
{
    uint64_t n = self->slot->count;
    if (n < (is_sample(self->kind) ? 2 : 1))
        return false;
    mpq_t variance;
    mpq_init(variance);
    sums_exact(self->slot, OF_X, mpq_numref(variance));
    mpz_set_ui(mpq_denref(variance), n);
    mpz_mul_ui(mpq_denref(variance), mpq_denref(variance), is_sample(self->kind) ? n - 1 : n);
    mpq_canonicalize(variance);
    exact_scale(variance, 2 * self->exponent);
    bool fits = is_root(self->kind) ? exact_root_to_double(variance, number)
                                    : exact_to_double(variance, number);
    mpq_clear(variance);
    return fits;
}

// corr = Sxy / sqrt(Sxx * Syy); regr_slope(Y, X) = Sxy / Sxx with Y the first argument.
static bool relation_exact(const spread_t *self, double *number)
{
    bool corr = self->kind == AGGREGATE_CORR;
    mpq_t ratio;
    mpz_t sxx, syy, sxy;
    mpq_init(ratio);
    mpz_inits(sxx, syy, sxy, NULL);
    sums_exact(self->slot, OF_Y, sxx);
    sums_exact(self->slot, OF_X, syy);
    sums_exact(self->slot, OF_XY, sxy);
    bool defined = mpz_sgn(sxx) != 0 && (!corr || mpz_sgn(syy) != 0);
    if (defined && corr) {
        mpz_mul(mpq_numref(ratio), sxy, sxy);
        mpz_mul(mpq_denref(ratio), sxx, syy);
        mpq_canonicalize(ratio);
        defined = exact_root_to_double(ratio, number);
        *number = mpz_sgn(sxy) < 0 ? -*number : *number;
    } else if (defined) {
        mpz_set(mpq_numref(ratio), sxy);
        mpz_set(mpq_denref(ratio), sxx);
        mpq_canonicalize(ratio);
        exact_scale(ratio, self->exponent - self->exponent2);
        defined = exact_to_double(ratio, number);
    }
    mpz_clears(sxx, syy, sxy, NULL);
    mpq_clear(ratio);
    return defined;
}

static bool variance_approximate(const spread_t *self, double *value, double *error)
{
    uint64_t n = self->slot->count;
    int128_t spread;
    *error = 0;
    if (n < 2 || n > UINT32_MAX || !sums_small(self->slot, OF_X, &spread))
        return variance_exact(self, value);
    double weight = (double) (n * (is_sample(self->kind) ? n - 1 : n));
    // Roundings: of the spread, the weight, the quotient, and of the defined double itself.
    if (!exact_approximate((double) spread / weight, 2 * self->exponent, 4, value, error)) {
        *error = 0;
        return variance_exact(self, value);
    }
    if (is_root(self->kind) && *value > 0) {
        double relative = *error / *value;
        *value = sqrt(*value);
        *error = *value * (relative + 0x1p-51); // a root halves it; then two roundings
    }
    return true;
}

static bool relation_approximate(const spread_t *self, double *value, double *error)
{
    int128_t sxx, syy, sxy;
    bool corr = self->kind == AGGREGATE_CORR;
    *error = 0;
    if (!sums_small(self->slot, OF_Y, &sxx) || !sums_small(self->slot, OF_X, &syy) ||
        !sums_small(self->slot, OF_XY, &sxy))
        return relation_exact(self, value);
    if (sxx == 0 || (corr && syy == 0))
        return false;
    if (corr) { // 8 roundings at most, of products far from over- and underflow
        *value = (double) sxy / (sqrt((double) sxx) * sqrt((double) syy));
        *error = fabs(*value) * 9 * 0x1p-53;
        return true;
    }
    if (!exact_approximate((double) sxy / (double) sxx, self->exponent - self->exponent2, 4, value,
                           error)) {
        *error = 0;
        return relation_exact(self, value);
    }
    return true;
}

static bool is_relation(aggregate_kind_t kind)
{
    return kind == AGGREGATE_CORR || kind == AGGREGATE_REGR_SLOPE;
}

bool spread_exact(const spread_t *self, double *number)
{
    return (is_relation(self->kind) ? relation_exact : variance_exact)(self, number);
}

bool spread_approximate(const spread_t *self, double *value, double *error)
{
    return (is_relation(self->kind) ? relation_approximate : variance_approximate)(self, value,
                                                                                   error);
}
