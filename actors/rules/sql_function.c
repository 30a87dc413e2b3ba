/*  sql_function -- functions of one number that may be a fraction, in PostgreSQL text. See sql.h.
 *
 *  What steps (floor, round ...) is built from div and mod, which are exact; what is not exact
 *  anyway (sqrt, ln ...) divides with 40 digits. Arguments without a value give NULL, no error.
 */
#include <assert.h>

#include "actors/rules/sql.h"

// ---- functions that step --------------------------------------------------------------------

static fraction_t absolute(const printer_t *self, fraction_t a)
{
    a.top = sql_atom(sql_print(self, "abs(%s)", a.top.text));
    if (!a.positive)
        a.bottom = sql_atom(sql_print(self, "abs(%s)", a.bottom.text));
    a.positive = true;
    return a;
}

static fraction_t sign(const printer_t *self, fraction_t a)
{
    term_t top = sql_has_bottom(a) && (!a.positive || a.bottom_nullable)
                     ? sql_product(self, a.top, a.bottom)
                     : a.top;
    return sql_whole(sql_atom(sql_print(self, "sign(%s)", sql_numeric(self, top).text)));
}

// floor: the truncated quotient, less one where something negative was cut off. ceil: likewise.
static fraction_t step(const printer_t *self, fraction_t a, bool up)
{
    if (!sql_has_bottom(a))
        return sql_whole(sql_atom(sql_print(self, "%s(%s)", up ? "ceil" : "floor", a.top.text)));
    a = sql_positive_bottom(self, a);
    const char *bottom = sql_nullif_zero(self, a.bottom).text;
    const char *text =
        sql_print(self, "div(%s, %s) %s CASE WHEN mod(%s, %s) %s 0 THEN 1 ELSE 0 END", a.top.text,
                  bottom, up ? "+" : "-", a.top.text, bottom, up ? ">" : "<");
    return sql_whole((term_t){ text, BIND_SUM });
}

// Halves away from zero: sign(N) * div(2 |N| 10^d + D, 2 D) / 10^d.
static fraction_t rounded(const printer_t *self, const expr_t *expr, fraction_t a)
{
    int digits = expr->index;
    if (!sql_has_bottom(a))
        return sql_whole(
            sql_atom(sql_print(self, "round(%s, %d)", sql_numeric(self, a.top).text, digits)));
    a = sql_positive_bottom(self, a);
    const char *top = sql_numeric(self, a.top).text;
    const char *bottom = sql_wrap(self, a.bottom, BIND_ATOM);
    const char *text =
        sql_print(self, "sign(%s) * div(2e%d * abs(%s) + %s, NULLIF(2 * %s, 0)) * 1e%d", top,
                  digits, top, bottom, bottom, -digits);
    return sql_whole((term_t){ text, BIND_PRODUCT });
}

// Halves to even: the same without digits, one less where 2 |N| + D is an odd multiple of 2 D.
static fraction_t rounded_even(const printer_t *self, fraction_t a)
{
    if (sql_has_bottom(a))
        a = sql_positive_bottom(self, a);
    const char *top = sql_numeric(self, a.top).text;
    const char *bottom = sql_has_bottom(a) ? sql_wrap(self, a.bottom, BIND_ATOM) : "1";
    const char *text = sql_print(self,
                                 "sign(%s) * (div(2 * abs(%s) + %s, NULLIF(2 * %s, 0)) - CASE WHEN "
                                 "mod(2 * abs(%s) + %s, NULLIF(4 * %s, 0)) = 2 * %s THEN 1 ELSE 0 "
                                 "END)",
                                 top, top, bottom, bottom, top, bottom, bottom, bottom);
    return sql_whole((term_t){ text, BIND_PRODUCT });
}

// ---- functions that are not exact -----------------------------------------------------------

term_t sql_divided(const printer_t *self, fraction_t a)
{
    if (!sql_has_bottom(a))
        return sql_numeric(self, a.top);
    // 40 digits after the point instead of PostgreSQL's 16 significant ones.
    const char *text = sql_print(self, "(%s + 0e-40) / NULLIF(%s, 0)",
                                 sql_wrap(self, a.top, BIND_SUM), a.bottom.text);
    return sql_atom(sql_print(self, "(%s)", text));
}

static fraction_t guarded(const printer_t *self, const expr_t *expr, const char *test,
                          const char *name)
{
    const char *x = sql_divided(self, sql_fraction(self, expr->operands[0])).text;
    return sql_whole(
        sql_atom(sql_print(self, "CASE WHEN %s %s THEN %s(%s) END", x, test, name, x)));
}

// 0 to a negative power, a negative number to a broken one, beyond e^709: NULL.
static fraction_t power(const printer_t *self, const expr_t *expr)
{
    const char *x = sql_divided(self, sql_fraction(self, expr->operands[0])).text;
    const char *y = sql_divided(self, sql_fraction(self, expr->operands[1])).text;
    const char *size = sql_print(self, "%s * ln(NULLIF(abs(%s), 0)) <= 709", y, x);
    return sql_whole(sql_atom(
        sql_print(self,
                  "CASE WHEN %s = 0 AND %s >= 0 OR (%s > 0 OR %s < 0 AND %s = floor(%s)) AND %s "
                  "THEN power(%s, %s) END",
                  x, y, x, x, y, y, size, x, y)));
}

fraction_t sql_function(const printer_t *self, const expr_t *expr)
{
    if (expr->kind == EXPR_POWER)
        return power(self, expr);
    if (expr->kind == EXPR_SQRT)
        return guarded(self, expr, "BETWEEN 0 AND 3.2317006071311e616", "sqrt"); // a double
    if (expr->kind == EXPR_LN)
        return guarded(self, expr, "> 0", "ln");
    if (expr->kind == EXPR_EXP)
        return guarded(self, expr, "<= 709", "exp");
    fraction_t a = sql_fraction(self, expr->operands[0]);
    switch ((int) expr->kind) {
    case EXPR_ABS:
        return absolute(self, a);
    case EXPR_SIGN:
        return sign(self, a);
    case EXPR_FLOOR:
        return step(self, a, false);
    case EXPR_CEIL:
        return step(self, a, true);
    case EXPR_ROUND_EVEN:
        return rounded_even(self, a);
    default:
        assert(expr->kind == EXPR_ROUND);
        return rounded(self, expr, a);
    }
}
