/*  courier_send -- see courier_inside.h: one attempt, and whose turn it is. */
#include <stdio.h>

#include "actors/notifier/courier_inside.h"
#include "broker/runtime/life.h"
#include "broker/store_pass.h"
#include "proto/owned.h"

typedef struct {
    courier_t *courier;
    job_t *job;
    const char *channel; // of the recipient
} attempt_t;

// All commands share their places, and all mails, as the letters to one host do.
static const char commands_host[] = "command", mails_host[] = "mail";

static bool has_room(const courier_t *self, const char *host)
{
    if (strcmp(host, commands_host) == 0)
        return runner_has_room(self->commands);
    if (strcmp(host, mails_host) == 0)
        return runner_has_room(self->mails);
    return deliver_has_room(self->deliver, host);
}

static deliver_status_t start(courier_t *self, job_t *job, const letter_t *letter, fault_t *fault)
{
    size_t tag = (size_t) (job - self->jobs);
    switch (letter->kind) {
    case LETTER_COMMAND:
        strcpy(job->host, commands_host);
        return runner_start(self->commands, letter, tag, life_mono_us(), fault);
    case LETTER_MAIL:
        strcpy(job->host, mails_host);
        return runner_start(self->mails, letter, tag, life_mono_us(), fault);
    case LETTER_REQUEST:
        break;
    }
    return deliver_host(letter->url, job->host, fault)
               ? deliver_start(self->deliver, letter, tag, fault)
               : DELIVER_REFUSED;
}

static void send(const attempt_t *attempt, const letter_t *letter)
{
    job_t *job = attempt->job;
    fault_t fault = { 0 };
    switch (start(attempt->courier, job, letter, &fault)) {
    case DELIVER_STARTED:
        job->state = JOB_SENT;
        break;
    case DELIVER_BUSY:
        break; // stays queued
    case DELIVER_REFUSED:
        courier_fail(job, 0, fault.text);
        break;
    }
}

// May one more go to this recipient now? If not, it has been said when, or it stays queued.
static bool is_in_time(const attempt_t *attempt, const store_subscriber_t *subscriber)
{
    job_t *job = attempt->job;
    budget_t rate;
    fault_t fault = { 0 };
    if (!subscription_rate(subscriber, &rate, &fault)) {
        courier_fail(job, 0, fault.text);
        return false;
    }
    if (rate.count == 0)
        return true;
    if (store_delivery_pace(attempt->courier->store, job->alert_id, job->recipient, rate.count,
                            rate.window_us / 1000, &job->delay_ms) != STORE_OK)
        return false;
    if (job->delay_ms == 0)
        return true;
    if (job->waited_ms >= DELIVERY_WAITS_S * INT64_C(1000)) {
        courier_end(job, OUTCOME_EXPIRED, "has waited for 7 days for its turn at this rate");
        return false;
    }
    if (job->delay_ms > PACED_MS_MAX)
        job->delay_ms = PACED_MS_MAX;
    job->state = JOB_RETURNED;
    return false;
}

// Who mends a subscriber by DEL and HSET is not there for a moment.
static void miss(job_t *job)
{
    if (job->missed && job->attempts >= MISSED_MAX) {
        courier_end(job, OUTCOME_DEAD, subscription_missing);
        return;
    }
    courier_fail(job, 0, subscription_missing);
    if (job->delay_ms > MISSED_MS)
        job->delay_ms = MISSED_MS;
}

// Our configuration has not what it takes. Another notifier may, if there are several; else it is
// tried again as after a failure, until there is one.
static void pass(courier_t *self, job_t *job, const char *reason)
{
    const store_claimed_t item = { job->alert_id, job->recipient, job->claim, job->due, 0 };
    store_status_t status = self->parts > 1
                                ? store_delivery_pass(self->store, &item, self->parts, self->part)
                                : STORE_STALE;
    if (status == STORE_DOWN)
        return; // stays queued
    if (status == STORE_STALE) {
        courier_fail(job, 0, reason);
        return;
    }
    self->count.passed += status == STORE_OK;
    job->state = JOB_FREE;
    self->look_us = 0;
}

static void start_attempt(void *context, const store_subscriber_t *subscriber)
{
    const attempt_t *attempt = context;
    job_t *job = attempt->job;
    channel_t channel;
    char id[SUBSCRIPTION_ID_MAX];
    notice_t notice;
    if (!subscription_channel(subscriber, attempt->courier->means, attempt->channel, &channel)) {
        pass(attempt->courier, job, "the configuration has no such channel");
        return;
    }
    if (!channel.address) {
        miss(job);
        return;
    }
    if (channel.refusal[0] && channel.off) {
        courier_end(job, OUTCOME_DEAD, channel.refusal);
        return;
    }
    if (channel.refusal[0]) {
        pass(attempt->courier, job, channel.refusal);
        return;
    }
    if (!notice_read(&notice, buffer_slice(&job->body)) ||
        !subscription_id(job->alert_id, job->recipient, id)) {
        courier_end(job, OUTCOME_DEAD, "what waits is no alert");
        return;
    }
    __attribute__((cleanup(gathered_destroy))) gathered_t gathered = { .group = { .count = 0 } };
    if (!courier_may_go(attempt->courier, job, subscriber, &channel, &notice, &gathered))
        return;
    buffer_clear(&job->address);
    buffer_text(&job->address, channel.address);
    fault_t fault = { 0 };
    owned(letter_destroy) letter_t letter = { 0 };
    if (!letter_write(&letter, subscriber, &channel, &notice, id, life_wall_us(), &fault))
        courier_fail(job, 0, fault.text);
    else if (is_in_time(attempt, subscriber))
        send(attempt, &letter);
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

void courier_return_jobs(courier_t *self, int64_t now_us)
{
    store_claimed_t items[JOBS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < JOBS_MAX; i++) {
        job_t *job = &self->jobs[i];
        if (job->state != JOB_RETURNED)
            continue;
        int64_t delay_ms = job->delay_ms > 0 ? job->delay_ms : return_ms(self, job->host, now_us);
        items[count++] =
            (store_claimed_t){ job->alert_id, job->recipient, job->claim, job->due, delay_ms };
        job->state = JOB_FREE;
    }
    // With Redis away they are due again when they stop being hidden.
    if (count > 0 && store_delivery_return(self->store, items, count) == STORE_OK)
        self->look_us = 0; // others may have their places
}

void courier_start_queued(courier_t *self, int64_t now_us)
{
    for (size_t i = 0; i < JOBS_MAX; i++) {
        job_t *job = &self->jobs[i];
        if (job->state != JOB_QUEUED)
            continue;
        if (now_us - job->claimed_us > PATIENCE_MS * INT64_C(1000)) {
            job->state = JOB_RETURNED;
            continue;
        }
        if (job->host[0] && !has_room(self, job->host))
            continue; // asked for room before: do not ask Redis again and again
        char name[BULLETIN_NAME_MAX + 1];
        attempt_t attempt = { .courier = self, .job = job };
        if (!subscription_split(job->recipient, name, &attempt.channel)) {
            courier_end(job, OUTCOME_DEAD, "there is no such recipient");
            continue;
        }
        store_status_t status = store_subscriber(self->store, name, start_attempt, &attempt);
        if (status == STORE_DOWN)
            return;
        if (status != STORE_OK)
            courier_fail(job, 0, "the subscriber's key is not a hash");
        if (is_too_many(self, job))
            job->state = JOB_RETURNED;
    }
}
