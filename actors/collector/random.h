/*  random -- numbers that look random and are the same for the same seed, on every host.
 *
 *  Pure. splitmix64: one 64-bit word of state, good enough for jitter and a make-believe market,
 *  and for nothing that must be secret.
 */
#pragma once
#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

// 0 <= result < bound; bound > 0.
static inline uint64_t random_below(uint64_t *state, uint64_t bound)
{
    return (uint64_t) (((unsigned __int128) random_next(state) * bound) >> 64);
}

// 0 <= result < 1.
static inline double random_unit(uint64_t *state)
{
    return (double) (random_next(state) >> 11) * 0x1p-53;
}
