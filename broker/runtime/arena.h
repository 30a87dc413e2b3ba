/*  arena -- memory that is given back all at once; everything of one settings_t lives in one. */
#pragma once
#include <stddef.h>

enum { ARENA_BYTES_MAX = 128 << 20 };

typedef struct arena_chunk arena_chunk_t;

typedef struct {
    arena_chunk_t *newest;
    size_t total; // bytes of all chunks
} arena_t;        // all zero = empty

void arena_destroy(arena_t *self);
void *arena_take(arena_t *self, size_t size); // zeroed, aligned for anything; NULL: no more
char *arena_text(arena_t *self, const char *text, size_t size); // copied, with a NUL
