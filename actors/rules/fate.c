/*  fate -- see fate.h. Truth: sets of true, false and NULL through the tree. */
#include <math.h>

#include "actors/rules/fate_inside.h"
#include "actors/rules/judge.h"

static unsigned swapped(unsigned truth)
{
    return (truth & CAN_BE_NULL) | (truth & CAN_BE_TRUE ? CAN_BE_FALSE : 0) |
           (truth & CAN_BE_FALSE ? CAN_BE_TRUE : 0);
}

// One that is always true or always false.
static unsigned settled(bool can, bool can_not)
{
    return (can ? CAN_BE_TRUE : 0) | (can_not ? CAN_BE_FALSE : 0);
}

// ---- comparisons ------------------------------------------------------------------------------

static unsigned of_numbers(compare_t compare, range_t a, range_t b)
{
    switch (compare) {
    case COMPARE_EQUAL:
        return settled(a.low <= b.high && b.low <= a.high,
                       !(a.low == a.high && b.low == b.high && a.low == b.low));
    case COMPARE_LESS:
        return settled(a.low < b.high, a.high >= b.low);
    case COMPARE_LESS_EQUAL:
        return settled(a.low <= b.high, a.high > b.low);
    case COMPARE_UNEQUAL:
        return swapped(of_numbers(COMPARE_EQUAL, a, b));
    case COMPARE_GREATER:
        return of_numbers(COMPARE_LESS, b, a);
    case COMPARE_GREATER_EQUAL:
        return of_numbers(COMPARE_LESS_EQUAL, b, a);
    }
    return CAN_BE_ANY;
}

static unsigned of_itself(compare_t compare)
{
    bool equal = compare == COMPARE_EQUAL || compare == COMPARE_LESS_EQUAL ||
                 compare == COMPARE_GREATER_EQUAL;
    return settled(equal, !equal);
}

static unsigned comparison(const fate_look_t *look, const expr_t *expr)
{
    const expr_t *left = expr->operands[0], *right = expr->operands[1];
    range_t a = fate_range(look, left), b = fate_range(look, right);
    if (range_is_empty(a) || range_is_empty(b))
        return CAN_BE_NULL;
    unsigned truth = expr_same(left, right) ? of_itself((compare_t) expr->index)
                                            : of_numbers((compare_t) expr->index, a, b);
    return truth | (a.null || b.null ? CAN_BE_NULL : 0);
}

// ---- text -------------------------------------------------------------------------------------

typedef enum { TEXT_NULL, TEXT_KNOWN, TEXT_UNKNOWN } text_known_t;

static text_known_t text_of(const fate_look_t *look, const expr_t *expr, slice_t *text)
{
    if (expr->kind == EXPR_NULL)
        return TEXT_NULL;
    if (expr->kind == EXPR_TEXT)
        *text = expr->text;
    else if (expr->kind == EXPR_KEY && look->keys && look->keys[expr->index].data)
        *text = look->keys[expr->index];
    else
        return TEXT_UNKNOWN;
    return TEXT_KNOWN;
}

static unsigned of_texts(const fate_look_t *look, const expr_t *expr)
{
    slice_t a = { 0 }, b = { 0 };
    text_known_t left = text_of(look, expr->operands[0], &a),
                 right = text_of(look, expr->operands[1], &b);
    if (left == TEXT_NULL || right == TEXT_NULL)
        return CAN_BE_NULL;
    if (left == TEXT_UNKNOWN || right == TEXT_UNKNOWN)
        return CAN_BE_ANY;
    bool holds = expr->kind == EXPR_LIKE ? like_matches(a, b)
                                         : slice_same(a, b) == (expr->index == COMPARE_EQUAL);
    return settled(holds, !holds);
}

// ---- AND --------------------------------------------------------------------------------------

// A comparison turned so that `of` is left of it.
static bool turned(const expr_t *comparison, const expr_t *of, compare_t *compare,
                   const expr_t **other)
{
    static const compare_t mirrored[] = {
        [COMPARE_EQUAL] = COMPARE_EQUAL,  [COMPARE_UNEQUAL] = COMPARE_UNEQUAL,
        [COMPARE_LESS] = COMPARE_GREATER, [COMPARE_LESS_EQUAL] = COMPARE_GREATER_EQUAL,
        [COMPARE_GREATER] = COMPARE_LESS, [COMPARE_GREATER_EQUAL] = COMPARE_LESS_EQUAL,
    };
    compare_t as_written = (compare_t) comparison->index;
    bool left = expr_same(comparison->operands[0], of);
    if (!left && !expr_same(comparison->operands[1], of))
        return false;
    *compare = left ? as_written : mirrored[as_written];
    *other = comparison->operands[left ? 1 : 0];
    return true;
}

// Which numbers the comparison leaves. *open: the ends themselves not.
static range_t left_by(compare_t compare, range_t limit, bool *open_low, bool *open_high)
{
    range_t all = { -INFINITY, INFINITY, false };
    *open_low = compare == COMPARE_GREATER;
    *open_high = compare == COMPARE_LESS;
    if (compare == COMPARE_GREATER || compare == COMPARE_GREATER_EQUAL || compare == COMPARE_EQUAL)
        all.low = limit.low;
    if (compare == COMPARE_LESS || compare == COMPARE_LESS_EQUAL || compare == COMPARE_EQUAL)
        all.high = limit.high;
    return all;
}

// Can both hold of one row? Not `x > 10` and `x < 5`, nor `pair = 'A'` and `pair = 'B'`.
static bool both(const fate_look_t *look, const expr_t *a, const expr_t *b)
{
    const expr_t *left = a->operands[0], *b_other, *a_other = a->operands[1];
    compare_t b_compare;
    if (a->kind != b->kind || (a->kind != EXPR_COMPARE && a->kind != EXPR_COMPARE_TEXT) ||
        !turned(b, left, &b_compare, &b_other))
        return true;
    if (a->kind == EXPR_COMPARE_TEXT)
        return a->index != COMPARE_EQUAL || b_compare != COMPARE_EQUAL ||
               a_other->kind != EXPR_TEXT || b_other->kind != EXPR_TEXT ||
               slice_same(a_other->text, b_other->text);
    bool open[4];
    range_t x = left_by((compare_t) a->index, fate_range(look, a_other), &open[0], &open[1]);
    range_t y = left_by(b_compare, fate_range(look, b_other), &open[2], &open[3]);
    double low = fmax(x.low, y.low), high = fmin(x.high, y.high);
    bool without_low = (x.low == low && open[0]) || (y.low == low && open[2]);
    bool without_high = (x.high == high && open[1]) || (y.high == high && open[3]);
    return low < high || (low == high && !without_low && !without_high);
}

static unsigned of_all(const fate_look_t *look, const expr_t *expr)
{
    unsigned truth = CAN_BE_TRUE;
    for (unsigned i = 0; i < expr->count; i++) {
        unsigned one = fate_truth(look, expr->operands[i]);
        if (!(one & CAN_BE_TRUE))
            truth &= ~(unsigned) CAN_BE_TRUE;
        truth |= one & (CAN_BE_FALSE | CAN_BE_NULL);
        for (unsigned k = 0; k < i; k++)
            if (!both(look, expr->operands[k], expr->operands[i]))
                truth = (truth & ~(unsigned) CAN_BE_TRUE) | CAN_BE_FALSE;
    }
    return truth;
}

// ---- the tree ---------------------------------------------------------------------------------

static unsigned of_any(const fate_look_t *look, const expr_t *expr)
{
    unsigned truth = CAN_BE_FALSE;
    for (unsigned i = 0; i < expr->count; i++) {
        unsigned one = fate_truth(look, expr->operands[i]);
        if (!(one & CAN_BE_FALSE))
            truth &= ~(unsigned) CAN_BE_FALSE;
        truth |= one & (CAN_BE_TRUE | CAN_BE_NULL);
    }
    return truth;
}

// A CASE: whatever one of its branches can be.
static unsigned of_branches(const fate_look_t *look, const expr_t *expr)
{
    unsigned truth = 0;
    for (unsigned i = 1; i < expr->count; i += 2)
        if (fate_truth(look, expr->operands[i - 1]) & CAN_BE_TRUE)
            truth |= fate_truth(look, expr->operands[i]);
    return truth | fate_truth(look, expr->operands[expr->count - 1]);
}

static unsigned of_null(const fate_look_t *look, const expr_t *operand)
{
    if (operand->kind == EXPR_NULL)
        return CAN_BE_TRUE;
    if (!type_is_number(operand->type))
        return CAN_BE_TRUE | CAN_BE_FALSE;
    range_t range = fate_range(look, operand);
    return settled(range.null, !range_is_empty(range));
}

unsigned fate_truth(const fate_look_t *look, const expr_t *expr)
{
    unsigned truth;
    switch (expr->kind) {
    case EXPR_NULL:
        return CAN_BE_NULL;
    case EXPR_TRUE:
        return CAN_BE_TRUE;
    case EXPR_FALSE:
        return CAN_BE_FALSE;
    case EXPR_COMPARE:
        return comparison(look, expr);
    case EXPR_COMPARE_TEXT:
    case EXPR_LIKE:
        return of_texts(look, expr);
    case EXPR_AND:
        return of_all(look, expr);
    case EXPR_OR:
        return of_any(look, expr);
    case EXPR_NOT:
        return swapped(fate_truth(look, expr->operands[0]));
    case EXPR_CASE:
        return of_branches(look, expr);
    case EXPR_IS_NULL:
        return of_null(look, expr->operands[0]);
    case EXPR_IS_TRUE:
        truth = fate_truth(look, expr->operands[0]);
        return settled(truth & CAN_BE_TRUE, truth & (CAN_BE_FALSE | CAN_BE_NULL));
    case EXPR_IS_FALSE:
        truth = fate_truth(look, expr->operands[0]);
        return settled(truth & CAN_BE_FALSE, truth & (CAN_BE_TRUE | CAN_BE_NULL));
    default:
        return CAN_BE_ANY;
    }
}

fate_t fate_of(const table_plan_t *table, const compiled_rule_t *rule, const slice_t *keys)
{
    const fate_look_t look = { .table = table, .rule = rule, .keys = keys };
    unsigned truth = fate_truth(&look, rule->when);
    if (!(truth & CAN_BE_TRUE))
        return FATE_NEVER;
    // A guard keeps a rule with a window from being true at once, so only others always are.
    return truth & CAN_BE_FALSE || rule->guard_count > 0 ? FATE_OPEN : FATE_ALWAYS;
}
