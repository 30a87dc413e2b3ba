/*  sql_choice -- CASE and its relatives over fractions: the same choice for the numerator and for
 *  the denominator. See sql.h. */
#include <assert.h>

#include "actors/rules/sql.h"

static const char *append(const printer_t *self, const char *before, const char *after)
{
    return before ? sql_print(self, "%s%s", before, after) : after;
}

// CASE WHEN condition THEN value ... ELSE value END; one value more than conditions.
static term_t case_text(const printer_t *self, size_t count, const char *const *conditions,
                        const term_t *values)
{
    const char *text = "CASE";
    for (size_t i = 0; i < count; i++)
        text = sql_print(self, "%s WHEN %s THEN %s", text, conditions[i], values[i].text);
    return sql_atom(sql_print(self, "%s ELSE %s END", text, values[count].text));
}

// The fraction that the first true condition chooses.
static fraction_t choose(const printer_t *self, size_t count, const char *const *conditions,
                         const fraction_t *values)
{
    term_t *terms = arena_take(self->arena, (count + 1) * sizeof *terms);
    fraction_t made = { .positive = true };
    if (!terms || count == 0) // coalesce(x) is x
        return terms ? values[0] : made;
    bool same = true;
    for (size_t i = 0; i <= count; i++) {
        terms[i] = values[i].top;
        same = same && sql_same_bottom(values[i], values[0]);
        made.positive = made.positive && values[i].positive;
        made.bottom_nullable = made.bottom_nullable || values[i].bottom_nullable;
    }
    made.top = case_text(self, count, conditions, terms);
    made.bottom = values[0].bottom;
    if (same)
        return made;
    for (size_t i = 0; i <= count; i++)
        terms[i] = values[i].bottom.text ? values[i].bottom : sql_atom("1");
    made.bottom = case_text(self, count, conditions, terms);
    return made;
}

static bool any_bottom(const fraction_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (sql_has_bottom(values[i]))
            return true;
    return false;
}

static fraction_t plain_call(const printer_t *self, const char *name, size_t count,
                             const fraction_t *values)
{
    const char *list = NULL;
    for (size_t i = 0; i < count; i++)
        list = append(self, list ? append(self, list, ", ") : NULL, values[i].top.text);
    return sql_whole(sql_atom(sql_print(self, "%s(%s)", name, list)));
}

static fraction_t case_of(const printer_t *self, const expr_t *expr, fraction_t *values)
{
    size_t count = expr->count / 2;
    const char **conditions = arena_take(self->arena, (count + 1) * sizeof *conditions);
    if (!conditions)
        return sql_whole(sql_atom(""));
    for (size_t i = 0; i < count; i++) {
        conditions[i] = sql_truth(self, expr->operands[2 * i]).text;
        values[i] = sql_fraction(self, expr->operands[2 * i + 1]);
    }
    values[count] = sql_fraction(self, expr->operands[expr->count - 1]);
    return choose(self, count, conditions, values);
}

static fraction_t coalesce(const printer_t *self, size_t count, const fraction_t *values)
{
    const char **conditions = arena_take(self->arena, count * sizeof *conditions);
    if (!conditions || !any_bottom(values, count))
        return plain_call(self, "coalesce", count, values);
    for (size_t i = 0; i + 1 < count; i++)
        conditions[i] = sql_is_null(self, values[i], true).text;
    return choose(self, count - 1, conditions, values);
}

// Not NULL, and none of those behind it is beyond it.
static const char *first_of(const printer_t *self, bool greatest, size_t count,
                            const fraction_t *values)
{
    const char *text = sql_is_null(self, values[0], true).text;
    for (size_t i = 1; i < count; i++)
        text = sql_print(self, "%s AND (%s) IS NOT FALSE", text,
                         sql_compare(self, values[0], greatest ? ">=" : "<=", values[i]).text);
    return text;
}

// The first that none behind it is beyond: those before it were NULL, or had one beyond them.
static fraction_t extreme(const printer_t *self, bool greatest, size_t count,
                          const fraction_t *values)
{
    const char **conditions = arena_take(self->arena, count * sizeof *conditions);
    if (!conditions || !any_bottom(values, count))
        return plain_call(self, greatest ? "greatest" : "least", count, values);
    for (size_t i = 0; i + 1 < count; i++)
        conditions[i] = first_of(self, greatest, count - i, values + i);
    return choose(self, count - 1, conditions, values);
}

static fraction_t nullif_of(const printer_t *self, const fraction_t *values)
{
    const char *equal = sql_compare(self, values[0], "=", values[1]).text;
    fraction_t made = values[0];
    made.top =
        sql_atom(sql_print(self, "CASE WHEN %s THEN NULL ELSE %s END", equal, values[0].top.text));
    return made;
}

fraction_t sql_choice(const printer_t *self, const expr_t *expr)
{
    fraction_t *values = arena_take(self->arena, expr->count * sizeof *values);
    if (!values)
        return sql_whole(sql_atom(""));
    if (expr->kind == EXPR_CASE)
        return case_of(self, expr, values);
    for (size_t i = 0; i < expr->count; i++)
        values[i] = sql_fraction(self, expr->operands[i]);
    if (expr->kind == EXPR_COALESCE)
        return coalesce(self, expr->count, values);
    if (expr->kind == EXPR_NULLIF)
        return nullif_of(self, values);
    assert(expr->kind == EXPR_GREATEST || expr->kind == EXPR_LEAST);
    return extreme(self, expr->kind == EXPR_GREATEST, expr->count, values);
}
