/*  settings_tree -- a YAML text as a tree of texts, lists and maps that know their places.
 *
 *  For broker/runtime, and for tests of rules (actors/cli/test_rules_file.c). What they have no use
 *  for is refused: anchors, aliases, tags, several documents, duplicate keys, control characters.
 *  ${ENV} is expanded in values.
 */
#pragma once
#include "proto/arena.h"
#include "proto/buffer.h"
#include "proto/fault.h"

enum {
    SETTINGS_BYTES_MAX = 4 << 20,    // of the text
    SETTINGS_MEMORY_MAX = 128 << 20, // of everything made of it
    SETTINGS_DEPTH_MAX = 12,         // of lists and maps in each other
    SETTINGS_NODES_MAX = 100000,     // in all
    SETTINGS_SCALAR_MAX = 64 * 1024, // bytes of one value after expansion
};

typedef enum { NODE_TEXT, NODE_LIST, NODE_MAP } node_kind_t;

typedef struct node node_t;
struct node {
    node_kind_t kind;
    int line, column;           // of the value; of a text: of its first character
    const char *name;           // as a member of a map
    int name_line, name_column; // of the name
    const char *text;           // of a NODE_TEXT, expanded, without NUL inside
    size_t count;               // of members
    node_t *first;              // member
    node_t *next;               // sibling
};

// The text of any file that can be read to its end, also of a pipe; what is too large for a tree is
// not read to its end. False with fault.
bool settings_slurp(const char *path, buffer_t *out, fault_t *fault);

// NULL with fault (and place). The tree lives in the arena.
node_t *settings_tree(const char *text, size_t size, arena_t *arena, fault_t *fault);

const node_t *settings_member(const node_t *map, const char *name); // or NULL
