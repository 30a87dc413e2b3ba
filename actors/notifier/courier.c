/*  courier -- see courier.h. */
#include "actors/notifier/courier.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/notifier/bulletin.h"
#include "actors/notifier/courier_inside.h"
#include "actors/notifier/retry.h"
#include "broker/runtime/fault_point.h"
#include "broker/runtime/life.h"
#include "broker/store_silences.h"
#include "proto/owned.h"

courier_t *courier_new(store_t *store, const means_t *means, bool allow_private, fault_t *fault)
{
    owned(courier_destroy) courier_t *self = calloc(1, sizeof *self);
    if (!self) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->store = store;
    self->means = means;
    self->zones = zones_new();
    if (!self->zones)
        return fault_set(fault, "out of memory"), NULL;
    self->deliver = deliver_new(allow_private, fault);
    self->commands = self->deliver ? runner_new(fault) : NULL;
    self->mails = self->commands ? runner_new(fault) : NULL;
    if (!self->mails)
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
    runner_destroy(&self->commands);
    runner_destroy(&self->mails);
    zones_destroy(&self->zones);
    for (size_t i = 0; i < JOBS_MAX; i++) {
        buffer_destroy(&self->jobs[i].body);
        buffer_destroy(&self->jobs[i].address);
    }
    free(self);
    *self_p = NULL;
}

void courier_use(courier_t *self, const means_t *means, bool allow_private)
{
    self->means = means;
    deliver_allow_private(self->deliver, allow_private);
}

void courier_heed(courier_t *self, const silences_t *silences)
{
    self->silences = silences;
}

void courier_share(courier_t *self, unsigned parts, unsigned part)
{
    assert(part < parts);
    if (parts != self->parts || part != self->part)
        self->look_us = 0;
    self->parts = parts;
    self->part = part;
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
    int64_t due_us = runner_due_us(self->commands), mail_us = runner_due_us(self->mails);
    due_us = mail_us < due_us ? mail_us : due_us;
    return due_us < self->look_us ? due_us : self->look_us;
}

void courier_wait(courier_t *self, const int *descriptors, size_t count, int wait_ms)
{
    int all[COURIER_WAIT_MAX + 2 * RUNNER_AT_ONCE_MAX];
    assert(count <= COURIER_WAIT_MAX);
    memcpy(all, descriptors, count * sizeof *all);
    runner_descriptors(self->commands, all + count);
    runner_descriptors(self->mails, all + count + RUNNER_AT_ONCE_MAX);
    deliver_wait(self->deliver, all, count + 2 * RUNNER_AT_ONCE_MAX, wait_ms);
}

courier_count_t courier_count(const courier_t *self)
{
    return self->count;
}

// ---- outcomes -------------------------------------------------------------------------------

void courier_end(job_t *job, outcome_t outcome, const char *error)
{
    job->state = JOB_ENDED;
    job->outcome = outcome;
    snprintf(job->error, sizeof job->error, "%.*s", ERROR_MAX - 1, error);
}

void courier_fail(job_t *job, int64_t asked_ms, const char *error)
{
    uint32_t random = 0;
    (void) life_random(&random, sizeof random); // without it the delay is merely not spread
    bool again = retry_wait_ms(job->attempts + 1, asked_ms, random, &job->delay_ms);
    courier_end(job, again ? OUTCOME_RETRY : OUTCOME_DEAD, error);
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

static store_status_t tell_silenced(courier_t *self, const job_t *job)
{
    const store_told_t told = { .name = job->recipient, .refusal = "" };
    bulletin_t bulletin;
    if (!bulletin_read(&bulletin, buffer_slice(&job->body)))
        return STORE_REFUSED;
    const store_silenced_t news = {
        .alert_id = slice_text(job->alert_id),
        .body = buffer_slice(&job->body),
        .rule = bulletin.rule,
        .series = bulletin.series,
        .kind = bulletin.kind,
        .seq = bulletin.seq,
        .silence = job->error,
    };
    return store_delivery_silence(self->store, &news, true, &told, 1);
}

static store_status_t tell(courier_t *self, job_t *job)
{
    switch (job->outcome) {
    case OUTCOME_DONE:
        return store_delivery_done(self->store, job->alert_id, job->recipient);
    case OUTCOME_RETRY:
        return store_delivery_retry(self->store, job->alert_id, job->recipient, job->claim,
                                    job->delay_ms, job->error);
    case OUTCOME_GONE:
        if (tell_gone(self, job) == STORE_DOWN)
            return STORE_DOWN;
        return store_delivery_dead(self->store, job->alert_id, job->recipient, job->claim,
                                   job->error);
    case OUTCOME_DEAD:
    case OUTCOME_EXPIRED:
        return store_delivery_dead(self->store, job->alert_id, job->recipient, job->claim,
                                   job->error);
    case OUTCOME_SILENCED:
        return tell_silenced(self, job);
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
    case OUTCOME_EXPIRED:
        self->count.expired++;
        self->count.dead++;
        break;
    case OUTCOME_DEAD:
    case OUTCOME_GONE:
        self->count.dead++;
        break;
    case OUTCOME_SILENCED:
        self->count.silenced++;
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

// ---- answers --------------------------------------------------------------------------------

static void take_answer(courier_t *self, const answer_t *answer)
{
    job_t *job = &self->jobs[answer->tag];
    FAULT_POINT("delivery.answered");
    switch (answer->verdict) {
    case VERDICT_DELIVERED:
        courier_end(job, OUTCOME_DONE, "");
        break;
    case VERDICT_RETRY:
        courier_fail(job, answer->retry_after_ms, answer->error);
        break;
    case VERDICT_GONE:
        courier_end(job, OUTCOME_GONE, "HTTP 410: the receiver wants no more");
        break;
    case VERDICT_REFUSED:
        courier_end(job, OUTCOME_DEAD, answer->error);
        break;
    }
}

static void take_answers(courier_t *self, int64_t now_us)
{
    answer_t answer;
    while (deliver_next(self->deliver, &answer) || runner_next(self->commands, now_us, &answer) ||
           runner_next(self->mails, now_us, &answer))
        take_answer(self, &answer);
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
        strlen(delivery->recipient) >= sizeof job->recipient ||
        strlen(delivery->due) >= sizeof job->due || strlen(delivery->claim) >= sizeof job->claim)
        return; // due again later
    buffer_clear(&job->address);
    buffer_clear(&job->body);
    job->host[0] = '\0';
    buffer_append(&job->body, delivery->body.data, delivery->body.size);
    if (job->body.failed)
        return;
    strcpy(job->alert_id, delivery->alert_id);
    strcpy(job->recipient, delivery->recipient);
    strcpy(job->due, delivery->due);
    strcpy(job->claim, delivery->claim);
    job->waited_ms = delivery->waited_ms;
    job->missed = strcmp(delivery->error, subscription_missing) == 0;
    job->leads = delivery->leads;
    job->behind = delivery->behind;
    job->attempts = delivery->attempts;
    job->claimed_us = life_mono_us();
    job->delay_ms = 0;
    job->state = JOB_QUEUED;
    if (delivery->lost)
        courier_end(job, OUTCOME_EXPIRED, "had waited for so long that its record was gone");
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
        .parts = self->parts,
        .part = self->part,
        .busy_count = find_busy(self, busy),
        .busy = busy,
    };
    bool asked =
        claim.count > 0 && store_delivery_due(self->store, &claim, queue_job, self) == STORE_OK;
    if (store_delivery_waiting(self->store, &self->count.waiting, &next_ms) != STORE_OK)
        next_ms = -1;
    // What another plans for us wakes nobody here.
    int64_t most_ms = self->parts > 1 ? SHARED_LOOK_MS : LOOK_MS;
    int64_t look_ms = next_ms < 0 || next_ms > most_ms ? most_ms : next_ms;
    // What is due now but found no room is looked for when an outcome makes some.
    self->look_us = now_us + (asked && look_ms > 0 ? look_ms : most_ms) * 1000;
}

void courier_release(courier_t *self, int64_t now_us)
{
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (self->jobs[i].state == JOB_QUEUED)
            self->jobs[i].state = JOB_RETURNED;
    courier_return_jobs(self, now_us);
}

void courier_step(courier_t *self, int64_t now_us, bool fetch)
{
    take_answers(self, now_us);
    tell_outcomes(self, now_us);
    if (fetch && now_us >= self->look_us)
        look_for_due(self, now_us);
    if (fetch) {
        courier_start_queued(self, now_us);
        courier_return_jobs(self, now_us);
    }
}
