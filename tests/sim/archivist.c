/*  archivist -- in place of actors/collector/archivist.c: the thread that trims logs. It makes no
 *  objects, but the lists that say that a segment has all of its objects, which are none.
 */
#include "actors/collector/archivist.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker/runtime/life.h"
#include "broker/stage/catalog.h"
#include "broker/stage/manifest.h"
#include "tests/sim/world.h"

enum { LOOK_S = ARCHIVIST_LOOK_MS / 1000 };

struct archivist {
    const char *root, *namespace;
    trimmer_t *trimmer;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool running, stop;
    int64_t keep_us; // 0: nothing is ever removed, and there is no thread
    size_t count;
    char *streams[ARCHIVIST_STREAMS_MAX];
};

// What fails is tried again next time.
static void s_list_objects(archivist_t *self, const char *stream)
{
    catalog_t catalog;
    fault_t fault;
    if (!catalog_open(&catalog, self->root, self->namespace, stream, &fault))
        return;
    for (size_t i = 0; i < catalog.count; i++) {
        const catalog_segment_t *segment = &catalog.segments[i];
        manifest_t list = { 0 };
        bool known = segment->last_seq == 0 ||
                     (manifest_load(&list, catalog.directory, segment->first_seq, &fault) &&
                      list.complete && list.last_seq == segment->last_seq);
        manifest_clear(&list);
        if (known)
            continue;
        list = (manifest_t){ .complete = true,
                             .first_seq = segment->first_seq,
                             .last_seq = segment->last_seq };
        (void) manifest_save(&list, catalog.directory, &fault);
    }
    catalog_close(&catalog);
}

static void s_trim(archivist_t *self, const char *stream)
{
    fault_t fault;
    uint64_t before = trimmer_count(self->trimmer);
    s_list_objects(self, stream);
    if (!trimmer_work(self->trimmer, self->root, self->namespace, stream, self->keep_us,
                      life_wall_us(), &fault))
        world_say("not trimmed: %s", fault.text);
    for (; before < trimmer_count(self->trimmer); before++)
        world_count(FAULT_TRIM);
}

static void *s_run(void *context)
{
    archivist_t *self = context;
    pthread_mutex_lock(&self->lock);
    while (!self->stop) {
        pthread_mutex_unlock(&self->lock);
        for (size_t i = 0; i < self->count; i++)
            s_trim(self, self->streams[i]);
        pthread_mutex_lock(&self->lock);
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += LOOK_S;
        while (!self->stop && pthread_cond_timedwait(&self->wake, &self->lock, &until) == 0)
            continue;
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

archivist_t *archivist_new(const char *root, const char *namespace, fault_t *fault)
{
    archivist_t *self = calloc(1, sizeof *self);
    if (!self || !(self->trimmer = trimmer_new())) {
        fault_set(fault, "out of memory");
        free(self);
        return NULL;
    }
    self->root = strdup(root);
    self->namespace = strdup(namespace);
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->wake, NULL);
    return self;
}

void archivist_destroy(archivist_t **self_p)
{
    archivist_t *self = *self_p;
    if (!self)
        return;
    pthread_mutex_lock(&self->lock);
    self->stop = true;
    pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->lock);
    if (self->running)
        pthread_join(self->thread, NULL);
    trimmer_destroy(&self->trimmer);
    *self_p = NULL; // the run gives back the rest
}

bool archivist_configure(archivist_t *self, const settings_t *settings)
{
    self->keep_us = settings->stage_keep_us;
    if (self->keep_us > 0 && !self->running)
        self->running = pthread_create(&self->thread, NULL, s_run, self) == 0;
    return true;
}

bool archivist_watch(archivist_t *self, const char *stream)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->streams[i], stream) == 0)
            return true;
    self->streams[self->count++] = strdup(stream);
    return true;
}

trimmer_t *archivist_trimmer(archivist_t *self)
{
    return self->trimmer;
}

size_t archivist_report(archivist_t *self, registry_field_t *fields, size_t most)
{
    (void) self;
    (void) fields;
    (void) most;
    return 0;
}

void archivist_log(archivist_t *self)
{
    (void) self;
}
