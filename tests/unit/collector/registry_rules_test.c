/*  registry_rules_test -- what a full Redis did not take of rules is written when it takes it, and
 *  said once.
 */
#include "tests/unit/broker/store_fixture.h"

#include <sys/eventfd.h>

#include "actors/collector/registry_inside.h"

static const char configuration[] =
    "sources:\n"
    "  - { name: market, url: \"simulate://market\", table: trade, rows: /*,\n"
    "      key: { symbol: /symbol }, time: { at: /ts, unit: ms }, columns: { price: /price } }\n"
    "rules:\n"
    "  high: { on: trade, when: \"price > 1\" }\n"
    "  wrong: { on: trade, when: \"prize > 1\" }\n";

// A registry without its thread, that has a configuration and no log yet.
static registry_t *registry_alone(void)
{
    registry_t *self = calloc(1, sizeof *self);
    assert_non_null(self);
    pthread_mutex_init(&self->lock, NULL);
    self->to_loop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->to_thread = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_true(self->to_loop >= 0 && self->to_thread >= 0);
    strcpy(self->name, "c1");
    self->store = open_store("tw");
    fault_t fault = { 0 };
    settings_t *settings = settings_parse(configuration, strlen(configuration), &fault);
    if (!settings)
        fail_msg("%d:%d: %s", fault.line, fault.column, fault.text);
    owned(plan_destroy) plan_t *base = planner_base(settings, &fault);
    self->planner = planner_new();
    assert_true(base && planner_configure(self->planner, base, settings->rule_cost_max));
    settings_destroy(&settings);
    return self;
}

static void set_room(bool room)
{
    redis("CONFIG SET maxmemory %d", room ? 0 : 1);
}

// Turns of the thread until it has nothing more to tell.
static void tell_all(registry_t *self)
{
    do
        registry_tell_verdicts(self);
    while (self->telling);
}

static unsigned notes_of(registry_t *self, const char *message)
{
    unsigned count = 0;
    for (size_t i = 0; i < self->note_count; i++)
        count += strcmp(self->notes[i].message, message) == 0;
    return count;
}

static const char *state_of(const char *rule)
{
    return redis("--raw HGET tw:status:%s state", rule);
}

static void verdicts_without_room_are_written_later(void **state)
{
    (void) state;
    owned(registry_destroy) registry_t *self = registry_alone();
    redis("HSET tw:status:high state error error old by c0");
    assert_true(registry_look(self));
    set_room(false);
    tell_all(self);
    assert_string_equal(state_of("high"), "error");
    tell_all(self); // not at once again
    assert_true(self->untold);
    self->untold_us = 0;
    tell_all(self); // there is still none
    set_room(true);
    tell_all(self);
    assert_true(registry_look(self)); // looks that come before it is time change nothing
    tell_all(self);
    assert_string_equal(state_of("high"), "error");
    assert_true(self->untold);
    self->untold_us = 0;
    assert_true(registry_look(self)); // nor does one in that moment
    tell_all(self);
    assert_false(self->untold);
    assert_string_equal(state_of("high"), "ok");
    assert_string_equal(redis("--raw HGET tw:status:high by"), "c1");
    assert_string_equal(redis("--raw HEXISTS tw:status:high error"), "0");
    assert_string_equal(state_of("wrong"), "error");
    assert_string_equal(redis("--raw HGET tw:status:wrong error"),
                        "column \"prize\" does not exist at character 1");
    // Each verdict, and that there is no room, once.
    assert_int_equal(notes_of(self, "Redis has no room for the states of rules"), 1);
    assert_int_equal(notes_of(self, "rule"), 1);
    assert_int_equal(notes_of(self, "rule refused"), 1);
}

// What changes while there is no room is noted like everything else, and written with the rest.
static void a_rule_that_comes_without_room_is_noted(void **state)
{
    (void) state;
    owned(registry_destroy) registry_t *self = registry_alone();
    redis("HSET tw:rule:late on trade when 'price > 5'");
    assert_true(registry_look(self));
    tell_all(self);
    redis("HSET tw:rule:late when 'cost > 5'");
    redis("DEL tw:status:high"); // a Redis without room has lost some
    set_room(false);
    assert_false(registry_look(self)); // its plan is new
    set_room(true);
    assert_true(registry_look(self));
    set_room(false);
    tell_all(self);
    set_room(true);
    assert_int_equal(notes_of(self, "rule refused"), 2);
    assert_string_equal(state_of("late"), "ok");
    self->untold_us = 0;
    tell_all(self);
    assert_string_equal(state_of("late"), "error");
    assert_string_equal(state_of("high"), "ok");
    assert_int_equal(notes_of(self, "rule refused"), 2);
    assert_int_equal(notes_of(self, "rule"), 2); // high and late, as they were first
}

static bool takes_a_plan(registry_t *self)
{
    uint64_t edition;
    owned(plan_destroy) plan_t *plan = registry_take_plan(self, &edition);
    return plan != NULL;
}

// A plan that nobody could read from Redis is not handed out.
static void a_plan_without_room_waits(void **state)
{
    (void) state;
    owned(registry_destroy) registry_t *self = registry_alone();
    set_room(false);
    assert_false(registry_look(self));
    assert_false(registry_look(self));
    assert_false(takes_a_plan(self));
    assert_int_equal(notes_of(self, "Redis has no room for a plan"), 1);
    set_room(true);
    assert_true(registry_look(self));
    assert_true(takes_a_plan(self));
    set_room(false);
    owned(registry_destroy) registry_t *other = registry_alone();
    assert_true(registry_look(other)); // it is there from before
    set_room(true);
    assert_true(takes_a_plan(other));
    assert_int_equal(notes_of(other, "Redis has no room for a plan"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(verdicts_without_room_are_written_later, flush),
        cmocka_unit_test_setup(a_rule_that_comes_without_room_is_noted, flush),
        cmocka_unit_test_setup(a_plan_without_room_waits, flush),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
