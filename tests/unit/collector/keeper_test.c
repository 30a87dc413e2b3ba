/*  The keeper against a real redis-server that is emptied, rolled back and filled again. */
#include "tests/unit/collector/keeper_fixture.h"

#include "broker/store_delivery.h"

static void nothing_may_go_before_there_are_two_copies(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    workers_t workers = { .store = store };
    int64_t names[COPIES_LIST_MAX];
    claim(&workers);
    commit(&workers, 100, 0);
    owned(keeper_destroy) keeper_t *keeper = keep(3600000000);
    for (int ms = 0; copies_there(names) < 1 && ms < WAIT_MS; ms += 20)
        pause_ms(20);
    pause_ms(1200); // another look
    assert_int_equal(copies_there(names), 1);
    assert_int_equal(keeper_floor(keeper, "s"), 0);
    commit(&workers, 200, 0);
    keeper_configure(keeper, 1);
    wait_floor(keeper, 200);
    assert_int_equal(copies_there(names), 2);
    assert_int_equal(keeper_floor(keeper, "s~5"), 0);
    keeper_report_t report = keeper_report(keeper);
    assert_in_range(report.age_s, 0, 60);
    assert_true(report.bytes > 1000);
    assert_string_equal(report.error.text, "");
}

static void a_partition_without_the_stream_holds_up_the_floor(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    workers_t workers = { .store = store };
    claim(&workers);
    commit(&workers, 100, 0);
    redis("DEL 'tw:m:{9}:9' 'tw:j:{9}:9'");
    owned(keeper_destroy) keeper_t *keeper = keep(1);
    int64_t names[COPIES_LIST_MAX];
    for (int ms = 0; copies_there(names) < 2 && ms < WAIT_MS; ms += 20)
        pause_ms(20);
    pause_ms(1200);
    assert_int_equal(keeper_floor(keeper, "s"), 0);
}

static void an_emptied_redis_is_filled(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    workers_t workers = { .store = store };
    static state_t before[PARTITIONS], after[PARTITIONS];
    claim(&workers);
    commit(&workers, 100, 3);
    commit(&workers, 200, 2);
    make_base(&workers, 5, 3, 1);
    make_base(&workers, 6, 2, 2);
    store_logged_t logged[] = {
        { slice_text("00000000000000000000006400000000"), slice_text("r"), slice_text("s"),
          slice_text("info"), slice_text("t"), 5, 1, slice_text("{}"), false },
        { slice_text("ffffffffffffffffffffffffffffffff"), slice_text("r"), slice_text("s"),
          slice_text("info"), slice_text("t"), 6, 2, slice_text("{}"), false },
    };
    store_told_t subscribers[] = { { "alice", "" }, { "bob", "" } };
    expect(store,
           store_delivery_plan(store, slice_text("eeee"), slice_text("{\"x\":1}"), subscribers, 2),
           STORE_OK);
    expect(store, store_delivery_done(store, "eeee", "bob"), STORE_OK);
    expect(store, store_alert_log_put(store, logged, 2), STORE_OK);
    redis("HSET tw:subscriber:alice webhook http://x/ secret y");
    redis("SADD tw:subs:r alice bob");
    redis("SET 'tw:{plan}:abc' plan");
    redis("HSET tw:rule:r on x");
    redis("HSET tw:silence:q rule r");
    redis("PEXPIREAT tw:silence:q 4000000000000");
    load_all(store, before);
    hold(200);

    redis("FLUSHALL");
    redis("HSET tw:subscriber:alice webhook http://newer/");
    owned(keeper_destroy) keeper_t *keeper = keep(0);
    const char *text = wait_note(keeper, "Redis was empty");
    assert_non_null(strstr(text, "partitions=256"));
    load_all(store, after);
    for (unsigned p = 0; p < PARTITIONS; p++) {
        assert_int_equal(before[p].sum, after[p].sum);
        assert_int_equal(before[p].seq, after[p].seq);
    }
    assert_string_equal(redis("XLEN tw:alerts"), "2");
    assert_string_equal(redis("ZCARD 'tw:seen:{tw:alerts}'"), "2");
    assert_string_equal(redis("XLEN 'tw:o:{0}'"), "1"); // of 2 the log knows one
    assert_string_equal(redis("XLEN 'tw:o:{1}'"), "2");
    assert_string_equal(redis("HGET tw:delivery:eeee alice"), "pending 0");
    assert_string_equal(redis("HGET tw:delivery:eeee bob"), "done 1");
    assert_string_equal(redis("GET 'tw:{deliveries}:count'"), "1");
    assert_string_equal(redis("ZRANGE 'tw:{deliveries}' 0 -1"), "alice");
    assert_string_equal(redis("HGETALL tw:subscriber:alice"), "webhook\nhttp://newer/");
    assert_string_equal(redis("SCARD tw:subs:r"), "2");
    assert_string_equal(redis("GET 'tw:{plan}:abc'"), "plan");
    assert_string_equal(redis("EXISTS tw:rule:r"), "0"); // the log has it
    assert_string_equal(redis("PEXPIRETIME tw:silence:q"), "4000000000000");
    assert_string_equal(redis("--scan --pattern 'tw:h:*'"), "");
    // Its owner is gone, and who comes goes on from there.
    store_load_t load = { on_offset, on_bytes, on_bytes };
    state_t five = { 0 };
    size_t base, journal;
    uint64_t count;
    expect(store, store_load(store, 5, &load, &five, &workers.heads[5], &base, &journal, &count),
           STORE_OK);
    expect(store, store_claim(store, 5, "w2", 60000, &workers.tokens[5]), STORE_OK);
    make_base(&workers, 5, 1, count);
}

// As after a restart from an old copy: some partitions are at a record that the log has no more.
static void only_what_the_log_lacks_is_put_back(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    workers_t workers = { .store = store };
    static state_t before[PARTITIONS], after[PARTITIONS];
    claim(&workers);
    commit(&workers, 100, 0);
    commit(&workers, 200, 1);
    hold(200);
    load_all(store, before);
    commit(&workers, 300, 0);
    told.log.first = 201;
    redis("HSET 'tw:m:{7}:7' off:s 100");
    redis("DEL 'tw:m:{8}:8' 'tw:j:{8}:8'");
    owned(keeper_destroy) keeper_t *keeper = keep(0);
    const char *text = wait_note(keeper, "Redis held less than the log");
    assert_non_null(strstr(text, "partitions=2"));
    load_all(store, after);
    for (unsigned p = 0; p < PARTITIONS; p++) {
        bool back = p == 7 || p == 8;
        assert_int_equal(after[p].seq, back ? 200 : 300);
        if (back)
            assert_int_equal(after[p].sum, before[p].sum);
    }
    // Who owned it can change nothing any more.
    store_commit_t late = { .partition = 7,
                            .token = workers.tokens[7],
                            .previous = workers.heads[7],
                            .mine = store_id_new(),
                            .delta = slice_text("late") };
    expect(store, commit_one(store, &late), STORE_FENCED);
    assert_string_equal(redis("XLEN 'tw:o:{0}'"), "1"); // nothing twice
}

static void a_copy_below_the_log_is_not_put_back_and_not_replaced(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    workers_t workers = { .store = store };
    int64_t names[COPIES_LIST_MAX], later[COPIES_LIST_MAX];
    static state_t after[PARTITIONS];
    claim(&workers);
    commit(&workers, 200, 0);
    hold(200);
    assert_int_equal(copies_there(names), 2);
    redis("DEL 'tw:m:{8}:8' 'tw:j:{8}:8'");
    told.log.first = 500;
    owned(keeper_destroy) keeper_t *keeper = keep(1);
    wait_note(keeper, "cannot be put back");
    pause_ms(1500);
    load_all(store, after);
    assert_int_equal(after[8].seq, 0);
    assert_int_equal(after[9].seq, 200);
    assert_int_equal(copies_there(later), 2);
    assert_memory_equal(names, later, 2 * sizeof names[0]);
    assert_true(keeper_report(keeper).error.text[0]);
}

static void the_older_copy_serves_when_the_newer_is_damaged(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    workers_t workers = { .store = store };
    int64_t names[COPIES_LIST_MAX];
    static state_t after[PARTITIONS];
    claim(&workers);
    commit(&workers, 200, 0);
    hold(200);
    assert_int_equal(copies_there(names), 2);
    told.log.first = 150;
    owned(keeper_destroy) keeper_t *keeper = keep(0);
    pause_ms(1200); // it has read them
    flip(names[0]);
    redis("FLUSHALL");
    assert_non_null(strstr(wait_note(keeper, "cannot be used"), "checksum"));
    assert_non_null(strstr(wait_note(keeper, "Redis was empty"), "partitions=256"));
    load_all(store, after);
    assert_int_equal(after[255].seq, 200);
    assert_int_equal(keeper_floor(keeper, "s"), 0); // one copy is none
}

static void a_copy_of_another_log_is_not_put_back(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    workers_t workers = { .store = store };
    claim(&workers);
    commit(&workers, 200, 0);
    hold(200);
    redis("FLUSHALL");
    told.mark = 78;
    owned(keeper_destroy) keeper_t *keeper = keep(0);
    assert_non_null(strstr(wait_note(keeper, "cannot be used"), "another log"));
    assert_string_equal(redis("--scan --pattern 'tw:m:*'"), "");
}

// Other collectors hold copies too, and need the log down to theirs.
static void the_floor_heeds_copies_of_others(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    workers_t workers = { .store = store };
    claim(&workers);
    commit(&workers, 200, 0);
    owned(keeper_destroy) keeper_t *keeper = keep(1);
    wait_floor(keeper, 200);
    long long now_us = (long long) life_wall_us();
    redis("HSET 'tw:{held}' other '0123 %lld s2=7 s=150 s~1=9'", now_us);
    wait_floor(keeper, 150);
    redis("HSET 'tw:{held}' other '0123 %lld s2=7'", now_us); // ours is not in it
    wait_floor(keeper, 0);
    redis("HSET 'tw:{held}' other '0123 1000 s=1'"); // gone for good
    wait_floor(keeper, 200);
    redis("HSET 'tw:{held}' other '0123 %lld s=3'", now_us);
    wait_floor(keeper, 3);
    redis("HSET 'tw:{held}' other '0123 9999999999999999 s=1'"); // its clock is wrong
    wait_floor(keeper, 200);
}

// Commits, bases and hand-overs go on while it is copied: every partition is of one moment.
static volatile bool moving;

static void *move(void *context)
{
    workers_t *workers = context;
    for (uint64_t seq = 1; moving; seq++) {
        commit(workers, seq, 0);
        for (unsigned p = (unsigned) seq % 8; p < PARTITIONS; p += 8)
            make_base(workers, p, 1, 1);
    }
    return NULL;
}

static void check_moment(const char *deltas, size_t count, uint64_t seq, unsigned partition)
{
    char want[32];
    snprintf(want, sizeof want, "delta %u of %u", (unsigned) seq, partition);
    if (count > 0)
        assert_string_equal(deltas, want); // the last delta is that of the position
}

typedef struct {
    uint64_t seq, jn;
    char last[64];
    size_t pieces, deltas;
} moment_t;

static void on_fields(void *context, const store_pair_t *fields, size_t count)
{
    moment_t *moment = context;
    for (size_t i = 0; i < count; i++) {
        char text[32];
        snprintf(text, sizeof text, "%.*s", (int) fields[i].value.size, fields[i].value.data);
        if (slice_is(fields[i].name, "off:s"))
            moment->seq = strtoull(text, NULL, 10);
        if (slice_is(fields[i].name, "jn"))
            moment->jn = strtoull(text, NULL, 10);
    }
}

static void on_piece(void *context, slice_t bytes)
{
    ((moment_t *) context)->pieces += bytes.size > 0;
}

static void on_delta(void *context, slice_t bytes)
{
    moment_t *moment = context;
    moment->deltas++;
    snprintf(moment->last, sizeof moment->last, "%.*s", (int) bytes.size, bytes.data);
}

static void a_partition_is_of_one_moment(void **state)
{
    (void) state;
    static const store_held_t visit = { on_fields, on_piece, on_delta };
    owned(store_destroy) store_t *theirs = open_store("tw");
    owned(store_destroy) store_t *store = open_store("tw");
    workers_t workers = { .store = theirs };
    claim(&workers);
    pthread_t thread;
    moving = true;
    assert_int_equal(pthread_create(&thread, NULL, move, &workers), 0);
    for (int round = 0; round < 4; round++) {
        for (unsigned p = 0; p < PARTITIONS; p++) {
            moment_t moment = { 0 };
            expect(store, store_held_partition(store, p, &visit, &moment), STORE_OK);
            assert_int_equal(moment.jn, moment.deltas);
            check_moment(moment.last, moment.deltas, moment.seq, p);
        }
    }
    moving = false;
    pthread_join(thread, NULL);
}

// ---- nothing falls between partitions and outboxes --------------------------------------------

// Commits with an alert of every partition, and a notifier that logs and takes them, go on while it
// is copied. Whatever a copied partition counts as sent is in the copied outbox or log.
static void *commit_alerts(void *context)
{
    workers_t *workers = context;
    for (uint64_t seq = 1; moving; seq++, pause_ms(5))
        commit(workers, seq, PARTITIONS);
    return NULL;
}

enum { READ_MOST = 64 };

typedef struct {
    store_t *store;
    size_t count, each[GROUPS];
    char entries[GROUPS][READ_MOST][OUTBOX_ID_MAX];
    store_taken_t taken[GROUPS][READ_MOST];
    char ids[GROUPS * READ_MOST][33];
    store_logged_t logged[GROUPS * READ_MOST];
} notifier_t;

static void on_outbox(void *context, const store_entry_t *entry)
{
    notifier_t *self = context;
    size_t group = entry->group, nth = self->each[group]++;
    char *text = self->ids[self->count], *place = self->entries[group][nth];
    memcpy(text, entry->id.data, 32);
    strcpy(place, entry->entry);
    slice_t id = slice_of(text, 32), r = slice_text("r"), s = slice_text("s");
    self->taken[group][nth] = (store_taken_t){ place, id };
    self->logged[self->count++] = (store_logged_t){ .id = id,
                                                    .rule = r,
                                                    .series = s,
                                                    .severity = slice_text("info"),
                                                    .topic = slice_text("t"),
                                                    .body = slice_text("{}") };
}

static void *notify(void *context)
{
    notifier_t *self = context;
    store_id_t token;
    expect(self->store, store_outbox_claim(self->store, "n", 60000, &token), STORE_OK);
    while (moving) {
        self->count = 0;
        memset(self->each, 0, sizeof self->each);
        expect(self->store, store_outbox_read(self->store, READ_MOST, 0, on_outbox, self),
               STORE_OK);
        expect(self->store, store_alert_log_put(self->store, self->logged, self->count), STORE_OK);
        for (unsigned g = 0; g < GROUPS; g++)
            if (self->each[g] > 0)
                expect(self->store,
                       store_outbox_take(self->store, token, g, self->taken[g], self->each[g]),
                       STORE_OK);
    }
    return NULL;
}

enum { ROUNDS_MOST = 20000 };
static bool waiting[ROUNDS_MOST][PARTITIONS];

static void on_waiting(void *context, const store_entry_t *entry)
{
    (void) context;
    char text[33] = "";
    unsigned seq, partition;
    memcpy(text, entry->id.data, 32);
    assert_int_equal(sscanf(text + 16, "%8x%8x", &seq, &partition), 2);
    assert_true(seq < ROUNDS_MOST && partition < PARTITIONS);
    waiting[seq][partition] = true;
}

static size_t check_alerts(store_t *store, unsigned partition, uint64_t seq)
{
    static char ids[ROUNDS_MOST][33];
    static slice_t slices[ROUNDS_MOST];
    static bool known[ROUNDS_MOST];
    size_t there = 0;
    for (uint64_t i = 1; i <= seq; i++) {
        snprintf(ids[i], sizeof ids[i], "%024x%08x", (unsigned) i, partition);
        slices[i] = slice_text(ids[i]);
    }
    expect(store, store_alert_log_knows(store, slices + 1, seq, known + 1), STORE_OK);
    for (uint64_t i = 1; i <= seq; i++) {
        if (!known[i] && !waiting[i][partition])
            fail_msg("partition %u is at %u, its alert of %u is nowhere", partition, (unsigned) seq,
                     (unsigned) i);
        there += waiting[i][partition];
    }
    return there;
}

static void alerts_of_a_copied_partition_are_copied(void **state)
{
    (void) state;
    owned(store_destroy) store_t *committing = open_store("tw");
    owned(store_destroy) store_t *store = open_store("tw");
    workers_t workers = { .store = committing };
    static notifier_t notifier;
    static state_t states[PARTITIONS];
    notifier.store = open_store("tw");
    claim(&workers);
    commit(&workers, 0, 0);
    pthread_t threads[2];
    moving = true;
    assert_int_equal(pthread_create(&threads[0], NULL, commit_alerts, &workers), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, notify, &notifier), 0);
    keeper_t *keeper = keep(1);
    for (int ms = 0; keeper_floor(keeper, "s") < 1 && ms < 3 * WAIT_MS; ms += 20, pause_ms(20))
        keeper_gone(keeper);
    moving = false;
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    if (keeper_floor(keeper, "s") < 1)
        fail_msg("no two copies: %s", keeper_report(keeper).error.text);
    keeper_destroy(&keeper);
    char logged[32];
    strcpy(logged, redis("XLEN tw:alerts"));
    redis("FLUSHALL");
    keeper = keep(0);
    wait_note(keeper, "Redis was empty");
    long back = strtol(redis("XLEN tw:alerts"), NULL, 10); // many pages, each entry once
    assert_in_range(back, 257, strtol(logged, NULL, 10));
    assert_int_equal(back, strtol(redis("ZCARD 'tw:seen:{tw:alerts}'"), NULL, 10));
    load_all(store, states);
    memset(waiting, 0, sizeof waiting);
    for (unsigned g = 0; g < GROUPS; g++) {
        store_walk_t walk = { .begun = false };
        while (!walk.over)
            expect(store, store_held_outbox(store, g, &walk, on_waiting, NULL), STORE_OK);
    }
    uint64_t sent = 0;
    for (unsigned p = 0; p < PARTITIONS; p++)
        sent += check_alerts(store, p, states[p].seq);
    print_message("positions %u..%u, %u alerts wait\n", (unsigned) states[0].seq,
                  (unsigned) states[255].seq, (unsigned) sent);
    keeper_destroy(&keeper);
    store_destroy(&notifier.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_may_go_before_there_are_two_copies, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_partition_without_the_stream_holds_up_the_floor, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_emptied_redis_is_filled, setup, teardown),
        cmocka_unit_test_setup_teardown(only_what_the_log_lacks_is_put_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_below_the_log_is_not_put_back_and_not_replaced,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(the_older_copy_serves_when_the_newer_is_damaged, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_copy_of_another_log_is_not_put_back, setup, teardown),
        cmocka_unit_test_setup_teardown(the_floor_heeds_copies_of_others, setup, teardown),
        cmocka_unit_test_setup_teardown(a_partition_is_of_one_moment, setup, teardown),
        cmocka_unit_test_setup_teardown(alerts_of_a_copied_partition_are_copied, setup, teardown),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
