/*  pointer -- a JSON Pointer (RFC 6901), compiled once; and many of them as one tree.
 *
 *  Pure. Ours beyond the RFC: a token `*` stands for every member of that array or object. The
 *  tree lets a reader that only goes forward take all places of a row in one walk.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/fault.h"
#include "proto/slice.h"

enum {
    POINTER_BYTES_MAX = 512, // of a pointer's text
    POINTER_TOKENS_MAX = 16,
    POINTER_STARS_MAX = 8,
    POINTER_NODES_MAX = 512, // of a tree
    POINTER_NO_SLOT = -1,
};

#define POINTER_NO_INDEX UINT32_MAX

typedef struct {
    slice_t text;   // unescaped
    uint32_t index; // the same as an array's index, or POINTER_NO_INDEX
    bool star;
} pointer_token_t;

typedef struct {
    unsigned count; // 0 = the document itself
    unsigned stars;
    pointer_token_t tokens[POINTER_TOKENS_MAX];
    uint8_t bytes[POINTER_BYTES_MAX]; // what the tokens point to: never copy a pointer_t
} pointer_t;

// "" or "/token/token...". NULL with fault.
pointer_t *pointer_new(slice_t text, fault_t *fault);
void pointer_destroy(pointer_t **self_p);

typedef struct {
    slice_t text;  // the token that leads here, as in pointer_token_t
    uint64_t head; // its pointer_head
    uint32_t index;
    uint64_t initials; // pointer_initial of its children: most strangers need no comparison
    uint32_t elements; // one past the last index among its children: an array is read so far
    uint16_t child;    // first child, 0 = none
    uint16_t next;     // next sibling, 0 = none
    int16_t slot;      // where the reader puts what it finds here, or POINTER_NO_SLOT
} pointer_node_t;

typedef struct {
    unsigned count;
    pointer_node_t nodes[POINTER_NODES_MAX]; // nodes[0] is the root
} pointer_tree_t;

void pointer_tree_begin(pointer_tree_t *self);

// Add a pointer without `*`, which must outlive the tree. A place that is already in the tree
// keeps its slot: returns the slot of the place, or POINTER_NO_SLOT if the tree is full.
int pointer_tree_add(pointer_tree_t *self, const pointer_t *pointer, int slot);

// The first eight bytes of a name in one word: names are short, and most differ there.
static inline uint64_t pointer_head(slice_t name)
{
    const uint8_t *data = name.data;
    uint64_t head = 0;
    if (name.size >= 8) {
        memcpy(&head, data, 8);
    } else if (name.size >= 4) { // two halves that may overlap
        uint32_t low, high;
        memcpy(&low, data, 4);
        memcpy(&high, data + name.size - 4, 4);
        head = low | (uint64_t) high << (name.size - 4) * 8;
    } else if (name.size > 0) {
        head = data[0] | (uint64_t) data[name.size / 2] << name.size / 2 * 8 |
               (uint64_t) data[name.size - 1] << (name.size - 1) * 8;
    }
    return head;
}

static inline bool pointer_leads(const pointer_node_t *node, slice_t name, uint64_t head)
{
    if (node->head != head || node->text.size != name.size)
        return false;
    size_t size = name.size;
    if (size > 16)
        return memcmp(node->text.data + 8, name.data + 8, size - 8) == 0;
    return size <= 8 || memcmp(node->text.data + size - 8, name.data + size - 8, 8) == 0;
}

static inline uint64_t pointer_initial(slice_t name)
{
    return UINT64_C(1) << (name.size ? name.data[0] & 63 : 0);
}

// For readers: the child of a node for a member of an object, or NULL. Members often come in the
// order of the children, so the one behind `last` (or NULL) is tried first.
static inline const pointer_node_t *pointer_tree_member(const pointer_tree_t *self,
                                                        const pointer_node_t *node, slice_t name,
                                                        const pointer_node_t *last)
{
    if (!(node->initials & pointer_initial(name)))
        return NULL;
    uint64_t head = pointer_head(name);
    unsigned next = last ? last->next : node->child;
    if (next && pointer_leads(&self->nodes[next], name, head))
        return &self->nodes[next];
    for (unsigned i = node->child; i; i = self->nodes[i].next)
        if (pointer_leads(&self->nodes[i], name, head))
            return &self->nodes[i];
    return NULL;
}

// The same for an element of an array.
static inline const pointer_node_t *pointer_tree_element(const pointer_tree_t *self,
                                                         const pointer_node_t *node, uint32_t index)
{
    for (unsigned i = node->child; i; i = self->nodes[i].next)
        if (self->nodes[i].index == index)
            return &self->nodes[i];
    return NULL;
}
