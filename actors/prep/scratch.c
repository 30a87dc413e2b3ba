/*  scratch -- see scratch.h. Pure. */
#include "actors/prep/scratch.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct block {
    struct block *next;
    alignas(max_align_t) unsigned char bytes[];
} block_t;

void *scratch_take(scratch_t *self, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX - sizeof(block_t))
        return NULL;
    block_t *block = malloc(sizeof *block + bytes);
    if (!block)
        return NULL;
    block->next = self->blocks;
    self->blocks = block;
    return block->bytes;
}

void scratch_release(scratch_t *self)
{
    while (self->blocks) {
        block_t *block = self->blocks;
        self->blocks = block->next;
        free(block);
    }
}
