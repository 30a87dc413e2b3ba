/*  registry_thread -- see registry.h; this half runs in the registry's own thread and is the only
 *  one that talks to Redis.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "actors/collector/registry_inside.h"
#include "actors/rules/ruleset.h"
#include "broker/runtime/life.h"
#include "proto/owned.h"

enum {
    LOOK_LEAST_US = 200 * 1000, // between two looks, however many rules change
    LOOK_SHARE = 2,             // a look that takes long is followed by as long a rest
    LOOK_WHOLE_SHARE = 20,      // and without a word of a change, by a much longer one
};

// ---- plans ----------------------------------------------------------------------

typedef struct {
    registry_t *self;
    bool failed;
} look_t;

static void s_on_rule(void *context, const store_rule_t *rule)
{
    look_t *look = context;
    if (!look->failed)
        look->failed = !planner_rule(look->self->planner, rule);
}

static bool s_same_hash(const plan_t *a, const plan_t *b)
{
    plan_hash_t x = plan_hash(a), y = plan_hash(b);
    return memcmp(&x, &y, sizeof x) == 0;
}

static bool s_hand_out(registry_t *self, const plan_t *plan)
{
    plan_t *copy = plan_copy(plan);
    if (!copy)
        return registry_tell_no_memory(self);
    pthread_mutex_lock(&self->lock);
    plan_destroy(&self->plan);
    self->plan = copy;
    self->plan_edition = self->edition;
    pthread_mutex_unlock(&self->lock);
    self->latest_edition = self->edition;
    registry_signal(self->to_loop);
    return true;
}

static void s_on_status(void *context, const store_rule_t *status)
{
    look_t *look = context;
    for (size_t i = 0; i < status->count; i++)
        if (strcmp(status->fields[i].name, "by") == 0 &&
            strcmp(status->fields[i].value, look->self->name) == 0 &&
            !planner_was_told(look->self->planner, status->name))
            look->failed = true;
}

// A Redis that we do not know yet: it may have lost what we told, and it may hold what we told in
// an earlier life of rules that are gone.
static bool s_meet(registry_t *self, look_t *look)
{
    planner_tell_again(self->planner);
    return registry_heard(self, store_rule_statuses(self->store, s_on_status, look)) &&
           !look->failed;
}

// All rules in Redis, for the planner. False: unknown.
static bool s_read_rules(registry_t *self, look_t *look)
{
    return registry_check_logs(self) &&
           registry_heard(self, store_rules(self->store, s_on_rule, look)) &&
           (self->epoch == store_epoch(self->store) || look->failed || s_meet(self, look));
}

bool registry_look(registry_t *self)
{
    look_t look = { .self = self, .failed = !planner_begin(self->planner) };
    bool known = look.failed || s_read_rules(self, &look);
    owned(plan_destroy) plan_t *plan = known && !look.failed ? planner_finish(self->planner) : NULL;
    if (!plan)
        return known || look.failed ? registry_tell_no_memory(self) : false;
    bool same = self->latest && s_same_hash(plan, self->latest);
    // A new connection may be to a Redis that has lost what we stored.
    if ((!same || self->epoch != store_epoch(self->store)) && !registry_store_plan(self, plan))
        return false;
    if ((!same || self->latest_edition != self->edition) && !s_hand_out(self, plan))
        return false;
    self->epoch = store_epoch(self->store);
    if (!same) {
        plan_t *old = self->latest;
        self->latest = plan;
        plan = old;
    }
    self->telling = true;
    return true;
}

typedef struct {
    registry_t *self;
    bool bad;
} trial_t;

static void s_on_refusal(void *context, plan_kind_t kind, const char *name, const fault_t *fault)
{
    static const char *const keys[] = { [PLAN_SOURCE] = "source",
                                        [PLAN_DERIVE] = "column",
                                        [PLAN_RULE] = "rule",
                                        [PLAN_LIMIT] = "limit" };
    trial_t *trial = context;
    trial->bad = true;
    registry_note(trial->self, LOG_ERROR, "does not compile", keys[kind], name, "error",
                  fault->text);
}

// A configuration is taken as a whole or not at all.
static bool s_is_bad(registry_t *self, const plan_t *base, uint64_t edition)
{
    trial_t trial = { .self = self };
    ruleset_t *compiled = ruleset_new(base, s_on_refusal, &trial);
    ruleset_destroy(&compiled);
    if (!trial.bad)
        return false;
    pthread_mutex_lock(&self->lock);
    self->refused = true;
    self->refused_edition = edition;
    pthread_mutex_unlock(&self->lock);
    registry_signal(self->to_loop);
    return true;
}

static void s_take_base(registry_t *self)
{
    pthread_mutex_lock(&self->lock);
    plan_t *base = self->base;
    uint32_t cost_max = self->base_cost_max;
    uint64_t edition = self->base_edition;
    self->base = NULL;
    pthread_mutex_unlock(&self->lock);
    if (!base)
        return;
    if (s_is_bad(self, base, edition)) {
        plan_destroy(&base);
        return;
    }
    self->configured = planner_configure(self->planner, base, cost_max);
    self->edition = edition;
    self->look_us = 0;
    if (self->configured) {
        plan_destroy(&base);
        return;
    }
    registry_note(self, LOG_ERROR, "out of memory; the plan waits", NULL, NULL, NULL, NULL);
    pthread_mutex_lock(&self->lock);
    if (!self->base) { // none newer: this one again with the next beat
        self->base = base;
        base = NULL;
    }
    pthread_mutex_unlock(&self->lock);
    plan_destroy(&base);
}

// ---- beats ----------------------------------------------------------------------

static void s_beat(registry_t *self)
{
    char alone_ms[24];
    snprintf(alone_ms, sizeof alone_ms, "%" PRId64, self->alone_ms);
    char age_s[24], bytes[24], stuck[24];
    keeper_report_t held = keeper_report(self->keeper);
    snprintf(age_s, sizeof age_s, "%" PRId64, held.age_s);
    snprintf(bytes, sizeof bytes, "%" PRIu64, held.bytes);
    snprintf(stuck, sizeof stuck, "%u", held.stuck);
    const store_field_t more[] = { { "alone_ms", alone_ms },
                                   { "held_age_s", held.age_s < 0 ? "" : age_s },
                                   { "held_bytes", bytes },
                                   { "held_stuck", stuck },
                                   { "held_error", held.error.text } };
    _Static_assert(REGISTRY_FIELDS_MAX + sizeof more / sizeof *more <= STORE_FIELDS_MAX, "a beat");
    for (size_t i = 0; i < REGISTRY_STREAMS_MAX; i++) {
        store_field_t fields[REGISTRY_FIELDS_MAX + sizeof more / sizeof *more];
        pthread_mutex_lock(&self->lock);
        entry_t entry = self->entries[i];
        pthread_mutex_unlock(&self->lock);
        if (!entry.used)
            continue;
        for (size_t f = 0; f < entry.count; f++)
            fields[f] = (store_field_t){ entry.fields[f].name, entry.fields[f].value };
        size_t count = i == 0 ? sizeof more / sizeof *more : 1; // the copy is the collector's
        memcpy(fields + entry.count, more, count * sizeof *more);
        if (!registry_heard(self, store_beat(self->store, "collector", entry.name,
                                             REGISTRY_LEASE_MS, fields, entry.count + count)))
            return;
    }
}

// Those of the whole collector, under the name of its first stream.
static void s_tell_failing(registry_t *self)
{
    registry_failing_t failing[STORE_FAILING_MAX];
    store_failing_t items[STORE_FAILING_MAX];
    char name[STORE_NAME_MAX + 1];
    pthread_mutex_lock(&self->lock);
    size_t count = self->failing_count;
    memcpy(failing, self->failing, count * sizeof failing[0]);
    memcpy(name, self->entries[0].name, sizeof name);
    pthread_mutex_unlock(&self->lock);
    if (count == 0 && !self->failing_told)
        return;
    for (size_t i = 0; i < count; i++)
        items[i] = (store_failing_t){ failing[i].source, failing[i].reason, failing[i].failures,
                                      failing[i].since_ms };
    if (registry_heard(self, store_failing_put(self->store, name, REGISTRY_LEASE_MS, items, count)))
        self->failing_told = count > 0;
}

static void s_on_broker(void *context, const store_actor_t *actor)
{
    registry_brokers_t *brokers = context;
    const char *endpoint = store_actor_field(actor, "in");
    if (endpoint && brokers->count < REGISTRY_BROKERS_MAX && strlen(endpoint) < BUS_ENDPOINT_MAX)
        strcpy(brokers->endpoints[brokers->count++], endpoint);
}

static void s_find_brokers(registry_t *self)
{
    registry_brokers_t brokers = { 0 };
    if (!registry_heard(self, store_actors(self->store, "broker", s_on_broker, &brokers)))
        return;
    pthread_mutex_lock(&self->lock);
    if (memcmp(&brokers, &self->brokers, sizeof brokers) != 0) {
        self->brokers = brokers;
        self->brokers_changed = true;
        registry_signal(self->to_loop);
    }
    pthread_mutex_unlock(&self->lock);
}

static void s_leave(registry_t *self)
{
    if (!self->alone)
        return; // what stands there is not ours
    for (size_t i = 0; i < REGISTRY_STREAMS_MAX; i++)
        if (self->entries[i].used &&
            store_leave(self->store, "collector", self->entries[i].name) != STORE_OK)
            return; // the leases run out by themselves
}

static bool s_is_stopped(registry_t *self)
{
    pthread_mutex_lock(&self->lock);
    bool stop = self->stop;
    pthread_mutex_unlock(&self->lock);
    return stop;
}

static bool s_was_told(registry_t *self)
{
    pthread_mutex_lock(&self->lock);
    bool told = self->told;
    self->told = false;
    pthread_mutex_unlock(&self->lock);
    return told;
}

static void s_wait(registry_t *self, int64_t until_us)
{
    int64_t left_us = until_us - life_mono_us();
    int timeout_ms = left_us > 0 ? (int) (left_us / 1000) + 1 : 0;
    struct pollfd wait[] = {
        { .fd = self->to_thread, .events = POLLIN },
        { .fd = store_watch_descriptor(self->watch), .events = POLLIN },
    };
    if (poll(wait, 2, timeout_ms) > 0 && wait[0].revents)
        registry_quiet(self->to_thread);
}

static int64_t s_most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void *registry_run(void *context)
{
    registry_t *self = context;
    int64_t beat_us = 0;
    while (!s_is_stopped(self)) {
        int64_t now_us = life_mono_us();
        s_take_base(self);
        bool live = false;
        int64_t soon_us = self->looked_us + s_most(LOOK_LEAST_US, LOOK_SHARE * self->look_took_us);
        if (store_watch_take(self->watch, &live) && self->look_us > soon_us)
            self->look_us = soon_us;
        pthread_mutex_lock(&self->lock);
        self->live = live;
        if (self->logs_changed)
            self->look_us = 0;
        self->logs_changed = false;
        pthread_mutex_unlock(&self->lock);
        if (self->configured && self->alone && now_us >= self->look_us) {
            // One that fails is tried again with the next beat; the store itself backs off.
            self->looked_us = now_us;
            bool done = registry_look(self);
            self->look_took_us = done ? life_mono_us() - now_us : 0;
            int64_t next_us = (done ? REGISTRY_LOOK_MS : REGISTRY_BEAT_MS) * INT64_C(1000);
            self->look_us = now_us + s_most(next_us, LOOK_WHOLE_SHARE * self->look_took_us);
        }
        registry_tell_verdicts(self);
        if (s_was_told(self) || now_us >= beat_us) {
            beat_us = now_us + REGISTRY_BEAT_MS * 1000;
            if (registry_check_rivals(self, now_us)) {
                s_beat(self);
                s_tell_failing(self);
            }
            s_find_brokers(self);
        }
        int64_t until_us =
            beat_us < self->look_us || !self->configured || !self->alone ? beat_us : self->look_us;
        s_wait(self, self->telling ? 0 : until_us);
    }
    s_leave(self);
    return NULL;
}
