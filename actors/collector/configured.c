/*  configured -- see configured.h. */
#include "actors/collector/configured.h"

#include <stdio.h>
#include <string.h>

#include "actors/collector/planner.h"
#include "actors/collector/simulate.h"
#include "actors/prep/checks.h"
#include "actors/prep/event_time.h"
#include "actors/prep/mapping.h"
#include "actors/rules/cost.h"
#include "proto/owned.h"

typedef struct {
    const settings_t *settings;
    configured_refuse_t *refuse;
    void *context;
} telling_t;

// Where this source, or the text of this rule or derived column, begins in the file.
static void text_place(const settings_t *settings, plan_kind_t kind, const char *name, int *line,
                       int *column)
{
    *line = *column = 0;
    for (size_t i = 0; kind == PLAN_SOURCE && i < settings->source_count; i++) {
        if (strcmp(settings->sources[i].name, name) == 0) {
            *line = settings->sources[i].line;
            *column = settings->sources[i].column;
        }
    }
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

static void tell_refusal(void *context, plan_kind_t kind, const char *name, const fault_t *fault)
{
    static const char *const words[] = { [PLAN_SOURCE] = "source",
                                         [PLAN_DERIVE] = "derived column",
                                         [PLAN_RULE] = "rule",
                                         [PLAN_LIMIT] = "limit" };
    const telling_t *self = context;
    int line, column;
    text_place(self->settings, kind, name, &line, &column);
    if (fault->column > 0)
        column += fault->column - 1;
    if (fault->line > 1)
        line += fault->line - 1;
    fault_t told;
    fault_set_at(&told, line, column, "%s '%s': %s", words[kind], name, fault->text);
    self->refuse(self->context, &told);
}

static void tell_dear(const telling_t *self, const ruleset_t *rules)
{
    const table_plan_t *table;
    fault_t fault = { 0 };
    for (size_t t = 0; (table = ruleset_at(rules, t)); t++)
        for (size_t r = 0; r < table->rule_count; r++)
            if (!cost_is_borne(cost_of(table, &table->rules[r]), self->settings->rule_cost_max,
                               &fault))
                tell_refusal((void *) self, PLAN_RULE, table->rules[r].name, &fault);
}

ruleset_t *configured_rules(const settings_t *settings, configured_refuse_t *refuse, void *context)
{
    fault_t fault;
    owned(plan_destroy) plan_t *plan = planner_base(settings, &fault);
    telling_t telling = { settings, refuse, context };
    ruleset_t *rules = plan ? ruleset_new(plan, tell_refusal, &telling) : NULL;
    if (plan && !rules)
        fault_set(&fault, "out of memory");
    if (rules)
        tell_dear(&telling, rules);
    else
        refuse(context, &fault);
    return rules;
}

// Those parts of a source that are languages of their own, each at its place. True: all compile.
static bool tell_parts(const source_t *source, configured_refuse_t *refuse, void *context)
{
    fault_t fault, told;
    simulate_settings_t market;
    event_time_t time;
    bool good = true;
    if (source->kind == SOURCE_SIMULATE && !simulate_parse(&market, source->url, &fault)) {
        fault_set_at(&told, source->url_line, source->url_column, "source '%s': url: %s",
                     source->name, fault.text);
        refuse(context, &told);
        good = false;
    }
    if (!source->time_fetch && !event_time_compile(&time, slice_text(source->time_unit), &fault)) {
        fault_set_at(&told, source->unit_line, source->unit_column, "source '%s': time: %s",
                     source->name, fault.text);
        refuse(context, &told);
        good = false;
    }
    for (size_t i = 0; i < source->validate.count; i++) {
        const setting_pair_t *pair = &source->validate.items[i];
        check_t check;
        if (check_compile(&check, slice_text(pair->value), &fault))
            continue;
        fault_set_at(&told, pair->line, pair->column, "source '%s': validate: %s: %s", source->name,
                     pair->name, fault.text);
        refuse(context, &told);
        good = false;
    }
    return good;
}

void configured_mappings(const settings_t *settings, configured_refuse_t *refuse, void *context)
{
    for (size_t i = 0; i < settings->source_count; i++) {
        const source_t *source = &settings->sources[i];
        if (!tell_parts(source, refuse, context))
            continue;
        owned(buffer_destroy) buffer_t definition = { 0 };
        fault_t fault = { 0 }, told;
        owned(mapping_destroy) mapping_t *mapping = NULL;
        if (mapping_define(source, &definition) && !definition.failed)
            mapping = mapping_new(buffer_slice(&definition), &fault);
        else
            fault_set(&fault, "out of memory");
        if (mapping)
            continue;
        bool filter = fault.line > 0; // only filters have places
        fault_set_at(&told, filter ? source->jq_line : source->line,
                     filter ? source->jq_column : source->column, "source '%s': %s", source->name,
                     fault.text);
        refuse(context, &told);
    }
}

// ---- for people -------------------------------------------------------------------------------

typedef struct {
    const char *path;
    size_t bad;
} printing_t;

static void print_refusal(void *context, const fault_t *fault)
{
    printing_t *self = context;
    self->bad++;
    if (fault->line)
        fprintf(stderr, "%s:%d:%d: %s\n", self->path, fault->line, fault->column, fault->text);
    else
        fprintf(stderr, "%s: %s\n", self->path, fault->text);
}

ruleset_t *configured_print(const settings_t *settings, size_t *bad)
{
    printing_t printing = { .path = settings->path };
    ruleset_t *rules = configured_rules(settings, print_refusal, &printing);
    configured_mappings(settings, print_refusal, &printing);
    *bad = printing.bad;
    return rules;
}
