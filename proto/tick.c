/*  tick -- see tick.h. */
#include "proto/tick.h"

static uint64_t load(const uint8_t *bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value |= (uint64_t) bytes[i] << (8 * i);
    return value;
}

void tick_encode(const tick_t *self, uint8_t bytes[TICK_BYTES])
{
    for (int i = 0; i < 8; i++) {
        bytes[i] = (uint8_t) (self->up_us >> (8 * i));
        bytes[8 + i] = (uint8_t) ((uint64_t) self->since_us >> (8 * i));
    }
}

bool tick_decode(tick_t *self, slice_t payload)
{
    if (payload.size != TICK_BYTES && payload.size != TICK_BYTES_FIRST)
        return false;
    uint64_t since = payload.size == TICK_BYTES ? load(payload.data + 8) : 0;
    if (since > INT64_MAX)
        return false;
    *self = (tick_t){ .up_us = load(payload.data), .since_us = (int64_t) since };
    return true;
}
