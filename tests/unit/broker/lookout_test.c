/*  lookout: strangers at a listening socket are counted, each of them once, and told once a minute
 *  and address; peers are not. Without keys; with keys: guard_test.
 */
#include "broker/trust/lookout.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/bus.h"

enum { QUEUE = 10, WAIT_MS = 5000, LONG_MS = HANDSHAKES_DECIDED_MS + 3000, QUIET_MS = 300 };

#define GREETING(mechanism) "\377\0\0\0\0\0\0\0\1\177\3\0" mechanism
enum { GREETING_BYTES = 64 };

static bus_t *listener;

static int set_up(void **state)
{
    (void) state;
    fault_t fault;
    listener = bus_bind(BUS_PULL, DOOR_ACK, "tcp://127.0.0.1:*", QUEUE, &fault);
    return listener ? 0 : -1;
}

static int tear_down(void **state)
{
    (void) state;
    bus_destroy(&listener);
    lookout_line_t line;
    while (lookout_take(&line))
        continue;
    return 0;
}

// Each comes from an address of its own, 127.0.0.<host>, as what is told is told for each.
static int stranger_at(const bus_t *bus, uint8_t host)
{
    struct sockaddr_in from = { .sin_family = AF_INET }, to = from;
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + host);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t) atoi(strrchr(bus_endpoint(bus), ':') + 1));
    int stranger = socket(AF_INET, SOCK_STREAM, 0);
    const struct timeval wait = { .tv_sec = 2 * WAIT_MS / 1000 };
    assert_int_equal(setsockopt(stranger, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait), 0);
    assert_int_equal(bind(stranger, (struct sockaddr *) &from, sizeof from), 0);
    assert_int_equal(connect(stranger, (struct sockaddr *) &to, sizeof to), 0);
    return stranger;
}

static void say(int stranger, const void *bytes, size_t size)
{
    assert_int_equal(send(stranger, bytes, size, MSG_NOSIGNAL), size);
}

static void await_end(int stranger)
{
    char heard[256];
    ssize_t got;
    do
        got = recv(stranger, heard, sizeof heard, 0);
    while (got > 0);
    assert_true(got == 0 || errno == ECONNRESET);
}

static void await_count(uint64_t count, int wait_ms)
{
    for (int waited_ms = 0; lookout_count() < count && waited_ms < wait_ms; waited_ms += 10)
        zmq_poll(NULL, 0, 10);
    assert_int_equal(lookout_count(), count);
}

static void expect_line(const char *peer, handshake_fault_t fault, uint64_t times)
{
    lookout_line_t line;
    assert_true(lookout_take(&line));
    assert_string_equal(line.peer, peer);
    assert_string_equal(handshake_fault_text(line.fault), handshake_fault_text(fault));
    assert_int_equal(line.door, DOOR_ACK);
    assert_int_equal(line.times, times);
}

static void expect_no_line(void)
{
    lookout_line_t line;
    assert_false(lookout_take(&line));
}

static bus_t *peer_that_came_in(void)
{
    fault_t fault;
    bus_t *peer = bus_connect(BUS_PUSH, DOOR_ACK, bus_endpoint(listener), QUEUE, &fault);
    assert_non_null(peer);
    assert_true(bus_send(peer, slice_text("frame"), WAIT_MS));
    zmq_pollitem_t wait = { .socket = bus_socket(listener), .events = ZMQ_POLLIN };
    slice_t frame;
    assert_int_equal(zmq_poll(&wait, 1, WAIT_MS), 1);
    assert_true(bus_take(listener, &frame));
    return peer;
}

// ---- each alone --------------------------------------------------------------------------------

static const struct {
    const char *what;
    char text[96]; // zeros to its end
    size_t size;
    bool leaves; // or waits until it is cut off
    handshake_fault_t fault;
} strangers[] = {
    { "nothing, and leaves", "", 0, true, HANDSHAKE_LEFT },
    { "half a signature, and leaves", "\377\0\0\0", 4, true, HANDSHAKE_LEFT },
    { "half a greeting, and leaves", GREETING("NULL"), 30, true, HANDSHAKE_LEFT },
    { "a greeting, and leaves", GREETING("NULL"), GREETING_BYTES, true, HANDSHAKE_LEFT },
    { "HTTP", "GET / HTTP/1.1\r\n\r\n", 18, false, HANDSHAKE_FOREIGN },
    { "noise", "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20", 16, false, HANDSHAKE_FOREIGN },
    { "ZMTP 1.0", "\1\0\5\0hello", 9, false, HANDSHAKE_FOREIGN },
    { "ZMTP 2.0", "\377\0\0\0\0\0\0\0\1\177\1\7\0\0", 14, false, HANDSHAKE_FOREIGN },
    { "PLAIN", GREETING("PLAIN"), GREETING_BYTES, false, HANDSHAKE_MECHANISM },
    { "a command that is none",
      GREETING("NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
               "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
               "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
               "\4\5XXXXX"),
      GREETING_BYTES + 7, false, HANDSHAKE_GARBLED },
    { "an error",
      GREETING("NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
               "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
               "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
               "\4\12\5ERROR\003400"),
      GREETING_BYTES + 12, false, HANDSHAKE_GARBLED },
    { "nothing", "", 0, false, HANDSHAKE_LATE },
    { "half a greeting", GREETING("NULL"), 30, false, HANDSHAKE_LATE },
};
enum { STRANGERS = sizeof strangers / sizeof *strangers };

static void each_is_counted_and_told_with_what_was_wrong(void **state)
{
    (void) state;
    for (size_t i = 0; i < STRANGERS; i++) {
        uint64_t before = lookout_count();
        char address[32];
        snprintf(address, sizeof address, "127.0.0.%zu", i + 10);
        int stranger = stranger_at(listener, (uint8_t) (i + 10));
        zmq_poll(NULL, 0, 50); // that it may be asked who it is
        say(stranger, strangers[i].text, strangers[i].size);
        if (!strangers[i].leaves)
            await_end(stranger);
        close(stranger);
        print_message("%s\n", strangers[i].what);
        await_count(before + 1, WAIT_MS);
        expect_line(address, strangers[i].fault, 1);
        expect_no_line();
    }
}

static void a_peer_is_not_counted(void **state)
{
    (void) state;
    uint64_t before = lookout_count();
    bus_t *peer = peer_that_came_in();
    bus_destroy(&peer);
    zmq_poll(NULL, 0, QUIET_MS);
    assert_int_equal(lookout_count(), before);
    bus_t *other = peer_that_came_in();
    bus_destroy(&listener); // before the peer
    assert_int_equal(lookout_count(), before);
    expect_no_line();
    bus_destroy(&other);
}

// ---- crowds ------------------------------------------------------------------------------------

// Of all kinds at a time, peers among them who stay and who leave.
static void in_a_crowd_all_are_counted_and_told_once(void **state)
{
    (void) state;
    enum { CROWD = 10 * STRANGERS };
    uint64_t before = lookout_count();
    int crowd[CROWD];
    bus_t *stays = NULL, *leaves = NULL;
    for (size_t i = 0; i < CROWD; i++) {
        crowd[i] = stranger_at(listener, 100);
        if (i == CROWD / 4)
            stays = peer_that_came_in();
        if (i == CROWD / 2)
            leaves = peer_that_came_in();
        say(crowd[i], strangers[i % STRANGERS].text, strangers[i % STRANGERS].size);
        if (strangers[i % STRANGERS].leaves)
            close(crowd[i]);
    }
    bus_destroy(&leaves);
    for (size_t i = 0; i < CROWD; i++)
        if (!strangers[i % STRANGERS].leaves) {
            await_end(crowd[i]);
            close(crowd[i]);
        }
    await_count(before + CROWD, LONG_MS);
    zmq_poll(NULL, 0, QUIET_MS);
    assert_int_equal(lookout_count(), before + CROWD);
    lookout_line_t line;
    unsigned lines = 0, known = 0;
    for (; lookout_take(&line); lines++) {
        known += strcmp(line.peer, "127.0.0.100") == 0;
        // Who is gone when it is asked of is nobody, or whoever came in its place.
        assert_true(known == 1 || strcmp(line.peer, "unknown") == 0 ||
                    strcmp(line.peer, "127.0.0.1") == 0);
    }
    assert_true(known == 1 && lines <= 3);
    bus_destroy(&stays);
}

// What happened until a socket goes is counted when it has gone.
static void nothing_is_lost_when_a_socket_goes(void **state)
{
    (void) state;
    enum { SOCKETS = 20 };
    uint64_t before = lookout_count();
    for (unsigned i = 0; i < SOCKETS; i++) {
        fault_t fault;
        bus_t *one = bus_bind(BUS_PULL, DOOR_ROWS, "tcp://127.0.0.1:*", QUEUE, &fault);
        assert_non_null(one);
        int stranger = stranger_at(one, 101);
        say(stranger, "GET / HTTP/1.1\r\n\r\n", 18);
        await_end(stranger);
        bus_destroy(&one);
        assert_int_equal(lookout_count(), before + i + 1);
        close(stranger);
    }
}

static void a_process_without_listeners_has_no_lookout(void **state)
{
    (void) state;
    lookout_t *none = NULL;
    lookout_destroy(&none);
    fault_t fault;
    bus_t *one = bus_connect(BUS_PUSH, DOOR_ACK, NULL, QUEUE, &fault);
    assert_non_null(one);
    bus_destroy(&one);
    expect_no_line();
}

static void over_a_unix_socket_peers_are_local(void **state)
{
    (void) state;
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    snprintf(to.sun_path, sizeof to.sun_path, "/tmp/lookout_test_%d", (int) getpid());
    char endpoint[128];
    snprintf(endpoint, sizeof endpoint, "ipc://%s", to.sun_path);
    fault_t fault;
    bus_t *one = bus_bind(BUS_PULL, DOOR_ACK, endpoint, QUEUE, &fault);
    assert_non_null(one);
    uint64_t before = lookout_count();
    int stranger = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(stranger, (struct sockaddr *) &to, sizeof to), 0);
    zmq_poll(NULL, 0, 50);
    say(stranger, "GET / HTTP/1.1\r\n\r\n", 18);
    await_end(stranger);
    close(stranger);
    await_count(before + 1, WAIT_MS);
    expect_line("local", HANDSHAKE_FOREIGN, 1);
    bus_destroy(&one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_is_counted_and_told_with_what_was_wrong, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_peer_is_not_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(in_a_crowd_all_are_counted_and_told_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_lost_when_a_socket_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(over_a_unix_socket_peers_are_local, set_up, tear_down),
        cmocka_unit_test(a_process_without_listeners_has_no_lookout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
