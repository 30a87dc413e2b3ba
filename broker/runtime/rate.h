/*  rate -- how fast a counter rises, between two looks at it. Pure. */
#pragma once
#include <stdint.h>

typedef struct {
    uint64_t count;
    int64_t us; // of the last look; 0 = none yet
} rate_t;

// A second, since the last look (monotonic, microseconds); 0 at the first.
static inline uint64_t rate_take(rate_t *self, uint64_t count, int64_t now_us)
{
    int64_t since_us = self->us ? now_us - self->us : 0;
    uint64_t more = count - self->count;
    self->count = count;
    self->us = now_us;
    return since_us > 0 ? (uint64_t) ((double) more * 1e6 / (double) since_us + 0.5) : 0;
}
