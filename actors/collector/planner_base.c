/*  planner_base -- the entries that a configuration gives to a plan: see planner.h. */
#include <inttypes.h>
#include <stdio.h>

#include "actors/collector/planner.h"
#include "actors/prep/mapping.h"
#include "proto/owned.h"

static bool s_add_source(plan_t *plan, const source_t *source, fault_t *fault)
{
    owned(buffer_destroy) buffer_t body = { 0 };
    if (!mapping_define(source, &body) || body.failed)
        return fault_set(fault, "out of memory");
    return plan_set(plan, PLAN_SOURCE, slice_text(source->name), buffer_slice(&body), fault);
}

static bool s_add_derive(plan_t *plan, const derive_t *derive, fault_t *fault)
{
    for (size_t i = 0; i < derive->columns.count; i++) {
        char name[PLAN_NAME_MAX + 1];
        int size =
            snprintf(name, sizeof name, "%s.%s", derive->table, derive->columns.items[i].name);
        if (size < 0 || (size_t) size >= sizeof name)
            return fault_set(fault, "derive: name '%s' is too long", derive->columns.items[i].name);
        slice_t sql = slice_text(derive->columns.items[i].value);
        if (!plan_set(plan, PLAN_DERIVE, slice_text(name), sql, fault))
            return false;
    }
    return true;
}

static rule_emit_t s_emit(const char *word)
{
    if (!word)
        return RULE_EMIT_DEFAULT;
    return strcmp(word, "edge") == 0 ? RULE_EMIT_EDGE : RULE_EMIT_ROW;
}

static bool s_add_rule(plan_t *plan, const rule_settings_t *settings, fault_t *fault)
{
    rule_t rule = {
        .on = slice_text(settings->on),
        .when = slice_text(settings->when),
        .severity = slice_text(settings->severity ? settings->severity : "warning"),
        .note = slice_text(settings->note ? settings->note : ""),
        .min_rows = settings->min_rows,
        .positive = settings->positive,
        .enabled = settings->enabled,
        .cooldown_us = settings->cooldown_us,
        .emit = s_emit(settings->emit),
        .alerts_max = settings->alerts_max,
        .for_us = settings->for_us,
        .resolve = slice_text(settings->resolve ? settings->resolve : ""),
        .nodata_us = settings->nodata_us,
        .flap_changes = settings->flap.count,
        .flap_us = settings->flap.window_us,
        .freeze = settings->freeze,
    };
    owned(buffer_destroy) buffer_t body = { 0 };
    rule_encode(&rule, &body);
    if (body.failed)
        return fault_set(fault, "out of memory");
    return plan_set(plan, PLAN_RULE, slice_text(settings->name), buffer_slice(&body), fault);
}

void planner_sources(const settings_t *settings, char text[PLANNER_SOURCES_TEXT])
{
    text[0] = '\0'; // without memory it is like no other
    owned(plan_destroy) plan_t *plan = plan_new();
    fault_t fault;
    for (size_t i = 0; plan && i < settings->source_count; i++)
        if (!plan_set(plan, PLAN_SOURCE, slice_text(settings->sources[i].name), slice_text(""),
                      &fault))
            return;
    if (!plan || settings->source_count == 0)
        return;
    plan_hash_t hash = plan_hash(plan);
    for (size_t i = 0; i < sizeof hash.bytes; i++)
        snprintf(text + 2 * i, 3, "%02x", hash.bytes[i]);
}

static bool s_add_limit(plan_t *plan, uint32_t window_rows_max, fault_t *fault)
{
    char text[16];
    snprintf(text, sizeof text, "%" PRIu32, window_rows_max);
    return plan_set(plan, PLAN_LIMIT, slice_text(PLAN_WINDOW_ROWS_MAX), slice_text(text), fault);
}

plan_t *planner_base(const settings_t *settings, fault_t *fault)
{
    owned(plan_destroy) plan_t *plan = plan_new();
    if (!plan) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < settings->source_count; i++)
        if (!s_add_source(plan, &settings->sources[i], fault))
            return NULL;
    for (size_t i = 0; i < settings->derive_count; i++)
        if (!s_add_derive(plan, &settings->derive[i], fault))
            return NULL;
    for (size_t i = 0; i < settings->rule_count; i++)
        if (!s_add_rule(plan, &settings->rules[i], fault))
            return NULL;
    if (!s_add_limit(plan, settings->window_rows_max, fault))
        return NULL;
    plan_t *given = plan;
    plan = NULL;
    return given;
}
