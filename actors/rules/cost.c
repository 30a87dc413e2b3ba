/*  cost -- see cost.h. */
#include "actors/rules/cost.h"

#include "actors/rules/expr.h"

enum {
    NODE_NS = 5,
    WINDOW_NS = 10,
    EMA_STEP_NS = 2,          // for each row of its window
    STILL_NS = 200,           // while windows stand still: no program, no neighbour to learn from,
    STILL_AGGREGATE_NS = 400, // and rationals in place of sums
    NEEDED_MAX =
        256, // aggregates: more than a rule and what resolves it can have with their guards
};

static uint32_t of_aggregate(const table_plan_t *table, const aggregate_t *aggregate)
{
    switch (aggregate->kind) {
    case AGGREGATE_COUNT_ROWS:
    case AGGREGATE_COUNT:
    case AGGREGATE_FIRST_VALUE:
    case AGGREGATE_LAST_VALUE:
    case AGGREGATE_LAG:
    case AGGREGATE_DELTA:
        return 10;
    case AGGREGATE_SUM:
    case AGGREGATE_AVG:
    case AGGREGATE_RATE:
    case AGGREGATE_TWAVG:
        return 30;
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
    case AGGREGATE_STDDEV_SAMP:
    case AGGREGATE_STDDEV_POP:
    case AGGREGATE_VAR_SAMP:
    case AGGREGATE_VAR_POP:
        return 60;
    case AGGREGATE_CORR:
    case AGGREGATE_REGR_SLOPE:
        return 80;
    case AGGREGATE_MEDIAN:
        return 180;
    case AGGREGATE_EMA:
        return 90 + EMA_STEP_NS * table->windows[aggregate->window].rows;
    }
    return 0;
}

// What the rule needs of the table, each thing once.
typedef struct {
    size_t aggregate_count, window_count;
    uint16_t aggregates[NEEDED_MAX], windows[NEEDED_MAX];
    uint32_t ns;
} need_t;

static bool is_new(uint16_t *seen, size_t *count, uint16_t index)
{
    for (size_t i = 0; i < *count; i++)
        if (seen[i] == index)
            return false;
    if (*count == NEEDED_MAX)
        return false;
    seen[(*count)++] = index;
    return true;
}

static void need_aggregate(need_t *self, const table_plan_t *table, uint16_t index)
{
    const aggregate_t *aggregate = &table->aggregates[index];
    if (is_new(self->aggregates, &self->aggregate_count, index))
        self->ns += of_aggregate(table, aggregate);
    if (is_new(self->windows, &self->window_count, aggregate->window))
        self->ns += WINDOW_NS;
}

static void need_rule(need_t *self, const table_plan_t *table, const compiled_rule_t *rule)
{
    for (size_t i = 0; i < rule->aggregate_count; i++)
        need_aggregate(self, table, rule->aggregates[i]);
    for (size_t i = 0; i < rule->guard_count; i++)
        need_aggregate(self, table, rule->guards[i].aggregate);
    self->ns += NODE_NS * rule->when->nodes;
}

static uint32_t of_stillness(const compiled_rule_t *rule)
{
    return STILL_NS + STILL_AGGREGATE_NS * (uint32_t) rule->aggregate_count;
}

uint32_t cost_of(const table_plan_t *table, const compiled_rule_t *rule)
{
    need_t need = { .ns = 0 };
    need_rule(&need, table, rule);
    if (rule->resolve)
        need_rule(&need, table, rule->resolve);
    if (rule->rule.freeze)
        need.ns += of_stillness(rule) + (rule->resolve ? of_stillness(rule->resolve) : 0);
    return need.ns;
}

bool cost_is_borne(uint32_t cost, uint32_t most, fault_t *fault)
{
    return cost <= most ||
           fault_set(fault,
                     "it costs about %u ns of CPU a row, more than the %u of rule_cost_max; take "
                     "another aggregate, or fewer rows",
                     cost, most);
}
