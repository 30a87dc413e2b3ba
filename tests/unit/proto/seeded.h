/*  seeded -- the same random numbers in every run (xorshift64*), for property tests. */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t state; // not 0
} seeded_t;

static inline uint64_t seeded_next(seeded_t *self)
{
    self->state ^= self->state >> 12;
    self->state ^= self->state << 25;
    self->state ^= self->state >> 27;
    return self->state * UINT64_C(0x2545F4914F6CDD1D);
}

static inline uint64_t seeded_below(seeded_t *self, uint64_t limit) // 0 .. limit - 1
{
    return seeded_next(self) % limit;
}
