/*  The keeper when Redis loses what it held at the worst moment, or nothing can be put back. */
#include "tests/unit/collector/keeper_fixture.h"

#include "broker/held/copy_writer.h"
#include "broker/store_delivery.h"

// ---- emptied while a copy is being finished ---------------------------------------------------

static int (*real_rename)(int directory, const char *from, const char *to);
static bool emptied_once;

// The copy has been read and found whole; Redis is emptied before anybody is told of it.
static int empty_and_rename(int directory, const char *from, const char *to)
{
    if (!emptied_once)
        redis("FLUSHALL");
    emptied_once = true;
    return real_rename(directory, from, to);
}

static void emptied_as_a_copy_ends(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    workers_t workers = { .store = store };
    claim(&workers);
    commit(&workers, 100, 1);
    redis("HSET tw:subscriber:alice webhook http://x/ secret y");
    hold(100);
    real_rename = copy_calls.rename;
    emptied_once = false;
    copy_calls.rename = empty_and_rename;
    owned(keeper_destroy) keeper_t *keeper = keep(1);
    wait_note(keeper, "Redis was empty");
    copy_calls.rename = real_rename;
    assert_true(emptied_once);
    assert_string_equal(redis("XLEN 'tw:o:{0}'"), "1");
    assert_string_equal(redis("HGET tw:subscriber:alice secret"), "y");
    wait_floor(keeper, 100);
}

// ---- one decision for the whole ---------------------------------------------------------------

static void what_a_partition_counts_as_done_comes_with_it(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    workers_t workers = { .store = store };
    static state_t after[PARTITIONS];
    store_told_t alice = { "alice", "" };
    store_logged_t logged = { slice_text("00000000000000000000006400000001"),
                              slice_text("r"),
                              slice_text("s"),
                              slice_text("info"),
                              slice_text("t"),
                              5,
                              1,
                              slice_text("{}"),
                              false };
    claim(&workers);
    commit(&workers, 100, 2);
    expect(store, store_delivery_plan(store, slice_text("eeee"), slice_text("{}"), &alice, 1),
           STORE_OK);
    expect(store, store_alert_log_put(store, &logged, 1), STORE_OK);
    hold(100);
    // The newest copy is known to this Redis, which has lost this and that all the same.
    redis("DEL 'tw:o:{0}' tw:alerts 'tw:seen:{tw:alerts}' tw:delivery:eeee");
    redis("DEL 'tw:m:{8}:8' 'tw:j:{8}:8'");
    told.log.first = 50;
    owned(keeper_destroy) keeper_t *keeper = keep(0);
    assert_non_null(strstr(wait_note(keeper, "Redis held less"), "partitions=1"));
    load_all(store, after);
    assert_int_equal(after[8].seq, 100);
    assert_string_equal(redis("XLEN 'tw:o:{0}'"), "1");
    assert_string_equal(redis("XLEN tw:alerts"), "1");
    assert_string_equal(redis("HGET tw:delivery:eeee alice"), "pending 0");
}

// ---- no copy can be used ----------------------------------------------------------------------

static void flip_all(void)
{
    int64_t names[COPIES_LIST_MAX];
    size_t count = copies_there(names);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++)
        flip(names[i]);
}

static void without_a_copy_it_says_so_and_makes_new_ones(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    workers_t workers = { .store = store };
    claim(&workers);
    commit(&workers, 200, 0);
    hold(200);
    told.log.first = 150;
    owned(keeper_destroy) keeper_t *keeper = keep(1);
    wait_floor(keeper, 200);
    keeper_configure(keeper, 0);
    pause_ms(1500); // what it had begun is over
    flip_all();
    redis("FLUSHALL");
    keeper_configure(keeper, 1);
    assert_non_null(strstr(wait_note(keeper, "cannot be put back"), "partitions=256"));
    assert_true(keeper_report(keeper).error.text[0]);
    assert_int_equal(keeper_floor(keeper, "s"), 0);
    // Somebody puts back a Redis that has it all.
    memset(workers.heads, 0, sizeof workers.heads);
    claim(&workers);
    commit(&workers, 300, 0);
    wait_floor(keeper, 300);
    tick(keeper);
    assert_string_equal(keeper_report(keeper).error.text, "");
}

// The log has everything: partitions need no copy, but what stands in no log is gone.
static void without_a_copy_it_says_what_is_lost(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    workers_t workers = { .store = store };
    claim(&workers);
    commit(&workers, 200, 0);
    hold(200);
    flip_all();
    redis("FLUSHALL");
    owned(keeper_destroy) keeper_t *keeper = keep(1);
    const char *text = wait_note(keeper, "no copy");
    assert_non_null(strstr(text, "subscri"));
    memset(workers.heads, 0, sizeof workers.heads);
    claim(&workers);
    commit(&workers, 250, 0);
    wait_floor(keeper, 250);
}

// ---- a restore that cannot end ----------------------------------------------------------------

static long tries(void)
{
    const char *text = redis("INFO commandstats | grep cmdstat_rpush: | tr -d '\\r'");
    return text[0] ? strtol(strstr(text, "calls=") + 6, NULL, 10) : 0;
}

static void a_restore_that_cannot_end_repeats_nothing(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    workers_t workers = { .store = store };
    static state_t after[PARTITIONS];
    claim(&workers);
    commit(&workers, 200, 3);
    make_base(&workers, 5, 1, 1);
    commit(&workers, 300, 0);
    hold(300);
    told.log.first = 250;
    redis("FLUSHALL");
    redis("SET 'tw:b:{5}:5' 'not a base'");
    redis("CONFIG RESETSTAT");
    owned(keeper_destroy) keeper_t *keeper = keep(1);
    assert_non_null(strstr(wait_note(keeper, "has to wait"), "WRONGTYPE"));
    for (int ms = 0; ms < 6000; ms += 20)
        tick(keeper);
    long most = tries();
    assert_in_range(most, 10, 5 * 10); // ten deltas each time, at longer and longer intervals
    assert_string_equal(redis("XLEN 'tw:o:{0}'"), "1");
    assert_string_equal(redis("XLEN 'tw:o:{2}'"), "1");
    assert_non_null(strstr(keeper_report(keeper).error.text, "WRONGTYPE"));
    assert_int_equal(keeper_floor(keeper, "s"), 0);
    redis("DEL 'tw:b:{5}:5'");
    wait_note(keeper, "Redis was empty");
    load_all(store, after);
    assert_int_equal(after[5].seq, 300);
    assert_string_equal(redis("XLEN 'tw:o:{0}'"), "1");
}

// ---- rolled back, and several collectors ------------------------------------------------------

// The newest copy is of a Redis that had come back older; since then the log begins above it.
static void an_older_copy_serves_where_the_newer_lies_below_the_log(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    workers_t workers = { .store = store };
    static state_t after[PARTITIONS];
    int64_t before[COPIES_LIST_MAX], names[COPIES_LIST_MAX];
    claim(&workers);
    commit(&workers, 200, 0);
    hold(200);
    assert_int_equal(copies_there(before), 2);
    redis("EVAL \"for p = 0, 255 do for _, k in ipairs({'m', 'j'}) do redis.call('DEL', 'tw:' .. k "
          ".. "
          "':{' .. p %% 16 .. '}:' .. p) end end\" 0");
    memset(workers.heads, 0, sizeof workers.heads);
    claim(&workers);
    commit(&workers, 100, 0);
    owned(keeper_destroy) keeper_t *keeper = keep(1);
    for (int ms = 0; ms == 0 || names[0] == before[0]; ms += 20, pause_ms(20)) {
        assert_in_range(ms, 0, WAIT_MS);
        keeper_tell(keeper, 0, &told);
        assert_true(copies_there(names) >= 2);
    }
    keeper_configure(keeper, 0);
    wait_floor(keeper, 100);
    assert_int_equal(copies_there(names), 2);
    told.log.first = 150;
    keeper_tell(keeper, 0, &told);
    redis("FLUSHALL");
    assert_non_null(strstr(wait_note(keeper, "Redis was empty"), "partitions=256"));
    load_all(store, after);
    assert_int_equal(after[77].seq, 200);
}

// Notes of others may be missing in a Redis that lost everything: not even a restart makes us trim.
static void it_settles_until_the_next_copy(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    workers_t workers = { .store = store };
    claim(&workers);
    commit(&workers, 200, 0);
    hold(200);
    redis("FLUSHALL");
    keeper_t *keeper = keep(0);
    wait_note(keeper, "Redis was empty");
    keeper_destroy(&keeper);
    assert_non_null(strstr(redis("HGET 'tw:{held}' c"), " settling"));
    keeper = keep(0);
    for (int ms = 0; ms < 1500; ms += 20, tick(keeper))
        assert_int_equal(keeper_floor(keeper, "s"), 0);
    keeper_configure(keeper, 1);
    wait_floor(keeper, 200);
    keeper_destroy(&keeper);
}

// The log of another collector begins above what our copy has of its stream.
static void logs_of_other_collectors_count(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    workers_t workers = { .store = store };
    store_field_t fields[] = { { "stream", "s2" }, { "first_seq", "500" }, { "begin_seq", "500" } };
    claim(&workers);
    commit(&workers, 200, 0);
    redis("HSET 'tw:m:{8}:8' off:s2 300");
    hold(200);
    redis("DEL 'tw:m:{8}:8' 'tw:j:{8}:8'");
    expect(store, store_beat(store, "collector", "other", 600000, fields, 3), STORE_OK);
    redis("HSET 'tw:m:{8}:8' off:s2 310"); // what is there is lost, too
    told.log.first = 50;
    owned(keeper_destroy) keeper_t *keeper = keep(0);
    assert_non_null(strstr(wait_note(keeper, "cannot be put back"), "partitions=1"));
    assert_string_equal(redis("HGET 'tw:m:{8}:8' off:s"), "");
    assert_int_equal(keeper_report(keeper).stuck, 1);
    fields[1].value = "250";
    expect(store, store_beat(store, "collector", "other", 600000, fields, 3), STORE_OK);
    assert_non_null(strstr(wait_note(keeper, "Redis held less"), "partitions=1"));
    assert_string_equal(redis("HGET 'tw:m:{8}:8' off:s"), "200");
    for (int ms = 0; keeper_report(keeper).stuck > 0; ms += 20, tick(keeper))
        assert_in_range(ms, 0, WAIT_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(emptied_as_a_copy_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_partition_counts_as_done_comes_with_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(without_a_copy_it_says_so_and_makes_new_ones, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(without_a_copy_it_says_what_is_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(a_restore_that_cannot_end_repeats_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(an_older_copy_serves_where_the_newer_lies_below_the_log,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(it_settles_until_the_next_copy, setup, teardown),
        cmocka_unit_test_setup_teardown(logs_of_other_collectors_count, setup, teardown),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
