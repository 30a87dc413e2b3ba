/*  rolling -- see rolling.h. */
#include "actors/cli/rolling.h"

#include <stdio.h>
#include <string.h>

// The time over which a column of this table is a rolling sum, or NULL.
static const char *rolls_over(const settings_t *settings, const char *table, const char *column)
{
    for (size_t i = 0; i < settings->source_count; i++) {
        const source_t *source = &settings->sources[i];
        for (size_t r = 0; strcmp(source->table, table) == 0 && r < source->rolling.count; r++)
            if (strcmp(source->rolling.items[r].name, column) == 0)
                return source->rolling.items[r].value;
    }
    return NULL;
}

// The first sum or average of a rolling column in this rule. False: there is none.
static bool first_rolling(const settings_t *settings, const table_plan_t *table,
                          const compiled_rule_t *rule, const char **column, const char **over)
{
    for (size_t i = 0; i < rule->aggregate_count; i++) {
        const aggregate_t *aggregate = &table->aggregates[rule->aggregates[i]];
        if (aggregate->kind != AGGREGATE_SUM && aggregate->kind != AGGREGATE_AVG)
            continue;
        const argument_t *argument = &table->arguments[aggregate->argument];
        if (argument->column < 0)
            continue;
        *column = table->columns[argument->column];
        *over = rolls_over(settings, table->name, *column);
        if (*over)
            return true;
    }
    return false;
}

static void warn(const settings_t *settings, const char *rule, const char *column, const char *over)
{
    int line = 0, place = 0;
    for (size_t i = 0; i < settings->rule_count; i++)
        if (strcmp(settings->rules[i].name, rule) == 0) {
            line = settings->rules[i].when_line;
            place = settings->rules[i].when_column;
        }
    fprintf(stderr,
            "%s:%d:%d: warning: rule '%s': '%s' is a rolling sum over %s and follows its own "
            "average: such a rule almost never holds; take a source of candles or trades\n",
            settings->path, line, place, rule, column, over);
}

size_t rolling_warn(const settings_t *settings, const ruleset_t *rules)
{
    size_t count = 0;
    const table_plan_t *table;
    for (size_t t = 0; (table = ruleset_at(rules, t)); t++) {
        for (size_t r = 0; r < table->rule_count; r++) {
            const char *column, *over;
            if (!first_rolling(settings, table, &table->rules[r], &column, &over))
                continue;
            warn(settings, table->rules[r].name, column, over);
            count++;
        }
    }
    return count;
}
