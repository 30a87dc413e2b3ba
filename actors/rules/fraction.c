/*  fraction -- numbers as numerator and denominator, in PostgreSQL text: leaves and arithmetic.
 *  See sql.h. */
#include "actors/rules/sql.h"

enum { WHOLE_DIGITS_MAX = 9 }; // longer whole numbers are printed as numeric: no overflow

// ---- what is known to be positive -----------------------------------------------------------

static bool is_guarded(const printer_t *self, const expr_t *expr)
{
    for (size_t i = 0; self->rule && i < self->rule->guard_count; i++)
        if (self->rule->guards[i].positive && self->rule->guards[i].aggregate == expr->index)
            return true;
    return false;
}

// > 0 wherever the guards hold: then it needs no NULLIF. Without the guards the row is no alert
// anyway, whatever the comparison gives.
static bool is_positive(const printer_t *self, const expr_t *expr)
{
    if (expr->kind == EXPR_NUMBER)
        return mpq_sgn(expr->number->exact) > 0;
    if (expr->kind == EXPR_AGGREGATE)
        return is_guarded(self, expr);
    return (expr->kind == EXPR_MULTIPLY || expr->kind == EXPR_DIVIDE) &&
           is_positive(self, expr->operands[0]) && is_positive(self, expr->operands[1]);
}

static bool is_nonnegative(const printer_t *self, const expr_t *expr)
{
    if (is_positive(self, expr) || expr->kind == EXPR_ABS || expr->kind == EXPR_SQRT ||
        expr->kind == EXPR_EXP)
        return true;
    if (expr->kind == EXPR_AGGREGATE) {
        aggregate_kind_t kind = self->table->aggregates[expr->index].kind;
        return kind <= AGGREGATE_COUNT ||
               (kind >= AGGREGATE_STDDEV_SAMP && kind <= AGGREGATE_VAR_POP);
    }
    return (expr->kind == EXPR_MULTIPLY || expr->kind == EXPR_DIVIDE) &&
           is_nonnegative(self, expr->operands[0]) && is_nonnegative(self, expr->operands[1]);
}

// ---- leaves ---------------------------------------------------------------------------------

static fraction_t number(const printer_t *self, const expr_t *expr)
{
    slice_t text = expr->text;
    bool plain = true;
    for (size_t i = 0; i < text.size; i++)
        plain = plain && text.data[i] != '.' && (text.data[i] | 0x20) != 'e';
    bool numeric = plain && (expr->type >= TYPE_NUMERIC || text.size > WHOLE_DIGITS_MAX);
    const char *printed =
        sql_print(self, "%.*s%s", (int) text.size, (const char *) text.data, numeric ? ".0" : "");
    return sql_whole((term_t){ printed, mpq_sgn(expr->number->exact) < 0 ? BIND_SIGN : BIND_ATOM });
}

static fraction_t windowed(const printer_t *self, const expr_t *expr)
{
    aggregate_t part = self->table->aggregates[expr->index];
    const char *text;
    switch (part.kind) {
    case AGGREGATE_AVG:
        part.kind = AGGREGATE_SUM;
        text = sql_over(self, &part);
        part.kind = AGGREGATE_COUNT;
        return (fraction_t){ .top = sql_atom(text),
                             .bottom = sql_atom(sql_over(self, &part)),
                             .positive = true };
    case AGGREGATE_CORR:
    case AGGREGATE_REGR_SLOPE:
        return sql_whole(sql_relation(self, &part));
    case AGGREGATE_DELTA:
    case AGGREGATE_RATE:
    case AGGREGATE_TWAVG:
    case AGGREGATE_MEDIAN:
    case AGGREGATE_EMA:
        return sql_frame(self, &part);
    case AGGREGATE_COUNT_ROWS:
    case AGGREGATE_COUNT:
    case AGGREGATE_SUM:
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
    case AGGREGATE_STDDEV_SAMP:
    case AGGREGATE_STDDEV_POP:
    case AGGREGATE_VAR_SAMP:
    case AGGREGATE_VAR_POP:
    case AGGREGATE_FIRST_VALUE:
    case AGGREGATE_LAST_VALUE:
    case AGGREGATE_LAG:
        break;
    }
    return sql_whole(sql_atom(sql_over(self, &part)));
}

static fraction_t aggregate(const printer_t *self, const expr_t *expr)
{
    fraction_t seen = windowed(self, expr);
    return self->carried ? sql_carry(self, seen) : seen;
}

// ---- arithmetic -----------------------------------------------------------------------------

static fraction_t sum(const printer_t *self, const expr_t *expr, fraction_t a, fraction_t b)
{
    const char *sign = expr->kind == EXPR_ADD ? "+" : "-";
    if (type_is_whole(expr->type))
        a.top = sql_numeric(self, a.top);
    fraction_t made = { .top = a.top, .bottom = a.bottom, .positive = a.positive };
    made.bottom_nullable = a.bottom_nullable || b.bottom_nullable;
    if (sql_same_bottom(a, b)) {
        made.top = sql_join(self, a.top, sign, BIND_SUM, b.top);
        return made;
    }
    made.top = sql_join(self, sql_times(self, a.top, b.bottom), sign, BIND_SUM,
                        sql_times(self, b.top, a.bottom));
    made.bottom = sql_bottoms(self, a.bottom, b.bottom);
    made.positive = a.positive && b.positive;
    return made;
}

static fraction_t multiply(const printer_t *self, const expr_t *expr, fraction_t a, fraction_t b)
{
    if (type_is_whole(expr->type))
        a.top = sql_numeric(self, a.top);
    return (fraction_t){ .top = sql_product(self, a.top, b.top),
                         .bottom = sql_bottoms(self, a.bottom, b.bottom),
                         .positive = a.positive && b.positive,
                         .bottom_nullable = a.bottom_nullable || b.bottom_nullable };
}

static fraction_t divide(const printer_t *self, const expr_t *expr, fraction_t a, fraction_t b)
{
    const expr_t *divisor = expr->operands[1];
    term_t bottom = is_positive(self, divisor) ? b.top : sql_nullif_zero(self, b.top);
    bool never_zero = divisor->kind == EXPR_NUMBER && mpq_sgn(divisor->number->exact) != 0;
    return (fraction_t){ .top = sql_times(self, a.top, b.bottom),
                         .bottom = sql_bottoms(self, a.bottom, bottom),
                         .positive = a.positive && b.positive && is_nonnegative(self, divisor),
                         .bottom_nullable = !never_zero || a.bottom_nullable };
}

static fraction_t divide_whole(const printer_t *self, fraction_t a, fraction_t b)
{
    return sql_whole(sql_atom(sql_print(self, "div(%s, NULLIF(%s, 0))", a.top.text, b.top.text)));
}

// mod(ka, kb) is k mod(a, b).
static fraction_t modulo(const printer_t *self, fraction_t a, fraction_t b)
{
    term_t left = sql_times(self, a.top, b.bottom), right = sql_times(self, b.top, a.bottom);
    return (fraction_t){ .top = sql_atom(
                             sql_print(self, "mod(%s, NULLIF(%s, 0))", left.text, right.text)),
                         .bottom = sql_bottoms(self, a.bottom, b.bottom),
                         .positive = a.positive && b.positive,
                         .bottom_nullable = a.bottom_nullable || b.bottom_nullable };
}

// ---- the tree -------------------------------------------------------------------------------

static fraction_t binary(const printer_t *self, const expr_t *expr)
{
    fraction_t a = sql_fraction(self, expr->operands[0]);
    fraction_t b = sql_fraction(self, expr->operands[1]);
    switch ((int) expr->kind) {
    case EXPR_MULTIPLY:
        return multiply(self, expr, a, b);
    case EXPR_DIVIDE:
        return divide(self, expr, a, b);
    case EXPR_DIVIDE_WHOLE:
        return divide_whole(self, a, b);
    case EXPR_MODULO:
        return modulo(self, a, b);
    default:
        return sum(self, expr, a, b);
    }
}

fraction_t sql_fraction(const printer_t *self, const expr_t *expr)
{
    fraction_t a;
    switch ((int) expr->kind) {
    case EXPR_NULL:
        return sql_whole(sql_atom("NULL::numeric"));
    case EXPR_NUMBER:
        return number(self, expr);
    case EXPR_COLUMN:
        return sql_whole(sql_atom(sql_name(self, self->table->columns[expr->index])));
    case EXPR_AGGREGATE:
        return aggregate(self, expr);
    case EXPR_FIELD:
        return sql_whole(
            sql_atom(sql_print(self, "extract(%s FROM ts)", field_names[expr->index])));
    case EXPR_NEGATE:
        a = sql_fraction(self, expr->operands[0]);
        a.top.text = sql_print(self, "-%s", sql_wrap(self, a.top, BIND_ATOM));
        a.top.bind = BIND_SIGN;
        return a;
    case EXPR_NUMERIC:
        a = sql_fraction(self, expr->operands[0]);
        a.top = sql_numeric(self, a.top);
        return a;
    case EXPR_ADD:
    case EXPR_SUBTRACT:
    case EXPR_MULTIPLY:
    case EXPR_DIVIDE:
    case EXPR_DIVIDE_WHOLE:
    case EXPR_MODULO:
        return binary(self, expr);
    case EXPR_GREATEST:
    case EXPR_LEAST:
    case EXPR_CASE:
    case EXPR_COALESCE:
    case EXPR_NULLIF:
        return sql_choice(self, expr);
    default:
        return sql_function(self, expr);
    }
}
