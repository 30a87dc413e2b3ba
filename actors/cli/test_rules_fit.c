/*  test_rules_fit -- do tests of rules fit a configuration? See test_rules_file.h. */
#include <string.h>

#include "actors/cli/test_rules_file.h"
#include "proto/series.h"

static bool s_refuse(fault_t *fault, const placed_t *at, const char *why)
{
    return fault_set_at(fault, at->line, at->column, "'%.60s' %s", at->text, why);
}

static bool s_is_rule(const settings_t *settings, const char *name)
{
    for (size_t i = 0; i < settings->rule_count; i++) {
        if (strcmp(settings->rules[i].name, name) == 0)
            return true;
    }
    return false;
}

static bool s_is_looked_at(const rule_test_t *test, const char *rule)
{
    for (size_t i = 0; i < test->only_count; i++) {
        if (strcmp(test->only[i].text, rule) == 0)
            return true;
    }
    return test->only_count == 0;
}

// Columns may be those of any source of the table.
static bool s_has_column(const settings_t *settings, const char *table, const char *column)
{
    for (size_t i = 0; i < settings->source_count; i++) {
        const source_t *source = &settings->sources[i];
        for (size_t c = 0; strcmp(source->table, table) == 0 && c < source->columns.count; c++) {
            if (strcmp(source->columns.items[c].name, column) == 0)
                return true;
        }
    }
    return false;
}

static bool s_fit_series(const placed_t *series, const settings_t *settings,
                         const source_t **source, fault_t *fault)
{
    series_parts_t parts;
    if (!series_split(&parts, slice_text(series->text)))
        return s_refuse(fault, series,
                        "is no series: a table and the values of its keys between ':', with %XX "
                        "for every byte that is no letter, digit, '.', '_' or '-'");
    for (size_t i = 0; i < settings->source_count; i++) {
        *source = &settings->sources[i];
        if (!slice_is(parts.table, (*source)->table))
            continue;
        return parts.count == (*source)->key.count ||
               fault_set_at(fault, series->line, series->column,
                            "'%.60s': keys: %u; table '%s' has %zu", series->text, parts.count,
                            (*source)->table, (*source)->key.count);
    }
    return s_refuse(fault, series, "is of a table that no source of the configuration has");
}

static bool s_fit_input(test_input_t *input, const settings_t *settings, fault_t *fault)
{
    if (!s_fit_series(&input->series, settings, &input->source, fault))
        return false;
    for (size_t i = 0; i < input->column_count; i++) {
        const placed_t *name = &input->columns[i].name;
        if (!s_has_column(settings, input->source->table, name->text))
            return s_refuse(fault, name, "is no column of a source of this table");
    }
    return true;
}

static bool s_fit_test(rule_test_t *test, const settings_t *settings, fault_t *fault)
{
    for (size_t i = 0; i < test->only_count; i++) {
        if (!s_is_rule(settings, test->only[i].text))
            return s_refuse(fault, &test->only[i], "is no rule of the configuration");
    }
    for (size_t i = 0; i < test->input_count; i++) {
        if (!s_fit_input(&test->inputs[i], settings, fault))
            return false;
    }
    for (size_t i = 0; i < test->expect_count; i++) {
        const test_expect_t *expect = &test->expect[i];
        const source_t *source;
        if (!s_is_rule(settings, expect->rule.text))
            return s_refuse(fault, &expect->rule, "is no rule of the configuration");
        if (!s_is_looked_at(test, expect->rule.text))
            return s_refuse(fault, &expect->rule, "is expected, but `only` leaves it out");
        if (!s_fit_series(&expect->series, settings, &source, fault))
            return false;
    }
    return true;
}

bool test_rules_fit(rule_tests_t *self, const settings_t *settings, fault_t *fault)
{
    for (size_t i = 0; i < self->count; i++) {
        if (!s_fit_test(&self->tests[i], settings, fault))
            return false;
    }
    return true;
}
