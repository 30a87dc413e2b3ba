/*  health -- see health.h. */
#include "actors/notifier/health.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/owned.h"

static const struct {
    const char *name;
    health_kind_t missed; // that none runs
} roles[] = {
    { "collector", HEALTH_COLLECTOR }, { "prep", HEALTH_WORK },    { "transform", HEALTH_WORK },
    { "notifier", HEALTH_OTHER },      { "broker", HEALTH_OTHER },
};
enum { ROLES = sizeof roles / sizeof roles[0] };

typedef struct {
    const health_visit_t *visit;
    void *context;
    size_t alive[ROLES];
    bool notifying;  // a notifier has the role
    uint64_t behind; // seconds, of the log that is behind most
} look_t;

static void __attribute__((format(printf, 4, 5)))
blame(look_t *self, health_kind_t kind, const char *name, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    self->visit->trouble(self->context, kind, name, text);
}

static uint64_t number_of(const store_actor_t *actor, const char *field)
{
    const char *text = store_actor_field(actor, field);
    return text && *text >= '0' && *text <= '9' ? strtoull(text, NULL, 10) : 0;
}

static bool is_in_state(const store_actor_t *actor, const char *state)
{
    const char *text = store_actor_field(actor, "state");
    return text && strcmp(text, state) == 0;
}

static void see_collector(look_t *self, const store_actor_t *actor)
{
    const char *name = actor->name;
    uint64_t behind_s = number_of(actor, "lag_s");
    self->behind = behind_s > self->behind ? behind_s : self->behind;
    if (self->visit->collector)
        self->visit->collector(self->context, name);
    if (behind_s > HEALTH_LAG_S_MAX)
        blame(self, HEALTH_LAG, name,
              "%" PRIu64 " records of %s wait to be worked on, the oldest for %" PRIu64 " s",
              number_of(actor, "lag"), name, behind_s);
    if (is_in_state(actor, "disk-stalled"))
        blame(self, HEALTH_LOG, name, "the disk of collector %s takes nothing", name);
    if (number_of(actor, "ahead") > 0)
        blame(self, HEALTH_LOG, name, "workers are ahead of the log of %s: is it the right one?",
              name);
    if (number_of(actor, "held_stuck") > 0)
        blame(self, HEALTH_LOG, name,
              "%" PRIu64 " partitions were lost by Redis, and %s cannot put them back",
              number_of(actor, "held_stuck"), name);
}

// Of a collector it is the time of receipt that is wrong; of others nothing that is in a verdict.
static void see_clock(look_t *self, const store_actor_t *actor, bool collects)
{
    const char *skew = store_actor_field(actor, "skew_ms");
    int64_t skew_ms = skew ? strtoll(skew, NULL, 10) : 0;
    if (skew_ms > HEALTH_SKEW_MS_MAX || skew_ms < -HEALTH_SKEW_MS_MAX)
        blame(self, collects ? HEALTH_LOG : HEALTH_OTHER, collects ? actor->name : "",
              "the clock of %s is %.1f s %s that of Redis' host", actor->name,
              (double) llabs(skew_ms) / 1000, skew_ms > 0 ? "ahead of" : "behind");
}

static void see_actor(void *context, const store_actor_t *actor)
{
    look_t *self = context;
    for (size_t i = 0; i < ROLES; i++)
        self->alive[i] += strcmp(actor->role, roles[i].name) == 0;
    bool collects = strcmp(actor->role, "collector") == 0;
    see_clock(self, actor, collects);
    if (collects)
        see_collector(self, actor);
    if (strcmp(actor->role, "transform") == 0 && number_of(actor, "ignored") > 0)
        blame(self, HEALTH_WORK, "", "%s ignores %" PRIu64 " streams: too many are told",
              actor->name, number_of(actor, "ignored"));
    if (strcmp(actor->role, "notifier") == 0)
        self->notifying |= is_in_state(actor, "active");
}

static void judge_roles(look_t *self)
{
    for (size_t i = 0; i < ROLES; i++)
        if (self->alive[i] == 0)
            blame(self, roles[i].missed, "", "no %s runs", roles[i].name);
    if (!self->notifying)
        blame(self, HEALTH_OTHER, "", "no notifier is at work");
}

static void judge_partitions(look_t *self, char owners[PARTITIONS][64])
{
    size_t without = 0;
    for (unsigned p = 0; p < PARTITIONS; p++)
        without += owners[p][0] == '\0';
    if (without > 0)
        blame(self, HEALTH_WORK, "", "%zu of %d partitions have no owner", without, PARTITIONS);
}

store_status_t health_visit(store_t *store, const health_visit_t *visit, void *context,
                            uint64_t *behind_s)
{
    static char owners[PARTITIONS][64];
    look_t self = { .visit = visit, .context = context };
    uint64_t waiting = 0;
    store_status_t status = store_actors(store, NULL, see_actor, &self);
    if (status == STORE_OK)
        status = store_owners(store, owners);
    if (status == STORE_OK)
        status = store_outbox_length(store, &waiting);
    if (status != STORE_OK)
        return status;
    judge_roles(&self);
    judge_partitions(&self, owners);
    if (waiting > HEALTH_OUTBOX_MAX)
        blame(&self, HEALTH_OUTBOX, "", "%" PRIu64 " alerts wait to be published", waiting);
    *behind_s = self.behind;
    return STORE_OK;
}

// ---- one line ------------------------------------------------------------------------------

static void add_reason(void *context, health_kind_t kind, const char *name, const char *text)
{
    (void) kind;
    (void) name;
    buffer_t *reasons = context;
    buffer_printf(reasons, "%s%s", reasons->size > 0 ? "; " : "", text);
}

bool health_look(health_t *self, store_t *store)
{
    static const health_visit_t visit = { .trouble = add_reason };
    owned(buffer_destroy) buffer_t reasons = { 0 };
    uint64_t behind_s = 0;
    buffer_clear(&self->line);
    if (health_visit(store, &visit, &reasons, &behind_s) != STORE_OK)
        buffer_printf(&reasons, "%sRedis: %s", reasons.size > 0 ? "; " : "", store_error(store));
    self->ill = reasons.size > 0 || reasons.failed;
    if (self->ill)
        buffer_printf(&self->line, "ILL: %s", buffer_string(&reasons));
    else
        buffer_printf(&self->line,
                      "well: every role is there, all partitions have an owner, what is staged is "
                      "committed within %" PRIu64 " s",
                      behind_s + 1);
    return !self->line.failed && !reasons.failed;
}

void health_destroy(health_t *self)
{
    buffer_destroy(&self->line);
}
