/*  approximate -- numbers in doubles, each with a bound on its absolute error.
 *
 *  Every step adds its own rounding to the bound and a little more for the rounding of the
 *  bound, so that the bound holds in round-to-nearest without looking at the flags. What is not
 *  finite or could be on either side of a singularity is unsure. libm is trusted to 2^-40, more
 *  than two thousand times worse than any libm is: a verdict never hangs on its last bits.
 */
#include <assert.h>
#include <math.h>

#include "actors/rules/judge.h"

static const double libm = 0x1p-40;     // relative error granted to exp, log and pow
static const double exponent_max = 709; // as in rational.c
enum { POWER_WHOLE_MAX = 64, SMALL_DIGITS_MAX = 22 };

static const double ten_to[SMALL_DIGITS_MAX + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

approximate_t estimate_decimal(decimal_t decimal, estimate_t *estimate)
{
    if (decimal_is_null(decimal))
        return APPROXIMATE_NULL;
    double mantissa = (double) decimal.mantissa;
    bool small = decimal.mantissa > -(INT64_C(1) << 53) && decimal.mantissa < INT64_C(1) << 53;
    if (small && decimal.exponent == 0)
        return estimate_give(estimate, mantissa, 0);
    bool short_range = small && decimal.exponent > 0 && decimal.exponent <= SMALL_DIGITS_MAX;
    if (short_range && fabs(mantissa) * ten_to[decimal.exponent] < ESTIMATE_WHOLE_MAX)
        return estimate_give(estimate, mantissa * ten_to[decimal.exponent], 0);
    if (small && decimal.exponent < 0 && decimal.exponent >= -SMALL_DIGITS_MAX) {
        double value = mantissa / ten_to[-decimal.exponent];
        return estimate_give(estimate, value, fabs(value) * ESTIMATE_HALF_ULP);
    }
    double value = decimal_to_double(decimal);
    return estimate_give(estimate, value, fabs(value) * ESTIMATE_HALF_ULP);
}

// ---- arithmetic -----------------------------------------------------------------------------

// A step function of the enclosure: sure if both ends give the same.
static approximate_t stepped(double (*step)(double), estimate_t a, estimate_t *estimate)
{
    double low = a.value, high = a.value;
    if (a.error > 0) { // one further out for the rounding of the ends themselves
        low = nextafter(a.value - a.error, -INFINITY);
        high = nextafter(a.value + a.error, INFINITY);
    }
    low = step(low);
    if (low != step(high) || !(fabs(low) < ESTIMATE_WHOLE_MAX))
        return APPROXIMATE_UNSURE;
    return estimate_give(estimate, low, 0);
}

static double sign_of(double value)
{
    return (value > 0) - (value < 0);
}

static approximate_t remainder_of(estimate_t a, estimate_t b, expr_kind_t kind,
                                  estimate_t *estimate)
{
    estimate_t quotient;
    approximate_t known = estimate_divide(a, b, &quotient);
    if (known == APPROXIMATE_VALUE)
        known = stepped(trunc, quotient, &quotient);
    if (known != APPROXIMATE_VALUE || kind == EXPR_DIVIDE_WHOLE) {
        *estimate = quotient;
        return known;
    }
    known = estimate_multiply(quotient, b, &quotient);
    quotient.value = -quotient.value;
    return known == APPROXIMATE_VALUE ? estimate_add(a, quotient, estimate) : known;
}

static approximate_t round_to(estimate_t a, int digits, estimate_t *estimate)
{
    if (digits == 0)
        return stepped(round, a, estimate);
    if (digits < -SMALL_DIGITS_MAX || digits > SMALL_DIGITS_MAX)
        return APPROXIMATE_UNSURE;
    estimate_t ten = { .value = ten_to[digits < 0 ? -digits : digits] };
    approximate_t known = digits > 0 ? estimate_multiply(a, ten, &a) : estimate_divide(a, ten, &a);
    if (known == APPROXIMATE_VALUE)
        known = stepped(round, a, &a);
    if (known != APPROXIMATE_VALUE)
        return known;
    return digits > 0 ? estimate_divide(a, ten, estimate) : estimate_multiply(a, ten, estimate);
}

// ---- functions ------------------------------------------------------------------------------

// The exact path gives the double nearest to the root: half an ulp more.
static approximate_t root(estimate_t a, estimate_t *estimate)
{
    if (a.value + a.error < 0)
        return APPROXIMATE_NULL;
    if (a.value - a.error < 0)
        return APPROXIMATE_UNSURE;
    double value = sqrt(a.value);
    double error = value > 0 ? a.error / value : 0;
    bool whole =
        a.error == 0 && value * value == a.value && value < 0x1p26 && value == trunc(value);
    return estimate_give(estimate, value,
                         whole ? 0 : error + value * 4 * ESTIMATE_HALF_ULP + ESTIMATE_LEAST);
}

static approximate_t logarithm(estimate_t a, estimate_t *estimate)
{
    if (a.value + a.error <= 0)
        return APPROXIMATE_NULL;
    double low = (a.value - a.error) * (1 - 0x1p-50);
    if (!(low > 0))
        return APPROXIMATE_UNSURE;
    double value = log(a.value);
    return estimate_give(estimate, value, a.error / low + fabs(value) * libm + ESTIMATE_LEAST);
}

static approximate_t exponential(estimate_t a, estimate_t *estimate)
{
    if (a.value - a.error > exponent_max)
        return APPROXIMATE_NULL;
    if (!(a.value + a.error <= exponent_max) || a.error > 0.5)
        return APPROXIMATE_UNSURE;
    double value = exp(a.value);
    return estimate_give(estimate, value, value * (2 * a.error + libm) + ESTIMATE_LEAST);
}

static approximate_t power(estimate_t a, estimate_t b, estimate_t *estimate)
{
    bool whole = b.error == 0 && b.value == trunc(b.value) && fabs(b.value) <= POWER_WHOLE_MAX;
    if (!whole) {
        estimate_t exponent;
        // ln to 2^-40 of itself: near 1 that is far too wide a bound, never too narrow a one.
        approximate_t known = a.value - a.error > 0 ? logarithm(a, &exponent) : APPROXIMATE_UNSURE;
        if (known == APPROXIMATE_VALUE)
            known = estimate_multiply(exponent, b, &exponent);
        return known == APPROXIMATE_VALUE ? exponential(exponent, estimate) : APPROXIMATE_UNSURE;
    }
    if (fabs(a.value) - a.error <= 0)
        return APPROXIMATE_UNSURE;
    estimate_t product = { .value = 1 };
    for (int i = (int) fabs(b.value); i > 0; i--)
        if (estimate_multiply(product, a, &product) != APPROXIMATE_VALUE)
            return APPROXIMATE_UNSURE;
    estimate_t one = { .value = 1 };
    if (b.value < 0 && estimate_divide(one, product, &product) != APPROXIMATE_VALUE)
        return APPROXIMATE_UNSURE;
    if (!(fabs(product.value) < 1e300)) // near e^709 the exact path decides
        return APPROXIMATE_UNSURE;
    return estimate_give(
        estimate, product.value,
        product.error +
            (product.error ? fabs(product.value) * 2 * ESTIMATE_HALF_ULP + ESTIMATE_LEAST : 0));
}

// ---- the tree -------------------------------------------------------------------------------

static approximate_t of_field(int64_t us, field_t field, estimate_t *estimate)
{
    int64_t numerator, denominator;
    calendar_field(us, field, &numerator, &denominator);
    double value = (double) numerator / (double) denominator;
    bool exact = denominator == 1 && fabs(value) < ESTIMATE_WHOLE_MAX;
    return estimate_give(estimate, value, exact ? 0 : fabs(value) * 4 * ESTIMATE_HALF_ULP);
}

static approximate_t unary(const expr_t *expr, const frame_t *frame, estimate_t *estimate)
{
    estimate_t a;
    approximate_t known = judge_approximate(expr->operands[0], frame, &a);
    if (known != APPROXIMATE_VALUE)
        return known;
    switch ((int) expr->kind) {
    case EXPR_NEGATE:
        return estimate_give(estimate, -a.value, a.error);
    case EXPR_NUMERIC:
        return estimate_give(estimate, a.value, a.error);
    case EXPR_ABS:
        return estimate_give(estimate, fabs(a.value), a.error);
    case EXPR_SIGN:
        return stepped(sign_of, a, estimate);
    case EXPR_FLOOR:
        return stepped(floor, a, estimate);
    case EXPR_CEIL:
        return stepped(ceil, a, estimate);
    case EXPR_ROUND:
        return round_to(a, expr->index, estimate);
    case EXPR_ROUND_EVEN:
        return stepped(rint, a, estimate);
    case EXPR_SQRT:
        return root(a, estimate);
    case EXPR_LN:
        return logarithm(a, estimate);
    default:
        assert(expr->kind == EXPR_EXP);
        return exponential(a, estimate);
    }
}

static approximate_t binary(const expr_t *expr, const frame_t *frame, estimate_t *estimate)
{
    estimate_t a, b;
    approximate_t left = judge_approximate(expr->operands[0], frame, &a);
    if (left == APPROXIMATE_NULL)
        return left;
    approximate_t right = judge_approximate(expr->operands[1], frame, &b);
    if (right == APPROXIMATE_NULL || left == APPROXIMATE_UNSURE || right == APPROXIMATE_UNSURE)
        return right == APPROXIMATE_NULL ? right : APPROXIMATE_UNSURE;
    switch ((int) expr->kind) {
    case EXPR_ADD:
        return estimate_add(a, b, estimate);
    case EXPR_SUBTRACT:
        b.value = -b.value;
        return estimate_add(a, b, estimate);
    case EXPR_MULTIPLY:
        return estimate_multiply(a, b, estimate);
    case EXPR_DIVIDE:
        return estimate_divide(a, b, estimate);
    case EXPR_DIVIDE_WHOLE:
    case EXPR_MODULO:
        return remainder_of(a, b, expr->kind, estimate);
    default:
        assert(expr->kind == EXPR_POWER);
        return power(a, b, estimate);
    }
}

// The largest (smallest) of enclosures is enclosed by the largest bound around the largest value.
static approximate_t extreme(const expr_t *expr, const frame_t *frame, estimate_t *estimate)
{
    bool any = false;
    double sign = expr->kind == EXPR_LEAST ? -1 : 1;
    estimate_t best = { 0 }, next;
    for (size_t i = 0; i < expr->count; i++) {
        approximate_t known = judge_approximate(expr->operands[i], frame, &next);
        if (known == APPROXIMATE_UNSURE)
            return known;
        if (known == APPROXIMATE_NULL)
            continue;
        double error = any && best.error > next.error ? best.error : next.error;
        if (!any || sign * next.value > sign * best.value)
            best = next;
        best.error = error;
        any = true;
    }
    return any ? estimate_give(estimate, best.value, best.error) : APPROXIMATE_NULL;
}

static approximate_t choice(const expr_t *expr, const frame_t *frame, estimate_t *estimate)
{
    if (expr->kind == EXPR_CASE)
        return judge_approximate(judge_branch(expr, frame), frame, estimate);
    if (expr->kind == EXPR_NULLIF) {
        truth_t same = judge_compare(expr->operands[0], expr->operands[1], COMPARE_EQUAL, frame);
        return same == TRUTH_TRUE ? APPROXIMATE_NULL
                                  : judge_approximate(expr->operands[0], frame, estimate);
    }
    assert(expr->kind == EXPR_COALESCE);
    approximate_t known = APPROXIMATE_NULL;
    for (size_t i = 0; i < expr->count && known == APPROXIMATE_NULL; i++)
        known = judge_approximate(expr->operands[i], frame, estimate);
    return known;
}

static approximate_t leaf(const expr_t *expr, const frame_t *frame, estimate_t *estimate)
{
    double value, error;
    switch ((int) expr->kind) {
    case EXPR_NUMBER:
        return estimate_give(estimate, expr->number->nearest, expr->number->error);
    case EXPR_COLUMN:
        return estimate_decimal(frame->columns[expr->index], estimate);
    case EXPR_AGGREGATE: {
        assert(frame->source);
        approximate_t known =
            frame->source->approximate(frame->window_state, (unsigned) expr->index, &value, &error);
        return known == APPROXIMATE_VALUE ? estimate_give(estimate, value, error) : known;
    }
    case EXPR_FIELD:
        return of_field(frame->ts_us, (field_t) expr->index, estimate);
    default:
        assert(expr->kind == EXPR_NULL);
        return APPROXIMATE_NULL;
    }
}

approximate_t judge_approximate(const expr_t *expr, const frame_t *frame, estimate_t *estimate)
{
    assert(type_is_number(expr->type));
    switch ((int) expr->kind) {
    case EXPR_ADD:
    case EXPR_SUBTRACT:
    case EXPR_MULTIPLY:
    case EXPR_DIVIDE:
    case EXPR_DIVIDE_WHOLE:
    case EXPR_MODULO:
    case EXPR_POWER:
        return binary(expr, frame, estimate);
    case EXPR_GREATEST:
    case EXPR_LEAST:
        return extreme(expr, frame, estimate);
    case EXPR_CASE:
    case EXPR_COALESCE:
    case EXPR_NULLIF:
        return choice(expr, frame, estimate);
    default:
        return expr->count ? unary(expr, frame, estimate) : leaf(expr, frame, estimate);
    }
}
