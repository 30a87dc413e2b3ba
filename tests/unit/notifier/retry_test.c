/*  retry_test -- the schedule of attempts and the meaning of answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/notifier/retry.h"

static int64_t wait_of(unsigned attempts, int64_t asked_ms, uint32_t random)
{
    int64_t wait_ms = -1;
    assert_true(retry_wait_ms(attempts, asked_ms, random, &wait_ms));
    return wait_ms;
}

static void schedule_is_as_promised(void **state)
{
    (void) state;
    static const int64_t seconds[] = { 0,    1,     5,     30,    300,   1800,
                                       7200, 18000, 36000, 50400, 72000, 86400 };
    for (unsigned i = 0; i < RETRY_ATTEMPTS_MAX; i++) {
        assert_int_equal(wait_of(i, 0, 0), seconds[i] * 1000);
        assert_int_equal(wait_of(i, 0, UINT32_MAX), seconds[i] * 1200);
        int64_t middle = wait_of(i, 0, UINT32_MAX / 2);
        assert_true(middle >= seconds[i] * 1099 && middle <= seconds[i] * 1101);
    }
}

static void attempts_end(void **state)
{
    (void) state;
    int64_t wait_ms = 7;
    assert_false(retry_wait_ms(RETRY_ATTEMPTS_MAX, 0, 0, &wait_ms));
    assert_false(retry_wait_ms(UINT32_MAX, 5000, 0, &wait_ms));
    assert_int_equal(wait_ms, 7); // untouched
}

static void receiver_may_ask_for_more_but_not_for_less(void **state)
{
    (void) state;
    assert_int_equal(wait_of(1, 90 * 1000, 0), 90 * 1000);
    assert_int_equal(wait_of(4, 90 * 1000, 0), 300 * 1000);
    assert_int_equal(wait_of(1, INT64_MAX, 0), RETRY_AFTER_MS_MAX);
    assert_int_equal(wait_of(1, INT64_MIN, 0), 1000);
    assert_true(retry_may_ask(429) && retry_may_ask(503));
    assert_false(retry_may_ask(200) || retry_may_ask(301) || retry_may_ask(500));
}

static void answers_mean_what_the_standard_says(void **state)
{
    (void) state;
    for (long status = 0; status < 700; status++) {
        verdict_t expected = status >= 200 && status <= 299 ? VERDICT_DELIVERED
                             : status == 410                ? VERDICT_GONE
                                                            : VERDICT_RETRY;
        assert_int_equal(retry_judge(status, true), expected);
        if (expected == VERDICT_GONE)
            expected = VERDICT_RETRY;
        assert_int_equal(retry_judge(status, false), expected);
    }
}

static void what_a_mail_server_says(void **state)
{
    (void) state;
    static const struct {
        long code;
        bool over, about_it;
        verdict_t verdict;
    } cases[] = {
        { 250, true, true, VERDICT_DELIVERED }, { 221, true, false, VERDICT_DELIVERED },
        { 0, false, false, VERDICT_RETRY },     { 421, false, true, VERDICT_RETRY },
        { 451, false, true, VERDICT_RETRY },    { 550, false, true, VERDICT_REFUSED },
        { 554, false, true, VERDICT_REFUSED },  { 554, false, false, VERDICT_RETRY },
        { 535, false, false, VERDICT_RETRY },   { 530, false, true, VERDICT_RETRY },
        { 250, false, true, VERDICT_RETRY },    { 600, false, true, VERDICT_RETRY },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (retry_judge_mail(cases[i].code, cases[i].over, cases[i].about_it) != cases[i].verdict)
            fail_msg("case %zu: %ld", i, cases[i].code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schedule_is_as_promised),
        cmocka_unit_test(attempts_end),
        cmocka_unit_test(what_a_mail_server_says),
        cmocka_unit_test(receiver_may_ask_for_more_but_not_for_less),
        cmocka_unit_test(answers_mean_what_the_standard_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
