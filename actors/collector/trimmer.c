/*  trimmer -- see trimmer.h. `lock` guards all of it; no file is touched with it held. */
#include "actors/collector/trimmer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char *name;
    uint64_t edition, floor;
    uint64_t offer;    // made by the thread for that edition; 0 = none
    uint64_t accepted; // by the loop: what lies before goes
    uint64_t done;     // what lies before is gone
} log_t;

struct trimmer {
    pthread_mutex_t lock;
    size_t count;
    log_t logs[TRIMMER_STREAMS_MAX];
    uint64_t gone;
};

trimmer_t *trimmer_new(void)
{
    trimmer_t *self = calloc(1, sizeof *self);
    if (self)
        pthread_mutex_init(&self->lock, NULL);
    return self;
}

void trimmer_destroy(trimmer_t **self_p)
{
    trimmer_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        free(self->logs[i].name);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

static log_t *s_find(trimmer_t *self, const char *stream)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->logs[i].name, stream) == 0)
            return &self->logs[i];
    return NULL;
}

// ---- of the loop ------------------------------------------------------------------------------

bool trimmer_tell(trimmer_t *self, const char *stream, uint64_t edition, uint64_t floor)
{
    pthread_mutex_lock(&self->lock);
    log_t *log = s_find(self, stream);
    if (!log && self->count < TRIMMER_STREAMS_MAX) {
        char *name = strdup(stream);
        log = name ? &self->logs[self->count++] : NULL;
        if (log)
            *log = (log_t){ .name = name };
    }
    if (log) {
        // What a former telling had read does not count, nor a copy that is lost.
        if (log->edition != edition || floor + 1 < log->offer)
            log->offer = 0;
        log->edition = edition;
        log->floor = floor;
    }
    pthread_mutex_unlock(&self->lock);
    return log != NULL;
}

bool trimmer_offer(trimmer_t *self, const char *stream, uint64_t edition, uint64_t first,
                   uint64_t *offer)
{
    pthread_mutex_lock(&self->lock);
    const log_t *log = s_find(self, stream);
    bool offered = log && log->edition == edition && log->offer > first;
    *offer = offered ? log->offer : 0;
    pthread_mutex_unlock(&self->lock);
    return offered;
}

void trimmer_accept(trimmer_t *self, const char *stream, uint64_t first_seq)
{
    pthread_mutex_lock(&self->lock);
    log_t *log = s_find(self, stream);
    if (log)
        log->accepted = first_seq;
    pthread_mutex_unlock(&self->lock);
}

// ---- of the thread ----------------------------------------------------------------------------

static log_t s_log(trimmer_t *self, const char *stream)
{
    pthread_mutex_lock(&self->lock);
    const log_t *found = s_find(self, stream);
    log_t log = found ? *found : (log_t){ 0 };
    pthread_mutex_unlock(&self->lock);
    return log;
}

static void s_offer(trimmer_t *self, const char *stream, uint64_t edition, uint64_t first_seq)
{
    pthread_mutex_lock(&self->lock);
    log_t *log = s_find(self, stream);
    if (log && log->edition == edition)
        log->offer = first_seq;
    pthread_mutex_unlock(&self->lock);
}

static bool s_remove(trimmer_t *self, const char *root, const char *namespace, const char *stream,
                     uint64_t first_seq, fault_t *fault)
{
    uint64_t gone = 0;
    bool good = trim_run(root, namespace, stream, first_seq, &gone, fault);
    pthread_mutex_lock(&self->lock);
    self->gone += gone;
    log_t *log = s_find(self, stream);
    if (good && log)
        log->done = first_seq;
    pthread_mutex_unlock(&self->lock);
    return good;
}

bool trimmer_work(trimmer_t *self, const char *root, const char *namespace, const char *stream,
                  int64_t keep_us, int64_t now_us, fault_t *fault)
{
    log_t log = s_log(self, stream);
    if (log.accepted > log.done && !s_remove(self, root, namespace, stream, log.accepted, fault))
        return false;
    if (log.floor == 0 || keep_us == 0)
        return true;
    uint64_t first_seq;
    const trim_limits_t limits = { log.floor, keep_us };
    if (!trim_look(root, namespace, stream, &limits, now_us, &first_seq, fault))
        return false;
    s_offer(self, stream, log.edition, first_seq);
    return true;
}

uint64_t trimmer_count(trimmer_t *self)
{
    pthread_mutex_lock(&self->lock);
    uint64_t gone = self->gone;
    pthread_mutex_unlock(&self->lock);
    return gone;
}
