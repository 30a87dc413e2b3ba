/*  strangers and door: who is told of, and who may do what. */
#include "broker/trust/strangers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "broker/trust/door.h"

static void once_a_minute(void **state)
{
    (void) state;
    static strangers_t self;
    self = (strangers_t){ 0 };
    uint64_t times;
    assert_true(strangers_tell(&self, "10.0.0.1", 1000, &times));
    assert_int_equal(times, 1);
    for (int i = 0; i < 100; i++)
        assert_false(strangers_tell(&self, "10.0.0.1", 1000 + i, &times));
    assert_true(strangers_tell(&self, "10.0.0.2", 1100, &times));
    assert_int_equal(times, 1);
    assert_false(strangers_tell(&self, "10.0.0.1", 1000 + STRANGERS_PAUSE_MS - 1, &times));
    assert_true(strangers_tell(&self, "10.0.0.1", 1000 + STRANGERS_PAUSE_MS, &times));
    assert_int_equal(times, 102);
}

// Ten thousand addresses that each come ten times: no line for each of them, none forgotten.
static void many(void **state)
{
    (void) state;
    static strangers_t self;
    self = (strangers_t){ 0 };
    uint64_t told = 0, counted = 0, times;
    int64_t now_ms = 0;
    for (int turn = 0; turn < 10; turn++)
        for (int i = 0; i < 10000; i++) {
            char address[32];
            snprintf(address, sizeof address, "10.0.%d.%d", i / 256, i % 256);
            if (strangers_tell(&self, address, now_ms++ / 10, &times)) {
                told++;
                counted += times;
            }
        }
    assert_in_range(told, 1, STRANGERS_KNOWN + 2);
    for (unsigned i = 0; i <= STRANGERS_KNOWN; i++)
        counted += self.items[i].untold;
    assert_int_equal(counted, 100000);
}

static void an_address_that_went_makes_room(void **state)
{
    (void) state;
    static strangers_t self;
    self = (strangers_t){ 0 };
    uint64_t times;
    char address[32];
    for (int i = 0; i < STRANGERS_KNOWN; i++) {
        snprintf(address, sizeof address, "a%d", i);
        assert_true(strangers_tell(&self, address, 0, &times));
    }
    assert_true(strangers_tell(&self, "late", STRANGERS_PAUSE_MS, &times));
    assert_false(strangers_tell(&self, "late", STRANGERS_PAUSE_MS + 1, &times));
}

static void publishing(void **state)
{
    (void) state;
    static const char *const topics[] = { "staged/a/b", "metric/x/", "alert/r/s/", "health/work/",
                                          "hugz/",      "",          "alert",      "ALERT/" };
    for (unsigned r = 0; r < ROLES_OF_KEYS; r++)
        for (size_t t = 0; t < sizeof topics / sizeof *topics; t++) {
            bool may = (r == ROLE_COLLECTOR && t == 0) || (r == ROLE_TRANSFORM && t == 1) ||
                       (r == ROLE_NOTIFIER && (t == 2 || t == 3));
            assert_int_equal(door_may_publish((role_t) r, slice_text(topics[t])), may);
        }
}

static void words(void **state)
{
    (void) state;
    role_t role;
    door_t door;
    for (unsigned r = 0; r < ROLES_OF_KEYS; r++)
        assert_true(role_parse(role_name((role_t) r), &role) && role == r);
    for (unsigned d = 0; d < DOORS; d++) {
        assert_true(door_parse(slice_text(door_name((door_t) d)), &door) && door == d);
        assert_false(door_admits((door_t) d, door_keeper((door_t) d)));
    }
    assert_false(role_parse("", &role));
    assert_false(door_parse(slice_text("raw "), &door));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(once_a_minute),
        cmocka_unit_test(many),
        cmocka_unit_test(an_address_that_went_makes_room),
        cmocka_unit_test(publishing),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
