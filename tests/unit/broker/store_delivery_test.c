/*  Deliveries of store, against a real redis-server: who is to be told, whose turn it is, and how
 *  it went.
 */
#include "tests/unit/broker/store_notes.h"

#include "broker/store_asleep.h"
#include "broker/store_pass.h"

static char claimed_due[32], last_claim[32]; // of the last one

static void on_delivery(void *context, const store_delivery_t *delivery)
{
    snprintf(claimed_due, sizeof claimed_due, "%s", delivery->due);
    snprintf(last_claim, sizeof last_claim, "%s", delivery->claim);
    if (delivery->lost)
        note(context, "lost ");
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
    expect(store, store_delivery_retry(store, "01", "a", "", 1500, "HTTP 500"), STORE_OK);
    assert_string_equal(redis("HGET tw:delivery:01 a"), "retry 1 HTTP 500");
    assert_true(is_kept_a_week("tw:delivery:01")); // from the last attempt on
    assert_true(is_kept_a_week("tw:{deliveries}:body:01"));
    assert_string_equal(due(store, 10, 60000), "");
    assert_string_equal(becomes_due(store), "01>a 1 B;");
    expect(store, store_delivery_dead(store, "01", "a", "", "HTTP 410"), STORE_OK);
    assert_string_equal(redis("HGET tw:delivery:01 a"), "dead 2 HTTP 410");
    expect(store, store_delivery_retry(store, "01", "a", "", 0, "late word"), STORE_OK);
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
    // A delivery whose record is gone is told as lost, and waits no more once it is given up.
    expect(store, store_delivery_retry(store, "01", "a", "", 0, "x"), STORE_OK);
    redis("DEL tw:delivery:01");
    assert_string_equal(due(store, 10, 60000), "lost 01>a 0 ;");
    expect(store, store_delivery_dead(store, "01", "a", "", "expired"), STORE_OK);
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
    expect(store, store_delivery_dead(store, "01", "a", "", "no"), STORE_OK);
    expect(store, store_delivery_dead(store, "02", "a/slack", "", "no"), STORE_OK);
    expect(store, store_delivery_dead(store, "03", "ab", "", "no"), STORE_OK);
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
    expect(store, store_delivery_dead(store, "01", "a", "", "no"), STORE_OK);
    // Many later ones, of which nothing else is known.
    add_members("tw:{deliveries}:dead", 9999);
    assert_string_equal(redis("EXISTS tw:{deliveries}:body:01"), "1");
    plan(store, "02", "b");
    due(store, 10, 60000);
    expect(store, store_delivery_dead(store, "02", "b", "", "no"), STORE_OK);
    assert_string_equal(redis("ZCARD tw:{deliveries}:dead"), "10000");
    assert_string_equal(redis("EXISTS tw:{deliveries}:body:01"), "0");
    assert_string_equal(redis("EXISTS tw:{deliveries}:body:02"), "1");
}

static void names_of_nobody_drive_out_no_dead_letter(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    const store_told_t nobody = { "nobody", "there is no such subscriber" };
    plan(store, "01", "a");
    due(store, 10, 60000);
    expect(store, store_delivery_dead(store, "01", "a", "", "no"), STORE_OK);
    add_members("tw:{deliveries}:dead", 9999);
    // As many as are remembered, a minute ago; of the oldest there is a body.
    redis("EVAL \"local t = redis.call('TIME')[1] * 1000 - 60000 for i = 1, 5000 do "
          "redis.call('ZADD', 'tw:{deliveries}:untold', t + i / 1000, 'f' .. i .. '/nobody') end\" "
          "0");
    redis("SET 'tw:{deliveries}:body:f1' B");
    redis("SET 'tw:{deliveries}:body:f2' B");
    expect(store, store_delivery_plan(store, slice_text("02"), slice_text("B"), &nobody, 1),
           STORE_OK);
    assert_string_equal(redis("ZCARD tw:{deliveries}:dead"), "10000");
    assert_string_equal(redis("ZCARD tw:{deliveries}:untold"), "5000");
    // The newest is remembered, the oldest forgotten, with its body and nobody else's.
    assert_string_equal(redis("ZRANGE tw:{deliveries}:untold -1 -1"), "02/nobody");
    assert_string_equal(redis("ZRANGE tw:{deliveries}:untold 0 0"), "f2/nobody");
    assert_string_equal(redis("EXISTS tw:{deliveries}:body:f1"), "0");
    assert_string_equal(redis("EXISTS tw:{deliveries}:body:f2"), "1");
    uint64_t count;
    expect(store, store_delivery_again(store, "a", slice_text(""), &count), STORE_OK);
    assert_int_equal(count, 1);
    expect(store, store_delivery_again(store, "nobody", slice_text("02"), &count), STORE_OK);
    assert_int_equal(count, 1);
    assert_string_equal(redis("HGET tw:delivery:02 nobody"), "pending 0");
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
    expect(store, store_delivery_pace(store, "06", "q", 1, 1500, &wait_ms), STORE_OK);
    expect(store, store_delivery_pace(store, "07", "q", 1, 1500, &wait_ms), STORE_OK);
    assert_true(wait_ms > 0 && wait_ms <= 1500);
    pause_ms((int) wait_ms + 1);
    expect(store, store_delivery_pace(store, "07", "q", 1, 1500, &wait_ms), STORE_OK);
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
    expect(store, store_delivery_retry(store, "10", "dead", "", 1000, "no answer"), STORE_OK);
    assert_string_equal(claim(store, few), "");
    expect(store, store_delivery_retry(store, "11", "dead", "", 3600000, "no answer"), STORE_OK);
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
    expect(store, store_delivery_dead(store, "1", "ill", "", "used up"), STORE_OK);
    assert_string_equal(claim(store, hour), "2>ill 0 B;");
    const store_claimed_t item = { "2", "ill", "", claimed_due, 0 };
    expect(store, store_delivery_return(store, &item, 1), STORE_OK);
    assert_string_equal(claim(store, hour), "2>ill 0 B;"); // in its old place
    assert_string_equal(redis("--raw HGET 'tw:{deliveries}:ill' ill | cut -d' ' -f1"), "5");
    expect(store, store_delivery_done(store, "2", "ill"), STORE_OK);
    assert_string_equal(redis("EXISTS 'tw:{deliveries}:ill'"), "0");
    redis("HSET 'tw:{deliveries}:ill' ill '1 0'");
    store_claim_t brief = { .count = 9, .each = 9, .hidden_ms = 1500 };
    assert_string_equal(claim(store, brief), "3>ill 0 B;");
    plan(store, "4", "ill");
    assert_string_equal(claim(store, brief), "");          // a new one does not get round it
    assert_string_equal(becomes_due(store), "4>ill 0 B;"); // 3 was never settled
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
    const store_claimed_t items[] = { { "1", "crowd", "", claimed_due, 1500 },
                                      { "9", "crowd", "", claimed_due, 1500 },
                                      { "9", "nobody", "", claimed_due, 1500 } };
    expect(store, store_delivery_return(store, items, 3), STORE_OK);
    assert_string_equal(due(store, 9, 60000), "3>other 0 B;"); // all of crowd is left alone
    assert_string_equal(redis("HGET tw:delivery:1 crowd"), "pending 0"); // that was no attempt
    assert_string_equal(redis("ZCARD 'tw:{deliveries}:of:crowd'"), "2"); // 9 never was one
    assert_string_equal(redis("EXISTS 'tw:{deliveries}:of:nobody'"), "0");
    assert_string_equal(redis("HLEN 'tw:{deliveries}:ill'"), "1");
    assert_string_equal(becomes_due(store), "1>crowd 0 B;2>crowd 0 B;");
    uint64_t waiting;
    int64_t next_ms;
    expect(store, store_delivery_waiting(store, &waiting, &next_ms), STORE_OK);
    assert_int_equal(waiting, 3);
}

// It was hidden no more, and another has it in hand: whoever wakes up now changes nothing, but for
// the truth that it was told.
static void who_was_paused_takes_nothing_from_another(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    plan(store, "01", "a");
    pause_ms(2);
    store_claim_t brief = { .count = 9, .each = 9, .hidden_ms = 1 };
    assert_string_equal(claim(store, brief), "01>a 0 B;");
    char lost[sizeof last_claim];
    strcpy(lost, last_claim);
    const store_claimed_t stale = { "01", "a", lost, "1", 0 };
    pause_ms(5);
    assert_string_equal(due(store, 9, 60000), "01>a 0 B;");
    expect(store, store_delivery_return(store, &stale, 1), STORE_OK);
    expect(store, store_delivery_sleep(store, &stale), STORE_FENCED);
    expect(store, store_delivery_retry(store, "01", "a", lost, 0, "late"), STORE_FENCED);
    expect(store, store_delivery_dead(store, "01", "a", lost, "late"), STORE_FENCED);
    assert_string_equal(due(store, 9, 60000), "");
    assert_string_equal(redis("HGET tw:delivery:01 a"), "pending 0");
    expect(store, store_delivery_retry(store, "01", "a", last_claim, 60000, "no"), STORE_OK);
    assert_string_equal(redis("HGET tw:delivery:01 a"), "retry 1 no");
    expect(store, store_delivery_done(store, "01", "a"), STORE_OK);
    assert_string_equal(redis("HGET tw:delivery:01 a"), "done 2");
}

// Whatever their ids are, and within one ms too.
static void the_order_of_a_recipient_stays(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    static const char *const ids[] = { "f", "0", "e", "1", "d", "2", "c", "3" };
    enum { COUNT = sizeof ids / sizeof ids[0] };
    for (size_t i = 0; i < COUNT; i++)
        plan(store, ids[i], "a");
    store_claim_t two = { .count = 2, .each = 2, .hidden_ms = 3600000 };
    const char *all = "f>a 0 B;0>a 0 B;e>a 0 B;1>a 0 B;d>a 0 B;2>a 0 B;c>a 0 B;3>a 0 B;";
    pause_ms(2); // due times are in ms
    assert_string_equal(claim(store, two), "f>a 0 B;0>a 0 B;");
    // One that came since then goes behind those that go back; they may do so in any order.
    plan(store, "9", "a");
    char due_of[2][32];
    strcpy(due_of[1], claimed_due);
    expect(store, store_delivery_return(store, &(store_claimed_t){ "0", "a", "", due_of[1], 0 }, 1),
           STORE_OK);
    snprintf(due_of[0], sizeof due_of[0], "%.3f", atof(due_of[1]) - 0.001);
    expect(store, store_delivery_return(store, &(store_claimed_t){ "f", "a", "", due_of[0], 0 }, 1),
           STORE_OK);
    pause_ms(2);
    char wanted[200];
    snprintf(wanted, sizeof wanted, "%s9>a 0 B;", all);
    assert_string_equal(due(store, 20, 1), wanted);
    pause_ms(30);
    assert_string_equal(due(store, 20, 60000), wanted); // nobody settled them
    // Given up, and sent again.
    for (size_t i = 0; i < COUNT; i++) {
        expect(store, store_delivery_dead(store, ids[i], "a", "", "no"), STORE_OK);
        pause_ms(2);
    }
    uint64_t count;
    expect(store, store_delivery_again(store, "a", slice_text(""), &count), STORE_OK);
    pause_ms(2);
    assert_string_equal(due(store, 20, 60000), all);
}

static void what_was_lost_leaves_a_trace(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    plan(store, "1", "a");
    redis("DEL tw:delivery:1 tw:{deliveries}:body:1"); // 7 days go by
    assert_string_equal(due(store, 9, 60000), "lost 1>a 0 ;");
    expect(store, store_delivery_dead(store, "1", "a", "", "expired"), STORE_OK);
    assert_string_equal(redis("HGET tw:delivery:1 a"), "dead 0 expired");
    assert_true(is_kept_a_week("tw:delivery:1"));
    // A Redis that was rolled back has yet to plan it: a trace would look like the plan.
    expect(store, store_delivery_dead(store, "2", "a", "", "expired"), STORE_OK);
    assert_string_equal(redis("EXISTS tw:delivery:2"), "0");
    uint64_t waiting;
    int64_t next_ms;
    expect(store, store_delivery_waiting(store, &waiting, &next_ms), STORE_OK);
    assert_int_equal(waiting, 0);
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

// Two notifiers share. One of them is slow, and all that is its own is due before ours.
static void others_before_ours_do_not_hide_it(void **state)
{
    (void) state;
    enum { OTHERS = 300 };
    owned(store_destroy) store_t *store = open_store("tw");
    store_claim_t mine = { .count = 3, .each = 1, .hidden_ms = 60000, .parts = 2 };
    plan(store, "0a", "probe");
    mine.part = claim(store, mine)[0] ? 1 : 0; // that of the others
    redis("EVAL \"for i=1,%d do local s, sum = 'n'..i, 0 for k=1,#s do "
          "sum=(sum*31+s:byte(k))%%65521 "
          "end if sum%%2==1-%u then redis.call('ZADD','tw:{deliveries}',1,s) "
          "redis.call('ZADD','tw:{deliveries}:of:'..s,1,'0b') end end\" 0 > /dev/null",
          OTHERS, mine.part);
    for (int i = 0; i < 8; i++) {
        char name[16];
        snprintf(name, sizeof name, "m%d", i);
        plan(store, "0c", name);
    }
    assert_non_null(strstr(claim(store, mine), "0c"));
}

// Of three notifiers the one whose recipient it is has no such channel, nor has the next.
static void who_lacks_a_channel_passes_it_on(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    enum { PARTS = 3 };
    store_claim_t part = { .count = 9, .each = 9, .hidden_ms = 60000, .parts = PARTS };
    plan(store, "02", "a/mail");
    plan(store, "01", "a/mail");
    pause_ms(2);
    last_claim[0] = '\0';
    for (unsigned i = 0; i < PARTS && !last_claim[0]; i++) {
        part.part = i;
        claim(store, part);
    }
    assert_true(last_claim[0]);
    store_claimed_t item = { "01", "a/mail", "", claimed_due, 0 };
    unsigned home = part.part;
    expect(store, store_delivery_pass(store, &item, PARTS, home), STORE_OK);
    // The other is in hand as well, and is not passed over the next.
    store_claimed_t other = { "02", "a/mail", "", "1", 0 };
    expect(store, store_delivery_pass(store, &other, PARTS, home), STORE_OK);
    assert_string_equal(claim(store, part), "");
    part.part = (home + 1) % PARTS;
    assert_string_equal(claim(store, part), "02>a/mail 0 B;01>a/mail 0 B;");
    expect(store, store_delivery_pass(store, &other, PARTS, part.part), STORE_OK);
    expect(store, store_delivery_pass(store, &item, PARTS, part.part), STORE_OK);
    part.part = (home + 2) % PARTS;
    assert_string_equal(claim(store, part), "02>a/mail 0 B;01>a/mail 0 B;");
    plan(store, "03", "a/mail"); // stays where it is
    pause_ms(2);
    assert_string_equal(claim(store, part), "03>a/mail 0 B;");
    expect(store, store_delivery_pass(store, &other, PARTS, part.part), STORE_STALE);
    assert_string_equal(redis("HGET tw:delivery:02 a/mail"), "pending 0");
    // When nothing waits any more it is where it was in the beginning.
    expect(store, store_delivery_pass(store, &item, PARTS, home), STORE_OK);
    assert_string_equal(redis("HGET 'tw:{deliveries}:passed' a/mail"), "1");
    for (const char *const *id = (const char *[]){ "01", "02", "03", NULL }; *id; id++)
        expect(store, store_delivery_done(store, *id, "a/mail"), STORE_OK);
    assert_string_equal(redis("EXISTS 'tw:{deliveries}:passed'"), "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_delivery_is_planned_once, flush),
        cmocka_unit_test_setup(what_was_planned_in_another_redis_is_not_logged, flush),
        cmocka_unit_test_setup(a_delivery_is_retried_until_done_or_dead, flush),
        cmocka_unit_test_setup(a_notifier_that_dies_delays_a_delivery_only, flush),
        cmocka_unit_test_setup(too_many_deliveries_are_refused_aloud, flush),
        cmocka_unit_test_setup(who_cannot_be_told_is_on_record, flush),
        cmocka_unit_test_setup(dead_letters_can_be_sent_again, flush),
        cmocka_unit_test_setup(few_dead_letters_are_remembered, flush),
        cmocka_unit_test_setup(names_of_nobody_drive_out_no_dead_letter, flush),
        cmocka_unit_test_setup(a_rate_delays_and_counts_each_once, flush),
        cmocka_unit_test_setup(nobody_is_held_up_by_another, flush),
        cmocka_unit_test_setup(the_ill_are_asked_one_by_one, flush),
        cmocka_unit_test_setup(what_had_no_turn_goes_back, flush),
        cmocka_unit_test_setup(who_was_paused_takes_nothing_from_another, flush),
        cmocka_unit_test_setup(the_order_of_a_recipient_stays, flush),
        cmocka_unit_test_setup(what_was_lost_leaves_a_trace, flush),
        cmocka_unit_test_setup(a_full_redis_lets_alerts_out, flush),
        cmocka_unit_test_setup(others_before_ours_do_not_hide_it, flush),
        cmocka_unit_test_setup(who_lacks_a_channel_passes_it_on, flush),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
