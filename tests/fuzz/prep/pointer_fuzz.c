/*  Any bytes as a pointer: what compiles can be put into a tree and found there again. */
#include <stdlib.h>

#include "actors/prep/pointer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static pointer_tree_t tree;
    fault_t fault;
    pointer_t *pointer = pointer_new(slice_of(data, size), &fault);
    if (!pointer)
        return 0;
    pointer_tree_begin(&tree);
    if (pointer->stars == 0) {
        if (pointer_tree_add(&tree, pointer, 5) != 5 || pointer_tree_add(&tree, pointer, 6) != 5)
            abort();
        const pointer_node_t *node = &tree.nodes[0];
        for (unsigned i = 0; i < pointer->count; i++)
            if (!(node = pointer_tree_member(&tree, node, pointer->tokens[i].text, NULL)))
                abort();
        if (node->slot != 5)
            abort();
    }
    pointer_destroy(&pointer);
    return 0;
}
