/*  guard and bus with keys: who has no key, or one of another role, is shut out of every socket;
 *  revoking ends living connections.
 */
#include "broker/trust/guard.h"

#include <czmq.h>
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/bus.h"
#include "broker/trust/lookout.h"

enum { WAIT_MS = 5000, SILENCE_MS = 300, REREAD_MS = 5000 };

// In front of libzmq's own, when it is to have no room.
static bool no_connections;

int zmq_connect(void *socket, const char *endpoint)
{
    int (*real)(void *, const char *);
    *(void **) &real = dlsym(RTLD_NEXT, "zmq_connect");
    if (!no_connections && real)
        return real(socket, endpoint);
    errno = EMTHREAD;
    return -1;
}

static char folder[] = "/tmp/guard_test_XXXXXX";

static void make_key(const char *name, role_t role, certificate_t *made)
{
    char path[PATH_MAX];
    fault_t fault;
    assert_true(certificate_make(made, name, role, &fault));
    assert_true(ring_secret_path(folder, name, path, sizeof path));
    assert_true(certificate_write(made, path, true, &fault));
    char file[128];
    snprintf(file, sizeof file, "%s.key", name);
    assert_true(ring_known_path(folder, file, path, sizeof path));
    assert_true(certificate_write(made, path, false, &fault));
}

static certificate_t self_key, peers[ROLES_OF_KEYS];

// This process is a collector in all tests; peers of every role are known.
static int set_up(void **state)
{
    (void) state;
    if (!zmq_has("curve"))
        return -1;
    strcpy(folder, "/tmp/guard_test_XXXXXX");
    assert_non_null(mkdtemp(folder));
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/known", folder);
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(path, sizeof path, "%s/secret", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    make_key("collector", ROLE_COLLECTOR, &self_key);
    for (unsigned r = 0; r < ROLES_OF_KEYS; r++) {
        char name[64];
        snprintf(name, sizeof name, "%s-1", role_name((role_t) r));
        make_key(name, (role_t) r, &peers[r]);
    }
    fault_t fault = { 0 };
    const guard_setup_t setup = { .folder = folder, .name = "collector", .role = ROLE_COLLECTOR };
    if (!guard_start(&setup, &fault))
        fail_msg("%s", fault.text);
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    guard_stop();
    char command[PATH_MAX];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

// A client that is none of ours: with this key, or without any; it expects the listener's key.
static zsock_t *client_on(zsock_t *sock, const bus_t *listener, const certificate_t *key)
{
    endpoint_t endpoint;
    fault_t fault;
    assert_true(endpoint_parse(&endpoint, bus_endpoint(listener), &fault));
    assert_true(endpoint.has_key);
    zsock_set_linger(sock, 0);
    if (key) {
        zsock_set_curve_serverkey_bin(sock, endpoint.key);
        zsock_set_curve_publickey_bin(sock, key->public_key);
        zsock_set_curve_secretkey_bin(sock, key->secret_key);
    }
    if (zsock_type(sock) == ZMQ_SUB)
        zsock_set_subscribe(sock, "");
    assert_int_equal(zmq_connect(zsock_resolve(sock), endpoint.address), 0);
    return sock;
}

static zsock_t *client(int type, const bus_t *listener, const certificate_t *key)
{
    return client_on(zsock_new(type), listener, key);
}

static bool arrives(void *socket, int wait_ms)
{
    zmq_pollitem_t wait = { .socket = socket, .events = ZMQ_POLLIN };
    return zmq_poll(&wait, 1, wait_ms) == 1;
}

// Does what the client says arrive (PULL, XPUB, XSUB), or what we say at the client (PUSH)?
static bool gets_through(bus_kind_t kind, bus_t *listener, zsock_t *sock, int wait_ms)
{
    if (kind == BUS_PUSH)
        return bus_send(listener, slice_text("record"), wait_ms) &&
               arrives(zsock_resolve(sock), wait_ms);
    zsock_set_sndtimeo(sock, wait_ms);
    if (kind == BUS_PULL && zmq_send(zsock_resolve(sock), "frame", 5, 0) == -1)
        return false;
    for (int waited_ms = 0; waited_ms < wait_ms; waited_ms += 20) {
        if (kind == BUS_XSUB) // a PUB drops what nobody has subscribed to yet
            zmq_send(zsock_resolve(sock), "news", 4, ZMQ_DONTWAIT);
        if (arrives(bus_socket(listener), 20))
            return true;
    }
    return false;
}

static const struct {
    bus_kind_t kind;
    door_t door;
    int client;
} all[] = {
    { BUS_PUSH, DOOR_RAW, ZMQ_PULL },   { BUS_PULL, DOOR_ACK, ZMQ_PUSH },
    { BUS_PULL, DOOR_ROWS, ZMQ_PUSH },  { BUS_XSUB, DOOR_NEWS, ZMQ_PUB },
    { BUS_XPUB, DOOR_ALERTS, ZMQ_SUB }, { BUS_PULL, DOOR_PUSH, ZMQ_PUSH },
};

static bus_t *listen_at(unsigned index)
{
    fault_t fault = { 0 };
    bus_t *listener = bus_bind(all[index].kind, all[index].door, "tcp://127.0.0.1:*", 100, &fault);
    if (!listener)
        fail_msg("%s: %s", door_name(all[index].door), fault.text);
    if (all[index].kind == BUS_XSUB)
        bus_send(listener, slice_of("\1", 1), 0);
    return listener;
}

// Is nothing there, now that so many handshakes were refused?
static void await_refusals(uint64_t before, unsigned count)
{
    for (int waited_ms = 0; guard_count().refused < before + count && waited_ms < WAIT_MS;
         waited_ms += 10)
        zclock_sleep(10);
    assert_true(guard_count().refused >= before + count);
}

// Whoever may not come in knocks at once; then, what has come through?
static void shut_out(unsigned d, const certificate_t *keys[], unsigned count, bool plain)
{
    bus_t *listener = listen_at(d);
    uint64_t before = guard_count().refused;
    zsock_t *socks[ROLES_OF_KEYS + 1];
    for (unsigned i = 0; i < count; i++) {
        socks[i] = client(all[d].client, listener, plain ? NULL : keys[i]);
        if (all[d].kind == BUS_PULL)
            zmq_send(zsock_resolve(socks[i]), "frame", 5, ZMQ_DONTWAIT);
    }
    if (!plain) // without a key nobody is asked about: ZeroMQ ends it before
        await_refusals(before, count);
    for (unsigned i = 0; i < count; i++)
        if (gets_through(all[d].kind, listener, socks[i], i ? 20 : SILENCE_MS))
            fail_msg("door %s: %s came in", door_name(all[d].door),
                     plain ? "a client without key" : keys[i]->name);
    for (unsigned i = 0; i < count; i++)
        zsock_destroy(&socks[i]);
    bus_destroy(&listener);
}

static void the_wrong_roles_are_shut_out_of_every_door(void **state)
{
    (void) state;
    for (unsigned d = 0; d < sizeof all / sizeof *all; d++) {
        const certificate_t *keys[ROLES_OF_KEYS];
        unsigned count = 0;
        for (unsigned r = 0; r < ROLES_OF_KEYS; r++)
            if (!door_admits(all[d].door, (role_t) r))
                keys[count++] = &peers[r];
        shut_out(d, keys, count, false);
    }
}

static void the_right_roles_come_in(void **state)
{
    (void) state;
    for (unsigned d = 0; d < sizeof all / sizeof *all; d++)
        for (unsigned r = 0; r < ROLES_OF_KEYS; r++) {
            if (!door_admits(all[d].door, (role_t) r))
                continue;
            bus_t *listener = listen_at(d);
            zsock_t *sock = client(all[d].client, listener, &peers[r]);
            if (!gets_through(all[d].kind, listener, sock, WAIT_MS))
                fail_msg("door %s shuts out the role %s", door_name(all[d].door),
                         role_name((role_t) r));
            zsock_destroy(&sock);
            bus_destroy(&listener);
        }
}

static void a_strange_key_and_no_key_are_shut_out_of_every_door(void **state)
{
    (void) state;
    certificate_t stranger;
    fault_t fault;
    assert_true(certificate_make(&stranger, "prep-1", ROLE_PREP, &fault)); // a known name
    const certificate_t *keys[] = { &stranger };
    for (unsigned d = 0; d < sizeof all / sizeof *all; d++) {
        shut_out(d, keys, 1, false);
        shut_out(d, keys, 1, true);
    }
}

static void await_failures(uint64_t count)
{
    for (int waited_ms = 0; lookout_count() < count && waited_ms < WAIT_MS; waited_ms += 10)
        zclock_sleep(10);
    assert_int_equal(lookout_count(), count);
}

// Our own knock, peers, and wrong keys, which the guard counts, are no failed handshakes; no key,
// and one that takes us for another, are.
static void what_the_guard_tells_is_not_told_again(void **state)
{
    (void) state;
    uint64_t before = lookout_count(), refused = guard_count().refused;
    bus_t *listener = listen_at(1);
    zsock_t *good = client(ZMQ_PUSH, listener, &peers[ROLE_TRANSFORM]);
    assert_true(gets_through(BUS_PULL, listener, good, WAIT_MS));
    zsock_t *wrong = client(ZMQ_PUSH, listener, &peers[ROLE_PREP]);
    await_refusals(refused, 1);
    zclock_sleep(SILENCE_MS);
    zsock_destroy(&wrong);
    zsock_destroy(&good);
    zclock_sleep(SILENCE_MS);
    assert_int_equal(lookout_count(), before);
    assert_int_equal(guard_count().refused, refused + 1);
    zsock_t *none = client(ZMQ_PUSH, listener, NULL); // libzmq does not try that again
    await_failures(before + 1);
    zsock_destroy(&none);
    endpoint_t endpoint;
    assert_true(endpoint_parse(&endpoint, bus_endpoint(listener), NULL));
    zsock_t *mistaken = zsock_new(ZMQ_PUSH);
    zsock_set_linger(mistaken, 0);
    zsock_set_reconnect_ivl(mistaken, -1);
    zsock_set_curve_serverkey_bin(mistaken, peers[ROLE_BROKER].public_key);
    zsock_set_curve_publickey_bin(mistaken, peers[ROLE_TRANSFORM].public_key);
    zsock_set_curve_secretkey_bin(mistaken, peers[ROLE_TRANSFORM].secret_key);
    assert_int_equal(zmq_connect(zsock_resolve(mistaken), endpoint.address), 0);
    await_failures(before + 2);
    zsock_destroy(&mistaken);
    bus_destroy(&listener);
    assert_int_equal(lookout_count(), before + 2);
    assert_int_equal(guard_count().refused, refused + 1);
}

static void who_spoke_is_known(void **state)
{
    (void) state;
    bus_t *listener = listen_at(1);
    zsock_t *sock = client(ZMQ_PUSH, listener, &peers[ROLE_TRANSFORM]);
    assert_true(gets_through(BUS_PULL, listener, sock, WAIT_MS));
    slice_t frame;
    assert_true(bus_take(listener, &frame));
    assert_string_equal(bus_peer(listener), "transform-1");
    assert_string_equal(bus_peer_role(listener), "transform");
    zsock_destroy(&sock);
    bus_destroy(&listener);
}

static void who_connects_wants_a_known_key_of_the_right_role(void **state)
{
    (void) state;
    fault_t fault;
    bus_t *own = bus_connect(BUS_PULL, DOOR_RAW, NULL, 10, &fault);
    assert_non_null(own);
    endpoint_t peer = { .address = "tcp://127.0.0.1:1", .has_key = true };
    char text[ENDPOINT_MAX];
    memcpy(peer.key, peers[ROLE_COLLECTOR].public_key, sizeof peer.key);
    assert_true(endpoint_format(&peer, text));
    assert_true(bus_add(own, text, &fault));
    memcpy(peer.key, peers[ROLE_PREP].public_key, sizeof peer.key);
    assert_true(endpoint_format(&peer, text));
    assert_false(bus_add(own, text, &fault)); // a prep keeps no such door
    assert_non_null(strstr(fault.text, "collector"));
    assert_false(bus_add(own, "tcp://127.0.0.1:1", &fault)); // without key
    memset(peer.key, 7, sizeof peer.key);
    assert_true(endpoint_format(&peer, text));
    assert_false(bus_add(own, text, &fault)); // an unknown one
    bus_destroy(&own);
}

static void await_revision(unsigned before)
{
    for (int waited_ms = 0; guard_revision() == before && waited_ms < REREAD_MS; waited_ms += 20)
        zclock_sleep(20);
    assert_int_not_equal(guard_revision(), before);
}

static void revoking_ends_a_living_connection(void **state)
{
    (void) state;
    bus_t *listener = listen_at(1);
    zsock_t *bad = client(ZMQ_PUSH, listener, &peers[ROLE_TRANSFORM]);
    assert_true(gets_through(BUS_PULL, listener, bad, WAIT_MS));
    slice_t frame;
    while (bus_take(listener, &frame))
        ;
    char path[PATH_MAX], was[ENDPOINT_MAX];
    strcpy(was, bus_endpoint(listener));
    unsigned before = guard_revision();
    assert_true(ring_known_path(folder, "transform-1.key", path, sizeof path));
    assert_int_equal(unlink(path), 0);
    await_revision(before);
    fault_t fault = { 0 };
    if (bus_renew_all(&fault) != BUS_RENEWED)
        fail_msg("%s", fault.text);
    assert_int_equal(bus_renew_all(&fault), BUS_SAME);
    assert_string_equal(bus_endpoint(listener), was); // where others look for it
    assert_false(gets_through(BUS_PULL, listener, bad, 2 * SILENCE_MS));
    // Others come back by themselves: here a new one.
    certificate_t other;
    make_key("transform-2", ROLE_TRANSFORM, &other);
    zclock_sleep(1500);
    zsock_t *good = client(ZMQ_PUSH, listener, &other);
    assert_true(gets_through(BUS_PULL, listener, good, WAIT_MS));
    zsock_destroy(&good);
    zsock_destroy(&bad);
    bus_destroy(&listener);
}

static void a_listener_that_is_revoked_is_left(void **state)
{
    (void) state;
    fault_t fault;
    bus_t *own = bus_connect(BUS_PULL, DOOR_RAW, NULL, 10, &fault);
    endpoint_t peer = { .address = "tcp://127.0.0.1:1", .has_key = true };
    char text[ENDPOINT_MAX], path[PATH_MAX];
    memcpy(peer.key, peers[ROLE_COLLECTOR].public_key, sizeof peer.key);
    assert_true(endpoint_format(&peer, text));
    assert_true(bus_add(own, text, &fault));
    unsigned before = guard_revision();
    assert_true(ring_known_path(folder, "collector-1.key", path, sizeof path));
    assert_int_equal(unlink(path), 0);
    await_revision(before);
    assert_int_equal(bus_renew_all(&fault), BUS_RENEWED);
    assert_false(bus_add(own, text, &fault));
    bus_destroy(&own);
}

// A broker's door for news as another process would have it, with this key; its port.
static int broker_door_at(zsock_t *server, const certificate_t *key, const char *where)
{
    zsock_set_curve_publickey_bin(server, key->public_key);
    zsock_set_curve_secretkey_bin(server, key->secret_key);
    zsock_set_zap_domain(server, door_name(DOOR_NEWS));
    zsock_set_curve_server(server, 1);
    zsock_set_linger(server, 0);
    zsock_set_ipv6(server, where[0] == '[');
    int port = -1;
    for (int tries = 0; port < 0 && tries < WAIT_MS / 10; tries++) { // the kernel may take a moment
        port = zsock_bind(server, "tcp://%s", where);
        if (port < 0)
            zclock_sleep(10);
    }
    assert_true(port > 0);
    zmq_send(zsock_resolve(server), "\1", 1, 0);
    return port;
}

static int broker_door(zsock_t *server, const certificate_t *key)
{
    return broker_door_at(server, key, "127.0.0.1:*");
}

static void endpoint_at(const char *host, int port, const certificate_t *key,
                        char text[ENDPOINT_MAX])
{
    endpoint_t peer = { .has_key = true };
    snprintf(peer.address, sizeof peer.address, "tcp://%s:%d", host, port);
    memcpy(peer.key, key->public_key, sizeof peer.key);
    assert_true(endpoint_format(&peer, text));
}

static void endpoint_of(int port, const certificate_t *key, char text[ENDPOINT_MAX])
{
    endpoint_at("127.0.0.1", port, key, text);
}

// Does news reach the server in the end, while we do once a while what is done once a second?
static bool publishes(bus_t *own, zsock_t *server)
{
    fault_t fault = { 0 };
    bool through = false;
    for (int waited_ms = 0; !through && waited_ms < 2 * REREAD_MS; waited_ms += 100) {
        assert_int_equal(bus_renew_all(&fault), BUS_SAME);
        bus_publish(own, slice_text("staged/x"), slice_text("body"));
        through = arrives(zsock_resolve(server), 100);
    }
    return through;
}

// libzmq gives up for ever after a refusal; we do not. The peer here is another process' worth of
// socket: a CURVE server with the same handler, whose door does not know us at first.
static void tried_again(const char *host, bool reconnected)
{
    fault_t fault = { 0 };
    char path[PATH_MAX];
    assert_true(ring_known_path(folder, "collector.key", path, sizeof path));
    certificate_t again = self_key;
    zsock_t *server = zsock_new(ZMQ_XSUB);
    int port = broker_door(server, &peers[ROLE_BROKER]);
    char text[ENDPOINT_MAX];
    endpoint_at(host, port, &peers[ROLE_BROKER], text);
    bus_t *own = NULL;
    if (reconnected) { // libzmq names a host by its number from the second connection on
        own = bus_connect(BUS_PUB, DOOR_NEWS, text, 10, &fault);
        assert_non_null(own);
        assert_true(publishes(own, server));
    }
    unsigned before = guard_revision();
    assert_int_equal(unlink(path), 0); // nobody knows us
    await_revision(before);
    uint64_t refused = guard_count().refused;
    if (reconnected) {
        zsock_destroy(&server);
        server = zsock_new(ZMQ_XSUB);
        char where[32];
        snprintf(where, sizeof where, "127.0.0.1:%d", port);
        broker_door_at(server, &peers[ROLE_BROKER], where);
    } else
        own = bus_connect(BUS_PUB, DOOR_NEWS, text, 10, &fault);
    assert_non_null(own);
    await_refusals(refused, 1);
    assert_true(certificate_write(&again, path, false, &fault)); // now we are known
    assert_true(publishes(own, server));
    bus_destroy(&own);
    zsock_destroy(&server);
}

static void a_refused_link_is_tried_again(void **state)
{
    (void) state;
    tried_again("127.0.0.1", false);
}

static void a_refused_link_to_a_name_is_tried_again(void **state)
{
    (void) state;
    tried_again("localhost", true);
}

static void await_key(const certificate_t *broker)
{
    for (int waited_ms = 0; !guard_knows(broker->public_key, ROLE_BROKER) && waited_ms < REREAD_MS;
         waited_ms += 10)
        zclock_sleep(10);
}

// libzmq ends all links to one address at once, and gives a PUB no second one: after a listener at
// a fixed port got a new key, the new link must outlive the old one.
static void a_new_key_at_an_old_address_is_linked(void **state)
{
    (void) state;
    fault_t fault = { 0 };
    zsock_t *server = zsock_new(ZMQ_XSUB);
    int port = broker_door(server, &peers[ROLE_BROKER]);
    certificate_t old;
    make_key("broker-2", ROLE_BROKER, &old);
    await_key(&old);
    char before[ENDPOINT_MAX], after[ENDPOINT_MAX];
    endpoint_of(port, &old, before);
    endpoint_of(port, &peers[ROLE_BROKER], after);
    bus_t *own = bus_connect(BUS_PUB, DOOR_NEWS, before, 10, &fault);
    assert_non_null(own);
    assert_true(bus_add(own, after, &fault));
    bus_remove(own, before);
    assert_true(publishes(own, server));
    bus_destroy(&own);
    zsock_destroy(&server);
}

// libzmq may have no room for a link at that moment.
static void a_link_that_cannot_be_begun_again_is_tried_again(void **state)
{
    (void) state;
    fault_t fault = { 0 };
    zsock_t *server = zsock_new(ZMQ_XSUB);
    int port = broker_door(server, &peers[ROLE_BROKER]);
    char wanted[ENDPOINT_MAX], other[ENDPOINT_MAX];
    certificate_t old;
    make_key("broker-2", ROLE_BROKER, &old);
    await_key(&old);
    endpoint_of(port, &old, other);
    endpoint_of(port, &peers[ROLE_BROKER], wanted);
    bus_t *own = bus_connect(BUS_PUB, DOOR_NEWS, other, 10, &fault);
    assert_non_null(own);
    assert_true(bus_add(own, wanted, &fault));
    no_connections = true;
    bus_remove(own, other); // ends both, and would begin this one again
    assert_int_equal(bus_renew_all(&fault), BUS_SAME);
    assert_non_null(strstr(fault.text, "cannot connect to"));
    assert_true(bus_keeps(own, wanted));
    fault.text[0] = '\0';
    assert_int_equal(bus_renew_all(&fault), BUS_SAME);
    assert_string_equal(fault.text, ""); // told once
    no_connections = false;
    assert_true(publishes(own, server));
    bus_destroy(&own);
    zsock_destroy(&server);
}

// A registry may say anything; it must not use up the links that a socket may have.
static void an_endpoint_that_is_none_takes_no_place(void **state)
{
    (void) state;
    fault_t fault = { 0 };
    endpoint_t peer = { .address = "nonsense://host:1", .has_key = true };
    char text[ENDPOINT_MAX];
    memcpy(peer.key, peers[ROLE_BROKER].public_key, sizeof peer.key);
    assert_true(endpoint_format(&peer, text));
    bus_t *own = bus_connect(BUS_PUB, DOOR_NEWS, NULL, 10, &fault);
    assert_non_null(own);
    for (int i = 0; i <= BUS_LINKS_MAX; i++)
        assert_false(bus_add(own, text, &fault));
    assert_false(bus_keeps(own, text));
    endpoint_of(1, &peers[ROLE_BROKER], text);
    if (!bus_add(own, text, &fault))
        fail_msg("%s", fault.text);
    bus_destroy(&own);
}

// Bound and tried, and connected to, at an IPv6 address.
static void over_ipv6_too(void **state)
{
    (void) state;
    if (access("/proc/net/if_inet6", R_OK) != 0) {
        print_message("SKIPPED: this kernel has no IPv6\n");
        skip();
    }
    fault_t fault = { 0 };
    bus_t *listener = bus_bind(BUS_PULL, DOOR_ACK, "tcp://[::1]:*", 10, &fault);
    if (!listener)
        fail_msg("%s", fault.text);
    zsock_t *sock = zsock_new(ZMQ_PUSH);
    zsock_set_ipv6(sock, 1);
    zsock_t *good = client_on(sock, listener, &peers[ROLE_TRANSFORM]);
    assert_true(gets_through(BUS_PULL, listener, good, WAIT_MS));
    zsock_destroy(&good);
    bus_destroy(&listener);
    bus_t *everywhere = bus_bind(BUS_PULL, DOOR_ACK, "tcp://[::]:*", 10, &fault);
    assert_null(everywhere); // nobody could be told where it is
    assert_non_null(strstr(fault.text, "listen.advertise"));
    char text[ENDPOINT_MAX];
    zsock_t *server = zsock_new(ZMQ_XSUB);
    endpoint_at("[::1]", broker_door_at(server, &peers[ROLE_BROKER], "[::1]:*"),
                &peers[ROLE_BROKER], text);
    bus_t *own = bus_connect(BUS_PUB, DOOR_NEWS, text, 10, &fault);
    assert_non_null(own);
    assert_true(publishes(own, server));
    bus_destroy(&own);
    zsock_destroy(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_wrong_roles_are_shut_out_of_every_door, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_right_roles_come_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_strange_key_and_no_key_are_shut_out_of_every_door, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_the_guard_tells_is_not_told_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_spoke_is_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_connects_wants_a_known_key_of_the_right_role, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(revoking_ends_a_living_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_listener_that_is_revoked_is_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_link_is_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_link_to_a_name_is_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_key_at_an_old_address_is_linked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_link_that_cannot_be_begun_again_is_tried_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(over_ipv6_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_endpoint_that_is_none_takes_no_place, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
