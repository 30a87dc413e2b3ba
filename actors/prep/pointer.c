/*  pointer -- JSON Pointers and the tree they make. Pure. */
#include "actors/prep/pointer.h"

#include <assert.h>
#include <stdlib.h>

enum { INDEX_DIGITS_MAX = 9 };

// An array index as RFC 6901 writes it: digits without a leading zero.
static uint32_t s_index(slice_t token)
{
    if (token.size == 0 || token.size > INDEX_DIGITS_MAX)
        return POINTER_NO_INDEX;
    if (token.data[0] == '0' && token.size > 1)
        return POINTER_NO_INDEX;
    uint32_t index = 0;
    for (size_t i = 0; i < token.size; i++) {
        if (token.data[i] < '0' || token.data[i] > '9')
            return POINTER_NO_INDEX;
        index = index * 10 + (token.data[i] - '0');
    }
    return index;
}

// Unescape one token to `out`; the number of bytes, or -1 for a '~' that escapes nothing.
static int s_unescape(slice_t raw, uint8_t *out)
{
    int size = 0;
    for (size_t i = 0; i < raw.size; i++) {
        uint8_t byte = raw.data[i];
        if (byte == '~') {
            if (++i == raw.size || (raw.data[i] != '0' && raw.data[i] != '1'))
                return -1;
            byte = raw.data[i] == '0' ? '~' : '/';
        }
        out[size++] = byte;
    }
    return size;
}

static bool s_compile(pointer_t *self, slice_t text, fault_t *fault)
{
    size_t used = 0;
    for (size_t at = 0; at < text.size;) {
        if (text.data[at] != '/')
            return fault_set(fault, "a JSON Pointer is empty or begins with '/'");
        size_t end = ++at;
        while (end < text.size && text.data[end] != '/')
            end++;
        if (self->count == POINTER_TOKENS_MAX)
            return fault_set(fault, "more than %d steps in a pointer", POINTER_TOKENS_MAX);
        int size = s_unescape(slice_of(text.data + at, end - at), self->bytes + used);
        if (size < 0)
            return fault_set(fault, "'~' in a pointer stands only before 0 or 1");
        pointer_token_t *token = &self->tokens[self->count++];
        token->text = slice_of(self->bytes + used, (size_t) size);
        token->index = s_index(token->text);
        token->star = slice_is(token->text, "*");
        self->stars += token->star;
        used += (size_t) size;
        at = end;
    }
    if (self->stars > POINTER_STARS_MAX)
        return fault_set(fault, "more than %d '*' in a pointer", POINTER_STARS_MAX);
    return true;
}

pointer_t *pointer_new(slice_t text, fault_t *fault)
{
    if (text.size > POINTER_BYTES_MAX) {
        fault_set(fault, "a pointer of more than %d bytes", POINTER_BYTES_MAX);
        return NULL;
    }
    pointer_t *self = calloc(1, sizeof *self);
    if (!self)
        fault_set(fault, "no memory");
    else if (!s_compile(self, text, fault))
        pointer_destroy(&self);
    return self;
}

void pointer_destroy(pointer_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

static unsigned s_node(pointer_tree_t *self, const pointer_token_t *token)
{
    if (self->count == POINTER_NODES_MAX)
        return 0;
    self->nodes[self->count] = (pointer_node_t){ .slot = POINTER_NO_SLOT };
    if (token) {
        self->nodes[self->count].text = token->text;
        self->nodes[self->count].head = pointer_head(token->text);
        self->nodes[self->count].index = token->index;
    }
    return self->count++;
}

void pointer_tree_begin(pointer_tree_t *self)
{
    self->count = 0;
    s_node(self, NULL);
}

// The child that this token leads to, made if it is not there; 0 = full. Siblings stay in the
// order they were added: a reader finds the first ones first.
static unsigned s_child(pointer_tree_t *self, unsigned parent, const pointer_token_t *token)
{
    uint16_t *link = &self->nodes[parent].child;
    while (*link) {
        if (slice_same(self->nodes[*link].text, token->text))
            return *link;
        link = &self->nodes[*link].next;
    }
    *link = (uint16_t) s_node(self, token);
    self->nodes[parent].initials |= pointer_initial(token->text);
    uint32_t *elements = &self->nodes[parent].elements;
    if (*link && token->index != POINTER_NO_INDEX && token->index >= *elements)
        *elements = token->index + 1;
    return *link;
}

int pointer_tree_add(pointer_tree_t *self, const pointer_t *pointer, int slot)
{
    assert(pointer->stars == 0);
    unsigned node = 0;
    for (unsigned i = 0; i < pointer->count; i++) {
        node = s_child(self, node, &pointer->tokens[i]);
        if (node == 0)
            return POINTER_NO_SLOT;
    }
    if (self->nodes[node].slot == POINTER_NO_SLOT)
        self->nodes[node].slot = (int16_t) slot;
    return self->nodes[node].slot;
}
