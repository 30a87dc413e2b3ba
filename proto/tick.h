/*  tick -- a second in which the collector was there, as the log says it.
 *
 *  Pure. The payload of a RECORD_TICK (broker/stage/stage.h): two numbers of 8 bytes each,
 *  little-endian. Logs of earlier builds have the first one alone; of those nobody can tell whether
 *  a series was silent or the collector away.
 */
#pragma once
#include "proto/buffer.h"
#include "proto/slice.h"

typedef struct {
    uint64_t up_us;   // how long it was really collecting, over all its lives
    int64_t since_us; // it has been there without a break since then (time of receipt); 0: unknown
} tick_t;

enum { TICK_BYTES = 16, TICK_BYTES_FIRST = 8 };

void tick_encode(const tick_t *self, uint8_t bytes[TICK_BYTES]);
bool tick_decode(tick_t *self, slice_t payload); // false: it is none
