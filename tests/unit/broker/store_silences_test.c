/*  store_silences_test -- what is silenced waits: the newest of each incident, until it is let
 *  go. Against a real redis-server.
 */
#include <inttypes.h>

#include "tests/unit/broker/store_fixture.h"

#include "broker/store_silences.h"
#include "proto/owned.h"

static const store_told_t alice[] = { { "alice", "" }, { "bob/mail", "cannot be told" } };

static void silence(store_t *store, const char *id, const char *kind, uint64_t seq, bool planned)
{
    const store_silenced_t news = {
        .alert_id = slice_text(id),
        .body = slice_text("B"),
        .rule = slice_text("spike"),
        .series = slice_text("candle:x y"),
        .kind = slice_text(kind),
        .seq = seq,
        .silence = "night",
    };
    expect(store, store_delivery_silence(store, &news, planned, alice, 2), STORE_OK);
}

static bool says(void *context, const store_waiting_t *waiting)
{
    assert_true(slice_is(waiting->rule, "spike"));
    assert_true(slice_is(waiting->series, "candle:x y"));
    return *(bool *) context;
}

// How many are told now.
static unsigned look(store_t *store, bool still, unsigned expected)
{
    uint64_t looked, told;
    expect(store, store_delivery_silenced(store, 10, 0, says, &still, &looked, &told), STORE_OK);
    assert_int_equal(looked, expected);
    return (unsigned) told;
}

static const char *record(const char *id)
{
    return redis("HGET tw:delivery:%s alice", id);
}

static unsigned waiting(void)
{
    return (unsigned) atoi(redis("ZCARD 'tw:{deliveries}:of:alice'"));
}

static void the_newest_is_told_when_it_is_over(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    silence(store, "0a", "firing", 100, false);
    assert_string_equal(record("0a"), "silenced 0 night");
    assert_string_equal(redis("HEXISTS tw:delivery:0a bob/mail"), "0");
    silence(store, "0b", "still", 200, false);
    assert_string_equal(record("0a"), "skipped 0 night");
    assert_string_equal(redis("EXISTS 'tw:{deliveries}:body:0a'"), "0");
    assert_string_equal(record("0b"), "silenced 0 night");
    silence(store, "0b", "still", 200, false); // planned again after a crash
    redis("EXPIRE 'tw:{deliveries}:body:0b' 60");
    assert_int_equal(look(store, true, 1), 0);
    assert_string_equal(record("0b"), "silenced 0 night");
    assert_true(atoi(redis("TTL 'tw:{deliveries}:body:0b'")) > 60); // however long it lasts
    assert_int_equal(waiting(), 0);
    assert_int_equal(look(store, false, 1), 1);
    assert_string_equal(record("0b"), "pending 0");
    assert_int_equal(waiting(), 1);
    assert_string_equal(redis("GET 'tw:{deliveries}:count'"), "1");
    assert_int_equal(look(store, false, 0), 0);
    assert_string_equal(redis("EXISTS 'tw:{deliveries}:silenced' 'tw:{deliveries}:silenced:of'"),
                        "0");
}

static void what_began_and_ended_meanwhile_is_told_to_nobody(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    silence(store, "0a", "firing", 100, false);
    silence(store, "0b", "resolved", 200, false);
    assert_int_equal(look(store, false, 1), 0);
    assert_string_equal(record("0b"), "skipped 0 night");
    assert_int_equal(waiting(), 0);
    assert_string_equal(redis("EXISTS 'tw:{deliveries}:body:0b'"), "0");
    // But who was told that it began is told that it is over.
    silence(store, "0c", "still", 300, false);
    silence(store, "0d", "resolved", 400, false);
    assert_int_equal(look(store, false, 1), 1);
    assert_string_equal(record("0d"), "pending 0");
}

static void what_waited_already_joins_in_order_of_its_topic(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    expect(store, store_delivery_plan(store, slice_text("0a"), slice_text("B"), alice, 1),
           STORE_OK);
    expect(store, store_delivery_retry(store, "0a", "alice", "", 100000, "HTTP 500"), STORE_OK);
    silence(store, "0b", "resolved", 200, false);
    silence(store, "0a", "firing", 100, true); // its next attempt comes when the other is silenced
    assert_string_equal(record("0a"), "skipped 1 night");
    assert_string_equal(record("0b"), "silenced 0 night");
    assert_string_equal(redis("GET 'tw:{deliveries}:count'"), "0");
    assert_int_equal(look(store, false, 1), 0);
    // What has ended is not silenced any more, and what the log knows is not planned.
    expect(store, store_delivery_plan(store, slice_text("0c"), slice_text("B"), alice, 1),
           STORE_OK);
    expect(store, store_delivery_done(store, "0c", "alice"), STORE_OK);
    silence(store, "0c", "firing", 300, true);
    assert_string_equal(record("0c"), "done 1");
    redis("ZADD 'tw:seen:{tw:alerts}' 1 0d");
    silence(store, "0d", "firing", 400, false);
    assert_string_equal(redis("EXISTS tw:delivery:0d"), "0");
}

// A late row begins an incident: it is older than the end of the one before, and comes behind it.
static void what_is_new_comes_as_its_topic_goes(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    silence(store, "0a", "resolved", 7, false); // its beginning was told before
    silence(store, "0b", "firing", 8, false);
    assert_string_equal(record("0a"), "skipped 0 night");
    assert_string_equal(record("0b"), "silenced 0 night");
    silence(store, "0b", "firing", 8, false); // planned again after a crash
    silence(store, "0a", "resolved", 7, false);
    assert_string_equal(record("0b"), "silenced 0 night");
    assert_int_equal(look(store, false, 1), 1);
    assert_string_equal(record("0b"), "pending 0");
    // A topic that begins anew counts from 1 again.
    silence(store, "0c", "still", 50, false);
    silence(store, "0d", "firing", 1, false);
    assert_string_equal(record("0c"), "skipped 0 night");
    assert_string_equal(record("0d"), "silenced 0 night");
}

// That a series is silent, and is back, says nothing of what fires on it.
static void a_series_that_is_silent_hides_nothing_that_fires(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    silence(store, "0a", "firing", 5, false);
    silence(store, "0b", "nodata", 6, false);
    silence(store, "0c", "data", 7, false);
    assert_string_equal(record("0a"), "silenced 0 night");
    assert_string_equal(record("0b"), "skipped 0 night");
    assert_int_equal(look(store, false, 2), 1);
    assert_string_equal(record("0a"), "pending 0");
    assert_string_equal(record("0c"), "skipped 0 night"); // nobody was told that it was silent
    silence(store, "0d", "nodata", 8, false);
    silence(store, "0e", "resolved", 9, false);
    assert_int_equal(look(store, false, 2), 2);
    assert_string_equal(record("0d"), "pending 0");
}

static void what_waits_is_bounded_and_may_be_gone(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    store_limits(store)->deliveries = 0;
    silence(store, "0a", "firing", 100, false);
    assert_string_equal(record("0a"), "dead 0 too many deliveries wait");
    store_limits(store)->deliveries = 10;
    silence(store, "0b", "firing", 200, false);
    redis("DEL 'tw:{deliveries}:body:0b'");
    assert_int_equal(look(store, true, 1), 0);
    assert_string_equal(record("0b"), "skipped 0 night");
    assert_int_equal(look(store, true, 0), 0);
    redis("ZADD 'tw:{deliveries}:silenced' 1 odd");
    assert_int_equal(look(store, true, 1), 0);
    assert_int_equal(look(store, true, 0), 0);
}

// ---- silences -------------------------------------------------------------------------------

static void on_silence(void *context, const store_rule_t *written)
{
    buffer_printf(context, "%s(%zu);", written->name, written->count);
}

static void silences_are_found_and_answered(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    owned(buffer_destroy) buffer_t seen = { 0 };
    const store_field_t fields[] = { { "rule", "spike" }, { "why", "x" } };
    expect(store, store_silence_set(store, "b", fields, 2), STORE_OK);
    redis("SET tw:silence:a wrong");
    expect(store, store_silences(store, on_silence, &seen), STORE_OK);
    assert_string_equal(buffer_string(&seen), "a(0);b(2);");
    int64_t at_ms;
    expect(store, store_silence_expires(store, "b", &at_ms), STORE_OK);
    assert_true(at_ms < 0);
    redis("PEXPIREAT tw:silence:b 4000000000000");
    expect(store, store_silence_expires(store, "b", &at_ms), STORE_OK);
    assert_true(at_ms == 4000000000000);
    expect(store, store_silence_status(store, "b", "error", "no"), STORE_OK);
    assert_string_equal(redis("HGET tw:status:silence:b error"), "no");
    buffer_clear(&seen);
    expect(store, store_rule_statuses(store, on_silence, &seen), STORE_OK); // is none of a rule
    assert_string_equal(buffer_string(&seen), "");
    expect(store, store_silence_status_remove(store, "b"), STORE_OK);
    assert_string_equal(redis("EXISTS tw:status:silence:b"), "0");
    bool found;
    expect(store, store_silence_remove(store, "b", &found), STORE_OK);
    assert_true(found);
    expect(store, store_silence_remove(store, "b", &found), STORE_OK);
    assert_false(found);
}

static void on_name(void *context, slice_t name, bool is_answer)
{
    buffer_printf(context, "%.*s%s;", (int) name.size, (const char *) name.data,
                  is_answer ? "!" : "");
}

static void on_read(void *context, const store_rule_t *written, int64_t expires_ms)
{
    buffer_printf(context, "%s(%zu)%" PRId64 ";", written->name, written->count, expires_ms);
}

static void silences_are_found_in_steps_and_read_alone(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    owned(buffer_destroy) buffer_t seen = { 0 };
    char cursor[STORE_CURSOR_MAX] = "0";
    redis("HSET tw:silence:a rule x > /dev/null");
    redis("SET tw:status:silence:b text > /dev/null");
    redis("HSET tw:rule:silence:c rule x > /dev/null"); // none of ours
    do
        expect(store, store_silence_scan(store, cursor, on_name, &seen), STORE_OK);
    while (strcmp(cursor, "0") != 0);
    const char *names = buffer_string(&seen);
    assert_true(strcmp(names, "a;b!;") == 0 || strcmp(names, "b!;a;") == 0);
    buffer_clear(&seen);
    redis("SET tw:silence:d text > /dev/null");
    redis("PEXPIREAT tw:silence:d 4000000000000 > /dev/null");
    expect(store, store_silence_read(store, "a", on_read, &seen), STORE_OK);
    expect(store, store_silence_read(store, "d", on_read, &seen), STORE_OK);
    expect(store, store_silence_read(store, "gone", on_read, &seen), STORE_OK);
    assert_string_equal(buffer_string(&seen), "a(1)-1;d(0)4000000000000;");
    int64_t at_ms;
    expect(store, store_silence_expires(store, "gone", &at_ms), STORE_OK);
    assert_true(at_ms == STORE_EXPIRES_GONE);
    // An answer takes the place of whatever stands there.
    expect(store, store_silence_status(store, "b", "ok", ""), STORE_OK);
    assert_string_equal(redis("HGET tw:status:silence:b state"), "ok");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_newest_is_told_when_it_is_over, flush),
        cmocka_unit_test_setup(what_began_and_ended_meanwhile_is_told_to_nobody, flush),
        cmocka_unit_test_setup(what_waited_already_joins_in_order_of_its_topic, flush),
        cmocka_unit_test_setup(what_is_new_comes_as_its_topic_goes, flush),
        cmocka_unit_test_setup(a_series_that_is_silent_hides_nothing_that_fires, flush),
        cmocka_unit_test_setup(what_waits_is_bounded_and_may_be_gone, flush),
        cmocka_unit_test_setup(silences_are_found_and_answered, flush),
        cmocka_unit_test_setup(silences_are_found_in_steps_and_read_alone, flush),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
