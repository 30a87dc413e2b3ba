/*  lag: records and their age, over any length of time. */
#include "actors/collector/lag.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { SECOND = 1000000 };

static void what_is_committed_is_no_lag(void **state)
{
    (void) state;
    lag_t lag = { 0 };
    lag_note(&lag, 10, 0, 1 * SECOND);
    assert_int_equal(lag_records(&lag), 10);
    assert_int_equal(lag_us(&lag, 3 * SECOND), 2 * SECOND);
    lag_note(&lag, 20, 10, 4 * SECOND);
    assert_int_equal(lag_records(&lag), 10);
    assert_int_equal(lag_us(&lag, 6 * SECOND), 2 * SECOND); // record 11 is not older than that
    lag_note(&lag, 20, 20, 7 * SECOND);
    assert_int_equal(lag_records(&lag), 0);
    assert_int_equal(lag_us(&lag, 100 * SECOND), 0);
}

// Workers that are gone say nothing: what they had committed stays committed.
static void silence_takes_nothing_back(void **state)
{
    (void) state;
    lag_t lag = { 0 };
    lag_note(&lag, 10, 10, 1 * SECOND);
    lag_note(&lag, 15, 0, 2 * SECOND);
    assert_int_equal(lag_records(&lag), 5);
    lag_note(&lag, 15, 0, 9 * SECOND); // nothing new came: the age goes on
    assert_int_equal(lag_us(&lag, 10 * SECOND), 8 * SECOND);
}

static void a_long_queue_keeps_its_age(void **state)
{
    (void) state;
    enum { LONG = 100 * LAG_MARKS };
    lag_t lag = { 0 };
    for (int64_t i = 1; i <= LONG; i++)
        lag_note(&lag, (uint64_t) i, 0, i * SECOND);
    assert_int_equal(lag_us(&lag, LONG * INT64_C(1000000)), (LONG - 1) * INT64_C(1000000));
    // Half of it done: the age of the rest, to a part of itself.
    lag_note(&lag, LONG, LONG / 2, LONG * INT64_C(1000000));
    int64_t age = lag_us(&lag, LONG * INT64_C(1000000)) / SECOND;
    assert_in_range(age, LONG / 2 - LONG / 50, LONG / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_committed_is_no_lag),
        cmocka_unit_test(silence_takes_nothing_back),
        cmocka_unit_test(a_long_queue_keeps_its_age),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
