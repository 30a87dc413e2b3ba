/*  Tests of sentry: who brings more than one turn may loses the connection, nobody else. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/runtime/life.h"
#include "broker/sentry.h"

enum { BYTES_MAX = 64 << 10, CHUNK = 4 << 10, TIMEOUT_US = 60 * 1000 * 1000 };

typedef struct {
    int door, client, accepted;
} pair_t;

static int listen_at(char endpoint[64])
{
    int door = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in place = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof place;
    assert_int_equal(bind(door, (struct sockaddr *) &place, sizeof place), 0);
    assert_int_equal(listen(door, 8), 0);
    assert_int_equal(getsockname(door, (struct sockaddr *) &place, &size), 0);
    snprintf(endpoint, 64, "tcp://127.0.0.1:%u", (unsigned) ntohs(place.sin_port));
    return door;
}

static pair_t meet(int door)
{
    struct sockaddr_in place;
    socklen_t size = sizeof place;
    assert_int_equal(getsockname(door, (struct sockaddr *) &place, &size), 0);
    pair_t pair = { .door = door, .client = socket(AF_INET, SOCK_STREAM, 0) };
    assert_int_equal(connect(pair.client, (struct sockaddr *) &place, sizeof place), 0);
    pair.accepted = accept(door, NULL, NULL);
    assert_true(pair.accepted >= 0);
    return pair;
}

static void part(pair_t *pair)
{
    close(pair->client);
    close(pair->accepted);
}

// One more piece over the connection, read at the other end. False: it was cut off.
static bool bring(pair_t *pair)
{
    static uint8_t bytes[CHUNK];
    if (send(pair->client, bytes, sizeof bytes, MSG_NOSIGNAL) != CHUNK)
        return false;
    return recv(pair->accepted, bytes, sizeof bytes, MSG_WAITALL) == CHUNK;
}

static bool is_open(const pair_t *pair)
{
    struct pollfd at = { .fd = pair->client, .events = POLLIN };
    return poll(&at, 1, 0) == 0;
}

// In one turn, until somebody is cut off.
static void who_sends_without_end_is_cut_off(void **state)
{
    (void) state;
    char endpoint[64], name[SENTRY_NAME_MAX + 1];
    fault_t fault;
    uint64_t bytes;
    int door = listen_at(endpoint);
    pair_t modest = meet(door), greedy = meet(door);
    sentry_t *sentry = sentry_new(endpoint, BYTES_MAX, &fault);
    assert_non_null(sentry);
    assert_false(sentry_turn(sentry, name, &bytes));
    int64_t end_us = life_mono_us() + TIMEOUT_US;
    assert_true(bring(&modest));
    while (bring(&greedy))
        assert_true(life_mono_us() < end_us);
    assert_true(is_open(&modest));
    assert_true(bring(&modest));
    while (!sentry_turn(sentry, name, &bytes))
        assert_true(life_mono_us() < end_us);
    assert_string_equal(name, "127.0.0.1");
    assert_true(bytes > BYTES_MAX / 2);
    assert_false(sentry_turn(sentry, name, &bytes)); // told once
    sentry_destroy(&sentry);
    assert_null(sentry);
    part(&modest);
    part(&greedy);
    close(door);
}

// Ten times as much as one turn may bring, with a turn for each piece; and long turns that bring
// little.
static void who_lets_others_have_their_turn_may_stay(void **state)
{
    (void) state;
    char endpoint[64], name[SENTRY_NAME_MAX + 1];
    fault_t fault;
    uint64_t bytes;
    int door = listen_at(endpoint);
    pair_t reader = meet(door);
    sentry_t *sentry = sentry_new(endpoint, BYTES_MAX, &fault);
    assert_non_null(sentry);
    for (int i = 0; i < 10 * BYTES_MAX / CHUNK; i++) {
        assert_false(sentry_turn(sentry, name, &bytes));
        assert_true(bring(&reader));
    }
    for (int i = 0; i < 5; i++) {
        assert_false(sentry_turn(sentry, name, &bytes));
        int64_t end_us = life_mono_us() + 4 * SENTRY_TURN_US;
        while (life_mono_us() < end_us)
            continue;
        assert_true(bring(&reader));
    }
    assert_true(is_open(&reader));
    assert_false(sentry_turn(sentry, name, &bytes));
    sentry_destroy(&sentry);
    part(&reader);
    close(door);
}

// What does not listen at that address is none of its business, whatever it brings.
static void other_doors_are_left_alone(void **state)
{
    (void) state;
    char endpoint[64], elsewhere[64], name[SENTRY_NAME_MAX + 1];
    fault_t fault;
    uint64_t bytes;
    int door = listen_at(endpoint), other = listen_at(elsewhere);
    pair_t reader = meet(other);
    sentry_t *sentry = sentry_new(endpoint, BYTES_MAX, &fault);
    assert_non_null(sentry);
    assert_false(sentry_turn(sentry, name, &bytes));
    int64_t end_us = life_mono_us() + 10 * SENTRY_TURN_US;
    do
        assert_true(bring(&reader));
    while (life_mono_us() < end_us);
    assert_false(sentry_turn(sentry, name, &bytes));
    sentry_destroy(&sentry);
    part(&reader);
    close(door);
    close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_sends_without_end_is_cut_off),
        cmocka_unit_test(who_lets_others_have_their_turn_may_stay),
        cmocka_unit_test(other_doors_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
