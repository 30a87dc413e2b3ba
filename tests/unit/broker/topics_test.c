/*  topics: the account of what readers ask for stays in balance, has a bound, and names who has
 *  the most with all of his connections.
 */
#include "broker/topics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint8_t secret[TOPICS_SECRET_BYTES] = "0123456789abcde";

static slice_t topic_of(unsigned number)
{
    static char text[32];
    return slice_of(text, (size_t) snprintf(text, sizeof text, "alert/r/%u/", number));
}

static int make(void **state)
{
    *state = topics_new(secret);
    return *state ? 0 : -1;
}

static int unmake(void **state)
{
    topics_t *self = *state;
    topics_destroy(&self);
    return 0;
}

static void what_comes_and_goes_leaves_nothing(void **state)
{
    topics_t *self = *state;
    enum { MOST = 20000, ROUNDS = 20 };
    topic_way_t way;
    unsigned seed = 7;
    static bool there[MOST];
    for (int i = 0; i < ROUNDS * MOST; i++) {
        unsigned n = (unsigned) rand_r(&seed) % MOST;
        if (there[n]) {
            assert_true(topics_remove(self, topic_of(n), &way));
            assert_int_equal(way, n % 3);
        } else {
            assert_true(topics_add(self, topic_of(n), "reader", 5, (topic_way_t) (n % 3)));
        }
        there[n] = !there[n];
    }
    size_t bytes = 0;
    for (unsigned n = 0; n < MOST; n++)
        bytes += there[n] ? topic_of(n).size + TOPICS_EACH_BYTES : 0;
    assert_int_equal(topics_bytes(self), bytes);
    for (unsigned n = 0; n < MOST; n++)
        assert_int_equal(topics_remove(self, topic_of(n), &way), there[n]);
    assert_int_equal(topics_bytes(self), 0);
}

static void a_topic_that_is_told_twice_counts_once(void **state)
{
    topics_t *self = *state;
    topic_way_t way;
    assert_true(topics_add(self, topic_of(1), "a", 5, TOPIC_ASKED_ITSELF));
    assert_true(topics_add(self, topic_of(1), "b", 6, TOPIC_NOT_ASKED));
    assert_int_equal(topics_bytes(self), topic_of(1).size + TOPICS_EACH_BYTES);
    assert_true(topics_remove(self, topic_of(1), &way));
    assert_int_equal(way, TOPIC_ASKED_ITSELF);
    assert_false(topics_remove(self, topic_of(1), &way));
}

// The shortest topics are the most that there can be; then one more is refused, and one that goes
// makes room for another.
static void a_full_one_refuses(void **state)
{
    topics_t *self = *state;
    uint32_t number = 0;
    while (topics_add(self, slice_of(&number, number < 256 ? 1 : 3), "a", 5, TOPIC_NOT_ASKED))
        number++;
    assert_in_range(topics_bytes(self), TOPICS_BYTES_MAX - 32, TOPICS_BYTES_MAX);
    topic_way_t way;
    uint32_t gone = 300;
    assert_true(topics_remove(self, slice_of(&gone, 3), &way));
    assert_true(topics_add(self, slice_of(&number, 3), "a", 5, TOPIC_NOT_ASKED));
    topics_clear(self);
    assert_int_equal(topics_bytes(self), 0);
    assert_true(topics_add(self, topic_of(1), "a", 5, TOPIC_NOT_ASKED));
}

static void who_has_the_most_is_evicted(void **state)
{
    topics_t *self = *state;
    for (unsigned n = 0; n < 300; n++)
        assert_true(topics_add(self, topic_of(n), n % 3 ? "greedy" : "modest", (int) (n % 3),
                               TOPIC_NOT_ASKED));
    size_t before = topics_bytes(self), bytes;
    char owner[TOPICS_NAME_MAX + 1];
    int links[8];
    assert_int_equal(topics_evict(self, owner, links, 8, &bytes), 2);
    assert_string_equal(owner, "greedy");
    assert_int_equal(links[0] + links[1], 3);
    assert_int_equal(topics_evicted_bytes(self), bytes);
    assert_int_equal(topics_bytes(self), before); // until libzmq tells that they are gone
    topic_way_t way;
    for (unsigned n = 0; n < 300; n++)
        if (n % 3)
            assert_true(topics_remove(self, topic_of(n), &way));
    assert_int_equal(topics_evicted_bytes(self), 0);
    assert_int_equal(topics_bytes(self), before - bytes);
    assert_int_equal(topics_evict(self, owner, links, 8, &bytes), 1);
    assert_string_equal(owner, "modest");
    assert_int_equal(topics_evict(self, owner, links, 8, &bytes), 0);
}

// More connections than are asked for at once: the rest stays on his account, and is next.
static void many_connections_go_in_turns(void **state)
{
    topics_t *self = *state;
    for (unsigned n = 0; n < 10; n++)
        assert_true(topics_add(self, topic_of(n), "greedy", (int) n, TOPIC_NOT_ASKED));
    size_t bytes, seen = 0;
    char owner[TOPICS_NAME_MAX + 1];
    int links[4];
    for (unsigned turn = 0; turn < 3; turn++)
        seen += topics_evict(self, owner, links, 4, &bytes);
    assert_int_equal(seen, 10);
    assert_int_equal(topics_evicted_bytes(self), topics_bytes(self));
}

// Names beyond those that are told apart share one account; none is lost.
static void many_owners(void **state)
{
    topics_t *self = *state;
    topic_way_t way;
    char name[32];
    for (unsigned n = 0; n < 2 * TOPICS_OWNERS_MAX; n++) {
        snprintf(name, sizeof name, "o%u", n);
        assert_true(topics_add(self, topic_of(n), name, (int) n, TOPIC_NOT_ASKED));
    }
    size_t bytes;
    static int links[TOPICS_OWNERS_MAX];
    char owner[TOPICS_NAME_MAX + 1];
    assert_int_equal(topics_evict(self, owner, links, TOPICS_OWNERS_MAX, &bytes),
                     TOPICS_OWNERS_MAX);
    assert_string_equal(owner, "others");
    for (unsigned n = 0; n < 2 * TOPICS_OWNERS_MAX; n++)
        assert_true(topics_remove(self, topic_of(n), &way));
    assert_int_equal(topics_bytes(self), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_comes_and_goes_leaves_nothing, make, unmake),
        cmocka_unit_test_setup_teardown(a_topic_that_is_told_twice_counts_once, make, unmake),
        cmocka_unit_test_setup_teardown(a_full_one_refuses, make, unmake),
        cmocka_unit_test_setup_teardown(who_has_the_most_is_evicted, make, unmake),
        cmocka_unit_test_setup_teardown(many_connections_go_in_turns, make, unmake),
        cmocka_unit_test_setup_teardown(many_owners, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
