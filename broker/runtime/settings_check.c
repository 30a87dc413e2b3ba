/*  settings_check -- see settings_check.h. */
#include "broker/runtime/settings_check.h"

#include <string.h>

#include "broker/runtime/settings_names.h"

// ---- places in a payload ------------------------------------------------------------------

static bool s_is_index(const char *text)
{
    size_t size = strlen(text);
    return size >= 2 && size <= 6 && text[0] == '/' && strspn(text + 1, "0123456789") == size - 1;
}

static int s_stars(const char *rows)
{
    int stars = 0;
    for (const char *token = strchr(rows, '/'); token; token = strchr(token + 1, '/'))
        stars += token[1] == '*' && (token[2] == '\0' || token[2] == '/');
    return stars;
}

// "~1" or "~1:0": a star of `rows`, and a part of what it matched.
static const char *s_why_no_match(const char *place, const char *rows)
{
    if (place[1] < '1' || place[1] > '9')
        return "expected ~1, or ~1:0 for a part of it";
    if (place[2] != '\0' &&
        (place[2] != ':' || place[3] < '0' || place[3] > '9' || place[4] != '\0'))
        return "expected ~1, or ~1:0 for a part of it";
    return place[1] - '0' <= s_stars(rows) ? NULL : "rows has not so many *";
}

// Why this place cannot be one in payloads of this source; NULL: it can.
static const char *s_why_no_place(const source_t *source, const char *place)
{
    if (source->format == FORMAT_CSV && source->kind != SOURCE_PUSH) {
        if (*place == '\0' || (!source->csv_header && !s_is_index(place)))
            return source->csv_header ? "expected a header name or /index"
                                      : "expected /index, for there is no header";
        return *place == '/' && !s_is_index(place) ? "expected a header name or /index" : NULL;
    }
    if (source->jq && (*place == '^' || *place == '~'))
        return "a filter has the whole document: let it put into a row what the row needs";
    if (*place == '~')
        return s_why_no_match(place, source->rows);
    if (settings_is_pointer(*place == '^' ? place + 1 : place))
        return NULL;
    if (source->kind == SOURCE_PUSH) // the name of a pushed column
        return *place == '=' || *place == '^' ? "expected /ptr or a column name" : NULL;
    return "expected a JSON Pointer such as /price";
}

static bool s_refuse_pair(const char *setting, const setting_pair_t *pair, const char *why,
                          fault_t *fault)
{
    return fault_set_at(fault, pair->line, pair->column, "%s: %s: '%.100s': %s", setting,
                        pair->name, pair->value, why);
}

// The text of this setting in the file; where it is not given, the source itself.
static const node_t *s_node(const node_t *source, const char *setting)
{
    const node_t *node = settings_member(source, setting);
    return node ? node : source;
}

static const node_t *s_item(const node_t *list, size_t place)
{
    const node_t *item = list->first;
    while (item && place-- > 0)
        item = item->next;
    return item ? item : list;
}

static const setting_pair_t *s_find(const setting_pairs_t *pairs, const char *name)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (strcmp(pairs->items[i].name, name) == 0)
            return &pairs->items[i];
    }
    return NULL;
}

static bool s_check_places(const node_t *node, const source_t *source, fault_t *fault)
{
    for (size_t i = 0; i < source->key.count; i++) {
        const setting_pair_t *pair = &source->key.items[i];
        bool literal = pair->value[0] == '=';
        const char *why = literal ? (pair->value[1] ? NULL : "the literal is empty")
                                  : s_why_no_place(source, pair->value);
        if (why)
            return s_refuse_pair("key", pair, why, fault);
        if (s_find(&source->columns, pair->name))
            return s_refuse_pair("key", pair, "is a column as well", fault);
    }
    for (size_t i = 0; i < source->columns.count; i++) {
        const char *why = s_why_no_place(source, source->columns.items[i].value);
        if (why)
            return s_refuse_pair("columns", &source->columns.items[i], why, fault);
    }
    for (size_t i = 0; i < source->only.count; i++) {
        const setting_pair_t *pair = &source->only.items[i];
        const char *why = *pair->name == '~' ? "expected a place of the row or the document"
                                             : s_why_no_place(source, pair->name);
        if (why)
            return s_refuse_pair("only", pair, why, fault);
    }
    const char *why = source->time_fetch ? NULL : s_why_no_place(source, source->time_at);
    if (why) {
        const node_t *at = s_node(s_node(node, "time"), "at");
        return fault_set_at(fault, at->line, at->column, "time: at: '%.100s': %s", source->time_at,
                            why);
    }
    for (size_t i = 0; i < source->identity_count; i++) {
        why = s_why_no_place(source, source->identity[i]);
        if (why) {
            const node_t *item = s_item(s_node(node, "identity"), i + 1); // behind `time`
            return fault_set_at(fault, item->line, item->column, "identity: '%.100s': %s",
                                source->identity[i], why);
        }
    }
    return true;
}

// ---- columns that other settings name -----------------------------------------------------

static bool s_check_name(const source_t *source, const char *setting, const setting_pair_t *pair,
                         fault_t *fault)
{
    return s_find(&source->columns, pair->name) ||
           fault_set_at(fault, pair->line, pair->column, "%s: '%s' is no column of this source",
                        setting, pair->name);
}

static bool s_check_columns(const node_t *node, const source_t *source, fault_t *fault)
{
    for (size_t i = 0; i < source->required_count; i++) {
        const node_t *item = s_item(s_node(node, "required"), i);
        if (!s_find(&source->columns, source->required[i]))
            return fault_set_at(fault, item->line, item->column,
                                "required: '%.60s' is no column of this source",
                                source->required[i]);
    }
    for (size_t i = 0; i < source->validate.count; i++) {
        const setting_pair_t *pair = &source->validate.items[i];
        if (!s_check_name(source, "validate", pair, fault))
            return false;
        if (pair->value[0] == '\0')
            return s_refuse_pair("validate", pair, "is empty", fault);
        if (!strchr("<>=!", pair->value[0]) && strncmp(pair->value, "between ", 8) != 0)
            return s_refuse_pair("validate", pair, "expected a comparison such as '>= 0'", fault);
    }
    for (size_t i = 0; i < source->rolling.count; i++) {
        const setting_pair_t *pair = &source->rolling.items[i];
        int64_t span_us;
        if (!s_check_name(source, "rolling", pair, fault))
            return false;
        if (!settings_duration(pair->value, &span_us) || span_us == 0)
            return s_refuse_pair("rolling", pair, "expected a duration such as 24h", fault);
    }
    return true;
}

// ---- settings that not every source has ---------------------------------------------------

typedef struct {
    const node_t *node;
    const source_t *source;
    fault_t *fault;
} fitting_t;

static bool s_refuse(const fitting_t *self, const char *setting, const char *why)
{
    const node_t *node = s_node(self->node, setting);
    return fault_set_at(self->fault, node->line, node->column, "source '%s': %s: %s",
                        self->source->name, setting, why);
}

// What only http(s) sources have is refused elsewhere, not ignored.
static bool s_check_request(const fitting_t *self)
{
    // `every` is not among them for files: it has always been allowed there, without effect.
    static const char *const settings[] = { "timeout", "connect_timeout", "stall_timeout",
                                            "headers", "query",           "body",
                                            "ca_file", "allowance",       "pages" };
    const source_t *source = self->source;
    bool json = source->format == FORMAT_JSON;
    if (source->kind == SOURCE_HTTP) {
        if (source->allowance && !json)
            return s_refuse(self, "allowance", "only with format: json");
        if (source->paged && (source->page_cursor || source->page_more) && !json)
            return s_refuse(self, "pages", "cursor and more only with format: json");
        return true;
    }
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (settings_member(self->node, settings[i]))
            return s_refuse(self, settings[i], "only http(s) sources have it");
    }
    if (source->kind != SOURCE_FILE && settings_member(self->node, "every"))
        return s_refuse(self, "every", "only http(s) sources are asked");
    return true;
}

// Settings that read texts closer than pushed columns are read.
static const char *s_text_setting(const source_t *source)
{
    return source->jq              ? "jq"
           : source->only.count    ? "only"
           : source->numbers       ? "numbers"
           : source->missing_count ? "missing"
                                   : NULL;
}

static bool s_check_fitting(const fitting_t *self)
{
    const source_t *source = self->source;
    if (source->shards > 0 && source->kind != SOURCE_PUSH)
        return s_refuse(self, "shards", "only push sources have any");
    if (source->stream && source->stream[0] == '.')
        return s_refuse(self, "stream", "the name of a directory, must not begin with '.'");
    if (source->shards > 0 && !source->stream && source->name[0] == '.')
        return s_refuse(self, "shards",
                        "the name becomes that of directories, must not begin with '.'");
    if (source->format != FORMAT_CSV && !source->csv_header)
        return s_refuse(self, "header", "only with format: csv");
    if (source->format != FORMAT_CSV && source->csv_delimiter != ',')
        return s_refuse(self, "delimiter", "only with format: csv");
    if (source->format == FORMAT_CSV && source->rows[0] != '\0')
        return s_refuse(self, "rows", "not with format: csv");
    if (source->format != FORMAT_CSV && source->csv_skip_lines)
        return s_refuse(self, "skip_lines", "only with format: csv");
    if (source->format != FORMAT_CSV && source->csv_comment)
        return s_refuse(self, "comment", "only with format: csv");
    if (source->jq && source->format == FORMAT_CSV)
        return s_refuse(self, "jq", "not with format: csv");
    if (source->jq && source->rows[0] != '\0')
        return s_refuse(self, "jq", "stands in place of rows");
    if (source->kind == SOURCE_PUSH && s_text_setting(source))
        return s_refuse(self, s_text_setting(source), "not with push://");
    if (source->kind == SOURCE_PUSH && source->time_from)
        return s_refuse(self, "time", "from: not with push://");
    if (!settings_is_pointer(source->rows))
        return s_refuse(self, "rows", "is no JSON Pointer");
    if (source->identity_none && source->kind == SOURCE_HTTP)
        return s_refuse(self, "identity",
                        "none would count what is fetched twice twice; only for file, push and "
                        "simulate");
    return s_check_request(self);
}

bool settings_check_source(const node_t *node, const source_t *source, fault_t *fault)
{
    const fitting_t fitting = { node, source, fault };
    return s_check_fitting(&fitting) && s_check_places(node, source, fault) &&
           s_check_columns(node, source, fault);
}

// ---- tables -------------------------------------------------------------------------------

static bool s_has_same_key(const source_t *first, const source_t *source, fault_t *fault)
{
    bool same = first->key.count == source->key.count;
    for (size_t i = 0; same && i < source->key.count; i++)
        same = strcmp(first->key.items[i].name, source->key.items[i].name) == 0;
    return same || fault_set_at(fault, source->line, source->column,
                                "source '%s': key: table '%s' has other names or another order in "
                                "source '%s'",
                                source->name, source->table, first->name);
}

static bool s_is_same_stream(const source_t *a, const source_t *b)
{
    return (!a->stream && !b->stream) ||
           (a->stream && b->stream && strcmp(a->stream, b->stream) == 0);
}

// Can no series come from both? Their keys have the same names.
static bool s_is_apart(const source_t *a, const source_t *b)
{
    if (a->shards > 0 && a->shards == b->shards && a->shard != b->shard)
        return true; // prep sees to it
    for (size_t i = 0; i < a->key.count; i++) {
        const char *left = a->key.items[i].value, *right = b->key.items[i].value;
        if (left[0] == '=' && right[0] == '=' && strcmp(left, right) != 0)
            return true;
    }
    return false;
}

static bool s_check_sources(const settings_t *settings, fault_t *fault)
{
    for (size_t i = 0; i < settings->source_count; i++) {
        const source_t *source = &settings->sources[i];
        for (size_t j = 0; j < i; j++) {
            const source_t *other = &settings->sources[j];
            if (strcmp(source->name, other->name) == 0)
                return fault_set_at(fault, source->line, source->column,
                                    "there is another source '%s' on line %d", source->name,
                                    other->line);
            if (strcmp(source->table, other->table) != 0)
                continue;
            if (!s_has_same_key(other, source, fault))
                return false;
            if (!s_is_same_stream(source, other) && !s_is_apart(source, other))
                return fault_set_at(fault, source->line, source->column,
                                    "source '%s': a series of table '%s' could come from stream "
                                    "'%s' here and '%s' in source '%s': give both the same stream, "
                                    "or a literal key part that differs",
                                    source->name, source->table,
                                    source->stream ? source->stream : "(the collector's)",
                                    other->stream ? other->stream : "(the collector's)",
                                    other->name);
        }
    }
    return true;
}

static bool s_is_table(const settings_t *settings, const char *table)
{
    for (size_t i = 0; i < settings->source_count; i++) {
        if (strcmp(settings->sources[i].table, table) == 0)
            return true;
    }
    return false;
}

static bool s_check_derived(const settings_t *settings, const derive_t *derive, fault_t *fault)
{
    if (!s_is_table(settings, derive->table))
        return fault_set_at(fault, derive->line, derive->column,
                            "derive: no source has the table '%s'", derive->table);
    for (size_t i = 0; i < derive->columns.count; i++) {
        const setting_pair_t *pair = &derive->columns.items[i];
        for (size_t j = 0; j < settings->source_count; j++) {
            const source_t *source = &settings->sources[j];
            if (strcmp(source->table, derive->table) == 0 &&
                (s_find(&source->columns, pair->name) || s_find(&source->key, pair->name)))
                return s_refuse_pair("derive", pair, "the table has that column or key already",
                                     fault);
        }
    }
    return true;
}

bool settings_check_all(const settings_t *settings, fault_t *fault)
{
    if (!s_check_sources(settings, fault))
        return false;
    for (size_t i = 0; i < settings->derive_count; i++) {
        if (!s_check_derived(settings, &settings->derive[i], fault))
            return false;
    }
    for (size_t i = 0; i < settings->rule_count; i++) {
        const rule_settings_t *rule = &settings->rules[i];
        if (!s_is_table(settings, rule->on))
            return fault_set_at(fault, rule->line, rule->column,
                                "rule '%s': no source has the table '%s'", rule->name, rule->on);
    }
    return true;
}
