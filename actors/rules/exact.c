/*  exact -- numbers as rationals: what a verdict means. See evaluate.h.
 *
 *  Only ties and near-ties come here, so it may allocate. Sizes stay bounded: numbers have at
 *  most some 300 digits on either side of the point and a tree at most RULE_NODES_MAX nodes.
 */
#include <assert.h>

#include "actors/rules/judge.h"
#include "actors/rules/rational.h"

static bool of_field(int64_t us, field_t field, mpq_ptr value)
{
    int64_t numerator, denominator;
    calendar_field(us, field, &numerator, &denominator);
    mpq_set_si(value, numerator, (unsigned long) denominator);
    mpq_canonicalize(value);
    return true;
}

static void truncate_quotient(mpq_ptr value, mpq_srcptr a, mpq_srcptr b)
{
    mpq_div(value, a, b);
    mpz_tdiv_q(mpq_numref(value), mpq_numref(value), mpq_denref(value));
    mpz_set_ui(mpq_denref(value), 1);
}

static bool unary(const expr_t *expr, const frame_t *frame, mpq_t value)
{
    if (!judge_exact(expr->operands[0], frame, value))
        return false;
    switch ((int) expr->kind) {
    case EXPR_NEGATE:
        mpq_neg(value, value);
        return true;
    case EXPR_NUMERIC:
        return true;
    case EXPR_ABS:
        mpq_abs(value, value);
        return true;
    case EXPR_SIGN:
        mpq_set_si(value, mpq_sgn(value), 1);
        return true;
    case EXPR_FLOOR:
        rational_floor(value, value);
        return true;
    case EXPR_CEIL:
        mpq_neg(value, value);
        rational_floor(value, value);
        mpq_neg(value, value);
        return true;
    case EXPR_ROUND:
        rational_round(value, value, expr->index);
        return true;
    case EXPR_ROUND_EVEN:
        rational_round_even(value, value);
        return true;
    case EXPR_SQRT:
        return rational_rounded(ROUNDED_SQRT, value, value, value);
    case EXPR_LN:
        return rational_rounded(ROUNDED_LN, value, value, value);
    default:
        assert(expr->kind == EXPR_EXP);
        return rational_rounded(ROUNDED_EXP, value, value, value);
    }
}

static bool combine(expr_kind_t kind, mpq_ptr a, mpq_srcptr b)
{
    switch ((int) kind) {
    case EXPR_ADD:
        mpq_add(a, a, b);
        return true;
    case EXPR_SUBTRACT:
        mpq_sub(a, a, b);
        return true;
    case EXPR_MULTIPLY:
        mpq_mul(a, a, b);
        return true;
    case EXPR_POWER:
        return rational_rounded(ROUNDED_POWER, a, b, a);
    default:
        break;
    }
    if (mpq_sgn(b) == 0)
        return false;
    if (kind == EXPR_DIVIDE) {
        mpq_div(a, a, b);
    } else if (kind == EXPR_DIVIDE_WHOLE) {
        truncate_quotient(a, a, b);
    } else {
        assert(kind == EXPR_MODULO);
        mpq_t times;
        mpq_init(times);
        truncate_quotient(times, a, b);
        mpq_mul(times, times, b);
        mpq_sub(a, a, times);
        mpq_clear(times);
    }
    return true;
}

static bool binary(const expr_t *expr, const frame_t *frame, mpq_t value)
{
    mpq_t right;
    mpq_init(right);
    bool known = judge_exact(expr->operands[0], frame, value) &&
                 judge_exact(expr->operands[1], frame, right) && combine(expr->kind, value, right);
    mpq_clear(right);
    return known;
}

static bool extreme(const expr_t *expr, const frame_t *frame, mpq_t value)
{
    bool any = false;
    mpq_t next;
    mpq_init(next);
    for (size_t i = 0; i < expr->count; i++) {
        if (!judge_exact(expr->operands[i], frame, next))
            continue;
        int order = any ? mpq_cmp(next, value) : 0;
        if (!any || (expr->kind == EXPR_GREATEST ? order > 0 : order < 0))
            mpq_swap(value, next);
        any = true;
    }
    mpq_clear(next);
    return any;
}

static bool choice(const expr_t *expr, const frame_t *frame, mpq_ptr value)
{
    if (expr->kind == EXPR_CASE)
        return judge_exact(judge_branch(expr, frame), frame, value);
    if (expr->kind == EXPR_NULLIF)
        return judge_compare(expr->operands[0], expr->operands[1], COMPARE_EQUAL, frame) !=
                   TRUTH_TRUE &&
               judge_exact(expr->operands[0], frame, value);
    assert(expr->kind == EXPR_COALESCE);
    for (size_t i = 0; i < expr->count; i++)
        if (judge_exact(expr->operands[i], frame, value))
            return true;
    return false;
}

static bool leaf(const expr_t *expr, const frame_t *frame, mpq_ptr value)
{
    switch ((int) expr->kind) {
    case EXPR_NUMBER:
        mpq_set(value, expr->number->exact);
        return true;
    case EXPR_COLUMN:
        if (decimal_is_null(frame->columns[expr->index]))
            return false;
        rational_of_decimal(value, frame->columns[expr->index]);
        return true;
    case EXPR_AGGREGATE:
        assert(frame->source);
        return frame->source->exact(frame->window_state, (unsigned) expr->index, value);
    case EXPR_FIELD:
        return of_field(frame->ts_us, (field_t) expr->index, value);
    default:
        assert(expr->kind == EXPR_NULL);
        return false;
    }
}

bool judge_exact(const expr_t *expr, const frame_t *frame, mpq_t value)
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
        return binary(expr, frame, value);
    case EXPR_GREATEST:
    case EXPR_LEAST:
        return extreme(expr, frame, value);
    case EXPR_CASE:
    case EXPR_COALESCE:
    case EXPR_NULLIF:
        return choice(expr, frame, value);
    default:
        return expr->count ? unary(expr, frame, value) : leaf(expr, frame, value);
    }
}
