/*  outline -- what a JSON text is made of: its documents folded into one tree.
 *
 *  Pure and bounded. Members that are alike, the elements of a list or the entries of a map, become
 *  one node, `*`, that counts them all; members that are told apart by name or place stay apart.
 */
#pragma once
#include "actors/infer/documents.h"
#include "proto/arena.h"
#include "proto/buffer.h"

enum {
    OUTLINE_NODES_MAX = 1024,
    OUTLINE_MEMBERS_MAX = 256, // members of a node that are told apart
    OUTLINE_DEPTH_MAX = 7,     // steps from the document
    OUTLINE_SAMPLE_MAX = 64,   // bytes kept of a scalar
};

typedef struct {
    uint64_t objects, arrays;
    uint64_t numbers, numerals, texts; // numerals: texts that are numbers
    uint64_t flags, nulls;
} outline_count_t;

typedef struct outline_node {
    struct outline_node *parent, *first, *last, *next; // parent, children, sibling
    const char *token;                                 // as in a pointer: escaped, or "*"
    bool star;                                         // all members of the parent
    bool index;                                        // the token is a place in an array
    unsigned depth;
    outline_count_t count;
    const char *sample; // the first scalar that is not null, or NULL
} outline_node_t;

typedef struct {
    arena_t *arena; // of the caller
    unsigned node_count;
    bool cut; // not everything was looked at
    outline_node_t *root;
} outline_t;

// False: no memory.
bool outline_read(outline_t *self, documents_t *documents, arena_t *arena);

static inline uint64_t outline_containers(const outline_node_t *node)
{
    return node->count.objects + node->count.arrays;
}
static inline uint64_t outline_scalars(const outline_node_t *node)
{
    const outline_count_t *count = &node->count;
    return count->numbers + count->numerals + count->texts + count->flags + count->nulls;
}
static inline uint64_t outline_all(const outline_node_t *node)
{
    return outline_containers(node) + outline_scalars(node);
}

// How many of the steps to it are stars.
static inline unsigned outline_stars(const outline_node_t *node)
{
    unsigned stars = 0;
    for (; node; node = node->parent)
        stars += node->star;
    return stars;
}

// Its place from `above`, an ancestor or itself: "/result/*". False: too long for a pointer.
bool outline_place(const outline_node_t *node, const outline_node_t *above, buffer_t *out);

// The tree for people, a line a node, each with `prefix` before it.
void outline_print(const outline_t *self, const char *prefix, buffer_t *out);
