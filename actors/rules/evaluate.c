/*  evaluate -- see evaluate.h: truth in three values, comparisons, and what people read. */
#include "actors/rules/evaluate.h"

#include <assert.h>
#include <math.h>

#include "actors/rules/judge.h"
#include "actors/rules/rational.h"

static truth_t truth_of(bool value)
{
    return value ? TRUTH_TRUE : TRUTH_FALSE;
}

static truth_t ordered(int order, compare_t compare)
{
    switch (compare) {
    case COMPARE_EQUAL:
        return truth_of(order == 0);
    case COMPARE_UNEQUAL:
        return truth_of(order != 0);
    case COMPARE_LESS:
        return truth_of(order < 0);
    case COMPARE_LESS_EQUAL:
        return truth_of(order <= 0);
    case COMPARE_GREATER:
        return truth_of(order > 0);
    case COMPARE_GREATER_EQUAL:
        return truth_of(order >= 0);
    }
    return TRUTH_NULL;
}

// ---- comparisons ----------------------------------------------------------------------------

// Columns and short numbers are decimals: they compare exactly without any arithmetic.
static bool is_atom(const expr_t *expr, const frame_t *frame, decimal_t *value)
{
    if (expr->kind == EXPR_COLUMN) {
        *value = frame->columns[expr->index];
        return true;
    }
    if (expr->kind != EXPR_NUMBER || decimal_is_null(expr->number->decimal))
        return false;
    *value = expr->number->decimal;
    return true;
}

static truth_t compare_exact(const expr_t *a, const expr_t *b, compare_t compare,
                             const frame_t *frame)
{
    mpq_t left, right;
    mpq_inits(left, right, NULL);
    truth_t truth = TRUTH_NULL;
    if (judge_exact(a, frame, left) && judge_exact(b, frame, right))
        truth = ordered(mpq_cmp(left, right), compare);
    mpq_clears(left, right, NULL);
    return truth;
}

truth_t judge_compare(const expr_t *a, const expr_t *b, compare_t compare, const frame_t *frame)
{
    decimal_t left, right;
    if (is_atom(a, frame, &left) && is_atom(b, frame, &right)) {
        if (decimal_is_null(left) || decimal_is_null(right))
            return TRUTH_NULL;
        return ordered(decimal_compare(left, right), compare);
    }
    estimate_t x, y;
    approximate_t known_x = judge_approximate(a, frame, &x);
    if (known_x == APPROXIMATE_NULL)
        return TRUTH_NULL;
    approximate_t known_y = judge_approximate(b, frame, &y);
    if (known_y == APPROXIMATE_NULL)
        return TRUTH_NULL;
    if (known_x == APPROXIMATE_UNSURE || known_y == APPROXIMATE_UNSURE)
        return compare_exact(a, b, compare, frame);
    double apart = x.value - y.value, unsure = (x.error + y.error) * (1 + 0x1p-50);
    if (fabs(apart) > unsure || unsure == 0) // nothing lost: equal is equal
        return ordered((apart > 0) - (apart < 0), compare);
    return compare_exact(a, b, compare, frame);
}

// ---- text -----------------------------------------------------------------------------------

bool judge_text(const expr_t *expr, const frame_t *frame, slice_t *text)
{
    slice_t other;
    switch ((int) expr->kind) {
    case EXPR_NULL:
        return false;
    case EXPR_TEXT:
        *text = expr->text;
        return true;
    case EXPR_KEY:
        *text = frame->key_values[expr->index];
        return true;
    case EXPR_CASE:
        return judge_text(judge_branch(expr, frame), frame, text);
    case EXPR_COALESCE:
        for (size_t i = 0; i < expr->count; i++)
            if (judge_text(expr->operands[i], frame, text))
                return true;
        return false;
    default:
        assert(expr->kind == EXPR_NULLIF);
        return judge_text(expr->operands[0], frame, text) &&
               !(judge_text(expr->operands[1], frame, &other) && slice_same(*text, other));
    }
}

static truth_t compare_text(const expr_t *expr, const frame_t *frame)
{
    slice_t a, b;
    if (!judge_text(expr->operands[0], frame, &a) || !judge_text(expr->operands[1], frame, &b))
        return TRUTH_NULL;
    if (expr->kind == EXPR_LIKE)
        return truth_of(like_matches(a, b));
    return ordered(!slice_same(a, b), (compare_t) expr->index);
}

// ---- truth ----------------------------------------------------------------------------------

const expr_t *judge_branch(const expr_t *expr, const frame_t *frame)
{
    assert(expr->kind == EXPR_CASE);
    for (size_t i = 0; i + 1 < expr->count; i += 2)
        if (evaluate_truth(expr->operands[i], frame) == TRUTH_TRUE)
            return expr->operands[i + 1];
    return expr->operands[expr->count - 1];
}

// AND ends at the first false, OR at the first true; else NULL wins.
static truth_t logic(const expr_t *expr, const frame_t *frame, truth_t final)
{
    truth_t truth = final == TRUTH_FALSE ? TRUTH_TRUE : TRUTH_FALSE;
    for (size_t i = 0; i < expr->count; i++) {
        truth_t next = evaluate_truth(expr->operands[i], frame);
        if (next == final)
            return final;
        if (next == TRUTH_NULL)
            truth = TRUTH_NULL;
    }
    return truth;
}

static bool is_null(const expr_t *expr, const frame_t *frame)
{
    slice_t text;
    estimate_t estimate;
    if (expr->type == TYPE_BOOLEAN)
        return evaluate_truth(expr, frame) == TRUTH_NULL;
    if (!type_is_number(expr->type))
        return !judge_text(expr, frame, &text);
    approximate_t known = judge_approximate(expr, frame, &estimate);
    if (known != APPROXIMATE_UNSURE)
        return known == APPROXIMATE_NULL;
    mpq_t value;
    mpq_init(value);
    bool null = !judge_exact(expr, frame, value);
    mpq_clear(value);
    return null;
}

static truth_t negated(truth_t truth)
{
    return truth == TRUTH_NULL ? TRUTH_NULL : truth_of(truth == TRUTH_FALSE);
}

static truth_t compare_truth(const expr_t *expr, const frame_t *frame)
{
    truth_t a = evaluate_truth(expr->operands[0], frame);
    truth_t b = evaluate_truth(expr->operands[1], frame);
    if (a == TRUTH_NULL || b == TRUTH_NULL)
        return TRUTH_NULL;
    return ordered(a != b, (compare_t) expr->index);
}

static truth_t coalesce(const expr_t *expr, const frame_t *frame)
{
    truth_t truth = TRUTH_NULL;
    for (size_t i = 0; i < expr->count && truth == TRUTH_NULL; i++)
        truth = evaluate_truth(expr->operands[i], frame);
    return truth;
}

truth_t evaluate_truth(const expr_t *expr, const frame_t *frame)
{
    const expr_t *const *operands = expr->operands;
    switch ((int) expr->kind) {
    case EXPR_NULL:
        return TRUTH_NULL;
    case EXPR_TRUE:
        return TRUTH_TRUE;
    case EXPR_FALSE:
        return TRUTH_FALSE;
    case EXPR_COMPARE:
        return judge_compare(operands[0], operands[1], (compare_t) expr->index, frame);
    case EXPR_COMPARE_TEXT:
    case EXPR_LIKE:
        return compare_text(expr, frame);
    case EXPR_COMPARE_TRUTH:
        return compare_truth(expr, frame);
    case EXPR_AND:
        return logic(expr, frame, TRUTH_FALSE);
    case EXPR_OR:
        return logic(expr, frame, TRUTH_TRUE);
    case EXPR_NOT:
        return negated(evaluate_truth(operands[0], frame));
    case EXPR_IS_NULL:
        return truth_of(is_null(operands[0], frame));
    case EXPR_IS_TRUE:
        return truth_of(evaluate_truth(operands[0], frame) == TRUTH_TRUE);
    case EXPR_IS_FALSE:
        return truth_of(evaluate_truth(operands[0], frame) == TRUTH_FALSE);
    case EXPR_CASE:
        return evaluate_truth(judge_branch(expr, frame), frame);
    case EXPR_COALESCE:
        return coalesce(expr, frame);
    case EXPR_NULLIF: {
        truth_t a = evaluate_truth(operands[0], frame);
        return a == evaluate_truth(operands[1], frame) ? TRUTH_NULL : a;
    }
    default:
        assert(!"typing lets only truth get here");
        return TRUTH_NULL;
    }
}

// ---- for others -----------------------------------------------------------------------------

bool evaluate_exact(const expr_t *expr, const frame_t *frame, mpq_t value)
{
    return judge_exact(expr, frame, value);
}

bool evaluate_print(const expr_t *expr, const frame_t *frame, char *text)
{
    mpq_t value;
    mpq_init(value);
    bool known = judge_exact(expr, frame, value);
    if (known)
        rational_print(value, text);
    mpq_clear(value);
    return known;
}

bool evaluate_threshold(const expr_t *expr, const frame_t *frame, char *threshold, char *ratio)
{
    if (expr->kind != EXPR_COMPARE)
        return false;
    mpq_t left, right;
    mpq_inits(left, right, NULL);
    bool known =
        judge_exact(expr->operands[0], frame, left) && judge_exact(expr->operands[1], frame, right);
    *threshold = *ratio = '\0';
    if (known)
        rational_print(right, threshold);
    if (known && mpq_sgn(right) != 0) {
        mpq_div(left, left, right);
        rational_print(left, ratio);
    }
    mpq_clears(left, right, NULL);
    return known;
}
