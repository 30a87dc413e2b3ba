/*  store_gather_test -- deliveries that go as one letter share what becomes of the first. Against
 *  a real redis-server.
 */
#include "tests/unit/broker/store_fixture.h"

#include "broker/store_gather.h"
#include "broker/store_silences.h"
#include "proto/owned.h"

enum { WINDOW_MS = 2000 }; // long enough for a loaded machine to gather within it

static void plan(store_t *store, const char *id)
{
    const store_told_t told = { "alice", "" };
    expect(store, store_delivery_plan(store, slice_text(id), slice_text(id), &told, 1), STORE_OK);
}

static void on_body(void *context, slice_t body)
{
    buffer_printf(context, " %.*s", (int) body.size, (const char *) body.data);
}

// "<count> <body> ..." of what it is told about this one.
static const char *gather(store_t *store, const char *id, const char *kind, unsigned most)
{
    static char text[128];
    const store_gather_t asked = { id,        "alice", "", slice_text("spike"), slice_text(kind),
                                   WINDOW_MS, most };
    owned(buffer_destroy) buffer_t bodies = { 0 };
    uint64_t count;
    expect(store, store_delivery_gather(store, &asked, &count, on_body, &bodies), STORE_OK);
    snprintf(text, sizeof text, "%u%s", (unsigned) count, buffer_string(&bodies));
    return text;
}

static const char *record(const char *id)
{
    return redis("HGET tw:delivery:%s alice", id);
}

static const char *waiting(void)
{
    return redis("--raw ZRANGE 'tw:{deliveries}:of:alice' 0 -1 | sort | paste -sd ' '");
}

static void gather_three(store_t *store)
{
    for (const char *const *id = (const char *[]){ "0a", "0b", "0c", NULL }; *id; id++) {
        plan(store, *id);
        assert_string_equal(gather(store, *id, "firing", 10), "0");
    }
    assert_string_equal(waiting(), "0a");
    assert_string_equal(redis("GET 'tw:{deliveries}:count'"), "3");
    pause_ms(WINDOW_MS + 50);
}

static void on_leader(void *context, const store_delivery_t *delivery)
{
    *(bool *) context = delivery->leads;
}

// The subscriber wants no groups any more while a letter waits: whoever goes alone speaks for
// nobody.
static void one_that_goes_alone_speaks_for_no_other(void **state)
{
    (void) state;
    bool leads = false;
    const store_claim_t claim = { .count = 1, .each = 1, .hidden_ms = 60000 };
    owned(store_destroy) store_t *store = open_store("tw");
    gather_three(store);
    expect(store, store_delivery_due(store, &claim, on_leader, &leads), STORE_OK);
    assert_true(leads);
    expect(store, store_delivery_alone(store, "0a", "alice"), STORE_OK);
    expect(store, store_delivery_done(store, "0a", "alice"), STORE_OK);
    assert_string_equal(record("0a"), "done 1");
    assert_string_equal(record("0b"), "pending 0");
    assert_string_equal(waiting(), "0b 0c");
    assert_string_equal(redis("GET 'tw:{deliveries}:count'"), "2");
    expect(store, store_delivery_due(store, &claim, on_leader, &leads), STORE_OK);
    assert_false(leads);
}

static void what_comes_within_a_while_goes_with_the_first(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    gather_three(store);
    plan(store, "0d"); // too late: the next letter
    assert_string_equal(gather(store, "0d", "firing", 10), "0");
    assert_string_equal(gather(store, "0a", "firing", 10), "3 0a 0b 0c");
    assert_string_equal(gather(store, "0a", "firing", 10), "3 0a 0b 0c");
    expect(store, store_delivery_retry(store, "0a", "alice", "", 0, "HTTP 500"), STORE_OK);
    assert_string_equal(record("0c"), "retry 1 HTTP 500");
    assert_string_equal(gather(store, "0a", "firing", 10), "3 0a 0b 0c");
    expect(store, store_delivery_done(store, "0a", "alice"), STORE_OK);
    assert_string_equal(record("0a"), "done 2");
    assert_string_equal(record("0b"), "done 2");
    assert_string_equal(redis("EXISTS 'tw:{deliveries}:body:0b' 'tw:{deliveries}:group:0a/alice'"),
                        "0");
    assert_string_equal(redis("GET 'tw:{deliveries}:count'"), "1");
    assert_string_equal(waiting(), "0d");
}

static void another_kind_and_a_full_letter_stay_apart(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    for (const char *const *id = (const char *[]){ "0a", "0b", "0c", "0d", NULL }; *id; id++)
        plan(store, *id);
    gather(store, "0a", "firing", 2);
    gather(store, "0b", "resolved", 2);
    gather(store, "0c", "firing", 2);
    gather(store, "0d", "firing", 2); // the first of another
    assert_string_equal(redis("LLEN 'tw:{deliveries}:group:0a/alice'"), "2");
    assert_string_equal(redis("LLEN 'tw:{deliveries}:group:0b/alice'"), "1");
    pause_ms(WINDOW_MS + 50);
    assert_string_equal(gather(store, "0d", "firing", 2), "1");
    assert_string_equal(gather(store, "0a", "firing", 2), "2 0a 0c");
}

static void who_gives_one_up_gives_up_all(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    uint64_t again;
    gather_three(store);
    expect(store, store_delivery_dead(store, "0a", "alice", "", "HTTP 410"), STORE_OK);
    assert_string_equal(record("0c"), "dead 1 HTTP 410");
    expect(store, store_delivery_again(store, "alice", slice_text(""), &again), STORE_OK);
    assert_int_equal(again, 3);
    assert_string_equal(waiting(), "0a 0b 0c");
}

// The record of the first expires, or a person removes it; or it is silenced, and the others are
// not.
static void without_the_first_each_waits_for_itself(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    gather_three(store);
    redis("DEL tw:delivery:0a");
    expect(store, store_delivery_dead(store, "0a", "alice", "", "expired"), STORE_OK);
    assert_string_equal(waiting(), "0b 0c");
    assert_string_equal(redis("GET 'tw:{deliveries}:count'"), "2");
    plan(store, "0d");
    gather(store, "0b", "firing", 10);
    gather(store, "0c", "firing", 10);
    const store_told_t told = { "alice", "" };
    const store_silenced_t news = { slice_text("0b"), slice_text("B"),      slice_text("spike"),
                                    slice_text("s"),  slice_text("firing"), 1,
                                    "night" };
    expect(store, store_delivery_silence(store, &news, true, &told, 1), STORE_OK);
    assert_string_equal(record("0b"), "silenced 0 night");
    assert_string_equal(waiting(), "0c 0d");
    assert_string_equal(redis("GET 'tw:{deliveries}:count'"), "2");
}

static void on_member(void *context, const char *alert_id, slice_t body)
{
    buffer_printf(context, "%s %.*s;", alert_id, (int) body.size, (const char *) body.data);
}

static const char *letter(store_t *store, const char *id, uint64_t from)
{
    static char text[512];
    uint64_t count;
    owned(buffer_destroy) buffer_t seen = { 0 };
    expect(store, store_delivery_letter(store, id, "alice", from, on_member, &seen, &count),
           STORE_OK);
    snprintf(text, sizeof text, "%u:%s", (unsigned) count, buffer_string(&seen));
    return text;
}

static void some_may_leave_a_letter(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    gather_three(store);
    assert_string_equal(letter(store, "0a", 1), "2:0b 0b;0c 0c;");
    assert_string_equal(letter(store, "0a", 3), "0:");
    redis("DEL 'tw:{deliveries}:body:0c'");
    assert_string_equal(letter(store, "0a", 0), "3:0a 0a;0b 0b;");
    const char *const ids[] = { "0b", "0f" }; // 0f never was in it
    expect(store, store_delivery_part(store, "0a", "alice", ids, 2), STORE_OK);
    assert_string_equal(letter(store, "0a", 0), "2:0a 0a;");
    assert_string_equal(waiting(), "0a 0b");
    assert_string_equal(redis("GET 'tw:{deliveries}:count'"), "3");
    expect(store, store_delivery_done(store, "0a", "alice"), STORE_OK);
    assert_string_equal(record("0b"), "pending 0");
    assert_string_equal(record("0c"), "done 1");
    assert_string_equal(waiting(), "0b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_that_goes_alone_speaks_for_no_other, flush),
        cmocka_unit_test_setup(what_comes_within_a_while_goes_with_the_first, flush),
        cmocka_unit_test_setup(another_kind_and_a_full_letter_stay_apart, flush),
        cmocka_unit_test_setup(who_gives_one_up_gives_up_all, flush),
        cmocka_unit_test_setup(some_may_leave_a_letter, flush),
        cmocka_unit_test_setup(without_the_first_each_waits_for_itself, flush),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
