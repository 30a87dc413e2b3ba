/*  metrics -- see metrics.h. Knows libmicrohttpd, as actors/api/server.c does. */
#include "broker/metrics/metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/metrics/place.h"
#include "broker/metrics/process.h"
#include "broker/runtime/life.h"
#include "broker/trust/guard.h"
#include "broker/trust/lookout.h"
#include "proto/owned.h"

enum {
    CONNECTIONS_MAX = 256, // silent ones hold their places for SILENCE_S,
    PER_ADDRESS_MAX = 32,  // and nobody holds all places
    CONNECTION_BYTES_MAX = 8 << 10,
    SILENCE_S = 3, // of a client, then it is gone
    TEXT_BYTES_MAX = 4 << 20,
};

struct metrics {
    const char *role, *name;
    char address[METRICS_ADDRESS_MAX];
    exposition_t *exposition; // the actor's alone
    struct MHD_Daemon *daemon;

    pthread_mutex_t lock; // guards what follows
    buffer_t text;        // as of the last metrics_end
    int64_t told_us;
    bool ready;
};

// ---- answers ---------------------------------------------------------------------------------

bool metrics_lives(metrics_t *self, bool *ready)
{
    pthread_mutex_lock(&self->lock);
    bool lives = life_mono_us() - self->told_us < METRICS_STUCK_MS * INT64_C(1000);
    *ready = lives && self->ready;
    pthread_mutex_unlock(&self->lock);
    return lives;
}

void metrics_put(metrics_t *self, buffer_t *out)
{
    pthread_mutex_lock(&self->lock);
    buffer_append(out, self->text.data, self->text.size);
    pthread_mutex_unlock(&self->lock);
    bool ready, lives = metrics_lives(self, &ready);
    buffer_printf(out,
                  "# HELP tidewire_info What this is.\n# TYPE tidewire_info gauge\n"
                  "tidewire_info{role=\"%s\",name=\"%s\",version=\"%s\"} 1\n",
                  self->role, self->name, TIDEWIRE_VERSION);
    buffer_printf(out,
                  "# HELP tidewire_healthy Whether the loop of the actor goes round.\n"
                  "# TYPE tidewire_healthy gauge\ntidewire_healthy %d\n"
                  "# HELP tidewire_ready Whether it also is known in Redis.\n"
                  "# TYPE tidewire_ready gauge\ntidewire_ready %d\n",
                  lives, ready);
    buffer_printf(out,
                  "# HELP tidewire_handshakes_failed_total Connections that ended before their "
                  "handshake was complete.\n"
                  "# TYPE tidewire_handshakes_failed_total counter\n"
                  "tidewire_handshakes_failed_total %llu\n",
                  (unsigned long long) lookout_count());
    if (guard_on()) {
        guard_count_t count = guard_count();
        buffer_printf(out,
                      "# HELP tidewire_handshakes_refused_total Connections refused by their key.\n"
                      "# TYPE tidewire_handshakes_refused_total counter\n"
                      "tidewire_handshakes_refused_total %llu\n",
                      (unsigned long long) count.refused);
    }
    process_expose(out);
}

static enum MHD_Result s_queue(struct MHD_Connection *connection, unsigned status, const char *type,
                               buffer_t *body)
{
    if (body->failed)
        return MHD_NO; // out of memory: the connection ends
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body->size, body->data ? (void *) body->data : (void *) "", MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result s_answer(void *context, struct MHD_Connection *connection, const char *url,
                                const char *method, const char *version, const char *data,
                                size_t *size, void **state)
{
    (void) version;
    (void) data;
    static int begun;
    if (!*state) { // the head alone: what may follow is not wanted
        *state = &begun;
        return MHD_YES;
    }
    *size = 0;
    metrics_t *self = context;
    owned(buffer_destroy) buffer_t body = { .limit = TEXT_BYTES_MAX };
    static const char plain[] = "text/plain; charset=utf-8";
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        buffer_text(&body, "only GET and HEAD\n");
        return s_queue(connection, MHD_HTTP_METHOD_NOT_ALLOWED, plain, &body);
    }
    bool ready, lives = metrics_lives(self, &ready);
    if (strcmp(url, "/metrics") == 0) {
        metrics_put(self, &body);
        return s_queue(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", &body);
    }
    bool health = strcmp(url, "/healthz") == 0, readiness = strcmp(url, "/readyz") == 0;
    if (!health && !readiness) {
        buffer_text(&body, "here are /metrics, /healthz and /readyz\n");
        return s_queue(connection, MHD_HTTP_NOT_FOUND, plain, &body);
    }
    bool good = health ? lives : ready;
    buffer_text(&body, good ? "ok\n" : lives ? "not ready: Redis does not know us\n" : "stuck\n");
    return s_queue(connection, good ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, plain, &body);
}

// ---- life ------------------------------------------------------------------------------------

// All interfaces are no address that anybody could ask.
static void s_name_address(metrics_t *self, const char *listen, const char *advertise)
{
    const union MHD_DaemonInfo *bound =
        MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_BIND_PORT);
    bool everywhere = strncmp(listen, "0.0.0.0:", 8) == 0 || strncmp(listen, "[::]:", 5) == 0;
    const char *host = everywhere && advertise ? advertise : listen;
    int size = host == listen ? (int) (strrchr(listen, ':') - listen) : (int) strlen(host);
    snprintf(self->address, sizeof self->address, "%.*s:%u", size, host,
             bound ? (unsigned) bound->port : 0);
}

metrics_t *metrics_new_unheard(const char *role, const char *name, fault_t *fault)
{
    metrics_t *self = calloc(1, sizeof *self);
    if (!self) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->role = role;
    self->name = name;
    self->told_us = life_mono_us();
    pthread_mutex_init(&self->lock, NULL);
    self->exposition = exposition_new(role);
    if (!self->exposition) {
        fault_set(fault, "out of memory");
        metrics_destroy(&self);
    }
    return self;
}

metrics_t *metrics_new(const char *listen, const char *advertise, const char *role,
                       const char *name, fault_t *fault)
{
    owned(place_free) struct addrinfo *place = place_resolve("listen.metrics", listen, fault);
    owned(metrics_destroy) metrics_t *self = place ? metrics_new_unheard(role, name, fault) : NULL;
    if (!self)
        return NULL;
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL |
                     (place->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0);
    self->daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, s_answer, self, MHD_OPTION_SOCK_ADDR, place->ai_addr,
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned) CONNECTIONS_MAX,
                         MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned) PER_ADDRESS_MAX,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) CONNECTION_BYTES_MAX,
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) SILENCE_S, MHD_OPTION_END);
    if (!self->daemon) {
        fault_set(fault, "cannot serve metrics at '%.100s': %s", listen, strerror(errno));
        return NULL;
    }
    s_name_address(self, listen, advertise);
    metrics_t *given = self;
    self = NULL;
    return given;
}

void metrics_destroy(metrics_t **self_p)
{
    metrics_t *self = *self_p;
    if (!self)
        return;
    if (self->daemon)
        MHD_stop_daemon(self->daemon);
    exposition_destroy(&self->exposition);
    buffer_destroy(&self->text);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

const char *metrics_address(const metrics_t *self)
{
    return self->address;
}

void metrics_begin(metrics_t *self)
{
    if (self)
        exposition_begin(self->exposition);
}

void metrics_add(metrics_t *self, const char *stream, const store_field_t *figures, size_t count)
{
    if (self)
        exposition_add(self->exposition, stream, figures, count);
}

void metrics_end(metrics_t *self, bool ready)
{
    if (!self)
        return;
    pthread_mutex_lock(&self->lock);
    exposition_end(self->exposition, &self->text);
    self->told_us = life_mono_us();
    self->ready = ready;
    pthread_mutex_unlock(&self->lock);
}
