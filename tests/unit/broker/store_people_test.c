/*  What people write and read in Redis, as store sees it: rules, status, plans, latest values,
 *  refused rows, and the watch on changes. Against a real redis-server.
 */
#include <poll.h>

#include "tests/unit/broker/store_fixture.h"

typedef struct {
    char text[8192];
    size_t count;
} notes_t;

static void note(notes_t *to, const char *text)
{
    size_t end = strlen(to->text);
    snprintf(to->text + end, sizeof to->text - end, "%s", text);
    to->count++;
}

// ---- rules ---------------------------------------------------------------------------------

static void on_rule(void *context, const store_rule_t *rule)
{
    char text[512];
    snprintf(text, sizeof text, "%s(%zu)%s=%s;", rule->name, rule->count,
             rule->count ? rule->fields[0].name : "", rule->count ? rule->fields[0].value : "");
    note(context, text);
}

static void rules_are_found_as_people_write_them(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    notes_t none = { 0 }, notes = { 0 }, after = { 0 };
    expect(store, store_rules(store, on_rule, &none), STORE_OK);
    assert_int_equal(none.count, 0);
    redis("HSET tw:rule:b-2 when 'x > 1'");
    redis("HSET tw:rule:a on candle");
    redis("HSET other:rule:c on candle");
    redis("HSET xtw:rule:d on candle");
    redis("SET tw:rule:wrong text");
    store_field_t fields[] = { { "on", "trade" }, { "when", "y > 2" } };
    expect(store, store_rule_set(store, "c", fields, 2), STORE_OK);
    expect(store, store_rule_set(store, "c", fields, 1), STORE_OK); // replaces, does not add
    expect(store, store_rules(store, on_rule, &notes), STORE_OK);
    assert_string_equal(notes.text, "a(1)on=candle;b-2(1)when=x > 1;c(1)on=trade;wrong(0)=;");
    expect(store, store_rule_remove(store, "c"), STORE_OK);
    expect(store, store_rule_remove(store, "wrong"), STORE_OK);
    expect(store, store_rules(store, on_rule, &after), STORE_OK);
    assert_string_equal(after.text, "a(1)on=candle;b-2(1)when=x > 1;");
}

static void on_any_rule(void *context, const store_rule_t *rule)
{
    size_t *count = context;
    char expected[32];
    snprintf(expected, sizeof expected, "r%05zu", *count);
    assert_string_equal(rule->name, expected); // each once, in order
    ++*count;
}

static void many_rules_among_many_keys(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    redis("EVAL \"for i=0,2999 do redis.call('HSET', string.format('tw:rule:r%%05d', i), 'on', 't')"
          " redis.call('SET', 'tw:latest:'..i, 1) end\" 0");
    size_t count = 0;
    expect(store, store_rules(store, on_any_rule, &count), STORE_OK);
    assert_int_equal(count, 3000);
}

static void on_asking_rule(void *context, const store_rule_t *rule)
{
    store_t *store = context;
    const store_verdict_t good = { .name = rule->name, .state = "ok", .by = "c1" };
    expect(store, store_rule_verdicts(store, &good, 1), STORE_OK);
}

static void a_visit_may_use_the_store(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    redis("HSET tw:rule:a on x");
    redis("HSET tw:rule:b on x");
    expect(store, store_rules(store, on_asking_rule, store), STORE_OK);
    assert_string_equal(redis("HGET tw:status:b state"), "ok");
}

static void a_verdict_leaves_no_error_of_before(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    const store_verdict_t bad = { "r", "error", "1:5: no such column", "c1", 0 };
    const store_verdict_t good[] = { { "r", "ok", NULL, "c2", 90 },
                                     { "q", "error", "why", "c2", 0 } };
    expect(store, store_rule_verdicts(store, &bad, 1), STORE_OK);
    assert_string_equal(redis("HGET tw:status:r error"), "1:5: no such column");
    expect(store, store_rule_verdicts(store, good, 2), STORE_OK);
    assert_string_equal(redis("--raw HGETALL tw:status:r | paste -sd ' '"),
                        "state ok by c2 cost 90");
    notes_t notes = { 0 };
    expect(store, store_rule_statuses(store, on_rule, &notes), STORE_OK);
    assert_string_equal(notes.text, "q(4)state=error;r(3)state=ok;");
}

// More than go at once; one of them cannot be written, and some rules are gone.
static void verdicts_by_the_thousand(void **state)
{
    (void) state;
    enum { COUNT = 1000 };
    owned(store_destroy) store_t *store = open_store("tw");
    char(*names)[16] = calloc(COUNT, sizeof *names);
    store_verdict_t *verdicts = calloc(COUNT, sizeof *verdicts);
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "r%04d", i);
        verdicts[i] = (store_verdict_t){ names[i], "ok", i % 2 ? "odd" : NULL, "c1", 1 };
    }
    redis("SET tw:status:r0500 x");
    expect(store, store_rule_verdicts(store, verdicts, COUNT), STORE_REFUSED);
    assert_string_equal(redis("HGET tw:status:r0999 error"), "odd");
    assert_string_equal(redis("HGET tw:status:r0998 state"), "ok");
    assert_string_equal(redis("DBSIZE"), "1000");
    for (int i = 0; i < COUNT; i++)
        verdicts[i].state = i == 7 ? "ok" : NULL;
    expect(store, store_rule_verdicts(store, verdicts, COUNT), STORE_OK);
    assert_string_equal(redis("DBSIZE"), "1");
    free(verdicts);
    free(names);
}

// ---- plans and latest values ---------------------------------------------------------------

static void on_plan(void *context, slice_t bytes)
{
    char text[64];
    snprintf(text, sizeof text, "%zu:%u", bytes.size, bytes.data[1]);
    note(context, text);
}

static void plans_are_kept_by_hash(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    notes_t notes = { 0 };
    expect(store, store_plan_put(store, "00ff", slice_of("a\0b", 3)), STORE_OK);
    expect(store, store_plan_get(store, "00ff", on_plan, &notes), STORE_OK);
    assert_string_equal(notes.text, "3:0");
    expect(store, store_plan_get(store, "00fe", on_plan, &notes), STORE_REFUSED);
    assert_non_null(strstr(store_error(store), "00fe"));
    expect(store, store_plan_add(store, "00ff", slice_of("a\1bc", 4)), STORE_OK); // not over it
    expect(store, store_plan_add(store, "00fe", slice_of("a\1bc", 4)), STORE_OK);
    notes = (notes_t){ 0 };
    expect(store, store_plan_get(store, "00ff", on_plan, &notes), STORE_OK);
    assert_string_equal(notes.text, "3:0");
    notes = (notes_t){ 0 };
    expect(store, store_plan_get(store, "00fe", on_plan, &notes), STORE_OK);
    assert_string_equal(notes.text, "4:1");
}

static void latest_values_do_not_go_backwards(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    store_field_t fields[] = { { "close", "1.5" }, { "ratio", NULL }, { "volume", "2" } };
    store_latest_t item = { slice_text("candle:b"), 1700000000000001, fields, 3 };
    expect(store, store_latest_put(store, &item, 1), STORE_OK);
    const char *shown = "ts 1700000000000001 close 1.5 volume 2";
    assert_string_equal(redis("--raw HGETALL tw:latest:candle:b | paste -sd ' '"), shown);
    fields[0].value = "9";
    item.ts_us--;
    expect(store, store_latest_put(store, &item, 1), STORE_OK);
    assert_string_equal(redis("--raw HGETALL tw:latest:candle:b | paste -sd ' '"), shown);
    item.ts_us += 2;
    item.count = 1;
    expect(store, store_latest_put(store, &item, 1), STORE_OK);
    assert_string_equal(redis("--raw HGETALL tw:latest:candle:b | paste -sd ' '"),
                        "ts 1700000000000002 close 9");
    enum { MANY = 1000 };
    static char names[MANY][16];
    static store_latest_t items[MANY];
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "s%d", i);
        items[i] = (store_latest_t){ slice_text(names[i]), i, fields, 1 };
    }
    expect(store, store_latest_put(store, items, MANY), STORE_OK);
    assert_string_equal(redis("HGET tw:latest:s999 ts"), "999");
}

// ---- quarantine ----------------------------------------------------------------------------

static void on_source(void *context, const char *source, uint64_t total, const char *reason)
{
    char text[128];
    snprintf(text, sizeof text, "%s %llu %s;", source, (unsigned long long) total, reason);
    note(context, text);
}

static const char *summary(store_t *store)
{
    static notes_t notes;
    notes = (notes_t){ 0 };
    expect(store, store_quarantine_summary(store, on_source, &notes), STORE_OK);
    return notes.text;
}

static store_quarantine_t refused(uint64_t seq, uint32_t row, const char *reason)
{
    return (store_quarantine_t){ slice_text("s"), seq, row, reason, slice_text("{\"a\":\0") };
}

static void a_refused_row_counts_once(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    store_quarantine_t items[] = { refused(7, 0, "no close"), refused(7, 1, "no close"),
                                   refused(9, UINT32_MAX, "not JSON"), refused(8, 0, "late one") };
    items[2].stream = slice_text("t");
    assert_string_equal(summary(store), "");
    expect(store, store_quarantine_add(store, "feed", items, 3), STORE_OK);
    expect(store, store_quarantine_add(store, "feed", items, 3), STORE_OK); // a replay
    assert_string_equal(summary(store), "feed 3 not JSON;");
    expect(store, store_quarantine_add(store, "feed", items, 4), STORE_OK);
    expect(store, store_quarantine_add(store, "area", items + 3, 1), STORE_OK);
    assert_string_equal(summary(store), "area 1 late one;feed 4 late one;");
    assert_string_equal(
        redis("--raw XREVRANGE 'tw:{quarantine}:log:feed' + - | tail -n +2 | head -10 | "
              "paste -sd ' '"),
        "stream s seq 8 row 0 reason late one snippet {\"a\":");
}

static void remembered_places_are_bounded(void **state)
{
    (void) state;
    enum { ROWS = 3000, SEEN = 100, KEPT = 50 };
    owned(store_destroy) store_t *store = open_store("tw");
    store_limits(store)->quarantine_ids = SEEN;
    store_limits(store)->quarantine_entries = KEPT;
    static store_quarantine_t items[ROWS];
    for (uint32_t i = 0; i < ROWS; i++)
        items[i] = refused(UINT64_MAX - ROWS + i / 10, i % 10, "bad");
    for (int replay = 0; replay < 3; replay++) {
        expect(store, store_quarantine_add(store, "feed", items, ROWS), STORE_OK);
        assert_string_equal(summary(store), "feed 3000 bad;");
    }
    assert_string_equal(redis("ZCARD 'tw:{quarantine}:seen:feed/s'"), "100");
    assert_string_equal(redis("XLEN 'tw:{quarantine}:log:feed'"), "50");
    // One record of an older place that was never seen cannot be told from a replay.
    store_quarantine_t old = refused(1, 0, "old");
    expect(store, store_quarantine_add(store, "feed", &old, 1), STORE_OK);
    assert_string_equal(summary(store), "feed 3000 bad;");
}

// ---- watch ---------------------------------------------------------------------------------

// Wait until the watch says that something may have changed.
static bool changes_within(store_watch_t *watch, int wait_ms, bool *live)
{
    for (int waited = 0; waited < wait_ms; waited += 10) {
        struct pollfd readable = { .fd = store_watch_descriptor(watch), .events = POLLIN };
        poll(&readable, 1, 10);
        if (store_watch_take(watch, live))
            return true;
    }
    return false;
}

static void on_watched(void *context, const slice_t *key)
{
    char text[64];
    snprintf(text, sizeof text, "%.*s;", key ? (int) key->size : 3,
             key ? (const char *) key->data : "all");
    note(context, text);
}

// Of subscriptions it is told which set changed, whatever changed it.
static void the_watch_tells_which_subscriptions(void **state)
{
    (void) state;
    redis("CONFIG SET notify-keyspace-events ''");
    owned(store_watch_destroy) store_watch_t *watch =
        store_watch_new(server.url, NULL, "tw", STORE_WATCH_SUBSCRIPTIONS, NULL);
    notes_t notes = { 0 };
    bool live = false;
    assert_true(store_watch_take_keys(watch, &live, on_watched, &notes));
    assert_true(live);
    redis("SADD tw:subs:r a");
    redis("SADD tw:subs:r:t:x a");
    redis("SREM tw:subs:r a");
    redis("SET tw:subs:q x");
    redis("RENAME tw:subs:q tw:subs:p");
    redis("SADD tw2:subs:r a");
    redis("HSET tw:rule:r on t");
    while (changes_within(watch, 50, &live))
        ; // without a visit nothing is told
    redis("DEL tw:subs:p");
    struct pollfd readable = { .fd = store_watch_descriptor(watch), .events = POLLIN };
    assert_int_equal(poll(&readable, 1, 1000), 1);
    assert_true(store_watch_take_keys(watch, &live, on_watched, &notes));
    redis("EVAL \"redis.call('SADD', 'tw:subs:r', 'a') redis.call('SADD', 'tw:subs:r:t:x', 'b') "
          "redis.call('SREM', 'tw:subs:r', 'a') redis.call('SET', 'tw:subs:q', 1) "
          "redis.call('RENAME', 'tw:subs:q', 'tw:subs:p')\" 0");
    assert_int_equal(poll(&readable, 1, 1000), 1);
    assert_true(store_watch_take_keys(watch, &live, on_watched, &notes));
    store_watch_renew(watch);
    assert_true(store_watch_take_keys(watch, &live, on_watched, &notes));
    // Who takes the last out of a set removes it: two events.
    assert_string_equal(notes.text, "all;p;r;r:t:x;r;r;q;q;p;all;");
    assert_true(live);
}

static void the_watch_hears_of_rules_alone(void **state)
{
    (void) state;
    redis("CONFIG SET notify-keyspace-events El");
    owned(store_watch_destroy) store_watch_t *watch =
        store_watch_new(server.url, NULL, "tw", STORE_WATCH_RULES, NULL);
    assert_non_null(watch);
    bool live = false;
    assert_true(store_watch_take(watch, &live)); // connected: something may have changed
    assert_true(live);
    const char *events = redis("--raw CONFIG GET notify-keyspace-events | tail -1");
    for (const char *event = "KElghx"; *event; event++)
        assert_non_null(strchr(events, *event)); // what others wanted is still there
    assert_false(changes_within(watch, 30, &live));
    redis("HSET tw:subscriber:a x 1");
    redis("HSET tw2:rule:a x 1");
    redis("SADD tw:subs:a b");
    assert_false(changes_within(watch, 50, &live));
    static const char *const changes[] = { "HSET tw:rule:a on t", "HDEL tw:rule:a on",
                                           "HSET tw:rule:b on t", "DEL tw:rule:b" };
    for (size_t i = 0; i < 4; i++) {
        redis("%s", changes[i]);
        assert_true(changes_within(watch, 1000, &live));
        assert_true(live);
    }
    assert_false(changes_within(watch, 50, &live));
}

static void the_watch_comes_back_with_redis(void **state)
{
    (void) state;
    owned(store_watch_destroy) store_watch_t *watch =
        store_watch_new(server.url, NULL, "tw", STORE_WATCH_RULES, NULL);
    bool live = false;
    assert_true(store_watch_take(watch, &live));
    server_kill();
    assert_true(changes_within(watch, 1000, &live)); // lost: something may have changed
    assert_false(live);
    assert_int_equal(store_watch_descriptor(watch), -1);
    server_start();
    assert_true(changes_within(watch, 10000, &live));
    assert_true(live);
    redis("HSET tw:rule:a on t");
    assert_true(changes_within(watch, 1000, &live));
}

static void the_watch_lives_without_config(void **state)
{
    (void) state;
    if (!SERVER_HAS_ACL)
        skip();
    redis("ACL SETUSER limited on '>pw' '~*' '&*' +@all -config");
    redis("CONFIG SET notify-keyspace-events ''");
    redis("CONFIG SET requirepass pw");
    redis("--no-auth-warning -a pw ACL SETUSER default on '>pw' -config");
    owned(store_watch_destroy) store_watch_t *watch =
        store_watch_new(server.url, "pw", "tw", STORE_WATCH_RULES, NULL);
    bool live = true;
    bool changed = store_watch_take(watch, &live);
    redis("--no-auth-warning --user limited -a pw ACL SETUSER default on nopass +@all");
    redis("CONFIG SET requirepass ''");
    assert_true(changed);
    assert_false(live);
}

static void a_wrong_password_is_told(void **state)
{
    (void) state;
    redis("CONFIG SET requirepass right");
    owned(store_destroy) store_t *wrong = store_new(server.url, "wrong", "tw", NULL);
    owned(store_destroy) store_t *none = store_new(server.url, NULL, "tw", NULL);
    owned(store_destroy) store_t *right = store_new(server.url, "right", "tw", NULL);
    store_status_t status[] = { store_ping(wrong), store_ping(none), store_ping(right) };
    redis("--no-auth-warning -a right CONFIG SET requirepass ''");
    assert_int_equal(status[0], STORE_DOWN);
    assert_int_equal(status[1], STORE_DOWN);
    assert_int_equal(status[2], STORE_OK);
    assert_non_null(strstr(store_error(wrong), "WRONGPASS"));
    assert_non_null(strstr(store_error(none), "NOAUTH"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(rules_are_found_as_people_write_them, flush),
        cmocka_unit_test_setup(many_rules_among_many_keys, flush),
        cmocka_unit_test_setup(a_visit_may_use_the_store, flush),
        cmocka_unit_test_setup(a_verdict_leaves_no_error_of_before, flush),
        cmocka_unit_test_setup(verdicts_by_the_thousand, flush),
        cmocka_unit_test_setup(plans_are_kept_by_hash, flush),
        cmocka_unit_test_setup(latest_values_do_not_go_backwards, flush),
        cmocka_unit_test_setup(a_refused_row_counts_once, flush),
        cmocka_unit_test_setup(remembered_places_are_bounded, flush),
        cmocka_unit_test_setup(the_watch_hears_of_rules_alone, flush),
        cmocka_unit_test_setup(the_watch_tells_which_subscriptions, flush),
        cmocka_unit_test_setup(the_watch_comes_back_with_redis, flush),
        cmocka_unit_test_setup(the_watch_lives_without_config, flush),
        cmocka_unit_test_setup(a_wrong_password_is_told, flush),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
