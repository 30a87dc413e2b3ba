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

static bool coalesce(const expr_t *expr, const frame_t *frame, mpq_t value)
{
    for (size_t i = 0; i < expr->count; i++)
        if (judge_exact(expr->operands[i], frame, value))
            return true;
    return false;
}

bool judge_exact(const expr_t *expr, const frame_t *frame, mpq_t value)
{
    switch (expr->kind) {
    case EXPR_NULL:
        return false;
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
    case EXPR_NEGATE:
    case EXPR_NUMERIC:
    case EXPR_ABS:
    case EXPR_SIGN:
    case EXPR_FLOOR:
    case EXPR_CEIL:
    case EXPR_ROUND:
    case EXPR_SQRT:
    case EXPR_LN:
    case EXPR_EXP:
        return unary(expr, frame, value);
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
    case EXPR_COALESCE:
        return coalesce(expr, frame, value);
    case EXPR_CASE:
        return judge_exact(judge_branch(expr, frame), frame, value);
    case EXPR_NULLIF:
        return judge_compare(expr->operands[0], expr->operands[1], COMPARE_EQUAL, frame) !=
                   TRUTH_TRUE &&
               judge_exact(expr->operands[0], frame, value);
    case EXPR_TRUE:
    case EXPR_FALSE:
    case EXPR_TEXT:
    case EXPR_KEY:
    case EXPR_COMPARE:
    case EXPR_COMPARE_TEXT:
    case EXPR_COMPARE_TRUTH:
    case EXPR_LIKE:
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_NOT:
    case EXPR_IS_NULL:
    case EXPR_IS_TRUE:
    case EXPR_IS_FALSE:
        break;
    }
    assert(!"typing lets only numbers get here");
    return false;
}
