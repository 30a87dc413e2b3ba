/*  What the notifier needs of store, against a real redis-server: outbox, alert log,
 *  subscribers. Deliveries are tried in store_delivery_test.c.
 */
#include "broker/store_subscribers.h"
#include "tests/unit/broker/store_notes.h"

static void on_entry(void *context, const store_entry_t *entry)
{
    notes_t *to = context;
    note(to, "%u:%.*s/%.*s/%.*s;", entry->group, (int) entry->id.size, entry->id.data,
         (int) entry->topic.size, entry->topic.data, (int) entry->body.size, entry->body.data);
    assert_true(strlen(entry->entry) < OUTBOX_ID_MAX);
    strcpy(to->last[entry->group], entry->entry);
}

// Put one alert per body into the outbox of a group, through a commit.
static void emit(store_t *store, unsigned group, size_t count, const char *const *bodies)
{
    static uint8_t next;
    store_id_t token;
    store_alert_t alerts[8];
    assert_true(count <= 8);
    for (size_t i = 0; i < count; i++)
        alerts[i] = (store_alert_t){ slice_text("id"), slice_text("t"), slice_text(bodies[i]) };
    redis("DEL 'tw:m:{%u}:%u' 'tw:j:{%u}:%u'", group, group, group, group);
    expect(store, store_claim(store, group, "w", 60000, &token), STORE_OK);
    store_commit_t commit = { .partition = group,
                              .token = token,
                              .mine = id_of(++next),
                              .alerts = alerts,
                              .alert_count = count };
    expect(store, commit_one(store, &commit), STORE_OK);
}

// ---- outbox --------------------------------------------------------------------------------

static store_status_t take(store_t *store, store_id_t token, unsigned group, const char *entry)
{
    const store_taken_t taken = { entry, slice_text("id") };
    return store_outbox_take(store, token, group, &taken, 1);
}

static void entries_come_in_order_and_once(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    store_id_t token;
    expect(store, store_outbox_claim(store, "n1", 60000, &token), STORE_OK);
    emit(store, 3, 3, (const char *[]){ "a", "b", "c" });
    emit(store, 7, 1, (const char *[]){ "x" });
    notes_t notes = { 0 };
    expect(store, store_outbox_read(store, 2, 0, on_entry, &notes), STORE_OK);
    assert_string_equal(notes.text, "3:id/t/a;3:id/t/b;7:id/t/x;");
    expect(store, store_outbox_read(store, 2, 0, on_entry, &notes), STORE_OK);
    assert_string_equal(notes.text, "3:id/t/a;3:id/t/b;7:id/t/x;3:id/t/c;");
    expect(store, store_outbox_read(store, 2, 0, on_entry, &notes), STORE_OK);
    assert_int_equal(notes.count, 4); // nothing twice although nothing was taken
    uint64_t waiting;
    expect(store, store_outbox_length(store, &waiting), STORE_OK);
    assert_int_equal(waiting, 4);
    // What was taken is gone, and nothing else.
    notes_t first = { 0 };
    store_outbox_rewind(store);
    expect(store, store_outbox_read(store, 2, 0, on_entry, &first), STORE_OK);
    expect(store, take(store, token, 3, first.last[3]), STORE_OK);
    expect(store, take(store, token, 3, first.last[3]), STORE_OK); // gone already
    expect(store, take(store, token, 3, "1-0"), STORE_OK);         // never was there
    expect(store, store_outbox_length(store, &waiting), STORE_OK);
    assert_int_equal(waiting, 3);
    notes_t again = { 0 };
    store_outbox_rewind(store);
    expect(store, store_outbox_read(store, 10, 0, on_entry, &again), STORE_OK);
    assert_string_equal(again.text, "3:id/t/a;3:id/t/c;7:id/t/x;");
    expect(store, take(store, token, 3, again.last[3]), STORE_OK);
    emit(store, 3, 1, (const char *[]){ "d" }); // ids go on rising in an emptied outbox
    expect(store, store_outbox_read(store, 10, 0, on_entry, &again), STORE_OK);
    assert_string_equal(again.text, "3:id/t/a;3:id/t/c;7:id/t/x;3:id/t/d;");
}

// A roll-back that cuts no connection, and a clock that was put back: another alert stands at an
// entry that was read, and one before it that was not.
static void what_was_not_read_is_not_taken(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    store_id_t token;
    expect(store, store_outbox_claim(store, "n", 60000, &token), STORE_OK);
    redis("XADD 'tw:o:{1}' 5-0 id id topic t body mine");
    redis("XADD 'tw:o:{1}' 6-0 id id topic t body mine");
    notes_t notes = { 0 };
    expect(store, store_outbox_read(store, 10, 0, on_entry, &notes), STORE_OK);
    redis("DEL 'tw:o:{1}'");
    redis("XADD 'tw:o:{1}' 4-0 id unread topic t body other");
    redis("XADD 'tw:o:{1}' 5-0 id other topic t body other");
    redis("XADD 'tw:o:{1}' 6-0 topic t id id body mine"); // the order of fields says nothing
    expect(store, take(store, token, 1, "5-0"), STORE_OK);
    expect(store, take(store, token, 1, "6-0"), STORE_OK);
    assert_string_equal(redis("XRANGE 'tw:o:{1}' - + | grep -c other"), "3"); // id, and two bodies
    assert_string_equal(redis("XLEN 'tw:o:{1}'"), "2");
}

static void one_notifier_at_a_time(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    store_id_t a, b;
    expect(store, store_outbox_claim(store, "a", 60000, &a), STORE_OK);
    expect(store, store_outbox_claim(store, "b", 60000, &b), STORE_FENCED);
    expect(store, store_outbox_renew(store, a, 100), STORE_OK);
    pause_ms(150);
    expect(store, store_outbox_claim(store, "b", 60000, &b), STORE_OK);
    expect(store, store_outbox_renew(store, a, 60000), STORE_FENCED);
    for (unsigned group = 0; group < GROUPS; group++)
        expect(store, take(store, a, group, "5-0"), STORE_FENCED);
    expect(store, store_outbox_release(store, a), STORE_FENCED);
    expect(store, take(store, b, 15, "5-0"), STORE_OK);
    expect(store, store_outbox_release(store, b), STORE_OK);
    expect(store, store_outbox_claim(store, "a", 60000, &a), STORE_OK);
    expect(store, take(store, a, 15, "5-0"), STORE_OK);
}

static void a_reader_waits_on_its_descriptor(void **state)
{
    (void) state;
    owned(store_destroy) store_t *reader = open_store("tw");
    owned(store_destroy) store_t *writer = open_store("tw");
    notes_t notes = { 0 };
    expect(reader, store_outbox_read(reader, 10, 50, on_entry, &notes), STORE_OK);
    assert_int_equal(notes.count, 0); // 50 ms without a word
    expect(reader, store_outbox_send(reader, 10, 5000), STORE_OK);
    emit(writer, 2, 1, (const char *[]){ "now" });
    expect(reader, store_outbox_receive(reader, on_entry, &notes), STORE_OK);
    assert_string_equal(notes.text, "2:id/t/now;");
}

static void positions_are_read_again_after_a_reconnect(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    store_id_t token;
    expect(store, store_outbox_claim(store, "n", 60000, &token), STORE_OK);
    emit(store, 1, 2, (const char *[]){ "a", "b" });
    notes_t notes = { 0 };
    expect(store, store_outbox_read(store, 1, 0, on_entry, &notes), STORE_OK);
    expect(store, take(store, token, 1, notes.last[1]), STORE_OK);
    expect(store, store_outbox_read(store, 1, 0, on_entry, &notes), STORE_OK);
    assert_string_equal(notes.text, "1:id/t/a;1:id/t/b;");
    expect(store, store_outbox_send(store, 1, 5000), STORE_OK);
    server_kill();
    expect(store, store_outbox_receive(store, on_entry, &notes), STORE_DOWN);
    expect(store, store_outbox_receive(store, on_entry, &notes), STORE_DOWN);
    server_start();
    assert_int_equal(ping_patiently(store), STORE_OK);
    expect(store, store_outbox_read(store, 1, 0, on_entry, &notes), STORE_OK);
    assert_string_equal(notes.text, "1:id/t/a;1:id/t/b;1:id/t/b;"); // b was not taken yet
}

// ---- alert log -----------------------------------------------------------------------------

static void the_alert_log_knows_every_id_once(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    store_limits(store)->alert_log_entries = 3;
    store_logged_t items[] = { logged("a", "1"), logged("b", "2"), logged("a", "3") };
    expect(store, store_alert_log_put(store, items, 3), STORE_OK);
    expect(store, store_alert_log_put(store, items, 3), STORE_OK);
    assert_string_equal(redis("XLEN tw:alerts"), "2");
    uint64_t room;
    expect(store, store_alert_log_room(store, &room), STORE_OK);
    assert_int_equal(room, 1);
    assert_string_equal(redis("--raw XRANGE tw:alerts - + COUNT 1 | tail -n +2 | paste -sd ' '"),
                        "id a rule r series t:s ts -5 severity warning topic alert/r/t:s/ seq 7 "
                        "kind alert body 1");
    store_logged_t more[] = { logged("c", "4"), logged("d", "5") };
    expect(store, store_alert_log_put(store, more, 2), STORE_OK);
    expect(store, store_alert_log_room(store, &room), STORE_OK);
    assert_int_equal(room, 0);                         // "a" is forgotten
    assert_string_equal(redis("XLEN tw:alerts"), "3"); // capped, the oldest goes
    assert_string_equal(redis("--raw ZRANGE 'tw:seen:{tw:alerts}' 0 -1 | paste -sd ' '"), "b c d");
    expect(store, store_alert_log_put(store, more, 2), STORE_OK);
    assert_string_equal(redis("XLEN tw:alerts"), "3");
}

static void many_go_into_the_alert_log_at_once(void **state)
{
    (void) state;
    enum { MANY = 1000 };
    owned(store_destroy) store_t *store = open_store("tw");
    static store_logged_t items[MANY];
    static char ids[MANY][16];
    for (int i = 0; i < MANY; i++) {
        snprintf(ids[i], sizeof ids[i], "%d", i);
        items[i] = logged(ids[i], "x");
    }
    static slice_t asked[MANY];
    static bool known[MANY];
    for (int i = 0; i < MANY; i++)
        asked[i] = slice_text(ids[i]);
    expect(store, store_alert_log_knows(store, asked, MANY, known), STORE_OK);
    for (int i = 0; i < MANY; i++)
        assert_false(known[i]);
    expect(store, store_alert_log_put(store, items, MANY - 1), STORE_OK);
    expect(store, store_alert_log_knows(store, asked, MANY, known), STORE_OK);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(known[i], i < MANY - 1);
    expect(store, store_alert_log_put(store, items, MANY), STORE_OK);
    assert_string_equal(redis("XLEN tw:alerts"), "1000");
    assert_string_equal(redis("--raw XREVRANGE tw:alerts + - COUNT 1 | sed -n 3p"), "999");
}

// ---- subscribers ---------------------------------------------------------------------------

static void on_subscriber(void *context, const store_subscriber_t *subscriber)
{
    notes_t *to = context;
    note(to, "%s(%zu)", subscriber->name, subscriber->count);
    for (size_t i = 0; i < subscriber->count; i++)
        note(to, "%s=%s", subscriber->fields[i].name, subscriber->fields[i].value);
    note(to, ";");
}

static void subscribers_of_rule_and_series(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    redis("SADD tw:subs:spike bob alice");
    redis("SADD tw:subs:spike:candle:kraken:XBT%%2FUSD alice carol");
    redis("SADD tw:subs:spike:candle:kraken:other dave");
    redis("HSET tw:subscriber:alice webhook http://127.0.0.1:1/");
    redis("SET tw:subscriber:carol wrong");
    notes_t notes = { 0 }, none = { 0 }, one = { 0 };
    unsigned unread;
    expect(store,
           store_subscribers(store, slice_text("spike"), slice_text("candle:kraken:XBT%2FUSD"),
                             &unread, on_subscriber, &notes),
           STORE_OK);
    assert_int_equal(unread, 0);
    assert_string_equal(notes.text, "alice(1)webhook=http://127.0.0.1:1/;bob(0);carol(0);");
    expect(store,
           store_subscribers(store, slice_text("other"), slice_text("x"), &unread, on_subscriber,
                             &none),
           STORE_OK);
    assert_int_equal(none.count, 0);
    redis("HSET tw:subscriber:alice webhook changed");
    expect(store, store_subscriber(store, "alice", on_subscriber, &one), STORE_OK);
    expect(store, store_subscriber(store, "nobody", on_subscriber, &one), STORE_OK);
    assert_string_equal(one.text, "alice(1)webhook=changed;nobody(0);");
    // One key that is no set does not silence the other.
    redis("SET tw:subs:broken text");
    redis("SADD tw:subs:broken:x bob");
    expect(store,
           store_subscribers(store, slice_text("broken"), slice_text("x"), &unread, on_subscriber,
                             &none),
           STORE_OK);
    assert_int_equal(unread, 1);
    assert_string_equal(none.text, "bob(0);");
}

static void who_is_removed_does_not_come_back_as_gone(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    redis("HSET tw:subscriber:alice webhook http://h/");
    expect(store, store_subscriber_gone(store, "alice", "gone", "http://h/"), STORE_OK);
    assert_string_equal(redis("HGET tw:subscriber:alice gone"), "http://h/");
    redis("DEL tw:subscriber:alice");
    expect(store, store_subscriber_gone(store, "alice", "gone", "http://h/"), STORE_OK);
    assert_string_equal(redis("EXISTS tw:subscriber:alice"), "0");
}

static void on_subscription(void *context, slice_t key)
{
    size_t *count = context;
    assert_true(key.size > 0);
    ++*count;
}

static void on_members(void *context, slice_t key, const slice_t *names, size_t count)
{
    note(context, "%.*s%s", (int) key.size, key.data, names ? "=" : " is not kept");
    for (size_t i = 0; i < count; i++)
        note(context, "%.*s ", (int) names[i].size, names[i].data);
    note(context, ";");
}

static void subscriptions_as_a_whole(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    redis("EVAL \"for i=0,2999 do redis.call('SADD', 'tw:subs:r'..i..':t:a', 'x') end "
          "redis.call('SADD', 'tw2:subs:r', 'x') redis.call('SADD', 'tw:sub', 'x')\" 0");
    char cursor[STORE_CURSOR_MAX] = "0";
    size_t count = 0, steps = 0;
    do {
        expect(store, store_subscription_keys(store, cursor, on_subscription, &count), STORE_OK);
        steps++;
    } while (strcmp(cursor, "0") != 0);
    assert_int_equal(count, 3000);
    assert_true(steps > 2);
    redis("SADD tw:subs:a bob alice");
    redis("SET tw:subs:b x");
    redis("SADD tw:subs:short bob");
    redis("EXPIRE tw:subs:short 1000");
    const slice_t keys[] = { slice_text("b"), slice_text("a"), slice_text("none"),
                             slice_text("r7:t:a"), slice_text("short") };
    notes_t notes = { 0 };
    expect(store, store_subscription_members(store, keys, 5, on_members, &notes), STORE_OK);
    assert_string_equal(notes.text,
                        "b is not kept;a=alice bob ;none=;r7:t:a=x ;short is not kept;");
    // More than are asked for at once.
    enum { MANY = 600 };
    static char texts[MANY][16];
    const char *names[MANY];
    for (int i = 0; i < MANY; i++) {
        snprintf(texts[i], sizeof texts[i], "n%03d", i);
        names[i] = texts[i];
    }
    redis("HSET tw:subscriber:n599 email x");
    notes_t all = { 0 };
    expect(store, store_subscribers_named(store, names, MANY, on_subscriber, &all), STORE_OK);
    assert_int_equal(all.count, MANY * 2 + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(entries_come_in_order_and_once, flush),
        cmocka_unit_test_setup(what_was_not_read_is_not_taken, flush),
        cmocka_unit_test_setup(one_notifier_at_a_time, flush),
        cmocka_unit_test_setup(a_reader_waits_on_its_descriptor, flush),
        cmocka_unit_test_setup(positions_are_read_again_after_a_reconnect, flush),
        cmocka_unit_test_setup(the_alert_log_knows_every_id_once, flush),
        cmocka_unit_test_setup(many_go_into_the_alert_log_at_once, flush),
        cmocka_unit_test_setup(subscribers_of_rule_and_series, flush),
        cmocka_unit_test_setup(who_is_removed_does_not_come_back_as_gone, flush),
        cmocka_unit_test_setup(subscriptions_as_a_whole, flush),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
