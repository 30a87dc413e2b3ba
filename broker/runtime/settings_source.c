/*  settings_source -- see settings_read.h: time, lists, and what is asked for of a source. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "broker/runtime/secret_file.h"
#include "broker/runtime/settings_read.h"

// ---- time ---------------------------------------------------------------------------------

static bool s_check_unit(settings_reader_t *self, const node_t *node)
{
    static const char *const units[] = { "s", "ms", "us", "ns", "rfc3339" };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(node->text, units[i]) == 0)
            return true;
    }
    if (strchr(node->text, '%') && strlen(node->text) <= 128)
        return true;
    return settings_refuse(self, node,
                           "time: unit '%.60s' is none of s, ms, us, ns, rfc3339 and no strptime "
                           "format",
                           node->text);
}

bool settings_read_time(settings_reader_t *self, const node_t *node, source_t *source)
{
    if (node->kind == NODE_TEXT && strcmp(node->text, "fetch") == 0) {
        source->time_fetch = true;
        return true;
    }
    if (node->kind != NODE_MAP)
        return settings_refuse(self, node, "time: expected { at: ..., unit: ... } or fetch");
    for (const node_t *member = node->first; member; member = member->next) {
        bool at = strcmp(member->name, "at") == 0, unit = strcmp(member->name, "unit") == 0;
        bool from = strcmp(member->name, "from") == 0;
        if (!at && !unit && !from)
            return settings_refuse_name(self, member, "time: unknown key '%.60s'", member->name);
        if (member->kind != NODE_TEXT)
            return settings_refuse(self, member, "time: %s: expected one value", member->name);
        if (unit && !s_check_unit(self, member))
            return false;
        *(at ? &source->time_at : unit ? &source->time_unit : &source->time_from) = member->text;
        if (unit) {
            source->unit_line = member->line;
            source->unit_column = member->column;
        }
    }
    if (source->time_at && source->time_unit)
        return true;
    return settings_refuse(self, node, "time: '%s' is missing", source->time_at ? "unit" : "at");
}

// ---- lists --------------------------------------------------------------------------------

static bool s_read_texts(settings_reader_t *self, const setting_t *setting, const node_t *node,
                         size_t *count, const char ***texts)
{
    if (node->kind != NODE_LIST)
        return settings_refuse(self, node, "%s: expected a list", setting->name);
    if ((int64_t) node->count < setting->least || (int64_t) node->count > setting->most)
        return settings_refuse(self, node, "%s: expected %" PRId64 " to %" PRId64 " entries",
                               setting->name, setting->least, setting->most);
    *texts = (const char **) arena_take(self->arena, (node->count + 1) * sizeof **texts);
    if (!*texts)
        return settings_refuse(self, node, "out of memory");
    *count = 0;
    for (const node_t *item = node->first; item; item = item->next) {
        if (item->kind != NODE_TEXT)
            return settings_refuse(self, item, "%s: expected one value", setting->name);
        for (size_t i = 0; i < *count; i++) {
            if (strcmp((*texts)[i], item->text) == 0)
                return settings_refuse(self, item, "%s: '%.60s' is named twice", setting->name,
                                       item->text);
        }
        (*texts)[(*count)++] = item->text;
    }
    return true;
}

bool settings_read_missing(settings_reader_t *self, const setting_t *setting, const node_t *node,
                           source_t *source)
{
    return s_read_texts(self, setting, node, &source->missing_count, &source->missing);
}

bool settings_read_required(settings_reader_t *self, const setting_t *setting, const node_t *node,
                            source_t *source)
{
    return s_read_texts(self, setting, node, &source->required_count, &source->required);
}

bool settings_read_identity(settings_reader_t *self, const setting_t *setting, const node_t *node,
                            source_t *source)
{
    if (node->kind == NODE_TEXT && strcmp(node->text, "none") == 0) {
        source->identity_none = true;
        return true;
    }
    if (!s_read_texts(self, setting, node, &source->identity_count, &source->identity))
        return false;
    if (strcmp(source->identity[0], "time") != 0)
        return settings_refuse(self, node->first, "identity: the first entry must be time");
    source->identity_count--; // time goes without saying
    source->identity++;
    return true;
}

// ---- headers and query --------------------------------------------------------------------

static bool s_is_token(const char *name)
{
    for (const char *c = name; *c; c++) {
        if (!isalnum((unsigned char) *c) && !strchr("!#$%&'*+-.^_`|~", *c))
            return false;
    }
    return *name != '\0' && strlen(name) <= 128;
}

static const char *s_read_secret(settings_reader_t *self, const char *what,
                                 const setting_pair_t *pair)
{
    char secret[SECRET_BYTES_MAX + 1];
    fault_t why = { 0 };
    if (!secret_file_read(pair->value, secret, &why)) {
        fault_set_at(self->fault, pair->line, pair->column, "%s: %s", what, why.text);
        return NULL;
    }
    const char *copy = arena_text(self->arena, slice_text(secret));
    if (!copy)
        fault_set(self->fault, "out of memory");
    return copy;
}

// Authorization_file: PATH becomes Authorization: <first line of PATH>. Or stays PATH, where it is
// another's to read.
static bool s_resolve_secret(settings_reader_t *self, const char *what, setting_pair_t *pair,
                             bool read)
{
    static const char suffix[] = "_file";
    size_t size = strlen(pair->name), tail = sizeof suffix - 1;
    if (size <= tail || strcmp(pair->name + size - tail, suffix) != 0)
        return true;
    pair->name = arena_text(self->arena, slice_of(pair->name, size - tail));
    if (!pair->name)
        return fault_set(self->fault, "out of memory");
    pair->secret = true;
    if (read)
        pair->value = s_read_secret(self, what, pair);
    return pair->value != NULL;
}

static bool s_resolve_header(settings_reader_t *self, setting_pair_t *pair, bool read)
{
    if (!s_resolve_secret(self, "headers", pair, read))
        return false;
    if (!s_is_token(pair->name))
        return fault_set_at(self->fault, pair->line, pair->column,
                            "headers: '%.60s' is no name of a header", pair->name);
    if (strchr(pair->value, '\n') || strlen(pair->value) > SECRET_BYTES_MAX)
        return fault_set_at(self->fault, pair->line, pair->column,
                            "headers: a value is one line of at most %d bytes", SECRET_BYTES_MAX);
    return true;
}

bool settings_read_headers(settings_reader_t *self, const setting_t *setting, const node_t *node,
                           setting_pairs_t *headers)
{
    if (!settings_read_pairs(self, setting->name, node, false, setting->least, setting->most,
                             headers))
        return false;
    for (size_t i = 0; i < headers->count; i++) {
        if (!s_resolve_header(self, &headers->items[i], setting->section != IN_GATEWAY))
            return false;
    }
    return true;
}

bool settings_read_query(settings_reader_t *self, const setting_t *setting, const node_t *node,
                         source_t *source)
{
    if (!settings_read_pairs(self, setting->name, node, false, setting->least, setting->most,
                             &source->query))
        return false;
    for (size_t i = 0; i < source->query.count; i++) {
        if (!s_resolve_secret(self, setting->name, &source->query.items[i], true))
            return false;
    }
    return true;
}

// ---- pages --------------------------------------------------------------------------------

bool settings_read_pages(settings_reader_t *self, const node_t *node, source_t *source)
{
    if (node->kind != NODE_MAP)
        return settings_refuse(self, node, "pages: expected a map, { parameter: ..., ... }");
    source->paged = true;
    return settings_read_map(self, IN_PAGES, "pages", node, source);
}
