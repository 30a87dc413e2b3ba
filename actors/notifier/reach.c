/*  reach -- see reach.h. */
#include "actors/notifier/reach.h"

#include <stdlib.h>
#include <string.h>

#include "proto/arena.h"
#include "proto/owned.h"

enum { REACH_BYTES_MAX = 256 << 20 }; // names of rules

typedef struct {
    const char *name;
    bool wanted;
} known_t;

struct reach {
    const settings_t *settings;
    arena_t *names;
    bool all;
    bool *sources; // of the settings: the cause is about it
    size_t count, room;
    known_t *rules; // of Redis, by name
};

static const char *behind(const char *text, const char *prefix)
{
    size_t size = strlen(prefix);
    return strncmp(text, prefix, size) == 0 ? text + size : NULL;
}

static bool is_about(const source_t *source, const char *name, const char *collector)
{
    if (name)
        return strcmp(source->name, name) == 0;
    return collector && source->stream && strcmp(source->stream, collector) == 0;
}

// A source without a stream is staged under the name of whichever collector runs it.
static void find_sources(reach_t *self, const char *cause)
{
    const char *name = behind(cause, "source:"), *log = behind(cause, "log:");
    const char *collector = log ? log : behind(cause, "collector:");
    size_t found = 0;
    for (size_t i = 0; i < self->settings->source_count; i++) {
        self->sources[i] = is_about(&self->settings->sources[i], name, collector);
        found += self->sources[i];
    }
    for (size_t i = 0; collector && found == 0 && i < self->settings->source_count; i++)
        self->sources[i] = !self->settings->sources[i].stream;
    self->all = true;
    for (size_t i = 0; i < self->settings->source_count; i++)
        self->all &= !self->sources[i];
}

reach_t *reach_new(const settings_t *settings, const char *cause)
{
    owned(reach_destroy) reach_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->settings = settings;
    self->names = arena_new(REACH_BYTES_MAX);
    self->sources = calloc(settings->source_count + 1, sizeof *self->sources);
    if (!self->names || !self->sources)
        return NULL;
    find_sources(self, cause);
    reach_t *made = self;
    self = NULL;
    return made;
}

void reach_destroy(reach_t **self_p)
{
    reach_t *self = *self_p;
    if (!self)
        return;
    arena_destroy(&self->names);
    free(self->sources);
    free(self->rules);
    free(self);
    *self_p = NULL;
}

// ---- tables ---------------------------------------------------------------------------------

bool reach_is_all(const reach_t *self)
{
    return self->all;
}

static bool is_among(const char *table, const char *const *tables, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(tables[i], table) == 0)
            return true;
    return false;
}

size_t reach_tables(const reach_t *self, const char **tables)
{
    size_t count = 0;
    for (size_t i = 0; i < self->settings->source_count; i++) {
        const char *table = self->settings->sources[i].table;
        if (self->sources[i] && !is_among(table, tables, count))
            tables[count++] = table;
    }
    return count;
}

// ---- rules ----------------------------------------------------------------------------------

static bool is_on(const reach_t *self, const char *table)
{
    for (size_t i = 0; i < self->settings->source_count; i++)
        if (self->sources[i] && strcmp(self->settings->sources[i].table, table) == 0)
            return true;
    return false;
}

static void add_rule(void *context, const store_rule_t *rule)
{
    reach_t *self = context;
    const char *table = NULL;
    for (size_t i = 0; i < rule->count; i++)
        if (strcmp(rule->fields[i].name, "on") == 0)
            table = rule->fields[i].value;
    if (self->count == self->room) {
        size_t room = self->room > 0 ? 2 * self->room : 256;
        known_t *rules = realloc(self->rules, room * sizeof *rules);
        if (!rules) {
            arena_fail(self->names);
            return;
        }
        self->rules = rules;
        self->room = room;
    }
    known_t known = { arena_text(self->names, slice_text(rule->name)),
                      !table || is_on(self, table) };
    if (known.name)
        self->rules[self->count++] = known;
}

store_status_t reach_load(reach_t *self, store_t *store)
{
    if (self->all)
        return STORE_OK;
    store_status_t status = store_rules(store, add_rule, self);
    if (status == STORE_OK && arena_failed(self->names))
        return STORE_FULL; // no memory
    return status;
}

static int compare(slice_t name, const char *other)
{
    size_t size = strlen(other);
    int order = memcmp(name.data, other, name.size < size ? name.size : size);
    return order != 0 ? order : (name.size > size) - (name.size < size);
}

// A rule in Redis stands before one of the file.
bool reach_wants(const reach_t *self, slice_t rule)
{
    if (self->all)
        return true;
    for (size_t low = 0, high = self->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        int order = compare(rule, self->rules[middle].name);
        if (order == 0)
            return self->rules[middle].wanted;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    for (size_t i = 0; i < self->settings->rule_count; i++)
        if (slice_is(rule, self->settings->rules[i].name))
            return !self->settings->rules[i].on || is_on(self, self->settings->rules[i].on);
    return true;
}
