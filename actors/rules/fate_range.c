/*  fate_range -- see fate.h. Numbers: the range of every expression, rounded outwards. */
#include <float.h>
#include <math.h>

#include "actors/rules/fate_inside.h"

static const range_t anything = { -INFINITY, INFINITY, true };

// One further out at both ends, for the rounding of the ends.
static range_t outwards(double low, double high, bool null)
{
    if (isnan(low) || isnan(high))
        return (range_t){ -INFINITY, INFINITY, null };
    return (range_t){ nextafter(low, -INFINITY), nextafter(high, INFINITY), null };
}

static range_t of_number(const number_t *number)
{
    // An error of 0: the double is the number itself.
    if (number->error == 0)
        return (range_t){ number->nearest, number->nearest, false };
    return outwards(number->nearest - number->error, number->nearest + number->error, false);
}

static range_t of_field(int field)
{
    static const range_t ranges[FIELD_COUNT] = {
        [FIELD_YEAR] = { -INFINITY, INFINITY, false },
        [FIELD_ISOYEAR] = { -INFINITY, INFINITY, false },
        [FIELD_QUARTER] = { 1, 4, false },
        [FIELD_MONTH] = { 1, 12, false },
        [FIELD_WEEK] = { 1, 53, false },
        [FIELD_DAY] = { 1, 31, false },
        [FIELD_DOW] = { 0, 6, false },
        [FIELD_ISODOW] = { 1, 7, false },
        [FIELD_DOY] = { 1, 366, false },
        [FIELD_HOUR] = { 0, 23, false },
        [FIELD_MINUTE] = { 0, 59, false },
        [FIELD_SECOND] = { 0, 60, false },
        [FIELD_MILLISECONDS] = { 0, 60000, false },
        [FIELD_MICROSECONDS] = { 0, 60000000, false },
        [FIELD_EPOCH] = { -INFINITY, INFINITY, false },
    };
    return ranges[field];
}

// ---- aggregates, with what the guards of the rule ask for ---------------------------------------

static void guarded(const fate_look_t *look, int aggregate, range_t *range)
{
    for (size_t i = 0; i < look->rule->guard_count; i++) {
        const guard_t *guard = &look->rule->guards[i];
        if (guard->aggregate != aggregate)
            continue;
        range->low = fmax(range->low, guard->positive ? DBL_TRUE_MIN : guard->least);
        range->null = false;
    }
}

static range_t of_aggregate(const fate_look_t *look, int index)
{
    const aggregate_t *aggregate = &look->table->aggregates[index];
    const window_spec_t *window = &look->table->windows[aggregate->window];
    range_t range = anything;
    switch (aggregate->kind) {
    case AGGREGATE_COUNT_ROWS:
    case AGGREGATE_COUNT:
        range = (range_t){ 0, window->by_rows ? window->rows : INFINITY, false };
        break;
    case AGGREGATE_STDDEV_SAMP:
    case AGGREGATE_STDDEV_POP:
    case AGGREGATE_VAR_SAMP:
    case AGGREGATE_VAR_POP:
        range.low = 0;
        break;
    default:
        break;
    }
    guarded(look, index, &range);
    return range;
}

// ---- arithmetic -------------------------------------------------------------------------------

static range_t hull(range_t a, range_t b)
{
    if (range_is_empty(a) || range_is_empty(b)) {
        range_t some = range_is_empty(a) ? b : a;
        some.null = a.null || b.null;
        return some;
    }
    return (range_t){ fmin(a.low, b.low), fmax(a.high, b.high), a.null || b.null };
}

static range_t corners(const double of[4], bool null)
{
    double low = INFINITY, high = -INFINITY;
    for (unsigned i = 0; i < 4; i++) {
        if (isnan(of[i])) // 0 * infinity, infinity / infinity
            return (range_t){ -INFINITY, INFINITY, null };
        low = fmin(low, of[i]);
        high = fmax(high, of[i]);
    }
    return outwards(low, high, null);
}

static range_t product(range_t a, range_t b, bool null)
{
    return corners((double[]){ a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high },
                   null);
}

// Whole numbers are divided towards zero.
static range_t quotient(range_t a, range_t b, bool whole)
{
    if (b.low <= 0 && b.high >= 0)
        return anything; // NULL where the divisor is 0
    range_t range =
        corners((double[]){ a.low / b.low, a.low / b.high, a.high / b.low, a.high / b.high },
                a.null || b.null);
    return whole ? (range_t){ trunc(range.low), trunc(range.high), range.null } : range;
}

static range_t of_two(const fate_look_t *look, const expr_t *expr)
{
    range_t a = fate_range(look, expr->operands[0]), b = fate_range(look, expr->operands[1]);
    bool null = a.null || b.null;
    if (range_is_empty(a) || range_is_empty(b))
        return (range_t){ 1, 0, true };
    switch (expr->kind) {
    case EXPR_ADD:
        return outwards(a.low + b.low, a.high + b.high, null);
    case EXPR_SUBTRACT:
        return outwards(a.low - b.high, a.high - b.low, null);
    case EXPR_MULTIPLY:
        return product(a, b, null);
    default:
        return quotient(a, b, expr->kind == EXPR_DIVIDE_WHOLE);
    }
}

static range_t of_one(const fate_look_t *look, const expr_t *expr)
{
    range_t a = fate_range(look, expr->operands[0]);
    if (range_is_empty(a))
        return a;
    switch (expr->kind) {
    case EXPR_NEGATE:
        return (range_t){ -a.high, -a.low, a.null };
    case EXPR_ABS:
        if (a.low >= 0)
            return a;
        return a.high <= 0 ? (range_t){ -a.high, -a.low, a.null }
                           : (range_t){ 0, fmax(-a.low, a.high), a.null };
    case EXPR_SIGN:
        return (range_t){ -1, 1, a.null };
    case EXPR_SQRT:
        return (range_t){ 0, INFINITY, a.null || a.low < 0 };
    case EXPR_EXP:
        return (range_t){ 0, INFINITY, true };
    default:
        return a; // EXPR_NUMERIC
    }
}

// ---- choices ----------------------------------------------------------------------------------

static range_t of_branches(const fate_look_t *look, const expr_t *expr)
{
    range_t range = fate_range(look, expr->operands[expr->count - 1]);
    for (unsigned i = 1; i < expr->count; i += 2)
        if (fate_truth(look, expr->operands[i - 1]) & CAN_BE_TRUE)
            range = hull(range, fate_range(look, expr->operands[i]));
    return range;
}

// coalesce, greatest, least: one of the operands, and NULL only if all are.
static range_t of_several(const fate_look_t *look, const expr_t *expr)
{
    range_t range = fate_range(look, expr->operands[0]);
    bool null = range.null;
    for (unsigned i = 1; i < expr->count; i++) {
        range_t other = fate_range(look, expr->operands[i]);
        null = null && other.null;
        range = hull(range, other);
    }
    range.null = null;
    return range;
}

range_t fate_range(const fate_look_t *look, const expr_t *expr)
{
    range_t range;
    switch (expr->kind) {
    case EXPR_NULL:
        return (range_t){ 1, 0, true };
    case EXPR_NUMBER:
        return of_number(expr->number);
    case EXPR_AGGREGATE:
        return of_aggregate(look, expr->index);
    case EXPR_FIELD:
        return of_field(expr->index);
    case EXPR_ADD:
    case EXPR_SUBTRACT:
    case EXPR_MULTIPLY:
    case EXPR_DIVIDE:
    case EXPR_DIVIDE_WHOLE:
        return of_two(look, expr);
    case EXPR_NEGATE:
    case EXPR_ABS:
    case EXPR_SIGN:
    case EXPR_SQRT:
    case EXPR_EXP:
    case EXPR_NUMERIC:
        return of_one(look, expr);
    case EXPR_CASE:
        return of_branches(look, expr);
    case EXPR_COALESCE:
    case EXPR_GREATEST:
    case EXPR_LEAST:
        return of_several(look, expr);
    case EXPR_NULLIF:
        range = fate_range(look, expr->operands[0]);
        range.null = true;
        return range;
    default:
        return anything;
    }
}
