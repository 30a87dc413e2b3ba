/*  payload -- an alert as the body of a request, in the shapes that receivers know. Pure.
 *
 *  json: what the alert socket says, as JSON. alertmanager: the payload, version 4, that
 *  Prometheus' Alertmanager sends to its webhooks, so that receivers made for it work.
 *  alertmanager-api: what Alertmanager takes at /api/v2/alerts. cloudevents: CloudEvents 1.0,
 *  structured, with our JSON as data. chat: Slack's incoming webhooks, and what is compatible
 *  with them.
 */
#pragma once
#include "actors/notifier/notice.h"

typedef enum {
    PAYLOAD_JSON,
    PAYLOAD_ALERTMANAGER,
    PAYLOAD_ALERTMANAGER_API,
    PAYLOAD_CLOUDEVENTS,
    PAYLOAD_CHAT,
} payload_t;

// What a webhook's `format` says; NULL: json. False: no such format.
bool payload_parse(payload_t *payload, const char *format);
const char *payload_type(payload_t payload); // of content

// receiver: whom it goes to. False: out of memory, or the body is not whole.
bool payload_write(payload_t payload, const notice_t *notice, const char *receiver, buffer_t *out);

// payload_prometheus.c: alert as labels and annotations.
bool payload_alertmanager(const notice_t *notice, const char *receiver, buffer_t *out);
bool payload_alertmanager_api(const notice_t *notice, buffer_t *out);
