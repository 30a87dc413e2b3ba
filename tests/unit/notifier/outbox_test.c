/*  outbox: what a step may take, and what is planned and logged, against a real redis-server. */
#include <poll.h>

#include "tests/unit/broker/store_fixture.h"

#include "actors/notifier/outbox.h"
#include "proto/alert.h"

enum { LEASE_MS = 60000, STEPS_MAX = 20000, WAIT_MS = 5000, LATER_US = 10 * 1000 * 1000 };

typedef struct {
    means_t *means;
    store_t *store;
    publisher_t *publisher;
    outbox_t *outbox;
    int64_t now_us;
} notifying_t;

static notifying_t notifying_new(void)
{
    static const settings_t plain; // the operator gives no means
    fault_t fault = { 0 };
    notifying_t self = { .means = means_new(&plain, &fault),
                         .store = open_store("tw"),
                         .publisher = publisher_new(&fault) };
    assert_non_null(self.means);
    assert_non_null(self.publisher);
    self.outbox = outbox_new(open_store("tw"), self.store, self.publisher, self.means, &fault);
    assert_non_null(self.outbox);
    store_id_t token;
    expect(self.store, store_outbox_claim(self.store, "n", LEASE_MS, &token), STORE_OK);
    outbox_own(self.outbox, &token);
    publisher_listen(self.publisher, 0); // there is no broker; it is not waited for for ever
    self.now_us = LATER_US;
    return self;
}

static void notifying_destroy(notifying_t *self)
{
    outbox_destroy(&self->outbox);
    publisher_destroy(&self->publisher);
    store_destroy(&self->store);
    means_destroy(&self->means);
}

// One step, and how many subscribers it asked about. `told` of none: they have no webhook.
static uint64_t step(notifying_t *self)
{
    uint64_t before = outbox_count(self->outbox).untold;
    publisher_listen(self->publisher, self->now_us);
    outbox_status_t status = outbox_step(self->outbox, self->now_us);
    if (status == OUTBOX_DOWN)
        fail_msg("%s", outbox_error(self->outbox));
    struct pollfd came = { .fd = outbox_descriptor(self->outbox), .events = POLLIN };
    if (status == OUTBOX_IDLE && came.fd >= 0)
        poll(&came, 1, WAIT_MS);
    return outbox_count(self->outbox).untold - before;
}

static uint64_t waiting(notifying_t *self)
{
    uint64_t entries;
    expect(self->store, store_outbox_length(self->store, &entries), STORE_OK);
    return entries;
}

// Until the outbox is empty. Returns the most that one step asked.
static uint64_t run(notifying_t *self)
{
    uint64_t most = 0;
    for (int steps = 0; waiting(self) > 0; steps++) {
        uint64_t asked = step(self);
        most = asked > most ? asked : most;
        assert_true(steps < STEPS_MAX);
    }
    return most;
}

// ---- alerts ---------------------------------------------------------------------------------

static void make(buffer_t *body, char id[ALERT_ID_TEXT], uint64_t seq)
{
    alert_t alert = { .kind = "firing",
                      .seq = seq,
                      .rule = slice_text("spike"),
                      .severity = slice_text("warning"),
                      .series = slice_text("candle:x:Y"),
                      .when = slice_text("volume > 3"),
                      .ts_us = 1700000000000000,
                      .stream = slice_text("c1"),
                      .record_seq = seq };
    memcpy(alert.id.bytes, &seq, sizeof seq);
    alert_id_print(alert.id, id);
    buffer_clear(body);
    alert_encode(&alert, body);
    assert_false(body->failed);
}

// As transform does. Group and partition are `seq` modulo 16; each comes once here.
static void put(store_t *store, uint64_t seq, size_t times)
{
    owned(buffer_destroy) buffer_t body = { 0 };
    char id[ALERT_ID_TEXT];
    make(&body, id, seq);
    store_alert_t alerts[2];
    assert_true(times <= 2);
    for (size_t i = 0; i < times; i++)
        alerts[i] = (store_alert_t){ slice_text(id), slice_text("alert/spike/candle:x:Y/"),
                                     buffer_slice(&body) };
    unsigned partition = (unsigned) seq;
    store_id_t token;
    expect(store, store_claim(store, partition, "w", LEASE_MS, &token), STORE_OK);
    store_commit_t commit = { .partition = partition,
                              .token = token,
                              .mine = id_of((uint8_t) (seq + 1)),
                              .alerts = alerts,
                              .alert_count = times };
    expect(store, commit_one(store, &commit), STORE_OK);
}

static void log_it(store_t *store, uint64_t seq)
{
    owned(buffer_destroy) buffer_t body = { 0 };
    char id[ALERT_ID_TEXT];
    make(&body, id, seq);
    store_logged_t logged = { .id = slice_text(id),
                              .rule = slice_text("spike"),
                              .series = slice_text("candle:x:Y"),
                              .severity = slice_text("warning"),
                              .topic = slice_text("alert/spike/candle:x:Y/"),
                              .seq = seq,
                              .body = slice_text("{}") };
    expect(store, store_alert_log_put(store, &logged, 1), STORE_OK);
}

static void subscribe(unsigned count)
{
    redis("EVAL 'for i = 1, tonumber(ARGV[1]) do redis.call(\"SADD\", KEYS[1], \"s\" .. i) end' "
          "1 tw:subs:spike %u > /dev/null",
          count);
}

// ---- tests ----------------------------------------------------------------------------------

// The role's lease is renewed, and webhooks are sent, between two steps.
static void many_subscribers_are_asked_in_many_steps(void **state)
{
    (void) state;
    enum { ALERTS = 40, SUBSCRIBERS = 60 };
    notifying_t self = notifying_new();
    subscribe(SUBSCRIBERS);
    for (uint64_t seq = 1; seq <= ALERTS; seq++)
        put(self.store, seq, 1);
    assert_in_range(run(&self), 1, OUTBOX_ASKED_MAX + SUBSCRIBERS);
    assert_int_equal(outbox_count(self.outbox).untold, ALERTS * SUBSCRIBERS);
    assert_string_equal(redis("XLEN tw:alerts"), "40");
    notifying_destroy(&self);
}

static void what_the_log_knows_is_taken_and_no_more(void **state)
{
    (void) state;
    notifying_t self = notifying_new();
    subscribe(3);
    log_it(self.store, 1);
    put(self.store, 1, 1);
    put(self.store, 2, 1);
    run(&self);
    outbox_count_t count = outbox_count(self.outbox);
    assert_int_equal(count.known, 1);
    assert_int_equal(count.published, 1);
    assert_int_equal(count.untold, 3); // of the other
    assert_string_equal(redis("XLEN tw:alerts"), "2");
    notifying_destroy(&self);
}

static void one_id_twice_in_a_batch_is_one_alert(void **state)
{
    (void) state;
    for (unsigned subscribers = 0; subscribers < 2; subscribers++) {
        redis("FLUSHALL > /dev/null");
        notifying_t self = notifying_new();
        subscribe(subscribers);
        put(self.store, 1, 2);
        run(&self);
        assert_int_equal(outbox_count(self.outbox).published, 1);
        assert_int_equal(outbox_count(self.outbox).untold, subscribers);
        assert_string_equal(redis("XLEN tw:alerts"), "1");
        notifying_destroy(&self);
    }
}

// Redis forgets, without an end of connections, after it was asked what the log knows.
static void what_the_log_has_forgotten_meanwhile_is_planned_again(void **state)
{
    (void) state;
    enum { ALERTS = 30, SUBSCRIBERS = 60 };
    notifying_t self = notifying_new();
    subscribe(SUBSCRIBERS);
    for (uint64_t seq = 1; seq <= ALERTS; seq++)
        put(self.store, seq, 1);
    log_it(self.store, 1);
    log_it(self.store, ALERTS);
    while (step(&self) == 0)
        continue; // until some of them are planned
    assert_int_equal(waiting(&self), ALERTS);
    redis("DEL tw:alerts tw:seen:{tw:alerts} > /dev/null");
    redis("EVAL 'for _, k in ipairs(redis.call(\"KEYS\", \"tw:delivery:*\")) do "
          "redis.call(\"DEL\", k) end' 0 > /dev/null");
    run(&self);
    assert_string_equal(redis("XLEN tw:alerts"), "30");
    for (uint64_t seq = 1; seq <= ALERTS; seq++) {
        owned(buffer_destroy) buffer_t body = { 0 };
        char id[ALERT_ID_TEXT];
        make(&body, id, seq);
        assert_string_equal(redis("HLEN tw:delivery:%s", id), "60");
    }
    notifying_destroy(&self);
}

// What is held back is heard by those who listen.
static void what_is_held_is_published(void **state)
{
    (void) state;
    enum { STEPS = 20 };
    notifying_t self = notifying_new();
    subscribe(1);
    put(self.store, 1, 1);
    outbox_hold(self.outbox, true);
    for (int i = 0; i < STEPS; i++)
        step(&self);
    assert_int_equal(outbox_count(self.outbox).published, 1);
    assert_int_equal(waiting(&self), 1);
    assert_string_equal(redis("EXISTS tw:alerts"), "0");
    outbox_hold(self.outbox, false);
    run(&self);
    assert_int_equal(outbox_count(self.outbox).published, 1);
    assert_string_equal(redis("XLEN tw:alerts"), "1");
    notifying_destroy(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(many_subscribers_are_asked_in_many_steps, flush),
        cmocka_unit_test_setup(what_the_log_knows_is_taken_and_no_more, flush),
        cmocka_unit_test_setup(one_id_twice_in_a_batch_is_one_alert, flush),
        cmocka_unit_test_setup(what_the_log_has_forgotten_meanwhile_is_planned_again, flush),
        cmocka_unit_test_setup(what_is_held_is_published, flush),
    };
    return cmocka_run_group_tests_name("outbox", tests, server_setup, server_teardown);
}
