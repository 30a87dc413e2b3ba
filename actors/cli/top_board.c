/*  top_board -- see top_board.h.
 *
 *  A series keeps its values as texts, in the order of the columns of its table. All lives in one
 *  arena, which is new at each moment.
 */
#include "actors/cli/top_board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/cli/top_inside.h"
#include "proto/owned.h"

enum { MEMORY_MAX = 256 << 20 }; // bytes of one moment

top_board_t *top_board_new(void)
{
    owned(top_board_destroy) top_board_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    top_board_clear(self);
    if (self->failed)
        return NULL;
    top_board_t *given = self;
    self = NULL;
    return given;
}

void top_board_clear(top_board_t *self)
{
    arena_destroy(&self->memory);
    *self = (top_board_t){ .memory = arena_new(MEMORY_MAX) };
    self->failed = !self->memory;
}

void top_board_destroy(top_board_t **self_p)
{
    if (!*self_p)
        return;
    arena_destroy(&(*self_p)->memory);
    free(*self_p);
    *self_p = NULL;
}

// ---- what Redis says -------------------------------------------------------------------------

static bool is_plain(char c)
{
    return c >= ' ' && c <= '~';
}

// A copy without what could steer a terminal. NULL: no memory, which is kept in mind.
static const char *s_keep(top_board_t *self, const char *text, size_t size)
{
    char *copy = self->failed ? NULL : arena_text(self->memory, slice_of(text, size));
    if (!copy) {
        self->failed = true;
        return NULL;
    }
    for (char *at = copy; *at; at++)
        *at = is_plain(*at) ? *at : '?';
    return copy;
}

static const char *s_of(const store_rule_t *item, const char *name)
{
    for (size_t i = 0; i < item->count; i++)
        if (strcmp(item->fields[i].name, name) == 0)
            return item->fields[i].value;
    return NULL;
}

static uint64_t s_count(const store_actor_t *actor, const char *field)
{
    const char *text = store_actor_field(actor, field);
    return text && *text >= '0' && *text <= '9' ? strtoull(text, NULL, 10) : 0;
}

void top_board_actor(void *context, const store_actor_t *actor)
{
    top_board_t *self = context;
    self->actors++;
    self->records_s += strcmp(actor->role, "collector") == 0 ? s_count(actor, "records_s") : 0;
    self->rows_s += strcmp(actor->role, "transform") == 0 ? s_count(actor, "rows_s") : 0;
    if (strcmp(actor->role, "notifier") == 0) {
        self->alerts_s += s_count(actor, "published_s");
        self->lag += s_count(actor, "lag");
    }
}

void top_board_incident(void *context, const store_rule_t *item)
{
    top_board_t *self = context;
    const char *state = s_of(item, "state"), *series = strchr(item->name, ':');
    if (!state || !series || strcmp(state, "resolved") == 0 || strcmp(state, "data") == 0)
        return;
    self->firing++;
    if (self->incidents_count == TOP_INCIDENTS_MAX)
        return;
    const char *severity = s_of(item, "severity"), *since = s_of(item, "since");
    self->incidents[self->incidents_count++] = (top_incident_t){
        .rule = s_keep(self, item->name, (size_t) (series - item->name)),
        .series = s_keep(self, series + 1, strlen(series + 1)),
        .state = s_keep(self, state, strlen(state)),
        .severity = s_keep(self, severity ? severity : "", severity ? strlen(severity) : 0),
        .since_us = since ? strtoll(since, NULL, 10) : 0,
    };
}

static top_table_t *s_table(top_board_t *self, const char *name, size_t size)
{
    for (size_t i = 0; i < self->tables_count; i++)
        if (strlen(self->tables[i].name) == size && memcmp(self->tables[i].name, name, size) == 0)
            return &self->tables[i];
    if (self->tables_count == TOP_TABLES_MAX || size > TOP_NAME_MAX)
        return NULL;
    top_table_t *table = &self->tables[self->tables_count++];
    for (size_t i = 0; i < size; i++)
        table->name[i] = (char) (is_plain(name[i]) ? name[i] : '?');
    return table;
}

// Where this column stands, a new one behind the others; columns if there is no more room.
static size_t s_column(top_table_t *table, const char *name)
{
    size_t at = 0;
    while (at < table->columns && strcmp(table->titles[at], name) != 0)
        at++;
    if (at < table->columns || at == TOP_COLUMNS_MAX || strlen(name) > TOP_NAME_MAX)
        return at;
    for (size_t i = 0; name[i]; i++)
        if (!is_plain(name[i]))
            return TOP_COLUMNS_MAX;
    snprintf(table->titles[at], sizeof table->titles[at], "%s", name);
    table->columns++;
    return at;
}

static top_row_t *s_row(top_board_t *self, top_table_t *table)
{
    top_row_t *rows = arena_grow(self->memory, table->rows, table->count, sizeof *rows);
    if (!rows) {
        self->failed = true;
        return NULL;
    }
    table->rows = rows;
    rows[table->count] = (top_row_t){ .name = NULL };
    return &rows[table->count++];
}

void top_board_series(void *context, const store_rule_t *item)
{
    top_board_t *self = context;
    const char *name = strchr(item->name, ':');
    if (!name || item->count == 0 || self->series++ >= TOP_SERIES_MAX)
        return;
    top_table_t *table = s_table(self, item->name, (size_t) (name - item->name));
    top_row_t *row = table ? s_row(self, table) : NULL;
    if (!row)
        return;
    row->name = s_keep(self, name + 1, strlen(name + 1));
    for (size_t i = 0; i < item->count; i++) {
        const store_field_t *field = &item->fields[i];
        if (strcmp(field->name, "ts") == 0) {
            row->ts_us = strtoll(field->value, NULL, 10);
            continue;
        }
        size_t column = s_column(table, field->name);
        if (column < table->columns)
            row->values[column] = s_keep(self, field->value, strlen(field->value));
    }
}

void top_board_next_sort(const top_board_t *self, char sort[TOP_NAME_MAX + 1])
{
    bool found = sort[0] == '\0';
    for (size_t i = 0; i < self->tables_count; i++) {
        const top_table_t *table = &self->tables[i];
        for (size_t column = 0; column < table->columns; column++) {
            if (found) {
                snprintf(sort, TOP_NAME_MAX + 1, "%s", table->titles[column]);
                return;
            }
            found = strcmp(sort, table->titles[column]) == 0;
        }
    }
    sort[0] = '\0';
}
