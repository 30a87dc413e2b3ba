/*  extremes -- the rows of a window that can still become its minimum (or maximum).
 *
 *  Pure. Numbers in the queue never fall (or never rise), so the extreme is in front; each row
 *  enters and leaves once.
 */
#pragma once
#include "actors/transform/ring.h"

typedef struct {
    uint32_t *at; // low bits of positions
    uint32_t mask, head, tail;
} extremes_t;

void extremes_close(extremes_t *self); // also of a zeroed one
static inline void extremes_clear(extremes_t *self)
{
    self->head = self->tail = 0;
}

// `sign` 1 keeps the minimum in front, -1 the maximum; not NULL there. False: out of memory.
bool extremes_add(extremes_t *self, const ring_t *ring, unsigned column, uint64_t position,
                  int sign);
void extremes_remove(extremes_t *self, uint64_t position); // if it is the oldest
// Position of the extreme, of a window that begins at `low`. False: none.
bool extremes_first(const extremes_t *self, uint64_t low, uint64_t *position);
bool extremes_copy(extremes_t *self, const extremes_t *from); // false: out of memory
size_t extremes_bytes(const extremes_t *self);
