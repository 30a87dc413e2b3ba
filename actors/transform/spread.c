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

static bool variance_exact(const spread_t *self, mpq_t variance)
{
    uint64_t n = self->slot->count;
    if (n < (is_sample(self->kind) ? 2 : 1))
        return false;
    sums_exact(self->slot, OF_X, mpq_numref(variance));
    mpz_set_ui(mpq_denref(variance), n);
    mpz_mul_ui(mpq_denref(variance), mpq_denref(variance), is_sample(self->kind) ? n - 1 : n);
    mpq_canonicalize(variance);
    exact_scale(variance, 2 * self->exponent);
    (is_root(self->kind) ? exact_round_root : exact_round)(variance);
    return true;
}

// corr = Sxy / sqrt(Sxx * Syy); regr_slope(Y, X) = Sxy / Sxx with Y the first argument.
static bool relation_exact(const spread_t *self, mpq_t ratio)
{
    bool corr = self->kind == AGGREGATE_CORR;
    mpz_t sxx, syy, sxy;
    mpz_inits(sxx, syy, sxy, NULL);
    sums_exact(self->slot, OF_Y, sxx);
    sums_exact(self->slot, OF_X, syy);
    sums_exact(self->slot, OF_XY, sxy);
    bool defined = mpz_sgn(sxx) != 0 && (!corr || mpz_sgn(syy) != 0);
    if (defined && corr) {
        mpz_mul(mpq_numref(ratio), sxy, sxy);
        mpz_mul(mpq_denref(ratio), sxx, syy);
        mpq_canonicalize(ratio);
        exact_round_root(ratio);
        if (mpz_sgn(sxy) < 0)
            mpq_neg(ratio, ratio);
    } else if (defined) {
        mpz_set(mpq_numref(ratio), sxy);
        mpz_set(mpq_denref(ratio), sxx);
        mpq_canonicalize(ratio);
        exact_scale(ratio, self->exponent - self->exponent2);
        exact_round(ratio);
    }
    mpz_clears(sxx, syy, sxy, NULL);
    return defined;
}

static approximate_t by_way_of_exact(const spread_t *self, double *value, double *error)
{
    mpq_t exact;
    mpq_init(exact);
    approximate_t known = !spread_exact(self, exact)            ? APPROXIMATE_NULL
                          : exact_estimate(exact, value, error) ? APPROXIMATE_VALUE
                                                                : APPROXIMATE_UNSURE;
    mpq_clear(exact);
    return known;
}

static approximate_t variance_approximate(const spread_t *self, double *value, double *error)
{
    uint64_t n = self->slot->count;
    int128_t spread;
    if (n < 2 || n > UINT32_MAX || !sums_small(self->slot, OF_X, &spread))
        return by_way_of_exact(self, value, error);
    double weight = (double) (n * (is_sample(self->kind) ? n - 1 : n));
    // Roundings: of the spread, the weight, the quotient, and of what is defined itself.
    if (!exact_approximate((double) spread / weight, 2 * self->exponent, 4, value, error))
        return by_way_of_exact(self, value, error);
    if (is_root(self->kind) && *value > 0) {
        double relative = *error / *value;
        *value = sqrt(*value);
        *error = *value * (relative + 0x1p-51); // a root halves it; then two roundings
    }
    return APPROXIMATE_VALUE;
}

static approximate_t relation_approximate(const spread_t *self, double *value, double *error)
{
    int128_t sxx, syy, sxy;
    bool corr = self->kind == AGGREGATE_CORR;
    if (!sums_small(self->slot, OF_Y, &sxx) || !sums_small(self->slot, OF_X, &syy) ||
        !sums_small(self->slot, OF_XY, &sxy))
        return by_way_of_exact(self, value, error);
    if (sxx == 0 || (corr && syy == 0))
        return APPROXIMATE_NULL;
    if (corr) { // 8 roundings at most, of products far from over- and underflow
        *value = (double) sxy / (sqrt((double) sxx) * sqrt((double) syy));
        *error = fabs(*value) * 9 * 0x1p-53;
        return APPROXIMATE_VALUE;
    }
    if (!exact_approximate((double) sxy / (double) sxx, self->exponent - self->exponent2, 4, value,
                           error))
        return by_way_of_exact(self, value, error);
    return APPROXIMATE_VALUE;
}

static bool is_relation(aggregate_kind_t kind)
{
    return kind == AGGREGATE_CORR || kind == AGGREGATE_REGR_SLOPE;
}

bool spread_exact(const spread_t *self, mpq_t value)
{
    return (is_relation(self->kind) ? relation_exact : variance_exact)(self, value);
}

approximate_t spread_approximate(const spread_t *self, double *value, double *error)
{
    return (is_relation(self->kind) ? relation_approximate : variance_approximate)(self, value,
                                                                                   error);
}
