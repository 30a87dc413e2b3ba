/*  hub_test -- when viewers are woken, without any. */
#include "actors/api/hub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/owned.h"

static void what_did_not_change_wakes_nobody(void **state)
{
    (void) state;
    owned(hub_destroy) hub_t *hub = hub_new(1);
    int64_t now_us = HUB_PING_US;
    assert_true(hub_health(hub, slice_text("{1}")));
    assert_int_equal(hub_turn(hub, now_us), HUB_PING_US); // all were woken, and pinged
    assert_true(hub_health(hub, slice_text("{1}")));
    assert_int_equal(hub_turn(hub, now_us + 1), HUB_PING_US - 1);
    assert_int_equal(hub_count(hub).events, 1);
    assert_true(hub_health(hub, slice_text("{2}")));
    assert_int_equal(hub_turn(hub, now_us + 2), HUB_TICK_US - 2);
    assert_int_equal(hub_count(hub).events, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_did_not_change_wakes_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
