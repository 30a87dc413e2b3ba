/*  extremes -- see extremes.h. */
#include "actors/transform/extremes.h"

#include <stdlib.h>

enum { FIRST_ROWS = 16 };

void extremes_close(extremes_t *self)
{
    free(self->at);
    *self = (extremes_t){ 0 };
}

static bool grow(extremes_t *self)
{
    uint32_t capacity = self->at ? 2 * (self->mask + 1) : FIRST_ROWS;
    uint32_t *at = malloc(capacity * sizeof *at);
    if (!at)
        return false;
    for (uint32_t i = self->head; i != self->tail; i++)
        at[i & (capacity - 1)] = self->at[i & self->mask];
    free(self->at);
    self->at = at;
    self->mask = capacity - 1;
    return true;
}

bool extremes_add(extremes_t *self, const ring_t *ring, unsigned column, uint64_t position,
                  int sign)
{
    while (self->tail != self->head &&
           sign * ring_compare(ring, column, self->at[(self->tail - 1) & self->mask], position) >=
               0)
        self->tail--;
    if ((!self->at || self->tail - self->head > self->mask) && !grow(self))
        return false;
    self->at[self->tail++ & self->mask] = (uint32_t) position;
    return true;
}

void extremes_remove(extremes_t *self, uint64_t position)
{
    if (self->tail != self->head && self->at[self->head & self->mask] == (uint32_t) position)
        self->head++;
}

bool extremes_first(const extremes_t *self, uint64_t low, uint64_t *position)
{
    if (self->head == self->tail)
        return false;
    *position = low + (uint32_t) (self->at[self->head & self->mask] - (uint32_t) low);
    return true;
}

bool extremes_copy(extremes_t *self, const extremes_t *from)
{
    uint32_t count = from->tail - from->head;
    self->head = self->tail = 0;
    while (count > 0 && (!self->at || count > self->mask + 1))
        if (!grow(self))
            return false;
    for (uint32_t i = from->head; i != from->tail; i++)
        self->at[self->tail++] = from->at[i & from->mask];
    return true;
}

size_t extremes_bytes(const extremes_t *self)
{
    return self->at ? (self->mask + 1) * sizeof *self->at : 0;
}
