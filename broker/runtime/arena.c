/*  arena -- see arena.h. */
#include "broker/runtime/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 64 * 1024 };

struct arena_chunk {
    arena_chunk_t *older;
    size_t used, size;
    alignas(max_align_t) uint8_t bytes[];
};

void arena_destroy(arena_t *self)
{
    while (self->newest) {
        arena_chunk_t *older = self->newest->older;
        free(self->newest);
        self->newest = older;
    }
    self->total = 0;
}

static arena_chunk_t *s_grow(arena_t *self, size_t needed)
{
    size_t size = needed > CHUNK_BYTES ? needed : CHUNK_BYTES;
    if (size > ARENA_BYTES_MAX - self->total)
        return NULL;
    arena_chunk_t *chunk = (arena_chunk_t *) calloc(1, sizeof *chunk + size);
    if (!chunk)
        return NULL;
    chunk->size = size;
    chunk->older = self->newest;
    self->newest = chunk;
    self->total += size;
    return chunk;
}

void *arena_take(arena_t *self, size_t size)
{
    if (size > ARENA_BYTES_MAX)
        return NULL;
    const size_t step = alignof(max_align_t);
    size = (size + step - 1) / step * step;
    arena_chunk_t *chunk = self->newest;
    if (!chunk || chunk->size - chunk->used < size)
        chunk = s_grow(self, size);
    if (!chunk)
        return NULL;
    void *place = chunk->bytes + chunk->used;
    chunk->used += size;
    return place;
}

char *arena_text(arena_t *self, const char *text, size_t size)
{
    char *copy = (char *) arena_take(self, size + 1);
    if (copy && size > 0)
        memcpy(copy, text, size);
    return copy;
}
