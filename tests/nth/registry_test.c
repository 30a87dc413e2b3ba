/*  What the collector makes of the rules in Redis when memory runs out at the n-th call: a look
 *  that fails says so, and the next one gives the plan that it should have given.
 */
#include "tests/nth/nth.h"

#include <sys/eventfd.h>

#include "actors/collector/registry_inside.h"
#include "tests/unit/broker/store_fixture.h"

static const char configuration[] =
    "sources:\n"
    "  - { name: market, url: \"simulate://market\", table: trade, rows: /*,\n"
    "      key: { symbol: /symbol }, time: { at: /ts, unit: ms }, columns: { price: /price } }\n"
    "rules:\n"
    "  high: { on: trade, when: \"price > 1\" }\n";

enum { LOOK_AGAIN_MS = 60000 }; // beyond every back-off of the connection

static plan_t *base; // of the configuration

static registry_t *registry_alone(void)
{
    registry_t *self = calloc(1, sizeof *self);
    assert_non_null(self);
    pthread_mutex_init(&self->lock, NULL);
    self->to_loop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->to_thread = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->store = open_store("tw");
    self->planner = planner_new();
    assert_true(self->planner && planner_configure(self->planner, base, UINT32_MAX));
    expect(self->store, store_ping(self->store), STORE_OK);
    return self;
}

static bool has_rule(const plan_t *plan, const char *name)
{
    return plan && plan_find(plan, PLAN_RULE, slice_text(name));
}

// That memory ran out is no fault of a rule.
static void assert_good(void *context, const planner_verdict_t *verdict)
{
    (void) context;
    if (verdict->error)
        fail_msg("%s: %s", verdict->name, verdict->error);
}

static void a_look_that_fails_says_so(void **state)
{
    (void) state;
    redis("HSET tw:rule:low on trade when 'price < 1' > /dev/null");
    redis("HSET tw:rule:off on trade when 'price < 2' enabled 0 > /dev/null");
    nth_t nth = nth_over(NTH_MEMORY);
    while (nth_next(&nth)) {
        uint64_t edition;
        registry_t *self = registry_alone();
        nth_arm(&nth);
        bool done = registry_look(self);
        nth_disarm(&nth);
        if (!done && !nth_excused())
            fail_msg("a look failed without a reason");
        if (!done && self->note_count == 0)
            fail_msg("a look failed without a word");
        owned(plan_destroy) plan_t *first = registry_take_plan(self, &edition);
        assert_int_equal(first != NULL, done);
        nth_skip_ms(LOOK_AGAIN_MS);
        if (!registry_look(self))
            fail_msg("the next look fails, too");
        owned(plan_destroy) plan_t *second = registry_take_plan(self, &edition);
        const plan_t *plan = done ? first : second;
        assert_true(has_rule(plan, "low") && has_rule(plan, "high"));
        assert_true(done == !second); // once
        planner_tell(self->planner, SIZE_MAX, assert_good, NULL);
        registry_destroy(&self);
        plan_destroy(&first);
        plan_destroy(&second);
    }
}

// A rule that comes later: the plan before it is in force until there is memory for the new one.
static void a_change_is_not_lost(void **state)
{
    (void) state;
    nth_t nth = nth_over(NTH_MEMORY);
    while (nth_next(&nth)) {
        uint64_t edition;
        redis("DEL tw:rule:low > /dev/null");
        registry_t *self = registry_alone();
        assert_true(registry_look(self));
        plan_t *plan = registry_take_plan(self, &edition);
        assert_true(has_rule(plan, "high") && !has_rule(plan, "low"));
        plan_destroy(&plan);
        redis("HSET tw:rule:low on trade when 'price < 1' > /dev/null");
        nth_arm(&nth);
        bool done = registry_look(self);
        nth_disarm(&nth);
        if (!done && self->note_count == 0)
            fail_msg("a look failed without a word");
        nth_skip_ms(LOOK_AGAIN_MS);
        if (!done && !registry_look(self))
            fail_msg("the next look fails, too");
        plan = registry_take_plan(self, &edition);
        assert_true(has_rule(plan, "high") && has_rule(plan, "low"));
        plan_destroy(&plan);
        registry_destroy(&self);
    }
}

static int begin(void **state)
{
    fault_t fault;
    settings_t *settings = settings_parse(configuration, strlen(configuration), &fault);
    base = settings ? planner_base(settings, &fault) : NULL;
    settings_destroy(&settings);
    return base ? server_setup(state) : 1;
}

static int end(void **state)
{
    plan_destroy(&base);
    return server_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_look_that_fails_says_so, nth_teardown),
        cmocka_unit_test_teardown(a_change_is_not_lost, nth_teardown),
    };
    return cmocka_run_group_tests_name("nth_registry", tests, begin, end);
}
