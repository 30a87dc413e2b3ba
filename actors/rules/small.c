/*  small -- arguments of aggregates in 128 bits: mantissa * 10^exponent, exactly or not at all.
 *
 *  The path that every row of every rule with an expression inside an aggregate takes.
 */
#include <assert.h>

#include "actors/rules/judge.h"

typedef struct {
    __int128 mantissa;
    int exponent;
} small_t;

enum { RAISE_MAX = 38 }; // powers of ten that fit 128 bits

// The same value at a lower exponent. False: does not fit.
static bool lower(small_t *a, int exponent)
{
    if (a->mantissa == 0)
        a->exponent = exponent;
    if (a->exponent - exponent > RAISE_MAX)
        return false;
    for (; a->exponent > exponent; a->exponent--)
        if (__builtin_mul_overflow(a->mantissa, 10, &a->mantissa))
            return false;
    return true;
}

static bool align(small_t *a, small_t *b)
{
    return lower(a, b->exponent < a->exponent ? b->exponent : a->exponent) && lower(b, a->exponent);
}

static bool small(const expr_t *expr, const frame_t *frame, small_t *value, bool *fits);

static bool of_decimal(decimal_t decimal, small_t *value)
{
    *value = (small_t){ .mantissa = decimal.mantissa, .exponent = decimal.exponent };
    return !decimal_is_null(decimal);
}

static bool combine(expr_kind_t kind, small_t *a, small_t b)
{
    if (kind == EXPR_MULTIPLY) {
        a->exponent += b.exponent;
        return !__builtin_mul_overflow(a->mantissa, b.mantissa, &a->mantissa);
    }
    if (!align(a, &b))
        return false;
    return kind == EXPR_ADD ? !__builtin_add_overflow(a->mantissa, b.mantissa, &a->mantissa)
                            : !__builtin_sub_overflow(a->mantissa, b.mantissa, &a->mantissa);
}

static bool binary(const expr_t *expr, const frame_t *frame, small_t *value, bool *fits)
{
    small_t right;
    if (!small(expr->operands[0], frame, value, fits) ||
        !small(expr->operands[1], frame, &right, fits))
        return false;
    *fits = combine(expr->kind, value, right);
    return *fits;
}

static bool extreme(const expr_t *expr, const frame_t *frame, small_t *value, bool *fits)
{
    bool any = false;
    for (size_t i = 0; i < expr->count; i++) {
        small_t next;
        if (!small(expr->operands[i], frame, &next, fits)) {
            if (!*fits)
                return false;
            continue;
        }
        small_t kept = next;
        if (any && !(*fits = align(value, &next)))
            return false;
        bool better = !any || (expr->kind == EXPR_GREATEST ? next.mantissa > value->mantissa
                                                           : next.mantissa < value->mantissa);
        if (better)
            *value = kept;
        any = true;
    }
    return any;
}

// False: NULL, or not *fits.
static bool small(const expr_t *expr, const frame_t *frame, small_t *value, bool *fits)
{
    switch ((int) expr->kind) {
    case EXPR_NULL:
        return false;
    case EXPR_COLUMN:
        return of_decimal(frame->columns[expr->index], value);
    case EXPR_NUMBER:
        *fits = of_decimal(expr->number->decimal, value);
        return *fits;
    case EXPR_NUMERIC:
        return small(expr->operands[0], frame, value, fits);
    case EXPR_NEGATE:
    case EXPR_ABS:
        if (!small(expr->operands[0], frame, value, fits))
            return false;
        if (expr->kind == EXPR_NEGATE || value->mantissa < 0)
            *fits = !__builtin_sub_overflow((__int128) 0, value->mantissa, &value->mantissa);
        return *fits;
    case EXPR_ADD:
    case EXPR_SUBTRACT:
    case EXPR_MULTIPLY:
        return binary(expr, frame, value, fits);
    case EXPR_GREATEST:
    case EXPR_LEAST:
        return extreme(expr, frame, value, fits);
    case EXPR_CASE:
        return small(judge_branch(expr, frame), frame, value, fits);
    case EXPR_COALESCE:
        for (size_t i = 0; i < expr->count; i++)
            if (small(expr->operands[i], frame, value, fits) || !*fits)
                return *fits;
        return false;
    default:
        assert(expr->kind == EXPR_NULLIF);
        return judge_compare(expr->operands[0], expr->operands[1], COMPARE_EQUAL, frame) !=
                   TRUTH_TRUE &&
               small(expr->operands[0], frame, value, fits);
    }
}

bool evaluate_small(const expr_t *expr, const frame_t *frame, __int128 *mantissa, int *exponent,
                    bool *fits)
{
    small_t value = { 0 };
    *fits = true;
    bool known = small(expr, frame, &value, fits);
    *mantissa = value.mantissa;
    *exponent = value.exponent;
    return known && *fits;
}
