/*  family -- see family.h. */
#include "actors/rules/family.h"

#include <string.h>

// ---- keys -------------------------------------------------------------------------------------

static bool add_text(key_condition_t *condition, slice_t text)
{
    for (size_t i = 0; i < condition->count; i++)
        if (slice_same(condition->texts[i], text))
            return true;
    if (condition->count == FAMILY_TEXTS_MAX)
        return false;
    condition->texts[condition->count++] = text;
    return true;
}

// `key = 'text'`, or several of them under OR.
static bool asks_for(const expr_t *expr, size_t key, key_condition_t *condition)
{
    if (expr->kind == EXPR_OR) {
        for (size_t i = 0; i < expr->count; i++)
            if (!asks_for(expr->operands[i], key, condition))
                return false;
        return true;
    }
    if (expr->kind != EXPR_COMPARE_TEXT || expr->index != COMPARE_EQUAL)
        return false;
    const expr_t *a = expr->operands[0], *b = expr->operands[1];
    if (a->kind != EXPR_KEY) {
        const expr_t *other = a;
        a = b;
        b = other;
    }
    return a->kind == EXPR_KEY && a->index == (int) key && b->kind == EXPR_TEXT &&
           add_text(condition, b->text);
}

bool family_key(const expr_t *when, size_t key, key_condition_t *condition)
{
    if (when->kind == EXPR_AND) {
        for (size_t i = 0; i < when->count; i++)
            if (family_key(when->operands[i], key, condition))
                return true;
        return false;
    }
    condition->key = key;
    condition->count = 0;
    return asks_for(when, key, condition) && condition->count > 0;
}

bool family_fits(const expr_t *when, const series_parts_t *keys)
{
    key_condition_t condition;
    for (unsigned i = 0; i < keys->count; i++) {
        bool fits = !family_key(when, i, &condition);
        for (size_t t = 0; !fits && t < condition.count; t++)
            fits = slice_same(condition.texts[t], keys->values[i]);
        if (!fits)
            return false;
    }
    return true;
}

// ---- the step ---------------------------------------------------------------------------------

// Of an expression that is a * step + b; NULL: none is.
static const number_t *step_in(const expr_t *expr)
{
    switch ((int) expr->kind) {
    case EXPR_NUMBER:
        return expr->number;
    case EXPR_NEGATE:
    case EXPR_NUMERIC:
    case EXPR_DIVIDE: // only above: below it the values do not follow the step
        return step_in(expr->operands[0]);
    case EXPR_ADD:
    case EXPR_SUBTRACT:
    case EXPR_MULTIPLY: {
        const number_t *step = step_in(expr->operands[0]);
        return step ? step : step_in(expr->operands[1]);
    }
    default:
        return NULL;
    }
}

// The right side first: that is where most have it.
static int side_of_step(const expr_t *order)
{
    if (order->operands[1]->kind == EXPR_NUMBER || order->operands[0]->kind == EXPR_NUMBER)
        return order->operands[1]->kind == EXPR_NUMBER;
    return step_in(order->operands[1]) ? 1 : step_in(order->operands[0]) ? 0 : -1;
}

static bool is_order(const expr_t *expr)
{
    return expr->kind == EXPR_COMPARE && expr->index >= COMPARE_LESS && side_of_step(expr) >= 0;
}

static const expr_t *find_order(const expr_t *when)
{
    if (when->kind != EXPR_AND)
        return is_order(when) ? when : NULL;
    for (size_t i = 0; i < when->count; i++)
        if (is_order(when->operands[i]))
            return when->operands[i];
    return NULL;
}

// Which operand leads to the step; -1: none. A node may be in the tree twice, and so the step: it
// is the one at the end of this way, the other is a number as any.
static int way_of(const expr_t *expr, const expr_t *order)
{
    if (expr == order)
        return side_of_step(expr);
    for (size_t i = 0; expr->kind == EXPR_AND && i < expr->count; i++)
        if (expr->operands[i] == order)
            return (int) i;
    if (expr->kind == EXPR_AND || expr->count == 0 || !step_in(expr))
        return -1;
    return step_in(expr->operands[0]) ? 0 : 1;
}

// ---- families ---------------------------------------------------------------------------------

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0xff51afd7ed558ccdu;
    return hash ^ hash >> 32;
}

static uint64_t hash_tree(uint64_t hash, const expr_t *expr, const expr_t *order, bool on_way)
{
    hash = mix(hash, (uint64_t) expr->kind << 32 | expr->count);
    hash = mix(hash, (uint64_t) (int64_t) expr->index);
    if (expr->kind == EXPR_NUMBER && !on_way) {
        uint64_t bits;
        memcpy(&bits, &expr->number->nearest, sizeof bits);
        hash = mix(hash, bits);
    }
    for (size_t i = 0; expr->kind == EXPR_TEXT && i < expr->text.size; i++)
        hash = mix(hash, expr->text.data[i]);
    int way = on_way && expr->kind != EXPR_NUMBER ? way_of(expr, order) : -1;
    for (size_t i = 0; i < expr->count; i++)
        hash = hash_tree(hash, expr->operands[i], order, (int) i == way);
    return hash;
}

// Are all conjuncts but `order` conditions on keys, one for each?
static bool only_keys(const expr_t *when, const expr_t *order)
{
    uint64_t seen = 0;
    if (when == order)
        return true;
    for (size_t i = 0; i < when->count; i++) {
        const expr_t *expr = when->operands[i];
        if (expr == order)
            continue;
        key_condition_t condition;
        const expr_t *key = expr->kind == EXPR_OR ? expr->operands[0] : expr;
        if (key->kind != EXPR_COMPARE_TEXT)
            return false;
        key = key->operands[key->operands[0]->kind != EXPR_KEY];
        if (key->kind != EXPR_KEY || key->index >= 64 || seen >> key->index & 1 ||
            !family_key(expr, (size_t) key->index, &condition))
            return false;
        seen |= UINT64_C(1) << key->index;
    }
    return true;
}

static compare_t turned(compare_t compare)
{
    static const compare_t other[] = { COMPARE_EQUAL,         COMPARE_UNEQUAL, COMPARE_GREATER,
                                       COMPARE_GREATER_EQUAL, COMPARE_LESS,    COMPARE_LESS_EQUAL };
    return other[compare];
}

family_t family_of(const expr_t *when)
{
    family_t self = { .when = when, .order = find_order(when), .column = -1 };
    self.hash = hash_tree(0, when, self.order, self.order != NULL);
    if (!self.order)
        return self;
    int side = side_of_step(self.order);
    const expr_t *with = self.order->operands[side], *other = self.order->operands[!side];
    self.step = step_in(with);
    self.compare = (compare_t) self.order->index;
    if (side == 0)
        self.compare = turned(self.compare);
    if (with->kind == EXPR_NUMBER && !decimal_is_null(self.step->decimal) &&
        other->kind == EXPR_COLUMN && only_keys(when, self.order))
        self.column = other->index;
    return self;
}

static bool same(const expr_t *a, const family_t *in_a, const expr_t *b, const family_t *in_b)
{
    if (a->kind == EXPR_NUMBER && b->kind == EXPR_NUMBER)
        return a->type == b->type; // on the way: the steps
    if (a->kind != b->kind || a->index != b->index || a->count != b->count || a->type != b->type)
        return false;
    int way = way_of(a, in_a->order);
    if (way < 0 || way != way_of(b, in_b->order))
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const expr_t *from = a->operands[i], *to = b->operands[i];
        if ((int) i == way ? !same(from, in_a, to, in_b) : !expr_same(from, to))
            return false;
    }
    return true;
}

bool family_same(const family_t *a, const family_t *b)
{
    return a->step && b->step && a->hash == b->hash && same(a->when, a, b->when, b);
}
