/*  push_numbers -- see push_numbers.h. */
#include "actors/collector/push_numbers.h"

static push_gap_t *s_gap(push_numbers_t *self, uint64_t client)
{
    client += client == 0;
    for (uint32_t i = 0; i < PUSH_GAPS_MAX; i++)
        if (self->gaps[i].client == client)
            return &self->gaps[i];
    push_gap_t *gap = &self->gaps[self->oldest];
    self->oldest = (self->oldest + 1) % PUSH_GAPS_MAX;
    *gap = (push_gap_t){ .client = client };
    return gap;
}

number_t push_numbers_judge(push_numbers_t *self, uint64_t client, uint64_t known, uint64_t n,
                            int64_t mono_us)
{
    if (n <= known)
        return NUMBER_REPEATED;
    if (n == known + 1)
        return NUMBER_NEXT;
    push_gap_t *gap = s_gap(self, client);
    if (gap->expected != known + 1) {
        gap->expected = known + 1;
        gap->since_us = mono_us;
    }
    if (!gap->lenient && mono_us - gap->since_us < PUSH_PATIENCE_US)
        return NUMBER_EARLY;
    gap->lenient = true;
    self->taken++;
    return NUMBER_NEXT;
}
