/*  gate: budgets, pauses, back-off, and allowances spread over time. */
#include "actors/collector/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)

static const answer_t good = { .kind = ANSWER_GOOD }, none = { .kind = ANSWER_NONE };
static uint64_t dice;

static bool finish(gate_t *gate, int64_t begun, const answer_t *answer, int64_t now)
{
    return gate_end(gate, begun, SECOND, answer, &dice, now);
}

// Whatever comes back when: within any window no more than the budget began.
static void no_window_holds_more_than_the_budget(void **state)
{
    (void) state;
    enum { COUNT = 7, POLLS = 1000 };
    gate_t gate;
    assert_true(gate_init(&gate, (budget_t){ COUNT, 10 * SECOND }));
    static int64_t begun[POLLS];
    int64_t now = 0;
    for (int i = 0; i < POLLS; i++) {
        int64_t open = gate_open_us(&gate);
        now = open > now ? open : now + (i % 5) * 100000;
        begun[i] = now;
        gate_begin(&gate, now);
        finish(&gate, now, &good, now + 1000);
        if (i >= COUNT)
            assert_true(begun[i] - begun[i - COUNT] >= 10 * SECOND);
    }
    assert_true(now <= 10 * SECOND * (POLLS / COUNT + 1)); // and none was wasted
    gate_clear(&gate);
}

static void redirects_are_requests_too(void **state)
{
    (void) state;
    gate_t gate;
    assert_true(gate_init(&gate, (budget_t){ 3, SECOND }));
    gate_begin(&gate, 0);
    finish(&gate, 0, &(answer_t){ .kind = ANSWER_GOOD, .followed = 2 }, 100);
    assert_int_equal(gate_open_us(&gate), SECOND);
    gate_clear(&gate);
}

static void so_many_at_once(void **state)
{
    (void) state;
    gate_t gate;
    assert_true(gate_init(&gate, (budget_t){ 1000, SECOND }));
    for (int i = 0; i < GATE_UNDER_WAY_MAX; i++) {
        assert_true(gate_open_us(&gate) <= i);
        gate_begin(&gate, i);
    }
    assert_true(gate_open_us(&gate) == INT64_MAX);
    finish(&gate, 0, &good, 50);
    assert_true(gate_open_us(&gate) <= 50);
    gate_clear(&gate);
}

static void those_that_fail_together_fail_once(void **state)
{
    (void) state;
    gate_t gate;
    assert_true(gate_init(&gate, (budget_t){ 1000, SECOND }));
    for (int i = 0; i < 10; i++)
        gate_begin(&gate, i);
    for (int i = 0; i < 9; i++)
        assert_true(finish(&gate, i, &none, SECOND));
    assert_true(gate_open_us(&gate) == INT64_MAX); // while one is still under way
    assert_true(finish(&gate, 9, &none, SECOND));
    assert_in_range(gate_open_us(&gate), 2.6 * SECOND, 3.4 * SECOND);
    // One tries; while it does, no other.
    int64_t now = gate_open_us(&gate);
    gate_begin(&gate, now);
    assert_true(gate_open_us(&gate) == INT64_MAX);
    finish(&gate, now, &good, now + 1);
    assert_true(gate_open_us(&gate) <= now + 1);
    gate_clear(&gate);
}

static void what_answers_others_is_not_away(void **state)
{
    (void) state;
    gate_t gate;
    assert_true(gate_init(&gate, (budget_t){ 1000, SECOND }));
    gate_begin(&gate, 0);
    gate_begin(&gate, 10);
    assert_false(finish(&gate, 10, &good, 20));
    assert_false(finish(&gate, 0, &none, 30 * SECOND)); // too slow, it alone
    assert_true(gate_open_us(&gate) <= 30 * SECOND);
    // Asked to come later is asked to come later, whoever else was answered.
    gate_begin(&gate, 30 * SECOND);
    gate_begin(&gate, 30 * SECOND);
    assert_false(finish(&gate, 30 * SECOND, &good, 31 * SECOND));
    const answer_t refused = { .kind = ANSWER_REFUSED, .retry_after_us = 77 * SECOND };
    assert_true(finish(&gate, 30 * SECOND, &refused, 32 * SECOND));
    assert_int_equal(gate_open_us(&gate), (32 + 77) * SECOND);
    gate_clear(&gate);
}

static void hosts_are_believed_within_reason(void **state)
{
    (void) state;
    gate_t gate;
    assert_true(gate_init(&gate, (budget_t){ 1000, SECOND }));
    gate_begin(&gate, 0);
    const answer_t refused = { .kind = ANSWER_REFUSED, .retry_after_us = 86400 * 365 * SECOND };
    finish(&gate, 0, &refused, 0);
    assert_int_equal(gate_open_us(&gate), GATE_RETRY_AFTER_S_MAX * SECOND);
    gate_clear(&gate);
}

static void what_is_left_is_spread(void **state)
{
    (void) state;
    gate_t gate;
    assert_true(gate_init(&gate, (budget_t){ 1000, SECOND }));
    gate_begin(&gate, 0);
    answer_t answer = { .limited = true, .left = 10, .renewed_us = 100 * SECOND };
    finish(&gate, 0, &answer, 0);
    assert_int_equal(gate_open_us(&gate), 10 * SECOND);
    gate_begin(&gate, 10 * SECOND);
    answer = (answer_t){ .limited = true, .left = 1, .renewed_us = 90 * SECOND };
    finish(&gate, 10 * SECOND, &answer, 10 * SECOND);
    assert_int_equal(gate_open_us(&gate), 100 * SECOND);
    // Nothing is left: until there is more, or for a while.
    gate_begin(&gate, 100 * SECOND);
    answer = (answer_t){ .limited = true, .left = 0, .renewed_us = 30 * SECOND };
    finish(&gate, 100 * SECOND, &answer, 100 * SECOND);
    assert_int_equal(gate_open_us(&gate), 130 * SECOND);
    gate_begin(&gate, 130 * SECOND);
    answer = (answer_t){ .limited = true, .left = 0 };
    finish(&gate, 130 * SECOND, &answer, 130 * SECOND);
    assert_int_equal(gate_open_us(&gate), 130 * SECOND + GATE_SPENT_US);
    // Plenty, and no time: nothing is held back.
    gate_begin(&gate, 200 * SECOND);
    answer = (answer_t){ .limited = true, .left = 5000 };
    finish(&gate, 200 * SECOND, &answer, 200 * SECOND);
    assert_true(gate_open_us(&gate) <= 200 * SECOND);
    gate_clear(&gate);
}

static void other_settings_forget_nothing(void **state)
{
    (void) state;
    gate_t old, gate;
    assert_true(gate_init(&old, (budget_t){ 3, 10 * SECOND }));
    for (int i = 0; i < 3; i++) {
        gate_begin(&old, i * SECOND);
        finish(&old, i * SECOND, &good, i * SECOND);
    }
    // More room, less room: what began counts.
    assert_true(gate_init(&gate, (budget_t){ 4, 10 * SECOND }));
    gate_inherit(&gate, &old);
    assert_true(gate_open_us(&gate) <= 3 * SECOND);
    gate_begin(&gate, 3 * SECOND);
    finish(&gate, 3 * SECOND, &good, 3 * SECOND);
    assert_int_equal(gate_open_us(&gate), 10 * SECOND);
    gate_clear(&gate);
    assert_true(gate_init(&gate, (budget_t){ 2, 10 * SECOND }));
    gate_inherit(&gate, &old);
    assert_int_equal(gate_open_us(&gate), 11 * SECOND);
    gate_clear(&gate);
    // So does what was asked for.
    const answer_t refused = { .kind = ANSWER_REFUSED, .retry_after_us = 777 * SECOND };
    gate_begin(&old, 10 * SECOND);
    finish(&old, 10 * SECOND, &refused, 10 * SECOND);
    assert_true(gate_init(&gate, (budget_t){ 100, SECOND }));
    gate_inherit(&gate, &old);
    assert_int_equal(gate_open_us(&gate), 787 * SECOND);
    gate_clear(&gate);
    gate_clear(&old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_window_holds_more_than_the_budget),
        cmocka_unit_test(redirects_are_requests_too),
        cmocka_unit_test(so_many_at_once),
        cmocka_unit_test(those_that_fail_together_fail_once),
        cmocka_unit_test(what_answers_others_is_not_away),
        cmocka_unit_test(hosts_are_believed_within_reason),
        cmocka_unit_test(what_is_left_is_spread),
        cmocka_unit_test(other_settings_forget_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
