/*  bus -- one end of a ZeroMQ link with every limit set; takes and gives whole frames.
 *
 *  One frame per message on the data path (libzmq silently drops the rest of a multipart whose
 *  peer dies). Limits are set before attach, because libzmq ignores them afterwards. Until
 *  CURVE is built, endpoints off loopback are refused.
 */
#pragma once
#include <stdbool.h>
#include <zmq.h>

#include "proto/buffer.h"
#include "proto/fault.h"
#include "proto/slice.h"

enum {
    BUS_FRAME_BYTES_MAX = 128 << 20, // larger frames close the connection
    BUS_TOPIC_BYTES_MAX = 2048,      // of a subscription at an XPUB; a longer one likewise
    BUS_ENDPOINT_MAX = 256,
};

typedef enum { BUS_PUSH, BUS_PULL, BUS_PUB, BUS_SUB, BUS_XPUB, BUS_XSUB } bus_kind_t;

typedef struct bus bus_t;

// queue = high-water mark in messages, each direction.
bus_t *bus_bind(bus_kind_t kind, const char *endpoint, int queue, fault_t *fault);
// For strangers: a frame above frame_max bytes closes its connection before it is read.
bus_t *bus_bind_bounded(bus_kind_t kind, const char *endpoint, int queue, int frame_max,
                        fault_t *fault);
// endpoint NULL: no peer yet, see bus_add.
bus_t *bus_connect(bus_kind_t kind, const char *endpoint, int queue, fault_t *fault);
void bus_destroy(bus_t **self_p);                                // lingers at most 1 s
bool bus_add(bus_t *self, const char *endpoint, fault_t *fault); // connect one more peer
void bus_remove(bus_t *self, const char *endpoint);
const char *bus_endpoint(const bus_t *self);         // the actual one: "tcp://127.0.0.1:41234"
void bus_subscribe(bus_t *self, const char *prefix); // SUB only

// Give one frame, waiting at most wait_ms (0 = not at all) for room. False: nobody took it.
bool bus_send(bus_t *self, slice_t frame, int wait_ms);
// Give a topic and a body (PUB); never waits.
void bus_publish(bus_t *self, slice_t topic, slice_t body);
// Take one frame without waiting; the slice is valid until the next take. False: none there.
bool bus_take(bus_t *self, slice_t *frame);
// Two frames of a SUB.
bool bus_take_news(bus_t *self, slice_t *topic, slice_t *body);

// For zmq_poll.
void *bus_socket(bus_t *self);
