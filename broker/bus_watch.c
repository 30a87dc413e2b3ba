/*  bus_watch -- see bus_watch.h. On libzmq's socket monitor. */
#include "broker/bus_watch.h"

#include <czmq.h>

#include "proto/owned.h"

enum { REFUSED = ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL };

struct bus_watch {
    void *socket;
    zsock_t *events;
};

bus_watch_t *bus_watch_new(void *socket, fault_t *fault)
{
    static unsigned count; // libzmq gives a name back only some time after its end
    char name[32];
    snprintf(name, sizeof name, "inproc://watch-%u", count++);
    owned(bus_watch_destroy) bus_watch_t *self = calloc(1, sizeof *self);
    if (!self) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    if (zmq_socket_monitor(socket, name, REFUSED) == 0) {
        self->socket = socket;
        self->events = zsock_new(ZMQ_PAIR);
    }
    if (!self->events || zsock_connect(self->events, "%s", name) != 0) {
        fault_set(fault, "cannot watch a socket: %s", zmq_strerror(zmq_errno()));
        return NULL;
    }
    bus_watch_t *given = self;
    self = NULL;
    return given;
}

void bus_watch_destroy(bus_watch_t **self_p)
{
    bus_watch_t *self = *self_p;
    if (!self)
        return;
    if (self->socket)
        zmq_socket_monitor(self->socket, NULL, 0);
    zsock_destroy(&self->events);
    free(self);
    *self_p = NULL;
}

bool bus_watch_next(bus_watch_t *self, char address[ENDPOINT_MAX])
{
    void *events = zsock_resolve(self->events);
    uint8_t event[6]; // which, in two bytes, and a value in four; the address is in the next frame
    if (zmq_recv(events, event, sizeof event, ZMQ_DONTWAIT) == -1)
        return false;
    int size = zmq_recv(events, address, ENDPOINT_MAX - 1, ZMQ_DONTWAIT);
    address[size < 0 ? 0 : size < ENDPOINT_MAX ? size : ENDPOINT_MAX - 1] = '\0';
    return true;
}
