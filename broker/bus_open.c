/*  bus_open -- see bus.h: sockets are opened, linked, and made anew. On CZMQ's zsock. */
#include "broker/bus_inside.h"
#include "broker/bus_probe.h"
#include "broker/trust/guard.h"
#include "proto/owned.h"

enum {
    LINGER_MS = 1000,
    HEARTBEAT_MS = 1000,    // ZMTP pings of who connects
    SILENCE_MS = 4000,      // that ends a connection
    PROBE_S = 1,            // of silence before the kernel probes a peer, and between probes
    BACKLOG = 128,          // connections that wait to be taken
    SOCKET_BYTES = 1 << 20, // kernel buffers of a connection
    AGAIN_MS = 5,           // between two tries to take our port again
    AGAIN_TRIES = 400,
    ZAP_ENFORCE_DOMAIN = 93, // a draft in zmq.h, yet enforced by 4.3.4
};

// All of this process, for bus_renew_all.
static bus_t *all;

static const int bus_types[] = {
    [BUS_PUSH] = ZMQ_PUSH, [BUS_PULL] = ZMQ_PULL, [BUS_PUB] = ZMQ_PUB,
    [BUS_SUB] = ZMQ_SUB,   [BUS_XPUB] = ZMQ_XPUB, [BUS_XSUB] = ZMQ_XSUB,
};

// Of who connects to it.
static const int peer_types[] = {
    [BUS_PUSH] = ZMQ_PULL, [BUS_PULL] = ZMQ_PUSH, [BUS_PUB] = ZMQ_SUB,
    [BUS_SUB] = ZMQ_PUB,   [BUS_XPUB] = ZMQ_SUB,  [BUS_XSUB] = ZMQ_PUB,
};

void bus_destroy(bus_t **self_p)
{
    bus_t *self = *self_p;
    if (!self)
        return;
    if (self->next)
        self->next->previous = self->previous;
    if (self->previous)
        self->previous->next = self->next;
    if (all == self)
        all = self->next;
    zmq_msg_close(&self->frames[0]);
    zmq_msg_close(&self->frames[1]);
    bus_watch_destroy(&self->watch);
    lookout_destroy(&self->lookout);
    zsock_destroy(&self->sock);
    free(self->links);
    free(self);
    *self_p = NULL;
}

// An XPUB keeps every topic that strangers subscribe to, one node for each byte.
static int frame_limit(bus_kind_t kind)
{
    return kind == BUS_XPUB ? BUS_SUBSCRIPTION_BYTES_MAX : BUS_FRAME_BYTES_MAX;
}

// libzmq's XPUB takes subscriptions for as long as there are any, before we are told of the first:
// with a longer queue a reader who sends them without end would hardly ever let us have a word, and
// with this one he mostly does; for the rest see sentry.h. What the kernel keeps comes in after all
// when we no longer want it. Of the queue CURVE takes one place for good.
static void limit_inlet(bus_t *self)
{
    enum { QUEUE = 2, BYTES = 8 << 10 };
    zsock_set_rcvhwm(self->sock, QUEUE);
    zsock_set_rcvbuf(self->sock, BYTES);
}

// ---- opening it ------------------------------------------------------------------------------

// A peer that is gone without a word, or stands still, is cut off. Who connects pings, and each
// ping tells the listener how long silence after it may last. A listener does not ping:
// libzmq 4.3.4 aborts the process when a ping is due to a peer that filled its queue and went away
// (`!_io_error` in stream_engine_base.cpp), and peers of a listener may be strangers. The kernel
// cuts off those that never ping, when they neither answer its probes nor take what was sent.
static void set_silence(bus_t *self)
{
    zsock_set_tcp_keepalive(self->sock, 1);
    zsock_set_tcp_keepalive_idle(self->sock, PROBE_S);
    zsock_set_tcp_keepalive_intvl(self->sock, PROBE_S);
    zsock_set_tcp_keepalive_cnt(self->sock, SILENCE_MS / 1000 / PROBE_S);
    zsock_set_tcp_maxrt(self->sock, SILENCE_MS);
    if (self->listens)
        return;
    zsock_set_heartbeat_ivl(self->sock, HEARTBEAT_MS);
    zsock_set_heartbeat_timeout(self->sock, SILENCE_MS);
    zsock_set_heartbeat_ttl(self->sock, SILENCE_MS);
}

// Our key; and for who listens the door, whose domain must be judged before anybody comes in.
static bool lock_up(bus_t *self, fault_t *fault)
{
    const certificate_t *me = guard_self();
    zsock_set_curve_publickey_bin(self->sock, me->public_key);
    zsock_set_curve_secretkey_bin(self->sock, me->secret_key);
    if (!self->listens)
        return true;
    const int on = 1;
    if (zmq_setsockopt(self->handle, ZAP_ENFORCE_DOMAIN, &on, sizeof on) != 0)
        return fault_set(fault, "this libzmq does not enforce ZAP domains: %s",
                         zmq_strerror(zmq_errno()));
    zsock_set_curve_server(self->sock, 1);
    return true;
}

static bool open_socket(bus_t *self, fault_t *fault)
{
    self->sock = zsock_new(bus_types[self->kind]);
    if (!self->sock)
        return fault_set(fault, "cannot make a socket: %s", zmq_strerror(zmq_errno()));
    zsock_set_rcvhwm(self->sock, self->queue);
    zsock_set_sndhwm(self->sock, self->queue);
    zsock_set_maxmsgsize(self->sock, self->frame_max);
    zsock_set_linger(self->sock, LINGER_MS);
    zsock_set_immediate(self->sock, 1); // queue only for a peer that is there
    set_silence(self);
    zsock_set_handshake_ivl(self->sock, HANDSHAKES_MS); // a stranger who says nothing is gone then
    zsock_set_backlog(self->sock, BACKLOG);
    zsock_set_sndbuf(self->sock, SOCKET_BYTES);
    zsock_set_rcvbuf(self->sock, SOCKET_BYTES);
    if (self->kind == BUS_XPUB && self->listens)
        limit_inlet(self);
    self->handle = zsock_resolve(self->sock);
    // A domain, even one that nobody judges, keeps out peers of ZMTP 1 and 2: to them any bytes are
    // a handshake, and they would be given records.
    if (self->listens)
        zsock_set_zap_domain(self->sock, door_name(self->door));
    if (self->listens && !(self->lookout = lookout_new(self->handle, self->door, fault)))
        return false;
    return !guard_on() || lock_up(self, fault);
}

static bus_t *bus_new(bus_kind_t kind, door_t door, bool listens, int queue, int frame_max,
                      fault_t *fault)
{
    owned(bus_destroy) bus_t *self = calloc(1, sizeof *self);
    if (!self) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    *self = (bus_t){ .kind = kind,
                     .door = door,
                     .listens = listens,
                     .queue = queue,
                     .frame_max = frame_max,
                     .revision = guard_revision(),
                     .next = all };
    if (all)
        all->previous = self;
    all = self;
    zmq_msg_init(&self->frames[0]);
    zmq_msg_init(&self->frames[1]);
    if (!open_socket(self, fault))
        return NULL;
    bus_t *given = self;
    self = NULL;
    return given;
}

// How others are told where we listen.
static bool name_endpoint(bus_t *self, fault_t *fault)
{
    endpoint_t told = { .has_key = guard_on() };
    snprintf(told.address, sizeof told.address, "%s", self->address);
    if (endpoint_is_everywhere(self->address)) {
        if (!guard_advertise())
            return fault_set(fault,
                             "'%s' is no address that others could connect to: set "
                             "listen.advertise to the name or address of this host",
                             self->address);
        if (!endpoint_move(self->address, guard_advertise(), told.address))
            return fault_set(fault, "listen.advertise is too long");
    }
    if (told.has_key)
        memcpy(told.key, guard_self()->public_key, sizeof told.key);
    return endpoint_format(&told, self->endpoint) ||
           fault_set(fault, "'%s' leaves no room for a key", self->address);
}

// With IPv6 only where an address says so: otherwise `*` would be [::], and names mean others.
static int bind_to(bus_t *self, const char *address)
{
    zsock_set_ipv6(self->sock, endpoint_is_ipv6(address));
    return zmq_bind(self->handle, address);
}

static int connect_to(bus_t *self, const char *address)
{
    zsock_set_ipv6(self->sock, endpoint_is_ipv6(address));
    return zmq_connect(self->handle, address);
}

static bool listen_at(bus_t *self, const char *address, fault_t *fault)
{
    if (bind_to(self, address) == -1)
        return fault_set(fault, "cannot listen on '%s': %s", address, zmq_strerror(zmq_errno()));
    size_t size = sizeof self->address;
    if (zmq_getsockopt(self->handle, ZMQ_LAST_ENDPOINT, self->address, &size) == -1)
        return fault_set(fault, "cannot tell the address of '%s': %s", address,
                         zmq_strerror(zmq_errno()));
    return !guard_on() || bus_probe(self->address, peer_types[self->kind], fault);
}

// Without keys only this machine may talk to us.
static bool check_reach(const char *address, fault_t *fault)
{
    return guard_on() || endpoint_is_local(address) ||
           fault_set(fault,
                     "refusing '%s': only loopback (tcp://127.x.x.x:port, "
                     "tcp://localhost:port) and ipc:// work without keys: set `keys` in "
                     "the configuration",
                     address);
}

bus_t *bus_bind_bounded(bus_kind_t kind, door_t door, const char *endpoint, int queue,
                        int frame_max, fault_t *fault)
{
    endpoint_t wanted;
    if (!endpoint_parse(&wanted, endpoint, fault) || !check_reach(wanted.address, fault))
        return NULL;
    owned(bus_destroy) bus_t *self = bus_new(kind, door, true, queue, frame_max, fault);
    if (!self || !listen_at(self, wanted.address, fault) || !name_endpoint(self, fault))
        return NULL;
    bus_t *given = self;
    self = NULL;
    return given;
}

bus_t *bus_bind(bus_kind_t kind, door_t door, const char *endpoint, int queue, fault_t *fault)
{
    return bus_bind_bounded(kind, door, endpoint, queue, frame_limit(kind), fault);
}

bus_t *bus_connect(bus_kind_t kind, door_t door, const char *endpoint, int queue, fault_t *fault)
{
    owned(bus_destroy) bus_t *self = bus_new(kind, door, false, queue, frame_limit(kind), fault);
    if (!self || (endpoint && !bus_add(self, endpoint, fault)))
        return NULL;
    if (endpoint)
        snprintf(self->endpoint, sizeof self->endpoint, "%s", endpoint);
    bus_t *given = self;
    self = NULL;
    return given;
}

// ---- links -------------------------------------------------------------------------------------

// Whom we shall find there: libzmq talks to nobody but the holder of this key.
static bool expect_key(bus_t *self, const endpoint_t *peer, fault_t *fault)
{
    if (!peer->has_key)
        return fault_set(fault, "'%s' names no key: its actor runs without keys", peer->address);
    if (!guard_knows(peer->key, door_keeper(self->door)))
        return fault_set(fault,
                         "'%s' has a key that is not known here as that of a %s: "
                         "`keys import` it, if it is yours",
                         peer->address, role_name(door_keeper(self->door)));
    if (self->link_count == BUS_LINKS_MAX)
        return fault_set(fault, "more than %d links of one socket", BUS_LINKS_MAX);
    if (!self->links && !(self->links = calloc(BUS_LINKS_MAX, sizeof *self->links)))
        return fault_set(fault, "out of memory");
    if (!self->watch && !(self->watch = bus_watch_new(self->handle, fault)))
        return false;
    zsock_set_curve_serverkey_bin(self->sock, peer->key); // of the next connect
    return true;
}

static void remember_link(bus_t *self, const endpoint_t *peer)
{
    bus_link_t *link = &self->links[self->link_count++];
    *link = (bus_link_t){ 0 };
    strcpy(link->address, peer->address);
    memcpy(link->key, peer->key, sizeof link->key);
}

bool bus_add(bus_t *self, const char *endpoint, fault_t *fault)
{
    endpoint_t peer;
    if (!endpoint_parse(&peer, endpoint, fault) || !check_reach(peer.address, fault))
        return false;
    if (!guard_on() && peer.has_key)
        return fault_set(fault, "'%s' wants a key, and we have none: set `keys`", peer.address);
    if (guard_on() && !expect_key(self, &peer, fault))
        return false;
    if (connect_to(self, peer.address) == -1)
        return fault_set(fault, "cannot connect to '%s': %s", peer.address,
                         zmq_strerror(zmq_errno()));
    if (guard_on())
        remember_link(self, &peer);
    return true;
}

static size_t find_link(const bus_t *self, const endpoint_t *peer)
{
    size_t at = 0;
    while (at < self->link_count && (strcmp(self->links[at].address, peer->address) != 0 ||
                                     memcmp(self->links[at].key, peer->key, sizeof peer->key) != 0))
        at++;
    return at;
}

bool bus_keeps(const bus_t *self, const char *endpoint)
{
    endpoint_t peer;
    return !guard_on() ||
           (endpoint_parse(&peer, endpoint, NULL) && find_link(self, &peer) < self->link_count);
}

// End what goes to this address, and begin it again for the links there are. There may be two: a
// listener at a fixed port whose key was replaced. libzmq ends both at once, and of PUB and SUB it
// had begun the first alone.
static void link_again(bus_t *self, const char *address)
{
    zmq_disconnect(self->handle, address);
    for (size_t i = 0; i < self->link_count; i++)
        if (strcmp(self->links[i].address, address) == 0) {
            zsock_set_curve_serverkey_bin(self->sock, self->links[i].key);
            self->links[i].error = connect_to(self, address) == 0 ? 0 : zmq_errno();
        }
}

static void cut_link(bus_t *self, size_t index)
{
    const bus_link_t cut = self->links[index];
    self->links[index] = self->links[--self->link_count];
    link_again(self, cut.address);
}

void bus_remove(bus_t *self, const char *endpoint)
{
    endpoint_t peer;
    if (!endpoint_parse(&peer, endpoint, NULL))
        return;
    if (!guard_on()) {
        zmq_disconnect(self->handle, peer.address);
        return;
    }
    size_t at = find_link(self, &peer);
    if (at < self->link_count)
        cut_link(self, at);
}

// Close what listens and open it again at the same port: the kernel may take a moment.
static bool listen_again(bus_t *self, fault_t *fault)
{
    char address[BUS_ENDPOINT_MAX];
    strcpy(address, self->address);
    zsock_set_linger(self->sock, 0);
    zmq_unbind(self->handle, address);
    lookout_destroy(&self->lookout);
    zsock_destroy(&self->sock);
    if (!open_socket(self, fault))
        return false;
    for (int tries = 0; tries < AGAIN_TRIES; tries++) {
        if (bind_to(self, address) == 0)
            return bus_probe(address, peer_types[self->kind], fault);
        zclock_sleep(AGAIN_MS);
    }
    return fault_set(fault, "cannot listen on '%s' again: %s", address, zmq_strerror(zmq_errno()));
}

static bool has_address(const bus_t *self, const char *address)
{
    for (size_t i = 0; i < self->link_count; i++)
        if (strcmp(self->links[i].address, address) == 0)
            return true;
    return false;
}

static bool has_port_of(const bus_link_t *link, const char *address)
{
    const char *port = strrchr(address, ':');
    return port && strcmp(strrchr(link->address, ':'), port) == 0;
}

// Links that libzmq would not begin again are tried until it does; the first time in vain is told.
static void try_lost(bus_t *self, fault_t *fault)
{
    for (size_t i = 0; i < self->link_count; i++) {
        bus_link_t *link = &self->links[i];
        if (link->error)
            link_again(self, link->address);
        if (link->error && !link->told)
            fault_set(fault, "cannot connect to '%s' again: %s", link->address,
                      zmq_strerror(link->error));
        link->told = link->error != 0;
    }
}

// Links that the other end refused are tried again: it may know our key by now. The address may be
// none that we gave: from the second connection on libzmq tells a host's number for its name. Then
// the port decides; another link that has the same is only connected anew.
static void try_again(bus_t *self)
{
    char address[ENDPOINT_MAX];
    while (self->watch && bus_watch_next(self->watch, address)) {
        if (has_address(self, address)) {
            link_again(self, address);
            continue;
        }
        for (size_t i = 0; i < self->link_count; i++)
            if (has_port_of(&self->links[i], address))
                link_again(self, self->links[i].address);
    }
}

static bus_renewal_t renew(bus_t *self, unsigned revision, fault_t *fault)
{
    if (revision == self->revision)
        return BUS_SAME;
    self->revision = revision;
    if (self->listens)
        return listen_again(self, fault) ? BUS_RENEWED : BUS_LOST;
    bus_renewal_t result = BUS_SAME;
    for (size_t i = self->link_count; i-- > 0;)
        if (!guard_knows(self->links[i].key, door_keeper(self->door))) {
            cut_link(self, i);
            result = BUS_RENEWED;
        }
    return result;
}

bus_renewal_t bus_renew_all(fault_t *fault)
{
    bus_renewal_t result = BUS_SAME;
    if (!guard_on())
        return result;
    unsigned revision = guard_revision();
    for (bus_t *bus = all; bus; bus = bus->next) {
        try_lost(bus, fault);
        try_again(bus);
        bus_renewal_t one = renew(bus, revision, fault);
        if (one == BUS_LOST)
            return one;
        if (one == BUS_RENEWED)
            result = one;
    }
    return result;
}
