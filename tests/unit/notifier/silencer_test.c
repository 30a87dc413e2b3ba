/*  silencer: looks at the silences of a large Redis in steps, and lets go what waited, against a
 *  real redis-server.
 */
#include "tests/unit/broker/store_fixture.h"

#include "actors/notifier/silence_look.h"
#include "actors/notifier/silencer.h"
#include "broker/runtime/life.h"
#include "broker/store_silences.h"

enum { PATIENCE_US = 20 * 1000 * 1000, MANY_KEYS = 20000, WAITING = 1000 };

typedef struct {
    store_t *store;
    silencer_t *silencer;
} silencing_t;

static silencing_t silencing_new(void)
{
    fault_t fault = { 0 };
    silencing_t self = { .store = open_store("tw") };
    store_watch_t *watch = store_watch_new(server.url, NULL, "tw", STORE_WATCH_SILENCES, &fault);
    assert_non_null(watch);
    self.silencer = silencer_new(self.store, watch, &fault);
    assert_non_null(self.silencer);
    return self;
}

static void silencing_destroy(silencing_t *self)
{
    silencer_destroy(&self->silencer);
    store_destroy(&self->store);
}

static bool step(silencing_t *self)
{
    return silencer_step(self->silencer, life_mono_us(), life_wall_us());
}

static bool is_silenced(const silencing_t *self, const char *rule)
{
    return silences_find(silencer_silences(self->silencer), slice_text(rule), slice_text("s"));
}

// Steps until others may go on and the silence is, or is not, in force. Returns how many of them
// others had to wait for.
static unsigned run(silencing_t *self, const char *rule, bool silenced)
{
    unsigned held = 0;
    int64_t began_us = life_mono_us();
    for (;;) {
        bool known = step(self);
        if (known && is_silenced(self, rule) == silenced)
            return held;
        held += !known;
        if (life_mono_us() - began_us > PATIENCE_US)
            fail_msg("%s: in force: %d", rule, is_silenced(self, rule));
    }
}

static void keep_many_keys(void)
{
    redis("EVAL 'for i = 1, tonumber(ARGV[1]) do redis.call(\"SET\", KEYS[1] .. i, \"\") end' "
          "1 tw:subscriber: %d > /dev/null",
          MANY_KEYS);
}

static void a_look_goes_in_steps(void **state)
{
    (void) state;
    enum { MOST_OF_A_STEP = 2000 };
    fault_t fault = { 0 };
    store_t *store = open_store("tw");
    silence_look_t *look = silence_look_new(store, &fault);
    assert_non_null(look);
    keep_many_keys();
    redis("HSET tw:silence:a rule a");
    for (int i = 0; i < 2; i++) {
        unsigned steps = 0;
        silence_look_begin(look);
        for (bool done = false; !done; steps++)
            expect(store, silence_look_step(look, &done), STORE_OK);
        assert_true(steps > MANY_KEYS / MOST_OF_A_STEP);
        assert_int_equal(silences_count(silence_look_found(look)), 1);
        assert_int_equal(silence_look_count(look).written, 1);
        assert_int_equal(silence_look_count(look).unanswered, 0);
    }
    silence_look_destroy(&look);
    store_destroy(&store);
}

static void a_look_at_many_keys_holds_up_nothing(void **state)
{
    (void) state;
    silencing_t self = silencing_new();
    redis("HSET tw:silence:a rule a");
    run(&self, "a", true);
    keep_many_keys();
    redis("HSET tw:silence:b rule b");
    assert_int_equal(run(&self, "b", true), 0); // with the old ones in force meanwhile
    assert_true(is_silenced(&self, "a"));
    assert_string_equal(redis("HGET tw:status:silence:b state"), "ok");
    silencing_destroy(&self);
}

static void answers_to_nobody_go(void **state)
{
    (void) state;
    silencing_t self = silencing_new();
    redis("HSET tw:status:silence:gone state ok");
    redis("SET tw:status:silence:odd text");
    redis("SET tw:status:silence:a text");
    redis("HSET tw:status:silences state ok"); // of a rule
    redis("HSET tw:silence:a rule a");
    run(&self, "a", true);
    for (int i = 0; i < 10; i++)
        assert_true(step(&self));
    assert_string_equal(redis("EXISTS tw:status:silence:gone tw:status:silence:odd"), "0");
    assert_string_equal(redis("HGET tw:status:silence:a state"), "ok");
    assert_string_equal(redis("EXISTS tw:status:silences"), "1");
    silencing_destroy(&self);
}

static void silence(store_t *store, unsigned number)
{
    char id[16], series[16];
    snprintf(id, sizeof id, "%08x", number);
    snprintf(series, sizeof series, "s%u", number);
    const store_told_t told = { "alice", "" };
    const store_silenced_t news = { .alert_id = slice_text(id),
                                    .body = slice_text("B"),
                                    .rule = slice_text("a"),
                                    .series = slice_text(series),
                                    .kind = slice_text("firing"),
                                    .seq = 1,
                                    .silence = "a" };
    expect(store, store_delivery_silence(store, &news, false, &told, 1), STORE_OK);
}

static void what_waited_goes_before_others_do(void **state)
{
    (void) state;
    silencing_t self = silencing_new();
    redis("HSET tw:silence:a rule a");
    run(&self, "a", true);
    for (unsigned i = 0; i < WAITING; i++)
        silence(self.store, i);
    pause_ms(5); // Redis' clock is of ms
    redis("HSET tw:silence:b rule b");
    assert_int_equal(run(&self, "b", true), 0); // nothing has ended that anybody had to wait for
    assert_string_equal(redis("ZCARD 'tw:{deliveries}:silenced'"), "1000");
    redis("DEL tw:silence:a");
    assert_true(run(&self, "a", false) > 1); // some at a time
    assert_string_equal(redis("ZCARD 'tw:{deliveries}:silenced'"), "0");
    assert_string_equal(redis("GET 'tw:{deliveries}:count'"), "1000");
    silencing_destroy(&self);
}

static void what_cannot_be_swept_stops_nobody(void **state)
{
    (void) state;
    silencing_t self = silencing_new();
    redis("SET 'tw:{deliveries}:silenced' text");
    redis("HSET tw:silence:a rule a");
    run(&self, "a", true);
    redis("DEL tw:silence:a");
    run(&self, "a", false);
    silencing_destroy(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_look_goes_in_steps, flush),
        cmocka_unit_test_setup(a_look_at_many_keys_holds_up_nothing, flush),
        cmocka_unit_test_setup(answers_to_nobody_go, flush),
        cmocka_unit_test_setup(what_waited_goes_before_others_do, flush),
        cmocka_unit_test_setup(what_cannot_be_swept_stops_nobody, flush),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
