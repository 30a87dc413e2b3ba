/*  worker_test -- what a worker holds and commits, on a real Redis: it never trusts what it has in
 *  memory further than the head it was read at.
 */
#include "broker/runtime/life.h"
#include "broker/runtime/log.h"
#include "worker_bench.h"

enum { P = 7 };

static const char META[] = "tw:m:{7}:7", JOURNAL[] = "tw:j:{7}:7";

static void beat(worker_t *worker)
{
    const store_field_t field = { "id", worker->id_text };
    expect(worker->store, store_beat(worker->store, "transform", worker->name, 60000, &field, 1),
           STORE_OK);
    worker_listed(worker);
}

// A record that changes the state of P: a plan comes into force.
static void apply_record_of(bench_t *self, const char *name, uint64_t seq)
{
    worker_t *worker = &self->worker;
    worker_stream_t *stream = worker_stream(worker, slice_text(name));
    partitions_t one = { { 0 } };
    partitions_add(&one, P);
    assert_true(fold_plan(worker->fold, slice_text(name), &one, self->rules, 1, 0));
    const lane_span_t span = { .from = seq, .to = seq, .partitions = one };
    lane_in_applied(stream->lane, &span, &one);
}

static void apply_record(bench_t *self, uint64_t seq)
{
    apply_record_of(self, "s", seq);
}

// The base of a commit that was taken.
static void write_base(worker_t *worker)
{
    while (!worker_write_bases(worker))
        ;
    worker_swap_bases(worker);
}

// ---- plans ------------------------------------------------------------------------------------

static plan_t *plan_of(const char *limit)
{
    plan_t *plan = plan_new();
    assert_non_null(plan);
    assert_true(
        plan_set(plan, PLAN_LIMIT, slice_text(PLAN_WINDOW_ROWS_MAX), slice_text(limit), NULL));
    return plan;
}

// Into Redis, as a snapshot or as what changed.
static void write_plan(store_t *store, const plan_t *plan, const plan_t *from)
{
    buffer_t bytes = { 0 };
    char text[2 * sizeof(plan_hash_t) + 1];
    plan_hash_t hash = plan_hash(plan);
    for (size_t i = 0; i < sizeof hash.bytes; i++)
        snprintf(text + 2 * i, 3, "%02x", hash.bytes[i]);
    assert_true(plan_encode(plan, from, &bytes));
    expect(store,
           from ? store_plan_add(store, text, buffer_slice(&bytes))
                : store_plan_put(store, text, buffer_slice(&bytes)),
           STORE_OK);
    buffer_destroy(&bytes);
}

static bool reads(worker_plans_t *plans, const plan_t *plan)
{
    plan_hash_t hash = plan_hash(plan);
    ruleset_t *rules = worker_plans_find(plans, hash);
    if (!rules)
        return false;
    plan_hash_t found = ruleset_hash(rules);
    assert_memory_equal(&found, &hash, sizeof hash);
    return true;
}

static void a_plan_is_read_from_what_changed(void **state)
{
    (void) state;
    owned(bench_destroy) bench_t *bench = bench_new("one");
    store_t *store = bench->worker.store;
    owned(plan_destroy) plan_t *first = plan_of("100"), *second = plan_of("200");
    owned(plan_destroy) plan_t *third = plan_of("300"), *lost = plan_of("400"),
                               *last = plan_of("500");
    write_plan(store, first, NULL);
    write_plan(store, second, first);
    write_plan(store, third, second);
    write_plan(store, last, lost);
    write_plan(store, first, second); // is there: stays
    owned(worker_plans_destroy) worker_plans_t *plans = worker_plans_new(store);
    assert_false(reads(plans, third)); // nobody writes changes of changes
    assert_true(reads(plans, second));
    assert_true(reads(plans, third)); // of one that is known by now
    assert_false(reads(plans, last)); // of one that is nowhere
    assert_true(reads(plans, first));
}

static uint64_t durable(worker_t *worker)
{
    return worker_stream(worker, slice_text("s"))->committed[P];
}

static void what_is_committed_is_read_by_the_next(void **state)
{
    (void) state;
    owned(bench_destroy) bench_t *one = bench_new("one");
    claim_and_load(&one->worker);
    assert_int_equal(worker_held(&one->worker), PARTITIONS);
    apply_record(one, 1);
    worker_commit(&one->worker);
    assert_true(worker_committing(&one->worker));
    worker_commit_settle(&one->worker, 0);
    assert_int_equal(durable(&one->worker), 1);
    for (unsigned p = 0; p < PARTITIONS; p++)
        worker_leave(&one->worker, p);
    worker_commit_settle(&one->worker, 0); // nothing under way: releases
    assert_true(worker_has_nothing(&one->worker));

    owned(bench_destroy) bench_t *two = bench_new("two");
    claim_and_load(&two->worker);
    assert_int_equal(worker_held(&two->worker), PARTITIONS); // without waiting for leases
    assert_int_equal(durable(&two->worker), 1);
}

static void a_later_edition_begins_with_nothing(void **state)
{
    (void) state;
    owned(bench_destroy) bench_t *one = bench_new("one");
    worker_t *worker = &one->worker;
    claim_and_load(worker);
    apply_record(one, 1);
    worker_commit(worker);
    worker_commit_settle(worker, 0);
    worker_stream_t *again = worker_stream(worker, slice_text("s~50"));
    assert_non_null(again);
    assert_int_equal(lane_in_position(again->lane, P), 0);
    assert_true(fold_changed(worker->fold, P)); // what was held of "s" is dropped, and that is said
    assert_null(worker_stream(worker, slice_text("s")));
    assert_null(worker_stream(worker, slice_text("s~49")));
    assert_true(worker_stream_is_over(worker, slice_text("s")));
    assert_false(worker_stream_is_over(worker, slice_text("s~51")));
    assert_true(worker_stream(worker, slice_text("s~50")) == again);

    // messages of the earlier telling that are still on their way change nothing
    const span_t late = { "s", 2, 2, 2, 2 };
    take(worker, &late, &theirs, 0);
    assert_int_equal(worker->messages + worker->malformed + worker->forged, 0);

    worker_commit(worker);
    worker_commit_settle(worker, 0);
    assert_string_equal(redis("HGET %s off:s", META), "1"); // left as it was
    owned(bench_destroy) bench_t *two = bench_new("two");
    for (unsigned p = 0; p < PARTITIONS; p++)
        worker_leave(worker, p);
    worker_commit_settle(worker, 0);
    // who has not heard of the replay yet, and loads state of before it, comes to the same
    claim_and_load(&two->worker);
    again = worker_stream(&two->worker, slice_text("s~50"));
    assert_int_equal(again->committed[P], 0);
    assert_int_equal(lane_in_position(again->lane, P), 0);
    assert_null(worker_stream(&two->worker, slice_text("s")));
}

static void name_stream(char name[16], unsigned number)
{
    snprintf(name, 16, "n%u", number);
}

// Nobody has told them for longer than a stream keeps its place.
static void let_streams_die(worker_t *worker)
{
    for (size_t i = 0; i < worker->stream_count; i++)
        worker->streams[i].seen_us = life_mono_us() - WORKER_DEAD_US;
}

static void streams_that_are_dead_give_their_place(void **state)
{
    (void) state;
    enum { EVER = WORKER_STREAMS_MAX + 6 };
    owned(bench_destroy) bench_t *one = bench_new("one");
    worker_t *worker = &one->worker;
    char name[16];
    claim_and_load(worker);
    for (unsigned i = 0; i < WORKER_STREAMS_MAX; i++) {
        name_stream(name, i);
        apply_record_of(one, name, 1);
    }
    assert_null(worker_stream(worker, slice_text("one-too-many"))); // all of them are alive
    worker_commit(worker);
    worker_commit_settle(worker, 0);
    for (unsigned i = WORKER_STREAMS_MAX; i < EVER; i++) {
        let_streams_die(worker);
        name_stream(name, i);
        assert_non_null(worker_stream(worker, slice_text(name)));
        assert_int_equal(worker_held(worker), 0); // what memory knew of the dead one is read again
        claim_and_load(worker);
        assert_int_equal(worker_held(worker), PARTITIONS);
        apply_record_of(one, name, 1);
        worker_commit(worker);
        worker_commit_settle(worker, 0);
    }

    // somebody new can load what has more positions than streams have places ...
    for (unsigned p = 0; p < PARTITIONS; p++)
        worker_leave(worker, p);
    worker_commit_settle(worker, 0);
    owned(bench_destroy) bench_t *two = bench_new("two");
    claim_and_load(&two->worker);
    assert_int_equal(worker_held(&two->worker), PARTITIONS);
    // ... and goes on where any of them stopped, once it is told
    for (unsigned i = 0; i < EVER; i++) {
        let_streams_die(&two->worker);
        name_stream(name, i);
        assert_non_null(worker_stream(&two->worker, slice_text(name)));
        claim_and_load(&two->worker);
        worker_stream_t *stream = worker_stream(&two->worker, slice_text(name));
        assert_int_equal(stream->committed[P], 1);
        assert_int_equal(lane_in_position(stream->lane, P), 1);
    }
}

static void a_base_replaces_the_journal(void **state)
{
    (void) state;
    owned(bench_destroy) bench_t *bench = bench_new("one");
    worker_t *worker = &bench->worker;
    claim_and_load(worker);
    apply_record(bench, 1);
    worker->holdings[P].journal_bytes = 100 << 20; // so that a base is due
    worker_commit(worker);
    worker_commit_settle(worker, 0);
    write_base(worker);
    assert_string_equal(redis("LLEN %s", JOURNAL), "0");
    assert_string_equal(redis("HGET %s nb", META), "1");
    assert_int_equal(worker->holdings[P].journal_count, 0);
    worker_forget_all(worker);
    claim_and_load(worker);
    assert_int_equal(durable(worker), 1);
    assert_int_equal(worker->holdings[P].journal_count, 0);
}

static void apply_plan_of(bench_t *self, uint64_t seq, ruleset_t *rules)
{
    worker_t *worker = &self->worker;
    partitions_t one = { { 0 } };
    partitions_add(&one, P);
    assert_true(fold_plan(worker->fold, slice_text("s"), &one, rules, seq, 0));
    worker->holdings[P].plan_bytes += worker_plans_weight(worker->plans, rules);
    const lane_span_t span = { .from = seq, .to = seq, .partitions = one };
    lane_in_applied(worker_stream(worker, slice_text("s"))->lane, &span, &one);
    worker_commit(worker);
    worker_commit_settle(worker, 0);
    write_base(worker);
}

// Large plans make a journal long: whoever reads it has to compile each.
static void a_base_replaces_a_journal_of_plans(void **state)
{
    (void) state;
    owned(bench_destroy) bench_t *bench = bench_new("one");
    worker_t *worker = &bench->worker;
    enum { PLANS = 40, BODY = 60000, NAMED_MOST = 10 };
    static uint8_t body[BODY];
    owned(plan_destroy) plan_t *plan = plan_new();
    for (unsigned i = 0; i < 6; i++) {
        char name[16];
        snprintf(name, sizeof name, "large%u", i);
        assert_true(plan_set(plan, PLAN_RULE, slice_text(name), slice_of(body, BODY), NULL));
    }
    claim_and_load(worker);
    apply_record(bench, 1);
    unsigned most = 0;
    for (unsigned i = 0; i < PLANS; i++) {
        char limit[16];
        snprintf(limit, sizeof limit, "%u", 100 + i);
        assert_true(
            plan_set(plan, PLAN_LIMIT, slice_text(PLAN_WINDOW_ROWS_MAX), slice_text(limit), NULL));
        write_plan(worker->store, plan, NULL);
        ruleset_t *rules = worker_plans_find(worker->plans, plan_hash(plan));
        assert_non_null(rules);
        apply_plan_of(bench, 2 + i, rules);
        unsigned named = (unsigned) worker->holdings[P].journal_count;
        most = named > most ? named : most;
        if (i % 16 == 12) { // what is read weighs something, too
            size_t before = worker->holdings[P].plan_bytes;
            worker_forget_all(worker);
            claim_and_load(worker);
            assert_true(worker->holdings[P].plan_bytes > 0);
            assert_true(worker->holdings[P].plan_bytes <= before);
        }
    }
    assert_true(most > 1 && most <= NAMED_MOST);
    assert_int_equal(durable(worker), 1 + PLANS);
}

// It is written while commits go on, and leaves the deltas that came after it.
static void a_base_replaces_what_was_before_it(void **state)
{
    (void) state;
    owned(bench_destroy) bench_t *bench = bench_new("one");
    worker_t *worker = &bench->worker;
    claim_and_load(worker);
    apply_record(bench, 1);
    worker->holdings[P].journal_bytes = 100 << 20;
    worker_commit(worker);
    assert_true(worker_write_bases(worker)); // nothing of it before its commit is taken
    assert_string_equal(redis("EXISTS 'tw:b:{7}:7'"), "0");
    worker_commit_settle(worker, 0);
    assert_string_equal(redis("HGET %s nb", META), "");
    apply_record_of(bench, "t", 1);
    worker_commit(worker);
    while (!worker_write_bases(worker))
        ;
    worker_commit_settle(worker, 0);
    assert_string_equal(redis("HGET %s nb", META), "1");
    assert_string_equal(redis("LLEN %s", JOURNAL), "1");
    assert_int_equal(worker->holdings[P].journal_count, 1);
    assert_true(worker->holdings[P].journal_bytes < 1000);
    apply_record_of(bench, "u", 1); // the chain goes on
    worker_commit(worker);
    worker_commit_settle(worker, 0);
    assert_true(worker->holdings[P].state == HOLDING_OURS);
    worker_forget_all(worker);
    claim_and_load(worker);
    assert_int_equal(worker->holdings[P].journal_count, 2);
    static const char *const streams[] = { "s", "t", "u" };
    for (int i = 0; i < 3; i++)
        assert_int_equal(worker_stream(worker, slice_text(streams[i]))->committed[P], 1);
}

// A worker that is fenced, and owns the partition again before the answer comes, must not write
// the base of the commit that was refused: it holds rows that Redis' positions know nothing of.
static void the_base_of_a_refused_commit_is_not_written(void **state)
{
    (void) state;
    owned(bench_destroy) bench_t *bench = bench_new("one");
    worker_t *worker = &bench->worker;
    claim_and_load(worker);
    apply_record(bench, 1);
    worker->holdings[P].journal_bytes = 100 << 20;
    redis("HSET %s token stolen owner thief lease 0", META);
    worker_commit(worker);
    pause_ms(50); // it has been refused
    worker_forget(worker, P);
    claim_and_load(worker);
    assert_true(worker->holdings[P].state == HOLDING_OURS);
    worker_commit_settle(worker, 0);
    write_base(worker);
    assert_string_equal(redis("HGET %s nb", META), "");
    assert_string_equal(redis("HGET %s head", META), "");
    assert_int_equal(durable(worker), 0);
    assert_true(worker->holdings[P].state == HOLDING_OURS);
}

// ---- records with many alerts -------------------------------------------------------------

enum { MANY = 25000 };

// Record 1 of stream s, of series a: MANY entries, an alert for each of its rows, and the incident
// that begins with the first.
static unsigned apply_many(bench_t *self)
{
    static feed_row_t rows[MANY - 1];
    static const feed_rule_t rule[] = { { "all", "volume > 0", 0 }, { 0 } };
    worker_t *worker = &self->worker;
    unsigned partition = series_partition(slice_text("candle:x:a"));
    partitions_t one = { { 0 } };
    partitions_add(&one, partition);
    owned(ruleset_destroy) ruleset_t *rules = feed_rules(rule, NULL);
    assert_true(fold_plan(worker->fold, slice_text("s"), &one, rules, 1, 0));
    for (int i = 0; i < MANY - 1; i++)
        rows[i] = (feed_row_t){ .pair = "a", .ts = 1 + i, .values = { { .mantissa = 1 } } };
    worker->applying = worker_stream(worker, slice_text("s"));
    assert_true(feed(worker->fold, "s", 1, rows, MANY - 1, false));
    const lane_span_t span = { .from = 1, .to = 1, .partitions = one };
    lane_in_applied(worker->applying->lane, &span, &one);
    return partition;
}

static void commit_once(worker_t *worker, int64_t now_us)
{
    worker_commit(worker);
    if (worker_committing(worker))
        worker_commit_settle(worker, now_us);
}

static const char *of_partition(const char *command, const char *kind, unsigned partition,
                                const char *rest)
{
    return redis("%s 'tw:%s:{%u}%s", command, kind, partition % GROUPS, rest);
}

// Entries in its outbox, and how many different ids they have.
static void assert_outbox(unsigned partition, const char *entries, const char *ids)
{
    assert_string_equal(of_partition("XLEN", "o", partition, "'"), entries);
    assert_string_equal(of_partition("XRANGE", "o", partition,
                                     "' - + | grep -aA1 '^id$' | grep -a '^[0-9a-f]*$' | sort -u "
                                     "| wc -l"),
                        ids);
}

static void assert_meta(unsigned partition, const char *field, const char *value)
{
    char rest[64];
    snprintf(rest, sizeof rest, ":%u' %s", partition, field);
    assert_string_equal(of_partition("HGET", "m", partition, rest), value);
}

// Alerts of one record go out in parts. Whoever takes the partition over in between sends the rest.
static void alerts_that_went_ahead_are_not_sent_again(void **state)
{
    (void) state;
    owned(bench_destroy) bench_t *bench = bench_new("one");
    worker_t *worker = &bench->worker;
    claim_and_load(worker);
    unsigned partition = apply_many(bench);
    commit_once(worker, 0);
    assert_outbox(partition, "10000", "10000");
    assert_meta(partition, "off:s", "0");
    assert_meta(partition, "sent:s", "10000");
    worker_forget_all(worker); // dies
    claim_and_load(worker);
    apply_many(bench);
    commit_once(worker, 0);
    assert_meta(partition, "sent:s", "20000");
    commit_once(worker, 0);
    assert_outbox(partition, "25000", "25000");
    assert_meta(partition, "off:s", "1");
    assert_meta(partition, "sent:s", "");
    commit_once(worker, 0);
    assert_outbox(partition, "25000", "25000");
}

static void a_full_outbox_is_waited_for(void **state)
{
    (void) state;
    owned(bench_destroy) bench_t *bench = bench_new("one");
    worker_t *worker = &bench->worker;
    store_limits(worker->commits)->outbox_entries = 15000;
    claim_and_load(worker);
    unsigned partition = apply_many(bench);
    commit_once(worker, 0);
    commit_once(worker, life_mono_us()); // full
    assert_outbox(partition, "10000", "10000");
    assert_true(worker->holdings[partition].state == HOLDING_OURS);
    commit_once(worker, 0); // not yet tried again
    assert_outbox(partition, "10000", "10000");
    of_partition("XTRIM", "o", partition, "' MAXLEN 0");
    worker->full_until_us = 0;
    commit_once(worker, 0);
    assert_meta(partition, "sent:s", "20000");
    commit_once(worker, 0);
    assert_outbox(partition, "15000", "15000");
    assert_meta(partition, "off:s", "1");
}

// What does not fit into memory is made again, after what did.
static void alerts_beyond_memory_come_later(void **state)
{
    (void) state;
    owned(bench_destroy) bench_t *bench = bench_new("one");
    worker_t *worker = &bench->worker;
    worker->alert_bytes_max = 4 << 20;
    claim_and_load(worker);
    unsigned partition = apply_many(bench);
    assert_true(worker_uncommitted(worker) < 6 << 20);
    int rounds = 0;
    for (; strcmp(redis("HGET 'tw:m:{%u}:%u' off:s", partition % GROUPS, partition), "1") != 0;
         rounds++) {
        assert_true(rounds < 20);
        commit_once(worker, 0);
        if (worker->holdings[partition].state == HOLDING_OURS)
            continue;
        claim_and_load(worker);
        apply_many(bench);
    }
    assert_true(rounds > 3);
    assert_outbox(partition, "25000", "25000");
    assert_int_equal(worker->alert_bytes, 0);
}

static void a_redis_that_dies_is_read_again(void **state)
{
    (void) state;
    owned(bench_destroy) bench_t *bench = bench_new("one");
    worker_t *worker = &bench->worker;
    claim_and_load(worker);
    apply_record(bench, 1);
    worker_commit(worker);
    worker_commit_settle(worker, 0);
    apply_record(bench, 2);
    worker->bytes += WORKER_IDLE_COMMIT_BYTES + 1; // so that its position is to be committed
    server_kill();
    worker_commit(worker);
    worker_commit_settle(worker, 0);
    assert_true(worker_has_nothing(worker)); // nobody knows what Redis has
    assert_false(worker_look_around(worker, 0));
    server_start();
    expect(worker->store, ping_patiently(worker->store), STORE_OK);
    claim_and_load(worker);
    assert_int_equal(durable(worker), 1);
}

static void those_of_before_an_outage_are_waited_for(void **state)
{
    (void) state;
    owned(bench_destroy) bench_t *one = bench_new("one");
    owned(bench_destroy) bench_t *two = bench_new("two");
    beat(&two->worker);
    claim_and_load(&one->worker);
    size_t share = worker_held(&one->worker);
    assert_in_range(share, 64, 192);
    worker_forget_all(&one->worker);
    server_kill();
    assert_false(worker_look_around(&one->worker, 1));
    server_start();
    redis("FLUSHALL > /dev/null"); // all leases have run out
    expect(one->worker.store, ping_patiently(one->worker.store), STORE_OK);
    put_plan(one);
    claim_and_load(&one->worker);
    assert_int_equal(worker_held(&one->worker), share);
    assert_true(worker_look_around(&one->worker, INT64_MAX)); // two has not come back
    worker_claim(&one->worker);
    while (!worker_load(&one->worker))
        ;
    assert_int_equal(worker_held(&one->worker), PARTITIONS);
}

static void what_is_claimed_and_not_wanted_goes_back(void **state)
{
    (void) state;
    owned(bench_destroy) bench_t *one = bench_new("one");
    owned(bench_destroy) bench_t *two = bench_new("two");
    assert_true(worker_look_around(&one->worker, 0));
    worker_claim(&one->worker);
    beat(&one->worker);
    beat(&two->worker);
    assert_true(worker_look_around(&one->worker, 0));
    worker_claim(&one->worker); // half of it is to be two's
    worker_commit_settle(&one->worker, 0);
    claim_and_load(&two->worker);
    while (!worker_load(&one->worker))
        ;
    assert_int_equal(worker_held(&one->worker) + worker_held(&two->worker), PARTITIONS);
    assert_in_range(worker_held(&two->worker), 64, 192);
    assert_int_equal(one->worker.fenced, 0);
}

static void the_later_of_one_name_works(void **state)
{
    (void) state;
    owned(bench_destroy) bench_t *earlier = bench_new("one");
    owned(bench_destroy) bench_t *later = bench_new("one");
    assert_true(worker_look_around(&earlier->worker, 0));
    beat(&earlier->worker);
    assert_true(worker_look_around(&later->worker, 0));
    assert_false(later->worker.replaced); // what it sees there may be its own earlier life
    beat(&later->worker);
    assert_true(worker_look_around(&later->worker, 0));
    assert_false(later->worker.replaced);
    assert_true(worker_look_around(&earlier->worker, 0));
    for (int i = 0; i < 2; i++) { // may be a Redis that came back older, and older again
        assert_false(earlier->worker.replaced);
        beat(&earlier->worker);
        assert_true(worker_look_around(&later->worker, 0));
        assert_false(later->worker.replaced);
        beat(&later->worker);
        assert_true(worker_look_around(&earlier->worker, 0));
    }
    assert_true(earlier->worker.replaced);
    assert_true(worker_look_around(&later->worker, 0));
    assert_false(later->worker.replaced);
}

static void a_former_life_that_comes_back_replaces_nobody(void **state)
{
    (void) state;
    owned(bench_destroy) bench_t *former = bench_new("one");
    owned(bench_destroy) bench_t *present = bench_new("one");
    beat(&present->worker);
    beat(&former->worker); // as Redis has it after it came back older
    assert_true(worker_look_around(&present->worker, 0));
    beat(&present->worker);
    for (int i = 0; i < 3; i++)
        assert_true(worker_look_around(&present->worker, 0));
    assert_false(present->worker.replaced);
}

// Nor does one that comes back again and again, with a Redis that does.
static void a_redis_that_comes_back_older_replaces_nobody(void **state)
{
    (void) state;
    owned(bench_destroy) bench_t *former = bench_new("one");
    owned(bench_destroy) bench_t *present = bench_new("one");
    beat(&present->worker);
    for (int i = 0; i < 4; i++) {
        server_kill();
        assert_false(worker_look_around(&present->worker, 0));
        server_start();
        expect(former->worker.store, ping_patiently(former->worker.store), STORE_OK);
        beat(&former->worker);
        expect(present->worker.store, ping_patiently(present->worker.store), STORE_OK);
        assert_true(worker_look_around(&present->worker, 0));
        assert_false(present->worker.replaced);
        beat(&present->worker);
    }
}

// What is said on stderr while `plans` finds the plan of this hash.
static void find_and_hear(worker_plans_t *plans, plan_hash_t hash, char text[1024])
{
    int real = dup(STDERR_FILENO);
    FILE *file = tmpfile();
    assert_true(file && dup2(fileno(file), STDERR_FILENO) >= 0);
    bool found = worker_plans_find(plans, hash) != NULL;
    assert_true(dup2(real, STDERR_FILENO) >= 0);
    close(real);
    rewind(file);
    text[fread(text, 1, 1023, file)] = '\0';
    fclose(file);
    assert_true(found);
}

// A collector of another version let it in: the other rules go on, and the log says which is left.
static void a_rule_that_nobody_here_understands_is_told(void **state)
{
    (void) state;
    owned(bench_destroy) bench_t *self = bench_new("one");
    owned(plan_destroy) plan_t *plan = plan_new();
    owned(buffer_destroy) buffer_t body = { 0 }, snapshot = { 0 };
    rule_t rule = { .on = slice_text("later"), .when = slice_text("x > 1"), .enabled = true };
    rule_encode(&rule, &body);
    assert_true(plan_set(plan, PLAN_RULE, slice_text("odd"), buffer_slice(&body), NULL));
    assert_true(plan_encode(plan, NULL, &snapshot));
    plan_hash_t hash = plan_hash(plan);
    char name[2 * sizeof hash.bytes + 1], text[1024];
    for (size_t i = 0; i < sizeof hash.bytes; i++)
        snprintf(name + 2 * i, 3, "%02x", hash.bytes[i]);
    store_t *store = self->worker.store;
    expect(store, store_plan_put(store, name, buffer_slice(&snapshot)), STORE_OK);
    log_setup("transform", "one", LOG_ERROR, false);
    find_and_hear(self->worker.plans, hash, text);
    assert_non_null(strstr(text, "this build does not understand"));
    assert_non_null(strstr(text, "rule=odd reason="));
    find_and_hear(self->worker.plans, hash, text);
    assert_string_equal(text, ""); // once
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_plan_is_read_from_what_changed, flush),
        cmocka_unit_test_setup(what_is_committed_is_read_by_the_next, flush),
        cmocka_unit_test_setup(a_later_edition_begins_with_nothing, flush),
        cmocka_unit_test_setup(streams_that_are_dead_give_their_place, flush),
        cmocka_unit_test_setup(a_base_replaces_the_journal, flush),
        cmocka_unit_test_setup(a_base_replaces_a_journal_of_plans, flush),
        cmocka_unit_test_setup(a_base_replaces_what_was_before_it, flush),
        cmocka_unit_test_setup(the_base_of_a_refused_commit_is_not_written, flush),
        cmocka_unit_test_setup(alerts_that_went_ahead_are_not_sent_again, flush),
        cmocka_unit_test_setup(a_full_outbox_is_waited_for, flush),
        cmocka_unit_test_setup(alerts_beyond_memory_come_later, flush),
        cmocka_unit_test_setup(a_redis_that_dies_is_read_again, flush),
        cmocka_unit_test_setup(those_of_before_an_outage_are_waited_for, flush),
        cmocka_unit_test_setup(what_is_claimed_and_not_wanted_goes_back, flush),
        cmocka_unit_test_setup(the_later_of_one_name_works, flush),
        cmocka_unit_test_setup(a_former_life_that_comes_back_replaces_nobody, flush),
        cmocka_unit_test_setup(a_redis_that_comes_back_older_replaces_nobody, flush),
        cmocka_unit_test_setup(a_rule_that_nobody_here_understands_is_told, flush),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
