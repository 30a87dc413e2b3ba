/*  store_asleep_test -- what waits for the end of quiet hours comes then, in the order in which
 *  it came and before what came since. Against a real redis-server.
 */
#include "tests/unit/broker/store_notes.h"

#include "broker/store_asleep.h"

enum { LONG_MS = 3600000, SHORT_MS = 1500 };

typedef struct {
    notes_t notes;
    size_t count;
    struct {
        char id[8], due[32], claim[32];
        bool behind;
    } items[16];
} claimed_t;

static void on_delivery(void *context, const store_delivery_t *delivery)
{
    claimed_t *claimed = context;
    assert_true(claimed->count < 16);
    note(&claimed->notes, "%s %u;", delivery->alert_id, delivery->attempts);
    snprintf(claimed->items[claimed->count].id, sizeof claimed->items[0].id, "%s",
             delivery->alert_id);
    snprintf(claimed->items[claimed->count].due, sizeof claimed->items[0].due, "%s", delivery->due);
    snprintf(claimed->items[claimed->count].claim, sizeof claimed->items[0].claim, "%s",
             delivery->claim);
    claimed->items[claimed->count].behind = delivery->behind;
    claimed->count++;
}

// "id attempts;..." of what is due now, hidden by that.
static const char *due(store_t *store, unsigned count, claimed_t *claimed)
{
    const store_claim_t claim = { .count = count, .each = count, .hidden_ms = LONG_MS };
    *claimed = (claimed_t){ .count = 0 };
    expect(store, store_delivery_due(store, &claim, on_delivery, claimed), STORE_OK);
    return claimed->notes.text;
}

static const char *becomes_due(store_t *store, claimed_t *claimed)
{
    const char *text = "";
    for (int i = 0; i < 500 && !*text; i++, pause_ms(10))
        text = due(store, 10, claimed);
    return text;
}

static void plan(store_t *store, const char *id)
{
    const store_told_t alice = { "alice", "" };
    expect(store, store_delivery_plan(store, slice_text(id), slice_text("B"), &alice, 1), STORE_OK);
}

static store_claimed_t item_of(const claimed_t *claimed, size_t i, int64_t delay_ms)
{
    return (store_claimed_t){ .alert_id = claimed->items[i].id,
                              .recipient = "alice",
                              .claim = claimed->items[i].claim,
                              .due = claimed->items[i].due,
                              .delay_ms = delay_ms };
}

static void fall_asleep(store_t *store, const claimed_t *claimed, size_t i, int64_t delay_ms)
{
    const store_claimed_t item = item_of(claimed, i, delay_ms);
    expect(store, store_delivery_sleep(store, &item), STORE_OK);
}

// Does it go back, behind others?
static bool wake(store_t *store, const claimed_t *claimed, size_t i)
{
    bool behind;
    const store_claimed_t item = item_of(claimed, i, 0);
    expect(store, store_delivery_wake(store, &item, &behind), STORE_OK);
    return behind;
}

static const char *record(const char *id)
{
    return redis("HGET tw:delivery:%s alice", id);
}

static const char *waiting(void)
{
    return redis("GET 'tw:{deliveries}:count'");
}

// Ids and the order in which they fall asleep are no order.
static void they_come_in_the_order_in_which_they_came(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    claimed_t claimed;
    const char *const ids[] = { "05", "01", "04", "02" };
    for (size_t i = 0; i < 4; i++)
        plan(store, ids[i]);
    pause_ms(2); // due times are in ms
    assert_string_equal(due(store, 10, &claimed), "05 0;01 0;04 0;02 0;");
    for (size_t i = 4; i-- > 0;)
        fall_asleep(store, &claimed, i, SHORT_MS);
    plan(store, "00"); // asleep too, once it is seen
    pause_ms(2);
    assert_string_equal(due(store, 10, &claimed), "00 0;"); // others are not held up by those
    fall_asleep(store, &claimed, 0, SHORT_MS);
    plan(store, "03");
    assert_string_equal(waiting(), "6");
    assert_string_equal(due(store, 1, &claimed), "03 0;"); // of a severity that passes
    expect(store, store_delivery_done(store, "03", "alice"), STORE_OK);
    assert_string_equal(record("05"), "pending 0"); // that was no attempt
    assert_string_equal(becomes_due(store, &claimed), "05 0;01 0;04 0;02 0;00 0;");
    assert_string_equal(redis("HLEN 'tw:{deliveries}:asleep'"), "0");
    assert_string_equal(redis("EXISTS 'tw:{deliveries}:asleep:alice'"), "0");
    for (size_t i = 0; i < claimed.count; i++)
        expect(store, store_delivery_done(store, claimed.items[i].id, "alice"), STORE_OK);
    assert_string_equal(waiting(), "0");
    assert_string_equal(redis("EXISTS 'tw:{deliveries}'"), "0");
}

// By the clock of who sends it is over, and by that of Redis not yet.
static void nothing_overtakes_what_sleeps(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    claimed_t claimed;
    plan(store, "02");
    plan(store, "01");
    pause_ms(2);
    due(store, 10, &claimed);
    fall_asleep(store, &claimed, 0, LONG_MS);
    fall_asleep(store, &claimed, 1, LONG_MS);
    plan(store, "00");
    pause_ms(2);
    assert_string_equal(due(store, 10, &claimed), "00 0;");
    assert_true(wake(store, &claimed, 0));
    assert_string_equal(due(store, 10, &claimed), "02 0;01 0;00 0;");
    for (size_t i = 0; i < claimed.count; i++)
        assert_false(wake(store, &claimed, i));
    assert_string_equal(due(store, 10, &claimed), ""); // they stay claimed
}

// The first of them that is asked wakes those that sleep: for the second nobody sleeps any more.
static void of_those_claimed_together_none_overtakes(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    claimed_t claimed;
    plan(store, "03");
    pause_ms(2);
    due(store, 10, &claimed);
    fall_asleep(store, &claimed, 0, LONG_MS);
    plan(store, "02");
    plan(store, "01");
    pause_ms(2);
    assert_string_equal(due(store, 10, &claimed), "02 0;01 0;");
    assert_true(wake(store, &claimed, 0));
    assert_true(wake(store, &claimed, 1));
    assert_string_equal(due(store, 10, &claimed), "03 0;02 0;01 0;");
    for (size_t i = 0; i < claimed.count; i++)
        assert_false(wake(store, &claimed, i));
}

// Who has no quiet hours any more is asked for that, before anything goes.
static void what_is_claimed_says_whether_others_sleep(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    claimed_t claimed;
    plan(store, "02");
    pause_ms(2);
    due(store, 10, &claimed);
    assert_false(claimed.items[0].behind);
    fall_asleep(store, &claimed, 0, LONG_MS);
    plan(store, "01");
    pause_ms(2);
    assert_string_equal(due(store, 10, &claimed), "01 0;");
    assert_true(claimed.items[0].behind);
    assert_true(wake(store, &claimed, 0));
    due(store, 10, &claimed);
    assert_false(claimed.items[0].behind || claimed.items[1].behind);
}

// Who failed last time is left alone; and quiet hours end none of that.
static void the_ill_sleep_and_wake_ill(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    claimed_t claimed;
    plan(store, "01");
    plan(store, "02");
    pause_ms(2);
    due(store, 1, &claimed);
    expect(store, store_delivery_retry(store, "01", "alice", "", LONG_MS, "x"), STORE_OK);
    assert_string_equal(becomes_due(store, &claimed), "02 0;");
    fall_asleep(store, &claimed, 0, 100);
    assert_string_equal(becomes_due(store, &claimed), "02 0;"); // one at a time, as ever
    expect(store, store_delivery_retry(store, "02", "alice", "", LONG_MS, "x"), STORE_OK);
    assert_string_equal(redis("HGET 'tw:{deliveries}:ill' alice | cut -d' ' -f1"), "2");
    plan(store, "03");
    assert_string_equal(due(store, 10, &claimed), "");
}

static void what_does_not_wait_does_not_sleep(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    claimed_t claimed;
    plan(store, "01");
    pause_ms(2);
    due(store, 10, &claimed);
    expect(store, store_delivery_done(store, "01", "alice"), STORE_OK);
    const store_claimed_t item = item_of(&claimed, 0, 0);
    expect(store, store_delivery_sleep(store, &item), STORE_FENCED);
    assert_true(wake(store, &claimed, 0)); // nor does it go once more
    assert_string_equal(redis("EXISTS 'tw:{deliveries}:asleep:alice'"), "0");
    assert_string_equal(redis("EXISTS 'tw:{deliveries}'"), "0");
}

static void what_sleeps_counts_for_the_limit_of_one(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    claimed_t claimed;
    store_limits(store)->deliveries_each = 1;
    plan(store, "01");
    pause_ms(2);
    due(store, 10, &claimed);
    fall_asleep(store, &claimed, 0, LONG_MS);
    plan(store, "02");
    assert_string_equal(record("02"), "dead 0 too many deliveries wait");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(they_come_in_the_order_in_which_they_came, flush),
        cmocka_unit_test_setup(nothing_overtakes_what_sleeps, flush),
        cmocka_unit_test_setup(of_those_claimed_together_none_overtakes, flush),
        cmocka_unit_test_setup(what_is_claimed_says_whether_others_sleep, flush),
        cmocka_unit_test_setup(the_ill_sleep_and_wake_ill, flush),
        cmocka_unit_test_setup(what_does_not_wait_does_not_sleep, flush),
        cmocka_unit_test_setup(what_sleeps_counts_for_the_limit_of_one, flush),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
