/*  verdict -- was it an answer? What a status and what came with it mean for who is asked when, and
 *  the words for it. Pure.
 */
#pragma once
#include "actors/collector/gate.h"
#include "proto/slice.h"

typedef struct {
    const char *error;      // NULL = all of it came
    int status;             // of HTTP, 0 = none came
    int64_t retry_after_us; // 0 = not asked
    bool conditional;       // we said what we have
    slice_t body;
} verdict_t;

// Good is 2xx, and 304 if we asked for it.
answer_kind_t verdict_kind(const verdict_t *self);

// Why it is not good, at most `size` bytes of printable ASCII. What the server says of it is
// quoted, unless it was sent something that may be a secret (request_may_hold_secrets).
void verdict_reason(const verdict_t *self, const source_t *source, char *reason, size_t size);
