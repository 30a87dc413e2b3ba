/*  net -- see net.h. The functions are those of broker/bus.h, which this file stands in for. */
#include "tests/sim/net.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/message.h"
#include "tests/sim/net_link.h"
#include "tests/sim/world.h"

enum { SOCKETS_MAX = 4096, FIRST_PORT = 20000, OLD_PORT_OF_1000 = 50 };

static struct {
    unsigned lost, twice; // of 1,000 frames
    size_t count;
    bus_t *sockets[SOCKETS_MAX];
    unsigned ports;
    net_raw_t *raw;
    uint64_t most_waiting;
} net;

void net_most(uint64_t bytes)
{
    if (bytes > net.most_waiting)
        net.most_waiting = bytes;
}

uint64_t net_most_waiting(void)
{
    return net.most_waiting;
}

bus_t *net_bound_at(const char *endpoint)
{
    for (size_t i = net.count; i-- > 0;)
        if (net.sockets[i]->bound && !net.sockets[i]->closed &&
            strcmp(net.sockets[i]->endpoint, endpoint) == 0)
            return net.sockets[i];
    return NULL;
}

static void s_close(bus_t *self, unsigned of_1000)
{
    self->closed = true;
    net_link_end_all(self, of_1000);
    for (frame_t *frame; (frame = net_pop(&self->inbox));)
        net_frame_free(frame);
}

static void s_on_gone(process_t *process, bool killed)
{
    (void) killed;
    for (size_t i = 0; i < net.count; i++)
        if (net.sockets[i]->owner == process && !net.sockets[i]->closed)
            s_close(net.sockets[i], 700); // some of what it sent had left the host
}

void net_begin(void)
{
    process_on_gone(s_on_gone);
}

void net_lossy(unsigned lost, unsigned twice)
{
    net.lost = lost;
    net.twice = twice;
}

void net_on_raw(net_raw_t *raw)
{
    net.raw = raw;
}

void net_cut(const process_t *from, const process_t *to, int64_t until_us)
{
    net_link_cut(net.sockets, net.count, from, to, until_us);
}

void net_reset(const process_t *process)
{
    for (size_t i = 0; i < net.count; i++)
        if (net.sockets[i]->owner == process && !net.sockets[i]->closed)
            net_link_end_all(net.sockets[i], 0);
}

// ---- broker/bus.h
// -----------------------------------------------------------------------------------

static bus_t *s_new(bus_kind_t kind, int queue)
{
    bus_t *self = calloc(1, sizeof *self);
    if (!self || net.count == SOCKETS_MAX)
        abort();
    self->owner = process_current();
    self->kind = kind;
    self->hwm = (size_t) queue;
    self->number = (int) net.count;
    net.sockets[net.count++] = self;
    return self;
}

// A free port: a new one, or now and then that of somebody who is gone.
static void s_choose_port(bus_t *self)
{
    const bus_t *old = net.count ? net.sockets[world_below(net.count)] : NULL;
    if (world_chance(OLD_PORT_OF_1000) && old && old->closed && old->bound &&
        !net_bound_at(old->endpoint))
        memcpy(self->endpoint, old->endpoint, sizeof self->endpoint);
    else
        snprintf(self->endpoint, sizeof self->endpoint, "tcp://127.0.0.1:%u",
                 FIRST_PORT + net.ports++);
}

bus_t *bus_bind(bus_kind_t kind, door_t door, const char *endpoint, int queue, fault_t *fault)
{
    (void) door;
    (void) fault;
    bus_t *self = s_new(kind, queue);
    const char *star = strrchr(endpoint, '*');
    if (star)
        s_choose_port(self);
    else
        snprintf(self->endpoint, sizeof self->endpoint, "%s", endpoint);
    self->bound = true;
    return self;
}

bus_t *bus_bind_bounded(bus_kind_t kind, door_t door, const char *endpoint, int queue,
                        int frame_max, fault_t *fault)
{
    (void) frame_max;
    return bus_bind(kind, door, endpoint, queue, fault);
}

bus_t *bus_connect(bus_kind_t kind, door_t door, const char *endpoint, int queue, fault_t *fault)
{
    (void) door;
    bus_t *self = s_new(kind, queue);
    if (endpoint && bus_add(self, endpoint, fault))
        snprintf(self->endpoint, sizeof self->endpoint, "%s", endpoint);
    return self;
}

void bus_destroy(bus_t **self_p)
{
    bus_t *self = *self_p;
    *self_p = NULL;
    if (self && !self->closed)
        s_close(self, 1000); // it lingers
}

bool bus_add(bus_t *self, const char *endpoint, fault_t *fault)
{
    (void) fault;
    return net_link_add(self, endpoint);
}

void bus_remove(bus_t *self, const char *endpoint)
{
    net_link_remove(self, endpoint);
}

// No keys here.
bool bus_keeps(const bus_t *self, const char *endpoint)
{
    (void) self;
    (void) endpoint;
    return true;
}

const char *bus_peer(bus_t *self)
{
    (void) self;
    return NULL;
}

bus_renewal_t bus_renew_all(fault_t *fault)
{
    (void) fault;
    return BUS_SAME;
}

const char *bus_endpoint(const bus_t *self)
{
    return self->endpoint;
}

void bus_subscribe(bus_t *self, const char *prefix)
{
    assert(self->prefix_count < NET_PREFIXES_MAX && self->link_count == 0);
    snprintf(self->prefixes[self->prefix_count++], NET_PREFIX_BYTES, "%s", prefix);
}

// PUSH: to one of those that have room, in turns.
static link_t *s_next_link(bus_t *self)
{
    for (size_t i = 0; i < self->link_count; i++) {
        link_t *link = self->links[(self->turn + i) % self->link_count];
        if (link->bound && net_pipe_has_room(link, self)) {
            self->turn += i + 1;
            return link;
        }
    }
    return NULL;
}

static bool s_has_room(void *context)
{
    return s_next_link(context) != NULL;
}

bool bus_send(bus_t *self, slice_t frame, int wait_ms)
{
    process_step("send");
    link_t *link = s_next_link(self);
    if (!link && wait_ms > 0 &&
        process_wait(s_has_room, self, world_us() + (int64_t) wait_ms * 1000))
        link = s_next_link(self);
    if (!link)
        return false;
    if (net.raw)
        net.raw(frame.data, frame.size);
    static const char *const kinds[] = { [MESSAGE_NONE] = "sends",
                                         [MESSAGE_RAW] = "sends RAW",
                                         [MESSAGE_ROWS] = "sends ROWS",
                                         [MESSAGE_ACK] = "sends ACK",
                                         [MESSAGE_NEED] = "sends NEED" };
    world_note(kinds[message_kind(frame)], (uint64_t) self->number, frame.size);
    if (net.lost && world_chance(net.lost)) {
        world_count(FAULT_FRAME_LOST);
        return true;
    }
    net_pipe_send(link, self, net_frame(1, &frame));
    if (net.twice && world_chance(net.twice)) {
        world_count(FAULT_FRAME_TWICE);
        net_pipe_send(link, self, net_frame(1, &frame));
    }
    return true;
}

static bool s_wants(const bus_t *reader, slice_t topic)
{
    for (size_t i = 0; i < reader->prefix_count; i++) {
        size_t size = strlen(reader->prefixes[i]);
        if (topic.size >= size && memcmp(topic.data, reader->prefixes[i], size) == 0)
            return true;
    }
    return false;
}

static bus_t *s_other(const link_t *link, const bus_t *self)
{
    return link->connector == self ? link->bound : link->connector;
}

void bus_publish(bus_t *self, slice_t topic, slice_t body)
{
    const slice_t slices[] = { topic, body };
    for (size_t i = 0; i < self->link_count; i++) {
        link_t *link = self->links[i];
        if (link->bound && s_wants(s_other(link, self), topic) && net_pipe_has_room(link, self))
            net_pipe_send(link, self, net_frame(2, slices));
    }
}

bool net_can_publish(void *socket, const void *topic, size_t size)
{
    const bus_t *self = socket;
    for (size_t i = 0; i < self->link_count; i++)
        if (self->links[i]->bound &&
            s_wants(s_other(self->links[i], self), slice_of(topic, size)) &&
            !net_pipe_has_room(self->links[i], self))
            return false;
    return true;
}

static bool s_take(bus_t *self)
{
    net_frame_free(self->taken);
    self->taken = net_pop(&self->inbox);
    return self->taken != NULL;
}

bool bus_take(bus_t *self, slice_t *frame)
{
    while (s_take(self)) {
        *frame = slice_of(self->taken->bytes, self->taken->sizes[0]);
        if (self->taken->count == 1)
            return true;
    }
    return false;
}

bool bus_take_news(bus_t *self, slice_t *topic, slice_t *body)
{
    while (s_take(self)) {
        *topic = slice_of(self->taken->bytes, self->taken->sizes[0]);
        *body = slice_of(self->taken->bytes + self->taken->sizes[0], self->taken->sizes[1]);
        if (self->taken->count == 2)
            return true;
    }
    return false;
}

void *bus_socket(bus_t *self)
{
    return self;
}

// ---- for zmq_poll and poll
// ---------------------------------------------------------------------------

bool net_has_frame(void *socket)
{
    return ((bus_t *) socket)->inbox.count > 0;
}

bool net_has_room(void *socket)
{
    bus_t *self = socket;
    for (size_t i = 0; i < self->link_count; i++)
        if (self->links[i]->bound && net_pipe_has_room(self->links[i], self))
            return true;
    return false;
}

int net_fd(void *socket)
{
    return NET_FD + ((bus_t *) socket)->number;
}

bool net_fd_is_readable(int fd)
{
    return net.sockets[fd - NET_FD]->inbox.count > 0;
}
