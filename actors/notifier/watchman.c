/*  watchman -- see watchman.h. */
#include "actors/notifier/watchman.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/notifier/census.h"
#include "actors/notifier/degraded.h"
#include "actors/notifier/herald.h"
#include "actors/notifier/reach.h"
#include "actors/notifier/rounds.h"
#include "actors/notifier/subscription.h"
#include "broker/runtime/life.h"
#include "broker/runtime/log.h"
#include "broker/store_degraded.h"
#include "broker/store_delivery.h"
#include "proto/owned.h"

enum {
    LOOK_US_MIN = 1000000,
    LOOK_US_MAX = 5000000,
    LOOKS_EACH = 6,      // at least so many looks make a stretch
    LATE_LOOKS = 3,      // a look that is later begins a stretch anew
    PLANNED_A_STEP = 32, // subscribers
};

typedef enum { JOB_NONE, JOB_RULES, JOB_CENSUS, JOB_PLAN, JOB_RESTORE, JOB_NOTE } job_t;

// Telling one state of one cause, from the beginning each time that it is taken up.
typedef struct {
    job_t step;
    vigil_state_t state;
    reach_t *reach;
    census_t *census;
    store_cursor_t cursor;
    buffer_t page;        // of those to be told that it is over: name, rules, each with its NUL
    buffer_t rules, body; // at hand
    bool full;            // not all subscribers found room in the census
    uint64_t told;        // subscribers
} telling_t;

struct watchman {
    store_t *store;
    publisher_t *publisher;
    const settings_t *settings;
    const means_t *means;
    rounds_t *rounds;
    bool owned;
    bool stuck; // the last look or step failed, and the log knows
    int64_t look_us;
    int64_t again_us; // when the alert socket hears again what lasts
    telling_t job;
    uint64_t planned;
};

static void drop_job(watchman_t *self)
{
    telling_t *job = &self->job;
    reach_destroy(&job->reach);
    census_destroy(&job->census);
    buffer_destroy(&job->page);
    buffer_destroy(&job->rules);
    buffer_destroy(&job->body);
    *job = (telling_t){ .step = JOB_NONE };
}

watchman_t *watchman_new(store_t *store, publisher_t *publisher, const settings_t *settings,
                         const means_t *means, fault_t *fault)
{
    owned(watchman_destroy) watchman_t *self = calloc(1, sizeof *self);
    if (self)
        self->rounds = rounds_new();
    if (!self || !self->rounds)
        return fault_set(fault, "out of memory"), NULL;
    self->store = store;
    self->publisher = publisher;
    watchman_use(self, settings, means);
    watchman_t *made = self;
    self = NULL;
    return made;
}

void watchman_destroy(watchman_t **self_p)
{
    watchman_t *self = *self_p;
    if (!self)
        return;
    drop_job(self);
    rounds_destroy(&self->rounds);
    free(self);
    *self_p = NULL;
}

void watchman_use(watchman_t *self, const settings_t *settings, const means_t *means)
{
    self->settings = settings;
    self->means = means;
    drop_job(self); // it may read the old ones; what is noted is taken up again
}

void watchman_own(watchman_t *self, bool owned)
{
    self->owned = owned;
    drop_job(self);
}

watchman_count_t watchman_count(const watchman_t *self)
{
    return (watchman_count_t){ .degraded = vigil_degraded(rounds_vigil(self->rounds)),
                               .planned = self->planned };
}

// True: all is well with Redis.
static bool is_fine(watchman_t *self, store_status_t status)
{
    bool fine = status == STORE_OK;
    if (!fine && !self->stuck)
        log_event(LOG_WARNING, "cannot look after the watch, trying again", "error=%s",
                  log_quote(status == STORE_FULL ? "out of memory" : store_error(self->store)));
    self->stuck = !fine;
    if (!fine)
        drop_job(self);
    return fine;
}

// ---- telling one ----------------------------------------------------------------------------

typedef struct {
    watchman_t *watchman;
    const char *rules;
    store_status_t status;
} telling_one_t;

typedef struct {
    const means_t *means;
    buffer_t text; // recipient, why it cannot be told; each with its NUL
    size_t count;
} audience_t;

static void add_recipient(void *context, const char *recipient, const char *refusal)
{
    audience_t *audience = context;
    audience->count++;
    buffer_append(&audience->text, recipient, strlen(recipient) + 1);
    buffer_append(&audience->text, refusal, strlen(refusal) + 1);
}

static bool wants_none(const store_subscriber_t *subscriber)
{
    const char *says = subscription_field(subscriber, "degraded");
    return says && (strcmp(says, "no") == 0 || strcmp(says, "false") == 0);
}

static store_status_t plan(watchman_t *self, const store_subscriber_t *subscriber,
                           const char *rules)
{
    telling_t *job = &self->job;
    char id[DEGRADED_ID_TEXT];
    owned(buffer_destroy) buffer_t text = { 0 };
    audience_t audience = { .means = self->means };
    subscription_recipients(subscriber, self->means, add_recipient, &audience);
    store_told_t *told = calloc(audience.count, sizeof *told);
    text = audience.text; // freed with it
    degraded_id(&job->state, subscriber->name, id);
    buffer_clear(&job->body);
    if (!told || text.failed || !degraded_write(&job->state, id, rules, &job->body)) {
        free(told);
        return STORE_FULL;
    }
    const char *at = (const char *) text.data;
    for (size_t i = 0; i < audience.count; i++) {
        told[i].name = at;
        told[i].refusal = at + strlen(at) + 1;
        at = told[i].refusal + strlen(told[i].refusal) + 1;
    }
    store_status_t status = store_delivery_plan(self->store, slice_text(id),
                                                buffer_slice(&job->body), told, audience.count);
    free(told);
    if (status == STORE_OK)
        self->planned += audience.count;
    return status;
}

// Who is gone, or wants to hear nothing of it, is not told; but who was told hears the end.
static void tell(void *context, const store_subscriber_t *subscriber)
{
    telling_one_t *one = context;
    watchman_t *self = one->watchman;
    bool begins = self->job.state.phase == VIGIL_TELLING;
    const store_field_t item = { subscriber->name, one->rules };
    if (subscriber->count == 0 || wants_none(subscriber))
        return;
    if (begins)
        one->status = store_degraded_told_put(self->store, self->job.state.cause, &item, 1);
    if (one->status == STORE_OK)
        one->status = plan(self, subscriber, one->rules);
    self->job.told += one->status == STORE_OK;
}

static store_status_t tell_subscriber(watchman_t *self, const char *name, const char *rules)
{
    if (!bulletin_name_is_good(slice_text(name)))
        return STORE_OK; // not even a record can be kept under such a name
    telling_one_t one = { .watchman = self, .rules = rules };
    store_status_t status = store_subscriber(self->store, name, tell, &one);
    return status == STORE_OK ? one.status : status;
}

// ---- whom -----------------------------------------------------------------------------------

static bool wants(void *context, slice_t rule)
{
    watchman_t *self = context;
    return bulletin_name_is_good(rule) && reach_wants(self->job.reach, rule);
}

static void add_subscriber(void *context, slice_t rule, const char *name)
{
    watchman_t *self = context;
    self->job.full |= !census_add(self->job.census, rule, name);
}

static bool is_last(const store_cursor_t *cursor)
{
    return strcmp(cursor->text, "0") == 0;
}

static store_status_t take_census(watchman_t *self)
{
    static const store_subscribed_t visit = { wants, add_subscriber };
    telling_t *job = &self->job;
    store_status_t status = store_subscribed(self->store, &job->cursor, &visit, self);
    if (status != STORE_OK || !is_last(&job->cursor))
        return status;
    if (job->full)
        log_event(LOG_ERROR, "too many subscriptions: not all are told that the watch is degraded",
                  "cause=%s most=%d", log_quote(job->state.cause), CENSUS_PAIRS_MAX);
    census_sort(job->census);
    job->step = JOB_PLAN;
    return STORE_OK;
}

static store_status_t plan_some(watchman_t *self)
{
    telling_t *job = &self->job;
    for (int i = 0; i < PLANNED_A_STEP; i++) {
        const char *name = census_next(job->census, &job->rules);
        if (!name) {
            job->step = JOB_NOTE;
            return STORE_OK;
        }
        if (job->rules.failed)
            return STORE_FULL;
        store_status_t status = tell_subscriber(self, name, buffer_string(&job->rules));
        if (status != STORE_OK)
            return status;
    }
    return STORE_OK;
}

static void add_told(void *context, const char *name, const char *rules)
{
    buffer_t *page = context;
    buffer_append(page, name, strlen(name) + 1);
    buffer_append(page, rules, strlen(rules) + 1);
}

static store_status_t restore_some(watchman_t *self)
{
    telling_t *job = &self->job;
    buffer_clear(&job->page);
    store_status_t status =
        store_degraded_told(self->store, job->state.cause, &job->cursor, add_told, &job->page);
    if (status == STORE_OK && job->page.failed)
        return STORE_FULL;
    const char *end = (const char *) job->page.data + job->page.size;
    for (const char *at = (const char *) job->page.data; status == STORE_OK && at < end;) {
        const char *rules = at + strlen(at) + 1;
        status = tell_subscriber(self, at, rules);
        at = rules + strlen(rules) + 1;
    }
    if (status == STORE_OK && is_last(&job->cursor))
        job->step = JOB_NOTE;
    return status;
}

// ---- the alert socket -----------------------------------------------------------------------

static void say(watchman_t *self, const vigil_state_t *state)
{
    if (!herald_say(self->publisher, self->settings, state))
        log_event(LOG_WARNING, "out of memory: the alert socket does not hear of it", "cause=%s",
                  log_quote(state->cause));
}

static void say_again(void *context, const vigil_state_t *noted)
{
    vigil_state_t told = *noted;
    told.phase = VIGIL_TELLING; // it is as it was told
    if (noted->phase == VIGIL_DEGRADED)
        say(context, &told);
}

// ---- steps ----------------------------------------------------------------------------------

static store_status_t note(watchman_t *self, const vigil_state_t *had, const vigil_state_t *now)
{
    char before[VIGIL_NOTE_BYTES], after[VIGIL_NOTE_BYTES];
    vigil_write(had, before);
    vigil_write(now, after);
    return store_degraded_note(self->store, now->cause, before, after);
}

// The socket hears it first: after a crash in between it is said again, and known by its id.
static store_status_t note_told(watchman_t *self)
{
    vigil_state_t next = self->job.state;
    bool begins = next.phase == VIGIL_TELLING;
    next.phase = begins ? VIGIL_DEGRADED : VIGIL_WELL;
    say(self, &self->job.state);
    store_status_t status = note(self, &self->job.state, &next);
    if (status == STORE_OK)
        log_event(begins ? LOG_WARNING : LOG_INFO,
                  begins ? "the watch is degraded; subscribers are told"
                         : "the watch is back; subscribers are told",
                  "cause=%s told=%llu text=%s", log_quote(next.cause),
                  (unsigned long long) self->job.told, log_quote(next.text));
    if (status == STORE_OK || status == STORE_STALE) {
        drop_job(self);
        self->look_us = 0; // there may be another
    }
    return status == STORE_STALE ? STORE_OK : status; // the next look says what holds now
}

// Take up the first that is due; none: nothing to do until the next look.
static store_status_t begin_job(watchman_t *self)
{
    size_t at = 0;
    vigil_state_t now, next;
    while (vigil_due(rounds_vigil(self->rounds), &at, &now, &next)) {
        store_status_t status = now.phase == next.phase ? STORE_OK : note(self, &now, &next);
        if (status == STORE_STALE)
            continue;
        if (status != STORE_OK)
            return status;
        telling_t *job = &self->job;
        job->state = next;
        strcpy(job->cursor.text, "0");
        job->step = JOB_RESTORE;
        if (next.phase == VIGIL_RESTORING)
            return STORE_OK;
        job->step = JOB_RULES;
        job->reach = reach_new(self->settings, next.cause);
        job->census = census_new();
        return job->reach && job->census ? STORE_OK : STORE_FULL;
    }
    return STORE_OK;
}

static store_status_t work(watchman_t *self)
{
    store_status_t status = STORE_OK;
    switch (self->job.step) {
    case JOB_NONE:
        break;
    case JOB_RULES:
        status = reach_load(self->job.reach, self->store);
        self->job.step = JOB_CENSUS;
        break;
    case JOB_CENSUS:
        status = take_census(self);
        break;
    case JOB_PLAN:
        status = plan_some(self);
        break;
    case JOB_RESTORE:
        status = restore_some(self);
        break;
    case JOB_NOTE:
        status = note_told(self);
        break;
    }
    return status;
}

static int64_t look_every_us(const watchman_t *self)
{
    int64_t every_us = self->settings->degraded_after_us / LOOKS_EACH;
    return every_us < LOOK_US_MIN ? LOOK_US_MIN : every_us > LOOK_US_MAX ? LOOK_US_MAX : every_us;
}

static void look(watchman_t *self, int64_t now_us)
{
    int64_t every_us = look_every_us(self);
    const vigil_time_t now = { .mono_us = now_us,
                               .wall_us = life_wall_us(),
                               .after_us = self->settings->degraded_after_us,
                               .late_us = LATE_LOOKS * every_us };
    self->look_us = now_us + every_us;
    if (!is_fine(self, rounds_look(self->rounds, self->store, &now)))
        return;
    if (!self->owned)
        return;
    if (now_us >= self->again_us) {
        vigil_noted(rounds_vigil(self->rounds), say_again, self);
        self->again_us = now_us + HERALD_AGAIN_US;
    }
    (void) is_fine(self, begin_job(self));
}

// A look waits for the end of what is being told: what is decided holds until then.
void watchman_step(watchman_t *self, int64_t now_us)
{
    if (self->settings->degraded_after_us == 0)
        return;
    if (self->job.step != JOB_NONE)
        (void) is_fine(self, work(self));
    else if (now_us >= self->look_us)
        look(self, now_us);
}

int64_t watchman_due_us(const watchman_t *self)
{
    if (self->settings->degraded_after_us == 0)
        return INT64_MAX;
    return self->job.step != JOB_NONE ? 0 : self->look_us;
}
