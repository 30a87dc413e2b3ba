/*  lateness -- see lateness.h. */
#include "actors/collector/lateness.h"

static int s_bucket(int64_t late_us)
{
    if (late_us < LATENESS_STEPS)
        return late_us > 0 ? (int) late_us : 0;
    int doublings = 63 - __builtin_clzll((unsigned long long) late_us) - 3; // 8 is 2^3
    int bucket = (doublings + 1) * LATENESS_STEPS + (int) (late_us >> doublings) - LATENESS_STEPS;
    return bucket < LATENESS_BUCKETS ? bucket : LATENESS_BUCKETS - 1;
}

// The largest that falls into it.
static int64_t s_most_us(int bucket)
{
    if (bucket < LATENESS_STEPS)
        return bucket;
    int doublings = bucket / LATENESS_STEPS - 1;
    return ((int64_t) (bucket % LATENESS_STEPS + LATENESS_STEPS + 1) << doublings) - 1;
}

void lateness_add(lateness_t *self, int64_t late_us)
{
    self->count++;
    self->buckets[s_bucket(late_us)]++;
}

int64_t lateness_quantile_us(const lateness_t *self, double share)
{
    uint64_t wanted = (uint64_t) (share * (double) self->count), seen = 0;
    if (wanted == 0 && self->count)
        wanted = 1;
    for (int i = 0; i < LATENESS_BUCKETS && wanted; i++) {
        seen += self->buckets[i];
        if (seen >= wanted)
            return s_most_us(i);
    }
    return 0;
}

void lateness_fade(lateness_t *self)
{
    self->count = 0;
    for (int i = 0; i < LATENESS_BUCKETS; i++) {
        self->buckets[i] /= 2;
        self->count += self->buckets[i];
    }
}
