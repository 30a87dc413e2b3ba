/*  backlog -- see backlog.h. Entries stand in the order in which they were read; of each page is
 *  known where it begins. */
#include "actors/api/backlog.h"

#include <stdlib.h>

#include "actors/api/strict.h"
#include "proto/buffer.h"

typedef struct {
    reel_id_t id;
    size_t rule, series, body, end; // where they begin in the text
} entry_t;

struct backlog {
    buffer_t entries; // entry_t each
    buffer_t texts;
    buffer_t pages; // size_t each: how many entries there were before
};

backlog_t *backlog_new(void)
{
    return calloc(1, sizeof(backlog_t));
}

void backlog_destroy(backlog_t **self_p)
{
    backlog_t *self = *self_p;
    if (!self)
        return;
    buffer_destroy(&self->entries);
    buffer_destroy(&self->texts);
    buffer_destroy(&self->pages);
    free(self);
    *self_p = NULL;
}

void backlog_clear(backlog_t *self)
{
    buffer_clear(&self->entries);
    buffer_clear(&self->texts);
    buffer_clear(&self->pages);
}

static size_t s_count(const backlog_t *self)
{
    return self->entries.size / sizeof(entry_t);
}

static entry_t s_entry(const backlog_t *self, size_t i)
{
    entry_t entry;
    memcpy(&entry, self->entries.data + i * sizeof entry, sizeof entry);
    return entry;
}

static size_t s_page(const backlog_t *self, size_t i)
{
    size_t begin;
    if (i >= self->pages.size / sizeof begin)
        return s_count(self);
    memcpy(&begin, self->pages.data + i * sizeof begin, sizeof begin);
    return begin;
}

void backlog_page(backlog_t *self)
{
    size_t begin = s_count(self);
    buffer_append(&self->pages, &begin, sizeof begin);
}

void backlog_add(backlog_t *self, const char *at, const store_logged_t *logged)
{
    entry_t entry;
    slice_t body = logged->body;
    if (!reel_id_read(at, &entry.id))
        return;
    entry.rule = self->texts.size;
    buffer_append(&self->texts, logged->rule.data, logged->rule.size);
    entry.series = self->texts.size;
    buffer_append(&self->texts, logged->series.data, logged->series.size);
    entry.body = self->texts.size;
    if (strict_object(body))
        buffer_append(&self->texts, body.data, body.size);
    entry.end = self->texts.size;
    if (!self->texts.failed)
        buffer_append(&self->entries, &entry, sizeof entry);
}

reel_id_t backlog_oldest(const backlog_t *self)
{
    size_t pages = self->pages.size / sizeof(size_t);
    for (size_t page = pages; page-- > 0;)
        if (s_page(self, page) < s_page(self, page + 1))
            return s_entry(self, s_page(self, page)).id;
    return (reel_id_t){ 0 };
}

bool backlog_has(const backlog_t *self, reel_id_t id)
{
    for (size_t i = 0; i < s_count(self); i++)
        if (reel_id_compare(s_entry(self, i).id, id) == 0)
            return true;
    return false;
}

bool backlog_tell(const backlog_t *self, reel_id_t behind, backlog_visit_t *visit, void *context)
{
    const uint8_t *text = self->texts.data;
    for (size_t page = self->pages.size / sizeof(size_t); page-- > 0;) {
        for (size_t i = s_page(self, page); i < s_page(self, page + 1); i++) {
            entry_t entry = s_entry(self, i);
            if (reel_id_compare(entry.id, behind) > 0)
                visit(context, entry.id, slice_of(text + entry.rule, entry.series - entry.rule),
                      slice_of(text + entry.series, entry.body - entry.series),
                      slice_of(text + entry.body, entry.end - entry.body));
        }
    }
    return !self->entries.failed && !self->texts.failed && !self->pages.failed;
}
