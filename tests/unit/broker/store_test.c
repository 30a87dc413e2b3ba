/*  Connection, health, registry and partitions of store, against a real redis-server. */
#include "tests/unit/broker/store_fixture.h"

static void refuses_bad_addresses_and_namespaces(void **state)
{
    (void) state;
    static const char *const urls[] = { "",           "redis",          "unix://relative",
                                        "redis://",   "redis://:1",     "redis://h:70000",
                                        "redis://h:", "redis://h:1/x",  "redis://[::1",
                                        "http://h",   "redis://h:1/-1", "rediss://h" };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        fault_t fault = { 0 };
        store_t *store = store_new(urls[i], NULL, "tw", &fault);
        if (store)
            fail_msg("'%s' was taken", urls[i]);
        assert_non_null(strstr(fault.text, "redis"));
    }
    static const char *const names[] = { "",    "1a",  "_a",
                                         "Tw",  "a-b", "a:b",
                                         "a{b", "a b", "abcdefghijklmnopqrstuvwxyzabcdefg" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        fault_t fault = { 0 };
        assert_null(store_new("unix:///x", NULL, names[i], &fault));
        assert_non_null(strstr(fault.text, "namespace"));
    }
    static const char *const good[] = {
        "unix:///tmp/x",    "redis://h", "redis://h/", "redis://h:1", "redis://127.0.0.1:6379/3",
        "redis://[::1]:7/0"
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        store_t *store = store_new(good[i], "secret", "a_1", NULL);
        assert_non_null(store);
        store_destroy(&store);
        assert_null(store);
    }
}

static void says_when_nobody_answers(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = store_new("unix:///tmp/no-such.sock", NULL, "tw", NULL);
    expect(store, store_ping(store), STORE_DOWN);
    assert_non_null(strstr(store_error(store), "no-such.sock"));
    assert_int_equal(store_descriptor(store), -1);
    assert_int_equal(store_epoch(store), 0);
}

static void pings_and_tells_missing_append_only_file(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    expect(store, store_ping(store), STORE_OK);
    assert_int_equal(store_epoch(store), 1);
    assert_true(store_descriptor(store) >= 0);
    redis("CONFIG SET appendonly no");
    expect(store, store_ping(store), STORE_REFUSED);
    assert_non_null(strstr(store_error(store), "appendonly yes"));
    redis("CONFIG SET appendonly yes");
    redis("CONFIG SET maxmemory-policy allkeys-lru");
    assert_int_equal(store_ping(store), STORE_REFUSED);
    assert_non_null(strstr(store_error(store), "noeviction"));
    redis("CONFIG SET maxmemory-policy noeviction");
    expect(store, store_ping(store), STORE_OK);
}

static void a_redis_that_hangs_is_given_up(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    expect(store, store_ping(store), STORE_OK);
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    server_pause();
    store_status_t status = store_ping(store);
    server_resume();
    clock_gettime(CLOCK_MONOTONIC, &end);
    assert_int_equal(status, STORE_DOWN);
    assert_string_equal(store_error(store), "no answer in time");
    assert_in_range((end.tv_sec - start.tv_sec) * 1000, STORE_TIMEOUT_MS - 1000,
                    STORE_TIMEOUT_MS + 2000);
    assert_int_equal(ping_patiently(store), STORE_OK);
    assert_int_equal(store_epoch(store), 2);
}

typedef struct {
    char text[4096];
} notes_t;

static void note_actor(void *context, const store_actor_t *actor)
{
    notes_t *notes = context;
    size_t size = strlen(notes->text);
    const char *port = store_actor_field(actor, "port");
    snprintf(notes->text + size, sizeof notes->text - size, "%s/%s=%s;", actor->role, actor->name,
             port ? port : "-");
}

static void registry_lists_who_is_alive(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    store_field_t port = { "port", "1" }, other = { "port", "2" };
    expect(store, store_beat(store, "prep", "b", 60000, &port, 1), STORE_OK);
    expect(store, store_beat(store, "prep", "a", 60000, &port, 1), STORE_OK);
    expect(store, store_beat(store, "collector", "c", 1500, &port, 1), STORE_OK);
    expect(store, store_beat(store, "prep", "a", 60000, &other, 1), STORE_OK);
    notes_t notes = { "" };
    expect(store, store_actors(store, NULL, note_actor, &notes), STORE_OK);
    assert_string_equal(notes.text, "collector/c=1;prep/a=2;prep/b=1;");
    pause_ms(1550); // the collector's lease runs out
    notes = (notes_t){ "" };
    expect(store, store_actors(store, NULL, note_actor, &notes), STORE_OK);
    assert_string_equal(notes.text, "prep/a=2;prep/b=1;");
    assert_string_equal(redis("EXISTS 'tw:{actors}:collector:c'"), "0");
    expect(store, store_leave(store, "prep", "a"), STORE_OK);
    notes = (notes_t){ "" };
    expect(store, store_actors(store, "prep", note_actor, &notes), STORE_OK);
    assert_string_equal(notes.text, "prep/b=1;");
    notes = (notes_t){ "" };
    expect(store, store_actors(store, "notifier", note_actor, &notes), STORE_OK);
    assert_string_equal(notes.text, "");
}

static void a_partition_has_one_owner_at_a_time(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    store_id_t a, b, again;
    expect(store, store_claim(store, 7, "a", 60000, &a), STORE_OK);
    expect(store, store_claim(store, 7, "b", 60000, &b), STORE_FENCED);
    expect(store, store_claim(store, 7, "a", 1500, &again), STORE_OK);
    assert_memory_not_equal(&a, &again, sizeof a);
    char owners[PARTITIONS][64];
    expect(store, store_owners(store, owners), STORE_OK);
    assert_string_equal(owners[7], "a");
    assert_string_equal(owners[8], "");
    pause_ms(1550);
    expect(store, store_owners(store, owners), STORE_OK);
    assert_string_equal(owners[7], "");
    expect(store, store_claim(store, 7, "b", 60000, &b), STORE_OK);
    expect(store, store_release(store, 7, again), STORE_FENCED);
    expect(store, store_release(store, 7, b), STORE_OK);
    expect(store, store_claim(store, 7, "a", 60000, &a), STORE_OK);
}

static void renewing_keeps_mine_and_names_the_lost(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    store_id_t tokens[PARTITIONS] = { 0 }, thief;
    partitions_t held = { 0 };
    static const unsigned mine[] = { 0, 1, 16, 17, 255 };
    for (size_t i = 0; i < 5; i++) {
        expect(store, store_claim(store, mine[i], "a", 150, &tokens[mine[i]]), STORE_OK);
        partitions_add(&held, mine[i]);
    }
    pause_ms(200);
    expect(store, store_claim(store, 17, "thief", 60000, &thief), STORE_OK);
    expect(store, store_renew(store, 60000, tokens, &held), STORE_OK);
    for (unsigned partition = 0; partition < PARTITIONS; partition++) {
        bool expected = partition == 0 || partition == 1 || partition == 16 || partition == 255;
        assert_int_equal(partitions_has(&held, partition), expected);
    }
    // Renewed although the lease had run out: nobody had taken it.
    expect(store, store_claim(store, 16, "b", 60000, &thief), STORE_FENCED);
}

// As a worker does at its start, and at its end.
static void all_are_claimed_and_released_in_one_trip(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    static store_id_t tokens[PARTITIONS], thief;
    partitions_t all, wanted, none = { 0 };
    memset(&all, 0xff, sizeof all);
    expect(store, store_claim(store, 17, "thief", 60000, &thief), STORE_OK);
    wanted = all;
    expect(store, store_claim_all(store, "a", 60000, tokens, &wanted), STORE_OK);
    for (unsigned partition = 0; partition < PARTITIONS; partition++)
        assert_int_equal(partitions_has(&wanted, partition), partition != 17);
    char owners[PARTITIONS][64];
    expect(store, store_owners(store, owners), STORE_OK);
    assert_string_equal(owners[16], "a");
    assert_string_equal(owners[17], "thief");
    assert_memory_not_equal(&tokens[0], &tokens[16], sizeof tokens[0]);
    partitions_t held = wanted;
    expect(store, store_renew(store, 60000, tokens, &held), STORE_OK);
    assert_memory_equal(&held, &wanted, sizeof held);
    expect(store, store_claim_all(store, "a", 60000, tokens, &none), STORE_OK);
    expect(store, store_release_all(store, tokens, &all), STORE_OK);
    expect(store, store_owners(store, owners), STORE_OK);
    for (unsigned partition = 0; partition < PARTITIONS; partition++)
        assert_string_equal(owners[partition], partition == 17 ? "thief" : "");
}

static void two_namespaces_do_not_meet(void **state)
{
    (void) state;
    owned(store_destroy) store_t *one = open_store("one");
    owned(store_destroy) store_t *two = open_store("one_2");
    store_id_t a, b;
    store_field_t port = { "port", "1" };
    expect(one, store_claim(one, 3, "a", 60000, &a), STORE_OK);
    expect(two, store_claim(two, 3, "b", 60000, &b), STORE_OK);
    expect(one, store_beat(one, "prep", "a", 60000, &port, 1), STORE_OK);
    store_commit_t commit = {
        .partition = 3, .token = a, .mine = id_of(1), .delta = slice_text("d")
    };
    expect(two, commit_one(two, &commit), STORE_FENCED);
    expect(one, commit_one(one, &commit), STORE_OK);
    notes_t notes = { "" };
    expect(two, store_actors(two, NULL, note_actor, &notes), STORE_OK);
    assert_string_equal(notes.text, "");
    assert_string_equal(redis("--raw KEYS 'one_2:*'"), "one_2:m:{3}:3");
    assert_string_equal(redis("--raw FUNCTION LIST | grep -cx tw_one_2"), "1");
    assert_string_equal(redis("--raw FUNCTION LIST | grep -cx tw_one_2_2"), "1");
}

static void note_failing(void *context, const store_failing_t *failing)
{
    char *text = context;
    size_t used = strlen(text);
    snprintf(text + used, 512 - used, "%s %d %d %s;", failing->source, (int) failing->failures,
             (int) failing->since_ms, failing->reason);
}

static void sources_that_fail_are_told_and_forgotten(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    const store_failing_t items[] = { { "b", "no route: 3 tries", 7, 1000 }, { "a", "", 1, 2000 } };
    char text[512] = "";
    expect(store, store_failing(store, "c", note_failing, text), STORE_OK);
    assert_string_equal(text, "");
    expect(store, store_failing_put(store, "c", 60000, items, 2), STORE_OK);
    expect(store, store_failing(store, "c", note_failing, text), STORE_OK);
    assert_string_equal(text, "a 1 2000 ;b 7 1000 no route: 3 tries;");
    assert_true(atoi(redis("PTTL 'tw:{failing}:c'")) > 50000);
    // What is said next replaces it.
    expect(store, store_failing_put(store, "c", 60000, items, 1), STORE_OK);
    text[0] = '\0';
    expect(store, store_failing(store, "c", note_failing, text), STORE_OK);
    assert_string_equal(text, "b 7 1000 no route: 3 tries;");
    expect(store, store_failing_put(store, "c", 60000, NULL, 0), STORE_OK);
    assert_string_equal(redis("EXISTS 'tw:{failing}:c'"), "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(refuses_bad_addresses_and_namespaces, flush),
        cmocka_unit_test_setup(says_when_nobody_answers, flush),
        cmocka_unit_test_setup(pings_and_tells_missing_append_only_file, flush),
        cmocka_unit_test_setup(a_redis_that_hangs_is_given_up, flush),
        cmocka_unit_test_setup(registry_lists_who_is_alive, flush),
        cmocka_unit_test_setup(a_partition_has_one_owner_at_a_time, flush),
        cmocka_unit_test_setup(renewing_keeps_mine_and_names_the_lost, flush),
        cmocka_unit_test_setup(all_are_claimed_and_released_in_one_trip, flush),
        cmocka_unit_test_setup(two_namespaces_do_not_meet, flush),
        cmocka_unit_test_setup(sources_that_fail_are_told_and_forgotten, flush),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
