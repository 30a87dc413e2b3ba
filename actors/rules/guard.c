/*  guard -- see guard.h. */
#include "actors/rules/guard.h"

#include "actors/rules/sql.h"

enum { RULE_AGGREGATES_MAX = 32 }; // of one rule: evidence holds no more

typedef struct {
    table_t *table;
    compiled_rule_t *rule;
    uint16_t aggregates[RULE_AGGREGATES_MAX];
    guard_t guards[3 * RULE_AGGREGATES_MAX]; // a count for each argument, and one > 0
} guarding_t;

static void add_guard(guarding_t *self, guard_t guard)
{
    compiled_rule_t *rule = self->rule;
    for (size_t i = 0; i < rule->guard_count; i++)
        if (self->guards[i].aggregate == guard.aggregate &&
            self->guards[i].positive == guard.positive)
            return;
    self->guards[rule->guard_count++] = guard;
}

static bool count_guard(guarding_t *self, const aggregate_t *aggregate, int argument)
{
    const window_spec_t *window = &self->table->plan.windows[aggregate->window];
    uint32_t least = self->rule->rule.min_rows;
    if (window->by_rows && window->rows < least)
        least = window->rows;
    if (least == 0)
        return true;
    aggregate_t count = { .kind = argument < 0 ? AGGREGATE_COUNT_ROWS : AGGREGATE_COUNT,
                          .window = aggregate->window,
                          .argument = (int16_t) argument,
                          .argument2 = -1 };
    if (!sql_aggregate_text(&self->table->plan, &count, count.text, sizeof count.text))
        arena_fail(self->table->arena);
    int index = table_aggregate(self->table, &count);
    if (index >= 0)
        add_guard(self, (guard_t){ .aggregate = (uint16_t) index, .least = least });
    return index >= 0;
}

// The aggregates of a tree, each once, and how many values they need.
static bool walk_aggregates(guarding_t *self, const expr_t *expr, fault_t *fault)
{
    compiled_rule_t *rule = self->rule;
    for (size_t i = 0; i < expr->count; i++)
        if (!walk_aggregates(self, expr->operands[i], fault))
            return false;
    if (expr->kind != EXPR_AGGREGATE)
        return true;
    for (size_t i = 0; i < rule->aggregate_count; i++)
        if (self->aggregates[i] == expr->index)
            return true;
    if (rule->aggregate_count == RULE_AGGREGATES_MAX)
        return fault_set(fault, "more than %d different aggregates in one rule",
                         RULE_AGGREGATES_MAX);
    self->aggregates[rule->aggregate_count++] = (uint16_t) expr->index;
    aggregate_t aggregate = self->table->plan.aggregates[expr->index];
    bool good = count_guard(self, &aggregate, aggregate.argument) &&
                (aggregate.argument2 < 0 || count_guard(self, &aggregate, aggregate.argument2));
    return good || fault_set(fault, "out of memory, or too many aggregates");
}

// avg and sum among the factors of a product, a quotient or a change of sign.
static void positive_factors(guarding_t *self, const expr_t *expr)
{
    switch ((int) expr->kind) {
    case EXPR_AGGREGATE: {
        aggregate_kind_t kind = self->table->plan.aggregates[expr->index].kind;
        if (kind == AGGREGATE_SUM || kind == AGGREGATE_AVG)
            add_guard(self, (guard_t){ .aggregate = (uint16_t) expr->index, .positive = true });
        return;
    }
    case EXPR_MULTIPLY:
    case EXPR_DIVIDE:
    case EXPR_DIVIDE_WHOLE:
    case EXPR_NEGATE:
    case EXPR_NUMERIC:
        for (size_t i = 0; i < expr->count; i++)
            positive_factors(self, expr->operands[i]);
        return;
    default: // a summand, or inside a function: its sign decides nothing
        return;
    }
}

static void walk_positive(guarding_t *self, const expr_t *expr)
{
    if (expr->kind == EXPR_COMPARE) {
        positive_factors(self, expr->operands[0]);
        positive_factors(self, expr->operands[1]);
    }
    if (expr->kind == EXPR_DIVIDE || expr->kind == EXPR_DIVIDE_WHOLE)
        positive_factors(self, expr->operands[1]);
    for (size_t i = 0; i < expr->count; i++)
        walk_positive(self, expr->operands[i]);
}

bool guard_rule(table_t *table, compiled_rule_t *rule, fault_t *fault)
{
    guarding_t self = { .table = table, .rule = rule };
    if (!walk_aggregates(&self, rule->when, fault))
        return false;
    if (rule->rule.positive)
        walk_positive(&self, rule->when);
    uint16_t *aggregates = arena_take(table->arena, rule->aggregate_count * sizeof *aggregates);
    guard_t *guards = arena_take(table->arena, rule->guard_count * sizeof *guards);
    if (!aggregates || !guards)
        return fault_set(fault, "out of memory");
    memcpy(aggregates, self.aggregates, rule->aggregate_count * sizeof *aggregates);
    memcpy(guards, self.guards, rule->guard_count * sizeof *guards);
    rule->aggregates = aggregates;
    rule->guards = guards;
    return true;
}
