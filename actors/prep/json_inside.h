/*  json_inside -- the inside of json_t, for json*.c only.
 *
 *      json_read.c   the first walk: looks at all of a document before anything of it is believed,
 *                    and remembers where each bracket closes
 *      json_rows.c   the second walk: to the rows, stepping over whatever no pointer asks for
 */
#pragma once
#include "actors/prep/json.h"
#include "actors/prep/json_index.h"
#include "actors/prep/json_token.h"
#include "proto/buffer.h"

enum { JSON_FAILED = 0 }; // no walk ends at the token it began with

// A place in the tokens: also counts the brackets that opened before it.
typedef struct {
    uint32_t token, opened;
} spot_t;

struct json {
    json_index_t *index;
    buffer_t bytes;   // a copy of the text and its padding, if it has escapes
    buffer_t escaped; // room for strings that have to be unescaped
    buffer_t links;   // for each bracket, in the order in which they open, the spot behind its end
    uint8_t *escaped_next;
    slice_t text;           // what was opened
    slice_t now;            // the document in hand, with what follows it
    const uint32_t *starts; // of its tokens
    uint32_t count;
    uint32_t opened; // brackets met by the first walk
    bool padded;     // `text` is our copy, some string of it has an escape ...
    bool escapes;    // ... of the document in hand even
    const pointer_tree_t *tree;
    field_t *fields;
    const uint8_t *flaw; // where it is no JSON ...
    const char *what;    // ... and why
    bool no_memory;
    slice_t row; // the row in hand and, if it has brackets, all that follows
};

// The first byte of a token, 0 behind the last.
static inline uint8_t json_first(const json_t *self, uint32_t token)
{
    return token < self->count ? self->now.data[self->starts[token]] : 0;
}

static inline const uint8_t *json_start(const json_t *self, uint32_t token)
{
    return self->now.data + self->starts[token];
}

// A scalar from its first byte to its last: between it and the next token is only space.
static inline slice_t json_scalar_text(const json_t *self, uint32_t token)
{
    const uint8_t *start = json_start(self, token), *end = self->now.data + self->starts[token + 1];
    while (end[-1] <= ' ' && json_is_space(end[-1]))
        end--;
    return slice_of(start, (size_t) (end - start));
}

static inline uint32_t json_fail(json_t *self, const uint8_t *flaw, const char *what)
{
    self->flaw = flaw;
    self->what = what;
    return JSON_FAILED;
}

// A string without its quotes and escapes. (These texts survive the second walk.)
static inline bool json_string(json_t *self, uint32_t token, slice_t *text)
{
    slice_t quoted = json_scalar_text(self, token);
    *text = slice_of(quoted.data + 1, quoted.size - 2);
    if (!self->escapes || !memchr(text->data, '\\', text->size))
        return true;
    size_t used = (size_t) (self->escaped_next - self->escaped.data);
    if (used + text->size + JSON_INDEX_PADDING > self->escaped.capacity) {
        self->no_memory = true;
        return false;
    }
    uint8_t *end = json_index_unescape(self->index, text->data, self->escaped_next);
    if (!end)
        return json_fail(self, text->data, "a bad escape in a string");
    *text = slice_of(self->escaped_next, (size_t) (end - self->escaped_next));
    self->escaped_next = end;
    return true;
}

static inline spot_t *json_links(json_t *self)
{
    return (spot_t *) (void *) self->links.data;
}

static inline void json_put(json_t *self, const pointer_node_t *node, field_kind_t kind,
                            slice_t text)
{
    if (node->slot == POINTER_NO_SLOT)
        return;
    field_t *field = &self->fields[node->slot];
    field->kind = field->kind == FIELD_MISSING ? kind : FIELD_TWICE;
    field->text = text;
}

// The places of the tree, as if nothing were there.
static inline void json_forget_fields(json_t *self)
{
    for (unsigned i = 0; i < self->tree->count; i++)
        if (self->tree->nodes[i].slot != POINTER_NO_SLOT)
            self->fields[self->tree->nodes[i].slot].kind = FIELD_MISSING;
}
