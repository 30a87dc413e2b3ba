/*  lines -- see lines.h. */
#include "actors/collector/lines.h"

#include <inttypes.h>
#include <stdlib.h>

#include "proto/owned.h"

struct lines {
    char *root, *namespace, *collector, *listen;
    size_t count;
    line_t *lines[LINES_MAX];
    bool known[LINES_MAX]; // Redis knows their logs
};

lines_t *lines_new(const char *root, const char *namespace, const char *collector,
                   const char *listen, fault_t *fault)
{
    lines_t *self = calloc(1, sizeof *self);
    if (self) {
        self->root = strdup(root);
        self->namespace = strdup(namespace);
        self->collector = strdup(collector);
        self->listen = strdup(listen);
    }
    if (!self || !self->root || !self->namespace || !self->collector || !self->listen) {
        fault_set(fault, "out of memory");
        lines_destroy(&self);
    }
    return self;
}

void lines_destroy(lines_t **self_p)
{
    lines_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        line_destroy(&self->lines[i]);
    free(self->root);
    free(self->namespace);
    free(self->collector);
    free(self->listen);
    free(self);
    *self_p = NULL;
}

static line_t *s_find(const lines_t *self, const char *stream)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(stream_name(line_stream(self->lines[i])), stream) == 0)
            return self->lines[i];
    return NULL;
}

static const char *s_stream_of(const lines_t *self, const source_t *source)
{
    return source->stream ? source->stream : self->collector;
}

static bool s_open(lines_t *self, const char *name, fault_t *fault)
{
    if (s_find(self, name))
        return true;
    if (self->count == LINES_MAX)
        return fault_set(fault, "more than %d streams", LINES_MAX);
    line_t *line =
        line_open(self->root, self->namespace, self->collector, self->listen, name, fault);
    if (!line)
        return false;
    self->lines[self->count++] = line;
    const stream_t *stream = line_stream(line);
    log_event(LOG_INFO, "stream open", "stream=%s last_seq=%" PRIu64 " damaged=%" PRIu64, name,
              stream_durable(stream), stream_damaged(stream));
    return true;
}

bool lines_open(lines_t *self, const settings_t *settings, fault_t *fault)
{
    for (size_t i = 0; i < settings->source_count; i++)
        if (!s_open(self, s_stream_of(self, &settings->sources[i]), fault))
            return false;
    // Without sources there are rules all the same, and somebody who looks whether we live.
    if (self->count == 0 && !s_open(self, self->collector, fault))
        return false;
    for (size_t i = 0; i < self->count; i++) {
        stream_seal_after(line_stream(self->lines[i]), settings->stage_seal_us);
        line_keep_free(self->lines[i], (uint64_t) settings->stage_free_min_mb << 20);
    }
    return true;
}

stream_t *lines_stream(const lines_t *self, const source_t *source)
{
    return line_stream(s_find(self, s_stream_of(self, source)));
}

bool lines_plan(lines_t *self, const plan_t *plan, moment_t now)
{
    for (size_t i = 0; i < self->count; i++)
        if (!line_plan(self->lines[i], plan, now))
            return false;
    return true;
}

bool lines_sync(lines_t *self, moment_t now)
{
    bool durable = true;
    for (size_t i = 0; i < self->count; i++)
        durable &= line_sync(self->lines[i], now);
    return durable;
}

bool lines_are_stalled(const lines_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (line_is_stalled(self->lines[i]))
            return true;
    return false;
}

bool lines_cannot_write(const lines_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (line_cannot_write(self->lines[i]))
            return true;
    return false;
}

bool lines_are_durable(const lines_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (stream_pending(line_stream(self->lines[i])))
            return false;
    return true;
}

static bool s_tell_begin(const lines_t *self, size_t index, registry_t *registry)
{
    const line_t *line = self->lines[index];
    return registry_log_begin(registry, index, stream_first_seq(line_stream(line)),
                              line_begin(line));
}

// As soon as it is, whoever keeps copies may begin.
static bool s_is_known(lines_t *self, size_t index, registry_t *registry)
{
    if (self->known[index] || stream_durable(line_stream(self->lines[index])) == 0)
        return self->known[index];
    self->known[index] = registry_log_durable(registry, index);
    if (self->known[index])
        (void) s_tell_begin(self, index, registry); // once a second again
    return self->known[index];
}

bool lines_forward(lines_t *self, registry_t *registry, moment_t now)
{
    bool more = false;
    for (size_t i = 0; i < self->count; i++) {
        seal_secret_t secret;
        line_hear(self->lines[i], now);
        if (s_is_known(self, i, registry) && registry_secret(registry, i, &secret))
            more |= line_send(self->lines[i], &secret, now);
    }
    return more;
}

static bool s_trim(lines_t *self, size_t index, registry_t *registry, trimmer_t *trimmer,
                   moment_t now)
{
    line_t *line = self->lines[index];
    const char *name = stream_name(line_stream(line));
    uint64_t edition = line_edition(line), begins = stream_first_seq(line_stream(line)), first_seq;
    slice_t told = slice_text(forward_name(line_forward(line)));
    // Nothing goes of a log of which whoever keeps copies has not been told where it begins.
    uint64_t floor = s_tell_begin(self, index, registry) ? registry_held_floor(registry, told) : 0;
    bool good = trimmer_tell(trimmer, name, edition, floor);
    if (trimmer_offer(trimmer, name, edition, begins, &first_seq) && line_forget(line, first_seq) &&
        s_tell_begin(self, index, registry)) {
        trimmer_accept(trimmer, name, first_seq);
        log_event(LOG_INFO, "log trimmed", "stream=%s first_seq=%" PRIu64, name, first_seq);
    }
    if (line_take_gone(line, now))
        registry_gone(registry);
    return good;
}

bool lines_trim(lines_t *self, registry_t *registry, trimmer_t *trimmer, moment_t now)
{
    bool good = true;
    for (size_t i = 0; i < self->count; i++)
        good &= s_trim(self, i, registry, trimmer, now);
    return good;
}

size_t lines_items(const lines_t *self, zmq_pollitem_t *items)
{
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++) {
        forward_t *forward = line_forward(self->lines[i]);
        items[count++] =
            (zmq_pollitem_t){ .socket = forward_ack_socket(forward), .events = ZMQ_POLLIN };
        if (line_is_blocked(self->lines[i]))
            items[count++] =
                (zmq_pollitem_t){ .socket = forward_raw_socket(forward), .events = ZMQ_POLLOUT };
    }
    return count;
}

int64_t lines_next_us(const lines_t *self)
{
    int64_t next_us = INT64_MAX;
    for (size_t i = 0; i < self->count; i++)
        if (line_next_us(self->lines[i]) < next_us)
            next_us = line_next_us(self->lines[i]);
    return next_us;
}

size_t lines_count(const lines_t *self)
{
    return self->count;
}

line_t *lines_at(const lines_t *self, size_t index)
{
    return self->lines[index];
}
