/*  courier_inside -- deliveries in hand; private to courier*.c. */
#pragma once
#include "actors/notifier/courier.h"
#include "actors/notifier/deliver.h"
#include "actors/notifier/runner.h"
#include "actors/notifier/subscription.h"

enum {
    JOBS_MAX = DELIVER_AT_ONCE_MAX,
    PATIENCE_MS = 4000, // longest wait for a place in the queue to a host
    HIDDEN_MS = PATIENCE_MS + DELIVER_TOTAL_MS + 1000,
    QUEUED_PER_HOST_MAX = 4, // more would take the places of other hosts
    RETURN_MS_MIN = 200,     // how long those are left alone who found no room:
    RETURN_MS_MAX = 1000,    // as long as their host keeps others waiting
    LOOK_MS = 1000,          // look for due ones at least this often
    ID_MAX = 33,             // of an alert
    ERROR_MAX = 256,
};

typedef enum {
    JOB_FREE,
    JOB_QUEUED,   // claimed, not yet sent
    JOB_RETURNED, // to go back to Redis unsent: too many wait for its host, or it is too early
    JOB_SENT,     // under way
    JOB_ENDED,    // the outcome is to be told
} job_state_t;

typedef enum { OUTCOME_DONE, OUTCOME_RETRY, OUTCOME_DEAD, OUTCOME_GONE } outcome_t;

typedef struct {
    job_state_t state;
    char alert_id[ID_MAX], recipient[RECIPIENT_MAX + 1];
    unsigned attempts; // before this one
    int64_t claimed_us;
    buffer_t body;               // of the outbox
    buffer_t address;            // as the subscriber had it when it was sent
    char host[DELIVER_HOST_MAX]; // where it goes; "" = not looked up yet
    outcome_t outcome;
    int64_t delay_ms; // of the next attempt; of one that is returned, 0: as its host wants it
    char error[ERROR_MAX];
} job_t;

struct courier {
    store_t *store;
    const means_t *means;
    deliver_t *deliver;
    runner_t *runner;
    int64_t look_us; // when to look for due ones
    courier_count_t count;
    job_t jobs[JOBS_MAX];
};

void courier_end(job_t *job, outcome_t outcome, const char *error);
// Failed for now: again later, or never when the schedule is used up.
void courier_fail(job_t *job, int64_t asked_ms, const char *error);

// courier_send.c: start what is queued and has room; what waits for too long goes back to Redis.
void courier_start_queued(courier_t *self, int64_t now_us);
void courier_return_jobs(courier_t *self, int64_t now_us);
