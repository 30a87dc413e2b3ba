/*  store_delivery -- who is to be told of what, and how it went; more verbs of store.h. */
#pragma once
#include "broker/store.h"

// A recipient is a subscriber by one channel: "alice", "alice/slack". To Redis, and in the verbs
// below, it is one name that has nothing to do with the other.
typedef struct {
    const char *name;
    const char *refusal; // why it cannot be told; "" = it can
} store_told_t;

// Remember that these recipients are to be told, due at once, with the body to send; those who
// cannot be are recorded as dead, with the reason. OK, also for those already known and if the
// alert log knows the id: nothing is planned twice. More than DELIVERIES_MAX waiting in all, or
// DELIVERIES_EACH_MAX for one: dead too ("too many deliveries wait").
store_status_t store_delivery_plan(store_t *self, slice_t alert_id, slice_t body,
                                   const store_told_t *recipients, size_t count);

typedef struct {
    const char *alert_id, *recipient;
    const char *due;          // when it became due, as Redis counts it; for store_delivery_return
    const char *claim;        // by this call; of what is claimed anew, another
    int64_t waited_ms;        // since then
    unsigned attempts;        // made so far
    slice_t body;             // as planned
    const char *error;        // of the attempt before; "" = none
    bool lost, leads, behind; // its record is gone; others go with it; others sleep before it
} store_delivery_t;
typedef void store_delivery_visit_t(void *context, const store_delivery_t *delivery);

typedef struct {
    unsigned count, each; // at most, in all and for one recipient
    int hidden_ms;
    unsigned parts, part; // recipients are shared out to so many (0: they are not); ours, from 0
    size_t busy_count;    // these recipients are left out
    const char *const *busy;
} store_claim_t;

// Claim due deliveries, longest waiting first: due again after hidden_ms unless one of the verbs
// below was called. Of a recipient whose last attempt failed one comes, and no other until then.
store_status_t store_delivery_due(store_t *self, const store_claim_t *claim,
                                  store_delivery_visit_t *visit, void *context);
// Claimed, but not tried: due again at once, in their old places; nothing counts as an attempt.
// Their recipients are left alone for delay_ms. What has been claimed by another since, because
// hidden_ms were over, is left to that one. So it is in all verbs that take a claim; "" is any.
typedef struct {
    const char *alert_id, *recipient, *claim, *due;
    int64_t delay_ms;
} store_claimed_t;
store_status_t store_delivery_return(store_t *self, const store_claimed_t *items, size_t count);
// The attempt ended: told, which is so whoever has claimed it since; try again in delay_ms; never
// again. Each counts one attempt; a delivery that is already done or dead stays so. A failure
// leaves all that waits for this recipient alone for a while, twice as long each time, at most a
// minute.
store_status_t store_delivery_done(store_t *self, const char *alert_id, const char *recipient);
store_status_t store_delivery_retry(store_t *self, const char *alert_id, const char *recipient,
                                    const char *claim, int64_t delay_ms, const char *error);
store_status_t store_delivery_dead(store_t *self, const char *alert_id, const char *recipient,
                                   const char *claim, const char *error);
// Those that were given up wait again, as if they had never been tried: of this subscriber over
// all channels, or of this recipient; of one alert, or (empty) of all that are remembered, which
// are the newest DELIVERIES_DEAD_MAX. *count of them.
store_status_t store_delivery_again(store_t *self, const char *recipient, slice_t alert_id,
                                    uint64_t *count);
// At most `most` alerts to this recipient within any stretch of window_ms: *wait_ms is 0, and this
// one is counted (once), or how long it has to wait.
store_status_t store_delivery_pace(store_t *self, const char *alert_id, const char *recipient,
                                   uint32_t most, int64_t window_ms, int64_t *wait_ms);
// How many wait, and in how many ms the next is due (0 = now, -1 = none waits).
store_status_t store_delivery_waiting(store_t *self, uint64_t *waiting, int64_t *next_ms);
