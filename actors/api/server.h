/*  server -- hands out over HTTP what was prepared (stock.h), from a thread of libmicrohttpd.
 *
 *  A kind that is not known now (not yet, or Redis has not answered for long) is refused with 503
 *  rather than told as if it were the present, and so are the events, which begin with rows and
 *  alerts.
 */
#pragma once
#include "actors/api/hub.h"
#include "actors/api/stock.h"
#include "broker/metrics/metrics.h"
#include "proto/fault.h"

enum { SERVER_ADDRESS_MAX = 300 };

typedef struct server server_t;

// Listen at "host:port" (port `*`: a free one). metrics must outlive it. NULL with fault.
server_t *server_new(const char *listen, metrics_t *metrics, fault_t *fault);
void server_destroy(server_t **self_p);
const char *server_address(const server_t *self); // "127.0.0.1:41234"

typedef struct {
    uint64_t requests, refused;
} server_count_t;
server_count_t server_count(server_t *self);

// False: the limit on descriptors allows fewer connections, and viewers, than there could be.
bool server_has_room(const server_t *self);

// Now and then: who takes too long to read an answer is cut off (guests.h). How many were.
size_t server_turn(server_t *self, int64_t now_us);

stock_t *server_stock(server_t *self); // what it hands out
hub_t *server_hub(server_t *self);     // the event stream
