/*  arena -- see arena.h. */
#include "proto/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CHUNK_BYTES = 16 * 1024, // a larger piece gets a chunk of its own
    GROW_FIRST = 8,          // items of an array that grows
};

typedef struct chunk {
    struct chunk *next;
    alignas(max_align_t) unsigned char bytes[];
} chunk_t;

struct arena {
    chunk_t *chunks;
    size_t used, size;   // of the newest chunk
    size_t taken, limit; // bytes altogether
    bool failed, starved;
};

arena_t *arena_new(size_t limit)
{
    arena_t *self = calloc(1, sizeof *self);
    if (self)
        self->limit = limit;
    return self;
}

void arena_destroy(arena_t **self_p)
{
    arena_t *self = *self_p;
    if (!self)
        return;
    while (self->chunks) {
        chunk_t *next = self->chunks->next;
        free(self->chunks);
        self->chunks = next;
    }
    free(self);
    *self_p = NULL;
}

static void *fail(arena_t *self)
{
    self->failed = true;
    return NULL;
}

void *arena_take(arena_t *self, size_t size)
{
    if (self->failed || size > self->limit - self->taken)
        return fail(self);
    size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (size > self->limit - self->taken)
        return fail(self);
    if (!self->chunks || size > self->size - self->used) {
        size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;
        chunk_t *chunk = calloc(1, sizeof *chunk + room);
        if (!chunk) {
            self->starved = true;
            return fail(self);
        }
        chunk->next = self->chunks;
        self->chunks = chunk;
        self->used = 0;
        self->size = room;
    }
    void *piece = self->chunks->bytes + self->used;
    self->used += size;
    self->taken += size;
    return piece;
}

char *arena_text(arena_t *self, slice_t text)
{
    char *copy = arena_take(self, text.size + 1);
    if (copy && text.size)
        memcpy(copy, text.data, text.size);
    return copy;
}

char *arena_printf(arena_t *self, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = length < 0 ? fail(self) : arena_take(self, (size_t) length + 1);
    if (!text)
        return NULL;
    va_start(arguments, format);
    vsnprintf(text, (size_t) length + 1, format, arguments);
    va_end(arguments);
    return text;
}

bool arena_failed(const arena_t *self)
{
    return self->failed;
}

bool arena_starved(const arena_t *self)
{
    return self->starved;
}

void arena_fail(arena_t *self)
{
    self->failed = self->starved = true;
}

void *arena_grow(arena_t *self, const void *items, size_t count, size_t size)
{
    bool full = count == 0 || (count >= GROW_FIRST && (count & (count - 1)) == 0);
    if (!full)
        return (void *) items;
    void *larger = arena_take(self, (count ? 2 * count : GROW_FIRST) * size);
    if (larger && count)
        memcpy(larger, items, count * size);
    return larger;
}
