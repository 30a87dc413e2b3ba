/*  registry -- see registry.h; this half runs in the loop's thread. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "actors/collector/registry_inside.h"
#include "proto/edition.h"
#include "proto/owned.h"

void registry_signal(int descriptor)
{
    uint64_t one = 1;
    // Fails only when it is as readable as it can be.
    (void) !write(descriptor, &one, sizeof one);
}

void registry_quiet(int descriptor)
{
    uint64_t count;
    (void) !read(descriptor, &count, sizeof count);
}

registry_t *registry_new(store_t *store, store_watch_t *watch, keeper_t *keeper, const char *name,
                         fault_t *fault)
{
    owned(registry_destroy) registry_t *self = calloc(1, sizeof *self);
    if (!self) {
        store_destroy(&store);
        store_watch_destroy(&watch);
        keeper_destroy(&keeper);
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->store = store;
    self->watch = watch;
    self->keeper = keeper;
    snprintf(self->name, sizeof self->name, "%s", name);
    pthread_mutex_init(&self->lock, NULL);
    self->planner = planner_new();
    self->to_thread = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->to_loop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!self->planner || self->to_thread == -1 || self->to_loop == -1 ||
        pthread_create(&self->thread, NULL, registry_run, self) != 0) {
        fault_set(fault, "no memory, descriptors or threads left");
        return NULL;
    }
    self->running = true;
    registry_t *given = self;
    self = NULL;
    return given;
}

void registry_destroy(registry_t **self_p)
{
    registry_t *self = *self_p;
    if (!self)
        return;
    if (self->running) {
        pthread_mutex_lock(&self->lock);
        self->stop = true;
        pthread_mutex_unlock(&self->lock);
        registry_signal(self->to_thread);
        pthread_join(self->thread, NULL);
    }
    if (self->to_thread >= 0)
        close(self->to_thread);
    if (self->to_loop >= 0)
        close(self->to_loop);
    for (size_t i = 0; i < REGISTRY_STREAMS_MAX; i++)
        plan_destroy(&self->logs[i].logged);
    planner_destroy(&self->planner);
    plan_destroy(&self->latest);
    plan_destroy(&self->plans.whole);
    plan_destroy(&self->plan);
    plan_destroy(&self->base);
    keeper_destroy(&self->keeper);
    store_watch_destroy(&self->watch);
    store_destroy(&self->store);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

int registry_descriptor(const registry_t *self)
{
    return self->to_loop;
}

void registry_configure(registry_t *self, plan_t *base, uint32_t cost_max, uint64_t edition)
{
    pthread_mutex_lock(&self->lock);
    plan_destroy(&self->base);
    self->base = base;
    self->base_cost_max = cost_max;
    self->base_edition = edition;
    pthread_mutex_unlock(&self->lock);
    registry_signal(self->to_thread);
}

plan_t *registry_take_plan(registry_t *self, uint64_t *edition)
{
    registry_quiet(self->to_loop); // first: what comes after it makes it readable again
    pthread_mutex_lock(&self->lock);
    plan_t *plan = self->plan;
    self->plan = NULL;
    *edition = self->plan_edition;
    pthread_mutex_unlock(&self->lock);
    return plan;
}

bool registry_take_refusal(registry_t *self, uint64_t *edition)
{
    pthread_mutex_lock(&self->lock);
    bool refused = self->refused;
    self->refused = false;
    *edition = self->refused_edition;
    pthread_mutex_unlock(&self->lock);
    return refused;
}

bool registry_take_note(registry_t *self, registry_note_t *note)
{
    pthread_mutex_lock(&self->lock);
    bool there = self->note_count > 0;
    if (there) {
        *note = self->notes[self->note_first];
        self->note_first = (self->note_first + 1) % NOTES_MAX;
        self->note_count--;
    }
    pthread_mutex_unlock(&self->lock);
    return there || keeper_take_note(self->keeper, note);
}

void registry_tell(registry_t *self, size_t stream, const char *name,
                   const registry_field_t *fields, size_t count)
{
    assert(stream < REGISTRY_STREAMS_MAX && count <= REGISTRY_FIELDS_MAX);
    pthread_mutex_lock(&self->lock);
    entry_t *entry = &self->entries[stream];
    entry->used = true;
    snprintf(entry->name, sizeof entry->name, "%s", name);
    memcpy(entry->fields, fields, count * sizeof fields[0]);
    entry->count = count;
    self->told = true;
    pthread_mutex_unlock(&self->lock);
    registry_signal(self->to_thread);
}

void registry_tell_failing(registry_t *self, const registry_failing_t *items, size_t count)
{
    assert(count <= STORE_FAILING_MAX);
    pthread_mutex_lock(&self->lock);
    if (count)
        memcpy(self->failing, items, count * sizeof *items);
    self->failing_count = count;
    pthread_mutex_unlock(&self->lock);
}

bool registry_has_rival(registry_t *self)
{
    pthread_mutex_lock(&self->lock);
    bool rival = self->rival;
    pthread_mutex_unlock(&self->lock);
    return rival;
}

void registry_log(registry_t *self, size_t stream, const char *name, uint32_t mark,
                  const plan_t *logged)
{
    assert(stream < REGISTRY_STREAMS_MAX && mark != 0);
    pthread_mutex_lock(&self->lock);
    log_entry_t *log = &self->logs[stream];
    if (log->mark != mark) {
        plan_destroy(&log->logged);
        // Without memory for it nothing is given back: the log still has it.
        *log = (log_entry_t){ .mark = mark, .logged = logged ? plan_copy(logged) : NULL };
        snprintf(log->name, sizeof log->name, "%s", name);
        self->logs_changed = true;
    }
    pthread_mutex_unlock(&self->lock);
}

bool registry_log_durable(registry_t *self, size_t stream)
{
    assert(stream < REGISTRY_STREAMS_MAX);
    pthread_mutex_lock(&self->lock);
    log_entry_t *log = &self->logs[stream];
    bool noted = log->noted, news = !log->durable && !noted;
    log->durable = true;
    self->logs_changed |= news;
    pthread_mutex_unlock(&self->lock);
    if (news)
        registry_signal(self->to_thread);
    return noted;
}

bool registry_secret(registry_t *self, size_t stream, seal_secret_t *secret)
{
    pthread_mutex_lock(&self->lock);
    const log_entry_t *log = &self->logs[stream];
    bool sealed = log->sealed;
    *secret = log->secret;
    pthread_mutex_unlock(&self->lock);
    return sealed;
}

void registry_edition(registry_t *self, size_t stream, uint64_t edition)
{
    pthread_mutex_lock(&self->lock);
    self->logs[stream].edition = edition;
    pthread_mutex_unlock(&self->lock);
}

bool registry_is_foreign(registry_t *self, size_t stream, uint64_t *above)
{
    pthread_mutex_lock(&self->lock);
    const log_entry_t *log = &self->logs[stream];
    bool foreign = log->foreign && !log->retold;
    *above = log->above;
    pthread_mutex_unlock(&self->lock);
    return foreign;
}

void registry_retold(registry_t *self, size_t stream, uint64_t edition)
{
    pthread_mutex_lock(&self->lock);
    self->logs[stream].edition = edition;
    self->logs[stream].retold = true;
    self->logs_changed = true;
    pthread_mutex_unlock(&self->lock);
    registry_signal(self->to_thread);
}

bool registry_log_begin(registry_t *self, size_t stream, uint64_t first_seq, uint64_t begin)
{
    keeper_log_t told = { .log = { .first = first_seq, .begin = begin } };
    pthread_mutex_lock(&self->lock);
    const log_entry_t *log = &self->logs[stream];
    strcpy(told.stream, log->name);
    told.mark = log->mark;
    // Until it is known that Redis speaks of this log, nothing of it is put back there.
    bool ours = log->mark && log->noted && !log->foreign && !log->retold &&
                edition_name(told.log.stream, log->name, log->edition);
    pthread_mutex_unlock(&self->lock);
    if (ours)
        keeper_tell(self->keeper, stream, &told);
    return ours;
}

void registry_gone(registry_t *self)
{
    keeper_gone(self->keeper);
}

uint64_t registry_held_floor(registry_t *self, slice_t name)
{
    char text[EDITION_NAME_MAX + 1];
    if (name.size >= sizeof text)
        return 0;
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    return keeper_floor(self->keeper, text);
}

void registry_hold(registry_t *self, int64_t copy_every_us)
{
    keeper_configure(self->keeper, copy_every_us);
}

bool registry_take_brokers(registry_t *self, registry_brokers_t *brokers)
{
    pthread_mutex_lock(&self->lock);
    bool changed = self->brokers_changed;
    self->brokers_changed = false;
    if (changed)
        *brokers = self->brokers;
    pthread_mutex_unlock(&self->lock);
    return changed;
}

bool registry_is_heard(registry_t *self)
{
    pthread_mutex_lock(&self->lock);
    bool heard = !self->down;
    pthread_mutex_unlock(&self->lock);
    return heard;
}

bool registry_rules_are_live(registry_t *self)
{
    pthread_mutex_lock(&self->lock);
    bool live = self->live;
    pthread_mutex_unlock(&self->lock);
    return live;
}
