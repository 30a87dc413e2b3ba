/*  rules_of -- see rules_of.h. */
#include "actors/cli/rules_of.h"

#include <stdio.h>
#include <string.h>

#include "actors/collector/planner.h"
#include "actors/prep/mapping.h"
#include "proto/owned.h"

typedef struct {
    const settings_t *settings;
    size_t bad;
} place_context_t;

// Where the text of this rule or derived column begins in the file.
static void text_place(const settings_t *settings, plan_kind_t kind, const char *name, int *line,
                       int *column)
{
    *line = *column = 0;
    for (size_t i = 0; kind == PLAN_RULE && i < settings->rule_count; i++) {
        if (strcmp(settings->rules[i].name, name) == 0) {
            *line = settings->rules[i].when_line;
            *column = settings->rules[i].when_column;
        }
    }
    for (size_t i = 0; kind == PLAN_DERIVE && i < settings->derive_count; i++) {
        const derive_t *derive = &settings->derive[i];
        size_t table = strlen(derive->table);
        for (size_t c = 0; c < derive->columns.count; c++) {
            const setting_pair_t *pair = &derive->columns.items[c];
            if (strncmp(name, derive->table, table) == 0 && name[table] == '.' &&
                strcmp(name + table + 1, pair->name) == 0) {
                *line = pair->line;
                *column = pair->column;
            }
        }
    }
}

static void print_refusal(void *context, plan_kind_t kind, const char *name, const fault_t *fault)
{
    place_context_t *self = context;
    self->bad++;
    int line, column;
    text_place(self->settings, kind, name, &line, &column);
    if (fault->column > 0)
        column += fault->column - 1;
    if (fault->line > 1)
        line += fault->line - 1;
    fprintf(stderr, "%s:%d:%d: %s '%s': %s\n", self->settings->path, line, column,
            kind == PLAN_RULE ? "rule" : "derived column", name, fault->text);
}

// A mapping that prep could not compile would quarantine every record.
static size_t check_sources(const settings_t *settings)
{
    size_t bad = 0;
    for (size_t i = 0; i < settings->source_count; i++) {
        const source_t *source = &settings->sources[i];
        owned(buffer_destroy) buffer_t definition = { 0 };
        fault_t fault = { 0 };
        owned(mapping_destroy) mapping_t *mapping = NULL;
        if (mapping_define(source, &definition))
            mapping = mapping_new(buffer_slice(&definition), &fault);
        else
            fault_set(&fault, "out of memory");
        if (mapping)
            continue;
        bad++;
        fprintf(stderr, "%s:%d:%d: source '%s': %s\n", settings->path, source->line, source->column,
                source->name, fault.text);
    }
    return bad;
}

ruleset_t *rules_of(const settings_t *settings, size_t *bad)
{
    fault_t fault = { 0 };
    owned(plan_destroy) plan_t *plan = planner_base(settings, &fault);
    place_context_t context = { .settings = settings };
    ruleset_t *rules = plan ? ruleset_new(plan, print_refusal, &context) : NULL;
    if (!rules)
        fprintf(stderr, "%s: %s\n", settings->path, plan ? "out of memory" : fault.text);
    *bad = context.bad + check_sources(settings);
    return rules;
}
