/*  bus -- see bus.h: what is said and heard over a link. On libzmq itself. */
#include "broker/bus_inside.h"
#include "broker/peer_link.h"
#include "broker/trust/guard.h"

const char *bus_endpoint(const bus_t *self)
{
    return self->endpoint;
}

void bus_subscribe(bus_t *self, const char *prefix)
{
    zsock_set_subscribe(self->sock, prefix);
}

bool bus_send(bus_t *self, slice_t frame, int wait_ms)
{
    if (zmq_send(self->handle, frame.data, frame.size, ZMQ_DONTWAIT) != -1)
        return true;
    if (wait_ms == 0 || zmq_errno() != EAGAIN)
        return false;
    zmq_pollitem_t room = { .socket = self->handle, .events = ZMQ_POLLOUT };
    if (zmq_poll(&room, 1, wait_ms) <= 0)
        return false;
    return zmq_send(self->handle, frame.data, frame.size, ZMQ_DONTWAIT) != -1;
}

void bus_publish(bus_t *self, slice_t topic, slice_t body)
{
    // PUB never blocks: it drops for a subscriber that cannot keep up, by design of PUB/SUB.
    if (zmq_send(self->handle, topic.data, topic.size, ZMQ_DONTWAIT | ZMQ_SNDMORE) != -1)
        (void) zmq_send(self->handle, body.data, body.size, ZMQ_DONTWAIT);
}

static bool take_frame(bus_t *self, int index, slice_t *frame)
{
    zmq_msg_t *message = &self->frames[index];
    zmq_msg_close(message);
    zmq_msg_init(message);
    if (zmq_msg_recv(message, self->handle, ZMQ_DONTWAIT) == -1)
        return false;
    *frame = slice_of(zmq_msg_data(message), zmq_msg_size(message));
    return true;
}

// Frames beyond those expected are somebody's mistake or attack: read and forgotten.
static bool drop_rest(bus_t *self, int index)
{
    bool more = zmq_msg_more(&self->frames[index]);
    bool had = more;
    while (more) {
        zmq_msg_t rest;
        zmq_msg_init(&rest);
        more = zmq_msg_recv(&rest, self->handle, ZMQ_DONTWAIT) != -1 && zmq_msg_more(&rest);
        zmq_msg_close(&rest);
    }
    return had;
}

bool bus_take(bus_t *self, slice_t *frame)
{
    while (take_frame(self, 0, frame))
        if (!drop_rest(self, 0))
            return true;
    return false;
}

bool bus_take_news(bus_t *self, slice_t *topic, slice_t *body)
{
    while (take_frame(self, 0, topic)) {
        if (!zmq_msg_more(&self->frames[0]))
            continue;
        if (take_frame(self, 1, body) && !drop_rest(self, 1))
            return true;
    }
    return false;
}

const char *bus_peer(bus_t *self)
{
    return guard_on() ? zmq_msg_gets(&self->frames[0], "User-Id") : NULL;
}

const char *bus_peer_role(bus_t *self)
{
    return guard_on() ? zmq_msg_gets(&self->frames[0], "Role") : NULL;
}

int bus_peer_link(bus_t *self)
{
    return zmq_msg_get(&self->frames[0], ZMQ_SRCFD);
}

void bus_cut(const bus_t *self, int link)
{
    if (self->listens)
        peer_link_cut(self->address, link);
}

void *bus_socket(bus_t *self)
{
    return self->handle;
}
