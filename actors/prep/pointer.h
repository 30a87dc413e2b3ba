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
    slice_t text; // the token that leads here, as in pointer_token_t
    uint32_t index;
    uint16_t child; // first child, 0 = none
    uint16_t next;  // next sibling, 0 = none
    int16_t slot;   // where the reader puts what it finds here, or POINTER_NO_SLOT
} pointer_node_t;

typedef struct {
    unsigned count;
    pointer_node_t nodes[POINTER_NODES_MAX]; // nodes[0] is the root
} pointer_tree_t;

void pointer_tree_begin(pointer_tree_t *self);

// Add a pointer without `*`, which must outlive the tree. A place that is already in the tree
// keeps its slot: returns the slot of the place, or POINTER_NO_SLOT if the tree is full.
int pointer_tree_add(pointer_tree_t *self, const pointer_t *pointer, int slot);

// For readers: the child of a node for a member of an object or an element of an array, or NULL.
static inline const pointer_node_t *pointer_tree_member(const pointer_tree_t *self,
                                                        const pointer_node_t *node, slice_t key)
{
    for (unsigned i = node->child; i; i = self->nodes[i].next) {
        slice_t text = self->nodes[i].text;
        size_t same = 0; // names are short: a loop is quicker than a call
        while (text.size == key.size && same < key.size && text.data[same] == key.data[same])
            same++;
        if (text.size == key.size && same == key.size)
            return &self->nodes[i];
    }
    return NULL;
}
static inline const pointer_node_t *pointer_tree_element(const pointer_tree_t *self,
                                                         const pointer_node_t *node, uint32_t index)
{
    for (unsigned i = node->child; i; i = self->nodes[i].next)
        if (self->nodes[i].index == index)
            return &self->nodes[i];
    return NULL;
}

// How many elements of an array a reader must see: one past the last index asked for.
uint32_t pointer_tree_elements(const pointer_tree_t *self, const pointer_node_t *node);
