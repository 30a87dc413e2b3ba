/*  bus -- see bus.h. On CZMQ's zsock for opening, libzmq itself for frames. */
#include "broker/bus.h"

#include <czmq.h>

#include "proto/owned.h"

enum {
    LINGER_MS = 1000,
    HEARTBEAT_MS = 1000,         // ZMTP pings close half-open connections
    HEARTBEAT_TIMEOUT_MS = 4000, // silence that ends a connection
    SOCKET_BYTES = 1 << 20,      // kernel buffers of a connection
};

struct bus {
    zsock_t *sock;
    void *handle;        // libzmq's socket behind `sock`
    zmq_msg_t frames[2]; // what was taken last
    char endpoint[BUS_ENDPOINT_MAX];
};

static const int bus_types[] = {
    [BUS_PUSH] = ZMQ_PUSH, [BUS_PULL] = ZMQ_PULL, [BUS_PUB] = ZMQ_PUB,
    [BUS_SUB] = ZMQ_SUB,   [BUS_XPUB] = ZMQ_XPUB, [BUS_XSUB] = ZMQ_XSUB,
};

// Without CURVE only this machine may talk to us: loopback addresses and unix sockets.
static bool endpoint_is_local(const char *endpoint)
{
    return strncmp(endpoint, "tcp://127.", 10) == 0 || strncmp(endpoint, "tcp://[::1]:", 12) == 0 ||
           strncmp(endpoint, "tcp://localhost:", 16) == 0 || strncmp(endpoint, "ipc://", 6) == 0 ||
           strncmp(endpoint, "inproc://", 9) == 0;
}

static bool endpoint_check(const char *endpoint, fault_t *fault)
{
    if (strlen(endpoint) >= BUS_ENDPOINT_MAX)
        return fault_set(fault, "endpoint is longer than %d bytes", BUS_ENDPOINT_MAX - 1);
    if (!endpoint_is_local(endpoint))
        return fault_set(
            fault,
            "refusing '%s': only loopback (tcp://127.x.x.x:port, tcp://localhost:port) "
            "and ipc:// work without keys, and this version has no keys",
            endpoint);
    return true;
}

void bus_destroy(bus_t **self_p)
{
    bus_t *self = *self_p;
    if (!self)
        return;
    zmq_msg_close(&self->frames[0]);
    zmq_msg_close(&self->frames[1]);
    zsock_destroy(&self->sock);
    free(self);
    *self_p = NULL;
}

// An XPUB keeps every topic that strangers subscribe to, one node for each byte.
static int frame_limit(bus_kind_t kind)
{
    return kind == BUS_XPUB ? BUS_TOPIC_BYTES_MAX : BUS_FRAME_BYTES_MAX;
}

static bus_t *bus_new(bus_kind_t kind, int queue, int frame_max, fault_t *fault)
{
    bus_t *self = calloc(1, sizeof *self);
    if (!self) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    zmq_msg_init(&self->frames[0]);
    zmq_msg_init(&self->frames[1]);
    self->sock = zsock_new(bus_types[kind]);
    if (!self->sock) {
        fault_set(fault, "cannot make a socket: %s", zmq_strerror(zmq_errno()));
        bus_destroy(&self);
        return NULL;
    }
    zsock_set_rcvhwm(self->sock, queue);
    zsock_set_sndhwm(self->sock, queue);
    zsock_set_maxmsgsize(self->sock, frame_max);
    zsock_set_linger(self->sock, LINGER_MS);
    zsock_set_immediate(self->sock, 1); // queue only for a peer that is there
    zsock_set_heartbeat_ivl(self->sock, HEARTBEAT_MS);
    zsock_set_heartbeat_timeout(self->sock, HEARTBEAT_TIMEOUT_MS);
    zsock_set_sndbuf(self->sock, SOCKET_BYTES);
    zsock_set_rcvbuf(self->sock, SOCKET_BYTES);
    self->handle = zsock_resolve(self->sock);
    return self;
}

bus_t *bus_bind_bounded(bus_kind_t kind, const char *endpoint, int queue, int frame_max,
                        fault_t *fault)
{
    if (!endpoint_check(endpoint, fault))
        return NULL;
    owned(bus_destroy) bus_t *self = bus_new(kind, queue, frame_max, fault);
    if (!self)
        return NULL;
    if (zmq_bind(self->handle, endpoint) == -1) {
        fault_set(fault, "cannot listen on '%s': %s", endpoint, zmq_strerror(zmq_errno()));
        return NULL;
    }
    size_t size = sizeof self->endpoint;
    if (zmq_getsockopt(self->handle, ZMQ_LAST_ENDPOINT, self->endpoint, &size) == -1) {
        fault_set(fault, "cannot tell the address of '%s': %s", endpoint,
                  zmq_strerror(zmq_errno()));
        return NULL;
    }
    bus_t *given = self;
    self = NULL;
    return given;
}

bus_t *bus_bind(bus_kind_t kind, const char *endpoint, int queue, fault_t *fault)
{
    return bus_bind_bounded(kind, endpoint, queue, frame_limit(kind), fault);
}

bus_t *bus_connect(bus_kind_t kind, const char *endpoint, int queue, fault_t *fault)
{
    owned(bus_destroy) bus_t *self = bus_new(kind, queue, frame_limit(kind), fault);
    if (!self || (endpoint && !bus_add(self, endpoint, fault)))
        return NULL;
    if (endpoint)
        snprintf(self->endpoint, sizeof self->endpoint, "%s", endpoint);
    bus_t *given = self;
    self = NULL;
    return given;
}

bool bus_add(bus_t *self, const char *endpoint, fault_t *fault)
{
    if (!endpoint_check(endpoint, fault))
        return false;
    if (zmq_connect(self->handle, endpoint) == -1)
        return fault_set(fault, "cannot connect to '%s': %s", endpoint, zmq_strerror(zmq_errno()));
    return true;
}

void bus_remove(bus_t *self, const char *endpoint)
{
    zmq_disconnect(self->handle, endpoint);
}

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

void *bus_socket(bus_t *self)
{
    return self->handle;
}
