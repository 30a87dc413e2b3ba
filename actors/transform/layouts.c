/*  layouts -- layouts of the tables of one plan: see partition.h. */
#include <assert.h>
#include <stdlib.h>

#include "actors/transform/partition.h"

struct layouts {
    size_t references;
    ruleset_t *rules;
    uint32_t open_rows_max;
    size_t count, capacity;
    layout_t **layouts; // of tables with a plan that were asked for
    layout_t *bare;     // of all other tables
};

static const table_plan_t bare_plan = { .name = "" };

layouts_t *layouts_new(ruleset_t *rules, uint32_t open_rows_max)
{
    layouts_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->references = 1;
    self->open_rows_max = open_rows_max;
    self->rules = rules ? ruleset_retain(rules) : NULL;
    self->bare = layout_new(&bare_plan, open_rows_max);
    if (!self->bare)
        layouts_destroy(&self);
    return self;
}

layouts_t *layouts_retain(layouts_t *self)
{
    self->references++;
    return self;
}

void layouts_destroy(layouts_t **self_p)
{
    layouts_t *self = *self_p;
    *self_p = NULL;
    if (!self || --self->references > 0)
        return;
    for (size_t i = 0; i < self->count; i++)
        layout_destroy(&self->layouts[i]);
    free(self->layouts);
    layout_destroy(&self->bare);
    ruleset_destroy(&self->rules);
    free(self);
}

bool layouts_shared(const layouts_t *self)
{
    return self->references > 1;
}

ruleset_t *layouts_rules(const layouts_t *self)
{
    return self->rules;
}

const layout_t *layouts_find(layouts_t *self, slice_t series)
{
    const table_plan_t *plan = self->rules ? ruleset_table_of(self->rules, series) : NULL;
    if (!plan)
        return self->bare;
    for (size_t i = 0; i < self->count; i++)
        if (self->layouts[i]->plan == plan)
            return self->layouts[i];
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? 2 * self->capacity : 4;
        layout_t **layouts = realloc(self->layouts, capacity * sizeof(layout_t *));
        if (!layouts)
            return NULL;
        self->layouts = layouts;
        self->capacity = capacity;
    }
    layout_t *layout = layout_new(plan, self->open_rows_max);
    if (layout)
        self->layouts[self->count++] = layout;
    return layout;
}
