/*  settings -- see settings.h: a file becomes a tree, the tree becomes settings, which are then
 *  checked against each other.
 */
#include "broker/runtime/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/runtime/settings_check.h"
#include "broker/runtime/settings_names.h"
#include "broker/runtime/settings_read.h"
#include "proto/buffer.h"
#include "proto/owned.h"

// What a settings_t really is: its memory goes with it.
typedef struct {
    settings_t settings; // first, so that one pointer serves for both
    arena_t *arena;
} holder_t;

// ---- the three collections ----------------------------------------------------------------

static bool s_check_size(settings_reader_t *self, const char *name, const node_t *node,
                         node_kind_t kind)
{
    if (node->kind != kind)
        return settings_refuse(self, node, "%s: expected a %s", name,
                               kind == NODE_LIST ? "list" : "map");
    const setting_t *setting = settings_table_find(IN_FILE, name);
    return (int64_t) node->count <= setting->most ||
           settings_refuse(self, node, "%s: more than %d entries", name, (int) setting->most);
}

static void *s_take(settings_reader_t *self, const node_t *node, size_t size)
{
    void *items = arena_take(self->arena, (node->count + 1) * size);
    if (!items)
        settings_refuse(self, node, "out of memory");
    return items;
}

static bool s_read_source(settings_reader_t *self, const node_t *node, size_t place,
                          source_t *source)
{
    if (node->kind != NODE_MAP)
        return settings_refuse(self, node, "sources: expected a map of the settings of a source");
    source->line = node->line;
    source->column = node->column;
    if (!settings_read_map(self, IN_SOURCE, "sources", node, source))
        return false;
    if (!source->name) {
        owned(buffer_destroy) buffer_t name = { 0 };
        buffer_printf(&name, "source-%zu", place);
        source->name = arena_text(self->arena, buffer_slice(&name));
        if (!source->name)
            return settings_refuse(self, node, "out of memory");
    }
    source->every_given = settings_member(node, "every") != NULL;
    return settings_check_source(node, source, self->fault);
}

// Every source as it is written; then every shard as a source of its own.
static bool s_spread_sources(settings_reader_t *self, const node_t *node, const source_t *read,
                             settings_t *settings)
{
    const setting_t *setting = settings_table_find(IN_FILE, "sources");
    size_t total = 0;
    for (size_t i = 0; i < node->count; i++)
        total += settings_shard_count(&read[i]);
    if ((int64_t) total > setting->most)
        return settings_refuse(self, node, "sources: more than %d with their shards",
                               (int) setting->most);
    settings->sources = (source_t *) arena_take(self->arena, (total + 1) * sizeof *read);
    if (!settings->sources)
        return settings_refuse(self, node, "out of memory");
    for (const node_t *item = node->first; item; item = item->next, read++) {
        if (!settings_spread(self, item, read, &settings->sources[settings->source_count]))
            return false;
        settings->source_count += settings_shard_count(read);
    }
    return true;
}

static bool s_read_sources(settings_reader_t *self, const node_t *node, settings_t *settings)
{
    if (!s_check_size(self, "sources", node, NODE_LIST))
        return false;
    source_t *read = (source_t *) s_take(self, node, sizeof *read);
    if (!read)
        return false;
    size_t place = 0;
    for (const node_t *item = node->first; item; item = item->next, place++) {
        if (!s_read_source(self, item, place + 1, &read[place]))
            return false;
    }
    return s_spread_sources(self, node, read, settings);
}

static bool s_check_sql(settings_reader_t *self, const setting_pair_t *pair)
{
    const setting_t *when = settings_table_find(IN_RULE, "when"); // the same language and bounds
    size_t size = strlen(pair->value);
    return (size > 0 && (int64_t) size <= when->most) ||
           fault_set_at(self->fault, pair->line, pair->column,
                        "derive: %s: expected 1 to %d bytes of SQL", pair->name, (int) when->most);
}

static bool s_read_derive(settings_reader_t *self, const node_t *node, settings_t *settings)
{
    enum { COLUMNS_MAX = 64 };
    if (!s_check_size(self, "derive", node, NODE_MAP))
        return false;
    settings->derive = (derive_t *) s_take(self, node, sizeof *settings->derive);
    if (!settings->derive)
        return false;
    for (const node_t *table = node->first; table; table = table->next) {
        derive_t *derive = &settings->derive[settings->derive_count++];
        *derive = (derive_t){ .line = table->name_line,
                              .column = table->name_column,
                              .table = table->name };
        if (!settings_read_pairs(self, "derive", table, true, 0, COLUMNS_MAX, &derive->columns))
            return false;
        for (size_t i = 0; i < derive->columns.count; i++) {
            if (!s_check_sql(self, &derive->columns.items[i]))
                return false;
        }
    }
    return true;
}

static bool s_read_rules(settings_reader_t *self, const node_t *node, settings_t *settings)
{
    if (!s_check_size(self, "rules", node, NODE_MAP))
        return false;
    settings->rules = (rule_settings_t *) s_take(self, node, sizeof *settings->rules);
    if (!settings->rules)
        return false;
    for (const node_t *member = node->first; member; member = member->next) {
        if (!settings_is_name(member->name))
            return settings_refuse_name(self, member,
                                        "rules: '%.60s' is no name: letters, digits, '.', '_' and "
                                        "'-', at most %d bytes",
                                        member->name, NAME_BYTES_MAX);
        if (member->kind != NODE_MAP)
            return settings_refuse(self, member, "rules: expected a map of the settings of a rule");
        rule_settings_t *rule = &settings->rules[settings->rule_count++];
        rule->line = member->name_line;
        rule->column = member->name_column;
        rule->name = member->name;
        if (!settings_read_map(self, IN_RULE, "rules", member, rule))
            return false;
    }
    return true;
}

// ---- the file -----------------------------------------------------------------------------

static bool s_check_redis_reach(settings_reader_t *self, const node_t *node,
                                const settings_t *settings)
{
    if (!settings_check_role(self, node, settings))
        return false;
    if (settings_is_loopback_url(settings->redis))
        return true;
    if (!settings->redis_password_file)
        return settings_refuse(self, node,
                               "redis: '%.100s' is not loopback: set "
                               "redis_password_file",
                               settings->redis);
    return settings->redis_plaintext ||
           settings_refuse(self, node,
                           "redis: '%.100s' is not loopback, and what is said to it can be read "
                           "on the way: use a tunnel, or set redis_plaintext: accept",
                           settings->redis);
}

static bool s_read_file(settings_reader_t *self, const node_t *root, settings_t *settings)
{
    const node_t nothing = { .kind = NODE_MAP, .line = 1, .column = 1 };
    if (root->kind != NODE_MAP)
        return settings_refuse(self, root, "expected a map of settings at the top");
    self->keys = settings_member(root, "keys") != NULL;
    if (!settings_read_map(self, IN_LISTEN, "listen", &nothing, settings) ||
        !settings_read_map(self, IN_FILE, "file", root, settings))
        return false;
    for (const node_t *member = root->first; member; member = member->next) {
        bool read = true;
        if (strcmp(member->name, "sources") == 0)
            read = s_read_sources(self, member, settings);
        else if (strcmp(member->name, "derive") == 0)
            read = s_read_derive(self, member, settings);
        else if (strcmp(member->name, "rules") == 0)
            read = s_read_rules(self, member, settings);
        else if (strcmp(member->name, "redis") == 0)
            read = s_check_redis_reach(self, member, settings);
        else if (strcmp(member->name, "redis_password_file") == 0)
            read = settings_check_role(self, member, settings);
        else if (strcmp(member->name, "redis_plaintext") == 0)
            read = strcmp(member->text, "accept") == 0 ||
                   settings_refuse(self, member, "redis_plaintext: expected accept");
        if (!read)
            return false;
    }
    return settings_check_all(settings, self->fault);
}

settings_t *settings_parse(const char *text, size_t size, fault_t *fault)
{
    holder_t *holder = (holder_t *) calloc(1, sizeof *holder);
    if (holder)
        holder->arena = arena_new(SETTINGS_MEMORY_MAX);
    if (!holder || !holder->arena) {
        free(holder);
        fault_set(fault, "out of memory");
        return NULL;
    }
    settings_t *settings = &holder->settings;
    settings->path = "";
    settings_reader_t reader = { .arena = holder->arena, .fault = fault };
    const node_t *root = settings_tree(text, size, holder->arena, fault);
    if (!root || !s_read_file(&reader, root, settings))
        settings_destroy(&settings);
    return settings;
}

void settings_destroy(settings_t **self_p)
{
    holder_t *holder = (holder_t *) *self_p;
    if (!holder)
        return;
    arena_destroy(&holder->arena);
    free(holder);
    *self_p = NULL;
}

bool settings_slurp(const char *path, buffer_t *out, fault_t *fault)
{
    enum { CHUNK_BYTES = 64 * 1024 };
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = file < 0 ? -1 : 1;
    while (got > 0 && out->size <= SETTINGS_BYTES_MAX) {
        uint8_t *room = buffer_extend(out, CHUNK_BYTES);
        if (!room)
            break;
        got = read(file, room, CHUNK_BYTES);
        out->size -= CHUNK_BYTES - (got > 0 ? (size_t) got : 0);
        if (got < 0 && errno == EINTR)
            got = 1;
    }
    int why = errno;
    if (file >= 0)
        close(file);
    if (out->failed)
        return fault_set(fault, "out of memory");
    return got >= 0 || fault_set(fault, "cannot read it: %s", strerror(why));
}

settings_t *settings_load(const char *path, fault_t *fault)
{
    owned(buffer_destroy) buffer_t text = { 0 };
    if (!settings_slurp(path, &text, fault))
        return NULL;
    settings_t *settings = settings_parse((const char *) text.data, text.size, fault);
    if (!settings)
        return NULL;
    settings->path = arena_text(((holder_t *) settings)->arena, slice_text(path));
    if (!settings->path) {
        fault_set(fault, "out of memory");
        settings_destroy(&settings);
    }
    return settings;
}

// ---- durations ----------------------------------------------------------------------------

bool settings_duration(const char *text, int64_t *us)
{
    static const struct {
        const char *name;
        int64_t us;
    } units[] = {
        { "us", 1 },
        { "ms", 1000 },
        { "s", 1000000 },
        { "m", INT64_C(60) * 1000000 },
        { "h", INT64_C(3600) * 1000000 },
        { "d", INT64_C(86400) * 1000000 },
    };
    enum { DIGITS_MAX = 15 };
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > DIGITS_MAX)
        return false;
    int64_t number = strtoll(text, NULL, 10);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(text + digits, units[i].name) == 0)
            return !__builtin_mul_overflow(number, units[i].us, us);
    }
    return false;
}
