/*  foresee -- see foresee.h. */
#include "actors/cli/foresee.h"

#include <stdio.h>
#include <string.h>

#include "actors/rules/fate.h"
#include "proto/owned.h"
#include "proto/series.h"

// ---- keys of sources ----------------------------------------------------------------------------

// A key that is written in the configuration, "=text"; without text if rows tell it.
static slice_t key_of(const source_t *source, const char *name)
{
    for (size_t i = 0; i < source->key.count; i++)
        if (strcmp(source->key.items[i].name, name) == 0 && source->key.items[i].value[0] == '=')
            return slice_text(source->key.items[i].value + 1);
    return (slice_t){ 0 };
}

// The first source of the table, if the rule can hold for series of none of them.
static const source_t *matched_by_none(const settings_t *settings, const table_plan_t *table,
                                       const compiled_rule_t *rule)
{
    const source_t *first = NULL;
    for (size_t i = 0; i < settings->source_count; i++) {
        const source_t *source = &settings->sources[i];
        if (strcmp(source->table, table->name) != 0)
            continue;
        slice_t keys[SERIES_KEYS_MAX];
        for (size_t k = 0; k < table->key_count; k++)
            keys[k] = key_of(source, table->keys[k]);
        if (fate_of(table, rule, keys) != FATE_NEVER)
            return NULL;
        first = first ? first : source;
    }
    return first;
}

// ---- what is said -------------------------------------------------------------------------------

// Would it hold without what min_rows and `positive` ask for?
static bool guarded_away(const table_plan_t *table, const compiled_rule_t *rule)
{
    compiled_rule_t without = *rule;
    without.guard_count = 0;
    return fate_of(table, &without, NULL) != FATE_NEVER;
}

static void say_never(const table_plan_t *table, const compiled_rule_t *rule, buffer_t *out)
{
    if (guarded_away(table, rule))
        buffer_printf(out,
                      "it can never hold, because it is not judged before %u rows are in its "
                      "window and an average or sum that it compares with is above 0; set "
                      "min_rows, or positive: false",
                      rule->rule.min_rows);
    else
        buffer_printf(out,
                      "it can never hold (a comparison with NULL is never true: that is IS NULL)");
}

static bool takes_too_long(int64_t times, int64_t us, int64_t within_us)
{
    return times > 0 && us >= (within_us + times - 1) / times;
}

// Can an incident never change so often in so short a time? It begins not sooner than `for` behind
// its last end, nor than `cooldown` behind its last beginning.
static bool flaps_never(const rule_t *rule)
{
    int64_t ends = ((int64_t) rule->flap_changes - 1) / 2; // with a beginning behind, at least
    int64_t begins = (int64_t) rule->flap_changes / 2 - 1; // likewise
    return takes_too_long(ends, rule->for_us, rule->flap_us) ||
           takes_too_long(begins, rule->cooldown_us, rule->flap_us);
}

static void say_matches_none(const source_t *source, const table_plan_t *table, buffer_t *out)
{
    buffer_printf(out, "it matches no series of the sources of '%s'; those of '%s' have",
                  table->name, source->name);
    for (size_t k = 0; k < table->key_count; k++) {
        slice_t key = key_of(source, table->keys[k]);
        if (key.data)
            buffer_printf(out, " %s '%.*s'", table->keys[k], (int) key.size, key.data);
    }
}

bool foresee(const settings_t *settings, const table_plan_t *table, const compiled_rule_t *rule,
             buffer_t *out)
{
    fate_t fate = fate_of(table, rule, NULL);
    const source_t *source;
    if (fate == FATE_NEVER)
        say_never(table, rule, out);
    else if ((source = matched_by_none(settings, table, rule)))
        say_matches_none(source, table, out);
    else if (fate == FATE_ALWAYS && rule->rule.emit == RULE_EMIT_ROW)
        buffer_printf(out,
                      "it holds for every row: each of them alerts, up to alerts_max a minute");
    else if (rule->resolve && fate_of(table, rule->resolve, NULL) == FATE_NEVER)
        buffer_printf(out, "nothing ends an incident of it, because its `resolve` can never hold");
    else if (flaps_never(&rule->rule))
        buffer_printf(out,
                      "its `flap` is never reached: with this `for` and `cooldown` no incident "
                      "begins and ends so often in so short a time");
    else
        return false;
    return true;
}

static const rule_settings_t *settings_of(const settings_t *settings, const char *rule)
{
    for (size_t i = 0; i < settings->rule_count; i++)
        if (strcmp(settings->rules[i].name, rule) == 0)
            return &settings->rules[i];
    return NULL;
}

void foresee_warn(const settings_t *settings, const ruleset_t *rules)
{
    const table_plan_t *table;
    for (size_t t = 0; (table = ruleset_at(rules, t)); t++)
        for (size_t r = 0; r < table->rule_count; r++) {
            owned(buffer_destroy) buffer_t text = { 0 };
            const rule_settings_t *rule = settings_of(settings, table->rules[r].name);
            if (rule && foresee(settings, table, &table->rules[r], &text))
                fprintf(stderr, "%s:%d:%d: warning: rule '%s': %s\n", settings->path,
                        rule->when_line, rule->when_column, rule->name, buffer_string(&text));
        }
}
