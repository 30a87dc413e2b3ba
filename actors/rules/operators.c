/*  operators -- arithmetic, comparisons and casts. See compile.h. */
#include "actors/rules/compile.h"
#include "actors/rules/types.h"

static const struct {
    const char *sign;
    expr_kind_t kind;
} arithmetic[] = {
    { "+", EXPR_ADD },    { "-", EXPR_SUBTRACT }, { "*", EXPR_MULTIPLY },
    { "/", EXPR_DIVIDE }, { "%", EXPR_MODULO },   { "^", EXPR_POWER },
};

const char *const compare_signs[COMPARE_GREATER_EQUAL + 1] = {
    [COMPARE_EQUAL] = "=",       [COMPARE_UNEQUAL] = "<>", [COMPARE_LESS] = "<",
    [COMPARE_LESS_EQUAL] = "<=", [COMPARE_GREATER] = ">",  [COMPARE_GREATER_EQUAL] = ">=",
};

static const expr_t *missing(const compiler_t *self, int place, const char *sign, const expr_t *a,
                             const expr_t *b)
{
    if (!a)
        return compile_refuse(self, place, "operator does not exist: %s %s", sign,
                              type_name(b->type));
    if (a->type == TYPE_UNKNOWN && b->type == TYPE_UNKNOWN)
        return compile_refuse(self, place, "operator is not unique: unknown %s unknown", sign);
    return compile_refuse(self, place, "operator does not exist: %s %s %s", type_name(a->type),
                          sign, type_name(b->type));
}

// ---- arithmetic -----------------------------------------------------------------------------

static const expr_t *unary(compiler_t *self, const syntax_t *syntax)
{
    const expr_t *operand = compile(self, syntax->operands[0]);
    if (!operand)
        return NULL;
    bool minus = strcmp(syntax->text, "-") == 0;
    if (!type_is_number(operand->type) || (!minus && strcmp(syntax->text, "+") != 0))
        return missing(self, syntax->place, syntax->text, NULL, operand);
    return minus ? compile_make2(self, syntax->place, EXPR_NEGATE, operand->type, operand, NULL)
                 : operand;
}

static const expr_t *inexact(const compiler_t *self, int place, const char *what)
{
    return compile_refuse(self, place,
                          "%s is not supported inside an aggregate: its arguments are exact (+ - "
                          "*, abs, CASE, coalesce, nullif, greatest, least)",
                          what);
}

static const expr_t *calculate(compiler_t *self, const syntax_t *syntax, expr_kind_t kind,
                               const expr_t *a, const expr_t *b)
{
    type_t type = a->type > b->type ? a->type : b->type;
    if (kind == EXPR_MODULO && type == TYPE_DOUBLE)
        return missing(self, syntax->place, "%", a, b);
    if (kind == EXPR_DIVIDE && type_is_whole(type))
        kind = EXPR_DIVIDE_WHOLE;
    if (kind == EXPR_POWER && type_is_whole(type))
        type = TYPE_DOUBLE;
    if (self->in_argument && kind >= EXPR_DIVIDE)
        return inexact(self, syntax->place, syntax->text);
    return compile_make2(self, syntax->place, kind, type, a, b);
}

const expr_t *compile_operator(compiler_t *self, const syntax_t *syntax)
{
    if (syntax->count == 1)
        return unary(self, syntax);
    const expr_t *operands[2];
    if (syntax->count != 2)
        return compile_refuse(self, syntax->place, "operator %s cannot have a list", syntax->text);
    if (!compile_all(self, syntax->operands, 2, operands))
        return NULL;
    for (size_t i = 0; i < sizeof arithmetic / sizeof *arithmetic; i++) {
        if (strcmp(syntax->text, arithmetic[i].sign) != 0)
            continue;
        for (int k = 0; k < 2; k++) {
            type_t other = operands[1 - k]->type;
            if (type_is_number(other) &&
                !(operands[k] =
                      compile_coerce(self, syntax->operands[k]->place, operands[k], other)))
                return NULL;
        }
        if (!type_is_number(operands[0]->type) || !type_is_number(operands[1]->type))
            return missing(self, syntax->place, syntax->text, operands[0], operands[1]);
        return calculate(self, syntax, arithmetic[i].kind, operands[0], operands[1]);
    }
    return compile_compare(self, syntax->place, syntax->text, operands[0], operands[1]);
}

// ---- comparisons ----------------------------------------------------------------------------

static const expr_t *comparison(const compiler_t *self, int place, expr_kind_t kind, int compare,
                                const expr_t *a, const expr_t *b)
{
    expr_t *made = compile_make2(self, place, kind, TYPE_BOOLEAN, a, b);
    if (made)
        made->index = compare;
    return made;
}

const expr_t *compile_compare(compiler_t *self, int place, const char *sign, const expr_t *a,
                              const expr_t *b)
{
    int compare = 0;
    while (compare <= COMPARE_GREATER_EQUAL && strcmp(sign, compare_signs[compare]) != 0)
        compare++;
    if (compare > COMPARE_GREATER_EQUAL)
        return missing(self, place, sign, a, b);
    type_t type = a->type != TYPE_UNKNOWN ? a->type : b->type;
    if (type == TYPE_UNKNOWN)
        type = TYPE_TEXT;
    if (!(a = compile_coerce(self, place, a, type)) || !(b = compile_coerce(self, place, b, type)))
        return NULL;
    if (type_is_number(a->type) && type_is_number(b->type))
        return comparison(self, place, EXPR_COMPARE, compare, a, b);
    if (a->type != b->type)
        return missing(self, place, sign, a, b);
    if (compare > COMPARE_UNEQUAL)
        return compile_refuse(self, place, "%s can be compared only with = and <>",
                              type_name(a->type));
    if (self->in_argument && a->type == TYPE_TEXT)
        return compile_refuse(self, place, "text cannot be compared inside an aggregate");
    return comparison(self, place, a->type == TYPE_TEXT ? EXPR_COMPARE_TEXT : EXPR_COMPARE_TRUTH,
                      compare, a, b);
}

// ---- casts ----------------------------------------------------------------------------------

const expr_t *compile_cast(compiler_t *self, const syntax_t *syntax)
{
    static const struct {
        const char *name;
        type_t type;
    } types[] = { { "numeric", TYPE_NUMERIC },
                  { "int4", TYPE_INTEGER },
                  { "int8", TYPE_BIGINT },
                  { "bool", TYPE_BOOLEAN },
                  { "text", TYPE_TEXT } };
    const expr_t *operand = compile(self, syntax->operands[0]);
    if (!operand)
        return NULL;
    type_t type = TYPE_UNKNOWN;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(syntax->text, types[i].name) == 0)
            type = types[i].type;
    if (type != TYPE_UNKNOWN)
        operand = compile_coerce(self, syntax->operands[0]->place, operand, type);
    if (!operand || operand->type == type)
        return operand;
    if (type == TYPE_NUMERIC && type_is_number(operand->type))
        return compile_make2(self, syntax->place, EXPR_NUMERIC, type, operand, NULL);
    if (!type_is_whole(type) || !type_is_number(operand->type))
        return compile_refuse(self, syntax->place, "a cast of %s to %s is not supported",
                              type_name(operand->type), syntax->text);
    if (type_is_whole(operand->type))
        return compile_make2(self, syntax->place, EXPR_NUMERIC, type, operand, NULL);
    if (self->in_argument)
        return inexact(self, syntax->place, "a cast that rounds");
    expr_kind_t kind = operand->type == TYPE_DOUBLE ? EXPR_ROUND_EVEN : EXPR_ROUND;
    return compile_make2(self, syntax->place, kind, type, operand, NULL);
}
