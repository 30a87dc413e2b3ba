/*  audience -- who is to be told of an entry of the outbox, and the planning of that in Redis.
 *
 *  Every subscriber of the rule, and of the rule on the series, by each of its channels. Whoever
 *  cannot be told is recorded as well, with the reason; what is silenced waits for the silence to
 *  end. Repeating it changes nothing: deliveries are by the id of the entry.
 */
#pragma once
#include "actors/notifier/bulletin.h"
#include "actors/notifier/enrolment.h"
#include "actors/notifier/means.h"
#include "actors/notifier/silence.h"
#include "broker/store.h"
#include "broker/store_silences.h"

typedef struct {
    store_t *store;
    const means_t *means;
    const silences_t *silences; // or NULL
    enrolment_t *enrolment;     // or NULL: Redis is asked who subscribes
} audience_look_t;

typedef struct {
    size_t asked;                     // subscribers that Redis was asked about
    size_t recipients;                // of deliveries, those who cannot be told included
    size_t planned, silenced, untold; // deliveries; subscribers who cannot be told
    bool unread;                      // a key of subscriptions is no set, and left out
} audience_count_t;

store_status_t audience_plan(const audience_look_t *look, slice_t id, slice_t body,
                             const bulletin_t *bulletin, audience_count_t *count);
