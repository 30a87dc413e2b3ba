/*  registry_claims -- is what Redis knows ours? See registry.h; runs in the registry's own thread.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/collector/registry_inside.h"
#include "actors/collector/rule_fields.h"
#include "broker/runtime/life.h"
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
    if (count == 0)
        return registry_tell_no_memory(self);
    return registry_heard(self, store_rule_set(self->store, name, fields, count));
}

// A Redis that knows none of our logs has lost what it held, the rules of people with it. The last
// plan has them: what is neither in the configuration nor in Redis is written there again.
static bool s_restore(registry_t *self, const plan_t *last)
{
    owned(plan_destroy) plan_t *rules = plan_copy(last);
    if (!rules)
        return registry_tell_no_memory(self);
    if (!registry_heard(self, store_rules(self->store, s_on_rule, rules)))
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
                  "the rules are given back from the log; all else comes back from a copy beside "
                  "the stage, if one is held (status: held_age_s), or is computed again; "
                  "without a copy, write subscribers and subscriptions again");
    return true;
}

// ---- logs -------------------------------------------------------------------------------------

static log_entry_t s_log(registry_t *self, size_t stream)
{
    pthread_mutex_lock(&self->lock);
    log_entry_t log = self->logs[stream];
    pthread_mutex_unlock(&self->lock);
    return log;
}

typedef struct {
    store_log_t known;
    uint64_t edition;
} finding_t;

// Has it lost them? It knows none of our logs, although one of them has a past.
static bool s_is_lost(registry_t *self, const finding_t *findings)
{
    bool past = false;
    for (size_t i = 0; i < REGISTRY_STREAMS_MAX; i++) {
        log_entry_t log = s_log(self, i);
        if (log.mark && findings[i].known != STORE_LOG_NEW)
            return false;
        past |= log.mark && (log.logged || log.noted);
    }
    return past;
}

// Rules first, marks last: whoever is killed in between finds it as it was.
static bool s_give_rules_back(registry_t *self)
{
    if (self->latest)
        return s_restore(self, self->latest);
    for (size_t i = 0; i < REGISTRY_STREAMS_MAX; i++)
        if (self->logs[i].mark && self->logs[i].logged && !s_restore(self, self->logs[i].logged))
            return false;
    return true;
}

// The secret in Redis counts; where there is none, the one that we have used, or a new one. So one
// that comes back empty changes nothing for whoever knows it. What Redis has not taken is not used:
// no worker could know it.
static bool s_settle_secret(registry_t *self, size_t stream, const log_entry_t *log)
{
    seal_secret_t secret = log->secret;
    if (!log->sealed && !life_random(&secret, sizeof secret)) {
        registry_note(self, LOG_ERROR, "the kernel gives no random bytes; sending waits", "stream",
                      log->name, NULL, NULL);
        return false;
    }
    store_status_t status = store_secret_agree(self->store, slice_text(log->name), &secret);
    if (!registry_heard(self, status))
        return false;
    if (status != STORE_OK) { // Redis is full, and has none
        registry_tell_no_room(self, NO_ROOM_SECRET, log->name,
                              log->sealed
                                  ? "workers that know it go on, others leave its rows for later"
                                  : "nothing of it is sent until Redis has room");
        return log->sealed;
    }
    pthread_mutex_lock(&self->lock);
    self->logs[stream].secret = secret;
    self->logs[stream].sealed = true;
    pthread_mutex_unlock(&self->lock);
    return true;
}

// *written: it stands there now. False: Redis was not heard.
static bool s_set_log(registry_t *self, const log_entry_t *log, bool *written)
{
    store_status_t status =
        store_log_set(self->store, slice_text(log->name), log->mark, log->edition);
    *written = status == STORE_OK;
    if (!registry_heard(self, status))
        return false;
    if (!*written)
        registry_tell_no_room(self, NO_ROOM_MARK, log->name,
                              "nothing of it is sent until Redis has room");
    return true;
}

static bool s_settle_log(registry_t *self, size_t stream, const finding_t *finding)
{
    log_entry_t log = s_log(self, stream);
    bool foreign = finding->known == STORE_LOG_OTHER && !log.retold;
    bool unknown = finding->known == STORE_LOG_NEW;
    bool write = log.retold || (unknown && log.durable) ||
                 (finding->known == STORE_LOG_OURS && finding->edition != log.edition);
    if ((write || !unknown) && !s_settle_secret(self, stream, &log))
        return false;
    if (write && !s_set_log(self, &log, &write))
        return false;
    if (foreign && !log.foreign)
        registry_note(
            self, LOG_ERROR, "Redis holds positions of another log of this stream", "stream",
            log.name, "next",
            "was the stage lost or moved? What it holds is left aside, and this log is told "
            "from its beginning");
    bool fresh = write && !log.noted; // the loop waits for it
    pthread_mutex_lock(&self->lock);
    log_entry_t *now = &self->logs[stream];
    now->foreign = foreign;
    now->above = finding->edition;
    now->noted |= write || !unknown;
    if (log.retold && write) // and not one that came meanwhile
        now->retold = false;
    pthread_mutex_unlock(&self->lock);
    if (fresh)
        registry_signal(self->to_loop);
    return true;
}

// Before anything is handed out: are the positions in this Redis those of our logs?
bool registry_check_logs(registry_t *self)
{
    finding_t findings[REGISTRY_STREAMS_MAX] = { 0 };
    for (size_t i = 0; i < REGISTRY_STREAMS_MAX; i++) {
        log_entry_t log = s_log(self, i);
        if (log.mark &&
            !registry_heard(self, store_log_get(self->store, slice_text(log.name), log.mark,
                                                &findings[i].known, &findings[i].edition)))
            return false;
    }
    if (s_is_lost(self, findings) && !s_give_rules_back(self))
        return false;
    for (size_t i = 0; i < REGISTRY_STREAMS_MAX; i++)
        if (s_log(self, i).mark && !s_settle_log(self, i, &findings[i]))
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

// Of two that each were alone once, who was it later leaves. (A Redis that forgets makes it so.)
static bool s_is_younger(const registry_t *self, const store_actor_t *actor,
                         const char *incarnation)
{
    const char *text = store_actor_field(actor, "alone_ms");
    int64_t alone_ms = text ? strtoll(text, NULL, 10) : INT64_MAX;
    if (!self->alone || alone_ms < self->alone_ms)
        return false;
    return alone_ms > self->alone_ms || strcmp(incarnation, s_own_field(self, "incarnation")) > 0;
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
    if (other && same && !s_is_dead(self, host, pid) && !s_is_younger(self, actor, incarnation))
        snprintf(rival->text, sizeof rival->text, "%s, process %s on %s", actor->name,
                 pid ? pid : "?", host ? host : "?");
    pthread_mutex_unlock(&self->lock);
}

bool registry_check_rivals(registry_t *self, int64_t now_us)
{
    rival_t rival = { .self = self };
    pthread_mutex_lock(&self->lock);
    bool named = self->entries[0].used; // the loop has said who we are
    pthread_mutex_unlock(&self->lock);
    if (!named)
        return false;
    if (!registry_heard(self, store_actors(self->store, "collector", s_on_collector, &rival)))
        return self->alone;
    if (!rival.text[0]) {
        if (!self->alone)
            self->alone_ms = life_wall_us() / 1000;
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
