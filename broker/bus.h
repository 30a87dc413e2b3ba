/*  bus -- one end of a ZeroMQ link with every limit set; takes and gives whole frames.
 *
 *  One frame per message on the data path (libzmq silently drops the rest of a multipart whose
 *  peer dies). Limits are set before attach, because libzmq ignores them afterwards.
 *
 *  Every link is of a door (broker/trust/door.h). Without keys endpoints off loopback are refused.
 *  In a process that has keys (broker/trust/guard.h) every link uses CURVE: who listens lets in
 *  only those whose key may use the door, and has tried its own lock with a strange key before it
 *  is handed out; who connects talks only to a known key of the role that keeps the door. Then an
 *  endpoint has the key of its listener behind it (broker/endpoint.h), and is passed on so in the
 *  registry and in messages.
 */
#pragma once
#include <stdbool.h>
#include <zmq.h>

#include "broker/endpoint.h"
#include "broker/trust/door.h"
#include "proto/buffer.h"
#include "proto/fault.h"
#include "proto/plan.h"
#include "proto/rows.h"
#include "proto/slice.h"

enum {
    BUS_FRAME_BYTES_MAX = 128 << 20, // larger frames close the connection
    // The longest topic there is: alert/<rule>/<series>/.
    BUS_TOPIC_BYTES_MAX = sizeof "alert///" - 1 + PLAN_NAME_MAX + SERIES_ID_MAX,
    // At an XPUB: a topic with what CURVE and ZMTP put around it, or CURVE's INITIATE.
    BUS_SUBSCRIPTION_BYTES_MAX = BUS_TOPIC_BYTES_MAX + 256,
    BUS_ENDPOINT_MAX = ENDPOINT_MAX,
    BUS_LINKS_MAX = 256, // that one socket connects to, where there are keys
};

typedef enum { BUS_PUSH, BUS_PULL, BUS_PUB, BUS_SUB, BUS_XPUB, BUS_XSUB } bus_kind_t;

typedef struct bus bus_t;

// queue = high-water mark in messages, each direction.
bus_t *bus_bind(bus_kind_t kind, door_t door, const char *endpoint, int queue, fault_t *fault);
// For strangers: a frame above frame_max bytes closes its connection before it is read.
bus_t *bus_bind_bounded(bus_kind_t kind, door_t door, const char *endpoint, int queue,
                        int frame_max, fault_t *fault);
// endpoint NULL: no peer yet, see bus_add.
bus_t *bus_connect(bus_kind_t kind, door_t door, const char *endpoint, int queue, fault_t *fault);
void bus_destroy(bus_t **self_p);                                // lingers at most 1 s
bool bus_add(bus_t *self, const char *endpoint, fault_t *fault); // connect one more peer
void bus_remove(bus_t *self, const char *endpoint);
// Is a link to where it was connected still wanted? False: its key was revoked.
bool bus_keeps(const bus_t *self, const char *endpoint);
const char *bus_endpoint(const bus_t *self); // the actual one: "tcp://127.0.0.1:41234"
// Name and role of who sent what was taken last, as its key says; NULL without keys.
const char *bus_peer(bus_t *self);
const char *bus_peer_role(bus_t *self);
// The connection that it came over, until that ends; -1 unknown.
int bus_peer_link(bus_t *self);
// End a connection of a socket that listens, with what it has sent and we have not taken.
// Of a number that is no connection of this socket (any more) nothing happens.
void bus_cut(const bus_t *self, int link);
void bus_subscribe(bus_t *self, const char *prefix); // SUB only

// Give one frame, waiting at most wait_ms (0 = not at all) for room. False: nobody took it.
bool bus_send(bus_t *self, slice_t frame, int wait_ms);
// Give a topic and a body (PUB); never waits.
void bus_publish(bus_t *self, slice_t topic, slice_t body);
// Take one frame without waiting; the slice is valid until the next take. False: none there.
bool bus_take(bus_t *self, slice_t *frame);
// Two frames of a SUB.
bool bus_take_news(bus_t *self, slice_t *topic, slice_t *body);

// To be called once a second, in the one thread that has all sockets of this process: after a key
// was revoked, those that listen are made anew at the same port, without what was queued and
// subscribed, and links to a listener whose key is gone are cut. libzmq would let both live. And
// links that were refused are tried again, which libzmq would not do.
// BUS_LOST, with fault: one could not be opened again, and the process had better end. Otherwise a
// fault's text, if it has one after this, is to be told and no more: a link could not be begun
// again, and is tried each time.
typedef enum { BUS_SAME, BUS_RENEWED, BUS_LOST } bus_renewal_t;
bus_renewal_t bus_renew_all(fault_t *fault);

// For zmq_poll. Another one after a renewal.
void *bus_socket(bus_t *self);
