/*  What store keeps of Tidewire's own illness, and who has subscribed to what; against a real
 *  redis-server.
 */
#include "broker/store_degraded.h"
#include "tests/unit/broker/store_fixture.h"

enum { TEXT_BYTES = 8192 };

static void add(void *context, const char *cause, const char *note)
{
    char *text = context;
    size_t end = strlen(text);
    snprintf(text + end, TEXT_BYTES - end, "%s=%s;", cause, note);
}

static void a_note_changes_by_compare_and_set(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    char text[TEXT_BYTES] = "";
    expect(store, store_degraded(store, add, text), STORE_OK);
    assert_string_equal(text, "");
    expect(store, store_degraded_note(store, "work", "telling 1", "degraded 1"), STORE_STALE);
    expect(store, store_degraded_note(store, "work", "", "telling 1"), STORE_OK);
    expect(store, store_degraded_note(store, "work", "", "telling 2"), STORE_STALE);
    expect(store, store_degraded_note(store, "work", "telling 1", "degraded 1"), STORE_OK);
    expect(store, store_degraded(store, add, text), STORE_OK);
    assert_string_equal(text, "work=degraded 1;");
    assert_string_equal(redis("HGET tw:{degraded}:causes work"), "degraded 1");
}

static void whom_it_was_told_to_is_forgotten_with_the_note(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    const store_field_t told[] = { { "alice", "1 a" }, { "bob", "2 a,b" } };
    expect(store, store_degraded_note(store, "work", "", "x"), STORE_OK);
    expect(store, store_degraded_note(store, "log:c1", "", "y"), STORE_OK);
    expect(store, store_degraded_told_put(store, "work", told, 2), STORE_OK);
    expect(store, store_degraded_told_put(store, "work", told, 1), STORE_OK);
    expect(store, store_degraded_told_put(store, "log:c1", told, 1), STORE_OK);
    store_cursor_t cursor = { "0" };
    char text[TEXT_BYTES] = "";
    expect(store, store_degraded_told(store, "work", &cursor, add, text), STORE_OK);
    assert_string_equal(cursor.text, "0");
    assert_true(strcmp(text, "alice=1 a;bob=2 a,b;") == 0 ||
                strcmp(text, "bob=2 a,b;alice=1 a;") == 0);
    expect(store, store_degraded_note(store, "work", "z", ""), STORE_STALE);
    assert_string_equal(redis("EXISTS tw:{degraded}:told:work"), "1");
    expect(store, store_degraded_note(store, "work", "x", ""), STORE_OK);
    assert_string_equal(redis("EXISTS tw:{degraded}:told:work"), "0");
    assert_string_equal(redis("HLEN tw:{degraded}:causes"), "1");
    assert_string_equal(redis("HLEN tw:{degraded}:told:log:c1"), "1");
}

static void count_told(void *context, const char *name, const char *rules)
{
    bool *seen = context;
    assert_string_equal(rules, "1 a");
    seen[atoi(name + 1)] = true;
}

static void many_are_visited_page_by_page(void **state)
{
    (void) state;
    enum { MANY = 1000 };
    owned(store_destroy) store_t *store = open_store("tw");
    static char names[MANY][16];
    static store_field_t told[MANY];
    static bool seen[MANY];
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "s%d", i);
        told[i] = (store_field_t){ names[i], "1 a" };
        seen[i] = false;
    }
    expect(store, store_degraded_told_put(store, "work", told, MANY), STORE_OK);
    store_cursor_t cursor = { "0" };
    unsigned pages = 0;
    do {
        expect(store, store_degraded_told(store, "work", &cursor, count_told, seen), STORE_OK);
        pages++;
    } while (strcmp(cursor.text, "0") != 0);
    assert_true(pages > 1);
    for (int i = 0; i < MANY; i++)
        assert_true(seen[i]);
}

// ---- subscriptions --------------------------------------------------------------------------

static bool not_the_cheap(void *context, slice_t rule)
{
    (void) context;
    return !slice_is(rule, "cheap");
}

static void add_subscriber(void *context, slice_t rule, const char *name)
{
    char *text = context, pair[64];
    snprintf(pair, sizeof pair, "%.*s/%s;", (int) rule.size, (const char *) rule.data, name);
    if (!strstr(text, pair)) // one may be visited twice
        strcat(text, pair);
}

static size_t subscribed(store_t *store, char *text)
{
    static const store_subscribed_t visit = { not_the_cheap, add_subscriber };
    store_cursor_t cursor = { "0" };
    size_t pages = 0;
    do {
        expect(store, store_subscribed(store, &cursor, &visit, text), STORE_OK);
        pages++;
    } while (strcmp(cursor.text, "0") != 0);
    return pages;
}

static void subscriptions_are_found_by_rule(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    char text[TEXT_BYTES] = "";
    redis("SADD tw:subs:dear alice");
    redis("SADD tw:subs:dear:quote:a bob");
    redis("SADD tw:subs:cheap carol");
    redis("SADD tw:subs:cheap:quote:a carol");
    redis("SADD other:subs:dear dave");
    redis("SET tw:subs:odd text");
    subscribed(store, text);
    assert_int_equal(strlen(text), strlen("dear/alice;dear/bob;"));
    assert_non_null(strstr(text, "dear/alice;"));
    assert_non_null(strstr(text, "dear/bob;"));
}

static void many_subscriptions_among_many_keys(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    static char text[TEXT_BYTES];
    text[0] = '\0';
    redis("EVAL \"for i = 1, 6000 do redis.call('SET', 'tw:latest:' .. i, 'x') end "
          "for i = 1, 600 do redis.call('SADD', 'tw:subs:r' .. i, 's') end\" 0");
    assert_true(subscribed(store, text) > 1);
    for (int i = 1; i <= 600; i++) {
        char pair[16];
        snprintf(pair, sizeof pair, "r%d/s;", i);
        if (!strstr(text, pair))
            fail_msg("%s is missing", pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_note_changes_by_compare_and_set, flush),
        cmocka_unit_test_setup(whom_it_was_told_to_is_forgotten_with_the_note, flush),
        cmocka_unit_test_setup(many_are_visited_page_by_page, flush),
        cmocka_unit_test_setup(subscriptions_are_found_by_rule, flush),
        cmocka_unit_test_setup(many_subscriptions_among_many_keys, flush),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
