/*  ration_test -- comparing has an end for all viewers together, and each has its turn. */
#include "actors/api/ration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void one_alone_has_its_share_in_each_turn(void **state)
{
    (void) state;
    ration_t ration = { 0 };
    portion_t portion = { 0 };
    ration_turn(&ration, 0);
    assert_int_equal(ration_left(&ration, &portion), RATION_SHARE_MAX);
    ration_take(&ration, &portion, RATION_SHARE_MAX - 1);
    assert_int_equal(ration_left(&ration, &portion), 1);
    ration_take(&ration, &portion, 1);
    assert_int_equal(ration_left(&ration, &portion), 0);
    for (int i = 0; i < 100; i++) // it does not gather what it does not take
        ration_turn(&ration, 1);
    assert_int_equal(ration_left(&ration, &portion), RATION_SHARE_MAX);
}

// Viewers who always want more, each comparison of which is larger than a share.
static void all_together_have_an_end_and_each_its_turn(void **state)
{
    (void) state;
    enum { VIEWERS = 1000, TURNS = 500, STEPS = 190 * 1000 };
    static portion_t portions[VIEWERS];
    static int compared[VIEWERS];
    ration_t ration = { 0 };
    int64_t all = 0;
    for (int turn = 1; turn <= TURNS; turn++) {
        ration_turn(&ration, VIEWERS);
        for (int i = 0; i < VIEWERS; i++) {
            for (; ration_left(&ration, &portions[i]) > 0; compared[i]++) {
                ration_take(&ration, &portions[i], STEPS);
                all += STEPS;
            }
        }
        assert_true(all < (int64_t) turn * RATION_STEPS_MAX + STEPS);
    }
    assert_true(all > (int64_t) TURNS * RATION_STEPS_MAX / 3);
    for (int i = 0; i < VIEWERS; i++) // a fair half of all, more or less
        assert_in_range(compared[i], TURNS * (RATION_STEPS_MAX / VIEWERS) / STEPS / 3,
                        TURNS * (RATION_STEPS_MAX / VIEWERS) / STEPS);
}

// One who wants little is not behind those who want all for long, wherever it stands.
static void who_wants_little_is_served(void **state)
{
    (void) state;
    enum {
        VIEWERS = 1000,
        WANTED = 2 << 20,
        TURNS_MAX = 3 * WANTED / (RATION_STEPS_MAX / VIEWERS)
    };
    static portion_t portions[VIEWERS];
    ration_t ration = { 0 };
    portion_t last = { 0 };
    int64_t wanted = WANTED;
    int turns = 0;
    for (size_t unfinished = 0; wanted > 0 && turns <= TURNS_MAX; turns++) {
        ration_turn(&ration, unfinished);
        unfinished = VIEWERS + 1;
        for (int i = 0; i < VIEWERS; i++)
            while (ration_left(&ration, &portions[i]) > 0)
                ration_take(&ration, &portions[i], 1000);
        while (wanted > 0 && ration_left(&ration, &last) > 0) {
            ration_take(&ration, &last, 100);
            wanted -= 100;
        }
    }
    assert_in_range(turns, 1, TURNS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_alone_has_its_share_in_each_turn),
        cmocka_unit_test(all_together_have_an_end_and_each_its_turn),
        cmocka_unit_test(who_wants_little_is_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
