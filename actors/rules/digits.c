/*  digits -- see digits.h. */
#include "actors/rules/digits.h"

#include <assert.h>

enum { COLUMN_BEFORE_MAX = DECIMAL_EXPONENT_MAX + DECIMAL_DIGITS_MAX };

static int larger(int a, int b)
{
    return a > b ? a : b;
}

static digits_t widest(digits_t a, digits_t b)
{
    return (digits_t){ .before = larger(a.before, b.before), .after = larger(a.after, b.after) };
}

// Of the operands first, first + step ...: whichever of them is the value.
static digits_t any_of(const expr_t *expr, size_t first, size_t step)
{
    digits_t made = { 0 };
    for (size_t i = first; i < expr->count; i += step)
        made = widest(made, digits_of(expr->operands[i]));
    return made;
}

static digits_t binary(const expr_t *expr)
{
    digits_t a = digits_of(expr->operands[0]), b = digits_of(expr->operands[1]);
    if (expr->kind == EXPR_MULTIPLY)
        return (digits_t){ .before = a.before + b.before, .after = a.after + b.after };
    digits_t sum = widest(a, b);
    sum.before++; // carried
    return sum;
}

digits_t digits_of(const expr_t *expr)
{
    switch ((int) expr->kind) {
    case EXPR_NULL:
        return (digits_t){ 0 };
    case EXPR_NUMBER:
        return (digits_t){ .before = expr->number->before, .after = expr->number->after };
    case EXPR_COLUMN:
        return (digits_t){ .before = COLUMN_BEFORE_MAX, .after = -DECIMAL_EXPONENT_MIN };
    case EXPR_ADD:
    case EXPR_SUBTRACT:
    case EXPR_MULTIPLY:
        return binary(expr);
    case EXPR_CASE: { // when, then, ..., otherwise
        digits_t chosen = any_of(expr, 1, 2);
        return widest(chosen, digits_of(expr->operands[expr->count - 1]));
    }
    case EXPR_NULLIF:
        return digits_of(expr->operands[0]);
    default:
        assert(expr->kind == EXPR_NEGATE || expr->kind == EXPR_NUMERIC || expr->kind == EXPR_ABS ||
               expr->kind == EXPR_GREATEST || expr->kind == EXPR_LEAST ||
               expr->kind == EXPR_COALESCE);
        return any_of(expr, 0, 1);
    }
}
