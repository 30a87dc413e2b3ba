/*  schedule: due times, jitter from the seed, back-off, Retry-After. */
#include "actors/collector/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)

static const budget_t generous = { 1000, SECOND };
static const answer_t good = { .kind = ANSWER_GOOD }, bad = { .kind = ANSWER_BAD };

// All of them of one host.
static schedule_t *of_one_host(const int64_t *every, size_t count, uint64_t seed, int64_t now)
{
    schedule_source_t sources[32];
    assert_true(count <= 32);
    for (size_t i = 0; i < count; i++)
        sources[i] = (schedule_source_t){ every[i], 0 };
    return schedule_new(sources, count, &generous, 1, seed, now);
}

static int take(schedule_t *schedule, int64_t now)
{
    int64_t late;
    return schedule_take(schedule, now, &late);
}

static void first_polls_come_at_once(void **state)
{
    (void) state;
    int64_t every[20];
    for (int i = 0; i < 20; i++)
        every[i] = 60 * SECOND;
    schedule_t *schedule = of_one_host(every, 20, 7, 1000);
    assert_int_equal(schedule_next_us(schedule), 1000);
    assert_int_equal(take(schedule, 1000), 0);
    bool taken[20] = { true };
    for (int i = 1; i < 20; i++) {
        int source = take(schedule, 1000 + SECOND);
        assert_in_range(source, 1, 19);
        assert_false(taken[source]); // one that is under way is not taken again
        taken[source] = true;
    }
    assert_int_equal(take(schedule, 1000 + 3600 * SECOND), -1);
    assert_true(schedule_next_us(schedule) == INT64_MAX);
    schedule_destroy(&schedule);
    assert_null(schedule);
}

static void polls_keep_their_pace(void **state)
{
    (void) state;
    int64_t every = 10 * SECOND;
    schedule_t *schedule = of_one_host(&every, 1, 42, 0);
    int64_t now = 0;
    bool varied = false;
    for (int i = 0; i < 200; i++) {
        now = schedule_next_us(schedule);
        assert_int_equal(take(schedule, now), 0);
        int64_t due = now;
        now += 2 * SECOND; // a slow server: the pace stays that of the settings
        schedule_done(schedule, 0, &good, false, now);
        int64_t gap = schedule_next_us(schedule) - due;
        assert_in_range(gap, 9.5 * SECOND, 10.5 * SECOND);
        varied |= gap != 10 * SECOND;
    }
    assert_true(varied);
    assert_in_range(now, 1940 * SECOND, 2060 * SECOND);
    schedule_destroy(&schedule);
}

static void slower_than_its_pace_is_not_made_up_for(void **state)
{
    (void) state;
    int64_t every = SECOND;
    schedule_t *schedule = of_one_host(&every, 1, 1, 0);
    assert_int_equal(take(schedule, 0), 0);
    schedule_done(schedule, 0, &good, false, 30 * SECOND);
    assert_int_equal(take(schedule, 30 * SECOND), 0);
    schedule_done(schedule, 0, &good, false, 30 * SECOND + 1);
    assert_int_equal(take(schedule, 30 * SECOND + 2), -1);
    schedule_destroy(&schedule);
}

static int64_t fail_once(schedule_t *schedule, int64_t *now, int64_t retry_after_us)
{
    *now = schedule_next_us(schedule);
    assert_int_equal(take(schedule, *now), 0);
    answer_t answer = { .kind = ANSWER_BAD, .retry_after_us = retry_after_us };
    schedule_done(schedule, 0, &answer, false, *now);
    return schedule_next_us(schedule) - *now;
}

static void failures_back_off(void **state)
{
    (void) state;
    int64_t every = 2 * SECOND, now = 0;
    schedule_t *schedule = of_one_host(&every, 1, 3, 0);
    int64_t expected = 2 * every;
    for (int i = 0; i < 12; i++) {
        int64_t pause = fail_once(schedule, &now, 0);
        assert_in_range(pause, expected / 10 * 8, expected / 10 * 12);
        expected = expected * 2 < GATE_BACKOFF_US_MAX ? expected * 2 : GATE_BACKOFF_US_MAX;
    }
    now = schedule_next_us(schedule);
    assert_int_equal(take(schedule, now), 0);
    schedule_done(schedule, 0, &good, false, now); // and all is forgiven
    assert_in_range(schedule_next_us(schedule) - now, 1.8 * SECOND, 2.2 * SECOND);
    schedule_destroy(&schedule);
}

static void a_long_pace_is_never_shortened_by_failing(void **state)
{
    (void) state;
    int64_t every = 3600 * SECOND, now = 0;
    schedule_t *schedule = of_one_host(&every, 1, 3, 0);
    for (int i = 0; i < 5; i++)
        assert_in_range(fail_once(schedule, &now, 0), every / 10 * 8, every / 10 * 12);
    schedule_destroy(&schedule);
}

static void servers_are_listened_to_within_reason(void **state)
{
    (void) state;
    int64_t every = SECOND, now = 0;
    schedule_t *schedule = of_one_host(&every, 1, 3, 0);
    assert_int_equal(fail_once(schedule, &now, 120 * SECOND), 120 * SECOND);
    assert_int_equal(fail_once(schedule, &now, 86400 * 365 * SECOND),
                     (int64_t) GATE_RETRY_AFTER_S_MAX * SECOND);
    schedule_destroy(&schedule);
}

static void who_is_held_back_is_told(void **state)
{
    (void) state;
    const answer_t refused = { .kind = ANSWER_REFUSED, .retry_after_us = 100 * SECOND };
    int64_t every[] = { 10 * SECOND, 10 * SECOND }, due;
    schedule_t *schedule = of_one_host(every, 2, 5, 0);
    assert_int_equal(take(schedule, 0), 0);
    schedule_done(schedule, 0, &refused, false, 0);
    assert_int_equal(schedule_held_us(schedule, 1, 2 * SECOND, &due), 98 * SECOND);
    assert_in_range(due, 0, SECOND);
    assert_int_equal(schedule_held_us(schedule, 0, 2 * SECOND, &due), 0); // not due for 10 s
    assert_int_equal(schedule_held_us(schedule, 1, 100 * SECOND, &due), 0);
    schedule_destroy(&schedule);
}

static void same_seed_same_times(void **state)
{
    (void) state;
    int64_t every[] = { SECOND, 5 * SECOND, 7 * SECOND };
    schedule_t *one = of_one_host(every, 3, 99, 0), *two = of_one_host(every, 3, 99, 0);
    for (int i = 0; i < 300; i++) {
        int64_t now = schedule_next_us(one);
        assert_int_equal(now, schedule_next_us(two));
        int source = take(one, now);
        assert_int_equal(source, take(two, now));
        schedule_done(one, source, i % 3 ? &good : &bad, false, now);
        schedule_done(two, source, i % 3 ? &good : &bad, false, now);
    }
    schedule_destroy(&one);
    schedule_destroy(&two);
}

// A thousand sources, each when it is due, whatever the order in which they come back.
static void the_order_is_that_of_the_times(void **state)
{
    (void) state;
    enum { SOURCES = 1000, HOSTS = 7, POLLS = 20000 };
    static schedule_source_t sources[SOURCES];
    budget_t budgets[HOSTS];
    for (int i = 0; i < HOSTS; i++)
        budgets[i] = (budget_t){ 100000, SECOND };
    for (int i = 0; i < SOURCES; i++)
        sources[i] = (schedule_source_t){ SECOND + i * 1000, (unsigned) i % HOSTS };
    schedule_t *schedule = schedule_new(sources, SOURCES, budgets, HOSTS, 5, 0);
    static int polls[SOURCES];
    int64_t now = 0;
    for (int i = 0; i < POLLS; i++) {
        int64_t late, next = schedule_next_us(schedule);
        assert_true(next >= now);
        now = next;
        int source = schedule_take(schedule, now, &late);
        assert_in_range(source, 0, SOURCES - 1);
        assert_int_equal(late, 0); // nothing that is due before it was left behind
        polls[source]++;
        schedule_done(schedule, source, &good, false, now);
    }
    for (int i = 0; i < SOURCES; i++) { // fairly: by their pace
        double wanted = (double) now / (double) sources[i].every_us;
        assert_in_range(polls[i], (int) (wanted * 0.9) - 2, (int) (wanted * 1.1) + 2);
    }
    schedule_destroy(&schedule);
}

static void a_budget_is_shared_and_kept(void **state)
{
    (void) state;
    enum { SOURCES = 20, HOSTS = 2 };
    schedule_source_t sources[SOURCES];
    const budget_t budgets[HOSTS] = { { 5, SECOND }, { 1000, SECOND } };
    for (int i = 0; i < SOURCES; i++)
        sources[i] = (schedule_source_t){ SECOND, i < SOURCES / 2 ? 0 : 1 };
    schedule_t *schedule = schedule_new(sources, SOURCES, budgets, HOSTS, 5, 0);
    int polls[HOSTS] = { 0 }, each[SOURCES] = { 0 };
    for (int64_t now = 0; now < 60 * SECOND; now = schedule_next_us(schedule)) {
        int source = take(schedule, now);
        polls[sources[source].host]++;
        each[source]++;
        schedule_done(schedule, source, &good, false, now);
    }
    int64_t due;
    assert_int_equal(schedule_held_us(schedule, SOURCES - 1, 0, &due), 0); // not even due
    assert_in_range(polls[0], 295, 305); // all that it allows, and no more
    assert_in_range(polls[1], 580, 620); // the other host is not held up
    for (int i = 0; i < SOURCES / 2; i++)
        assert_in_range(each[i], 28, 32); // fairly
    schedule_destroy(&schedule);
}

static void another_page_is_asked_for_at_once(void **state)
{
    (void) state;
    int64_t every[] = { 10 * SECOND, 10 * SECOND };
    schedule_t *schedule = of_one_host(every, 2, 5, 0);
    int64_t late;
    assert_int_equal(take(schedule, 0), 0);
    schedule_done(schedule, 0, &good, true, 1000);
    assert_int_equal(schedule_next_us(schedule), 0);
    assert_int_equal(schedule_take(schedule, 1000, &late), 0);
    assert_int_equal(late, -1); // it is no poll of its own
    schedule_done(schedule, 0, &good, false, 2000);
    assert_int_equal(take(schedule, SECOND), 1);
    assert_in_range(schedule_next_us(schedule), 9.5 * SECOND, 10.5 * SECOND);
    schedule_destroy(&schedule);
}

// One host is away: one poll at a time finds out, and the rest wait with it; the other host's go
// on.
static void a_host_that_is_away_is_tried_by_one(void **state)
{
    (void) state;
    const answer_t none = { .kind = ANSWER_NONE };
    enum { SOURCES = 40 };
    schedule_source_t sources[SOURCES + 1];
    const budget_t budgets[2] = { { 1000, SECOND }, { 1000, SECOND } };
    for (int i = 0; i <= SOURCES; i++)
        sources[i] = (schedule_source_t){ SECOND, i == SOURCES };
    schedule_t *schedule = schedule_new(sources, SOURCES + 1, budgets, 2, 5, 0);
    int polls = 0, others = 0;
    for (int64_t now = 0; now < 600 * SECOND; now = schedule_next_us(schedule)) {
        int source = take(schedule, now);
        if (source == SOURCES)
            others++;
        else
            polls++;
        schedule_done(schedule, source, source == SOURCES ? &good : &none, false, now);
    }
    assert_in_range(polls, 5, 12); // 2, 4, 8 ... 300 seconds
    assert_in_range(others, 570, 630);
    // It is back: all of them are.
    int64_t now = 0, until = INT64_MAX;
    bool seen[SOURCES] = { false };
    for (int count = 0; count < SOURCES;) {
        now = schedule_next_us(schedule);
        assert_true(now < until);
        int source = take(schedule, now);
        schedule_done(schedule, source, &good, false, now);
        if (source == SOURCES || seen[source])
            continue;
        if (count++ == 0)
            until = now + 2 * SECOND;
        seen[source] = true;
    }
    schedule_destroy(&schedule);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_polls_come_at_once),
        cmocka_unit_test(polls_keep_their_pace),
        cmocka_unit_test(slower_than_its_pace_is_not_made_up_for),
        cmocka_unit_test(failures_back_off),
        cmocka_unit_test(a_long_pace_is_never_shortened_by_failing),
        cmocka_unit_test(servers_are_listened_to_within_reason),
        cmocka_unit_test(who_is_held_back_is_told),
        cmocka_unit_test(same_seed_same_times),
        cmocka_unit_test(the_order_is_that_of_the_times),
        cmocka_unit_test(a_budget_is_shared_and_kept),
        cmocka_unit_test(another_page_is_asked_for_at_once),
        cmocka_unit_test(a_host_that_is_away_is_tried_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
