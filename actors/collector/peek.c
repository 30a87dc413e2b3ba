/*  peek -- see peek.h. */
#include "actors/collector/peek.h"

#include <stdlib.h>
#include <string.h>

#include "actors/prep/json.h"
#include "proto/owned.h"

enum { PLACE_CURSOR, PLACE_MORE, PLACE_COST, PLACE_REMAINING, PLACES };

struct peek {
    json_t *json;
    pointer_tree_t tree;
    pointer_t *pointers[PLACES];
    int slots[PLACES]; // of the tree; POINTER_NO_SLOT = not looked for
    field_t fields[PLACES];
};

peek_t *peek_new(void)
{
    peek_t *self = calloc(1, sizeof *self);
    if (self)
        self->json = json_new();
    if (self && !self->json)
        peek_destroy(&self);
    return self;
}

static void s_forget(peek_t *self)
{
    for (int i = 0; i < PLACES; i++)
        pointer_destroy(&self->pointers[i]);
}

void peek_destroy(peek_t **self_p)
{
    peek_t *self = *self_p;
    if (!self)
        return;
    s_forget(self);
    json_destroy(&self->json);
    free(self);
    *self_p = NULL;
}

// ---- places ---------------------------------------------------------------------------------

static bool s_look_for(peek_t *self, int place, const char *pointer, const char *member,
                       fault_t *fault)
{
    if (!pointer)
        return true;
    owned(buffer_destroy) buffer_t text = { 0 };
    buffer_text(&text, pointer);
    buffer_text(&text, member);
    if (text.failed)
        return fault_set(fault, "out of memory");
    self->pointers[place] = pointer_new(buffer_slice(&text), fault);
    if (!self->pointers[place])
        return false;
    self->slots[place] = pointer_tree_add(&self->tree, self->pointers[place], place);
    return true;
}

static bool s_set_up(peek_t *self, const source_t *source, fault_t *fault)
{
    pointer_tree_begin(&self->tree);
    for (int i = 0; i < PLACES; i++) {
        self->slots[i] = POINTER_NO_SLOT;
        self->fields[i] = (field_t){ 0 };
    }
    const char *more = source->paged ? source->page_more : NULL;
    const char *cursor = source->paged ? source->page_cursor : NULL;
    return s_look_for(self, PLACE_CURSOR, cursor, "", fault) &&
           s_look_for(self, PLACE_MORE, more, "", fault) &&
           s_look_for(self, PLACE_COST, source->allowance, "/cost", fault) &&
           s_look_for(self, PLACE_REMAINING, source->allowance, "/remaining", fault);
}

static const field_t *s_field(const peek_t *self, int place)
{
    static const field_t missing = { .kind = FIELD_MISSING };
    return self->slots[place] == POINTER_NO_SLOT ? &missing : &self->fields[self->slots[place]];
}

static bool s_number(const field_t *field, double *number)
{
    char text[64];
    bool readable = field->kind == FIELD_NUMBER || field->kind == FIELD_TEXT;
    if (!readable || field->text.size == 0 || field->text.size >= sizeof text)
        return false;
    memcpy(text, field->text.data, field->text.size);
    text[field->text.size] = '\0';
    char *end;
    *number = strtod(text, &end);
    return *end == '\0' && *number >= 0 && *number < 1e18;
}

// ---- what they say --------------------------------------------------------------------------

static void s_read_allowance(const peek_t *self, peeked_t *peeked)
{
    double cost, remaining;
    if (!s_number(s_field(self, PLACE_COST), &cost) ||
        !s_number(s_field(self, PLACE_REMAINING), &remaining) || cost <= 0)
        return;
    peeked->limited = true;
    double left = remaining / cost;
    peeked->left = left < 1e15 ? (int64_t) left : INT64_C(1000000000000000);
}

static bool s_is_yes(const field_t *field)
{
    double number;
    switch (field->kind) {
    case FIELD_MISSING:
    case FIELD_NULL:
    case FIELD_FALSE:
    case FIELD_TWICE:
        return false;
    case FIELD_TRUE:
    case FIELD_CONTAINER:
        return true;
    case FIELD_NUMBER:
        return s_number(field, &number) && number > 0;
    case FIELD_TEXT:
        return field->text.size > 0 && !slice_is(field->text, "false") &&
               !slice_is(field->text, "0");
    }
    return false;
}

// "", "[]", "{}", with any space in them: the page after the last.
static bool s_is_hollow(slice_t body)
{
    size_t solid = 0;
    for (size_t i = 0; i < body.size; i++)
        solid += !memchr(" \t\r\n[]{}", body.data[i], 8);
    return solid == 0;
}

static bool s_next_cursor(const field_t *field, page_t *page, bool *more, fault_t *fault)
{
    *more = (field->kind == FIELD_TEXT || field->kind == FIELD_NUMBER) && field->text.size > 0;
    if (!*more)
        return true;
    if (field->text.size > REQUEST_CURSOR_MAX)
        return fault_set(fault, "pages: the cursor is longer than %d bytes", REQUEST_CURSOR_MAX);
    if (slice_same(field->text, slice_of(page->cursor, page->cursor_size)))
        return fault_set(fault, "pages: the cursor stands still");
    memcpy(page->cursor, field->text.data, field->text.size);
    page->cursor_size = field->text.size;
    return true;
}

static bool s_read_page(const peek_t *self, const source_t *source, slice_t body, page_t *page,
                        bool *more, fault_t *fault)
{
    *more = !s_is_hollow(body);
    if (source->page_more)
        *more = s_is_yes(s_field(self, PLACE_MORE));
    if (*more && source->page_cursor &&
        !s_next_cursor(s_field(self, PLACE_CURSOR), page, more, fault))
        return false;
    *more = *more && page->number + 1 < source->page_most;
    page->number += *more;
    return true;
}

bool peek_read(peek_t *self, const source_t *source, slice_t body, page_t *page, peeked_t *peeked,
               fault_t *fault)
{
    *peeked = (peeked_t){ 0 };
    size_t end;
    json_fault_t flaw;
    bool looks = source->allowance || (source->paged && (source->page_cursor || source->page_more));
    bool good = !looks || s_set_up(self, source, fault);
    json_result_t result = JSON_GOOD;
    if (good && looks) {
        result = JSON_NO_MEMORY;
        if (json_open(self->json, body))
            result = json_read(self->json, 0, body.size, &self->tree, self->fields, &end, &flaw);
        if (result != JSON_GOOD)
            memset(self->fields, 0, sizeof self->fields); // FIELD_MISSING
    }
    if (result == JSON_NO_MEMORY)
        good = fault_set(fault, "out of memory");
    if (good && source->allowance)
        s_read_allowance(self, peeked);
    if (good && source->paged)
        good = s_read_page(self, source, body, page, &peeked->more, fault);
    peeked->more = peeked->more && good;
    if (looks) {
        json_close(self->json);
        s_forget(self);
    }
    return good;
}
