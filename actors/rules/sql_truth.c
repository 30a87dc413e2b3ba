/*  sql_truth -- conditions and text, in PostgreSQL text. See sql.h. */
#include <assert.h>

#include "actors/rules/sql.h"

// ---- numbers --------------------------------------------------------------------------------

// a / A sign b / B without dividing: both sides times A * B, and times those of A and B whose
// sign is not known once more.
term_t sql_compare(const printer_t *self, fraction_t a, const char *sign, fraction_t b)
{
    bool nullable = a.bottom_nullable || b.bottom_nullable;
    if (sql_same_bottom(a, b) && a.positive && b.positive && !nullable)
        return sql_join(self, a.top, sign, BIND_COMPARE, b.top);
    term_t left = sql_times(self, a.top, b.bottom), right = sql_times(self, b.top, a.bottom);
    if (!a.positive) {
        left = sql_times(self, left, a.bottom);
        right = sql_times(self, right, a.bottom);
    }
    if (!b.positive) {
        left = sql_times(self, left, b.bottom);
        right = sql_times(self, right, b.bottom);
    }
    return sql_join(self, left, sign, BIND_COMPARE, right);
}

term_t sql_is_null(const printer_t *self, fraction_t a, bool negated)
{
    const char *test = negated ? "IS NOT NULL" : "IS NULL";
    const char *top = sql_wrap(self, a.top, BIND_ATOM);
    if (!a.bottom_nullable)
        return (term_t){ sql_print(self, "%s %s", top, test), BIND_IS };
    const char *bottom = sql_wrap(self, a.bottom, BIND_ATOM);
    return (
        term_t){ sql_print(self, "%s %s %s %s %s", top, test, negated ? "AND" : "OR", bottom, test),
                 negated ? BIND_AND : BIND_OR };
}

// ---- text and whatever else a CASE chooses --------------------------------------------------

static term_t any(const printer_t *self, const expr_t *expr);

static const char *list_of(const printer_t *self, const expr_t *expr)
{
    const char *list = "";
    for (size_t i = 0; i < expr->count; i++)
        list = sql_print(self, "%s%s%s", list, i ? ", " : "", any(self, expr->operands[i]).text);
    return list;
}

static term_t case_of(const printer_t *self, const expr_t *expr)
{
    const char *text = "CASE";
    size_t last = expr->count - 1u;
    for (size_t i = 0; i < last; i += 2)
        text = sql_print(self, "%s WHEN %s THEN %s", text, sql_truth(self, expr->operands[i]).text,
                         any(self, expr->operands[i + 1]).text);
    return sql_atom(sql_print(self, "%s ELSE %s END", text, any(self, expr->operands[last]).text));
}

static term_t text_of(const printer_t *self, const expr_t *expr)
{
    switch ((int) expr->kind) {
    case EXPR_NULL:
        return sql_atom("NULL::text");
    case EXPR_TEXT:
        return sql_atom(sql_string(self, expr->text));
    case EXPR_KEY:
        return sql_atom(sql_name(self, self->table->keys[expr->index]));
    case EXPR_CASE:
        return case_of(self, expr);
    case EXPR_COALESCE:
        return sql_atom(sql_print(self, "coalesce(%s)", list_of(self, expr)));
    default:
        assert(expr->kind == EXPR_NULLIF);
        return sql_atom(sql_print(self, "NULLIF(%s)", list_of(self, expr)));
    }
}

static term_t any(const printer_t *self, const expr_t *expr)
{
    return expr->type == TYPE_TEXT ? text_of(self, expr) : sql_truth(self, expr);
}

// ---- truth ----------------------------------------------------------------------------------

static term_t logic(const printer_t *self, const expr_t *expr)
{
    bind_t bind = expr->kind == EXPR_AND ? BIND_AND : BIND_OR;
    term_t made = sql_truth(self, expr->operands[0]);
    for (size_t i = 1; i < expr->count; i++)
        made = sql_join(self, made, bind == BIND_AND ? "AND" : "OR", bind,
                        sql_truth(self, expr->operands[i]));
    return made;
}

static term_t is_test(const printer_t *self, const expr_t *expr)
{
    const expr_t *operand = expr->operands[0];
    if (expr->kind == EXPR_IS_NULL && type_is_number(operand->type))
        return sql_is_null(self, sql_fraction(self, operand), false);
    const char *test = expr->kind == EXPR_IS_NULL   ? "IS NULL"
                       : expr->kind == EXPR_IS_TRUE ? "IS TRUE"
                                                    : "IS FALSE";
    return (term_t){ sql_print(self, "%s %s", sql_wrap(self, any(self, operand), BIND_ATOM), test),
                     BIND_IS };
}

static term_t compare_any(const printer_t *self, const expr_t *expr, const char *sign)
{
    const char *left = sql_wrap(self, any(self, expr->operands[0]), BIND_ATOM);
    const char *right = sql_wrap(self, any(self, expr->operands[1]), BIND_ATOM);
    return (term_t){ sql_print(self, "%s %s %s", left, sign, right), BIND_COMPARE };
}

term_t sql_truth(const printer_t *self, const expr_t *expr)
{
    switch ((int) expr->kind) {
    case EXPR_NULL:
        return sql_atom("NULL::boolean");
    case EXPR_TRUE:
        return sql_atom("true");
    case EXPR_FALSE:
        return sql_atom("false");
    case EXPR_COMPARE:
        return sql_compare(self, sql_fraction(self, expr->operands[0]), compare_signs[expr->index],
                           sql_fraction(self, expr->operands[1]));
    case EXPR_COMPARE_TEXT:
    case EXPR_COMPARE_TRUTH:
        return compare_any(self, expr, compare_signs[expr->index]);
    case EXPR_LIKE:
        return compare_any(self, expr, "LIKE");
    case EXPR_AND:
    case EXPR_OR:
        return logic(self, expr);
    case EXPR_NOT:
        return (term_t){ sql_print(self, "NOT %s",
                                   sql_wrap(self, sql_truth(self, expr->operands[0]), BIND_IS)),
                         BIND_NOT };
    case EXPR_IS_NULL:
    case EXPR_IS_TRUE:
    case EXPR_IS_FALSE:
        return is_test(self, expr);
    case EXPR_CASE:
        return case_of(self, expr);
    case EXPR_COALESCE:
        return sql_atom(sql_print(self, "coalesce(%s)", list_of(self, expr)));
    default:
        assert(expr->kind == EXPR_NULLIF);
        return sql_atom(sql_print(self, "NULLIF(%s)", list_of(self, expr)));
    }
}
