/*  rule_compile -- see rule_compile.h. */
#include "actors/rules/rule_compile.h"

#include <string.h>

#include "actors/rules/compile.h"
#include "actors/rules/guard.h"
#include "actors/rules/sql.h"
#include "proto/digest.h"
#include "proto/owned.h"

static void extent_of(const table_plan_t *plan, const expr_t *expr, compiled_rule_t *rule)
{
    for (size_t i = 0; i < expr->count; i++)
        extent_of(plan, expr->operands[i], rule);
    if (expr->kind != EXPR_AGGREGATE)
        return;
    const window_spec_t *window = &plan->windows[plan->aggregates[expr->index].window];
    rule->span_us = window->span_us > rule->span_us ? window->span_us : rule->span_us;
    rule->rows = window->rows > rule->rows ? window->rows : rule->rows;
}

static rule_id_t id_of(const compiled_rule_t *rule)
{
    digest_t digest;
    uint8_t bytes[DIGEST_BYTES];
    digest_begin(&digest);
    digest_add_sized(&digest, slice_text(rule->name));
    digest_add_sized(&digest, slice_of(rule->hash, sizeof rule->hash));
    digest_end(&digest, bytes);
    rule_id_t id;
    memcpy(id.bytes, bytes, sizeof id.bytes);
    return id;
}

static void choose_emit(compiled_rule_t *rule)
{
    bool windows = rule->span_us > 0 || rule->rows > 0;
    if (rule->rule.emit == RULE_EMIT_DEFAULT)
        rule->rule.emit = windows ? RULE_EMIT_ROW : RULE_EMIT_EDGE;
}

// The place in a fault is one in `when`; here it goes into the text.
static bool refuse_resolve(fault_t *fault)
{
    fault_t why = *fault;
    return why.line ? fault_set(fault, "resolve: %d:%d: %s", why.line, why.column, why.text)
                    : fault_set(fault, "resolve: %s", why.text);
}

// What ends an incident has guards and windows of its own.
static bool compile_resolve(table_t *table, compiled_rule_t *rule, fault_t *fault)
{
    if (rule->rule.resolve.size == 0)
        return true;
    compiled_rule_t *resolve = arena_take(table->arena, sizeof *resolve);
    if (!resolve)
        return fault_set(fault, "out of memory");
    *resolve = (compiled_rule_t){ .name = rule->name, .rule = rule->rule };
    resolve->when = compile_condition(table, rule->rule.resolve, fault);
    if (!resolve->when || !guard_rule(table, resolve, fault))
        return refuse_resolve(fault);
    extent_of(&table->plan, resolve->when, resolve);
    rule->resolve = resolve;
    return true;
}

static bool is_leaf(const expr_t *expr)
{
    return expr->kind == EXPR_COLUMN || expr->kind == EXPR_KEY || expr->kind == EXPR_NUMBER ||
           expr->kind == EXPR_TEXT;
}

// Comparisons of columns, keys and literals under AND and OR: a query prints each once, so that of
// a rule as long as one may be is far from too long. Printing it would be half of compiling the
// rule.
static bool is_plain(const expr_t *expr)
{
    if (expr->kind == EXPR_COMPARE || expr->kind == EXPR_COMPARE_TEXT)
        return is_leaf(expr->operands[0]) && is_leaf(expr->operands[1]);
    for (size_t i = 0; i < expr->count; i++)
        if (!is_plain(expr->operands[i]))
            return false;
    return expr->kind == EXPR_AND || expr->kind == EXPR_OR;
}

// A rule that is accepted has a query.
static bool has_query(table_t *table, const compiled_rule_t *rule, fault_t *fault)
{
    if (is_plain(rule->when))
        return true;
    owned(buffer_destroy) buffer_t query = { 0 };
    sql_result_t written = sql_query(&table->plan, rule, &query, fault);
    if (written == SQL_NO_MEMORY)
        arena_fail(table->arena);
    return written == SQL_WRITTEN;
}

bool rule_compile(table_t *table, compiled_rule_t *rule, fault_t *fault)
{
    rule->when = compile_condition(table, rule->rule.when, fault);
    if (!rule->when || !guard_rule(table, rule, fault))
        return false;
    extent_of(&table->plan, rule->when, rule);
    choose_emit(rule);
    if (rule->rule.freeze && rule->span_us == 0 && rule->rows == 0)
        return fault_set(fault, "freeze: the condition has no window that could stand still");
    if (!compile_resolve(table, rule, fault))
        return false;
    expr_digest(&table->plan, rule->when, &rule->rule, rule->resolve ? rule->resolve->when : NULL,
                rule->hash);
    rule->id = id_of(rule);
    return has_query(table, rule, fault);
}
