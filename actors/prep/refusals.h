/*  refusals -- refused rows on their way to the quarantine in Redis, gathered by source.
 *
 *  Bounded: what does not fit until the next flush is counted as lost from view, not from the
 *  stage: the records are there, and a replay refuses them again.
 */
#pragma once
#include "actors/prep/mapping.h"
#include "broker/stage/stage.h"
#include "broker/store.h"

typedef struct refusals refusals_t;

refusals_t *refusals_new(void);
void refusals_destroy(refusals_t **self_p);
void refusals_add(refusals_t *self, slice_t source, slice_t stream, uint64_t seq,
                  const quarantine_t *quarantine);

// Write them. Kept for the next time while Redis is away.
void refusals_flush(refusals_t *self, store_t *store);
uint64_t refusals_unseen(const refusals_t *self); // did not fit
