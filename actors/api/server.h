/*  server -- hands out over HTTP what was prepared, from a thread of libmicrohttpd.
 *
 *  What is prepared is encoded once: all viewers of a kind share one response, so that a viewer
 *  more costs a reference and the bytes on the wire. A kind that is not known now (not yet, or
 *  Redis has not answered for long) is refused with 503 rather than told as if it were the present.
 */
#pragma once
#include "actors/api/alerts.h"
#include "actors/api/asked.h"
#include "actors/api/hub.h"
#include "broker/metrics/metrics.h"
#include "proto/fault.h"

enum { SERVER_ADDRESS_MAX = 300 };

typedef struct server server_t;

// Listen at "host:port" (port `*`: a free one). metrics must outlive it. NULL with fault.
server_t *server_new(const char *listen, metrics_t *metrics, fault_t *fault);
void server_destroy(server_t **self_p);
const char *server_address(const server_t *self); // "127.0.0.1:41234"

// This is so, and may be told until then (monotonic). Takes the body. False: no memory; what was
// told before goes on being told until its time is over.
bool server_tell(server_t *self, answer_kind_t kind, buffer_t *body, int64_t until_us);
// The same of alerts, from which any number of the newest can be asked for. Takes them.
bool server_tell_alerts(server_t *self, alerts_t *alerts, int64_t until_us);

typedef struct {
    uint64_t requests, unchanged, refused, answers;
} server_count_t;
server_count_t server_count(server_t *self);

// False: the limit on descriptors allows fewer connections, and viewers, than there could be.
bool server_has_room(const server_t *self);

hub_t *server_hub(server_t *self); // of the event stream
