/*  lookout -- see lookout.h. On libzmq's socket monitor, in a zactor. */
#include "broker/trust/lookout.h"

#include <arpa/inet.h>
#include <czmq.h>
#include <pthread.h>
#include <stdatomic.h>

#include "broker/runtime/life.h"
#include "broker/trust/guard.h"
#include "proto/owned.h"

enum {
    EVENTS = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
             ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
             ZMQ_EVENT_HANDSHAKE_FAILED_AUTH,
    WAITING_MAX = 8192, // events that may wait before libzmq does: ours is a slow machine
    AT_ONCE_MAX = 1024, // events of one socket before the next one's turn
    TICK_MS = 500,
    LINES_MAX = STRANGERS_KNOWN + 1, // that wait to be logged: all of a minute
};

struct lookout {
    void *socket;
    door_t door;
    bool keyed; // wrong keys are told by the guard
    char name[32];
    zsock_t *events; // what follows is the thread's alone
    handshakes_t handshakes;
};

// The thread and how many it serves belong to whoever makes lookouts; the lock guards what is told.
static struct {
    zactor_t *thread;
    unsigned served;
    unsigned names; // libzmq gives a name back only some time after its end
    atomic_ullong count;

    pthread_mutex_t lock;
    strangers_t strangers;
    lookout_line_t lines[LINES_MAX];
    unsigned first, waiting;
} post = { .lock = PTHREAD_MUTEX_INITIALIZER };

uint64_t lookout_count(void)
{
    return atomic_load_explicit(&post.count, memory_order_relaxed);
}

bool lookout_take(lookout_line_t *line)
{
    pthread_mutex_lock(&post.lock);
    bool there = post.waiting > 0;
    if (there) {
        *line = post.lines[post.first];
        post.first = (post.first + 1) % LINES_MAX;
        post.waiting--;
    }
    pthread_mutex_unlock(&post.lock);
    return there;
}

// ---- in the thread: events ---------------------------------------------------------------------

static void s_tell(void *context, const char *peer, handshake_fault_t fault)
{
    const lookout_t *self = context;
    uint64_t times;
    atomic_fetch_add_explicit(&post.count, 1, memory_order_relaxed);
    pthread_mutex_lock(&post.lock);
    // With no room nobody has logged for a minute: then it is only counted.
    if (post.waiting < LINES_MAX &&
        strangers_tell(&post.strangers, peer, life_mono_us() / 1000, &times)) {
        lookout_line_t *line = &post.lines[(post.first + post.waiting++) % LINES_MAX];
        *line = (lookout_line_t){ .door = self->door, .fault = fault, .times = times };
        snprintf(line->peer, sizeof line->peer, "%s", peer);
    }
    pthread_mutex_unlock(&post.lock);
}

static void s_name_peer(int connection, char name[HANDSHAKES_PEER_MAX + 1])
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } peer;
    _Static_assert(INET6_ADDRSTRLEN <= HANDSHAKES_PEER_MAX, "an address fits");
    socklen_t size = sizeof peer;
    strcpy(name, "unknown");
    if (getpeername(connection, &peer.any, &size) != 0)
        return;
    if (peer.any.sa_family == AF_UNIX)
        strcpy(name, "local");
    if (peer.any.sa_family == AF_INET)
        inet_ntop(AF_INET, &peer.v4.sin_addr, name, HANDSHAKES_PEER_MAX);
    if (peer.any.sa_family == AF_INET6)
        inet_ntop(AF_INET6, &peer.v6.sin6_addr, name, HANDSHAKES_PEER_MAX);
}

static handshake_fault_t s_protocol_fault(uint32_t error)
{
    if (error == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH)
        return HANDSHAKE_MECHANISM;
    return error == ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC ? HANDSHAKE_SEALED : HANDSHAKE_GARBLED;
}

static void s_hear(lookout_t *self, uint16_t event, uint32_t value)
{
    char peer[HANDSHAKES_PEER_MAX + 1];
    int64_t now_ms = life_mono_us() / 1000;
    if (event == ZMQ_EVENT_ACCEPTED) {
        s_name_peer((int) value, peer);
        handshakes_accepted(&self->handshakes, (int) value, peer, now_ms);
    } else if (event == ZMQ_EVENT_DISCONNECTED)
        handshakes_ended(&self->handshakes, (int) value, now_ms);
    else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
        handshakes_failed(&self->handshakes, HANDSHAKE_LEFT);
    else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)
        handshakes_failed(&self->handshakes, s_protocol_fault(value));
    else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH && !self->keyed) // it says so itself
        handshakes_failed(&self->handshakes, HANDSHAKE_GARBLED);
    else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH || event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
        handshakes_settled(&self->handshakes);
}

// True: so many have come that there may be more.
static bool s_listen(lookout_t *self)
{
    void *events = zsock_resolve(self->events);
    uint8_t frame[6]; // which, in two bytes, and a value in four; an address is in the next frame
    for (int i = 0; i < AT_ONCE_MAX; i++) {
        if (zmq_recv(events, frame, sizeof frame, ZMQ_DONTWAIT) != sizeof frame)
            return false;
        char address[8]; // our own
        (void) zmq_recv(events, address, sizeof address, ZMQ_DONTWAIT);
        uint16_t event;
        uint32_t value;
        memcpy(&event, frame, sizeof event);
        memcpy(&value, frame + sizeof event, sizeof value);
        s_hear(self, event, value);
    }
    return true;
}

// ---- in the thread: life -----------------------------------------------------------------------

typedef struct {
    lookout_t *of;
    bool leave;
} order_t;

typedef struct {
    lookout_t *all[LOOKOUT_SOCKETS_MAX];
    unsigned count;
} watched_t;

static bool s_begin(watched_t *watched, lookout_t *of)
{
    of->events = watched->count < LOOKOUT_SOCKETS_MAX ? zsock_new(ZMQ_PAIR) : NULL;
    if (!of->events)
        return false;
    zsock_set_rcvhwm(of->events, WAITING_MAX);
    if (zsock_connect(of->events, "%s", of->name) != 0)
        return false;
    watched->all[watched->count++] = of;
    return true;
}

static void s_end(watched_t *watched, lookout_t *of)
{
    while (of->events && s_listen(of))
        continue;
    handshakes_tick(&of->handshakes, INT64_MAX); // who is still there will not be told of
    zsock_destroy(&of->events);
    for (unsigned i = 0; i < watched->count; i++)
        if (watched->all[i] == of)
            watched->all[i] = watched->all[--watched->count];
}

// False: the thread shall end.
static bool s_obey(watched_t *watched, zsock_t *pipe)
{
    order_t order;
    if (zmq_recv(zsock_resolve(pipe), &order, sizeof order, ZMQ_DONTWAIT) != sizeof order)
        return false;
    bool good = true;
    if (order.leave)
        s_end(watched, order.of);
    else
        good = s_begin(watched, order.of);
    zsock_signal(pipe, good ? 0 : 1);
    return true;
}

static void s_run(zsock_t *pipe, void *argument)
{
    (void) argument;
    zsock_signal(pipe, 0);
    watched_t watched = { .count = 0 };
    for (;;) {
        zmq_pollitem_t wait[LOOKOUT_SOCKETS_MAX + 1] = {
            { .socket = zsock_resolve(pipe), .events = ZMQ_POLLIN },
        };
        bool undecided = false;
        for (unsigned i = 0; i < watched.count; i++) {
            handshakes_t *handshakes = &watched.all[i]->handshakes;
            handshakes_tick(handshakes, life_mono_us() / 1000);
            undecided = undecided || handshakes_waits(handshakes);
            wait[i + 1] = (zmq_pollitem_t){ .socket = zsock_resolve(watched.all[i]->events),
                                            .events = ZMQ_POLLIN };
        }
        if (zmq_poll(wait, (int) watched.count + 1, undecided ? TICK_MS : -1) == -1 &&
            zmq_errno() != EINTR)
            return; // the context is ending
        for (unsigned i = 0; i < watched.count; i++)
            if (wait[i + 1].revents)
                (void) s_listen(watched.all[i]);
        if (wait[0].revents && !s_obey(&watched, pipe))
            return;
    }
}

// ---- by whoever has the sockets ----------------------------------------------------------------

static bool s_order(lookout_t *self, bool leave)
{
    order_t order = { .of = self, .leave = leave };
    return zmq_send(zsock_resolve(post.thread), &order, sizeof order, 0) != -1 &&
           zsock_wait(post.thread) == 0;
}

lookout_t *lookout_new(void *socket, door_t door, fault_t *fault)
{
    owned(lookout_destroy) lookout_t *self = calloc(1, sizeof *self);
    if (!self) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->socket = socket;
    self->door = door;
    self->keyed = guard_on();
    self->handshakes.tell = s_tell;
    self->handshakes.context = self;
    post.served++;
    if (!post.thread)
        post.thread = zactor_new(s_run, NULL);
    if (!post.thread) {
        fault_set(fault, "cannot start a thread");
        return NULL;
    }
    snprintf(self->name, sizeof self->name, "inproc://lookout-%u", post.names++);
    if (zmq_socket_monitor(socket, self->name, EVENTS) != 0 || !s_order(self, false)) {
        fault_set(fault, "cannot watch the connections of a socket: %s", zmq_strerror(zmq_errno()));
        return NULL;
    }
    lookout_t *given = self;
    self = NULL;
    return given;
}

void lookout_destroy(lookout_t **self_p)
{
    lookout_t *self = *self_p;
    if (!self)
        return;
    zmq_socket_monitor(self->socket, NULL, 0);
    if (post.thread)
        (void) s_order(self, true);
    if (--post.served == 0)
        zactor_destroy(&post.thread);
    free(self);
    *self_p = NULL;
}
