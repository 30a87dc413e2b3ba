/*  allowance: the headers of real APIs, and those that mean nothing. */
#include "actors/collector/allowance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)
#define WALL (INT64_C(1658208000) * SECOND)

typedef struct {
    const char *name, *value;
} line_t;

static answer_t settle(const line_t *lines, size_t count, budget_t budget)
{
    allowance_t allowance;
    answer_t answer = { .kind = ANSWER_GOOD };
    allowance_begin(&allowance);
    for (size_t i = 0; i < count; i++)
        allowance_header(&allowance, lines[i].name, lines[i].value, WALL);
    allowance_settle(&allowance, &budget, WALL, &answer);
    return answer;
}

#define SETTLE(...)                                                                                \
    settle((const line_t[]){ __VA_ARGS__ },                                                        \
           sizeof((const line_t[]){ __VA_ARGS__ }) / sizeof(line_t), (budget_t){ 10, SECOND })

static void the_usual_three(void **state)
{
    (void) state;
    // As api.github.com sent them: the reset is a time.
    answer_t answer = SETTLE({ "X-RateLimit-Limit", "5000" }, { "X-RateLimit-Remaining", "4962" },
                             { "X-RateLimit-Reset", "1658208999" });
    assert_true(answer.limited);
    assert_int_equal(answer.left, 4962);
    assert_int_equal(answer.renewed_us, 999 * SECOND);
    // api.bc.gob.cu: seconds from now.
    answer = SETTLE({ "X-Ratelimit-Limit", "300" }, { "X-Ratelimit-Remaining", "91" },
                    { "X-Ratelimit-Reset", "17" });
    assert_int_equal(answer.left, 91);
    assert_int_equal(answer.renewed_us, 17 * SECOND);
    // api.nbe.gov.et: no reset.
    answer = SETTLE({ "x-ratelimit-limit", "60" }, { "x-ratelimit-remaining", "59" });
    assert_int_equal(answer.left, 59);
    assert_int_equal(answer.renewed_us, 0);
    answer = SETTLE({ "RateLimit-Remaining", "0" }, { "RateLimit-Reset", "5" });
    assert_true(answer.limited);
    assert_int_equal(answer.left, 0);
    assert_int_equal(answer.renewed_us, 5 * SECOND);
    answer = SETTLE({ "RateLimit-Limit", "100, 100;w=60" }, { "RateLimit-Remaining", "7" });
    assert_int_equal(answer.left, 7);
}

static void names_of_their_own(void **state)
{
    (void) state;
    answer_t answer = SETTLE({ "X-Bapi-Limit", "120" }, { "X-Bapi-Limit-Status", "119" },
                             { "X-Bapi-Limit-Reset-Timestamp", "1658208002500" });
    assert_int_equal(answer.left, 119);
    assert_int_equal(answer.renewed_us, 2500000);
    answer = SETTLE({ "gw-ratelimit-limit", "2000" }, { "gw-ratelimit-remaining", "1997" },
                    { "gw-ratelimit-reset", "29000" });
    assert_int_equal(answer.left, 1997);
    assert_int_equal(answer.renewed_us, 29 * SECOND);
}

static void binance_counts_upwards(void **state)
{
    (void) state;
    const line_t line = { "x-mbx-used-weight-1m", "1000" };
    answer_t answer = settle(&line, 1, (budget_t){ 6000, 60 * SECOND });
    assert_true(answer.limited);
    assert_int_equal(answer.left, 5000);
    assert_int_equal(answer.renewed_us, 60 * SECOND - WALL % (60 * SECOND));
    const line_t much = { "X-MBX-USED-WEIGHT-1M", "5500" };
    assert_int_equal(settle(&much, 1, (budget_t){ 6000, 60 * SECOND }).left, 0);
    // Of another window the budget says nothing.
    assert_false(settle(&line, 1, (budget_t){ 10, SECOND }).limited);
}

static void nonsense_holds_nothing_back(void **state)
{
    (void) state;
    // evds3.tcmb.gov.tr and gateway.api.bot.or.th, as recorded: without a limit, that is.
    assert_false(SETTLE({ "X-Ratelimit-Limit", "0" }, { "X-Ratelimit-Remaining", "0" },
                        { "X-Ratelimit-Reset", "0" })
                     .limited);
    assert_false(SETTLE({ "X-Ratelimit-Limit", "-1" }, { "X-Ratelimit-Remaining", "0" },
                        { "X-Ratelimit-Reset", "0" })
                     .limited);
    assert_false(SETTLE({ "X-Ratelimit-Remaining", "many" }).limited);
    assert_false(SETTLE({ "X-Ratelimit-Remaining", "" }).limited);
    assert_false(SETTLE({ "X-Ratelimit-Remaining", "-5" }).limited);
    assert_false(SETTLE({ "X-Ratelimit-Remaining", "99999999999999999999999" }).limited);
    assert_false(SETTLE({ "x-mbx-used-weight-", "5" }, { "x-mbx-used-weight-1y", "5" },
                        { "x-mbx-used-weight-0s", "5" }, { "x-mbx-used-weight-1s", "x" })
                     .limited);
    // It was renewed while the answer was under way.
    assert_false(
        SETTLE({ "X-RateLimit-Remaining", "0" }, { "X-RateLimit-Reset", "1658207999" }).limited);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usual_three),
        cmocka_unit_test(names_of_their_own),
        cmocka_unit_test(binance_counts_upwards),
        cmocka_unit_test(nonsense_holds_nothing_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
