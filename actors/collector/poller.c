/*  poller -- see poller.h. */
#include "actors/collector/poller.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/collector/fetch.h"
#include "actors/collector/schedule.h"
#include "broker/runtime/life.h"
#include "broker/runtime/log.h"
#include "proto/owned.h"

enum { SAY_AGAIN_US = 60 * 1000000 };

typedef struct {
    const source_t *source;
    bool failing;
    int64_t told_us;   // when its failing was logged last
    uint64_t failures; // since then
} target_t;

struct poller {
    schedule_t *schedule;
    fetch_t *fetch;
    size_t count;
    target_t *targets;
    bool holding;
    polled_t held;
    poller_count_t counted;
};

// Every run jitters otherwise, or restarted collectors would all ask at the same moments.
static uint64_t s_seed(int64_t mono_us)
{
    uint64_t seed;
    return life_random(&seed, sizeof seed) ? seed : (uint64_t) mono_us;
}

poller_t *poller_new(const settings_t *settings, int64_t mono_us, fault_t *fault)
{
    owned(poller_destroy) poller_t *self = calloc(1, sizeof *self);
    int64_t *every_us = calloc(settings->source_count + 1, sizeof *every_us);
    if (self)
        self->targets = calloc(settings->source_count + 1, sizeof *self->targets);
    if (self && self->targets && every_us) {
        for (size_t i = 0; i < settings->source_count; i++) {
            const source_t *source = &settings->sources[i];
            if (source->kind != SOURCE_HTTP)
                continue;
            every_us[self->count] = source->every_us;
            self->targets[self->count++].source = source;
        }
        self->schedule = schedule_new(every_us, self->count, s_seed(mono_us), mono_us);
    }
    free(every_us);
    if (!self || !self->schedule) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->fetch = fetch_new(fault);
    if (!self->fetch)
        return NULL;
    poller_t *given = self;
    self = NULL;
    return given;
}

void poller_destroy(poller_t **self_p)
{
    poller_t *self = *self_p;
    if (!self)
        return;
    fetch_destroy(&self->fetch);
    schedule_destroy(&self->schedule);
    free(self->targets);
    free(self);
    *self_p = NULL;
}

int poller_descriptor(const poller_t *self)
{
    return fetch_descriptor(self->fetch);
}

int64_t poller_next_us(const poller_t *self)
{
    // Without room nothing can be started; an answer that comes makes the descriptor readable.
    return fetch_has_room(self->fetch) ? schedule_next_us(self->schedule) : INT64_MAX;
}

static void s_failed(poller_t *self, int index, const char *reason, int64_t retry_after_us,
                     int64_t mono_us)
{
    target_t *target = &self->targets[index];
    schedule_done(self->schedule, index, false, retry_after_us, mono_us);
    self->counted.failed++;
    target->failures++;
    if (target->failing && mono_us - target->told_us < SAY_AGAIN_US)
        return;
    log_event(LOG_WARNING, "poll failed", "source=%s reason=%s failures=%llu", target->source->name,
              log_quote(reason), (unsigned long long) target->failures);
    target->failing = true;
    target->told_us = mono_us;
    target->failures = 0;
}

static void s_good(poller_t *self, int index, int64_t mono_us)
{
    target_t *target = &self->targets[index];
    schedule_done(self->schedule, index, true, 0, mono_us);
    self->counted.good++;
    if (target->failing)
        log_event(LOG_INFO, "poll works again", "source=%s", target->source->name);
    target->failing = false;
    target->failures = 0;
}

void poller_work(poller_t *self, int64_t mono_us)
{
    for (int index;
         fetch_has_room(self->fetch) && (index = schedule_take(self->schedule, mono_us)) >= 0;) {
        fault_t fault;
        if (!fetch_start(self->fetch, self->targets[index].source, (unsigned) index, &fault))
            s_failed(self, index, fault.text, 0, mono_us);
    }
    fetch_drive(self->fetch);
}

// The next answer, good or bad, becomes `held` if it is good.
static bool s_take(poller_t *self, int64_t mono_us)
{
    fetched_t fetched;
    while (fetch_take(self->fetch, &fetched)) {
        int index = (int) fetched.tag;
        if (!fetched.error && fetched.status >= 200 && fetched.status < 300) {
            s_good(self, index, mono_us);
            self->held = (polled_t){ self->targets[index].source, fetched.body };
            return true;
        }
        char status[32];
        snprintf(status, sizeof status, "HTTP status %d", fetched.status);
        s_failed(self, index, fetched.error ? fetched.error : status, fetched.retry_after_us,
                 mono_us);
    }
    return false;
}

bool poller_take(poller_t *self, int64_t mono_us, polled_t *polled)
{
    if (!self->holding)
        self->holding = s_take(self, mono_us);
    if (self->holding)
        *polled = self->held;
    return self->holding;
}

void poller_done(poller_t *self)
{
    assert(self->holding);
    self->holding = false;
}

poller_count_t poller_count(const poller_t *self)
{
    return self->counted;
}
