/*  keeper -- see keeper.h; the loop's half, and the thread's round. */
#include "actors/collector/keeper_inside.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker/runtime/life.h"
#include "proto/owned.h"

// ---- life -----------------------------------------------------------------------------------

keeper_t *keeper_new(store_t *store, const char *root, const char *namespace, const char *collector,
                     fault_t *fault)
{
    owned(keeper_destroy) keeper_t *self = calloc(1, sizeof *self);
    if (!self) {
        store_destroy(&store);
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->store = store;
    pthread_mutex_init(&self->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&self->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    self->root = strdup(root);
    self->namespace = strdup(namespace);
    snprintf(self->collector, sizeof self->collector, "%s", collector);
    snprintf(self->owner, sizeof self->owner, "keeper of %.*s", STORE_NAME_MAX - 10, collector);
    if (!self->root || !self->namespace ||
        pthread_create(&self->thread, NULL, keeper_run, self) != 0) {
        fault_set(fault, "no memory or threads left");
        return NULL;
    }
    self->running = true;
    keeper_t *given = self;
    self = NULL;
    return given;
}

void keeper_destroy(keeper_t **self_p)
{
    keeper_t *self = *self_p;
    if (!self)
        return;
    if (self->running) {
        pthread_mutex_lock(&self->lock);
        self->stop = true;
        pthread_cond_signal(&self->wake);
        pthread_mutex_unlock(&self->lock);
        pthread_join(self->thread, NULL);
    }
    for (size_t i = 0; i < self->kept_count; i++)
        position_clear(&self->kept[i].floors);
    position_clear(&self->floors);
    store_destroy(&self->store);
    pthread_cond_destroy(&self->wake);
    pthread_mutex_destroy(&self->lock);
    free(self->root);
    free(self->namespace);
    free(self);
    *self_p = NULL;
}

// ---- the loop's half ------------------------------------------------------------------------

void keeper_configure(keeper_t *self, int64_t copy_every_us)
{
    pthread_mutex_lock(&self->lock);
    self->every_us = copy_every_us;
    pthread_mutex_unlock(&self->lock);
}

void keeper_tell(keeper_t *self, size_t stream, const keeper_log_t *log)
{
    assert(stream < KEEPER_STREAMS_MAX && log->mark != 0);
    pthread_mutex_lock(&self->lock);
    self->told[stream] = true;
    self->tellings[stream]++;
    self->logs[stream] = *log;
    pthread_mutex_unlock(&self->lock);
}

void keeper_gone(keeper_t *self)
{
    pthread_mutex_lock(&self->lock);
    self->gone = true;
    pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->lock);
}

uint64_t keeper_floor(keeper_t *self, const char *stream)
{
    pthread_mutex_lock(&self->lock);
    const position_offset_t *floor = position_find(&self->floors, stream);
    uint64_t seq = floor ? floor->seq : 0;
    pthread_mutex_unlock(&self->lock);
    return seq;
}

keeper_report_t keeper_report(keeper_t *self)
{
    pthread_mutex_lock(&self->lock);
    int64_t age_us = life_wall_us() - self->created_us;
    keeper_report_t report = { .age_s = age_us > 0 ? age_us / 1000000 : 0,
                               .bytes = self->bytes,
                               .stuck = self->stuck,
                               .error = self->error };
    if (self->created_us == 0)
        report.age_s = -1;
    pthread_mutex_unlock(&self->lock);
    return report;
}

bool keeper_take_note(keeper_t *self, keeper_note_t *note)
{
    pthread_mutex_lock(&self->lock);
    bool there = self->note_count > 0;
    if (there) {
        *note = self->notes[self->note_first];
        self->note_first = (self->note_first + 1) % KEEPER_NOTES;
        self->note_count--;
    }
    pthread_mutex_unlock(&self->lock);
    return there;
}

// ---- between the two ------------------------------------------------------------------------

bool keeper_is_stopped(keeper_t *self)
{
    pthread_mutex_lock(&self->lock);
    bool stop = self->stop;
    pthread_mutex_unlock(&self->lock);
    return stop;
}

void keeper_told(keeper_t *self, keeper_told_t *told)
{
    pthread_mutex_lock(&self->lock);
    told->every_us = self->every_us;
    told->count = 0;
    for (size_t i = 0; i < KEEPER_STREAMS_MAX; i++) {
        if (!self->told[i])
            continue;
        told->logs[told->count] = self->logs[i];
        told->positions[told->count++] = self->logs[i].log;
    }
    told->position_count = told->count;
    pthread_mutex_unlock(&self->lock);
}

void keeper_add_note(keeper_t *self, log_level_t level, const char *message, const char *format,
                     ...)
{
    keeper_note_t note = { .level = level };
    va_list arguments;
    va_start(arguments, format);
    snprintf(note.message, sizeof note.message, "%s", message);
    vsnprintf(note.text, sizeof note.text, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&self->lock);
    if (self->note_count < KEEPER_NOTES) // beyond that the state stands in status
        self->notes[(self->note_first + self->note_count++) % KEEPER_NOTES] = note;
    pthread_mutex_unlock(&self->lock);
}

void keeper_fail(keeper_t *self, const fault_t *fault)
{
    bool news = false;
    pthread_mutex_lock(&self->lock);
    if (fault) {
        news = strcmp(self->error.text, fault->text) != 0;
        self->error = *fault;
    } else {
        self->error = (fault_t){ 0 };
    }
    pthread_mutex_unlock(&self->lock);
    if (news)
        keeper_add_note(self, LOG_WARNING, "the copy of Redis has to wait", "reason=\"%s\"",
                        fault->text);
}

bool keeper_heard(keeper_t *self, store_status_t status, fault_t *fault)
{
    switch (status) {
    case STORE_OK:
    case STORE_DUP:
        return true;
    case STORE_FULL:
        return fault_set(fault, "an outbox or Redis is full");
    case STORE_STALE:
    case STORE_FENCED:
        return fault_set(fault, "somebody else took a partition that was to be put back");
    case STORE_DOWN:
    case STORE_REFUSED:
        self->down = status == STORE_DOWN;
        return fault_set(fault, "Redis: %s", store_error(self->store));
    }
    return false;
}

// ---- the thread -----------------------------------------------------------------------------

static bool s_is_due(const keeper_t *self, const keeper_told_t *told)
{
    if (told->every_us == 0 || told->count == 0 || life_mono_us() < self->copy_us)
        return false;
    int64_t age_us = self->kept_count > 0 ? life_wall_us() - self->kept[0].created_us : INT64_MAX;
    return age_us < 0 || age_us >= told->every_us;
}

// Is nothing missing? Otherwise nothing may be trimmed. False with fault.
static bool s_is_whole(keeper_t *self, keeper_told_t *told, keeper_seen_t *seen, fault_t *fault)
{
    keeper_forget_foreign(self, told);
    keeper_verdict_t verdict = KEEPER_WAITS;
    if (keeper_look(self, seen, fault))
        verdict = keeper_restore(self, told, seen, fault);
    keeper_publish(self, verdict == KEEPER_WHOLE ? &seen->floors : NULL);
    return verdict == KEEPER_WHOLE;
}

// One look. False with fault, which is empty if there is none.
static bool s_look(keeper_t *self, fault_t *fault)
{
    keeper_told_t told;
    keeper_told(self, &told);
    if (!self->listed && !keeper_list(self, fault))
        return false;
    if (told.count == 0)
        return true; // it is not known yet whose Redis this is
    __attribute__((cleanup(keeper_seen_clear))) keeper_seen_t seen;
    if (!s_is_whole(self, &told, &seen, fault))
        return false;
    if (!s_is_due(self, &told))
        return true;
    self->copy_us = life_mono_us() + KEEPER_AGAIN_MS * 1000;
    if (!keeper_copy(self, &seen, fault))
        return false;
    self->copy_us = 0;
    return true;
}

static bool s_wait(keeper_t *self)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += KEEPER_LOOK_MS / 1000;
    pthread_mutex_lock(&self->lock);
    while (!self->stop && !self->gone &&
           pthread_cond_timedwait(&self->wake, &self->lock, &until) == 0)
        continue;
    bool go_on = !self->stop;
    self->gone = false;
    pthread_mutex_unlock(&self->lock);
    return go_on;
}

void *keeper_run(void *context)
{
    keeper_t *self = context;
    while (s_wait(self)) {
        fault_t fault = { 0 };
        bool good = s_look(self, &fault) || !fault.text[0];
        if (!keeper_is_stopped(self) && !self->down)
            keeper_fail(self, good ? NULL : &fault);
        self->down = false; // others say that
    }
    return NULL;
}
