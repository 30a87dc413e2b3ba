/*  sentry -- see sentry.h. */
#include "broker/sentry.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "broker/peer_link.h"
#include "proto/owned.h"

enum {
    LINKS_MAX = 1 << 16, // descriptors looked at; those beyond go unseen
    ENDPOINT_MAX = 256,
};

struct sentry {
    char endpoint[ENDPOINT_MAX];
    uint64_t bytes_max;
    clockid_t clock; // the processor's time that the watched thread has used
    pthread_t thread;
    bool running;
    atomic_bool stop;
    atomic_uint_fast64_t turns;

    // The thread's own: what it saw of this turn.
    uint64_t turn, began_us;
    bool counting;
    int links;
    uint64_t *before; // bytes of each connection when it began to count

    pthread_mutex_t lock; // of what follows
    char name[SENTRY_NAME_MAX + 1];
    uint64_t bytes; // of whom was cut off; 0: nobody
    atomic_bool news;
};

static uint64_t used_us(const sentry_t *self)
{
    struct timespec used = { 0 };
    (void) clock_gettime(self->clock, &used);
    return (uint64_t) used.tv_sec * 1000000 + (uint64_t) used.tv_nsec / 1000;
}

static void count_from_here(sentry_t *self)
{
    for (int link = 0; link < self->links; link++) {
        self->before[link] = 0;
        (void) peer_link_received(self->endpoint, link, &self->before[link]);
    }
    self->counting = true;
}

static void cut(sentry_t *self, int link, uint64_t bytes)
{
    pthread_mutex_lock(&self->lock);
    peer_link_name(link, self->name, sizeof self->name);
    self->bytes = bytes;
    pthread_mutex_unlock(&self->lock);
    peer_link_cut(self->endpoint, link);
    atomic_store(&self->news, true);
}

// A connection that came meanwhile may have the number of one that went: it brought less then.
static void cut_greediest(sentry_t *self)
{
    uint64_t all = 0, most = 0;
    int greediest = -1;
    for (int link = 0; link < self->links; link++) {
        uint64_t bytes;
        if (!peer_link_received(self->endpoint, link, &bytes))
            continue;
        uint64_t brought = bytes >= self->before[link] ? bytes - self->before[link] : bytes;
        all += brought;
        if (brought > most) {
            most = brought;
            greediest = link;
        }
    }
    if (all > self->bytes_max && greediest >= 0)
        cut(self, greediest, most);
}

static void look(sentry_t *self)
{
    uint64_t turn = atomic_load(&self->turns), used = used_us(self);
    if (turn != self->turn) {
        self->turn = turn;
        self->began_us = used;
        self->counting = false;
    } else if (used - self->began_us >= SENTRY_TURN_US) {
        if (self->counting)
            cut_greediest(self);
        else
            count_from_here(self);
    }
}

static void *sentry_run(void *argument)
{
    sentry_t *self = argument;
    const struct timespec pause = { .tv_nsec = SENTRY_LOOK_MS * 1000 * 1000 };
    while (!atomic_load(&self->stop)) {
        look(self);
        (void) nanosleep(&pause, NULL);
    }
    return NULL;
}

static int links_possible(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > LINKS_MAX)
        return LINKS_MAX;
    return (int) limit.rlim_cur;
}

sentry_t *sentry_new(const char *endpoint, uint64_t bytes_max, fault_t *fault)
{
    owned(sentry_destroy) sentry_t *self = calloc(1, sizeof *self);
    if (self) {
        pthread_mutex_init(&self->lock, NULL);
        self->links = links_possible();
        self->before = calloc((size_t) self->links, sizeof *self->before);
    }
    if (!self || !self->before) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    snprintf(self->endpoint, sizeof self->endpoint, "%s", endpoint);
    self->bytes_max = bytes_max;
    self->running = pthread_getcpuclockid(pthread_self(), &self->clock) == 0 &&
                    pthread_create(&self->thread, NULL, sentry_run, self) == 0;
    if (!self->running) {
        fault_set(fault, "cannot start a thread");
        return NULL;
    }
    sentry_t *given = self;
    self = NULL;
    return given;
}

void sentry_destroy(sentry_t **self_p)
{
    sentry_t *self = *self_p;
    if (!self)
        return;
    if (self->running) {
        atomic_store(&self->stop, true);
        pthread_join(self->thread, NULL);
    }
    pthread_mutex_destroy(&self->lock);
    free(self->before);
    free(self);
    *self_p = NULL;
}

bool sentry_turn(sentry_t *self, char name[SENTRY_NAME_MAX + 1], uint64_t *bytes)
{
    atomic_fetch_add(&self->turns, 1);
    if (!atomic_exchange(&self->news, false))
        return false;
    pthread_mutex_lock(&self->lock);
    snprintf(name, SENTRY_NAME_MAX + 1, "%s", self->name);
    *bytes = self->bytes;
    pthread_mutex_unlock(&self->lock);
    return true;
}
