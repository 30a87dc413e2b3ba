/*  schedule: due times, jitter from the seed, back-off, Retry-After. */
#include "actors/collector/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SECOND = 1000000 };

static void first_polls_come_at_once(void **state)
{
    (void) state;
    int64_t every[20];
    for (int i = 0; i < 20; i++)
        every[i] = 60ll * SECOND;
    schedule_t *schedule = schedule_new(every, 20, 7, 1000);
    assert_int_equal(schedule_next_us(schedule), 1000);
    assert_int_equal(schedule_take(schedule, 1000), 0);
    bool taken[20] = { true };
    for (int i = 1; i < 20; i++) {
        int source = schedule_take(schedule, 1000 + SECOND);
        assert_in_range(source, 1, 19);
        assert_false(taken[source]); // one that is under way is not taken again
        taken[source] = true;
    }
    assert_int_equal(schedule_take(schedule, 1000 + 3600ll * SECOND), -1);
    assert_true(schedule_next_us(schedule) == INT64_MAX);
    schedule_destroy(&schedule);
    assert_null(schedule);
}

static void polls_keep_their_pace(void **state)
{
    (void) state;
    int64_t every = 10 * SECOND;
    schedule_t *schedule = schedule_new(&every, 1, 42, 0);
    int64_t now = 0;
    bool varied = false;
    for (int i = 0; i < 200; i++) {
        now = schedule_next_us(schedule);
        assert_int_equal(schedule_take(schedule, now), 0);
        int64_t due = now;
        now += 2 * SECOND; // a slow server: the pace stays that of the settings
        schedule_done(schedule, 0, true, 0, now);
        int64_t gap = schedule_next_us(schedule) - due;
        assert_in_range(gap, 9.5 * SECOND, 10.5 * SECOND);
        varied |= gap != 10 * SECOND;
    }
    assert_true(varied);
    assert_in_range(now, 1940ll * SECOND, 2060ll * SECOND);
    schedule_destroy(&schedule);
}

static void slower_than_its_pace_is_not_made_up_for(void **state)
{
    (void) state;
    int64_t every = SECOND;
    schedule_t *schedule = schedule_new(&every, 1, 1, 0);
    assert_int_equal(schedule_take(schedule, 0), 0);
    schedule_done(schedule, 0, true, 0, 30 * SECOND);
    assert_int_equal(schedule_take(schedule, 30 * SECOND), 0);
    schedule_done(schedule, 0, true, 0, 30 * SECOND + 1);
    assert_int_equal(schedule_take(schedule, 30 * SECOND + 2), -1);
    schedule_destroy(&schedule);
}

static int64_t fail_once(schedule_t *schedule, int64_t *now, int64_t retry_after_us)
{
    *now = schedule_next_us(schedule);
    assert_int_equal(schedule_take(schedule, *now), 0);
    schedule_done(schedule, 0, false, retry_after_us, *now);
    return schedule_next_us(schedule) - *now;
}

static void failures_back_off(void **state)
{
    (void) state;
    int64_t every = 2 * SECOND, now = 0;
    schedule_t *schedule = schedule_new(&every, 1, 3, 0);
    int64_t expected = 2 * every;
    for (int i = 0; i < 12; i++) {
        int64_t pause = fail_once(schedule, &now, 0);
        assert_in_range(pause, expected / 10 * 8, expected / 10 * 12);
        expected = expected * 2 < SCHEDULE_BACKOFF_US_MAX ? expected * 2 : SCHEDULE_BACKOFF_US_MAX;
    }
    now = schedule_next_us(schedule);
    assert_int_equal(schedule_take(schedule, now), 0);
    schedule_done(schedule, 0, true, 0, now); // and all is forgiven
    assert_in_range(schedule_next_us(schedule) - now, 1.8 * SECOND, 2.2 * SECOND);
    schedule_destroy(&schedule);
}

static void a_long_pace_is_never_shortened_by_failing(void **state)
{
    (void) state;
    int64_t every = 3600ll * SECOND, now = 0;
    schedule_t *schedule = schedule_new(&every, 1, 3, 0);
    for (int i = 0; i < 5; i++)
        assert_in_range(fail_once(schedule, &now, 0), every / 10 * 8, every / 10 * 12);
    schedule_destroy(&schedule);
}

static void servers_are_listened_to_within_reason(void **state)
{
    (void) state;
    int64_t every = SECOND, now = 0;
    schedule_t *schedule = schedule_new(&every, 1, 3, 0);
    assert_int_equal(fail_once(schedule, &now, 120ll * SECOND), 120ll * SECOND);
    assert_int_equal(fail_once(schedule, &now, 86400ll * 365 * SECOND),
                     (int64_t) SCHEDULE_RETRY_AFTER_S_MAX * SECOND);
    schedule_destroy(&schedule);
}

static void same_seed_same_times(void **state)
{
    (void) state;
    int64_t every[] = { SECOND, 5 * SECOND, 7 * SECOND };
    schedule_t *one = schedule_new(every, 3, 99, 0), *two = schedule_new(every, 3, 99, 0);
    for (int i = 0; i < 300; i++) {
        int64_t now = schedule_next_us(one);
        assert_int_equal(now, schedule_next_us(two));
        int source = schedule_take(one, now);
        assert_int_equal(source, schedule_take(two, now));
        schedule_done(one, source, i % 3 != 0, 0, now);
        schedule_done(two, source, i % 3 != 0, 0, now);
    }
    schedule_destroy(&one);
    schedule_destroy(&two);
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
        cmocka_unit_test(same_seed_same_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
