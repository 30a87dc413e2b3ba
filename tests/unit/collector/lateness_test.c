/*  lateness: quantiles never too small, and at most an eighth too large. */
#include "actors/collector/lateness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void quantiles_are_near(void **state)
{
    (void) state;
    static lateness_t lateness;
    assert_int_equal(lateness_quantile_us(&lateness, 0.99), 0);
    for (int64_t us = 1; us < INT64_C(1) << 36; us = us * 9 / 7 + 1) {
        lateness = (lateness_t){ 0 };
        lateness_add(&lateness, us);
        int64_t found = lateness_quantile_us(&lateness, 0.99);
        assert_true(found >= us && found <= us + us / 8);
    }
    lateness = (lateness_t){ 0 };
    for (int i = 0; i < 990; i++)
        lateness_add(&lateness, 5);
    for (int i = 0; i < 10; i++)
        lateness_add(&lateness, 1000000);
    assert_int_equal(lateness_quantile_us(&lateness, 0.99), 5);
    assert_true(lateness_quantile_us(&lateness, 0.995) >= 1000000);
    for (int i = 0; i < 20; i++)
        lateness_fade(&lateness);
    assert_int_equal(lateness.count, 0);
    lateness_add(&lateness, -7); // a clock that was wrong
    lateness_add(&lateness, INT64_MAX);
    assert_int_equal(lateness_quantile_us(&lateness, 0.5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(quantiles_are_near) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
