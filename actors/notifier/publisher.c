/*  publisher -- see publisher.h. */
#include "actors/notifier/publisher.h"

#include <stdlib.h>

#include "broker/peers.h"
#include "proto/owned.h"

enum {
    QUEUE = 10000,               // messages waiting for one broker
    SETTLE_US = 3 * 1000 * 1000, // longest wait for a broker that should hear us
};

struct publisher {
    bus_t *bus;
    peers_t *brokers;
    unsigned open;        // links whose broker has subscribed to alerts
    bool settled;         // every known broker hears us
    int64_t unsettled_us; // since when not
};

publisher_t *publisher_new(fault_t *fault)
{
    owned(publisher_destroy) publisher_t *self = calloc(1, sizeof *self);
    if (!self) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->bus = bus_connect(BUS_XPUB, DOOR_NEWS, NULL, QUEUE, fault);
    if (!self->bus)
        return NULL;
    const int on = 1;
    // VERBOSER: hear every link, not only the first. NODROP: a full queue is told, not emptied.
    if (zmq_setsockopt(bus_socket(self->bus), ZMQ_XPUB_VERBOSER, &on, sizeof on) == -1 ||
        zmq_setsockopt(bus_socket(self->bus), ZMQ_XPUB_NODROP, &on, sizeof on) == -1) {
        fault_set(fault, "cannot set up the publisher: %s", zmq_strerror(zmq_errno()));
        return NULL;
    }
    self->brokers = peers_new(self->bus, "broker", "in");
    if (!self->brokers) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->unsettled_us = -1;
    publisher_t *given = self;
    self = NULL;
    return given;
}

void publisher_destroy(publisher_t **self_p)
{
    publisher_t *self = *self_p;
    if (!self)
        return;
    peers_destroy(&self->brokers);
    bus_destroy(&self->bus);
    free(self);
    *self_p = NULL;
}

void publisher_meet(publisher_t *self, store_t *store)
{
    if (peers_follow(self->brokers, store) == 0)
        return;
    self->settled = false;
    self->unsettled_us = -1; // the new one gets its own time to open
}

void publisher_listen(publisher_t *self, int64_t now_us)
{
    slice_t frame;
    while (bus_take(self->bus, &frame)) {
        if (slice_is(frame, "\1alert/"))
            self->open++;
        else if (frame.size > 0 && frame.data[0] == 0 && self->open > 0 &&
                 slice_is(slice_of(frame.data + 1, frame.size - 1), "alert/"))
            self->open--;
    }
    unsigned known = peers_count(self->brokers);
    self->settled = known > 0 && self->open >= known;
    if (self->settled)
        self->unsettled_us = -1;
    else if (self->unsettled_us < 0)
        self->unsettled_us = now_us;
}

bool publisher_ready(const publisher_t *self, int64_t now_us)
{
    return self->settled || (self->unsettled_us >= 0 && now_us - self->unsettled_us >= SETTLE_US);
}

bool publisher_send(publisher_t *self, slice_t topic, slice_t body)
{
    void *socket = bus_socket(self->bus);
    if (zmq_send(socket, topic.data, topic.size, ZMQ_DONTWAIT | ZMQ_SNDMORE) == -1)
        return false;
    // The queue had room for the message as a whole, so the second frame cannot be refused.
    return zmq_send(socket, body.data, body.size, ZMQ_DONTWAIT) != -1;
}

unsigned publisher_links(const publisher_t *self)
{
    return self->open;
}

int publisher_descriptor(const publisher_t *self)
{
    int descriptor = -1;
    size_t size = sizeof descriptor;
    zmq_getsockopt(bus_socket(self->bus), ZMQ_FD, &descriptor, &size);
    return descriptor;
}
