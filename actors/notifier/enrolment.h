/*  enrolment -- finds who subscribes to an alert without asking Redis, as long as that is safe.
 *
 *  All subscriptions are read when the role is taken, while alerts go on being told, and again
 *  where one changed: keyspace notifications say which set did. Until it has been read anew, and
 *  wherever notifications are not certain to be on, Redis is asked, so that the answer is always
 *  the one that Redis would give: what is heard is taken in before every question.
 *
 *  Not a process: the notifier's loop calls enrolment_step whenever it wakes.
 */
#pragma once
#include "broker/store_subscribers.h"

typedef struct enrolment enrolment_t;

// Takes the watch over, also on failure. NULL with fault.
enrolment_t *enrolment_new(store_t *store, store_watch_t *watch, fault_t *fault);
void enrolment_destroy(enrolment_t **self_p);

// We have the role now, or have it no more: then nothing is known, and Redis is left alone.
void enrolment_own(enrolment_t *self, bool owned);
// Move on, for some milliseconds.
void enrolment_step(enrolment_t *self, int64_t now_us);
int64_t enrolment_due_us(const enrolment_t *self); // when there is more to do; else INT64_MAX
int enrolment_descriptor(const enrolment_t *self); // readable when a set changed; -1 = none

// As store_subscribers, and of this store; also without an enrolment (NULL).
store_status_t enrolment_subscribers(enrolment_t *self, store_t *store, slice_t rule,
                                     slice_t series, unsigned *unread,
                                     store_subscriber_visit_t *visit, void *context);

typedef struct {
    bool local;                     // all is known here, but for what changed just now
    uint64_t subscriptions, people; // known here: members of all sets, and each name once
    uint64_t asked;                 // alerts for which Redis was asked
} enrolment_count_t;
enrolment_count_t enrolment_count(const enrolment_t *self);
