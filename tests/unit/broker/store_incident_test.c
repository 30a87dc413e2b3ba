/*  store_incident_test -- the view of incidents, against a real redis-server. */
#include "broker/store_incident.h"
#include "tests/unit/broker/store_fixture.h"

static const store_incident_t firing = {
    .rule = { (const uint8_t *) "spike", 5 },
    .series = { (const uint8_t *) "t:ab", 4 },
    .state = { (const uint8_t *) "firing", 6 },
    .id = { (const uint8_t *) "1234", 4 },
    .severity = { (const uint8_t *) "warning", 7 },
    .body = { (const uint8_t *) "{}", 2 },
    .since_us = 5,
    .ts_us = 7,
};

static void answers(const char *command, const char *expected)
{
    assert_string_equal(redis("%s", command), expected);
}

static void an_incident_is_what_was_said_last(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    redis("SET tw:incident:spike:t:ab text > /dev/null"); // whatever stood there
    expect(store, store_incident_put(store, &firing, 1), STORE_OK);
    answers("HMGET tw:incident:spike:t:ab state since ts id severity body",
            "firing\n5\n7\n1234\nwarning\n{}");
    answers("TTL tw:incident:spike:t:ab", "-1");
    store_incident_t both[] = { firing, firing };
    both[1].state = slice_text("resolved");
    both[1].over = true;
    expect(store, store_incident_put(store, both, 2), STORE_OK);
    answers("HGET tw:incident:spike:t:ab state", "resolved");
    answers("TTL tw:incident:spike:t:ab", "604800");
    expect(store, store_incident_put(store, &firing, 1), STORE_OK);
    answers("TTL tw:incident:spike:t:ab", "-1"); // it is on again, and stays
}

static void without_room_it_says_so(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    redis("CONFIG SET maxmemory 1 > /dev/null");
    expect(store, store_incident_put(store, &firing, 1), STORE_FULL);
    redis("CONFIG SET maxmemory 0 > /dev/null");
    answers("EXISTS tw:incident:spike:t:ab", "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_incident_is_what_was_said_last, flush),
        cmocka_unit_test_setup(without_room_it_says_so, flush),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
