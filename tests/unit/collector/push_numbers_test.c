/*  push_numbers: no frame is told durable before those below it, nor waited for in vain for ever.
 */
#include "actors/collector/push_numbers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "actors/collector/random.h"

enum { SECOND = 1000000, FRAMES = 60, CLIENT = 7 };

static void in_order_and_again(void **state)
{
    (void) state;
    push_numbers_t numbers = { 0 };
    assert_int_equal(push_numbers_judge(&numbers, CLIENT, 0, 1, 0), NUMBER_NEXT);
    assert_int_equal(push_numbers_judge(&numbers, CLIENT, 1, 1, 0), NUMBER_REPEATED);
    assert_int_equal(push_numbers_judge(&numbers, CLIENT, 1, 2, 0), NUMBER_NEXT);
    assert_int_equal(push_numbers_judge(&numbers, CLIENT, UINT64_MAX - 1, UINT64_MAX, 0),
                     NUMBER_NEXT);
    assert_int_equal(push_numbers_judge(&numbers, CLIENT, UINT64_MAX, 1, 0), NUMBER_REPEATED);
    assert_int_equal(numbers.taken, 0);
}

static void a_gap_waits_for_its_frames(void **state)
{
    (void) state;
    push_numbers_t numbers = { 0 };
    assert_int_equal(push_numbers_judge(&numbers, CLIENT, 40, 42, SECOND), NUMBER_EARLY);
    assert_int_equal(push_numbers_judge(&numbers, CLIENT, 40, 43, 2 * SECOND), NUMBER_EARLY);
    assert_int_equal(push_numbers_judge(&numbers, CLIENT, 40, 41, 3 * SECOND), NUMBER_NEXT);
    assert_int_equal(push_numbers_judge(&numbers, CLIENT, 41, 42, 3 * SECOND), NUMBER_NEXT);
    // Another gap of the same client has patience of its own.
    assert_int_equal(push_numbers_judge(&numbers, CLIENT, 42, 44, 10 * SECOND), NUMBER_EARLY);
    assert_int_equal(push_numbers_judge(&numbers, CLIENT, 42, 44, 19 * SECOND), NUMBER_EARLY);
    assert_int_equal(push_numbers_judge(&numbers, CLIENT, 42, 44, 20 * SECOND), NUMBER_NEXT);
    assert_int_equal(numbers.taken, 1);
}

static void who_never_resends_is_taken_as_it_comes(void **state)
{
    (void) state;
    push_numbers_t numbers = { 0 };
    assert_int_equal(push_numbers_judge(&numbers, CLIENT, 1, 100, 0), NUMBER_EARLY);
    assert_int_equal(push_numbers_judge(&numbers, CLIENT, 1, 300, PUSH_PATIENCE_US), NUMBER_NEXT);
    assert_int_equal(push_numbers_judge(&numbers, CLIENT, 300, 500, PUSH_PATIENCE_US + 1),
                     NUMBER_NEXT);
    assert_int_equal(numbers.taken, 2);
    // Others are not let off.
    assert_int_equal(push_numbers_judge(&numbers, CLIENT + 1, 1, 3, PUSH_PATIENCE_US),
                     NUMBER_EARLY);
}

// What it sent first may be what was lost: it is not told that this is durable.
static void a_new_client_is_no_exception(void **state)
{
    (void) state;
    push_numbers_t numbers = { 0 };
    assert_int_equal(push_numbers_judge(&numbers, CLIENT, 0, 3, 0), NUMBER_EARLY);
    assert_int_equal(push_numbers_judge(&numbers, CLIENT, 0, 1, SECOND), NUMBER_NEXT);
    // One that goes on from what an earlier log knew of it has to wait once.
    assert_int_equal(push_numbers_judge(&numbers, CLIENT + 1, 0, 501, SECOND), NUMBER_EARLY);
    assert_int_equal(push_numbers_judge(&numbers, CLIENT + 1, 0, 501, SECOND + PUSH_PATIENCE_US),
                     NUMBER_NEXT);
    assert_int_equal(numbers.taken, 1);
}

static void many_clients_are_bounded(void **state)
{
    (void) state;
    push_numbers_t numbers = { 0 };
    for (uint64_t client = 0; client < 10 * PUSH_GAPS_MAX; client++)
        assert_int_equal(push_numbers_judge(&numbers, client, 1, 5, SECOND), NUMBER_EARLY);
    // Only the newest are remembered; one that was forgotten begins to wait anew.
    int64_t later = SECOND + PUSH_PATIENCE_US;
    assert_int_equal(push_numbers_judge(&numbers, 10 * PUSH_GAPS_MAX - 1, 1, 5, later),
                     NUMBER_NEXT);
    assert_int_equal(push_numbers_judge(&numbers, 3, 1, 5, later), NUMBER_EARLY);
}

// A client that resends everything above what it was told, over a link that loses frames and a
// collector that dies: in the end each frame was taken exactly once, in order.
static void nothing_is_lost_over_a_bad_link(void **state)
{
    (void) state;
    uint64_t random = 11;
    for (int round = 0; round < 200; round++) {
        push_numbers_t numbers = { 0 };
        uint64_t known = 0; // of the collector, also the client's after it was told
        int64_t now_us = 0;
        while (known < FRAMES) {
            for (uint64_t n = known + 1; n <= known + 8 && n <= FRAMES; n++) {
                now_us += SECOND / 10;
                if (random_below(&random, 3) == 0)
                    continue; // lost
                number_t number = push_numbers_judge(&numbers, CLIENT, known, n, now_us);
                assert_int_equal(number == NUMBER_NEXT, n == known + 1);
                known += number == NUMBER_NEXT;
            }
            if (random_below(&random, 10) == 0)
                numbers = (push_numbers_t){ 0 }; // it died
        }
        assert_int_equal(numbers.taken, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order_and_again),
        cmocka_unit_test(a_gap_waits_for_its_frames),
        cmocka_unit_test(who_never_resends_is_taken_as_it_comes),
        cmocka_unit_test(a_new_client_is_no_exception),
        cmocka_unit_test(many_clients_are_bounded),
        cmocka_unit_test(nothing_is_lost_over_a_bad_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
