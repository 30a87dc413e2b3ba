/*  rule_fields -- see rule_fields.h. One reader for each field, found by its name in a table. */
#include "actors/collector/rule_fields.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

#include "actors/rules/ruleset.h"
#include "broker/runtime/settings.h"
#include "proto/utf8.h"

static const char *const emit_words[] = {
    [RULE_EMIT_ROW] = "row", [RULE_EMIT_EDGE] = "edge", [RULE_EMIT_DEFAULT] = ""
};
enum { EMIT_WORDS = sizeof emit_words / sizeof emit_words[0] };

enum { MIN_ROWS_DEFAULT = 10, NOTE_MAX = 4096, WORD_MAX = 64 };

static bool s_text(slice_t *out, const char *name, const char *value, size_t most, fault_t *fault)
{
    size_t size = strlen(value);
    if (size == 0)
        return fault_set(fault, "%s: is empty", name);
    if (size > most)
        return fault_set(fault, "%s: longer than %zu bytes", name, most);
    if (!utf8_valid(slice_of(value, size)))
        return fault_set(fault, "%s: is not UTF-8", name);
    *out = slice_of(value, size);
    return true;
}

static bool s_bool(bool *out, const char *name, const char *value, fault_t *fault)
{
    static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(value, words[i]) == 0) {
            *out = i % 2;
            return true;
        }
    }
    return fault_set(fault, "%s: '%s' is neither true nor false", name, value);
}

static bool s_duration(int64_t *out, const char *name, const char *value, fault_t *fault)
{
    if (!settings_duration(value, out))
        return fault_set(fault, "%s: '%s' is no duration like 10m, 90s, 0s", name, value);
    return true;
}

static bool s_number(const char *value, unsigned long least, unsigned long most, uint32_t *out)
{
    char *end;
    unsigned long number = strtoul(value, &end, 10);
    if (!isdigit((unsigned char) *value) || *end || number < least || number > most)
        return false;
    *out = (uint32_t) number;
    return true;
}

static bool read_on(rule_t *rule, const char *value, fault_t *fault)
{
    return s_text(&rule->on, "on", value, WORD_MAX, fault);
}

static bool read_when(rule_t *rule, const char *value, fault_t *fault)
{
    return s_text(&rule->when, "when", value, RULE_TEXT_MAX, fault);
}

static bool read_severity(rule_t *rule, const char *value, fault_t *fault)
{
    return s_text(&rule->severity, "severity", value, WORD_MAX, fault);
}

static bool read_note(rule_t *rule, const char *value, fault_t *fault)
{
    if (!*value)
        return true;
    return s_text(&rule->note, "note", value, NOTE_MAX, fault);
}

static bool read_min_rows(rule_t *rule, const char *value, fault_t *fault)
{
    if (!s_number(value, 0, WINDOW_ROWS_MAX, &rule->min_rows))
        return fault_set(fault, "min_rows: '%s' is no number from 0 to %d", value, WINDOW_ROWS_MAX);
    return true;
}

static bool read_positive(rule_t *rule, const char *value, fault_t *fault)
{
    return s_bool(&rule->positive, "positive", value, fault);
}

static bool read_enabled(rule_t *rule, const char *value, fault_t *fault)
{
    return s_bool(&rule->enabled, "enabled", value, fault);
}

static bool read_cooldown(rule_t *rule, const char *value, fault_t *fault)
{
    return s_duration(&rule->cooldown_us, "cooldown", value, fault);
}

static bool read_for(rule_t *rule, const char *value, fault_t *fault)
{
    return s_duration(&rule->for_us, "for", value, fault);
}

static bool read_nodata(rule_t *rule, const char *value, fault_t *fault)
{
    if (!s_duration(&rule->nodata_us, "nodata", value, fault))
        return false;
    return rule->nodata_us <= RULE_NODATA_US_MAX ||
           fault_set(fault, "nodata: '%s' is longer than 366 days", value);
}

// Empty: there is no guard.
static bool read_flap(rule_t *rule, const char *value, fault_t *fault)
{
    budget_t flap;
    if (!*value)
        return true;
    if (!settings_flap(value, &flap))
        return fault_set(fault,
                         "flap: '%s' is not like 6/10m: %d to %d changes in at most 366 days",
                         value, RULE_FLAP_LEAST, RULE_FLAP_MOST);
    rule->flap_changes = flap.count;
    rule->flap_us = flap.window_us;
    return true;
}

static bool read_freeze(rule_t *rule, const char *value, fault_t *fault)
{
    return s_bool(&rule->freeze, "freeze", value, fault);
}

static bool read_resolve(rule_t *rule, const char *value, fault_t *fault)
{
    return !*value || s_text(&rule->resolve, "resolve", value, RULE_TEXT_MAX, fault);
}

static bool read_emit(rule_t *rule, const char *value, fault_t *fault)
{
    for (size_t i = 0; i < EMIT_WORDS; i++) {
        if (strcmp(value, emit_words[i]) == 0) {
            rule->emit = (rule_emit_t) i;
            return true;
        }
    }
    return fault_set(fault, "emit: '%s' is neither row nor edge", value);
}

static bool read_alerts_max(rule_t *rule, const char *value, fault_t *fault)
{
    if (!s_number(value, 0, RULE_ALERTS_MAX_MOST, &rule->alerts_max))
        return fault_set(fault, "alerts_max: '%s' is no number from 0 to %d", value,
                         RULE_ALERTS_MAX_MOST);
    return true;
}

typedef struct {
    const char *name;
    bool (*read)(rule_t *rule, const char *value, fault_t *fault);
} field_reader_t;

static const field_reader_t field_readers[] = {
    { "on", read_on },
    { "when", read_when },
    { "min_rows", read_min_rows },
    { "positive", read_positive },
    { "enabled", read_enabled },
    { "severity", read_severity },
    { "note", read_note },
    { "cooldown", read_cooldown },
    { "for", read_for },
    { "nodata", read_nodata },
    { "flap", read_flap },
    { "freeze", read_freeze },
    { "resolve", read_resolve },
    { "emit", read_emit },
    { "alerts_max", read_alerts_max },
};

static const field_reader_t *s_reader(const char *name)
{
    for (size_t i = 0; i < sizeof field_readers / sizeof field_readers[0]; i++)
        if (strcmp(field_readers[i].name, name) == 0)
            return &field_readers[i];
    return NULL;
}

bool rule_fields_read(rule_t *rule, const store_rule_t *fields, fault_t *fault)
{
    rule_t read = {
        .severity = slice_text("warning"),
        .min_rows = MIN_ROWS_DEFAULT,
        .positive = true,
        .enabled = true,
        .emit = RULE_EMIT_DEFAULT,
        .alerts_max = RULE_ALERTS_MAX_DEFAULT,
    };
    if (fields->count == 0) // Redis keeps no hash without fields (store_rules.c)
        return fault_set(fault, "its key is not a hash: DEL it, then HSET its fields");
    for (size_t i = 0; i < fields->count; i++) {
        const field_reader_t *reader = s_reader(fields->fields[i].name);
        if (!reader)
            return fault_set(fault, "unknown field '%s'", fields->fields[i].name);
        if (!reader->read(&read, fields->fields[i].value, fault))
            return false;
    }
    if (!read.on.size && read.enabled)
        return fault_set(fault, "on: is missing: which table is it about?");
    if (!read.when.size && read.enabled)
        return fault_set(fault, "when: is missing: the condition");
    *rule = read;
    return true;
}

bool rule_fields_are_whole(const rule_t *rule)
{
    return rule->on.size > 0 && rule->when.size > 0;
}

size_t rule_fields_write(const rule_t *rule, store_field_t fields[RULE_FIELDS_MAX], buffer_t *texts)
{
    static const char *const names[RULE_FIELDS_MAX] = {
        "on",      "when",       "severity", "note",     "emit", "resolve", "min_rows", "positive",
        "enabled", "alerts_max", "freeze",   "cooldown", "for",  "nodata",  "flap"
    };
    const slice_t given[] = {
        rule->on,     rule->when, rule->severity, rule->note, slice_text(emit_words[rule->emit]),
        rule->resolve
    };
    enum { GIVEN = sizeof given / sizeof given[0] };
    for (size_t i = 0; i < GIVEN; i++) {
        buffer_append(texts, given[i].data, given[i].size);
        buffer_append(texts, "", 1);
    }
    const int64_t numbers[] = { rule->min_rows, rule->positive, rule->enabled, rule->alerts_max,
                                rule->freeze };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        buffer_printf(texts, "%" PRId64, numbers[i]);
        buffer_append(texts, "", 1);
    }
    const int64_t durations[] = { rule->cooldown_us, rule->for_us, rule->nodata_us };
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        buffer_printf(texts, "%" PRId64 "us", durations[i]);
        buffer_append(texts, "", 1);
    }
    if (rule->flap_changes > 0)
        buffer_printf(texts, "%" PRIu32 "/%" PRId64 "us", rule->flap_changes, rule->flap_us);
    buffer_append(texts, "", 1);
    if (texts->failed)
        return 0;
    const char *at = (const char *) texts->data;
    for (size_t i = 0; i < RULE_FIELDS_MAX; i++, at += strlen(at) + 1)
        fields[i] = (store_field_t){ names[i], at };
    return RULE_FIELDS_MAX;
}

bool rule_name_is_good(const char *name)
{
    size_t size = strlen(name);
    if (size == 0 || size > PLAN_NAME_MAX)
        return false;
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char) *c) && !strchr("._-", *c))
            return false;
    return true;
}
