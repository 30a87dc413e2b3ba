/*  registry_claims -- is what Redis knows ours? See registry.h; runs in the registry's own thread.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/collector/registry_inside.h"
#include "actors/collector/rule_fields.h"
#include "proto/edition.h"
#include "proto/owned.h"

// ---- rules that Redis has lost ----------------------------------------------------------------

static void s_on_rule(void *context, const store_rule_t *rule)
{
    plan_t *missing = context;
    plan_remove(missing, PLAN_RULE, slice_text(rule->name));
}

static bool s_give_back(registry_t *self, plan_entry_t entry)
{
    rule_t rule;
    if (!rule_decode(&rule, entry.body, NULL))
        return true; // the log is no better
    char name[PLAN_NAME_MAX + 1];
    snprintf(name, sizeof name, "%.*s", (int) entry.name.size, (const char *) entry.name.data);
    owned(buffer_destroy) buffer_t texts = { 0 };
    store_field_t fields[RULE_FIELDS_MAX];
    size_t count = rule_fields_write(&rule, fields, &texts);
    return count > 0 && registry_heard(self, store_rule_set(self->store, name, fields, count));
}

// A Redis that knows none of our logs has lost what it held, the rules of people with it. The last
// plan has them: what is neither in the configuration nor in Redis is written there again.
static bool s_restore(registry_t *self, const plan_t *last)
{
    owned(plan_destroy) plan_t *rules = plan_copy(last);
    if (!rules || !registry_heard(self, store_rules(self->store, s_on_rule, rules)))
        return false;
    unsigned restored = 0;
    for (size_t i = 0; i < plan_count(rules); i++) {
        plan_entry_t entry = plan_at(rules, i);
        if (entry.kind != PLAN_RULE || planner_has_configured(self->planner, entry.name))
            continue;
        if (!s_give_back(self, entry))
            return false;
        restored++;
    }
    self->epoch = 0; // it is not the Redis that we have told things
    char count[16];
    snprintf(count, sizeof count, "%u", restored);
    registry_note(self, LOG_ERROR, "Redis has lost what it held: state, rules, subscribers",
                  "rules", count, "next",
                  "the rules are given back from the log, and state is computed again; "
                  "subscribers and subscriptions have to be written again");
    return true;
}

// ---- logs -------------------------------------------------------------------------------------

static bool s_check_log(registry_t *self, size_t stream)
{
    pthread_mutex_lock(&self->lock);
    log_entry_t log = self->logs[stream];
    pthread_mutex_unlock(&self->lock);
    if (log.mark == 0)
        return true;
    store_log_t known = STORE_LOG_OURS;
    slice_t name = slice_text(log.name);
    if (!registry_heard(self, log.retold ? store_log_set(self->store, name, log.mark)
                                         : store_log_known(self->store, name, log.mark, &known)))
        return false;
    bool foreign = known == STORE_LOG_OTHER;
    const plan_t *last = self->latest ? self->latest : log.logged;
    if (known == STORE_LOG_NEW)
        self->lost = true; // until all is given back
    if (self->lost && last && !s_restore(self, last))
        return false;
    self->lost = false;
    if (foreign && !log.foreign)
        registry_note(
            self, LOG_ERROR, "Redis holds positions of another log of this stream", "stream",
            log.name, "next",
            "was the stage lost or moved? What it holds is left aside, and this log is told "
            "from its beginning");
    pthread_mutex_lock(&self->lock);
    self->logs[stream].foreign = foreign;
    self->logs[stream].retold = false;
    pthread_mutex_unlock(&self->lock);
    return true;
}

// Before anything is handed out: are the positions in this Redis those of our logs?
bool registry_check_logs(registry_t *self)
{
    for (size_t i = 0; i < REGISTRY_STREAMS_MAX; i++)
        if (!s_check_log(self, i))
            return false;
    return true;
}

// ---- rivals -----------------------------------------------------------------------------------

// The lease of one that was killed runs out in so long.
enum { PATIENCE_US = (REGISTRY_LEASE_MS + 2 * REGISTRY_BEAT_MS) * 1000, RIVAL_TEXT_MAX = 192 };

typedef struct {
    registry_t *self;
    char text[RIVAL_TEXT_MAX]; // "" = none
} rival_t;

static const char *s_own_field(const registry_t *self, const char *name)
{
    const entry_t *entry = &self->entries[0];
    for (size_t i = 0; entry->used && i < entry->count; i++)
        if (strcmp(entry->fields[i].name, name) == 0)
            return entry->fields[i].value;
    return "";
}

static bool s_is_ours(const registry_t *self, const char *told)
{
    slice_t stream;
    uint64_t edition;
    edition_split(slice_text(told), &stream, &edition);
    for (size_t i = 0; i < REGISTRY_STREAMS_MAX; i++)
        if (self->logs[i].mark != 0 && slice_is(stream, self->logs[i].name))
            return true;
    return false;
}

// One of this host that has died: its lease is all that is left of it.
static bool s_is_dead(const registry_t *self, const char *host, const char *pid)
{
    if (!host || !pid || strcmp(host, s_own_field(self, "host")) != 0)
        return false;
    long number = strtol(pid, NULL, 10);
    return number > 0 && kill((pid_t) number, 0) == -1 && errno == ESRCH;
}

static void s_on_collector(void *context, const store_actor_t *actor)
{
    rival_t *rival = context;
    registry_t *self = rival->self;
    const char *incarnation = store_actor_field(actor, "incarnation");
    const char *stream = store_actor_field(actor, "stream");
    const char *sources = store_actor_field(actor, "sources");
    const char *host = store_actor_field(actor, "host"), *pid = store_actor_field(actor, "pid");
    pthread_mutex_lock(&self->lock);
    bool other = incarnation && strcmp(incarnation, s_own_field(self, "incarnation")) != 0;
    bool same = (stream && s_is_ours(self, stream)) ||
                (sources && sources[0] && strcmp(sources, s_own_field(self, "sources")) == 0);
    if (other && same && !s_is_dead(self, host, pid))
        snprintf(rival->text, sizeof rival->text, "%s, process %s on %s", actor->name,
                 pid ? pid : "?", host ? host : "?");
    pthread_mutex_unlock(&self->lock);
}

bool registry_check_rivals(registry_t *self, int64_t now_us)
{
    rival_t rival = { .self = self };
    if (!self->entries[0].used) // the loop has not said yet who we are
        return false;
    if (!registry_heard(self, store_actors(self->store, "collector", s_on_collector, &rival)))
        return self->alone;
    if (!rival.text[0]) {
        self->alone = true;
        return true;
    }
    if (!self->alone && !self->rival_us) {
        self->rival_us = now_us;
        registry_note(self, LOG_WARNING, "another collector stages these streams or sources",
                      "other", rival.text, "next", "waiting for it to go");
    }
    if (!self->alone && now_us - self->rival_us < PATIENCE_US)
        return false;
    registry_note(self, LOG_ERROR, "another collector stages these streams or sources", "other",
                  rival.text, "next",
                  "leaving them to it; stop it, or give this one sources and a --name of its own");
    pthread_mutex_lock(&self->lock);
    self->rival = true;
    pthread_mutex_unlock(&self->lock);
    registry_signal(self->to_loop);
    return false;
}
