/*  What the notifier needs of store, against a real redis-server: outbox, alert log,
 *  subscribers, deliveries.
 */
#include "tests/unit/broker/store_fixture.h"

typedef struct {
    char text[8192];
    char last[GROUPS][OUTBOX_ID_MAX];
    size_t count;
} notes_t;

__attribute__((format(printf, 2, 3))) static void note(notes_t *to, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t end = strlen(to->text);
    vsnprintf(to->text + end, sizeof to->text - end, format, arguments);
    va_end(arguments);
    to->count++;
}

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

static store_logged_t logged(const char *id, const char *body)
{
    return (store_logged_t){ .id = slice_text(id),
                             .rule = slice_text("r"),
                             .series = slice_text("t:s"),
                             .severity = slice_text("warning"),
                             .topic = slice_text("alert/r/t:s/"),
                             .ts_us = -5,
                             .seq = 7,
                             .body = slice_text(body) };
}

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

// ---- deliveries ----------------------------------------------------------------------------

static void on_delivery(void *context, const store_delivery_t *delivery)
{
    note(context, "%s>%s %u %.*s;", delivery->alert_id, delivery->recipient, delivery->attempts,
         (int) delivery->body.size, delivery->body.data);
}

static const char *claim(store_t *store, store_claim_t claim)
{
    static notes_t notes;
    notes = (notes_t){ 0 };
    expect(store, store_delivery_due(store, &claim, on_delivery, &notes), STORE_OK);
    return notes.text;
}

static const char *due(store_t *store, unsigned count, int hidden_ms)
{
    return claim(store, (store_claim_t){ .count = count, .each = count, .hidden_ms = hidden_ms });
}

static void plan(store_t *store, const char *id, const char *subscriber)
{
    const store_told_t told = { subscriber, "" };
    expect(store, store_delivery_plan(store, slice_text(id), slice_text("B"), &told, 1), STORE_OK);
}

// What becomes due within a few seconds; for delays long enough that a loaded machine first gets
// to see that it is not due yet.
static const char *becomes_due(store_t *store)
{
    const char *text = "";
    for (int i = 0; i < 500 && !*text; i++, pause_ms(10))
        text = due(store, 10, 60000);
    return text;
}

static bool is_kept_a_week(const char *key)
{
    int seconds = atoi(redis("TTL '%s'", key));
    return seconds > 6 * 24 * 3600 && seconds <= DELIVERY_KEPT_S;
}

static void a_delivery_is_planned_once(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    const store_told_t names[] = { { "alice", "" }, { "bob/x", "" } };
    expect(store, store_delivery_plan(store, slice_text("01"), slice_text("{}"), names, 2),
           STORE_OK);
    assert_string_equal(redis("HGET tw:delivery:01 alice"), "pending 0");
    assert_true(is_kept_a_week("tw:delivery:01"));
    assert_true(is_kept_a_week("tw:{deliveries}:body:01"));
    assert_string_equal(due(store, 10, 60000), "01>alice 0 {};01>bob/x 0 {};");
    assert_string_equal(due(store, 10, 60000), ""); // hidden while somebody tries
    expect(store, store_delivery_done(store, "01", "alice"), STORE_OK);
    expect(store, store_delivery_plan(store, slice_text("01"), slice_text("{}"), names, 2),
           STORE_OK);
    assert_string_equal(redis("HGET tw:delivery:01 alice"), "done 1");
    assert_string_equal(due(store, 10, 60000), "");
    uint64_t waiting;
    int64_t next_ms;
    expect(store, store_delivery_waiting(store, &waiting, &next_ms), STORE_OK);
    assert_int_equal(waiting, 1);
    assert_in_range(next_ms, 30000, 60000);
    // What the log knows is not planned again, even when the record of its deliveries is gone.
    store_logged_t item = logged("01", "{}");
    expect(store, store_alert_log_put(store, &item, 1), STORE_OK);
    redis("DEL tw:delivery:01");
    expect(store, store_delivery_plan(store, slice_text("01"), slice_text("{}"), names, 1),
           STORE_OK);
    assert_string_equal(redis("EXISTS tw:delivery:01"), "0");
}

// Redis is emptied between the plan of an alert and its entry in the log, and no connection ends.
static void what_was_planned_in_another_redis_is_not_logged(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    const store_told_t told = { "a", "" };
    store_logged_t items[] = { logged("01", "{}"), logged("02", "{}") };
    items[1].planned = true;
    expect(store, store_delivery_plan(store, slice_text("02"), slice_text("B"), &told, 1),
           STORE_OK);
    redis("FLUSHALL");
    expect(store, store_alert_log_put(store, items, 2), STORE_STALE);
    assert_string_equal(redis("XLEN tw:alerts"), "0");
    expect(store, store_delivery_plan(store, slice_text("02"), slice_text("B"), &told, 1),
           STORE_OK);
    expect(store, store_alert_log_put(store, items, 2), STORE_OK);
    redis("DEL tw:delivery:02"); // known alerts are none of its business
    expect(store, store_alert_log_put(store, items, 2), STORE_OK);
    assert_string_equal(redis("XLEN tw:alerts"), "2");
}

static void a_delivery_is_retried_until_done_or_dead(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    const store_told_t names[] = { { "a", "" }, { "b", "" } };
    expect(store, store_delivery_plan(store, slice_text("01"), slice_text("B"), names, 2),
           STORE_OK);
    due(store, 10, 60000);
    redis("PERSIST tw:delivery:01");
    redis("PERSIST 'tw:{deliveries}:body:01'");
    expect(store, store_delivery_retry(store, "01", "a", 1500, "HTTP 500"), STORE_OK);
    assert_string_equal(redis("HGET tw:delivery:01 a"), "retry 1 HTTP 500");
    assert_true(is_kept_a_week("tw:delivery:01")); // from the last attempt on
    assert_true(is_kept_a_week("tw:{deliveries}:body:01"));
    assert_string_equal(due(store, 10, 60000), "");
    assert_string_equal(becomes_due(store), "01>a 1 B;");
    expect(store, store_delivery_dead(store, "01", "a", "HTTP 410"), STORE_OK);
    assert_string_equal(redis("HGET tw:delivery:01 a"), "dead 2 HTTP 410");
    expect(store, store_delivery_retry(store, "01", "a", 0, "late word"), STORE_OK);
    assert_string_equal(redis("HGET tw:delivery:01 a"), "dead 2 HTTP 410"); // stays so
    assert_string_equal(redis("EXISTS 'tw:{deliveries}:body:01'"), "1");    // b waits still
    expect(store, store_delivery_done(store, "01", "b"), STORE_OK);
    assert_true(is_kept_a_week("tw:{deliveries}:body:01")); // a's can be sent again
    uint64_t waiting;
    int64_t next_ms;
    expect(store, store_delivery_waiting(store, &waiting, &next_ms), STORE_OK);
    assert_int_equal(waiting, 0);
    assert_int_equal(next_ms, -1);
}

static void a_notifier_that_dies_delays_a_delivery_only(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    const store_told_t names[] = { { "a", "" }, { "b", "" } };
    expect(store, store_delivery_plan(store, slice_text("01"), slice_text("B"), names, 2),
           STORE_OK);
    assert_string_equal(due(store, 1, 1500), "01>a 0 B;");
    assert_string_equal(due(store, 10, 60000), "01>b 0 B;");
    assert_string_equal(becomes_due(store), "01>a 0 B;");
    // A delivery whose record is gone is dropped from what waits.
    expect(store, store_delivery_retry(store, "01", "a", 0, "x"), STORE_OK);
    redis("DEL tw:delivery:01");
    assert_string_equal(due(store, 10, 60000), "");
    uint64_t waiting;
    int64_t next_ms;
    expect(store, store_delivery_waiting(store, &waiting, &next_ms), STORE_OK);
    assert_int_equal(waiting, 1); // b, still hidden
}

static void too_many_deliveries_are_refused_aloud(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    store_limits(store)->deliveries = 1;
    const store_told_t names[] = { { "a", "" }, { "b", "" } };
    expect(store, store_delivery_plan(store, slice_text("01"), slice_text("B"), names, 2),
           STORE_OK);
    assert_string_equal(redis("HGET tw:delivery:01 a"), "pending 0");
    assert_string_equal(redis("HGET tw:delivery:01 b"), "dead 0 too many deliveries wait");
    assert_string_equal(due(store, 10, 60000), "01>a 0 B;");
    // One who cannot be reached fills his own measure, not everybody's.
    store_limits(store)->deliveries = 100;
    store_limits(store)->deliveries_each = 1;
    plan(store, "02", "a");
    plan(store, "02", "b");
    assert_string_equal(redis("HGET tw:delivery:02 a"), "dead 0 too many deliveries wait");
    assert_string_equal(redis("HGET tw:delivery:02 b"), "pending 0");
}

static void who_cannot_be_told_is_on_record(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    const store_told_t told[] = { { "a", "there is no such subscriber" }, { "b", "" } };
    expect(store, store_delivery_plan(store, slice_text("01"), slice_text("B"), told, 2), STORE_OK);
    assert_string_equal(redis("HGET tw:delivery:01 a"), "dead 0 there is no such subscriber");
    assert_string_equal(due(store, 10, 60000), "01>b 0 B;");
}

static void dead_letters_can_be_sent_again(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    uint64_t count = 9;
    plan(store, "01", "a");
    plan(store, "02", "a/slack");
    plan(store, "03", "ab");
    const store_told_t nobody = { "a", "nobody" };
    expect(store, store_delivery_plan(store, slice_text("04"), slice_text("B4"), &nobody, 1),
           STORE_OK);
    due(store, 10, 60000);
    expect(store, store_delivery_dead(store, "01", "a", "no"), STORE_OK);
    expect(store, store_delivery_dead(store, "02", "a/slack", "no"), STORE_OK);
    expect(store, store_delivery_dead(store, "03", "ab", "no"), STORE_OK);
    assert_string_equal(due(store, 10, 60000), "");
    assert_string_equal(redis("EXISTS tw:{deliveries}:body:01"), "1");

    expect(store, store_delivery_again(store, "a", slice_text("02"), &count), STORE_OK);
    assert_int_equal(count, 1);
    assert_string_equal(due(store, 10, 60000), "02>a/slack 0 B;");
    expect(store, store_delivery_again(store, "a", slice_text(""), &count), STORE_OK);
    assert_int_equal(count, 2);
    assert_string_equal(due(store, 10, 60000), "01>a 0 B;04>a 0 B4;");
    expect(store, store_delivery_again(store, "a", slice_text(""), &count), STORE_OK);
    assert_int_equal(count, 0); // they wait already
    expect(store, store_delivery_done(store, "01", "a"), STORE_OK);
    assert_string_equal(redis("HGET tw:delivery:01 a"), "done 1");
    assert_string_equal(redis("EXISTS tw:{deliveries}:body:01"), "0");
    assert_string_equal(redis("GET tw:{deliveries}:count"), "2");
    assert_string_equal(redis("ZRANGE tw:{deliveries}:dead 0 -1"), "03/ab");

    // What was forgotten meanwhile cannot be sent.
    redis("DEL tw:{deliveries}:body:03");
    expect(store, store_delivery_again(store, "ab", slice_text(""), &count), STORE_OK);
    assert_int_equal(count, 0);
    assert_string_equal(redis("HGET tw:delivery:03 ab"), "dead 1 no");
}

static void few_dead_letters_are_remembered(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    plan(store, "01", "a");
    due(store, 10, 60000);
    expect(store, store_delivery_dead(store, "01", "a", "no"), STORE_OK);
    // Many later ones, of which nothing else is known.
    add_members("tw:{deliveries}:dead", 9999);
    assert_string_equal(redis("EXISTS tw:{deliveries}:body:01"), "1");
    plan(store, "02", "b");
    due(store, 10, 60000);
    expect(store, store_delivery_dead(store, "02", "b", "no"), STORE_OK);
    assert_string_equal(redis("ZCARD tw:{deliveries}:dead"), "10000");
    assert_string_equal(redis("EXISTS tw:{deliveries}:body:01"), "0");
    assert_string_equal(redis("EXISTS tw:{deliveries}:body:02"), "1");
}

static void a_rate_delays_and_counts_each_once(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    static const struct {
        const char *id;
        bool goes;
    } calls[] = {
        { "01", true }, { "02", true }, { "01", true }, { "03", false }, { "04", false }
    };
    int64_t wait_ms;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        expect(store, store_delivery_pace(store, calls[i].id, "a/slack", 2, 60000, &wait_ms),
               STORE_OK);
        assert_int_equal(wait_ms == 0, calls[i].goes);
        assert_true(wait_ms >= 0 && wait_ms <= 60000);
    }
    expect(store, store_delivery_pace(store, "03", "a", 2, 60000, &wait_ms), STORE_OK);
    assert_int_equal(wait_ms, 0); // another recipient
    expect(store, store_delivery_pace(store, "03", "a/slack", 3, 60000, &wait_ms), STORE_OK);
    assert_int_equal(wait_ms, 0); // a higher rate
    expect(store, store_delivery_pace(store, "05", "a/slack", 1, 60000, &wait_ms), STORE_OK);
    assert_true(wait_ms > 50000); // a lower one: all but the last have to leave
    expect(store, store_delivery_pace(store, "06", "q", 1, 30, &wait_ms), STORE_OK);
    expect(store, store_delivery_pace(store, "07", "q", 1, 30, &wait_ms), STORE_OK);
    assert_true(wait_ms > 0 && wait_ms <= 30);
    usleep(50000);
    expect(store, store_delivery_pace(store, "07", "q", 1, 30, &wait_ms), STORE_OK);
    assert_int_equal(wait_ms, 0);
    assert_true(strtol(redis("PTTL tw:{deliveries}:paced:a/slack"), NULL, 10) > 0);
}

static void nobody_is_held_up_by_another(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    for (int i = 10; i < 40; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        plan(store, id, "dead");
    }
    plan(store, "50", "live");
    store_claim_t few = { .count = 3, .each = 2, .hidden_ms = 60000 };
    assert_string_equal(claim(store, few), "10>dead 0 B;11>dead 0 B;50>live 0 B;");
    const char *const busy[] = { "dead" };
    store_claim_t others = few;
    others.busy_count = 1;
    others.busy = busy;
    plan(store, "51", "live");
    assert_string_equal(claim(store, others), "51>live 0 B;");
    // A failure leaves the rest of its subscriber alone, then one is tried.
    expect(store, store_delivery_retry(store, "10", "dead", 1000, "no answer"), STORE_OK);
    assert_string_equal(claim(store, few), "");
    expect(store, store_delivery_retry(store, "11", "dead", 3600000, "no answer"), STORE_OK);
    const char *failures = redis("--raw HGET 'tw:{deliveries}:ill' dead | cut -d' ' -f1");
    assert_string_equal(failures, "2");             // in a row
    redis("HSET 'tw:{deliveries}:ill' dead '2 0'"); // time passes
    redis("ZADD 'tw:{deliveries}' 0 dead");
    assert_string_equal(claim(store, few), "12>dead 0 B;");
    assert_string_equal(claim(store, few), ""); // no more until that one is settled
    // It answers: all of it goes on.
    expect(store, store_delivery_done(store, "12", "dead"), STORE_OK);
    assert_string_equal(claim(store, few), "13>dead 0 B;14>dead 0 B;");
    uint64_t waiting;
    int64_t next_ms;
    expect(store, store_delivery_waiting(store, &waiting, &next_ms), STORE_OK);
    assert_int_equal(waiting, 29 + 2);
}

// Who is ill is asked once; also when that one ends as dead, is returned, or is never settled.
static void the_ill_are_asked_one_by_one(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    plan(store, "1", "ill");
    plan(store, "2", "ill");
    plan(store, "3", "ill");
    redis("HSET 'tw:{deliveries}:ill' ill '5 0'");
    store_claim_t hour = { .count = 9, .each = 9, .hidden_ms = 3600000 };
    assert_string_equal(claim(store, hour), "1>ill 0 B;");
    assert_string_equal(claim(store, hour), "");
    expect(store, store_delivery_dead(store, "1", "ill", "used up"), STORE_OK);
    assert_string_equal(claim(store, hour), "2>ill 0 B;");
    pause_ms(5); // due times are in ms
    const store_claimed_t item = { "2", "ill", 0 };
    expect(store, store_delivery_return(store, &item, 1), STORE_OK);
    assert_string_equal(claim(store, hour), "3>ill 0 B;"); // 2 went behind it
    assert_string_equal(redis("--raw HGET 'tw:{deliveries}:ill' ill | cut -d' ' -f1"), "5");
    expect(store, store_delivery_done(store, "3", "ill"), STORE_OK);
    assert_string_equal(redis("EXISTS 'tw:{deliveries}:ill'"), "0");
    redis("HSET 'tw:{deliveries}:ill' ill '1 0'");
    store_claim_t brief = { .count = 9, .each = 9, .hidden_ms = 1500 };
    assert_string_equal(claim(store, brief), "2>ill 0 B;");
    plan(store, "4", "ill");
    assert_string_equal(claim(store, brief), "");          // a new one does not get round it
    assert_string_equal(becomes_due(store), "4>ill 0 B;"); // 2 was never settled
}

static void what_had_no_turn_goes_back(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    plan(store, "1", "crowd");
    plan(store, "2", "crowd");
    plan(store, "3", "other");
    store_claim_t one = { .count = 1, .each = 1, .hidden_ms = 3600000 };
    assert_string_equal(claim(store, one), "1>crowd 0 B;");
    pause_ms(5); // due times are in ms
    const store_claimed_t items[] = { { "1", "crowd", 1500 },
                                      { "9", "crowd", 1500 },
                                      { "9", "nobody", 1500 } };
    expect(store, store_delivery_return(store, items, 3), STORE_OK);
    assert_string_equal(due(store, 9, 60000), "3>other 0 B;"); // all of crowd is left alone
    assert_string_equal(redis("HGET tw:delivery:1 crowd"), "pending 0"); // that was no attempt
    assert_string_equal(redis("ZCARD 'tw:{deliveries}:of:crowd'"), "2"); // 9 never was one
    assert_string_equal(redis("EXISTS 'tw:{deliveries}:of:nobody'"), "0");
    assert_string_equal(redis("HLEN 'tw:{deliveries}:ill'"), "1");
    assert_string_equal(becomes_due(store), "2>crowd 0 B;1>crowd 0 B;");
    uint64_t waiting;
    int64_t next_ms;
    expect(store, store_delivery_waiting(store, &waiting, &next_ms), STORE_OK);
    assert_int_equal(waiting, 3);
}

// Emptying the outbox is what makes room: it must go on where nothing may grow.
static void a_full_redis_lets_alerts_out(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    store_id_t token;
    redis("XADD 'tw:o:{1}' 5-0 id 01 topic t body b");
    redis("CONFIG SET maxmemory 1");
    store_status_t claimed = store_outbox_claim(store, "n", 60000, &token);
    store_logged_t item = logged("01", "{}");
    const store_told_t told = { "a", "" };
    store_status_t planned =
        store_delivery_plan(store, slice_text("01"), slice_text("B"), &told, 1);
    const char *text = due(store, 1, 60000);
    store_status_t done = store_delivery_done(store, "01", "a");
    store_status_t put = store_alert_log_put(store, &item, 1);
    const store_taken_t entry = { "5-0", slice_text("01") };
    store_status_t taken = store_outbox_take(store, token, 1, &entry, 1);
    redis("CONFIG SET maxmemory 0");
    assert_int_equal(claimed, STORE_OK);
    assert_int_equal(planned, STORE_OK);
    assert_string_equal(text, "01>a 0 B;");
    assert_int_equal(done, STORE_OK);
    assert_int_equal(put, STORE_OK);
    assert_int_equal(taken, STORE_OK);
    assert_string_equal(redis("XLEN 'tw:o:{1}'"), "0");
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
        cmocka_unit_test_setup(a_delivery_is_planned_once, flush),
        cmocka_unit_test_setup(what_was_planned_in_another_redis_is_not_logged, flush),
        cmocka_unit_test_setup(a_delivery_is_retried_until_done_or_dead, flush),
        cmocka_unit_test_setup(a_notifier_that_dies_delays_a_delivery_only, flush),
        cmocka_unit_test_setup(too_many_deliveries_are_refused_aloud, flush),
        cmocka_unit_test_setup(who_cannot_be_told_is_on_record, flush),
        cmocka_unit_test_setup(dead_letters_can_be_sent_again, flush),
        cmocka_unit_test_setup(few_dead_letters_are_remembered, flush),
        cmocka_unit_test_setup(a_rate_delays_and_counts_each_once, flush),
        cmocka_unit_test_setup(nobody_is_held_up_by_another, flush),
        cmocka_unit_test_setup(the_ill_are_asked_one_by_one, flush),
        cmocka_unit_test_setup(what_had_no_turn_goes_back, flush),
        cmocka_unit_test_setup(a_full_redis_lets_alerts_out, flush),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
