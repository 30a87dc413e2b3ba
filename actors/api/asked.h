/*  asked -- what an HTTP request asks for, and why it is refused. Pure.
 *
 *  Only GET and HEAD, without a body. The name that it was addressed to must be one of loopback:
 *  a page of the internet whose name was bound to 127.0.0.1 (DNS rebinding) gets nothing.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/api/follower.h" // FOLLOWER_GLOB_MAX

typedef enum { // of what is prepared
    ANSWER_RULES,
    ANSWER_INCIDENTS,
    ANSWER_ALERTS,
    ANSWER_LATEST,
    ANSWER_STATUS,
    ANSWERS
} answer_kind_t;

typedef enum {
    ROUTE_ANSWER,
    ROUTE_PAGE,
    ROUTE_EVENTS,
    ROUTE_METRICS,
    ROUTE_HEALTH,
    ROUTE_READY,
    ROUTE_REFUSED
} route_kind_t;

typedef enum { PARAMETER_LIMIT, PARAMETER_RULE, PARAMETER_SERIES, PARAMETERS } parameter_t;

enum {
    ASKED_PATH_MAX = 1024,
    ALERTS_DEFAULT = 100, // entries of /api/v1/alerts, without a limit
    ALERTS_MAX = 256,
};

typedef struct {
    const char *method, *path, *host;   // host NULL: none was given
    bool body;                          // there is one, or there may be
    bool sized;                         // its length was given
    bool twice;                         // one of these headers was there twice
    const char *last_event_id;          // value of that header, or NULL
    const char *parameters[PARAMETERS]; // their values, or NULL
    bool odd;                           // there is another parameter, or one twice, or a NUL in one
} asked_t;

typedef struct {
    route_kind_t kind;
    answer_kind_t answer;
    uint32_t limit;            // of alerts
    const char *rule, *series; // ROUTE_EVENTS: patterns, or NULL,
    bool resumes;              // and whether it goes on
    reel_id_t behind;          // behind this one
    unsigned status;           // ROUTE_REFUSED: of HTTP,
    const char *error;         // a word for programs,
    const char *text;          // and what to do
} route_t;

route_t asked_route(const asked_t *self);

// One header of the request; the bytes must outlive it, and have a NUL behind them.
void asked_header(asked_t *self, slice_t name, slice_t value);
// One parameter of the request; the bytes must outlive it, and have a NUL behind them.
void asked_parameter(asked_t *self, slice_t name, slice_t value);

// Of `Host:`. localhost, 127.x.y.z, [::1], with or without a port.
bool asked_is_ours(const char *host);
