/*  outbox -- brings what Redis' outbox holds to the world, in order, each entry at least once.
 *
 *  The way of an entry: published on the alert socket unless the alert log knows it, its
 *  deliveries planned, written into
 *  <namespace>:alerts, taken. Every step may be repeated after a crash: ids, and the bodies but
 *  for `at`, are functions of the staged log. Nothing positional outlives a connection: when
 *  Redis was away, the batch in hand is forgotten and what waits is read from the beginning,
 *  because Redis may have come back at an earlier state with other entries at the same ids.
 *
 *  A batch takes as many steps as its subscribers want: between two of them the notifier keeps its
 *  role and sends webhooks. Otherwise two notifiers could take the role from each other for ever,
 *  neither of them before the end of its batch.
 *
 *  Not a process: the notifier's loop calls outbox_step whenever it wakes.
 */
#pragma once
#include "actors/notifier/enrolment.h"
#include "actors/notifier/means.h"
#include "actors/notifier/publisher.h"
#include "actors/notifier/silence.h"
#include "broker/store.h"

typedef struct outbox outbox_t;

// A step asks Redis about no more subscribers than that, and those of one alert.
enum { OUTBOX_ASKED_MAX = 256 };

typedef enum {
    OUTBOX_IDLE,    // waits for the descriptor, is held, or is not the notifier
    OUTBOX_BLOCKED, // has entries, waits for the brokers
    OUTBOX_MOVED,   // worked: call again
    OUTBOX_FENCED,  // somebody else is the notifier
    OUTBOX_DOWN,    // Redis did not answer; see outbox_error
} outbox_status_t;

typedef struct {
    uint64_t published, planned;
    uint64_t known;     // alerts that the log has already: not published again
    uint64_t malformed; // entries that are no alert: left out
    uint64_t unseen;    // changes of incidents that the view of them may lack
    uint64_t unplanned; // alerts with a key of subscriptions that is no set
    uint64_t silenced;  // deliveries that a silence keeps back
    uint64_t untold;    // subscriptions to alerts of somebody who cannot be told
} outbox_count_t;

// Takes `reader` over, a connection of its own, also on failure; `store` is for all else. The means
// must live longer, or until others are used.
outbox_t *outbox_new(store_t *reader, store_t *store, publisher_t *publisher, const means_t *means,
                     fault_t *fault);
void outbox_destroy(outbox_t **self_p);
void outbox_use(outbox_t *self, const means_t *means);
// Whom these silence is not told for now, and who subscribes is asked of this. Both must live
// longer; without them nobody is silenced, and Redis is asked.
void outbox_heed(outbox_t *self, const silences_t *silences, enrolment_t *enrolment);

// From now on we are the notifier, by this token; NULL: no longer.
void outbox_own(outbox_t *self, const store_id_t *token);
// For now nothing is planned, and so neither logged nor taken; it is published all the same.
void outbox_hold(outbox_t *self, bool held);
// Finish what is in hand, ask for no more.
void outbox_drain(outbox_t *self);
bool outbox_busy(const outbox_t *self); // something is in hand
// Once a second: so many entries wait in Redis. If it shows us none of them for two looks, it was
// rolled back without our noticing, to ids that we have passed: read from the beginning.
void outbox_look(outbox_t *self, uint64_t waiting);

outbox_status_t outbox_step(outbox_t *self, int64_t now_us);
int outbox_descriptor(const outbox_t *self); // readable when entries came; -1 = none asked for
const char *outbox_error(const outbox_t *self);
outbox_count_t outbox_count(const outbox_t *self);
// The newest alert counted as unplanned: what follows `subs:` in one of its two keys.
const char *outbox_unread(const outbox_t *self);
