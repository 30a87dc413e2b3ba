/*  asked -- see asked.h. */
#include "actors/api/asked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/api/pages.h"

enum {
    LIMIT = 1 << PARAMETER_LIMIT,
    RULE = 1 << PARAMETER_RULE,
    SERIES = 1 << PARAMETER_SERIES,
};

static const char *const s_parameters[PARAMETERS] = { "limit", "rule", "series" };

static const struct {
    const char *path;
    route_kind_t kind;
    answer_kind_t answer;
    unsigned parameters; // a set
    const char *hint;    // where another is given
} paths[] = {
    { "/api/v1/rules", ROUTE_ANSWER, ANSWER_RULES, 0, NULL },
    { "/api/v1/incidents", ROUTE_ANSWER, ANSWER_INCIDENTS, 0, NULL },
    { "/api/v1/alerts", ROUTE_ANSWER, ANSWER_ALERTS, LIMIT, "the only parameter is `limit`, once" },
    { "/api/v1/latest", ROUTE_ANSWER, ANSWER_LATEST, 0, NULL },
    { "/api/v1/status", ROUTE_ANSWER, ANSWER_STATUS, 0, NULL },
    { "/api/v1/events", ROUTE_EVENTS, 0, RULE | SERIES,
      "parameters are `rule` and `series`, each once" },
    { "/metrics", ROUTE_METRICS, 0, 0, NULL },
    { "/healthz", ROUTE_HEALTH, 0, 0, NULL },
    { "/readyz", ROUTE_READY, 0, 0, NULL },
};
enum { PATHS = sizeof paths / sizeof *paths };

static void s_keep(asked_t *self, const char **kept, slice_t value)
{
    self->twice = self->twice || *kept;
    *kept = value.data ? (const char *) value.data : "";
}

// Who stands between a viewer and us may believe the first of two, we the last.
void asked_header(asked_t *self, slice_t name, slice_t value)
{
    static const char *const names[] = { "Host", "Last-Event-ID", "Content-Length",
                                         "Transfer-Encoding" };
    enum { HOST, LAST_EVENT_ID, CONTENT_LENGTH, TRANSFER_ENCODING, NAMES };
    int found = 0;
    while (found < NAMES && (name.size != strlen(names[found]) ||
                             strncasecmp((const char *) name.data, names[found], name.size) != 0))
        found++;
    if (found == HOST) {
        s_keep(self, &self->host, value);
    } else if (found == LAST_EVENT_ID) {
        s_keep(self, &self->last_event_id, value);
    } else if (found == CONTENT_LENGTH) {
        self->twice = self->twice || self->sized;
        self->sized = true;
        self->body = self->body || !slice_is(value, "0");
    } else if (found == TRANSFER_ENCODING) {
        self->body = true;
    }
}

void asked_parameter(asked_t *self, slice_t name, slice_t value)
{
    for (int i = 0; i < PARAMETERS; i++) {
        if (!slice_is(name, s_parameters[i]))
            continue;
        self->odd = self->odd || self->parameters[i] ||
                    (value.size > 0 && memchr(value.data, '\0', value.size));
        self->parameters[i] = value.data ? (const char *) value.data : "";
        return;
    }
    self->odd = true;
}

bool asked_is_ours(const char *host)
{
    char name[64];
    size_t size = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    if (size >= sizeof name || size > strlen(host))
        return false;
    const char *port = host + size;
    if (*port && (*port != ':' || strspn(port + 1, "0123456789") != strlen(port + 1)))
        return false;
    memcpy(name, host, size);
    name[size] = '\0';
    if (strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0)
        return true;
    // Four numbers, so that 127.0.0.1.example.org is none.
    int a, b, c, d, end = 0;
    return strspn(name, "0123456789.") == size &&
           sscanf(name, "%3d.%3d.%3d.%3d%n", &a, &b, &c, &d, &end) == 4 && name[end] == '\0' &&
           a == 127 && b < 256 && c < 256 && d < 256;
}

static bool s_read_limit(const char *text, uint32_t *limit)
{
    size_t size = strlen(text);
    if (size == 0 || size > 4 || strspn(text, "0123456789") != size)
        return false;
    *limit = (uint32_t) strtoul(text, NULL, 10);
    return *limit >= 1 && *limit <= ALERTS_MAX;
}

static route_t s_refuse(unsigned status, const char *error, const char *text)
{
    return (route_t){ .kind = ROUTE_REFUSED, .status = status, .error = error, .text = text };
}

// Patterns, and what was seen last. What is refused has a status.
static route_t s_events(const asked_t *self, route_t route)
{
    route.rule = self->parameters[PARAMETER_RULE];
    route.series = self->parameters[PARAMETER_SERIES];
    const char *const patterns[] = { route.rule, route.series };
    for (int i = 0; i < 2; i++)
        if (patterns[i] && (!*patterns[i] || strlen(patterns[i]) > FOLLOWER_GLOB_MAX))
            return s_refuse(400, "bad_data", "a pattern has 1 to 255 bytes");
    route.resumes = self->last_event_id && *self->last_event_id;
    if (route.resumes && !reel_id_read(self->last_event_id, &route.behind))
        return s_refuse(400, "bad_data", "Last-Event-ID is none that was sent with an event here");
    return route;
}

static route_t s_find(const asked_t *self)
{
    int found = 0;
    while (found < PATHS && strcmp(self->path, paths[found].path) != 0)
        found++;
    if (found == PATHS && pages_have(self->path))
        return (route_t){ .kind = ROUTE_PAGE }; // its parameters are for its scripts
    if (found == PATHS)
        return s_refuse(
            404, "not_found",
            "no such path; here are /, /api/v1/rules, /api/v1/incidents, /api/v1/alerts, "
            "/api/v1/latest, /api/v1/status, /api/v1/events, /api/v1/openapi.json, /metrics, "
            "/healthz and /readyz");
    bool odd = self->odd;
    for (int i = 0; i < PARAMETERS; i++)
        odd = odd || (self->parameters[i] && !(paths[found].parameters & (1u << i)));
    if (odd)
        return s_refuse(400, "bad_data",
                        paths[found].hint ? paths[found].hint : "there are no parameters here");
    route_t route = { .kind = paths[found].kind,
                      .answer = paths[found].answer,
                      .limit = ALERTS_DEFAULT };
    const char *limit = self->parameters[PARAMETER_LIMIT];
    if (limit && !s_read_limit(limit, &route.limit))
        return s_refuse(400, "bad_data", "limit is a number from 1 to 256");
    return route.kind == ROUTE_EVENTS ? s_events(self, route) : route;
}

route_t asked_route(const asked_t *self)
{
    if (self->twice)
        return s_refuse(400, "bad_data",
                        "Host, Content-Length and Last-Event-ID are given once at most");
    if (!self->host || !asked_is_ours(self->host))
        return s_refuse(421, "misdirected",
                        "the Host of the request is none of this server: use 127.0.0.1 or "
                        "localhost");
    if (strlen(self->path) > ASKED_PATH_MAX)
        return s_refuse(414, "bad_data", "the path is longer than 1024 bytes");
    if (strcmp(self->method, "GET") != 0 && strcmp(self->method, "HEAD") != 0)
        return s_refuse(405, "method", "only GET and HEAD: nothing can be changed here");
    if (self->body)
        return s_refuse(400, "bad_data", "a request has no body here");
    return s_find(self);
}
