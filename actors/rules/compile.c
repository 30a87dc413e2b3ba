/*  compile -- see compile.h: nodes, literals and names. */
#include "actors/rules/compile.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "actors/rules/literal.h"
#include "actors/rules/place.h"
#include "actors/rules/types.h"
#include "proto/owned.h"

enum { SCRATCH_BYTES_MAX = 16 << 20 }; // more than 2,048 words can fill

const expr_t *compile_refuse(const compiler_t *self, int place, const char *format, ...)
{
    char message[FAULT_TEXT_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    place_refuse(self->fault, self->text, place, "%s", message);
    return NULL;
}

expr_t *compile_make(const compiler_t *self, int place, expr_kind_t kind, type_t type, size_t count,
                     const expr_t *const *operands)
{
    unsigned nodes = 1, depth = 1;
    bool windowed = false;
    for (size_t i = 0; i < count && nodes <= RULE_NODES_MAX; i++) {
        nodes += operands[i]->nodes;
        depth = operands[i]->depth >= depth ? operands[i]->depth + 1u : depth;
        windowed |= operands[i]->windowed;
    }
    if (nodes > RULE_NODES_MAX) {
        compile_refuse(self, place, "condition too large: more than %d operations and operands",
                       RULE_NODES_MAX);
        return NULL;
    }
    if (depth > RULE_DEPTH_MAX) {
        compile_refuse(self, place, "condition too deep: more than %d operations inside each other",
                       RULE_DEPTH_MAX);
        return NULL;
    }
    expr_t *made = arena_take(self->table->arena, sizeof *made);
    const expr_t **kept = arena_take(self->table->arena, (count ? count : 1) * sizeof *kept);
    if (!made || !kept) {
        compile_refuse(self, -1, "out of memory");
        return NULL;
    }
    if (count)
        memcpy(kept, operands, count * sizeof *kept);
    *made = (expr_t){ .kind = kind,
                      .type = type,
                      .windowed = windowed,
                      .nodes = (uint16_t) nodes,
                      .depth = (uint16_t) depth,
                      .count = (uint16_t) count,
                      .operands = kept };
    return made;
}

expr_t *compile_make2(const compiler_t *self, int place, expr_kind_t kind, type_t type,
                      const expr_t *a, const expr_t *b)
{
    const expr_t *operands[] = { a, b };
    return compile_make(self, place, kind, type, b ? 2 : 1, operands);
}

bool compile_all(compiler_t *self, const syntax_t *const *from, size_t count, const expr_t **to)
{
    for (size_t i = 0; i < count; i++)
        if (!(to[i] = compile(self, from[i])))
            return false;
    return true;
}

// From the scratch memory of the syntax to that of the tree.
static slice_t keep(const compiler_t *self, slice_t text)
{
    const char *kept = arena_text(self->table->arena, text);
    return kept ? slice_text(kept) : (slice_t){ 0 };
}

static const expr_t *number(const compiler_t *self, int place, const char *text, type_t wanted)
{
    type_t type = TYPE_NUMERIC;
    const number_t *value = literal_number(self->table->arena, slice_text(text), &type);
    if (!value && wanted == TYPE_UNKNOWN)
        return compile_refuse(self, place, "value overflows: more than %d digits",
                              LITERAL_DIGITS_MAX);
    if (!value && !type_is_whole(wanted) && literal_endless(slice_text(text)))
        return compile_refuse(self, place, "'%s' is not supported: numbers are finite", text);
    if (!value || (type_is_whole(wanted) && !type_is_whole(type)))
        return compile_refuse(self, place, "invalid input syntax for type %s: \"%s\"",
                              type_name(wanted), text);
    expr_t *made = compile_make(self, place, EXPR_NUMBER, wanted ? wanted : type, 0, NULL);
    if (made) {
        made->number = value;
        made->text = keep(self, literal_bare(slice_text(text)));
    }
    return made;
}

static const expr_t *truth(const compiler_t *self, int place, slice_t text)
{
    bool value;
    if (!literal_truth(text, &value))
        return compile_refuse(self, place, "invalid input syntax for type boolean: \"%.*s\"",
                              (int) text.size, (const char *) text.data);
    return compile_make(self, place, value ? EXPR_TRUE : EXPR_FALSE, TYPE_BOOLEAN, 0, NULL);
}

const expr_t *compile_coerce(const compiler_t *self, int place, const expr_t *expr, type_t type)
{
    if (expr->type != TYPE_UNKNOWN)
        return expr;
    if (expr->kind == EXPR_TEXT && type_is_number(type))
        return number(self, place, (const char *) expr->text.data, type);
    if (expr->kind == EXPR_TEXT && type == TYPE_BOOLEAN)
        return truth(self, place, expr->text);
    expr_t *made = compile_make(self, place, expr->kind, type, 0, NULL);
    if (made)
        made->text = expr->text;
    return made;
}

// ---- names ----------------------------------------------------------------------------------

static const expr_t *leaf(const compiler_t *self, int place, expr_kind_t kind, type_t type,
                          int index)
{
    expr_t *made = compile_make(self, place, kind, type, 0, NULL);
    if (made)
        made->index = index;
    return made;
}

// Inside an aggregate only what is exact and the same for the row for ever.
static bool is_exact(const expr_t *expr)
{
    switch (expr->kind) {
    case EXPR_KEY:
    case EXPR_AGGREGATE:
    case EXPR_FIELD:
    case EXPR_DIVIDE:
    case EXPR_DIVIDE_WHOLE:
    case EXPR_MODULO:
    case EXPR_SIGN:
    case EXPR_FLOOR:
    case EXPR_CEIL:
    case EXPR_ROUND:
    case EXPR_ROUND_EVEN:
    case EXPR_SQRT:
    case EXPR_LN:
    case EXPR_EXP:
    case EXPR_POWER:
    case EXPR_COMPARE_TEXT:
    case EXPR_LIKE:
        return false;
    case EXPR_NULL:
    case EXPR_TRUE:
    case EXPR_FALSE:
    case EXPR_NUMBER:
    case EXPR_TEXT:
    case EXPR_COLUMN:
    case EXPR_NEGATE:
    case EXPR_ADD:
    case EXPR_SUBTRACT:
    case EXPR_MULTIPLY:
    case EXPR_NUMERIC:
    case EXPR_ABS:
    case EXPR_GREATEST:
    case EXPR_LEAST:
    case EXPR_CASE:
    case EXPR_COALESCE:
    case EXPR_NULLIF:
    case EXPR_COMPARE:
    case EXPR_COMPARE_TRUTH:
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_NOT:
    case EXPR_IS_NULL:
    case EXPR_IS_TRUE:
    case EXPR_IS_FALSE:
        break;
    }
    for (size_t i = 0; i < expr->count; i++)
        if (!is_exact(expr->operands[i]))
            return false;
    return true;
}

static const expr_t *derived_column(compiler_t *self, const syntax_t *syntax, derived_text_t *named)
{
    if (named->state == DERIVED_BUSY)
        return compile_refuse(self, syntax->place, "column \"%s\" is derived from itself",
                              named->name);
    if (self->chain == RULE_DEPTH_MAX)
        return compile_refuse(self, syntax->place, "more than %d derived columns inside each other",
                              RULE_DEPTH_MAX);
    const expr_t *expr = compile_derived(self->table, named, self->chain + 1);
    if (!expr)
        return compile_refuse(self, syntax->place, "derived column \"%s\" is in error: %.300s",
                              named->name, named->fault.text);
    if (self->in_argument && expr->windowed)
        return compile_refuse(self, syntax->place,
                              "window function calls cannot be nested: derived column \"%s\" has "
                              "a window",
                              named->name);
    if (self->in_argument && !is_exact(expr))
        return compile_refuse(self, syntax->place,
                              "derived column \"%s\" is not exact (division, functions, keys or "
                              "ts) and cannot be inside an aggregate",
                              named->name);
    return expr;
}

static const expr_t *column(compiler_t *self, const syntax_t *syntax)
{
    const table_plan_t *plan = &self->table->plan;
    slice_t name = slice_text(syntax->text);
    if (syntax->qualifier && strcmp(syntax->qualifier, plan->name) != 0)
        return compile_refuse(self, syntax->place, "missing FROM-clause entry for table \"%s\"",
                              syntax->qualifier);
    int index = table_find_column(plan, name);
    if (index >= 0)
        return leaf(self, syntax->place, EXPR_COLUMN, TYPE_NUMERIC, index);
    derived_text_t *derived = table_find_derived(self->table, name);
    if (derived)
        return derived_column(self, syntax, derived);
    index = table_find_key(plan, name);
    if (index >= 0 && self->in_argument)
        return compile_refuse(self, syntax->place,
                              "key column \"%s\" cannot be inside an aggregate: it is the same for "
                              "all rows of a window",
                              syntax->text);
    if (index >= 0)
        return leaf(self, syntax->place, EXPR_KEY, TYPE_TEXT, index);
    if (slice_is(name, "ts") || slice_is(name, "n"))
        return compile_refuse(
            self, syntax->place, "column \"%s\" can be used only in %s", syntax->text,
            slice_is(name, "n") ? "the order of a window" : "extract(... FROM ts)");
    return syntax->qualifier
               ? compile_refuse(self, syntax->place, "column %s.%s does not exist",
                                syntax->qualifier, syntax->text)
               : compile_refuse(self, syntax->place, "column \"%s\" does not exist", syntax->text);
}

// ---- any expression -------------------------------------------------------------------------

const expr_t *compile(compiler_t *self, const syntax_t *syntax)
{
    switch (syntax->kind) {
    case SYNTAX_NULL:
        return compile_make(self, syntax->place, EXPR_NULL, TYPE_UNKNOWN, 0, NULL);
    case SYNTAX_TRUE:
        return compile_make(self, syntax->place, EXPR_TRUE, TYPE_BOOLEAN, 0, NULL);
    case SYNTAX_FALSE:
        return compile_make(self, syntax->place, EXPR_FALSE, TYPE_BOOLEAN, 0, NULL);
    case SYNTAX_NUMBER:
        return number(self, syntax->place, syntax->text, TYPE_UNKNOWN);
    case SYNTAX_STRING: {
        expr_t *made = compile_make(self, syntax->place, EXPR_TEXT, TYPE_UNKNOWN, 0, NULL);
        if (made)
            made->text = keep(self, slice_text(syntax->text));
        return made;
    }
    case SYNTAX_COLUMN:
        return column(self, syntax);
    case SYNTAX_OPERATOR:
        return compile_operator(self, syntax);
    case SYNTAX_CALL:
        return compile_call(self, syntax);
    case SYNTAX_CAST:
        return compile_cast(self, syntax);
    case SYNTAX_AND:
    case SYNTAX_OR:
    case SYNTAX_NOT:
    case SYNTAX_DISTINCT:
    case SYNTAX_LIKE:
    case SYNTAX_BETWEEN:
    case SYNTAX_IN:
    case SYNTAX_IS_NULL:
    case SYNTAX_IS_TRUE:
    case SYNTAX_IS_FALSE:
    case SYNTAX_IS_UNKNOWN:
    case SYNTAX_CASE:
    case SYNTAX_COALESCE:
    case SYNTAX_GREATEST:
    case SYNTAX_LEAST:
    case SYNTAX_NULLIF:
        return compile_logic(self, syntax);
    }
    return NULL;
}

// ---- whole texts ----------------------------------------------------------------------------

// Compile the derived columns that a text names before the text itself: what a bad text takes back
// is then its own, and not that of a good column it names.
static void derive_first(table_t *table, const syntax_t *syntax, unsigned chain)
{
    for (size_t i = 0; i < syntax->count; i++)
        if (syntax->operands[i])
            derive_first(table, syntax->operands[i], chain);
    derived_text_t *named = syntax->kind == SYNTAX_COLUMN && chain < RULE_DEPTH_MAX
                                ? table_find_derived(table, slice_text(syntax->text))
                                : NULL;
    if (named && named->state == DERIVED_NEW)
        (void) compile_derived(table, named, chain + 1); // who uses it hears what is wrong
}

// *mark: where what the text adds to the table begins.
static const expr_t *compile_text(table_t *table, slice_t text, unsigned chain, table_mark_t *mark,
                                  fault_t *fault)
{
    owned(arena_destroy) arena_t *scratch = arena_new(SCRATCH_BYTES_MAX);
    *mark = table_mark(table);
    if (!scratch) {
        arena_fail(table->arena);
        return NULL;
    }
    compiler_t self = {
        .table = table, .scratch = scratch, .text = text, .fault = fault, .chain = chain
    };
    const syntax_t *syntax = parse_memo_condition(table->memo, scratch, text, fault);
    if (syntax)
        derive_first(table, syntax, chain);
    *mark = table_mark(table);
    const expr_t *made = syntax ? compile(&self, syntax) : NULL;
    if (made && made->type == TYPE_UNKNOWN)
        made = compile_coerce(&self, syntax->place, made, chain ? TYPE_NUMERIC : TYPE_BOOLEAN);
    if (arena_failed(scratch))
        arena_fail(table->arena);
    return arena_failed(table->arena) ? NULL : made;
}

const expr_t *compile_condition(table_t *table, slice_t text, fault_t *fault)
{
    table_mark_t mark;
    const expr_t *made = compile_text(table, text, 0, &mark, fault);
    if (made && made->type != TYPE_BOOLEAN) {
        place_refuse(fault, text, 0, "argument of WHERE must be type boolean, not type %s",
                     type_name(made->type));
        return NULL;
    }
    return made;
}

const expr_t *compile_derived(table_t *table, derived_text_t *derived, unsigned chain)
{
    if (derived->state == DERIVED_GOOD || derived->state == DERIVED_BAD)
        return derived->expr;
    assert(derived->state == DERIVED_NEW);
    derived->state = DERIVED_BUSY;
    table_mark_t mark;
    const expr_t *made = compile_text(table, derived->text, chain, &mark, &derived->fault);
    if (made && !type_is_number(made->type)) {
        place_refuse(&derived->fault, derived->text, 0,
                     "a derived column must be a number, not type %s", type_name(made->type));
        made = NULL;
    }
    if (!made)
        table_return(table, mark);
    derived->state = made ? DERIVED_GOOD : DERIVED_BAD;
    return derived->expr = made;
}
