/*  server -- see server.h. One of the files that know libmicrohttpd. */
#include "actors/api/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "actors/api/document.h"
#include "actors/api/guests.h"
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

struct server {
    metrics_t *metrics;
    char address[SERVER_ADDRESS_MAX];
    unsigned room; // connections at a time
    struct MHD_Daemon *daemon;
    hub_t *hub;
    pages_t *pages;
    stock_t *stock;
    guests_t *guests;
    atomic_uint_fast64_t requests, refused;
};

// ---- answers ---------------------------------------------------------------------------------

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
    struct MHD_Response *response = stock_response(&body, "application/json");
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

static enum MHD_Result s_refuse_unknown(server_t *self, struct MHD_Connection *connection)
{
    return s_refuse(self, connection, MHD_HTTP_SERVICE_UNAVAILABLE, "unavailable",
                    "Redis has not told this yet, or does not answer any more; try again");
}

static enum MHD_Result s_hand_out(server_t *self, struct MHD_Connection *connection,
                                  const route_t *route)
{
    bool other = route->answer == ANSWER_ALERTS && route->limit != ALERTS_DEFAULT;
    switch (other ? stock_hand_out_alerts(self->stock, connection, route->limit)
                  : stock_hand_out(self->stock, connection, route->answer)) {
    case STOCK_GIVEN:
        return MHD_YES;
    case STOCK_UNKNOWN:
        return s_refuse_unknown(self, connection);
    case STOCK_CROWDED:
        return s_refuse(self, connection, MHD_HTTP_SERVICE_UNAVAILABLE, "unavailable",
                        "others still read too many older answers; try again later");
    case STOCK_FAILED:
        break;
    }
    return MHD_NO;
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
    struct MHD_Response *response = stock_response(&body, type);
    if (response)
        MHD_add_response_header(response, "Cache-Control", "no-store");
    return s_give(connection, good ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, response);
}

static enum MHD_Result s_see_header(void *context, enum MHD_ValueKind kind, const char *name,
                                    size_t name_size, const char *value, size_t value_size)
{
    (void) kind;
    asked_header(context, slice_of(name, name_size), slice_of(value, value ? value_size : 0));
    return MHD_YES;
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
    if (!stock_has(self->stock, ANSWER_ALERTS) || !stock_has(self->stock, ANSWER_LATEST))
        return s_refuse_unknown(self, connection);
    struct MHD_Response *response = NULL;
    hub_word_t word = HUB_JOINED;
    if (head)
        response = stock_response(&(buffer_t){ 0 }, NULL);
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

// ---- who asks --------------------------------------------------------------------------------

static guest_t *s_guest(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void s_come_or_go(void *context, struct MHD_Connection *connection, void **guest,
                         enum MHD_ConnectionNotificationCode what)
{
    server_t *self = context;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *guest = info ? guests_come(self->guests, info->connect_fd) : NULL;
    } else {
        guests_go(self->guests, *guest);
        *guest = NULL;
    }
}

static void s_done(void *context, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode how)
{
    (void) state;
    (void) how;
    server_t *self = context;
    guest_t *guest = s_guest(connection);
    if (guest)
        guests_has_read(self->guests, guest);
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
    asked_t request = { .method = method, .path = url };
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, s_see_header, &request);
    MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, s_see_parameter, &request);
    route_t route = asked_route(&request);
    bool first = !*state;
    *state = &begun;
    // The head alone: no answer yet, or the next request would not be taken. Only who sends a body
    // is answered before we have read it.
    if (first && !(request.body && route.kind == ROUTE_REFUSED))
        return MHD_YES;
    self->requests++;
    guest_t *guest = s_guest(connection);
    if (!guest)
        return MHD_NO; // there was no memory for it
    if (route.kind != ROUTE_EVENTS)
        guests_reads(self->guests, guest, life_mono_us());
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
    return s_hand_out(self, connection, &route);
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
    self->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, s_take, self, MHD_OPTION_SOCK_ADDR, place->ai_addr,
        MHD_OPTION_CONNECTION_LIMIT, self->room, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned) PER_ADDRESS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t) CONNECTION_BYTES_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) SILENCE_S,
        MHD_OPTION_NOTIFY_CONNECTION, s_come_or_go, self, MHD_OPTION_NOTIFY_COMPLETED, s_done, self,
        MHD_OPTION_END);
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
    self->room = s_room();
    self->hub = hub_new(self->room * (HUB_VIEWERS_MAX / 8) / (CONNECTIONS_MAX / 8));
    self->pages = pages_new();
    self->stock = stock_new();
    self->guests = guests_new();
    bool good = self->hub && self->pages && self->stock && self->guests;
    if (!good)
        fault_set(fault, "out of memory, or of descriptors");
    if (!good || !s_listen(self, listen, fault))
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
    stock_destroy(&self->stock);
    pages_destroy(&self->pages);
    guests_destroy(&self->guests);
    free(self);
    *self_p = NULL;
}

const char *server_address(const server_t *self)
{
    return self->address;
}

size_t server_turn(server_t *self, int64_t now_us)
{
    return guests_cut(self->guests, now_us);
}

stock_t *server_stock(server_t *self)
{
    return self->stock;
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
    return (server_count_t){ self->requests, self->refused };
}
