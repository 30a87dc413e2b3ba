/*  gap -- something that should have been staged and was not, as the log says it.
 *
 *  Pure. The payload of a RECORD_GAP (broker/stage/stage.h), whose source is the one that is meant,
 *  empty = all of the stream. A msgpack array:
 *
 *      [ version, reason, from_us, to_us, client, from_n, to_n ]
 *
 *  Times are of receipt, in microseconds. What a source would have said between them is unknown to
 *  the log for good, unless the source itself tells it later (a file, a client that resends).
 */
#pragma once
#include "proto/buffer.h"
#include "proto/fault.h"
#include "proto/slice.h"

enum { GAP_CLIENT_MAX = 128 }; // bytes

typedef enum {
    GAP_STOPPED = 1, // no collector ran
    GAP_DISK = 2,    // the disk took nothing
    GAP_POLL = 3,    // polls of the source failed
    GAP_PUSHED = 4,  // frames from_n .. to_n of the client never came
} gap_reason_t;

typedef struct {
    gap_reason_t reason;
    int64_t from_us, to_us;
    slice_t client;        // of GAP_PUSHED; else empty, and no numbers
    uint64_t from_n, to_n; // both included
} gap_t;

const char *gap_reason_text(gap_reason_t reason);

void gap_encode(const gap_t *self, buffer_t *out);
// False: these bytes are none (fault). The client points into them.
bool gap_decode(gap_t *self, slice_t payload, fault_t *fault);
