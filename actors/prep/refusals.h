/*  refusals -- refused rows on their way to the quarantine in Redis, gathered by source.
 *
 *  Bounded: when no more fit, they are written at once. If Redis is away then, the flush fails,
 *  and whoever refused them does so again with a replay.
 */
#pragma once
#include "actors/prep/mapping.h"
#include "broker/stage/stage.h"
#include "broker/store.h"

typedef struct refusals refusals_t;

refusals_t *refusals_new(void);
void refusals_destroy(refusals_t **self_p);
void refusals_add(refusals_t *self, store_t *store, slice_t source, slice_t stream, uint64_t seq,
                  const quarantine_t *quarantine);

// Write all of them, and forget them. False: since the last flush some could not be written.
bool refusals_flush(refusals_t *self, store_t *store);
