/*  server -- see server.h. One of three files that know libmicrohttpd. */
#include "actors/api/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "actors/api/answer.h"
#include "actors/api/document.h"
#include "actors/api/pages.h"
#include "broker/metrics/place.h"
#include "broker/runtime/life.h"
#include "proto/owned.h"

enum {
    CONNECTIONS_MAX = 8192,
    PER_ADDRESS_MAX = 8000, // all viewers may be behind one proxy; a stranger leaves it some places
    CONNECTION_BYTES_MAX = 8 << 10,
    SILENCE_S = 15, // of a client, then it is gone
    TEXT_BYTES_MAX = 4 << 20,
    SPARE_DESCRIPTORS = 64, // of Redis, brokers, files
};
#define RETRY_AFTER_S "5" // after 503

// One kind of answer: what is handed out, and how it is called.
typedef struct {
    char tag[ANSWER_TAG_MAX], gzip_tag[ANSWER_TAG_MAX];
    struct MHD_Response *plain, *gzip;           // gzip NULL: it is not worth it
    struct MHD_Response *same_plain, *same_gzip; // 304
    int64_t until_us;
} shelf_t;

struct server {
    metrics_t *metrics;
    char address[SERVER_ADDRESS_MAX];
    unsigned room; // connections at a time
    struct MHD_Daemon *daemon;
    hub_t *hub;
    pages_t *pages;
    atomic_uint_fast64_t requests, unchanged, refused, answers;

    pthread_mutex_t lock; // guards what follows
    shelf_t shelves[ANSWERS];
    alerts_t alerts;
};

// ---- responses -------------------------------------------------------------------------------

static void s_drop(struct MHD_Response **self_p)
{
    if (*self_p)
        MHD_destroy_response(*self_p);
    *self_p = NULL;
}

// Takes the body. NULL: no memory.
static struct MHD_Response *s_response(buffer_t *body, const char *type)
{
    if (body->failed)
        return NULL;
    bool empty = body->size == 0;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body->size, empty ? (void *) "" : (void *) body->data,
                                        empty ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE);
    if (!response)
        return NULL;
    if (!empty)
        *body = (buffer_t){ 0 }; // it is the response's now
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (type)
        MHD_add_response_header(response, "Content-Type", type);
    return response;
}

static struct MHD_Response *s_answer(buffer_t *body, const char *tag, bool gzip)
{
    struct MHD_Response *response = s_response(body, body->size > 0 ? "application/json" : NULL);
    if (!response)
        return NULL;
    MHD_add_response_header(response, "ETag", tag);
    MHD_add_response_header(response, "Cache-Control", "no-cache"); // ask each time
    MHD_add_response_header(response, "Vary", "Accept-Encoding");
    if (gzip)
        MHD_add_response_header(response, "Content-Encoding", "gzip");
    return response;
}

static enum MHD_Result s_give(struct MHD_Connection *connection, unsigned status,
                              struct MHD_Response *response)
{
    if (!response)
        return MHD_NO; // no memory: the connection ends
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

// A connection on which something went wrong carries no other request: what follows might be part
// of this one.
static enum MHD_Result s_refuse(server_t *self, struct MHD_Connection *connection, unsigned status,
                                const char *type, const char *text)
{
    owned(buffer_destroy) buffer_t body = { 0 };
    document_error(&body, type, text);
    struct MHD_Response *response = s_response(&body, "application/json");
    if (response) {
        MHD_add_response_header(response, "Cache-Control", "no-store");
        MHD_add_response_header(response, "Connection", "close");
        if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
            MHD_add_response_header(response, "Retry-After", RETRY_AFTER_S);
        if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
            MHD_add_response_header(response, "Allow", "GET, HEAD");
    }
    self->refused++;
    return s_give(connection, status, response);
}

// ---- what was prepared -----------------------------------------------------------------------

static void s_empty(shelf_t *shelf)
{
    s_drop(&shelf->plain);
    s_drop(&shelf->gzip);
    s_drop(&shelf->same_plain);
    s_drop(&shelf->same_gzip);
}

static bool s_fill(shelf_t *shelf, answer_t *answer)
{
    buffer_t nothing = { 0 };
    memcpy(shelf->tag, answer->tag, sizeof shelf->tag);
    memcpy(shelf->gzip_tag, answer->gzip_tag, sizeof shelf->gzip_tag);
    bool gzip = answer->gzip.size > 0;
    shelf->plain = s_answer(&answer->plain, answer->tag, false);
    shelf->same_plain = s_answer(&nothing, answer->tag, false);
    if (gzip) {
        shelf->gzip = s_answer(&answer->gzip, answer->gzip_tag, true);
        shelf->same_gzip = s_answer(&nothing, answer->gzip_tag, false);
    }
    return shelf->plain && shelf->same_plain && (!gzip || (shelf->gzip && shelf->same_gzip));
}

// Is it what is told already? Then for longer.
static bool s_is_told(server_t *self, answer_kind_t kind, const buffer_t *body, int64_t until_us)
{
    char tag[ANSWER_TAG_MAX];
    answer_tag(buffer_slice(body), "", tag);
    pthread_mutex_lock(&self->lock);
    shelf_t *shelf = &self->shelves[kind];
    bool same = shelf->plain && strcmp(shelf->tag, tag) == 0;
    if (same)
        shelf->until_us = until_us;
    pthread_mutex_unlock(&self->lock);
    return same;
}

bool server_tell(server_t *self, answer_kind_t kind, buffer_t *body, int64_t until_us)
{
    if (!body->failed && s_is_told(self, kind, body, until_us)) {
        buffer_destroy(body);
        return true;
    }
    owned(answer_destroy) answer_t answer = { 0 };
    shelf_t shelf = { .until_us = until_us };
    bool good = answer_make(&answer, body) && s_fill(&shelf, &answer);
    if (good) { // viewers who are being served hold references of their own
        pthread_mutex_lock(&self->lock);
        shelf_t old = self->shelves[kind];
        self->shelves[kind] = shelf;
        pthread_mutex_unlock(&self->lock);
        shelf = old;
        self->answers++;
    }
    s_empty(&shelf);
    return good;
}

bool server_tell_alerts(server_t *self, alerts_t *alerts, int64_t until_us)
{
    buffer_t body = { 0 };
    alerts_document(alerts, ALERTS_DEFAULT, &body);
    pthread_mutex_lock(&self->lock);
    alerts_t old = self->alerts;
    self->alerts = *alerts;
    pthread_mutex_unlock(&self->lock);
    *alerts = (alerts_t){ 0 };
    alerts_destroy(&old);
    return server_tell(self, ANSWER_ALERTS, &body, until_us);
}

// ---- requests --------------------------------------------------------------------------------

static const char *s_header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

// One response for all; only a reference is taken under the lock.
static enum MHD_Result s_hand_out(server_t *self, struct MHD_Connection *connection,
                                  answer_kind_t kind)
{
    bool gzip = answer_takes_gzip(s_header(connection, "Accept-Encoding"));
    const char *known = s_header(connection, "If-None-Match");
    enum MHD_Result result = MHD_NO;
    pthread_mutex_lock(&self->lock);
    const shelf_t *shelf = &self->shelves[kind];
    bool there = shelf->plain && life_mono_us() < shelf->until_us;
    if (there) {
        gzip = gzip && shelf->gzip;
        bool same = answer_is_known(known, gzip ? shelf->gzip_tag : shelf->tag);
        self->unchanged += same;
        result =
            same ? MHD_queue_response(connection, MHD_HTTP_NOT_MODIFIED,
                                      gzip ? shelf->same_gzip : shelf->same_plain)
                 : MHD_queue_response(connection, MHD_HTTP_OK, gzip ? shelf->gzip : shelf->plain);
    }
    pthread_mutex_unlock(&self->lock);
    return there ? result
                 : s_refuse(self, connection, MHD_HTTP_SERVICE_UNAVAILABLE, "unavailable",
                            "Redis has not told this yet, or does not answer any more; try again");
}

// Another number of alerts than most ask for: made for this viewer.
static enum MHD_Result s_hand_out_alerts(server_t *self, struct MHD_Connection *connection,
                                         uint32_t limit)
{
    owned(buffer_destroy) buffer_t body = { 0 };
    char tag[ANSWER_TAG_MAX];
    pthread_mutex_lock(&self->lock);
    const shelf_t *shelf = &self->shelves[ANSWER_ALERTS];
    bool there = shelf->plain && life_mono_us() < shelf->until_us;
    if (there)
        alerts_document(&self->alerts, limit, &body);
    pthread_mutex_unlock(&self->lock);
    if (!there)
        return s_hand_out(self, connection, ANSWER_ALERTS);
    if (body.failed)
        return MHD_NO;
    answer_tag(buffer_slice(&body), "", tag);
    bool same = answer_is_known(s_header(connection, "If-None-Match"), tag);
    self->unchanged += same;
    if (same)
        buffer_clear(&body);
    return s_give(connection, same ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK,
                  s_answer(&body, tag, false));
}

// What changes with each look.
static enum MHD_Result s_tell_now(server_t *self, struct MHD_Connection *connection,
                                  route_kind_t kind)
{
    owned(buffer_destroy) buffer_t body = { .limit = TEXT_BYTES_MAX };
    bool ready, lives = metrics_lives(self->metrics, &ready);
    bool good = kind == ROUTE_READY ? ready : kind == ROUTE_HEALTH ? lives : true;
    const char *type = "text/plain; charset=utf-8";
    if (kind == ROUTE_METRICS) {
        metrics_put(self->metrics, &body);
        type = "text/plain; version=0.0.4; charset=utf-8";
    } else {
        buffer_text(&body, good    ? "ok\n"
                           : lives ? "not ready: Redis does not answer, or no broker is heard\n"
                                   : "stuck\n");
    }
    struct MHD_Response *response = s_response(&body, type);
    if (response)
        MHD_add_response_header(response, "Cache-Control", "no-store");
    return s_give(connection, good ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, response);
}

static enum MHD_Result s_see_parameter(void *context, enum MHD_ValueKind kind, const char *name,
                                       size_t name_size, const char *value, size_t value_size)
{
    (void) kind;
    asked_parameter(context, slice_of(name, name_size), slice_of(value, value ? value_size : 0));
    return MHD_YES;
}

// The stream of a viewer; it ends when the viewer goes, or we do.
static enum MHD_Result s_follow(server_t *self, struct MHD_Connection *connection,
                                const route_t *route, bool head)
{
    pthread_mutex_lock(&self->lock);
    bool known = self->shelves[ANSWER_ALERTS].plain && self->shelves[ANSWER_LATEST].plain;
    pthread_mutex_unlock(&self->lock);
    if (!known)
        return s_hand_out(self, connection, ANSWER_ALERTS); // which says why not
    struct MHD_Response *response = NULL;
    hub_word_t word = HUB_JOINED;
    if (head)
        response = s_response(&(buffer_t){ 0 }, NULL);
    else
        word = hub_join(self->hub, connection, route->rule, route->series,
                        route->resumes ? &route->behind : NULL, &response);
    if (word == HUB_FULL)
        return s_refuse(self, connection, MHD_HTTP_SERVICE_UNAVAILABLE, "unavailable",
                        "there are as many viewers as there can be; try again later");
    if (response) {
        MHD_add_response_header(response, "Content-Type", "text/event-stream");
        MHD_add_response_header(response, "Cache-Control", "no-store");
        MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
        MHD_add_response_header(response, "X-Accel-Buffering", "no"); // nginx in front of us
    }
    return s_give(connection, MHD_HTTP_OK, response);
}

static enum MHD_Result s_take(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **state)
{
    (void) version;
    (void) data;
    static int begun;
    server_t *self = context;
    *size = 0;
    const char *length = s_header(connection, "Content-Length");
    asked_t request = { .method = method,
                        .path = url,
                        .host = s_header(connection, "Host"),
                        .last_event_id = s_header(connection, "Last-Event-ID"),
                        .body = s_header(connection, "Transfer-Encoding") ||
                                (length && strcmp(length, "0") != 0) };
    MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, s_see_parameter, &request);
    route_t route = asked_route(&request);
    bool first = !*state;
    *state = &begun;
    // The head alone: no answer yet, or the next request would not be taken. Only who sends a body
    // is answered before we have read it.
    if (first && !(request.body && route.kind == ROUTE_REFUSED))
        return MHD_YES;
    self->requests++;
    switch (route.kind) {
    case ROUTE_REFUSED:
        return s_refuse(self, connection, route.status, route.error, route.text);
    case ROUTE_METRICS:
    case ROUTE_HEALTH:
    case ROUTE_READY:
        return s_tell_now(self, connection, route.kind);
    case ROUTE_EVENTS:
        return s_follow(self, connection, &route, strcmp(method, MHD_HTTP_METHOD_HEAD) == 0);
    case ROUTE_PAGE:
        return pages_hand_out(self->pages, connection, url) ? MHD_YES : MHD_NO;
    case ROUTE_ANSWER:
        break;
    }
    return route.answer == ANSWER_ALERTS && route.limit != ALERTS_DEFAULT
               ? s_hand_out_alerts(self, connection, route.limit)
               : s_hand_out(self, connection, route.answer);
}

// ---- life ------------------------------------------------------------------------------------

// As many as there are descriptors for, at most CONNECTIONS_MAX.
static unsigned s_room(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
        limit.rlim_cur >= CONNECTIONS_MAX + SPARE_DESCRIPTORS)
        return CONNECTIONS_MAX;
    return limit.rlim_cur > 2 * SPARE_DESCRIPTORS ? (unsigned) limit.rlim_cur - SPARE_DESCRIPTORS
                                                  : SPARE_DESCRIPTORS;
}

static bool s_listen(server_t *self, const char *listen, fault_t *fault)
{
    owned(place_free) struct addrinfo *place = place_resolve("listen.http", listen, fault);
    if (!place)
        return false;
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_USE_TURBO |
                     MHD_ALLOW_SUSPEND_RESUME | (place->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0);
    self->daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, s_take, self, MHD_OPTION_SOCK_ADDR, place->ai_addr,
                         MHD_OPTION_CONNECTION_LIMIT, self->room,
                         MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned) PER_ADDRESS_MAX,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) CONNECTION_BYTES_MAX,
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) SILENCE_S, MHD_OPTION_END);
    if (!self->daemon)
        return fault_set(fault, "cannot serve at '%.200s': %s (listen.http)", listen,
                         strerror(errno));
    const union MHD_DaemonInfo *bound =
        MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_BIND_PORT);
    snprintf(self->address, sizeof self->address, "%.*s:%u", (int) (strrchr(listen, ':') - listen),
             listen, bound ? (unsigned) bound->port : 0);
    return true;
}

server_t *server_new(const char *listen, metrics_t *metrics, fault_t *fault)
{
    server_t *self = calloc(1, sizeof *self);
    if (!self) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->metrics = metrics;
    pthread_mutex_init(&self->lock, NULL);
    self->room = s_room();
    self->hub = hub_new(self->room * (HUB_VIEWERS_MAX / 8) / (CONNECTIONS_MAX / 8));
    self->pages = pages_new();
    if (!self->hub || !self->pages)
        fault_set(fault, "out of memory");
    if (!self->hub || !self->pages || !s_listen(self, listen, fault))
        server_destroy(&self);
    return self;
}

void server_destroy(server_t **self_p)
{
    server_t *self = *self_p;
    if (!self)
        return;
    if (self->hub)
        hub_close(self->hub);
    if (self->daemon)
        MHD_stop_daemon(self->daemon);
    hub_destroy(&self->hub);
    for (int kind = 0; kind < ANSWERS; kind++)
        s_empty(&self->shelves[kind]);
    alerts_destroy(&self->alerts);
    pages_destroy(&self->pages);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

const char *server_address(const server_t *self)
{
    return self->address;
}

hub_t *server_hub(server_t *self)
{
    return self->hub;
}

bool server_has_room(const server_t *self)
{
    return self->room == CONNECTIONS_MAX;
}

server_count_t server_count(server_t *self)
{
    return (server_count_t){ self->requests, self->unchanged, self->refused, self->answers };
}
