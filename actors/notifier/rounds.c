/*  rounds -- see rounds.h. */
#include "actors/notifier/rounds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/notifier/health.h"
#include "broker/store_degraded.h"
#include "proto/buffer.h"
#include "proto/owned.h"

enum {
    COLLECTORS_MAX = 64, // followed by name
    NAME_BYTES = STORE_NAME_MAX + 1,
    LAGS_MAX = COLLECTORS_MAX,
};

static const char work[] = "work";

typedef struct {
    char name[NAME_BYTES];
    bool lives;
    bool missed;                // there was a note about it
    char lag[VIGIL_TEXT_BYTES]; // of this look; "" = none
} collector_t;

struct rounds {
    vigil_t *vigil;
    size_t count;
    collector_t collectors[COLLECTORS_MAX]; // seen, by us or by whoever wrote the notes
    char none[VIGIL_TEXT_BYTES];            // of this look: no collector runs; "" = one does
};

rounds_t *rounds_new(void)
{
    owned(rounds_destroy) rounds_t *self = calloc(1, sizeof *self);
    if (self)
        self->vigil = vigil_new();
    if (!self || !self->vigil)
        return NULL;
    rounds_t *made = self;
    self = NULL;
    return made;
}

void rounds_destroy(rounds_t **self_p)
{
    rounds_t *self = *self_p;
    if (!self)
        return;
    vigil_destroy(&self->vigil);
    free(self);
    *self_p = NULL;
}

vigil_t *rounds_vigil(rounds_t *self)
{
    return self->vigil;
}

static void name_cause(char cause[VIGIL_CAUSE_BYTES], const char *kind, const char *name)
{
    snprintf(cause, VIGIL_CAUSE_BYTES, "%s:%s", kind, name);
}

static collector_t *find_collector(rounds_t *self, const char *name)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->collectors[i].name, name) == 0)
            return &self->collectors[i];
    if (self->count == COLLECTORS_MAX || strlen(name) >= NAME_BYTES)
        return NULL;
    collector_t *made = &self->collectors[self->count++];
    *made = (collector_t){ .lives = false };
    strcpy(made->name, name);
    return made;
}

// ---- notes ----------------------------------------------------------------------------------

static void take_note(void *context, const char *cause, const char *note)
{
    rounds_t *self = context;
    vigil_state_t state;
    if (!vigil_read(&state, cause, note) || !vigil_note(self->vigil, &state))
        return; // somebody else's words
    if (strncmp(cause, "collector:", 10) == 0)
        (void) find_collector(self, cause + 10);
}

// A collector whose note was removed is not missed any more: so people say that it will not return.
static void forget_collectors(rounds_t *self)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++) {
        collector_t *collector = &self->collectors[i];
        char cause[VIGIL_CAUSE_BYTES];
        name_cause(cause, "collector", collector->name);
        bool noted = vigil_phase(self->vigil, cause) != VIGIL_WELL;
        bool forget = collector->missed && !noted;
        collector->missed = noted;
        collector->lives = false;
        collector->lag[0] = '\0';
        if (!forget)
            self->collectors[kept++] = *collector;
    }
    self->count = kept;
}

// ---- what is ill ----------------------------------------------------------------------------

static void see_collector(void *context, const char *name)
{
    collector_t *collector = find_collector(context, name);
    if (collector)
        collector->lives = true;
}

static void see_trouble(void *context, health_kind_t kind, const char *name, const char *text)
{
    rounds_t *self = context;
    char cause[VIGIL_CAUSE_BYTES];
    collector_t *collector;
    switch (kind) {
    case HEALTH_WORK:
        vigil_bad(self->vigil, work, text);
        break;
    case HEALTH_LAG:
        collector = find_collector(self, name);
        if (collector)
            snprintf(collector->lag, sizeof collector->lag, "%s", text);
        break;
    case HEALTH_LOG:
        name_cause(cause, "log", name);
        vigil_bad(self->vigil, cause, text);
        break;
    case HEALTH_COLLECTOR:
        snprintf(self->none, sizeof self->none, "%s", text);
        break;
    case HEALTH_OUTBOX:
        vigil_bad(self->vigil, "outbox", text);
        break;
    case HEALTH_OTHER:
        break;
    }
}

static void see_failing(void *context, const store_failing_t *failing)
{
    rounds_t *self = context;
    char cause[VIGIL_CAUSE_BYTES], text[VIGIL_TEXT_BYTES];
    name_cause(cause, "source", failing->source);
    snprintf(text, sizeof text, "source %s fails: %s", failing->source, failing->reason);
    vigil_bad(self->vigil, cause, text);
}

// Nobody to work leaves every log behind: one illness, and over when they have caught up.
static void judge_lags(rounds_t *self)
{
    bool idle = vigil_is_bad(self->vigil, work) || vigil_phase(self->vigil, work) != VIGIL_WELL;
    for (size_t i = 0; i < self->count; i++) {
        const collector_t *collector = &self->collectors[i];
        if (!collector->lag[0])
            continue;
        char cause[VIGIL_CAUSE_BYTES];
        name_cause(cause, "log", collector->name);
        bool its_own = !idle || vigil_phase(self->vigil, cause) != VIGIL_WELL;
        vigil_bad(self->vigil, its_own ? cause : work, collector->lag);
    }
}

// Of what a collector tells, nothing is known while it is away.
static void judge_collectors(rounds_t *self)
{
    size_t away = 0;
    for (size_t i = 0; i < self->count; i++) {
        const collector_t *collector = &self->collectors[i];
        if (collector->lives)
            continue;
        char cause[VIGIL_CAUSE_BYTES], text[VIGIL_TEXT_BYTES];
        name_cause(cause, "collector", collector->name);
        snprintf(text, sizeof text, "collector %s does not run", collector->name);
        vigil_bad(self->vigil, cause, text);
        away++;
    }
    if (self->none[0] && self->count == 0)
        vigil_bad(self->vigil, "collector", self->none);
    if (away > 0 || self->none[0]) {
        vigil_unknown(self->vigil, "source:");
        vigil_unknown(self->vigil, "log:");
    }
}

static store_status_t look_at_sources(rounds_t *self, store_t *store)
{
    store_status_t status = STORE_OK;
    for (size_t i = 0; i < self->count && status == STORE_OK; i++)
        if (self->collectors[i].lives)
            status = store_failing(store, self->collectors[i].name, see_failing, self);
    return status;
}

store_status_t rounds_look(rounds_t *self, store_t *store, const vigil_time_t *now)
{
    static const health_visit_t visit = { .trouble = see_trouble, .collector = see_collector };
    uint64_t behind_s;
    self->none[0] = '\0';
    vigil_begin(self->vigil);
    store_status_t status = store_degraded(store, take_note, self);
    if (status != STORE_OK)
        return status;
    forget_collectors(self);
    status = health_visit(store, &visit, self, &behind_s);
    if (status == STORE_OK)
        status = look_at_sources(self, store);
    if (status != STORE_OK)
        return status;
    judge_lags(self);
    judge_collectors(self);
    vigil_end(self->vigil, now);
    return STORE_OK;
}
