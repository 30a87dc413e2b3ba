/*  drafts -- see drafts.h. */
#include "actors/collector/drafts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void s_clear(draft_t *draft)
{
    free(draft->name);
    free(draft->body);
    free(draft->error);
    *draft = (draft_t){ 0 };
}

void drafts_clear(drafts_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        s_clear(&self->items[i]);
    free(self->items);
    *self = (drafts_t){ 0 };
}

draft_t *drafts_add(drafts_t *self, slice_t name)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? self->capacity * 2 : 16;
        draft_t *items = realloc(self->items, capacity * sizeof *items);
        if (!items)
            return NULL;
        self->items = items;
        self->capacity = capacity;
    }
    char *copy = strndup((const char *) name.data, name.size);
    if (!copy)
        return NULL;
    self->items[self->count] = (draft_t){ .name = copy };
    return &self->items[self->count++];
}

void drafts_drop(drafts_t *self)
{
    s_clear(&self->items[--self->count]);
}

static int s_by_name(const void *a, const void *b)
{
    return strcmp(((const draft_t *) a)->name, ((const draft_t *) b)->name);
}

void drafts_sort(drafts_t *self)
{
    if (self->count)
        qsort(self->items, self->count, sizeof *self->items, s_by_name);
}

void drafts_settle(drafts_t *self)
{
    size_t kept = 0;
    drafts_sort(self);
    for (size_t i = 0; i < self->count; i++) {
        if (kept > 0 && strcmp(self->items[kept - 1].name, self->items[i].name) == 0)
            s_clear(&self->items[i]);
        else
            self->items[kept++] = self->items[i];
    }
    self->count = kept;
}

draft_t *drafts_find(const drafts_t *self, const char *name, size_t sorted)
{
    draft_t key = { .name = (char *) name };
    return sorted ? bsearch(&key, self->items, sorted, sizeof key, s_by_name) : NULL;
}

bool draft_body(draft_t *draft, slice_t body)
{
    draft->body = malloc(body.size + 1);
    if (!draft->body)
        return false;
    memcpy(draft->body, body.data, body.size);
    draft->body_size = body.size;
    return true;
}

slice_t draft_text(const draft_t *draft)
{
    return slice_of(draft->body, draft->body_size);
}

bool draft_refuse(draft_t *draft, const fault_t *fault)
{
    free(draft->error);
    int size;
    if (fault->column <= 0)
        size = asprintf(&draft->error, "%s", fault->text);
    else if (fault->line <= 1)
        size = asprintf(&draft->error, "%s at character %d", fault->text, fault->column);
    else
        size = asprintf(&draft->error, "%s at line %d, character %d", fault->text, fault->line,
                        fault->column);
    if (size < 0)
        draft->error = NULL;
    draft->judged = true;
    return draft->error != NULL;
}
