/*  table -- see table.h. */
#include "actors/rules/table.h"

table_mark_t table_mark(const table_t *self)
{
    return (table_mark_t){ .windows = self->plan.window_count,
                           .arguments = self->plan.argument_count,
                           .aggregates = self->plan.aggregate_count };
}

void table_return(table_t *self, table_mark_t mark)
{
    self->plan.window_count = mark.windows;
    self->plan.argument_count = mark.arguments;
    self->plan.aggregate_count = mark.aggregates;
}

int table_window(table_t *self, const window_spec_t *window)
{
    for (size_t i = 0; i < self->plan.window_count; i++) {
        const window_spec_t *w = &self->plan.windows[i];
        if (w->by_rows == window->by_rows && w->span_us == window->span_us &&
            w->rows == window->rows)
            return (int) i;
    }
    size_t count = self->plan.window_count;
    window_spec_t *items = count < TABLE_ITEMS_MAX
                               ? arena_grow(self->arena, self->plan.windows, count, sizeof *items)
                               : NULL;
    if (!items)
        return -1;
    items[count] = *window;
    self->plan.windows = items;
    return (int) self->plan.window_count++;
}

int table_argument(table_t *self, const argument_t *argument)
{
    for (size_t i = 0; i < self->plan.argument_count; i++) {
        const argument_t *a = &self->plan.arguments[i];
        if (a->column != argument->column)
            continue;
        if (a->column >= 0 || expr_same(a->expr, argument->expr))
            return (int) i;
    }
    size_t count = self->plan.argument_count;
    argument_t *items = count < TABLE_ITEMS_MAX
                            ? arena_grow(self->arena, self->plan.arguments, count, sizeof *items)
                            : NULL;
    if (!items)
        return -1;
    items[count] = *argument;
    self->plan.arguments = items;
    return (int) self->plan.argument_count++;
}

int table_aggregate(table_t *self, const aggregate_t *aggregate)
{
    for (size_t i = 0; i < self->plan.aggregate_count; i++) {
        const aggregate_t *a = &self->plan.aggregates[i];
        if (a->kind == aggregate->kind && a->window == aggregate->window &&
            a->argument == aggregate->argument && a->argument2 == aggregate->argument2 &&
            a->offset == aggregate->offset)
            return (int) i;
    }
    size_t count = self->plan.aggregate_count;
    aggregate_t *items = count < TABLE_ITEMS_MAX
                             ? arena_grow(self->arena, self->plan.aggregates, count, sizeof *items)
                             : NULL;
    if (!items)
        return -1;
    items[count] = *aggregate;
    self->plan.aggregates = items;
    return (int) self->plan.aggregate_count++;
}

static int find(const char *const *names, size_t count, slice_t name)
{
    for (size_t i = 0; i < count; i++)
        if (slice_is(name, names[i]))
            return (int) i;
    return -1;
}

int table_find_column(const table_plan_t *self, slice_t name)
{
    return find(self->columns, self->column_count, name);
}

int table_find_key(const table_plan_t *self, slice_t name)
{
    return find(self->keys, self->key_count, name);
}

derived_text_t *table_find_derived(const table_t *self, slice_t name)
{
    for (size_t i = 0; i < self->derived_count; i++)
        if (slice_is(name, self->derived[i].name))
            return &self->derived[i];
    return NULL;
}
