/*  bus: what strangers send is bounded before it is read. */
#include "broker/bus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { FRAME_MAX = 1000, WAIT_MS = 5000 };

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_that_is_too_large_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
