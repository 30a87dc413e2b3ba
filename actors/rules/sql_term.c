/*  sql_term -- the small pieces of PostgreSQL text: operators, names, strings, calls. See sql.h. */
#include <stdarg.h>
#include <stdio.h>

#include "actors/rules/parse.h"
#include "actors/rules/sql.h"

static const char *const aggregate_names[] = {
    [AGGREGATE_COUNT_ROWS] = "count",
    [AGGREGATE_COUNT] = "count",
    [AGGREGATE_SUM] = "sum",
    [AGGREGATE_AVG] = "avg",
    [AGGREGATE_MIN] = "min",
    [AGGREGATE_MAX] = "max",
    [AGGREGATE_STDDEV_SAMP] = "stddev_samp",
    [AGGREGATE_STDDEV_POP] = "stddev_pop",
    [AGGREGATE_VAR_SAMP] = "var_samp",
    [AGGREGATE_VAR_POP] = "var_pop",
    [AGGREGATE_CORR] = "corr",
    [AGGREGATE_REGR_SLOPE] = "regr_slope",
    [AGGREGATE_FIRST_VALUE] = "first_value",
    [AGGREGATE_LAST_VALUE] = "last_value",
    [AGGREGATE_LAG] = "lag",
    [AGGREGATE_DELTA] = "delta",
    [AGGREGATE_RATE] = "rate",
    [AGGREGATE_TWAVG] = "twavg",
    [AGGREGATE_MEDIAN] = "median",
    [AGGREGATE_EMA] = "ema",
};

const char *sql_print(const printer_t *self, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = length < 0 ? NULL : arena_take(self->arena, (size_t) length + 1);
    if (!text)
        return ""; // the arena has latched it
    va_start(arguments, format);
    vsnprintf(text, (size_t) length + 1, format, arguments);
    va_end(arguments);
    return text;
}

const char *sql_wrap(const printer_t *self, term_t term, bind_t least)
{
    return term.bind >= least ? term.text : sql_print(self, "(%s)", term.text);
}

term_t sql_join(const printer_t *self, term_t a, const char *sign, bind_t bind, term_t b)
{
    const char *left = sql_wrap(self, a, bind), *right = sql_wrap(self, b, (bind_t) (bind + 1));
    return (term_t){ sql_print(self, "%s %s %s", left, sign, right), bind };
}

// Every rule asks, and of the same few columns: the newest answer in each slot is kept.
static bool is_reserved(const char *name)
{
    enum { SLOTS = 64, KEPT_MAX = 63 };
    static _Thread_local struct {
        char name[KEPT_MAX + 1];
        bool reserved;
    } slots[SLOTS];
    size_t size = strlen(name), sum = size;
    if (size == 0 || size > KEPT_MAX)
        return parse_reserved(name);
    for (size_t i = 0; i < size; i++)
        sum = 31 * sum + (uint8_t) name[i];
    size_t slot = sum % SLOTS;
    if (strcmp(slots[slot].name, name) != 0) {
        slots[slot].reserved = parse_reserved(name);
        memcpy(slots[slot].name, name, size + 1);
    }
    return slots[slot].reserved;
}

const char *sql_name(const printer_t *self, const char *name)
{
    return is_reserved(name) ? sql_print(self, "\"%s\"", name) : name;
}

const char *sql_string(const printer_t *self, slice_t text)
{
    char *quoted = arena_take(self->arena, 2 * text.size + 3);
    size_t size = 0;
    if (!quoted)
        return "";
    quoted[size++] = '\'';
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\'')
            quoted[size++] = '\'';
        quoted[size++] = (char) text.data[i];
    }
    quoted[size++] = '\'';
    quoted[size] = '\0';
    return quoted;
}

// ---- fractions ------------------------------------------------------------------------------

term_t sql_atom(const char *text)
{
    return (term_t){ text, BIND_ATOM };
}

fraction_t sql_whole(term_t top)
{
    return (fraction_t){ .top = top, .positive = true };
}

bool sql_has_bottom(fraction_t a)
{
    return a.bottom.text != NULL;
}

term_t sql_numeric(const printer_t *self, term_t a)
{
    return sql_atom(sql_print(self, "%s::numeric", sql_wrap(self, a, BIND_ATOM)));
}

term_t sql_product(const printer_t *self, term_t a, term_t b)
{
    return sql_join(self, a, "*", BIND_PRODUCT, b);
}

// a times a bottom, which may be 1.
term_t sql_times(const printer_t *self, term_t a, term_t bottom)
{
    return bottom.text ? sql_product(self, a, bottom) : a;
}

term_t sql_bottoms(const printer_t *self, term_t a, term_t b)
{
    if (!a.text || !b.text)
        return a.text ? a : b;
    return sql_product(self, sql_numeric(self, a), b); // counts are bigint: many of them overflow
}

bool sql_same_bottom(fraction_t a, fraction_t b)
{
    if (!sql_has_bottom(a) || !sql_has_bottom(b))
        return !sql_has_bottom(a) && !sql_has_bottom(b);
    return strcmp(a.bottom.text, b.bottom.text) == 0;
}

// The same value over a bottom that is > 0 or NULL.
fraction_t sql_positive_bottom(const printer_t *self, fraction_t a)
{
    if (a.positive)
        return a;
    a.top = sql_product(self, a.top, a.bottom);
    a.bottom = sql_product(self, a.bottom, a.bottom);
    a.positive = true;
    return a;
}

term_t sql_nullif_zero(const printer_t *self, term_t a)
{
    return sql_atom(sql_print(self, "NULLIF(%s, 0)", a.text));
}

// ---- aggregates -----------------------------------------------------------------------------

term_t sql_argument(const printer_t *self, int index)
{
    if (index < 0)
        return sql_atom("*");
    const argument_t *argument = &self->table->arguments[index];
    if (argument->column >= 0)
        return sql_atom(sql_name(self, self->table->columns[argument->column]));
    return sql_fraction(self, argument->expr).top; // exact: nothing in it divides
}

static const char *call_text(const printer_t *self, const aggregate_t *aggregate)
{
    const char *name = aggregate_names[aggregate->kind];
    const char *first = sql_argument(self, aggregate->argument).text;
    if (aggregate->argument2 >= 0)
        return sql_print(self, "%s(%s, %s)", name, first,
                         sql_argument(self, aggregate->argument2).text);
    if (aggregate->kind == AGGREGATE_LAG)
        return sql_print(self, "%s(%s, %u)", name, first, aggregate->offset);
    return sql_print(self, "%s(%s)", name, first);
}

const char *sql_over(const printer_t *self, const aggregate_t *aggregate)
{
    return sql_print(self, "%s OVER %s", call_text(self, aggregate),
                     self->table->windows[aggregate->window].name);
}

// The variance of x + y, x - y or x + 0 * y, which is x where both are: exact, since numeric.
static const char *spread(const printer_t *self, const aggregate_t *aggregate, int x,
                          const char *sign, int y)
{
    return sql_print(self, "var_pop(%s %s %s) OVER %s",
                     sql_wrap(self, sql_argument(self, x), BIND_SUM), sign,
                     sql_wrap(self, sql_argument(self, y), BIND_SIGN),
                     self->table->windows[aggregate->window].name);
}

term_t sql_relation(const printer_t *self, const aggregate_t *aggregate)
{
    int y = aggregate->argument, x = aggregate->argument2;
    const char *constant = sql_print(self, "%s = 0", spread(self, aggregate, x, "+ 0 *", y));
    if (aggregate->kind == AGGREGATE_CORR)
        constant =
            sql_print(self, "%s = 0 OR %s", spread(self, aggregate, y, "+ 0 *", x), constant);
    return sql_atom(
        sql_print(self, "CASE WHEN %s THEN NULL WHEN %s = %s THEN 0 ELSE %s END", constant,
                  spread(self, aggregate, y, "+", x), spread(self, aggregate, y, "-", x),
                  sql_numeric(self, (term_t){ sql_over(self, aggregate), BIND_SIGN }).text));
}

bool sql_aggregate_text(const table_plan_t *table, const aggregate_t *aggregate, char *text,
                        size_t size)
{
    arena_t *arena = arena_new(SQL_BYTES_MAX);
    printer_t printer = { .arena = arena, .table = table };
    const char *call = arena ? call_text(&printer, aggregate) : "";
    bool good = arena && !arena_starved(arena);
    if (good && !arena_failed(arena) && strlen(call) < size)
        snprintf(text, size, "%s", call);
    else
        snprintf(text, size, "%s(...)", aggregate_names[aggregate->kind]);
    arena_destroy(&arena);
    return good;
}
