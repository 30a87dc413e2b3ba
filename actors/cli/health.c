/*  health -- see health.h. */
#include "actors/cli/health.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/owned.h"

static const char *const roles[] = { "collector", "prep", "transform", "notifier", "broker" };
enum { ROLES = sizeof roles / sizeof roles[0] };

typedef struct {
    buffer_t reasons;
    size_t alive[ROLES];
    bool notifying;  // a notifier has the role
    uint64_t behind; // seconds, of the log that is behind most
} look_t;

static void look_destroy(look_t *self)
{
    buffer_destroy(&self->reasons);
}

static void __attribute__((format(printf, 2, 3))) blame(look_t *self, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buffer_printf(&self->reasons, "%s%s", self->reasons.size > 0 ? "; " : "", text);
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
    uint64_t behind_s = number_of(actor, "lag_s");
    self->behind = behind_s > self->behind ? behind_s : self->behind;
    if (behind_s > HEALTH_LAG_S_MAX)
        blame(self, "%" PRIu64 " records of %s wait to be worked on, the oldest for %" PRIu64 " s",
              number_of(actor, "lag"), actor->name, behind_s);
    if (is_in_state(actor, "disk-stalled"))
        blame(self, "the disk of collector %s takes nothing", actor->name);
    if (number_of(actor, "ahead") > 0)
        blame(self, "workers are ahead of the log of %s: is it the right one?", actor->name);
    if (number_of(actor, "held_stuck") > 0)
        blame(self, "%" PRIu64 " partitions were lost by Redis, and %s cannot put them back",
              number_of(actor, "held_stuck"), actor->name);
}

static void see_actor(void *context, const store_actor_t *actor)
{
    look_t *self = context;
    for (size_t i = 0; i < ROLES; i++)
        self->alive[i] += strcmp(actor->role, roles[i]) == 0;
    const char *skew = store_actor_field(actor, "skew_ms");
    int64_t skew_ms = skew ? strtoll(skew, NULL, 10) : 0;
    if (skew_ms > HEALTH_SKEW_MS_MAX || skew_ms < -HEALTH_SKEW_MS_MAX)
        blame(self, "the clock of %s is %.1f s %s that of Redis' host", actor->name,
              (double) llabs(skew_ms) / 1000, skew_ms > 0 ? "ahead of" : "behind");
    if (strcmp(actor->role, "collector") == 0)
        see_collector(self, actor);
    if (strcmp(actor->role, "transform") == 0 && number_of(actor, "ignored") > 0)
        blame(self, "%s ignores %" PRIu64 " streams: too many are told", actor->name,
              number_of(actor, "ignored"));
    if (strcmp(actor->role, "notifier") == 0)
        self->notifying |= is_in_state(actor, "active");
}

static void judge_roles(look_t *self)
{
    for (size_t i = 0; i < ROLES; i++)
        if (self->alive[i] == 0)
            blame(self, "no %s runs", roles[i]);
    if (!self->notifying)
        blame(self, "no notifier is at work");
}

static void judge_partitions(look_t *self, char owners[PARTITIONS][64])
{
    size_t without = 0;
    for (unsigned p = 0; p < PARTITIONS; p++)
        without += owners[p][0] == '\0';
    if (without > 0)
        blame(self, "%zu of %d partitions have no owner", without, PARTITIONS);
}

static store_status_t look(look_t *self, store_t *store)
{
    static char owners[PARTITIONS][64];
    uint64_t waiting = 0;
    store_status_t status = store_actors(store, NULL, see_actor, self);
    if (status == STORE_OK)
        status = store_owners(store, owners);
    if (status == STORE_OK)
        status = store_outbox_length(store, &waiting);
    if (status != STORE_OK)
        return status;
    judge_roles(self);
    judge_partitions(self, owners);
    if (waiting > HEALTH_OUTBOX_MAX)
        blame(self, "%" PRIu64 " alerts wait to be published", waiting);
    return STORE_OK;
}

bool health_look(health_t *self, store_t *store)
{
    owned(look_destroy) look_t found = { .notifying = false };
    buffer_clear(&self->line);
    if (look(&found, store) != STORE_OK)
        blame(&found, "Redis: %s", store_error(store));
    self->ill = found.reasons.size > 0 || found.reasons.failed;
    if (self->ill)
        buffer_printf(&self->line, "ILL: %s", buffer_string(&found.reasons));
    else
        buffer_printf(&self->line,
                      "well: every role is there, all partitions have an owner, what is staged is "
                      "committed within %" PRIu64 " s",
                      found.behind + 1);
    return !self->line.failed && !found.reasons.failed;
}

void health_destroy(health_t *self)
{
    buffer_destroy(&self->line);
}
