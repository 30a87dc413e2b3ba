/*  announce -- see announce.h. */
#include "broker/announce.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "proto/owned.h"

enum {
    BEAT_MS = 1000,
    LEASE_MS = 5000,
    FIELDS_MAX = 16,
    NAME_BYTES_MAX = 31,
    VALUE_BYTES_MAX = 255,
};

typedef struct {
    char name[NAME_BYTES_MAX + 1], value[VALUE_BYTES_MAX + 1];
} announced_t;

struct announce {
    store_t *store; // the thread's alone
    const char *role, *name;
    pthread_t thread;
    bool running;

    pthread_mutex_t lock; // guards what follows
    pthread_cond_t change;
    announced_t fields[FIELDS_MAX];
    size_t count;
    bool stop, heard;
    fault_t reason; // why not heard; empty before the first beat
};

// One beat with a copy of the fields: the lock is never held while Redis is asked.
static void beat(announce_t *self)
{
    announced_t copy[FIELDS_MAX];
    store_field_t fields[FIELDS_MAX];
    pthread_mutex_lock(&self->lock);
    size_t count = self->count;
    memcpy(copy, self->fields, count * sizeof copy[0]);
    pthread_mutex_unlock(&self->lock);
    for (size_t i = 0; i < count; i++)
        fields[i] = (store_field_t){ .name = copy[i].name, .value = copy[i].value };

    store_status_t status =
        store_beat(self->store, self->role, self->name, LEASE_MS, fields, count);
    pthread_mutex_lock(&self->lock);
    self->heard = status == STORE_OK;
    if (!self->heard)
        fault_set(&self->reason, "%s", store_error(self->store));
    pthread_mutex_unlock(&self->lock);
}

static void *announce_run(void *argument)
{
    announce_t *self = argument;
    pthread_mutex_lock(&self->lock);
    while (!self->stop && self->count == 0) // nobody is announced without an address
        pthread_cond_wait(&self->change, &self->lock);
    while (!self->stop) {
        pthread_mutex_unlock(&self->lock);
        beat(self);
        pthread_mutex_lock(&self->lock);
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += BEAT_MS / 1000;
        while (!self->stop && pthread_cond_timedwait(&self->change, &self->lock, &until) == 0)
            ;
    }
    bool heard = self->heard;
    pthread_mutex_unlock(&self->lock);
    if (heard) // otherwise the lease ends by itself
        store_leave(self->store, self->role, self->name);
    return NULL;
}

announce_t *announce_new(store_t *store, const char *role, const char *name, fault_t *fault)
{
    announce_t *self = calloc(1, sizeof *self);
    if (!self) {
        fault_set(fault, "out of memory");
        store_destroy(&store);
        return NULL;
    }
    *self = (announce_t){ .store = store, .role = role, .name = name };
    pthread_mutex_init(&self->lock, NULL);
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&self->change, &clock);
    pthread_condattr_destroy(&clock);
    self->running = pthread_create(&self->thread, NULL, announce_run, self) == 0;
    if (!self->running) {
        fault_set(fault, "cannot start a thread");
        announce_destroy(&self);
    }
    return self;
}

void announce_destroy(announce_t **self_p)
{
    announce_t *self = *self_p;
    if (!self)
        return;
    if (self->running) {
        pthread_mutex_lock(&self->lock);
        self->stop = true;
        pthread_cond_signal(&self->change);
        pthread_mutex_unlock(&self->lock);
        pthread_join(self->thread, NULL);
    }
    pthread_cond_destroy(&self->change);
    pthread_mutex_destroy(&self->lock);
    store_destroy(&self->store);
    free(self);
    *self_p = NULL;
}

void announce_set(announce_t *self, const store_field_t *fields, size_t count)
{
    assert(count > 0 && count <= FIELDS_MAX);
    pthread_mutex_lock(&self->lock);
    for (size_t i = 0; i < count; i++) {
        assert(strlen(fields[i].name) <= NAME_BYTES_MAX);
        assert(strlen(fields[i].value) <= VALUE_BYTES_MAX);
        strcpy(self->fields[i].name, fields[i].name);
        strcpy(self->fields[i].value, fields[i].value);
    }
    if (self->count == 0)
        pthread_cond_signal(&self->change);
    self->count = count;
    pthread_mutex_unlock(&self->lock);
}

bool announce_heard(announce_t *self, fault_t *reason)
{
    pthread_mutex_lock(&self->lock);
    bool heard = self->heard;
    if (!heard)
        *reason = self->reason;
    pthread_mutex_unlock(&self->lock);
    return heard;
}
