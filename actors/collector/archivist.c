/*  archivist -- see archivist.h. `lock` guards what both threads touch; nothing is read or written
 *  with it held.
 */
#include "actors/collector/archivist.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "actors/collector/expiry.h"
#include "broker/runtime/life.h"
#include "proto/owned.h"

enum { NICE = 19 };

typedef struct {
    char *source;
    char path[ROUTE_BYTES_MAX + 1];
} sited_t;

typedef struct {
    char *name;
    uint64_t done; // first seq of the last segment whose objects are there
} watched_t;

struct archivist {
    pthread_t thread;
    bool running;
    char *root, *namespace;

    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
    size_t site_count, stream_count;
    sited_t *sites;
    watched_t streams[ARCHIVIST_STREAMS_MAX];
    expiry_limits_t limits;
    int64_t stage_keep_us;
    archive_count_t count;
    uint64_t expired, remade_told;
    bool trouble, trouble_told;
    fault_t fault;

    trimmer_t *trimmer; // has a lock of its own

    // The thread's.
    archive_t *archive;
    int64_t expire_us; // monotonic, when to look next; 0 = it never did
};

// ---- the thread -------------------------------------------------------------------------------

static bool s_is_stopped(archivist_t *self)
{
    pthread_mutex_lock(&self->lock);
    bool stop = self->stop;
    pthread_mutex_unlock(&self->lock);
    return stop;
}

static void s_route(void *context, const char *source, char path[ROUTE_BYTES_MAX + 1])
{
    archivist_t *self = context;
    pthread_mutex_lock(&self->lock);
    const sited_t *site = NULL;
    for (size_t i = 0; i < self->site_count && !site; i++)
        if (strcmp(self->sites[i].source, source) == 0)
            site = &self->sites[i];
    if (site)
        strcpy(path, site->path);
    else
        route_unknown(source, path);
    pthread_mutex_unlock(&self->lock);
}

static void s_count(archivist_t *self)
{
    pthread_mutex_lock(&self->lock);
    self->count = archive_count(self->archive);
    pthread_mutex_unlock(&self->lock);
}

// What a whole round came to; NULL = no trouble.
static void s_report(archivist_t *self, const fault_t *fault)
{
    pthread_mutex_lock(&self->lock);
    if (fault && !(self->trouble && strcmp(fault->text, self->fault.text) == 0)) {
        self->fault = *fault;
        self->trouble_told = false; // another one
    }
    self->trouble_told &= fault != NULL;
    self->trouble = fault != NULL;
    pthread_mutex_unlock(&self->lock);
}

static int64_t s_stage_keep_us(archivist_t *self)
{
    pthread_mutex_lock(&self->lock);
    int64_t keep_us = self->stage_keep_us;
    pthread_mutex_unlock(&self->lock);
    return keep_us;
}

// The log goes first: objects must not be what fills the disk, except where they empty it.
static bool s_has_room(archivist_t *self, const catalog_segment_t *segment, fault_t *fault)
{
    int64_t keep_us = s_stage_keep_us(self);
    bool over = keep_us > 0 && segment->written_us < life_wall_us() - keep_us;
    uint64_t needed = over && segment->bytes / 2 < ARCHIVIST_SPARE_BYTES ? segment->bytes / 2
                                                                         : ARCHIVIST_SPARE_BYTES;
    struct statvfs disk;
    if (statvfs(self->root, &disk) != 0 || (uint64_t) disk.f_bavail * disk.f_frsize >= needed)
        return true; // what cannot be asked is tried
    return fault_set(fault, "less than %d MB are free at %s; the log needs them",
                     ARCHIVIST_SPARE_BYTES >> 20, self->root);
}

// One segment. False with fault, which names it.
static bool s_archive(archivist_t *self, const watched_t *stream, const catalog_t *catalog,
                      const catalog_segment_t *segment, fault_t *fault)
{
    fault_t why;
    bool good = archive_segment(self->archive, stream->name, catalog->directory, segment, s_route,
                                self, &why);
    s_count(self);
    return good || fault_set(fault, "stream %s, segment %" PRIu64 ": %s", stream->name,
                             segment->first_seq, why.text);
}

// False with fault (the last): something of this stream has to wait; what comes behind it does not.
static bool s_work(archivist_t *self, watched_t *stream, fault_t *fault)
{
    catalog_t catalog;
    if (!catalog_open(&catalog, self->root, self->namespace, stream->name, fault))
        return false;
    bool good = true;
    for (size_t i = 0; i < catalog.count && !s_is_stopped(self); i++) {
        const catalog_segment_t *segment = &catalog.segments[i];
        if (segment->last_seq == 0 || segment->first_seq <= stream->done)
            continue;
        if (!s_has_room(self, segment, fault)) {
            good = false;
            break;
        }
        good &= s_archive(self, stream, &catalog, segment, fault);
        // The last sealed one may have to be opened again by a writer that dies now: look again.
        if (good && i + 2 < catalog.count)
            stream->done = segment->first_seq;
    }
    catalog_close(&catalog);
    return good;
}

// False with fault: something could not be removed.
static bool s_expire(archivist_t *self, size_t count, fault_t *fault)
{
    int64_t now_us = life_mono_us();
    if (now_us < self->expire_us)
        return true;
    const char *names[ARCHIVIST_STREAMS_MAX];
    for (size_t i = 0; i < count; i++)
        names[i] = self->streams[i].name;
    pthread_mutex_lock(&self->lock);
    expiry_limits_t limits = self->limits;
    pthread_mutex_unlock(&self->lock);
    uint64_t gone = 0;
    bool good = expiry_run(self->root, self->namespace, names, count, &limits, life_wall_us(),
                           self->expire_us == 0, &gone, fault);
    self->expire_us = now_us + ARCHIVIST_EXPIRE_MS * INT64_C(1000);
    pthread_mutex_lock(&self->lock);
    self->expired += gone;
    pthread_mutex_unlock(&self->lock);
    return good;
}

static void *s_run(void *context)
{
    archivist_t *self = context;
    // In Linux this is of the thread alone.
    (void) setpriority(PRIO_PROCESS, (id_t) syscall(SYS_gettid), NICE);
    pthread_mutex_lock(&self->lock);
    while (!self->stop) {
        size_t count = self->stream_count;
        pthread_mutex_unlock(&self->lock);
        fault_t fault, *trouble = NULL;
        for (size_t i = 0; i < count && !s_is_stopped(self); i++) {
            if (!s_work(self, &self->streams[i], &fault))
                trouble = &fault;
            if (!trimmer_work(self->trimmer, self->root, self->namespace, self->streams[i].name,
                              s_stage_keep_us(self), life_wall_us(), &fault))
                trouble = &fault;
        }
        if (count > 0 && !s_expire(self, count, &fault))
            trouble = &fault;
        s_report(self, trouble);
        pthread_mutex_lock(&self->lock);
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += ARCHIVIST_LOOK_MS / 1000;
        while (!self->stop && pthread_cond_timedwait(&self->wake, &self->lock, &until) == 0)
            continue;
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

// ---- the loop's side ----------------------------------------------------------------------------

static bool s_open(archivist_t *self, const char *root, const char *namespace)
{
    pthread_condattr_t monotonic;
    pthread_mutex_init(&self->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&self->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    self->root = strdup(root);
    self->namespace = strdup(namespace);
    self->archive = archive_new(root, namespace);
    self->trimmer = trimmer_new();
    self->running = self->root && self->namespace && self->archive && self->trimmer &&
                    pthread_create(&self->thread, NULL, s_run, self) == 0;
    return self->running;
}

archivist_t *archivist_new(const char *root, const char *namespace, fault_t *fault)
{
    archivist_t *self = calloc(1, sizeof *self);
    if (!self || !s_open(self, root, namespace)) {
        fault_set(fault, "no memory or threads left");
        archivist_destroy(&self);
    }
    return self;
}

static void s_sites_clear(sited_t *sites, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(sites[i].source);
    free(sites);
}

void archivist_destroy(archivist_t **self_p)
{
    archivist_t *self = *self_p;
    if (!self)
        return;
    if (self->running) {
        pthread_mutex_lock(&self->lock);
        self->stop = true;
        archive_stop(self->archive);
        pthread_cond_signal(&self->wake);
        pthread_mutex_unlock(&self->lock);
        pthread_join(self->thread, NULL);
    }
    archive_destroy(&self->archive);
    trimmer_destroy(&self->trimmer);
    s_sites_clear(self->sites, self->site_count);
    for (size_t i = 0; i < self->stream_count; i++)
        free(self->streams[i].name);
    pthread_cond_destroy(&self->wake);
    pthread_mutex_destroy(&self->lock);
    free(self->root);
    free(self->namespace);
    free(self);
    *self_p = NULL;
}

bool archivist_configure(archivist_t *self, const settings_t *settings)
{
    sited_t *sites = calloc(settings->source_count + 1, sizeof *sites);
    size_t count = 0;
    for (; sites && count < settings->source_count; count++) {
        sites[count].source = strdup(settings->sources[count].name);
        if (!sites[count].source) {
            s_sites_clear(sites, count);
            return false;
        }
        route_of(&settings->sources[count], sites[count].path);
    }
    if (!sites)
        return false;
    pthread_mutex_lock(&self->lock);
    sited_t *old = self->sites;
    size_t old_count = self->site_count;
    self->limits =
        (expiry_limits_t){ settings->objects_keep_us, (uint64_t) settings->objects_max_mb << 20 };
    self->stage_keep_us = settings->stage_keep_us;
    self->sites = sites;
    self->site_count = count;
    pthread_mutex_unlock(&self->lock);
    s_sites_clear(old, old_count);
    return true;
}

bool archivist_watch(archivist_t *self, const char *stream)
{
    for (size_t i = 0; i < self->stream_count; i++) // only this side adds
        if (strcmp(self->streams[i].name, stream) == 0)
            return true;
    char *name = self->stream_count < ARCHIVIST_STREAMS_MAX ? strdup(stream) : NULL;
    if (!name)
        return false;
    pthread_mutex_lock(&self->lock);
    self->streams[self->stream_count++] = (watched_t){ .name = name };
    pthread_mutex_unlock(&self->lock);
    return true;
}

trimmer_t *archivist_trimmer(archivist_t *self)
{
    return self->trimmer;
}

size_t archivist_report(archivist_t *self, registry_field_t *fields, size_t most)
{
    pthread_mutex_lock(&self->lock);
    archive_count_t made = self->count;
    uint64_t expired = self->expired;
    pthread_mutex_unlock(&self->lock);
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {
        { "objects", made.objects },
        { "objects_plain", made.plain_bytes },
        { "objects_bytes", made.bytes },
        { "objects_expired", expired },
        { "segments_removed", trimmer_count(self->trimmer) },
    };
    size_t count = 0;
    for (; count < sizeof counts / sizeof *counts && count < most; count++) {
        registry_field_t *field = &fields[count];
        snprintf(field->name, sizeof field->name, "%s", counts[count].name);
        snprintf(field->value, sizeof field->value, "%" PRIu64, counts[count].value);
    }
    return count;
}

void archivist_log(archivist_t *self)
{
    pthread_mutex_lock(&self->lock);
    bool tell = self->trouble && !self->trouble_told;
    self->trouble_told |= tell;
    fault_t fault = self->fault;
    uint64_t remade = self->count.remade - self->remade_told;
    self->remade_told = self->count.remade;
    pthread_mutex_unlock(&self->lock);
    if (remade)
        log_event(LOG_WARNING, "damaged lists of objects were made again", "lists=%" PRIu64,
                  remade);
    if (tell)
        log_event(LOG_WARNING, "objects wait; trying again", "reason=%s", log_quote(fault.text));
}
