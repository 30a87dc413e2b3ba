/*  ranks -- the numbers of a window in two halves, the lower and the upper: median.
 *
 *  Pure. Each half is a heap with the number next to the middle in front. Each row knows its place,
 *  so any can leave; both ways cost O(log n). Which of equal numbers is in which half depends on
 *  the past of the window, the median does not.
 */
#pragma once
#include "actors/rules/evaluate.h"
#include "actors/transform/ring.h"

typedef struct {
    uint32_t *heaps;  // low bits of positions: the lower half from the front, the upper from behind
    uint32_t *places; // of a position by its lowest bits: index in its half * 2, + 1 in the upper
    uint32_t capacity;  // of both, a power of two; 0: none
    uint32_t counts[2]; // of the halves; the lower has as many, or one more
    uint32_t oldest;    // no position in it is older
} ranks_t;

void ranks_close(ranks_t *self); // also of a zeroed one
static inline void ranks_clear(ranks_t *self)
{
    self->counts[0] = self->counts[1] = 0;
}

// A row whose number is not NULL, newer than all in it. False: out of memory.
bool ranks_enter(ranks_t *self, const ring_t *ring, unsigned column, uint64_t position);
void ranks_leave(ranks_t *self, const ring_t *ring, unsigned column, uint64_t position);
bool ranks_copy(ranks_t *self, const ranks_t *from); // false: out of memory
size_t ranks_bytes(const ranks_t *self);

// The mean of the two numbers in the middle, which are one if their number is odd.
bool ranks_exact(const ranks_t *self, const ring_t *ring, unsigned column, mpq_t median);
approximate_t ranks_approximate(const ranks_t *self, const ring_t *ring, unsigned column,
                                double *value, double *error);
