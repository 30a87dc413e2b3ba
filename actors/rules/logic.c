/*  logic -- truth and choice: AND, OR, NOT, CASE, coalesce, and the comparisons that are written
 *  as something else. See compile.h. */
#include "actors/rules/compile.h"

#include <assert.h>

#include "actors/rules/types.h"

// Not on the stack: conditions and derived columns nest.
static void *room(const compiler_t *self, size_t count)
{
    void *taken = arena_take(self->scratch, count * sizeof(void *));
    if (!taken)
        compile_refuse(self, -1, "out of memory");
    return taken;
}

// ---- logic ----------------------------------------------------------------------------------

static const expr_t *truth(compiler_t *self, const syntax_t *syntax, const char *where)
{
    const expr_t *made = compile(self, syntax);
    if (!made || !(made = compile_coerce(self, syntax->place, made, TYPE_BOOLEAN)))
        return NULL;
    if (made->type != TYPE_BOOLEAN)
        return compile_refuse(self, syntax->place,
                              "argument of %s must be type boolean, not type %s", where,
                              type_name(made->type));
    return made;
}

// AND and OR of any number; those directly inside one another are one, as parentheses say nothing.
static const expr_t *logic(compiler_t *self, const syntax_t *syntax)
{
    bool conjunction = syntax->kind == SYNTAX_AND;
    expr_kind_t kind = conjunction ? EXPR_AND : EXPR_OR;
    const expr_t **operands = room(self, OPERANDS_MAX);
    size_t count = 0;
    for (size_t i = 0; operands && i < syntax->count; i++) {
        const expr_t *made = truth(self, syntax->operands[i], conjunction ? "AND" : "OR");
        if (!made)
            return NULL;
        bool inside = made->kind == kind;
        size_t more = inside ? made->count : 1;
        if (count + more > OPERANDS_MAX)
            return compile_refuse(self, syntax->place,
                                  "condition too large: more than %d operations and operands",
                                  RULE_NODES_MAX);
        for (size_t k = 0; k < more; k++)
            operands[count++] = inside ? made->operands[k] : made;
    }
    return operands ? compile_make(self, syntax->place, kind, TYPE_BOOLEAN, count, operands) : NULL;
}

static const expr_t *negate_if(const compiler_t *self, const syntax_t *syntax, const expr_t *made)
{
    if (!made || !syntax->negated)
        return made;
    return compile_make2(self, syntax->place, EXPR_NOT, TYPE_BOOLEAN, made, NULL);
}

static const expr_t *is_test(compiler_t *self, const syntax_t *syntax, expr_kind_t kind,
                             const char *where)
{
    const expr_t *operand =
        where ? truth(self, syntax->operands[0], where) : compile(self, syntax->operands[0]);
    if (!operand)
        return NULL;
    if (operand->type == TYPE_UNKNOWN)
        operand = compile_coerce(self, syntax->place, operand, TYPE_TEXT);
    if (!operand)
        return NULL;
    return negate_if(self, syntax,
                     compile_make2(self, syntax->place, kind, TYPE_BOOLEAN, operand, NULL));
}

// ---- several values, one type ---------------------------------------------------------------

// Bring operands to their common type.
static bool match(const compiler_t *self, const char *what, const syntax_t *const *from,
                  const expr_t **operands, size_t count, type_t *common)
{
    type_t *types = room(self, count);
    size_t at = 0;
    if (!types)
        return false;
    for (size_t i = 0; i < count; i++)
        types[i] = operands[i]->type;
    if (!type_common(types, count, common, &at)) {
        type_t before = TYPE_UNKNOWN;
        type_common(types, at, &before, &at);
        compile_refuse(self, from[at]->place, "%s types %s and %s cannot be matched", what,
                       type_name(before), type_name(types[at]));
        return false;
    }
    if (*common == TYPE_UNKNOWN)
        *common = TYPE_TEXT;
    for (size_t i = 0; i < count; i++)
        if (!(operands[i] = compile_coerce(self, from[i]->place, operands[i], *common)))
            return false;
    return true;
}

static const expr_t *choice(compiler_t *self, const syntax_t *syntax, expr_kind_t kind,
                            const char *what)
{
    const expr_t **operands = room(self, syntax->count);
    type_t type;
    if (!operands || !compile_all(self, syntax->operands, syntax->count, operands) ||
        !match(self, what, syntax->operands, operands, syntax->count, &type))
        return NULL;
    if (kind != EXPR_COALESCE && !type_is_number(type))
        return compile_refuse(self, syntax->place, "%s of %s is not supported", what,
                              type_name(type));
    return compile_make(self, syntax->place, kind, type, syntax->count, operands);
}

static const expr_t *condition_of(compiler_t *self, const expr_t *subject, const syntax_t *when)
{
    if (!subject)
        return truth(self, when, "CASE/WHEN");
    const expr_t *value = compile(self, when);
    return value ? compile_compare(self, when->place, "=", subject, value) : NULL;
}

// Operands of the node: when, then, ..., otherwise.
static const expr_t *case_of(compiler_t *self, const syntax_t *syntax)
{
    const expr_t **values = room(self, syntax->count), **operands = room(self, syntax->count);
    const syntax_t **from = room(self, syntax->count);
    const syntax_t *otherwise = syntax->operands[1];
    static const syntax_t none = { .kind = SYNTAX_NULL, .place = -1 };
    size_t pairs = (syntax->count - 2) / 2, count = 2 * pairs + 1;
    const expr_t *subject = NULL;
    if (!values || !operands || !from ||
        (syntax->operands[0] && !(subject = compile(self, syntax->operands[0]))))
        return NULL;
    from[0] = otherwise ? otherwise : &none; // PostgreSQL matches ELSE first
    for (size_t i = 0; i < pairs; i++) {
        operands[2 * i] = condition_of(self, subject, syntax->operands[2 + 2 * i]);
        if (!operands[2 * i])
            return NULL;
        from[1 + i] = syntax->operands[3 + 2 * i];
    }
    type_t type;
    if (!compile_all(self, from, pairs + 1, values) ||
        !match(self, "CASE", from, values, pairs + 1, &type))
        return NULL;
    for (size_t i = 0; i < pairs; i++)
        operands[2 * i + 1] = values[1 + i];
    operands[count - 1] = values[0];
    return compile_make(self, syntax->place, EXPR_CASE, type, count, operands);
}

// ---- comparisons written otherwise ----------------------------------------------------------

static const expr_t *range(compiler_t *self, int place, const expr_t *value, const expr_t *low,
                           const expr_t *high)
{
    const expr_t *above = compile_compare(self, place, ">=", value, low);
    const expr_t *below = above ? compile_compare(self, place, "<=", value, high) : NULL;
    return below ? compile_make2(self, place, EXPR_AND, TYPE_BOOLEAN, above, below) : NULL;
}

static const expr_t *between(compiler_t *self, const syntax_t *syntax)
{
    const expr_t *operands[3];
    if (syntax->count != 3 || !compile_all(self, syntax->operands, 3, operands))
        return NULL;
    const expr_t *made = range(self, syntax->place, operands[0], operands[1], operands[2]);
    if (made && syntax->symmetric) {
        const expr_t *turned = range(self, syntax->place, operands[0], operands[2], operands[1]);
        made =
            turned ? compile_make2(self, syntax->place, EXPR_OR, TYPE_BOOLEAN, made, turned) : NULL;
    }
    return negate_if(self, syntax, made);
}

static const expr_t *in_list(compiler_t *self, const syntax_t *syntax)
{
    const expr_t **operands = room(self, syntax->count);
    if (!operands || !compile_all(self, syntax->operands, syntax->count, operands))
        return NULL;
    for (size_t i = 1; i < syntax->count; i++)
        if (!(operands[i] = compile_compare(self, syntax->place, "=", operands[0], operands[i])))
            return NULL;
    size_t count = syntax->count - 1;
    return negate_if(
        self, syntax,
        count == 1 ? operands[1]
                   : compile_make(self, syntax->place, EXPR_OR, TYPE_BOOLEAN, count, operands + 1));
}

// a IS NOT DISTINCT FROM b: a = b IS TRUE OR a IS NULL AND b IS NULL.
static const expr_t *distinct(compiler_t *self, const syntax_t *syntax)
{
    const expr_t *operands[2];
    int place = syntax->place;
    if (syntax->count != 2 || !compile_all(self, syntax->operands, 2, operands))
        return NULL;
    const expr_t *equal = compile_compare(self, place, "=", operands[0], operands[1]);
    for (int i = 0; equal && i < 2; i++) {
        operands[i] = compile_coerce(self, place, operands[i], TYPE_TEXT);
        operands[i] =
            operands[i] ? compile_make2(self, place, EXPR_IS_NULL, TYPE_BOOLEAN, operands[i], NULL)
                        : NULL;
        if (!operands[i])
            return NULL;
    }
    equal = equal ? compile_make2(self, place, EXPR_IS_TRUE, TYPE_BOOLEAN, equal, NULL) : NULL;
    const expr_t *nulls =
        equal ? compile_make2(self, place, EXPR_AND, TYPE_BOOLEAN, operands[0], operands[1]) : NULL;
    const expr_t *same =
        nulls ? compile_make2(self, place, EXPR_OR, TYPE_BOOLEAN, equal, nulls) : NULL;
    if (!same || syntax->negated)
        return same;
    return compile_make2(self, place, EXPR_NOT, TYPE_BOOLEAN, same, NULL);
}

static const expr_t *nullif_of(compiler_t *self, const syntax_t *syntax)
{
    const expr_t *operands[2];
    type_t type;
    if (syntax->count != 2 || !compile_all(self, syntax->operands, 2, operands) ||
        !compile_compare(self, syntax->place, "=", operands[0], operands[1]) ||
        !match(self, "NULLIF", syntax->operands, operands, 2, &type))
        return NULL;
    return compile_make(self, syntax->place, EXPR_NULLIF, type, 2, operands);
}

static const expr_t *like(compiler_t *self, const syntax_t *syntax)
{
    const expr_t *operands[2];
    if (self->in_argument)
        return compile_refuse(self, syntax->place, "text cannot be compared inside an aggregate");
    if (syntax->count != 2 || !compile_all(self, syntax->operands, 2, operands))
        return NULL;
    for (int i = 0; i < 2; i++)
        if (operands[i]->type != TYPE_TEXT && operands[i]->type != TYPE_UNKNOWN)
            return compile_refuse(self, syntax->place, "operator does not exist: %s %s %s",
                                  type_name(operands[0]->type), syntax->text,
                                  type_name(operands[1]->type));
    for (int i = 0; i < 2; i++)
        if (!(operands[i] = compile_coerce(self, syntax->place, operands[i], TYPE_TEXT)))
            return NULL;
    slice_t pattern = operands[1]->text;
    if (operands[1]->kind != EXPR_TEXT)
        return compile_refuse(self, syntax->place, "the pattern of LIKE has to be a string");
    size_t escapes = 0;
    while (escapes < pattern.size && pattern.data[pattern.size - 1 - escapes] == '\\')
        escapes++;
    if (escapes % 2)
        return compile_refuse(self, syntax->place,
                              "LIKE pattern must not end with escape character");
    return negate_if(self, syntax,
                     compile_make(self, syntax->place, EXPR_LIKE, TYPE_BOOLEAN, 2, operands));
}

const expr_t *compile_logic(compiler_t *self, const syntax_t *syntax)
{
    switch ((int) syntax->kind) {
    case SYNTAX_AND:
    case SYNTAX_OR:
        return logic(self, syntax);
    case SYNTAX_NOT: {
        const expr_t *operand = truth(self, syntax->operands[0], "NOT");
        return operand ? compile_make2(self, syntax->place, EXPR_NOT, TYPE_BOOLEAN, operand, NULL)
                       : NULL;
    }
    case SYNTAX_IS_NULL:
        return is_test(self, syntax, EXPR_IS_NULL, NULL);
    case SYNTAX_IS_TRUE:
        return is_test(self, syntax, EXPR_IS_TRUE, syntax->negated ? "IS NOT TRUE" : "IS TRUE");
    case SYNTAX_IS_FALSE:
        return is_test(self, syntax, EXPR_IS_FALSE, syntax->negated ? "IS NOT FALSE" : "IS FALSE");
    case SYNTAX_IS_UNKNOWN:
        return is_test(self, syntax, EXPR_IS_NULL,
                       syntax->negated ? "IS NOT UNKNOWN" : "IS UNKNOWN");
    case SYNTAX_CASE:
        return case_of(self, syntax);
    case SYNTAX_COALESCE:
        return choice(self, syntax, EXPR_COALESCE, "COALESCE");
    case SYNTAX_GREATEST:
        return choice(self, syntax, EXPR_GREATEST, "GREATEST");
    case SYNTAX_LEAST:
        return choice(self, syntax, EXPR_LEAST, "LEAST");
    case SYNTAX_NULLIF:
        return nullif_of(self, syntax);
    case SYNTAX_BETWEEN:
        return between(self, syntax);
    case SYNTAX_IN:
        return in_list(self, syntax);
    case SYNTAX_DISTINCT:
        return distinct(self, syntax);
    case SYNTAX_LIKE:
        return like(self, syntax);
    default:
        assert(!"compile() gives us only these");
        return NULL;
    }
}
