/*  calls -- functions of numbers, extract, and aggregates over windows. See compile.h. */
#include <stdio.h>
#include <stdlib.h>

#include "actors/rules/compile.h"
#include "actors/rules/digits.h"
#include "actors/rules/sql.h"
#include "actors/rules/types.h"

enum { ROUND_DIGITS_MAX = 64, ARGUMENTS_MAX = 2, TYPES_TEXT_MAX = 96 };

const char *const field_names[FIELD_COUNT] = {
    [FIELD_YEAR] = "year",
    [FIELD_ISOYEAR] = "isoyear",
    [FIELD_QUARTER] = "quarter",
    [FIELD_MONTH] = "month",
    [FIELD_WEEK] = "week",
    [FIELD_DAY] = "day",
    [FIELD_DOW] = "dow",
    [FIELD_ISODOW] = "isodow",
    [FIELD_DOY] = "doy",
    [FIELD_HOUR] = "hour",
    [FIELD_MINUTE] = "minute",
    [FIELD_SECOND] = "second",
    [FIELD_MILLISECONDS] = "milliseconds",
    [FIELD_MICROSECONDS] = "microseconds",
    [FIELD_EPOCH] = "epoch",
};

typedef enum {
    RESULT_SAME,   // the type of the arguments
    RESULT_FLOAT,  // the same, but whole numbers become double precision
    RESULT_WHOLE,  // RESULT_FLOAT, and a whole number is its own result
    RESULT_MODULO, // the same, and there is none for double precision
} result_t;

static const struct {
    const char *name;
    expr_kind_t kind;
    size_t count; // of arguments
    result_t result;
} functions[] = {
    { "abs", EXPR_ABS, 1, RESULT_SAME },      { "sign", EXPR_SIGN, 1, RESULT_FLOAT },
    { "sqrt", EXPR_SQRT, 1, RESULT_FLOAT },   { "ln", EXPR_LN, 1, RESULT_FLOAT },
    { "exp", EXPR_EXP, 1, RESULT_FLOAT },     { "power", EXPR_POWER, 2, RESULT_FLOAT },
    { "pow", EXPR_POWER, 2, RESULT_FLOAT },   { "floor", EXPR_FLOOR, 1, RESULT_WHOLE },
    { "ceil", EXPR_CEIL, 1, RESULT_WHOLE },   { "ceiling", EXPR_CEIL, 1, RESULT_WHOLE },
    { "round", EXPR_ROUND, 1, RESULT_WHOLE }, { "mod", EXPR_MODULO, 2, RESULT_MODULO },
};

static const struct {
    const char *name;
    aggregate_kind_t kind;
    size_t count; // of arguments
} aggregates[] = {
    { "count", AGGREGATE_COUNT, 1 },
    { "sum", AGGREGATE_SUM, 1 },
    { "avg", AGGREGATE_AVG, 1 },
    { "min", AGGREGATE_MIN, 1 },
    { "max", AGGREGATE_MAX, 1 },
    { "stddev", AGGREGATE_STDDEV_SAMP, 1 },
    { "stddev_samp", AGGREGATE_STDDEV_SAMP, 1 },
    { "stddev_pop", AGGREGATE_STDDEV_POP, 1 },
    { "variance", AGGREGATE_VAR_SAMP, 1 },
    { "var_samp", AGGREGATE_VAR_SAMP, 1 },
    { "var_pop", AGGREGATE_VAR_POP, 1 },
    { "corr", AGGREGATE_CORR, 2 },
    { "regr_slope", AGGREGATE_REGR_SLOPE, 2 },
    { "first_value", AGGREGATE_FIRST_VALUE, 1 },
    { "last_value", AGGREGATE_LAST_VALUE, 1 },
    { "lag", AGGREGATE_LAG, 1 }, // and the offset, which is no argument
    { "delta", AGGREGATE_DELTA, 1 },
    { "rate", AGGREGATE_RATE, 1 },
    { "twavg", AGGREGATE_TWAVG, 1 },
    { "median", AGGREGATE_MEDIAN, 1 },
    { "ema", AGGREGATE_EMA, 1 },
};

static const expr_t *missing(const compiler_t *self, const syntax_t *syntax,
                             const expr_t *const *operands, size_t count)
{
    char types[TYPES_TEXT_MAX] = "";
    size_t size = 0;
    for (size_t i = 0; i < count && size < sizeof types; i++)
        size += (size_t) snprintf(types + size, sizeof types - size, "%s%s", i ? ", " : "",
                                  type_name(operands[i]->type));
    return compile_refuse(self, syntax->place, "function %s(%s) does not exist", syntax->text,
                          types);
}

// ---- functions of numbers -------------------------------------------------------------------

// round(x, n): n decides the form of the exact query, so it is a number as written.
static const expr_t *round_digits(compiler_t *self, const syntax_t *syntax)
{
    const expr_t *operands[2];
    if (!compile_all(self, syntax->operands, 2, operands))
        return NULL;
    const char *text = syntax->operands[1]->kind == SYNTAX_NUMBER ? syntax->operands[1]->text : "";
    if (!type_is_number(operands[0]->type) || operands[0]->type == TYPE_DOUBLE ||
        operands[1]->type != TYPE_INTEGER)
        return missing(self, syntax, operands, 2);
    long digits = strtol(text, NULL, 10);
    if (!*text || digits < -ROUND_DIGITS_MAX || digits > ROUND_DIGITS_MAX)
        return compile_refuse(self, syntax->operands[1]->place,
                              "the digits of round have to be a number from -%d to %d",
                              ROUND_DIGITS_MAX, ROUND_DIGITS_MAX);
    expr_t *made = compile_make(self, syntax->place, EXPR_ROUND, TYPE_NUMERIC, 1, operands);
    if (made)
        made->index = (int) digits;
    return made;
}

static const expr_t *function(compiler_t *self, const syntax_t *syntax, size_t which)
{
    const expr_t *operands[ARGUMENTS_MAX];
    expr_kind_t kind = functions[which].kind;
    result_t result = functions[which].result;
    size_t count = functions[which].count;
    if (self->in_argument && kind != EXPR_ABS)
        return compile_refuse(self, syntax->place,
                              "%s is not supported inside an aggregate: its arguments are exact (+ "
                              "- *, abs, CASE, coalesce, nullif, greatest, least)",
                              syntax->text);
    if (kind == EXPR_ROUND && syntax->count == 2)
        return round_digits(self, syntax);
    if (syntax->count != count)
        return compile_refuse(self, syntax->place, "function %s with %zu arguments does not exist",
                              syntax->text, syntax->count);
    if (!compile_all(self, syntax->operands, count, operands))
        return NULL;
    type_t type = TYPE_INTEGER;
    for (size_t i = 0; i < count; i++) {
        type_t other = operands[count - 1 - i]->type;
        if (operands[i]->type == TYPE_UNKNOWN && count == 2 && type_is_number(other))
            operands[i] = compile_coerce(self, syntax->place, operands[i], other);
        if (!operands[i])
            return NULL;
        if (!type_is_number(operands[i]->type))
            return missing(self, syntax, operands, count);
        type = operands[i]->type > type ? operands[i]->type : type;
    }
    if (result == RESULT_MODULO && type == TYPE_DOUBLE)
        return missing(self, syntax, operands, count);
    if (result == RESULT_WHOLE && type_is_whole(type))
        kind = EXPR_NUMERIC;
    if (kind == EXPR_ROUND && type == TYPE_DOUBLE)
        kind = EXPR_ROUND_EVEN;
    if ((result == RESULT_FLOAT || result == RESULT_WHOLE) && type_is_whole(type))
        type = TYPE_DOUBLE;
    return compile_make(self, syntax->place, kind, type, count, operands);
}

// What PostgreSQL takes out of a time and we do not, or call by one name only.
static const struct {
    const char *name, *ours;
} other_fields[] = {
    { "century", NULL },      { "decade", NULL },         { "julian", NULL },
    { "millennium", NULL },   { "years", "year" },        { "yr", "year" },
    { "yrs", "year" },        { "qtr", "quarter" },       { "months", "month" },
    { "mon", "month" },       { "mons", "month" },        { "weeks", "week" },
    { "days", "day" },        { "hours", "hour" },        { "hr", "hour" },
    { "hrs", "hour" },        { "minutes", "minute" },    { "min", "minute" },
    { "mins", "minute" },     { "seconds", "second" },    { "sec", "second" },
    { "secs", "second" },     { "ms", "milliseconds" },   { "msec", "milliseconds" },
    { "us", "microseconds" }, { "usec", "microseconds" },
};

static const expr_t *refuse_field(const compiler_t *self, int place, const char *name)
{
    for (size_t i = 0; i < sizeof other_fields / sizeof *other_fields; i++)
        if (strcmp(name, other_fields[i].name) == 0)
            return compile_refuse(self, place, "unit \"%s\" is not in this version%s%s", name,
                                  other_fields[i].ours ? ": " : "",
                                  other_fields[i].ours ? other_fields[i].ours : "");
    return compile_refuse(self, place,
                          "unit \"%s\" not recognized for type timestamp without time zone", name);
}

static const expr_t *extract(compiler_t *self, const syntax_t *syntax)
{
    const syntax_t *from = syntax->count == 2 ? syntax->operands[1] : NULL;
    if (!from || from->kind != SYNTAX_COLUMN || strcmp(from->text, "ts") != 0)
        return compile_refuse(self, syntax->place, "extract takes a field from ts only");
    if (self->in_argument)
        return compile_refuse(self, syntax->place, "extract is not supported inside an aggregate");
    const char *name = syntax->operands[0]->text;
    for (int field = 0; field < FIELD_COUNT; field++)
        if (name && strcmp(name, field_names[field]) == 0) {
            expr_t *made = compile_make(self, syntax->place, EXPR_FIELD, TYPE_NUMERIC, 0, NULL);
            if (made)
                made->index = field;
            return made;
        }
    return refuse_field(self, syntax->place, name ? name : "");
}

// ---- aggregates -----------------------------------------------------------------------------

static type_t result_of(aggregate_kind_t kind, type_t argument)
{
    switch (kind) {
    case AGGREGATE_COUNT_ROWS:
    case AGGREGATE_COUNT:
        return TYPE_BIGINT;
    case AGGREGATE_SUM:
        return argument == TYPE_INTEGER ? TYPE_BIGINT : TYPE_NUMERIC;
    case AGGREGATE_AVG:
    case AGGREGATE_STDDEV_SAMP:
    case AGGREGATE_STDDEV_POP:
    case AGGREGATE_VAR_SAMP:
    case AGGREGATE_VAR_POP:
    case AGGREGATE_DELTA:
    case AGGREGATE_RATE:
    case AGGREGATE_TWAVG:
    case AGGREGATE_MEDIAN:
    case AGGREGATE_EMA:
        return TYPE_NUMERIC;
    case AGGREGATE_CORR:
    case AGGREGATE_REGR_SLOPE:
        return TYPE_DOUBLE;
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
    case AGGREGATE_FIRST_VALUE:
    case AGGREGATE_LAST_VALUE:
    case AGGREGATE_LAG:
        break;
    }
    return argument;
}

// Index of an argument in the table; -1 with fault.
static int argument(compiler_t *self, const syntax_t *syntax, const syntax_t *call, type_t *type)
{
    compiler_t inside = *self;
    inside.in_argument = true;
    const expr_t *expr = compile(&inside, syntax);
    if (!expr)
        return -1;
    *type = expr->type;
    if (!type_is_number(expr->type)) {
        bool counted = strcmp(call->text, "count") == 0;
        compile_refuse(self, call->place,
                       counted ? "%s of type %s is not supported: count a number, or CASE WHEN ... "
                                 "THEN 1 END"
                               : "function %s(%s) does not exist",
                       call->text, type_name(expr->type));
        return -1;
    }
    digits_t digits = digits_of(expr);
    if (digits.before > ARGUMENT_DIGITS_MAX || digits.after > ARGUMENT_DIGITS_MAX) {
        compile_refuse(self, syntax->place,
                       "an argument of %s can have %d digits before the point and %d after it: at "
                       "most %d on either side",
                       call->text, digits.before, digits.after, ARGUMENT_DIGITS_MAX);
        return -1;
    }
    argument_t made = { .column = -1, .expr = expr };
    if (expr->kind == EXPR_COLUMN)
        made = (argument_t){ .column = expr->index };
    int index = table_argument(self->table, &made);
    if (index < 0)
        compile_refuse(self, call->place, "out of memory, or too many aggregates");
    return index;
}

// lag(x [, k]) over rows_N: k from 1 to N, as the window keeps no more.
static bool lag_offset(compiler_t *self, const syntax_t *syntax, const window_spec_t *window,
                       uint32_t *offset)
{
    const char *text = "1";
    if (syntax->count == 2)
        text = syntax->operands[1]->kind == SYNTAX_NUMBER ? syntax->operands[1]->text : "";
    char *end;
    unsigned long number = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
    if (!window->by_rows) {
        compile_refuse(self, syntax->place, "lag needs a window of rows: lag(x, k) OVER rows_<N>");
        return false;
    }
    if (number < 1 || number > window->rows || *end) {
        compile_refuse(self, syntax->place, "the offset of lag has to be a number from 1 to %u",
                       window->rows);
        return false;
    }
    *offset = (uint32_t) number;
    return true;
}

static const expr_t *aggregate_over(compiler_t *self, const syntax_t *syntax, size_t which)
{
    aggregate_t made = { .kind = aggregates[which].kind, .argument = -1, .argument2 = -1 };
    size_t count = syntax->star ? 0 : aggregates[which].count;
    if (syntax->star)
        made.kind = AGGREGATE_COUNT_ROWS;
    int window = compile_window(self, syntax->over);
    if (window < 0)
        return NULL;
    made.window = (uint16_t) window;
    const window_spec_t *extent = &self->table->plan.windows[window];
    if (made.kind == AGGREGATE_EMA && (!extent->by_rows || extent->rows > EMA_ROWS_MAX))
        return compile_refuse(self, syntax->place,
                              "ema needs a window of at most %d rows: ema(x) OVER rows_<N>",
                              EMA_ROWS_MAX);
    if (made.kind == AGGREGATE_LAG && !lag_offset(self, syntax, extent, &made.offset))
        return NULL;
    type_t types[ARGUMENTS_MAX] = { TYPE_NUMERIC, TYPE_NUMERIC };
    int indexes[ARGUMENTS_MAX] = { -1, -1 };
    for (size_t i = 0; i < count; i++)
        if ((indexes[i] = argument(self, syntax->operands[i], syntax, &types[i])) < 0)
            return NULL;
    made.argument = (int16_t) indexes[0];
    made.argument2 = (int16_t) indexes[1];
    if (!sql_aggregate_text(&self->table->plan, &made, made.text, sizeof made.text))
        arena_fail(self->table->arena);
    int index = table_aggregate(self->table, &made);
    if (index < 0)
        return compile_refuse(self, syntax->place, "out of memory, or too many aggregates");
    expr_t *expr =
        compile_make(self, syntax->place, EXPR_AGGREGATE, result_of(made.kind, types[0]), 0, NULL);
    if (expr) {
        expr->index = index;
        expr->windowed = true;
    }
    return expr;
}

static const expr_t *aggregate(compiler_t *self, const syntax_t *syntax, size_t which)
{
    aggregate_kind_t kind = aggregates[which].kind;
    size_t most = aggregates[which].count + (kind == AGGREGATE_LAG);
    if (self->in_argument)
        return compile_refuse(self, syntax->place, "window function calls cannot be nested");
    if (!syntax->over && kind >= AGGREGATE_FIRST_VALUE && kind <= AGGREGATE_LAG)
        return compile_refuse(self, syntax->place, "window function %s requires an OVER clause",
                              syntax->text);
    if (!syntax->over)
        return compile_refuse(self, syntax->place,
                              "aggregate function %s requires a window: OVER last_1h, OVER rows_20",
                              syntax->text);
    if (kind == AGGREGATE_COUNT && syntax->count == 0 && !syntax->star)
        return compile_refuse(self, syntax->place,
                              "count(*) must be used to call a parameterless aggregate function");
    bool fits = syntax->star ? kind == AGGREGATE_COUNT
                             : syntax->count >= aggregates[which].count && syntax->count <= most;
    if (!fits)
        return compile_refuse(self, syntax->place, "function %s with %zu arguments does not exist",
                              syntax->text, syntax->count);
    return aggregate_over(self, syntax, which);
}

// ---- calls ----------------------------------------------------------------------------------

static const expr_t *unknown(compiler_t *self, const syntax_t *syntax)
{
    const expr_t *operands[ARGUMENTS_MAX + 1];
    if (syntax->count > ARGUMENTS_MAX + 1)
        return compile_refuse(self, syntax->place, "function %s does not exist", syntax->text);
    if (!compile_all(self, syntax->operands, syntax->count, operands))
        return NULL;
    return missing(self, syntax, operands, syntax->count);
}

const expr_t *compile_call(compiler_t *self, const syntax_t *syntax)
{
    if (syntax->qualifier && strcmp(syntax->text, "extract") == 0)
        return extract(self, syntax);
    if (syntax->qualifier)
        return strcmp(syntax->text, "like_escape") == 0
                   ? compile_refuse(self, syntax->place, "LIKE ... ESCAPE is not supported")
                   : compile_refuse(self, syntax->place, "function %s.%s is not supported",
                                    syntax->qualifier, syntax->text);
    for (size_t i = 0; i < sizeof aggregates / sizeof *aggregates; i++)
        if (strcmp(syntax->text, aggregates[i].name) == 0)
            return aggregate(self, syntax, i);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (strcmp(syntax->text, functions[i].name) != 0)
            continue;
        if (syntax->over)
            return compile_refuse(
                self, syntax->place,
                "OVER specified, but %s is not a window function nor an aggregate function",
                syntax->text);
        return function(self, syntax, i);
    }
    return unknown(self, syntax);
}
