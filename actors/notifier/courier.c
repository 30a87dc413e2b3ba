/*  courier -- see courier.h. */
#include "actors/notifier/courier.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/notifier/deliver.h"
#include "actors/notifier/retry.h"
#include "actors/notifier/subscription.h"
#include "broker/runtime/fault_point.h"
#include "broker/runtime/life.h"
#include "proto/owned.h"

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
    JOB_RETURNED, // to go back to Redis unsent: too many wait for its host
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
    int64_t delay_ms;
    char error[ERROR_MAX];
} job_t;

struct courier {
    store_t *store;
    deliver_t *deliver;
    int64_t look_us; // when to look for due ones
    courier_count_t count;
    job_t jobs[JOBS_MAX];
};

courier_t *courier_new(store_t *store, bool allow_private, fault_t *fault)
{
    owned(courier_destroy) courier_t *self = calloc(1, sizeof *self);
    if (!self) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->store = store;
    self->deliver = deliver_new(allow_private, fault);
    if (!self->deliver)
        return NULL;
    courier_t *given = self;
    self = NULL;
    return given;
}

void courier_destroy(courier_t **self_p)
{
    courier_t *self = *self_p;
    if (!self)
        return;
    deliver_destroy(&self->deliver);
    for (size_t i = 0; i < JOBS_MAX; i++) {
        buffer_destroy(&self->jobs[i].body);
        buffer_destroy(&self->jobs[i].address);
    }
    free(self);
    *self_p = NULL;
}

void courier_allow_private(courier_t *self, bool allow)
{
    deliver_allow_private(self->deliver, allow);
}

void courier_wake(courier_t *self)
{
    self->look_us = 0;
}

bool courier_busy(const courier_t *self)
{
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (self->jobs[i].state == JOB_SENT || self->jobs[i].state == JOB_ENDED)
            return true;
    return false;
}

int64_t courier_due_us(const courier_t *self)
{
    return self->look_us;
}

void courier_wait(courier_t *self, const int *descriptors, size_t count, int wait_ms)
{
    deliver_wait(self->deliver, descriptors, count, wait_ms);
}

courier_count_t courier_count(const courier_t *self)
{
    return self->count;
}

// ---- outcomes -------------------------------------------------------------------------------

static void job_end(job_t *job, outcome_t outcome, const char *error)
{
    job->state = JOB_ENDED;
    job->outcome = outcome;
    snprintf(job->error, sizeof job->error, "%.*s", ERROR_MAX - 1, error);
}

// Failed for now: again later, or never when the schedule is used up.
static void job_fail(job_t *job, int64_t asked_ms, const char *error)
{
    uint32_t random = 0;
    (void) life_random(&random, sizeof random); // without it the delay is merely not spread
    bool again = retry_wait_ms(job->attempts + 1, asked_ms, random, &job->delay_ms);
    job_end(job, again ? OUTCOME_RETRY : OUTCOME_DEAD, error);
}

// Its receiver wants no more: this address of the subscriber is switched off.
static store_status_t tell_gone(courier_t *self, job_t *job)
{
    char name[BULLETIN_NAME_MAX + 1], field[GONE_FIELD_MAX];
    const char *channel;
    if (!subscription_split(job->recipient, name, &channel))
        return STORE_REFUSED;
    subscription_gone(channel, field);
    return store_subscriber_gone(self->store, name, field, buffer_string(&job->address));
}

static store_status_t tell(courier_t *self, job_t *job)
{
    switch (job->outcome) {
    case OUTCOME_DONE:
        return store_delivery_done(self->store, job->alert_id, job->recipient);
    case OUTCOME_RETRY:
        return store_delivery_retry(self->store, job->alert_id, job->recipient, job->delay_ms,
                                    job->error);
    case OUTCOME_GONE:
        if (tell_gone(self, job) == STORE_DOWN)
            return STORE_DOWN;
        return store_delivery_dead(self->store, job->alert_id, job->recipient, job->error);
    case OUTCOME_DEAD:
        return store_delivery_dead(self->store, job->alert_id, job->recipient, job->error);
    }
    return STORE_REFUSED;
}

static void count_outcome(courier_t *self, const job_t *job)
{
    switch (job->outcome) {
    case OUTCOME_DONE:
        self->count.delivered++;
        break;
    case OUTCOME_RETRY:
        self->count.retried++;
        break;
    case OUTCOME_DEAD:
    case OUTCOME_GONE:
        self->count.dead++;
        break;
    }
}

// With Redis away an outcome is kept until it can be told, or until the delivery is due again.
static void tell_outcomes(courier_t *self, int64_t now_us)
{
    for (size_t i = 0; i < JOBS_MAX; i++) {
        job_t *job = &self->jobs[i];
        if (job->state != JOB_ENDED)
            continue;
        store_status_t status = tell(self, job);
        if (status == STORE_DOWN && now_us - job->claimed_us < HIDDEN_MS * INT64_C(1000))
            return;
        if (status == STORE_OK)
            count_outcome(self, job);
        job->state = JOB_FREE;
        self->look_us = 0;
    }
}

// ---- attempts -------------------------------------------------------------------------------

typedef struct {
    courier_t *courier;
    job_t *job;
    const char *channel; // of the recipient
} attempt_t;

static void send(const attempt_t *attempt, const letter_t *letter)
{
    job_t *job = attempt->job;
    fault_t fault = { 0 };
    if (!deliver_host(letter->url, job->host, &fault)) {
        job_fail(job, 0, fault.text);
        return;
    }
    switch (deliver_start(attempt->courier->deliver, letter,
                          (size_t) (job - attempt->courier->jobs), &fault)) {
    case DELIVER_STARTED:
        job->state = JOB_SENT;
        break;
    case DELIVER_BUSY:
        break; // stays queued
    case DELIVER_REFUSED:
        job_fail(job, 0, fault.text);
        break;
    }
}

static void start_attempt(void *context, const store_subscriber_t *subscriber)
{
    const attempt_t *attempt = context;
    job_t *job = attempt->job;
    channel_t channel;
    char id[SUBSCRIPTION_ID_MAX];
    notice_t notice;
    if (!subscription_channel(subscriber, attempt->channel, &channel)) {
        job_end(job, OUTCOME_DEAD, "there is no such channel");
        return;
    }
    if (channel.refusal[0]) {
        job_end(job, OUTCOME_DEAD, channel.refusal);
        return;
    }
    if (!notice_read(&notice, buffer_slice(&job->body)) ||
        !subscription_id(job->alert_id, job->recipient, id)) {
        job_end(job, OUTCOME_DEAD, "what waits is no alert");
        return;
    }
    buffer_clear(&job->address);
    buffer_text(&job->address, channel.address);
    fault_t fault = { 0 };
    owned(letter_destroy) letter_t letter = { 0 };
    if (letter_write(&letter, subscriber, &channel, &notice, id, life_wall_us(), &fault))
        send(attempt, &letter);
    else
        job_fail(job, 0, fault.text);
}

// Does this job find its host full, and others enough that wait for the same?
static bool is_too_many(const courier_t *self, const job_t *job)
{
    size_t queued = 0;
    for (size_t i = 0; i < JOBS_MAX; i++)
        queued += self->jobs[i].state == JOB_QUEUED && strcmp(self->jobs[i].host, job->host) == 0;
    return job->state == JOB_QUEUED && queued > QUEUED_PER_HOST_MAX;
}

// As long as the host keeps others waiting: a quick one soon has room again.
static int64_t return_ms(const courier_t *self, const char *host, int64_t now_us)
{
    int64_t ms = RETURN_MS_MIN;
    for (size_t i = 0; i < JOBS_MAX; i++) {
        const job_t *job = &self->jobs[i];
        if (job->state == JOB_SENT && strcmp(job->host, host) == 0 &&
            now_us - job->claimed_us > ms * 1000)
            ms = (now_us - job->claimed_us) / 1000;
    }
    return ms < RETURN_MS_MAX ? ms : RETURN_MS_MAX;
}

static void return_jobs(courier_t *self, int64_t now_us)
{
    store_claimed_t items[JOBS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < JOBS_MAX; i++) {
        job_t *job = &self->jobs[i];
        if (job->state != JOB_RETURNED)
            continue;
        items[count++] =
            (store_claimed_t){ job->alert_id, job->recipient, return_ms(self, job->host, now_us) };
        job->state = JOB_FREE;
    }
    // With Redis away they are due again when they stop being hidden.
    if (count > 0 && store_delivery_return(self->store, items, count) == STORE_OK)
        self->look_us = 0; // others may have their places
}

static void start_queued(courier_t *self, int64_t now_us)
{
    for (size_t i = 0; i < JOBS_MAX; i++) {
        job_t *job = &self->jobs[i];
        if (job->state != JOB_QUEUED)
            continue;
        if (now_us - job->claimed_us > PATIENCE_MS * INT64_C(1000)) {
            job->state = JOB_RETURNED;
            continue;
        }
        if (job->host[0] && !deliver_has_room(self->deliver, job->host))
            continue; // asked for room before: do not ask Redis again and again
        char name[BULLETIN_NAME_MAX + 1];
        attempt_t attempt = { .courier = self, .job = job };
        if (!subscription_split(job->recipient, name, &attempt.channel)) {
            job_end(job, OUTCOME_DEAD, "there is no such recipient");
            continue;
        }
        store_status_t status = store_subscriber(self->store, name, start_attempt, &attempt);
        if (status == STORE_DOWN)
            return;
        if (status != STORE_OK)
            job_fail(job, 0, "the subscriber's key is not a hash");
        if (is_too_many(self, job))
            job->state = JOB_RETURNED;
    }
}

static void take_answers(courier_t *self)
{
    for (answer_t answer; deliver_next(self->deliver, &answer);) {
        job_t *job = &self->jobs[answer.tag];
        FAULT_POINT("delivery.answered");
        switch (answer.verdict) {
        case VERDICT_DELIVERED:
            job_end(job, OUTCOME_DONE, "");
            break;
        case VERDICT_RETRY:
            job_fail(job, answer.retry_after_ms, answer.error);
            break;
        case VERDICT_GONE:
            job_end(job, OUTCOME_GONE, "HTTP 410: the receiver wants no more");
            break;
        }
    }
}

static size_t free_jobs(const courier_t *self)
{
    size_t count = 0;
    for (size_t i = 0; i < JOBS_MAX; i++)
        count += self->jobs[i].state == JOB_FREE;
    return count;
}

static void queue_job(void *context, const store_delivery_t *delivery)
{
    courier_t *self = context;
    job_t *job = self->jobs;
    while (job < self->jobs + JOBS_MAX && job->state != JOB_FREE)
        job++;
    if (job == self->jobs + JOBS_MAX || strlen(delivery->alert_id) >= sizeof job->alert_id ||
        strlen(delivery->recipient) >= sizeof job->recipient)
        return; // due again later
    buffer_clear(&job->address);
    buffer_clear(&job->body);
    job->host[0] = '\0';
    buffer_append(&job->body, delivery->body.data, delivery->body.size);
    if (job->body.failed)
        return;
    strcpy(job->alert_id, delivery->alert_id);
    strcpy(job->recipient, delivery->recipient);
    job->attempts = delivery->attempts;
    job->claimed_us = life_mono_us();
    job->state = JOB_QUEUED;
}

// Of whom deliveries wait here for a place gets no more for now.
static size_t find_busy(const courier_t *self, const char *names[JOBS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (self->jobs[i].state == JOB_QUEUED)
            names[count++] = self->jobs[i].recipient;
    return count;
}

static void look_for_due(courier_t *self, int64_t now_us)
{
    int64_t next_ms = -1;
    const char *busy[JOBS_MAX];
    store_claim_t claim = {
        .count = (unsigned) free_jobs(self),
        .each = DELIVER_PER_HOST_MAX,
        .hidden_ms = HIDDEN_MS,
        .busy_count = find_busy(self, busy),
        .busy = busy,
    };
    bool asked =
        claim.count > 0 && store_delivery_due(self->store, &claim, queue_job, self) == STORE_OK;
    if (store_delivery_waiting(self->store, &self->count.waiting, &next_ms) != STORE_OK)
        next_ms = -1;
    int64_t look_ms = next_ms < 0 || next_ms > LOOK_MS ? LOOK_MS : next_ms;
    // What is due now but found no room is looked for when an outcome makes some.
    self->look_us = now_us + (asked && look_ms > 0 ? look_ms : LOOK_MS) * 1000;
}

void courier_step(courier_t *self, int64_t now_us, bool fetch)
{
    take_answers(self);
    tell_outcomes(self, now_us);
    if (fetch && now_us >= self->look_us)
        look_for_due(self, now_us);
    if (fetch) {
        start_queued(self, now_us);
        return_jobs(self, now_us);
    }
}
