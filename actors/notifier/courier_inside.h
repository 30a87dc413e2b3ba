/*  courier_inside -- deliveries in hand; private to courier*.c. */
#pragma once
#include "actors/notifier/courier.h"
#include "actors/notifier/deliver.h"
#include "actors/notifier/mailer.h"
#include "actors/notifier/runner.h"
#include "actors/notifier/subscription.h"
#include "actors/notifier/zone.h"
#include "broker/store_gather.h"

enum {
    JOBS_MAX = DELIVER_AT_ONCE_MAX,
    PATIENCE_MS = 4000,                         // longest wait for a place in the queue to a host
    HIDDEN_MS = PATIENCE_MS + MAILER_MS + 1000, // no attempt takes longer
    QUEUED_PER_HOST_MAX = 4,                    // more would take the places of other hosts
    RETURN_MS_MIN = 200,                        // how long those are left alone who found no room:
    RETURN_MS_MAX = 1000,                       // as long as their host keeps others waiting
    PACED_MS_MAX = 60000, // and those whom a rate keeps: it may have been changed since
    MISSED_MAX = 4, // attempts for who is not there, MISSED_MS apart at most: a minute and a bit
    MISSED_MS = 30000,
    LOOK_MS = 1000,       // look for due ones at least this often,
    SHARED_LOOK_MS = 100, // and this often while there are several notifiers
    ID_MAX = 33,          // of an alert
    DUE_MAX = 32,         // a number of Redis
    ERROR_MAX = 256,
};

typedef enum {
    JOB_FREE,
    JOB_QUEUED,   // claimed, not yet sent
    JOB_RETURNED, // to go back to Redis unsent: too many wait for its host, or it is too early
    JOB_SENT,     // under way
    JOB_ENDED,    // the outcome is to be told
} job_state_t;

typedef enum {
    OUTCOME_DONE,
    OUTCOME_RETRY,
    OUTCOME_DEAD,
    OUTCOME_EXPIRED,
    OUTCOME_GONE,
    OUTCOME_SILENCED
} outcome_t;

typedef struct {
    job_state_t state;
    char alert_id[ID_MAX], recipient[RECIPIENT_MAX + 1];
    unsigned attempts; // before this one
    char due[DUE_MAX]; // as Redis told it
    char claim[DUE_MAX];
    int64_t waited_ms; // when it was claimed, since it became due
    bool missed;       // at the attempt before there was nobody to send it to
    bool leads;        // a letter of several
    bool behind;       // others of its recipient wait for the end of quiet hours
    int64_t claimed_us;
    buffer_t body;               // of the outbox
    buffer_t address;            // as the subscriber had it when it was sent
    char host[DELIVER_HOST_MAX]; // where it goes; "" = not looked up yet
    outcome_t outcome;
    int64_t delay_ms;      // of the next attempt; of one that is returned, 0: as its host wants it
    char error[ERROR_MAX]; // of one that is silenced: by which silence
} job_t;

struct courier {
    store_t *store;
    const means_t *means;
    const silences_t *silences; // or NULL
    zones_t *zones;
    deliver_t *deliver;
    runner_t *commands, *mails; // each with places of its own
    unsigned parts, part;       // recipients are shared out to so many (0: they are not); ours
    int64_t look_us;            // when to look for due ones
    courier_count_t count;
    job_t jobs[JOBS_MAX];
};

void courier_end(job_t *job, outcome_t outcome, const char *error);
// Failed for now: again later, or never when the schedule is used up.
void courier_fail(job_t *job, int64_t asked_ms, const char *error);

// courier_send.c: start what is queued and has room; what waits for too long goes back to Redis.
void courier_start_queued(courier_t *self, int64_t now_us);
void courier_return_jobs(courier_t *self, int64_t now_us);

// courier_gate.c. What goes in one letter with a delivery.
typedef struct {
    buffer_t bodies; // one behind the other
    size_t ends[STORE_NAMED_MAX];
    notice_t items[STORE_NAMED_MAX]; // they point into the bodies
    notice_group_t group;
} gathered_t;
void gathered_destroy(gathered_t *self);

// False: not now, and it has been said when, or what became of it. Where others go with it, the
// notice says so.
bool courier_may_go(courier_t *self, job_t *job, const store_subscriber_t *subscriber,
                    const channel_t *channel, notice_t *notice, gathered_t *gathered);
