/*  backlog -- see backlog.h. Entries stand in the order in which they were read; of each page is
 *  known where it begins. */
#include "actors/api/backlog.h"

#include <assert.h>
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
    size_t pages[BACKLOG_PAGES_MAX], page_count; // how many entries there were before each
    bool cut, shut;                              // is_cut; before this page
};

backlog_t *backlog_new(void)
{
    backlog_t *self = calloc(1, sizeof *self);
    if (self)
        self->texts.limit = BACKLOG_BYTES_MAX;
    return self;
}

void backlog_destroy(backlog_t **self_p)
{
    backlog_t *self = *self_p;
    if (!self)
        return;
    buffer_destroy(&self->entries);
    buffer_destroy(&self->texts);
    free(self);
    *self_p = NULL;
}

static void s_clear(buffer_t *buffer)
{
    if (buffer->capacity > BACKLOG_KEPT_BYTES / 2)
        buffer_destroy(buffer);
    buffer_clear(buffer);
}

void backlog_clear(backlog_t *self)
{
    s_clear(&self->entries);
    s_clear(&self->texts);
    self->page_count = 0;
    self->cut = self->shut = false;
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
    return i < self->page_count ? self->pages[i] : s_count(self);
}

static size_t s_text(const backlog_t *self, size_t i)
{
    return i < s_count(self) ? s_entry(self, i).rule : self->texts.size;
}

void backlog_page(backlog_t *self)
{
    assert(self->page_count < BACKLOG_PAGES_MAX);
    self->cut = self->shut = backlog_is_full(self);
    self->pages[self->page_count++] = s_count(self);
}

// The oldest entries of this page go, until there are at most `kept` bytes of texts.
static void s_cut(backlog_t *self, size_t kept)
{
    size_t begin = self->pages[self->page_count - 1], count = s_count(self), first = begin;
    size_t text = s_text(self, begin);
    while (first < count && text + self->texts.size - s_text(self, first) > kept)
        first++;
    size_t gone = s_text(self, first) - text;
    self->texts.size -= gone;
    if (gone > 0)
        memmove(self->texts.data + text, self->texts.data + text + gone, self->texts.size - text);
    for (size_t i = first; i < count; i++) {
        entry_t entry = s_entry(self, i);
        entry.rule -= gone;
        entry.series -= gone;
        entry.body -= gone;
        entry.end -= gone;
        memcpy(self->entries.data + (begin + i - first) * sizeof entry, &entry, sizeof entry);
    }
    self->entries.size = (begin + count - first) * sizeof(entry_t);
    self->cut = true;
}

// Whole or not at all.
static bool s_add(backlog_t *self, reel_id_t id, const store_logged_t *logged)
{
    slice_t body = strict_object(logged->body) ? logged->body : (slice_t){ 0 };
    bool fits = logged->rule.size + logged->series.size + body.size <= FRAME_BYTES_MAX;
    entry_t entry = { .id = id, .rule = self->texts.size };
    if (fits)
        buffer_append(&self->texts, logged->rule.data, logged->rule.size);
    entry.series = self->texts.size;
    if (fits)
        buffer_append(&self->texts, logged->series.data, logged->series.size);
    entry.body = self->texts.size;
    if (fits)
        buffer_append(&self->texts, body.data, body.size);
    entry.end = self->texts.size;
    if (!self->texts.failed)
        buffer_append(&self->entries, &entry, sizeof entry);
    if (!self->texts.failed && !self->entries.failed)
        return true;
    self->texts.size = entry.rule;
    self->texts.failed = self->entries.failed = false; // with less in it, the next may fit
    return false;
}

void backlog_add(backlog_t *self, const char *at, const store_logged_t *logged)
{
    reel_id_t id;
    if (self->shut || !reel_id_read(at, &id) || s_add(self, id, logged))
        return;
    if (self->texts.size > REEL_BYTES_MAX) {
        s_cut(self, REEL_BYTES_MAX);
        if (s_add(self, id, logged))
            return;
    }
    s_cut(self, 0); // no memory: this one is missing, so must be all before
}

bool backlog_is_full(const backlog_t *self)
{
    return self->cut || self->texts.size >= REEL_BYTES_MAX;
}

bool backlog_is_cut(const backlog_t *self)
{
    return self->cut;
}

reel_id_t backlog_oldest(const backlog_t *self)
{
    for (size_t page = self->page_count; page-- > 0;)
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

void backlog_tell(const backlog_t *self, reel_id_t behind, backlog_visit_t *visit, void *context)
{
    const uint8_t *text = self->texts.data;
    for (size_t page = self->page_count; page-- > 0;) {
        for (size_t i = s_page(self, page); i < s_page(self, page + 1); i++) {
            entry_t entry = s_entry(self, i);
            if (reel_id_compare(entry.id, behind) > 0)
                visit(context, entry.id, slice_of(text + entry.rule, entry.series - entry.rule),
                      slice_of(text + entry.series, entry.body - entry.series),
                      slice_of(text + entry.body, entry.end - entry.body));
        }
    }
}
