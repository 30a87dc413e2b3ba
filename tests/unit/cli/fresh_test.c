/*  fresh_test -- the same alert is printed once, also when another broker says it much later. */
#include "actors/cli/fresh.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proto/owned.h"
#include "proto/wire.h"

// An alert is the same by its id, whatever else is in it.
static bool take(fresh_t *fresh, const char *topic, unsigned id, unsigned at)
{
    char text[33];
    snprintf(text, sizeof text, "%032x", id);
    owned(buffer_destroy) buffer_t body = { 0 };
    wire_map(&body, 2);
    wire_string(&body, "at");
    wire_u64(&body, at);
    wire_string(&body, "id");
    wire_string(&body, text);
    return fresh_take(fresh, slice_text(topic), buffer_slice(&body));
}

static void an_alert_is_fresh_once(void **state)
{
    (void) state;
    owned(fresh_destroy) fresh_t *fresh = fresh_new();
    for (unsigned round = 0; round < 3; round++)
        for (unsigned id = 0; id < FRESH_REMEMBERED; id++)
            assert_int_equal(take(fresh, "alert/r/s/", id, round), round == 0);
}

static void the_oldest_is_forgotten(void **state)
{
    (void) state;
    owned(fresh_destroy) fresh_t *fresh = fresh_new();
    for (unsigned id = 0; id < 3 * FRESH_REMEMBERED; id++)
        assert_true(take(fresh, "alert/r/s/", id, 0));
    for (unsigned id = 2 * FRESH_REMEMBERED; id < 3 * FRESH_REMEMBERED; id++)
        assert_false(take(fresh, "alert/r/s/", id, 0));
    assert_true(take(fresh, "alert/r/s/", 2 * FRESH_REMEMBERED - 1, 0));
    assert_true(take(fresh, "alert/r/s/", 2 * FRESH_REMEMBERED, 0)); // which made room for it
}

static void metrics_are_the_same_by_their_bytes(void **state)
{
    (void) state;
    owned(fresh_destroy) fresh_t *fresh = fresh_new();
    assert_true(take(fresh, "metric/s/", 1, 1));
    assert_false(take(fresh, "metric/s/", 1, 1));
    assert_true(take(fresh, "metric/s/", 1, 2));
    assert_true(take(fresh, "metric/t/", 1, 1));
    assert_true(take(fresh, "alert/r/s/", 1, 1));
}

static void health_is_said_once_as_long_as_it_lasts(void **state)
{
    (void) state;
    owned(fresh_destroy) fresh_t *fresh = fresh_new();
    assert_true(take(fresh, "health/work/", 1, 1));
    assert_false(take(fresh, "health/work/", 1, 1));
    assert_true(take(fresh, "health/work/", 2, 1));
}

static void what_is_not_told_apart_is_fresh(void **state)
{
    (void) state;
    owned(fresh_destroy) fresh_t *fresh = fresh_new();
    for (int i = 0; i < 2; i++) {
        assert_true(take(fresh, "staged/feed/me", 1, 1));
        assert_true(fresh_take(fresh, slice_text("alert/r/s/"), slice_text("no map")));
        assert_true(fresh_take(fresh, slice_text("alert/r/s/"), (slice_t){ 0 }));
        assert_true(fresh_take(fresh, (slice_t){ 0 }, (slice_t){ 0 }));
        assert_true(fresh_take(fresh, slice_text("alert/r/s/"), slice_text("\x81\xa2id\x01")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alert_is_fresh_once),
        cmocka_unit_test(the_oldest_is_forgotten),
        cmocka_unit_test(metrics_are_the_same_by_their_bytes),
        cmocka_unit_test(health_is_said_once_as_long_as_it_lasts),
        cmocka_unit_test(what_is_not_told_apart_is_fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
