/*  settings_read -- see settings_read.h. */
#include "broker/runtime/settings_read.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/runtime/settings_names.h"

// ---- refusals -----------------------------------------------------------------------------

static bool s_refuse_at(settings_reader_t *self, int line, int column, const char *format,
                        va_list arguments)
{
    char text[FAULT_TEXT_MAX + 1];
    vsnprintf(text, sizeof text, format, arguments);
    return fault_set_at(self->fault, line, column, "%s", text);
}

bool settings_refuse(settings_reader_t *self, const node_t *node, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    s_refuse_at(self, node->line, node->column, format, arguments);
    va_end(arguments);
    return false;
}

bool settings_refuse_name(settings_reader_t *self, const node_t *node, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    s_refuse_at(self, node->name_line, node->name_column, format, arguments);
    va_end(arguments);
    return false;
}

static bool s_is_text(settings_reader_t *self, const char *name, const node_t *node)
{
    if (node->kind == NODE_TEXT)
        return true;
    return settings_refuse(self, node, "%s: expected one value, not a %s", name,
                           node->kind == NODE_LIST ? "list" : "map");
}

// ---- plain values -------------------------------------------------------------------------

static bool s_read_boolean(settings_reader_t *self, const setting_t *setting, const node_t *node,
                           bool *value)
{
    *value = strcmp(node->text, "true") == 0;
    return *value || strcmp(node->text, "false") == 0 ||
           settings_refuse(self, node, "%s: expected true or false, not '%.60s'", setting->name,
                           node->text);
}

static bool s_read_count(settings_reader_t *self, const setting_t *setting, const node_t *node,
                         uint32_t *value)
{
    size_t size = strlen(node->text);
    bool number = size > 0 && size <= 10 && strspn(node->text, "0123456789") == size;
    if (!number)
        return settings_refuse(self, node, "%s: expected a whole number, not '%.60s'",
                               setting->name, node->text);
    int64_t found = strtoll(node->text, NULL, 10);
    if (found < setting->least || found > setting->most)
        return settings_refuse(self, node, "%s: %" PRId64 " is outside %" PRId64 " to %" PRId64,
                               setting->name, found, setting->least, setting->most);
    *value = (uint32_t) found;
    return true;
}

static bool s_read_duration(settings_reader_t *self, const setting_t *setting, const node_t *node,
                            int64_t *value)
{
    if (!settings_duration(node->text, value))
        return settings_refuse(self, node,
                               "%s: expected a duration such as 500ms, 10s, 5m, 1h or 1d, not "
                               "'%.60s'",
                               setting->name, node->text);
    if (setting->most == 0)
        return *value == 0 ||
               settings_refuse(self, node, "%s: only 0s is in this version", setting->name);
    if (*value >= setting->least && *value <= setting->most)
        return true;
    return settings_refuse(self, node, "%s: '%.60s' is outside %" PRId64 "ms to %" PRId64 "s",
                           setting->name, node->text, setting->least / 1000,
                           setting->most / 1000000);
}

static bool s_read_character(settings_reader_t *self, const setting_t *setting, const node_t *node,
                             char *value)
{
    char c = node->text[0];
    bool fits = c != '\0' && node->text[1] == '\0' && (c == '\t' || (c >= ' ' && c <= '~'));
    if (!fits || c == '"')
        return settings_refuse(self, node, "%s: expected one character of ASCII, not '%.60s'",
                               setting->name, node->text);
    *value = c;
    return true;
}

static bool s_read_format(settings_reader_t *self, const node_t *node, source_format_t *value)
{
    static const char *const names[] = { [FORMAT_JSON] = "json",
                                         [FORMAT_JSONL] = "jsonl",
                                         [FORMAT_CSV] = "csv",
                                         [FORMAT_CONCATENATED] = "concatenated" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(node->text, names[i]) == 0) {
            *value = (source_format_t) i;
            return true;
        }
    }
    return settings_refuse(
        self, node, "format: expected json, jsonl, concatenated or csv, not '%.60s'", node->text);
}

static bool s_read_order(settings_reader_t *self, const node_t *node, bool *newest_first)
{
    *newest_first = strcmp(node->text, "newest_first") == 0;
    return *newest_first || strcmp(node->text, "oldest_first") == 0 ||
           settings_refuse(self, node, "order: expected newest_first or oldest_first, not '%.60s'",
                           node->text);
}

static bool s_check_emit(settings_reader_t *self, const node_t *node)
{
    return strcmp(node->text, "row") == 0 || strcmp(node->text, "edge") == 0 ||
           settings_refuse(self, node, "emit: expected row or edge, not '%.60s'", node->text);
}

static bool s_check_text(settings_reader_t *self, const setting_t *setting, const node_t *node)
{
    size_t size = strlen(node->text);
    if ((int64_t) size < setting->least)
        return settings_refuse(self, node, "%s: is empty", setting->name);
    if ((int64_t) size > setting->most)
        return settings_refuse(self, node, "%s: longer than %" PRId64 " bytes", setting->name,
                               setting->most);
    if (setting->type == SETTING_NAME && !settings_is_name(node->text))
        return settings_refuse(self, node,
                               "%s: '%.60s' may only have letters, digits, '.', '_' and '-'",
                               setting->name, node->text);
    if (setting->type != SETTING_IDENTIFIER)
        return true;
    if (!settings_is_identifier(node->text))
        return settings_refuse(self, node,
                               "%s: '%.60s' is no name: a small letter, then small letters, "
                               "digits and '_', at most %d bytes",
                               setting->name, node->text, IDENTIFIER_BYTES_MAX);
    // Only what is named in SQL has to keep clear of its words.
    return setting->section == IN_FILE || !settings_is_reserved(node->text) ||
           settings_refuse(self, node, "%s: '%s' is a reserved word", setting->name, node->text);
}

static bool s_check_pointer(settings_reader_t *self, const setting_t *setting, const node_t *node)
{
    return settings_is_pointer(node->text) ||
           settings_refuse(self, node, "%s: '%.100s' is no JSON Pointer such as /cursor/last",
                           setting->name, node->text);
}

// ---- maps of free names -------------------------------------------------------------------

static bool s_check_pair_name(settings_reader_t *self, const char *what, const node_t *node)
{
    if (!settings_is_identifier(node->name))
        return settings_refuse_name(self, node,
                                    "%s: '%.60s' is no name: a small letter, then small letters, "
                                    "digits and '_', at most %d bytes",
                                    what, node->name, IDENTIFIER_BYTES_MAX);
    return !settings_is_reserved(node->name) ||
           settings_refuse_name(self, node, "%s: '%s' is a reserved word", what, node->name);
}

bool settings_read_pairs(settings_reader_t *self, const char *what, const node_t *node,
                         bool identifiers, int64_t least, int64_t most, setting_pairs_t *pairs)
{
    if (node->kind != NODE_MAP)
        return settings_refuse(self, node, "%s: expected a map from names to values", what);
    if ((int64_t) node->count < least)
        return settings_refuse(self, node, "%s: is empty", what);
    if ((int64_t) node->count > most)
        return settings_refuse(self, node, "%s: more than %" PRId64 " entries", what, most);
    pairs->items =
        (setting_pair_t *) arena_take(self->arena, (node->count + 1) * sizeof *pairs->items);
    if (!pairs->items)
        return settings_refuse(self, node, "out of memory");
    for (const node_t *member = node->first; member; member = member->next) {
        if (identifiers && !s_check_pair_name(self, what, member))
            return false;
        if (!s_is_text(self, member->name, member))
            return false;
        pairs->items[pairs->count++] = (setting_pair_t){ .name = member->name,
                                                         .value = member->text,
                                                         .line = member->line,
                                                         .column = member->column };
    }
    return true;
}

// ---- a row of the table -------------------------------------------------------------------

static bool s_read_sql(settings_reader_t *self, const setting_t *setting, const node_t *node,
                       rule_settings_t *rule)
{
    rule->when_line = node->line;
    rule->when_column = node->column;
    return s_check_text(self, setting, node);
}

static bool s_read_placed(settings_reader_t *self, const setting_t *setting, const node_t *node,
                          setting_placed_t *value)
{
    *value = (setting_placed_t){ .text = node->text, .line = node->line, .column = node->column };
    return s_check_text(self, setting, node);
}

static bool s_read_jq(settings_reader_t *self, const setting_t *setting, const node_t *node,
                      source_t *source)
{
    source->jq_line = node->line;
    source->jq_column = node->column;
    return s_check_text(self, setting, node);
}

// A value that is one text. `field` is where the table says.
static bool s_read_text(settings_reader_t *self, const setting_t *setting, const node_t *node,
                        void *target, void *field)
{
    bool fits = true;
    switch (setting->type) {
    case SETTING_PLACED:
        return s_read_placed(self, setting, node, (setting_placed_t *) field);
    case SETTING_BOOLEAN:
        return s_read_boolean(self, setting, node, (bool *) field);
    case SETTING_COUNT:
        return s_read_count(self, setting, node, (uint32_t *) field);
    case SETTING_DURATION:
        return s_read_duration(self, setting, node, (int64_t *) field);
    case SETTING_BUDGET:
        return settings_read_budget(self, setting->name, node, (budget_t *) field);
    case SETTING_FLAP:
        return settings_read_flap(self, setting->name, node, (budget_t *) field);
    case SETTING_CHARACTER:
        return s_read_character(self, setting, node, (char *) field);
    case SETTING_FORMAT:
        return s_read_format(self, node, (source_format_t *) field);
    case SETTING_ORDER:
        return s_read_order(self, node, (bool *) field);
    case SETTING_SQL:
        fits = s_read_sql(self, setting, node, (rule_settings_t *) target);
        break;
    case SETTING_JQ:
        fits = s_read_jq(self, setting, node, (source_t *) target);
        break;
    case SETTING_EMIT:
        fits = s_check_emit(self, node);
        break;
    case SETTING_ENDPOINT:
        fits = s_check_text(self, setting, node) && settings_check_endpoint(self, setting, node);
        break;
    case SETTING_HOST:
        fits = s_check_text(self, setting, node) && settings_check_host(self, setting, node);
        break;
    case SETTING_STORE:
        fits = s_check_text(self, setting, node) && settings_check_store(self, node);
        break;
    case SETTING_STAGE:
        fits = s_check_text(self, setting, node) && settings_check_stage(self, node);
        break;
    case SETTING_URL:
        fits =
            s_check_text(self, setting, node) && settings_read_url(self, node, (source_t *) target);
        break;
    case SETTING_POINTER:
        fits = s_check_text(self, setting, node) && s_check_pointer(self, setting, node);
        break;
    case SETTING_TEXT:
    case SETTING_NAME:
    case SETTING_IDENTIFIER:
        fits = s_check_text(self, setting, node);
        break;
    case SETTING_PAIRS:
    case SETTING_HEADERS:
    case SETTING_QUERY:
    case SETTING_PAGES:
    case SETTING_BUDGETS:
    case SETTING_TIME:
    case SETTING_ONLY:
    case SETTING_MISSING:
    case SETTING_REQUIRED:
    case SETTING_IDENTITY:
    case SETTING_SHARDS:
    case SETTING_LISTEN:
    case SETTING_SOURCES:
    case SETTING_DERIVE:
    case SETTING_RULES:
    case SETTING_MEANS:
    case SETTING_NOT_YET:
        assert(!"one text");
    }
    *(const char **) field = node->text;
    return fits;
}

static bool s_read(settings_reader_t *self, const setting_t *setting, const node_t *node,
                   void *target)
{
    void *field = (char *) target + setting->offset;
    switch (setting->type) {
    case SETTING_PAIRS:
        return settings_read_pairs(self, setting->name, node, true, setting->least, setting->most,
                                   (setting_pairs_t *) field);
    case SETTING_HEADERS:
        return settings_read_headers(self, setting, node, (setting_pairs_t *) field);
    case SETTING_QUERY:
        return settings_read_query(self, setting, node, (source_t *) target);
    case SETTING_PAGES:
        return settings_read_pages(self, node, (source_t *) target);
    case SETTING_BUDGETS:
        return settings_read_budgets(self, setting, node, (settings_t *) target);
    case SETTING_TIME:
        return settings_read_time(self, node, (source_t *) target);
    case SETTING_ONLY:
        return settings_read_pairs(self, setting->name, node, false, setting->least, setting->most,
                                   (setting_pairs_t *) field);
    case SETTING_MISSING:
        return settings_read_missing(self, setting, node, (source_t *) target);
    case SETTING_REQUIRED:
        return settings_read_required(self, setting, node, (source_t *) target);
    case SETTING_IDENTITY:
        return settings_read_identity(self, setting, node, (source_t *) target);
    case SETTING_SHARDS:
        return settings_read_shards(self, node, (source_t *) target);
    case SETTING_LISTEN:
        return node->kind == NODE_MAP ? settings_read_map(self, IN_LISTEN, "listen", node, target)
                                      : settings_refuse(self, node, "listen: expected a map");
    case SETTING_MEANS:
        return settings_read_means(self, setting, node, (settings_t *) target);
    case SETTING_SOURCES:
    case SETTING_DERIVE:
    case SETTING_RULES:
        return true; // settings.c walks through them
    case SETTING_NOT_YET:
        return settings_refuse_name(self, node, "%s: is not in this version", setting->name);
    case SETTING_TEXT:
    case SETTING_NAME:
    case SETTING_IDENTIFIER:
    case SETTING_SQL:
    case SETTING_JQ:
    case SETTING_ENDPOINT:
    case SETTING_HOST:
    case SETTING_STORE:
    case SETTING_STAGE:
    case SETTING_URL:
    case SETTING_PLACED:
    case SETTING_BOOLEAN:
    case SETTING_COUNT:
    case SETTING_DURATION:
    case SETTING_BUDGET:
    case SETTING_FLAP:
    case SETTING_POINTER:
    case SETTING_CHARACTER:
    case SETTING_FORMAT:
    case SETTING_ORDER:
    case SETTING_EMIT:
        break;
    }
    return s_is_text(self, setting->name, node) && s_read_text(self, setting, node, target, field);
}

// Defaults go the way of any other value, so that they keep their own bounds.
static bool s_fill(settings_reader_t *self, setting_section_t section, const char *what,
                   const node_t *map, void *target)
{
    for (size_t i = 0; i < settings_table_count; i++) {
        const setting_t *setting = &settings_table[i];
        if (setting->section != section || settings_member(map, setting->name))
            continue;
        if (setting->required)
            return settings_refuse(self, map, "%s: '%s' is missing", what, setting->name);
        const node_t initial = {
            .kind = NODE_TEXT, .line = map->line, .column = map->column, .text = setting->initial
        };
        if (setting->initial && !s_read(self, setting, &initial, target))
            return false;
    }
    return true;
}

bool settings_read_map(settings_reader_t *self, setting_section_t section, const char *what,
                       const node_t *map, void *target)
{
    for (const node_t *member = map->first; member; member = member->next) {
        const setting_t *setting = settings_table_find(section, member->name);
        if (!setting) {
            const char *nearest = settings_table_nearest(section, member->name);
            return settings_refuse_name(self, member, "%s: unknown key '%.60s'%s%s%s", what,
                                        member->name, nearest ? "; did you mean '" : "",
                                        nearest ? nearest : "", nearest ? "'?" : "");
        }
        if (!s_read(self, setting, member, target))
            return false;
    }
    return s_fill(self, section, what, map, target);
}
