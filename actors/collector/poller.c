/*  poller -- see poller.h. */
#include "actors/collector/poller.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/collector/fetch.h"
#include "actors/collector/lateness.h"
#include "actors/collector/peek.h"
#include "actors/collector/schedule.h"
#include "actors/collector/targets.h"
#include "actors/collector/verdict.h"
#include "broker/runtime/life.h"
#include "broker/runtime/log.h"
#include "proto/owned.h"

enum { SAY_AGAIN_US = 60 * 1000000, FADE_US = 5 * 1000000 };

struct poller {
    schedule_t *schedule;
    fetch_t *fetch;
    peek_t *peek;
    targets_t targets;
    bool holding;
    target_t *holder; // whose answer is held
    fetched_t fetched;
    polled_t held;
    poller_count_t counted;
    size_t gaps; // targets with one to be told
    lateness_t late;
    int64_t fade_us;
};

// ---- life -----------------------------------------------------------------------------------

// Every run jitters otherwise, or restarted collectors would all ask at the same moments.
static uint64_t s_seed(int64_t mono_us)
{
    uint64_t seed;
    return life_random(&seed, sizeof seed) ? seed : (uint64_t) mono_us;
}

static void s_inherit(poller_t *self, const poller_t *old)
{
    unsigned known;
    for (size_t i = 0; i < self->targets.host_count; i++)
        if (targets_find_host(&old->targets, self->targets.hosts[i], &known))
            schedule_inherit(self->schedule, i, old->schedule, known);
}

static bool s_set_up(poller_t *self, const settings_t *settings, int64_t mono_us)
{
    self->peek = peek_new();
    if (!targets_init(&self->targets, settings) || !self->peek)
        return false;
    const targets_t *targets = &self->targets;
    schedule_source_t *sources = calloc(targets->count + 1, sizeof *sources);
    for (size_t i = 0; sources && i < targets->count; i++)
        sources[i] =
            (schedule_source_t){ targets->items[i].source->every_us, targets->items[i].host };
    if (sources)
        self->schedule = schedule_new(sources, targets->count, targets->budgets,
                                      targets->host_count, s_seed(mono_us), mono_us);
    free(sources);
    return self->schedule != NULL;
}

poller_t *poller_new(const settings_t *settings, const poller_t *old, int64_t mono_us,
                     fault_t *fault)
{
    owned(poller_destroy) poller_t *self = calloc(1, sizeof *self);
    if (!self || !s_set_up(self, settings, mono_us)) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->fetch = fetch_new(fault);
    if (!self->fetch)
        return NULL;
    if (old)
        s_inherit(self, old);
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
    peek_destroy(&self->peek);
    targets_clear(&self->targets);
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

// ---- good and bad ---------------------------------------------------------------------------

static void s_failed(poller_t *self, target_t *target, const answer_t *answer, int64_t mono_us)
{
    schedule_done(self->schedule, (int) (target - self->targets.items), answer, false, mono_us);
    target_turn_back(target);
    self->counted.failed++;
    target->failures++;
    target->untold++;
    if (!target->failing) {
        target->since_us = mono_us;
        self->counted.failing++;
    } else if (mono_us - target->told_us < SAY_AGAIN_US)
        return;
    log_event(LOG_WARNING, "poll failed", "source=%s reason=%s failures=%llu", target->source->name,
              log_quote(target->reason), (unsigned long long) target->untold);
    target->failing = true;
    target->told_us = mono_us;
    target->untold = 0;
}

static void s_end_gap(poller_t *self, target_t *target, int64_t mono_us)
{
    self->counted.failing--;
    target->failing = false;
    target->untold = 0;
    if (!target->gap_to_us) { // else the earlier one, which was not taken yet, goes on
        target->gap_from_us = target->since_us;
        self->gaps++;
    }
    target->gap_to_us = mono_us;
}

static void s_good(poller_t *self, target_t *target, const answer_t *answer, bool more,
                   int64_t mono_us)
{
    schedule_done(self->schedule, (int) (target - self->targets.items), answer, more, mono_us);
    if (!more)
        target_turn_back(target);
    self->counted.good++;
    if (!target->failing)
        return;
    log_event(LOG_INFO, "poll works again", "source=%s", target->source->name);
    s_end_gap(self, target, mono_us);
}

void poller_end_gaps(poller_t *self, int64_t mono_us)
{
    for (size_t i = 0; i < self->targets.count; i++)
        if (self->targets.items[i].failing)
            s_end_gap(self, &self->targets.items[i], mono_us);
}

bool poller_take_gap(poller_t *self, poller_gap_t *gap)
{
    for (size_t i = 0; self->gaps > 0 && i < self->targets.count; i++) {
        target_t *target = &self->targets.items[i];
        if (!target->gap_to_us)
            continue;
        *gap = (poller_gap_t){ target->source, target->gap_from_us, target->gap_to_us };
        target->gap_to_us = 0;
        self->gaps--;
        return true;
    }
    return false;
}

// ---- asking ---------------------------------------------------------------------------------

static void s_ask(poller_t *self, int index, int64_t mono_us)
{
    static const page_t first = { .number = 0 };
    target_t *target = &self->targets.items[index];
    owned(buffer_destroy) buffer_t url = { 0 };
    request_url(target->source, target->page ? target->page : &first, &url);
    fetch_ask_t ask = { .source = target->source,
                        .url = buffer_string(&url),
                        .etag = target->etag,
                        .modified = target->modified,
                        .tag = (unsigned) index };
    fault_t fault = { 0 };
    if (url.failed)
        fault_set(&fault, "out of memory");
    else if (fetch_start(self->fetch, &ask, &fault))
        return;
    verdict_t verdict = { .error = fault.text };
    verdict_reason(&verdict, target->source, target->reason, sizeof target->reason);
    s_failed(self, target, &(answer_t){ .kind = ANSWER_BAD }, mono_us);
}

void poller_work(poller_t *self, int64_t mono_us)
{
    int64_t late_us;
    for (int index; fetch_has_room(self->fetch) &&
                    (index = schedule_take(self->schedule, mono_us, &late_us)) >= 0;) {
        if (late_us >= 0)
            lateness_add(&self->late, late_us);
        s_ask(self, index, mono_us);
    }
    if (mono_us >= self->fade_us) {
        lateness_fade(&self->late);
        self->fade_us = mono_us + FADE_US;
    }
    fetch_drive(self->fetch);
}

// ---- what came ------------------------------------------------------------------------------

static answer_t s_answer(const poller_t *self, const target_t *target, const verdict_t *verdict,
                         int64_t wall_us)
{
    answer_t answer = { .kind = verdict_kind(verdict),
                        .retry_after_us = verdict->retry_after_us,
                        .followed = self->fetched.redirects };
    allowance_settle(&self->fetched.allowance, &self->targets.budgets[target->host], wall_us,
                     &answer);
    return answer;
}

// Beside its rows: is there another page, and what is left? False (fault): no way to the next page.
static bool s_look_in(poller_t *self, target_t *target, answer_t *answer, bool *more,
                      fault_t *fault)
{
    peeked_t peeked = { 0 };
    bool asked = target->source->paged || target->source->allowance;
    bool good = !asked || peek_read(self->peek, target->source, self->fetched.body, target->page,
                                    &peeked, fault);
    if (peeked.limited) {
        answer->limited = true;
        answer->left = peeked.left;
        answer->renewed_us = 0;
    }
    *more = peeked.more;
    return good;
}

static void s_hold(poller_t *self, target_t *target, bool torn)
{
    self->holder = target;
    self->held = (polled_t){ target->source, torn, self->fetched.body };
}

// True: there is something to stage.
static bool s_judge(poller_t *self, target_t *target, int64_t mono_us, int64_t wall_us)
{
    const fetched_t *fetched = &self->fetched;
    verdict_t verdict = { .error = fetched->error,
                          .status = fetched->status,
                          .retry_after_us = fetched->retry_after_us,
                          .conditional = target->etag || target->modified,
                          .body = fetched->body };
    answer_t answer = s_answer(self, target, &verdict, wall_us);
    bool success = fetched->status >= 200 && fetched->status < 300;
    bool torn = success && fetched->error && fetched->body.size > 0;
    bool more = false;
    fault_t fault;
    if (answer.kind != ANSWER_GOOD) {
        if (!success) // what is left stands in refusals too; there is no next page
            (void) s_look_in(self, target, &answer, &more, &fault);
        verdict_reason(&verdict, target->source, target->reason, sizeof target->reason);
        s_failed(self, target, &answer, mono_us);
        self->counted.torn += torn;
        s_hold(self, target, torn);
        return torn;
    }
    if (!success) {
        self->counted.unchanged++;
        s_good(self, target, &answer, false, mono_us);
        return false;
    }
    if (s_look_in(self, target, &answer, &more, &fault))
        s_good(self, target, &answer, more, mono_us);
    else {
        verdict = (verdict_t){ .error = fault.text };
        verdict_reason(&verdict, target->source, target->reason, sizeof target->reason);
        answer.kind = ANSWER_BAD;
        s_failed(self, target, &answer, mono_us);
    }
    s_hold(self, target, false);
    return true;
}

bool poller_take(poller_t *self, int64_t mono_us, int64_t wall_us, polled_t *polled)
{
    while (!self->holding && fetch_take(self->fetch, wall_us, &self->fetched))
        self->holding = s_judge(self, &self->targets.items[self->fetched.tag], mono_us, wall_us);
    if (self->holding)
        *polled = self->held;
    return self->holding;
}

void poller_done(poller_t *self)
{
    assert(self->holding);
    self->holding = false;
    if (self->held.torn || !target_is_conditional(self->holder))
        return;
    target_remember(self->holder, self->fetched.etag, self->fetched.modified);
}

// ---- telling --------------------------------------------------------------------------------

poller_count_t poller_count(const poller_t *self)
{
    return self->counted;
}

int64_t poller_late_us(const poller_t *self, double share)
{
    return lateness_quantile_us(&self->late, share);
}

static bool s_is_troubled(const poller_t *self, size_t index, int64_t mono_us,
                          poller_trouble_t *trouble)
{
    const target_t *target = &self->targets.items[index];
    int64_t due_us, held_us = schedule_held_us(self->schedule, (int) index, mono_us, &due_us);
    *trouble = (poller_trouble_t){ .source = target->source->name,
                                   .failures = target->failures,
                                   .since_us = target->failing ? target->since_us : due_us };
    if (target->failing)
        snprintf(trouble->reason, sizeof trouble->reason, "%s", target->reason);
    else if (held_us >= POLLER_HELD_US)
        snprintf(trouble->reason, sizeof trouble->reason,
                 "held back for %lld s more, as its host or `budgets` want it",
                 (long long) (held_us / 1000000));
    return target->failing || held_us >= POLLER_HELD_US;
}

bool poller_trouble(const poller_t *self, int64_t mono_us, size_t *index, poller_trouble_t *trouble)
{
    while (*index < self->targets.count)
        if (s_is_troubled(self, (*index)++, mono_us, trouble))
            return true;
    return false;
}
