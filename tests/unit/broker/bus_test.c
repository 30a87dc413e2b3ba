/*  bus: what strangers send is bounded before it is read, and harms nobody. */
#include "broker/bus.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { FRAME_MAX = 1000, WAIT_MS = 5000 };
enum {
    QUEUE = 8,
    FLOOD = 20000, // messages of a byte: more than both queues take
    DUE_MS = 2500, // after which libzmq would have pinged who is gone
};

static void a_frame_that_is_too_large_is_not_read(void **state)
{
    (void) state;
    static uint8_t bytes[FRAME_MAX + 1];
    fault_t fault;
    bus_t *inlet =
        bus_bind_bounded(BUS_PULL, DOOR_PUSH, "tcp://127.0.0.1:*", 10, FRAME_MAX, &fault);
    assert_non_null(inlet);
    bus_t *rude = bus_connect(BUS_PUSH, DOOR_PUSH, bus_endpoint(inlet), 10, &fault);
    bus_t *kind = bus_connect(BUS_PUSH, DOOR_PUSH, bus_endpoint(inlet), 10, &fault);
    assert_true(bus_send(rude, slice_of(bytes, FRAME_MAX), WAIT_MS));
    assert_true(bus_send(rude, slice_of(bytes, FRAME_MAX + 1), WAIT_MS));
    assert_true(bus_send(kind, slice_of(bytes, 1), WAIT_MS));
    size_t taken = 0;
    slice_t frame;
    zmq_pollitem_t wait = { .socket = bus_socket(inlet), .events = ZMQ_POLLIN };
    while (taken < 2 && zmq_poll(&wait, 1, WAIT_MS) > 0)
        while (bus_take(inlet, &frame)) {
            assert_in_range(frame.size, 1, FRAME_MAX);
            taken++;
        }
    assert_int_equal(taken, 2);
    assert_int_equal(zmq_poll(&wait, 1, 200), 0); // the third never comes
    // The rude one may come again.
    int ready = 0;
    for (int tries = 0; ready == 0 && tries < 50; tries++) {
        assert_true(bus_send(rude, slice_of(bytes, 2), WAIT_MS));
        ready = zmq_poll(&wait, 1, 200);
    }
    assert_int_equal(ready, 1);
    assert_true(bus_take(inlet, &frame) && frame.size == 2);
    bus_destroy(&kind);
    bus_destroy(&rude);
    bus_destroy(&inlet);
}

// ---- a stranger without libzmq -----------------------------------------------------------------

static int stranger_at(const bus_t *listener)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    address.sin_port = htons((uint16_t) atoi(strrchr(bus_endpoint(listener), ':') + 1));
    int stranger = socket(AF_INET, SOCK_STREAM, 0);
    const struct timeval wait = { .tv_sec = WAIT_MS / 1000 };
    assert_int_equal(setsockopt(stranger, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait), 0);
    assert_int_equal(connect(stranger, (struct sockaddr *) &address, sizeof address), 0);
    return stranger;
}

static void say(int stranger, const void *bytes, size_t size)
{
    assert_int_equal(send(stranger, bytes, size, MSG_NOSIGNAL), size);
}

// Greeting and READY of ZMTP 3.0; true when the other side has answered both.
static bool shake_hands(int stranger, const char *type)
{
    uint8_t text[128] = { [0] = 0xff, [9] = 0x7f, [10] = 3, [12] = 'N', 'U', 'L', 'L' };
    size_t size = 64, length = strlen(type);
    static const uint8_t head[] = "\4\0\5READY\13Socket-Type\0\0\0"; // lengths are put in
    memcpy(text + size, head, sizeof head);
    text[size + 1] = (uint8_t) (sizeof head + length - 2);
    size += sizeof head;
    text[size - 1] = (uint8_t) length;
    memcpy(text + size, type, length);
    say(stranger, text, size + length);
    size_t heard = 0;
    while (heard < 64 + 2) {
        ssize_t got = recv(stranger, text, sizeof text, 0);
        if (got <= 0)
            return false;
        heard += (size_t) got;
    }
    return true;
}

// Messages without end, and off, without a farewell.
static void flood_and_vanish(const bus_t *listener, const char *type)
{
    static uint8_t flood[FLOOD * 3];
    for (size_t i = 0; i < FLOOD; i++)
        memcpy(flood + 3 * i, "\0\1x", 3);
    int stranger = stranger_at(listener);
    assert_true(shake_hands(stranger, type));
    say(stranger, flood, sizeof flood);
    zmq_poll(NULL, 0, 100); // for the other side to read until it is full
    const struct linger at_once = { .l_onoff = 1 };
    assert_int_equal(setsockopt(stranger, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    close(stranger);
}

static void who_floods_a_giver_and_vanishes_harms_nobody(void **state)
{
    (void) state;
    fault_t fault;
    bus_t *giver = bus_bind(BUS_PUSH, DOOR_RAW, "tcp://127.0.0.1:*", QUEUE, &fault);
    assert_non_null(giver);
    flood_and_vanish(giver, "PULL");
    zmq_poll(NULL, 0, DUE_MS);
    bus_t *taker = bus_connect(BUS_PULL, DOOR_RAW, bus_endpoint(giver), QUEUE, &fault);
    zmq_pollitem_t wait = { .socket = bus_socket(taker), .events = ZMQ_POLLIN };
    bool comes = false;
    for (int tries = 0; !comes && tries < 50; tries++) {
        bus_send(giver, slice_text("record"), 100);
        comes = zmq_poll(&wait, 1, 100) > 0;
    }
    assert_true(comes);
    bus_destroy(&taker);
    bus_destroy(&giver);
}

static void who_floods_a_taker_that_is_busy_and_vanishes_harms_nobody(void **state)
{
    (void) state;
    fault_t fault;
    bus_t *taker = bus_bind(BUS_PULL, DOOR_ACK, "tcp://127.0.0.1:*", QUEUE, &fault);
    assert_non_null(taker);
    flood_and_vanish(taker, "PUSH");
    zmq_poll(NULL, 0, DUE_MS);
    bus_t *kind = bus_connect(BUS_PUSH, DOOR_ACK, bus_endpoint(taker), QUEUE, &fault);
    assert_true(bus_send(kind, slice_text("acknowledgement"), WAIT_MS));
    zmq_pollitem_t wait = { .socket = bus_socket(taker), .events = ZMQ_POLLIN };
    slice_t frame = { 0 };
    while (!slice_is(frame, "acknowledgement")) {
        assert_true(zmq_poll(&wait, 1, WAIT_MS) > 0);
        assert_true(bus_take(taker, &frame));
    }
    bus_destroy(&kind);
    bus_destroy(&taker);
}

static bool is_cut_off(int stranger)
{
    for (;;) {
        uint8_t heard[64];
        ssize_t got = recv(stranger, heard, sizeof heard, 0);
        if (got <= 0)
            return got == 0 || errno == ECONNRESET;
    }
}

// To a peer of ZMTP 1 any bytes are a handshake: a page of a browser would be given records.
static void old_peers_are_none(void **state)
{
    (void) state;
    static const struct {
        const char *text;
        size_t size;
    } said[] = {
        { "\1\0\5\0hello", 9 },                     // ZMTP 1.0
        { "\377\0\0\0\0\0\0\0\1\177\1\7\0\0", 14 }, // ZMTP 2.0
        { "GET / HTTP/1.1\r\n\r\n", 18 },
    };
    fault_t fault;
    bus_t *giver = bus_bind(BUS_PUSH, DOOR_RAW, "tcp://127.0.0.1:*", QUEUE, &fault);
    assert_non_null(giver);
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        int stranger = stranger_at(giver);
        say(stranger, said[i].text, said[i].size);
        assert_true(is_cut_off(stranger));
        assert_false(bus_send(giver, slice_text("record"), 0));
        close(stranger);
    }
    bus_destroy(&giver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_that_is_too_large_is_not_read),
        cmocka_unit_test(who_floods_a_giver_and_vanishes_harms_nobody),
        cmocka_unit_test(who_floods_a_taker_that_is_busy_and_vanishes_harms_nobody),
        cmocka_unit_test(old_peers_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
