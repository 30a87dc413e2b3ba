/*  A real Redis behind a link that fails at the n-th call, or with an n-th answer that is none:
 *  every verb of store, a transform worker from claim to base, a notifier from outbox to
 *  deliveries.
 *
 *  Nothing crashes and nothing leaks; whatever failed, the same work goes on to its end, and then
 *  every alert is there once and the state is the one of an undisturbed run.
 */
#include "tests/nth/nth.h"

#include <hiredis/hiredis.h>
#include <poll.h>

#include "actors/notifier/outbox.h"
#include "actors/transform/worker.h"
#include "broker/runtime/life.h"
#include "broker/runtime/log.h"
#include "broker/store_asleep.h"
#include "broker/store_gather.h"
#include "broker/store_pass.h"
#include "broker/store_subscribers.h"
#include "proto/message.h"
#include "tests/unit/broker/store_fixture.h"
#include "tests/unit/transform/feeds.h"

enum { BACK_OFF_MS = 6000, LEASE_MS = 60000, TURNS = 3, TURNS_MOST = 40 };

static redisContext *admin; // an independent look at what store wrote

static redisReply *ask(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = redisvCommand(admin, format, arguments);
    va_end(arguments);
    assert_non_null(reply);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    return reply;
}

static void tell(const char *words)
{
    freeReplyObject(ask(words));
}

static long long number(const char *words)
{
    redisReply *reply = ask(words);
    long long answer = reply->integer;
    freeReplyObject(reply);
    return answer;
}

// Connected, so that a run begins with the work itself.
static store_t *open_connected(void)
{
    store_t *store = open_store("tw");
    expect(store, store_ping(store), STORE_OK);
    return store;
}

// ---- every verb
// -----------------------------------------------------------------------------------

typedef struct {
    store_t *store;
    unsigned refused; // verbs that were not OK
    store_status_t last;
} verbs_t;

static void did(verbs_t *self, const char *verb, store_status_t status)
{
    self->last = status;
    self->refused += status != STORE_OK && status != STORE_DUP;
    if (status != STORE_OK && status != STORE_DUP && !nth_excused())
        fail_msg("%s: %d without a reason: %s", verb, (int) status, store_error(self->store));
    nth_skip_ms(BACK_OFF_MS);
}
#define DO(verb) did(self, #verb, verb)

static void see_actor(void *context, const store_actor_t *actor)
{
    (void) context;
    assert_true(actor->name[0] && actor->count <= STORE_FIELDS_MAX);
}

static void see_failing(void *context, const store_failing_t *failing)
{
    (void) context;
    assert_non_null(failing->source);
    assert_non_null(failing->reason);
}

static void see_rule(void *context, const store_rule_t *rule)
{
    (void) context;
    assert_non_null(rule->name);
}

static void see_key(void *context, slice_t key)
{
    (void) context;
    assert_non_null(key.data);
}

static void see_members(void *context, slice_t key, const slice_t *names, size_t count)
{
    (void) context;
    assert_non_null(key.data);
    assert_true(names != NULL || count == 0);
}

static void see_bytes(void *context, slice_t bytes)
{
    (void) context;
    assert_true(bytes.size < 100);
}

static void see_quarantine(void *context, const char *source, uint64_t total, const char *reason)
{
    (void) context;
    (void) total;
    assert_true(source && reason);
}

static const seal_secret_t secret = { "of the stream s" };

static void see_subscriber(void *context, const store_subscriber_t *subscriber)
{
    (void) context;
    assert_non_null(subscriber->name);
}

static void see_letter(void *context, const char *alert_id, slice_t body)
{
    (void) context;
    assert_true(alert_id && body.size > 0);
}

static void see_delivery(void *context, const store_delivery_t *delivery)
{
    (void) context;
    assert_true(delivery->alert_id && delivery->recipient);
}

static void say_who_lives(verbs_t *self)
{
    const store_field_t fields[] = { { "pid", "1" }, { "host", "h" } };
    const store_failing_t failing = { .source = "s", .reason = "down", .failures = 1 };
    DO(store_ping(self->store));
    DO(store_beat(self->store, "prep", "p1", LEASE_MS, fields, 2));
    DO(store_actors(self->store, NULL, see_actor, NULL));
    DO(store_failing_put(self->store, "c1", LEASE_MS, &failing, 1));
    DO(store_failing(self->store, "c1", see_failing, NULL));
    DO(store_leave(self->store, "prep", "p1"));
}

static void say_what_people_write(verbs_t *self)
{
    const store_field_t rule[] = { { "on", "candle" }, { "when", "price > 1" } };
    const store_verdict_t verdicts[] = { { "r", "ok", NULL, "c1", 1 },
                                         { "s", NULL, NULL, "c1", 0 } };
    DO(store_rule_set(self->store, "r", rule, 2));
    DO(store_rules(self->store, see_rule, NULL));
    DO(store_rule_verdicts(self->store, verdicts, 2));
    DO(store_rule_statuses(self->store, see_rule, NULL));
    DO(store_rule_remove(self->store, "r"));
    DO(store_plan_put(self->store, "00ff", slice_text("plan")));
    DO(store_plan_add(self->store, "00fe", slice_text("change")));
    DO(store_plan_get(self->store, "00ff", see_bytes, NULL));
    store_log_t known;
    uint64_t edition;
    DO(store_log_set(self->store, slice_text("s"), 7, 1));
    DO(store_log_get(self->store, slice_text("s"), 7, &known, &edition));
    seal_secret_t agreed = secret;
    store_secret_t item = { .stream = slice_text("s") };
    DO(store_secret_agree(self->store, slice_text("s"), &agreed));
    seal_secret_t other = { "of another" };
    DO(store_secret_agree(self->store, slice_text("s"), &other));
    if (self->last != STORE_OK) // a proposal still
        assert_string_equal(other.bytes, "of another");
    DO(store_secrets(self->store, &item, 1));
    const store_latest_t latest = { slice_text("t:a"), 5, rule, 2 };
    DO(store_latest_put(self->store, &latest, 1));
    const store_quarantine_t bad = { slice_text("s"), 3, 1, "bad", slice_text("{") };
    DO(store_quarantine_add(self->store, "source", &bad, 1));
    DO(store_quarantine_summary(self->store, see_quarantine, NULL));
}

static void say_what_is_told(verbs_t *self)
{
    const store_told_t told = { "alice", "" };
    const slice_t id = slice_text("000102030405060708090a0b0c0d0e0f");
    const store_logged_t item = { .id = id,
                                  .rule = slice_text("r"),
                                  .series = slice_text("t:a"),
                                  .severity = slice_text("info"),
                                  .topic = slice_text("alert/r/t:a/"),
                                  .seq = 1,
                                  .body = slice_text("{}") };
    const store_claim_t claim = { .count = 9, .each = 9, .hidden_ms = LEASE_MS };
    const store_taken_t taken = { "1-0", id };
    const char *text = "000102030405060708090a0b0c0d0e0f";
    const store_claimed_t claimed = { text, "alice", "", "1", 0 };
    const slice_t rule = slice_text("r");
    char cursor[STORE_CURSOR_MAX] = "0";
    bool known, behind;
    unsigned unread;
    uint64_t count;
    int64_t next_ms;
    store_id_t token;
    DO(store_outbox_claim(self->store, "n", LEASE_MS, &token));
    if (self->last == STORE_OK) {
        DO(store_outbox_renew(self->store, token, LEASE_MS));
        DO(store_outbox_take(self->store, token, 3, &taken, 1));
        DO(store_outbox_release(self->store, token));
    }
    DO(store_outbox_length(self->store, &count));
    DO(store_subscribers(self->store, slice_text("r"), slice_text("t:a"), &unread, see_subscriber,
                         NULL));
    DO(store_subscriber(self->store, "alice", see_subscriber, NULL));
    DO(store_subscribers_named(self->store, (const char *const[]){ "alice" }, 1, see_subscriber,
                               NULL));
    DO(store_subscription_keys(self->store, cursor, see_key, NULL));
    DO(store_subscription_members(self->store, &rule, 1, see_members, NULL));
    DO(store_delivery_plan(self->store, id, slice_text("{}"), &told, 1));
    DO(store_delivery_due(self->store, &claim, see_delivery, NULL));
    DO(store_delivery_return(self->store, &claimed, 1));
    DO(store_delivery_pass(self->store, &claimed, 2, 0));
    DO(store_delivery_sleep(self->store, &claimed));
    DO(store_delivery_wake(self->store, &claimed, &behind));
    DO(store_delivery_letter(self->store, text, "alice", 0, see_letter, NULL, &count));
    DO(store_delivery_part(self->store, text, "alice", &text, 1));
    DO(store_delivery_retry(self->store, text, "alice", "", 5, "no"));
    DO(store_delivery_done(self->store, text, "alice"));
    DO(store_delivery_dead(self->store, text, "alice", "", "never"));
    DO(store_delivery_pace(self->store, text, "alice", 3, 1000, &next_ms));
    DO(store_delivery_again(self->store, "alice", id, &count));
    DO(store_delivery_waiting(self->store, &count, &next_ms));
    DO(store_alert_log_put(self->store, &item, 1));
    DO(store_alert_log_knows(self->store, &id, 1, &known));
    if (self->last == STORE_OK && !nth_struck())
        assert_true(known);
    DO(store_alert_log_room(self->store, &count));
    DO(store_subscriber_gone(self->store, "alice", "gone", "http://h/"));
}

static void no_answer_is_too_odd(void **state)
{
    (void) state;
    nth_t nth = nth_over(NTH_MEMORY | NTH_REDIS);
    while (nth_next(&nth)) {
        tell("FLUSHALL");
        tell("SADD tw:subs:r alice");
        tell("HSET tw:subscriber:alice webhook http://h/");
        verbs_t verbs = { .store = open_connected() };
        nth_arm(&nth);
        say_who_lives(&verbs);
        say_what_people_write(&verbs);
        say_what_is_told(&verbs);
        nth_disarm(&nth);
        nth_skip_ms(BACK_OFF_MS); // the same connection, or a new one, works
        expect(verbs.store, store_ping(verbs.store), STORE_OK);
        expect(verbs.store, store_leave(verbs.store, "prep", "p1"), STORE_OK);
        store_destroy(&verbs.store);
    }
}

// ---- a worker
// -------------------------------------------------------------------------------------

enum { SERIES = 2, RECORDS = 4, ROWS_A_RECORD = 8 };

static const char *const pairs[SERIES] = { "a", "b" };
static unsigned homes[SERIES]; // their partitions
static buffer_t frames[RECORDS + 1];
static plan_t *plan;
static bus_t *news, *inbox; // of all workers: ZeroMQ closes descriptors when it likes

static partitions_t home(void)
{
    partitions_t set = { { 0 } };
    for (unsigned i = 0; i < SERIES; i++)
        partitions_add(&set, homes[i]);
    return set;
}

static void make_plan(void)
{
    owned(buffer_destroy) buffer_t body = { 0 };
    const rule_t rule = { .on = slice_text("candle"),
                          .when = slice_text("volume > 2 * avg(volume) OVER last_1h"),
                          .severity = slice_text("warning"),
                          .min_rows = 2,
                          .positive = true,
                          .enabled = true };
    plan = plan_new();
    feed_source(&body, "candle");
    assert_true(plan_set(plan, PLAN_SOURCE, slice_text("feed"), buffer_slice(&body), NULL));
    buffer_clear(&body);
    rule_encode(&rule, &body);
    assert_true(plan_set(plan, PLAN_RULE, slice_text("spike"), buffer_slice(&body), NULL));
}

static void make_frame(uint64_t seq, slice_t payload, slice_t block)
{
    owned(buffer_destroy) buffer_t plans = { 0 }, blocks = { 0 };
    if (payload.size > 0)
        rows_plan_encode(&(rows_plan_t){ .seq = seq, .payload = payload }, &plans);
    if (block.size > 0)
        rows_block_encode(&(rows_block_t){ .seq = seq, .block = block }, &blocks);
    partitions_t set = home();
    const seal_claim_t claim = { .stream = slice_text("s"),
                                 .endpoint = slice_text(bus_endpoint(inbox)),
                                 .mark = seq,
                                 .first = seq,
                                 .last = seq,
                                 .partitions = slice_of(set.bits, sizeof set.bits) };
    seal_t seal = seal_of(&secret, &claim);
    message_rows_encode(
        &(message_rows_t){ .stream = claim.stream,
                           .mark = seq,
                           .first = seq,
                           .last = seq,
                           .partitions = claim.partitions,
                           .seal = slice_of(seal.bytes, sizeof seal.bytes),
                           .from = seq,
                           .to = seq,
                           .plans = { .count = payload.size > 0, .bytes = buffer_slice(&plans) },
                           .blocks = { .count = block.size > 0, .bytes = buffer_slice(&blocks) } },
        &frames[seq]);
    assert_false(frames[seq].failed);
}

static void make_frames(void)
{
    owned(buffer_destroy) buffer_t bytes = { 0 };
    owned(rows_destroy) rows_t *rows = rows_new();
    for (unsigned i = 0; i < SERIES; i++) {
        char id[SERIES_ID_MAX + 1];
        homes[i] = series_partition(feed_series(pairs[i], id));
    }
    assert_true(plan_encode(plan, NULL, &bytes));
    make_frame(1, buffer_slice(&bytes), slice_of(NULL, 0));
    for (unsigned seq = 2; seq <= RECORDS; seq++) {
        rows_head_t head = { .seq = seq,
                             .recv_us = 1,
                             .source = slice_text("feed"),
                             .table = slice_text("candle"),
                             .column_count = FEED_COLUMNS,
                             .columns = feed_columns };
        rows_begin(rows, &head);
        for (unsigned r = 0; r < ROWS_A_RECORD; r++) {
            char id[SERIES_ID_MAX + 1];
            unsigned n = seq * ROWS_A_RECORD + r;
            decimal_t values[] = { { .mantissa = n % 5 ? 3 : 1000 }, { .mantissa = n } };
            int series = rows_series(rows, feed_series(pairs[n % SERIES], id));
            assert_true(rows_add(rows, series, 1000000 * (int64_t) n, values, slice_text(""), r));
        }
        partitions_t all = feed_everything();
        buffer_clear(&bytes);
        assert_true(rows_encode(rows, &all, &bytes));
        make_frame(seq, slice_of(NULL, 0), buffer_slice(&bytes));
    }
}

static bool worker_open(worker_t *self, const char *name)
{
    memset(self, 0, sizeof *self);
    self->name = name;
    snprintf(self->id_text, sizeof self->id_text, "%s", name);
    self->store = open_connected();
    self->commits = open_connected();
    self->news = news;
    self->inbox = inbox;
    self->alert_bytes_max = WORKER_ALERT_BYTES_MAX;
    self->fold = fold_new(worker_alert, self);
    self->plans = worker_plans_new(self->store);
    self->batch = worker_commits_new();
    self->bases = worker_bases_new();
    return self->fold && self->plans && self->batch && self->bases;
}

static void worker_close(worker_t *self)
{
    worker_forget_all(self);
    for (size_t i = 0; i < self->stream_count; i++)
        lane_in_destroy(&self->streams[i].lane);
    worker_commits_destroy(&self->batch);
    worker_bases_destroy(&self->bases);
    fold_destroy(&self->fold);
    worker_plans_destroy(&self->plans);
    store_destroy(&self->commits);
    store_destroy(&self->store);
}

// Redis as it was before: the plan is known, partitions that are not ours are another's.
static void set_the_scene(void)
{
    tell("FLUSHALL");
    owned(store_destroy) store_t *store = open_connected();
    owned(buffer_destroy) buffer_t snapshot = { 0 };
    assert_true(plan_encode(plan, NULL, &snapshot));
    plan_hash_t hash = plan_hash(plan);
    char text[2 * sizeof hash.bytes + 1];
    for (size_t i = 0; i < sizeof hash.bytes; i++)
        snprintf(text + 2 * i, 3, "%02x", hash.bytes[i]);
    expect(store, store_plan_put(store, text, buffer_slice(&snapshot)), STORE_OK);
    seal_secret_t agreed = secret;
    expect(store, store_secret_agree(store, slice_text("s"), &agreed), STORE_OK);
    static store_id_t tokens[PARTITIONS];
    partitions_t others = { { 0 } }, ours = home();
    for (unsigned p = 0; p < PARTITIONS; p++)
        if (!partitions_has(&ours, p))
            partitions_add(&others, p);
    expect(store, store_claim_all(store, "other", LEASE_MS, tokens, &others), STORE_OK);
}

// What the loop of the program does, once round. True: all is committed.
static bool turn(worker_t *self)
{
    nth_skip_ms(BACK_OFF_MS);
    int64_t now_us = life_mono_us();
    if (worker_look_around(self, now_us))
        worker_claim(self);
    for (int i = 0; i < 4 && !worker_load(self); i++)
        ;
    worker_renew(self);
    (void) worker_stream(self, slice_text("s")); // as its collector tells it
    for (unsigned seq = 1; seq <= RECORDS; seq++) {
        worker_take(self, buffer_slice(&frames[seq]), now_us);
        if (seq % 2 == 0) {
            for (unsigned i = 0; i < SERIES; i++)
                self->holdings[homes[i]].journal_bytes |= 100 << 20; // a base is due
            worker_commit(self);
            worker_commit_settle(self, now_us);
            for (int i = 0; i < 4 && !worker_write_bases(self); i++)
                ;
            worker_commit(self);
            worker_commit_settle(self, now_us);
        }
    }
    worker_show(self);
    const worker_stream_t *stream = worker_stream(self, slice_text("s"));
    bool done = stream != NULL;
    for (unsigned i = 0; done && i < SERIES; i++)
        done = self->holdings[homes[i]].state == HOLDING_OURS &&
               stream->committed[homes[i]] == RECORDS;
    return done;
}

static bool work_to_the_end(worker_t *self, unsigned turns)
{
    for (unsigned i = 0; i < turns; i++)
        if (turn(self))
            return true;
    return false;
}

typedef struct {
    size_t count;
    char ids[64][33];
} ids_t;

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void see_entry(void *context, const store_entry_t *entry)
{
    ids_t *ids = context;
    assert_true(ids->count < 64 && entry->id.size == 32);
    snprintf(ids->ids[ids->count++], 33, "%.32s", (const char *) entry->id.data);
}

// All that is in the outbox, in order of id.
static ids_t outbox_ids(void)
{
    ids_t ids = { 0 };
    owned(store_destroy) store_t *store = open_connected();
    expect(store, store_outbox_read(store, 100, 0, see_entry, &ids), STORE_OK);
    qsort(ids.ids, ids.count, sizeof ids.ids[0], by_text);
    return ids;
}

// The state that somebody new reads from Redis.
static void durable_state(buffer_t *state)
{
    worker_t reader;
    assert_true(worker_open(&reader, "one"));
    assert_true(worker_look_around(&reader, 0));
    worker_claim(&reader);
    while (!worker_load(&reader))
        ;
    for (unsigned i = 0; i < SERIES; i++) {
        assert_true(reader.holdings[homes[i]].state == HOLDING_OURS);
        assert_int_equal(worker_stream(&reader, slice_text("s"))->committed[homes[i]], RECORDS);
        assert_true(fold_base(reader.fold, homes[i], state));
    }
    worker_close(&reader);
}

static void a_worker_comes_to_the_same_end(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t expected = { 0 };
    ids_t wanted = { 0 };
    nth_t nth = nth_over(NTH_MEMORY | NTH_REDIS);
    while (nth_next(&nth)) {
        worker_t worker;
        set_the_scene();
        assert_true(worker_open(&worker, "one"));
        nth_arm(&nth);
        bool done = work_to_the_end(&worker, TURNS);
        nth_disarm(&nth);
        if (!done && !nth_excused())
            fail_msg("it does not come to an end");
        if (!done && !work_to_the_end(&worker, TURNS_MOST))
            fail_msg("it does not come to an end after a failure: %s", store_error(worker.store));
        worker_close(&worker);
        owned(buffer_destroy) buffer_t now = { 0 };
        ids_t ids = outbox_ids();
        durable_state(&now);
        if (wanted.count == 0) { // the first run
            wanted = ids;
            buffer_append(&expected, now.data, now.size);
            assert_true(wanted.count > 2);
        }
        assert_int_equal(ids.count, wanted.count); // none is missing, none is there twice
        assert_memory_equal(ids.ids, wanted.ids, sizeof ids.ids);
        assert_true(slice_same(buffer_slice(&now), buffer_slice(&expected)));
    }
}

// ---- a notifier
// -----------------------------------------------------------------------------------

enum { ALERTS = 3 };

static void emit(store_t *store)
{
    for (unsigned i = 0; i < ALERTS; i++) {
        char text[33], topic[64];
        store_id_t token;
        owned(buffer_destroy) buffer_t body = { 0 };
        alert_t alert = { .kind = "firing",
                          .seq = 1 + i,
                          .rule = slice_text("spike"),
                          .severity = slice_text("warning"),
                          .series = slice_text("candle:x:a"),
                          .when = slice_text("volume > 3"),
                          .ts_us = 1700000000000000 + i,
                          .stream = slice_text("s"),
                          .record_seq = 7 };
        snprintf(text, sizeof text, "%032u", i + 1);
        snprintf(topic, sizeof topic, "alert/spike/candle:x:a/");
        assert_true(alert_id_parse(&alert.id, slice_text(text)));
        alert_encode(&alert, &body);
        const store_alert_t item = { slice_text(text), slice_text(topic), buffer_slice(&body) };
        expect(store, store_claim(store, i, "w", LEASE_MS, &token), STORE_OK);
        const store_commit_t commit = { .partition = i,
                                        .token = token,
                                        .mine = id_of((uint8_t) (i + 1)),
                                        .alerts = &item,
                                        .alert_count = 1 };
        expect(store, commit_one(store, &commit), STORE_OK);
    }
}

typedef struct {
    store_t *store;
    publisher_t *publisher;
    outbox_t *outbox;
    bool owned;
    int64_t now_us;
} notifier_t;

// What the loop of the program does. True: the outbox is empty.
static bool notify(notifier_t *self, unsigned turns)
{
    for (unsigned i = 0; i < turns; i++) {
        nth_skip_ms(BACK_OFF_MS);
        // A second a turn: soon nobody waits for a broker any more, but an answer is waited for.
        self->now_us += 1000000;
        struct pollfd answer = { .fd = outbox_descriptor(self->outbox), .events = POLLIN };
        if (answer.fd >= 0)
            (void) poll(&answer, 1, 1);
        publisher_listen(self->publisher, self->now_us);
        store_id_t token;
        if (!self->owned && store_outbox_claim(self->store, "n", LEASE_MS, &token) == STORE_OK) {
            self->owned = true;
            outbox_own(self->outbox, &token);
        }
        outbox_status_t status = outbox_step(self->outbox, self->now_us);
        if (status == OUTBOX_FENCED) {
            self->owned = false;
            outbox_own(self->outbox, NULL);
        }
        uint64_t waiting = 1;
        if (i % 4 == 3 && store_outbox_length(self->store, &waiting) == STORE_OK && waiting == 0 &&
            !outbox_busy(self->outbox))
            return true;
    }
    return false;
}

static void a_notifier_tells_everything_once(void **state)
{
    (void) state;
    fault_t fault = { 0 };
    static const settings_t plain;
    owned(publisher_destroy) publisher_t *publisher = publisher_new(&fault);
    owned(means_destroy) means_t *means = means_new(&plain, &fault);
    assert_true(publisher && means);
    nth_t nth = nth_over(NTH_MEMORY | NTH_REDIS);
    while (nth_next(&nth)) {
        tell("FLUSHALL");
        tell("SADD tw:subs:spike alice bob");
        tell("HSET tw:subscriber:alice webhook http://h/");
        tell("HSET tw:subscriber:bob webhook http://h/");
        notifier_t self = { .store = open_connected(), .publisher = publisher };
        emit(self.store);
        self.outbox = outbox_new(open_connected(), self.store, self.publisher, means, &fault);
        assert_non_null(self.outbox);
        nth_arm(&nth);
        bool done = notify(&self, 40);
        nth_disarm(&nth);
        if (!done && !nth_excused())
            fail_msg("the outbox is never empty: %s", outbox_error(self.outbox));
        // An answer that says there is nothing is believed until the next look.
        if (!notify(&self, 200))
            fail_msg("the outbox is never empty after a failure: %s", outbox_error(self.outbox));
        outbox_destroy(&self.outbox);
        store_destroy(&self.store);
        assert_int_equal(number("XLEN tw:alerts"), ALERTS);
        assert_int_equal(number("ZCARD tw:seen:{tw:alerts}"), ALERTS);
        for (unsigned i = 1; i <= ALERTS; i++) {
            char words[80];
            snprintf(words, sizeof words, "HLEN tw:delivery:%032u", i);
            if (number(words) != 2)
                fail_msg("alert %u has %lld deliveries planned", i, number(words));
        }
    }
}

// ---- the server ------------------------------------------------------------------------------

static int begin(void **state)
{
    log_setup("test", "nth", (log_level_t) (LOG_ERROR + 1), false); // failures are what we make
    if (server_setup(state) != 0)
        return 1;
    char path[64];
    snprintf(path, sizeof path, "%s/redis.sock", server.dir);
    admin = redisConnectUnix(path);
    assert_true(admin && !admin->err);
    tell("CONFIG SET appendfsync no"); // nobody cuts the power here
    news = bus_connect(BUS_PUB, DOOR_NEWS, NULL, 16, NULL);
    inbox = bus_bind(BUS_PULL, DOOR_ROWS, "tcp://127.0.0.1:*", 16, NULL);
    assert_true(news && inbox);
    make_plan();
    make_frames();
    return 0;
}

static int end(void **state)
{
    for (unsigned i = 0; i <= RECORDS; i++)
        buffer_destroy(&frames[i]);
    plan_destroy(&plan);
    bus_destroy(&news);
    bus_destroy(&inbox);
    redisFree(admin);
    return server_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(no_answer_is_too_odd, nth_teardown),
        cmocka_unit_test_teardown(a_worker_comes_to_the_same_end, nth_teardown),
        cmocka_unit_test_teardown(a_notifier_tells_everything_once, nth_teardown),
    };
    return cmocka_run_group_tests_name("nth_redis", tests, begin, end);
}
