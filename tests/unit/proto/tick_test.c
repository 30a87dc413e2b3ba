/*  tick: bytes that logs have for ever, and those of earlier builds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/tick.h"
#include "tests/unit/proto/golden.h"

static void a_tick_comes_back(void **state)
{
    (void) state;
    const tick_t tick = { .up_us = 0x1122334455667788, .since_us = 1700000000000000 };
    uint8_t bytes[TICK_BYTES];
    tick_encode(&tick, bytes);
    golden_same("tick-v1.bin", slice_of(bytes, sizeof bytes));
    tick_t read = { 0 };
    assert_true(tick_decode(&read, slice_of(bytes, sizeof bytes)));
    assert_true(read.up_us == tick.up_us && read.since_us == tick.since_us);
}

// The first form says how long alone, and nothing of since when.
static void what_is_a_tick(void **state)
{
    (void) state;
    uint8_t bytes[TICK_BYTES + 1] = { 7 };
    for (size_t size = 0; size <= sizeof bytes; size++) {
        tick_t read = { .since_us = 5 };
        bool good = tick_decode(&read, slice_of(bytes, size));
        assert_int_equal(good, size == TICK_BYTES_FIRST || size == TICK_BYTES);
        assert_true(!good || (read.up_us == 7 && read.since_us == 0));
    }
    bytes[TICK_BYTES - 1] = 0x80; // before 1970
    assert_false(tick_decode(&(tick_t){ 0 }, slice_of(bytes, TICK_BYTES)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tick_comes_back),
        cmocka_unit_test(what_is_a_tick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
