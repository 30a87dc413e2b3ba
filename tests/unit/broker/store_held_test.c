/*  Verbs of copying Redis and putting a copy back, against a real redis-server: marks, refused
 *  rows, outboxes. Whole copies: tests/unit/collector/keeper_test.c.
 */
#include "tests/unit/broker/store_fixture.h"

#include "broker/store_held.h"

// ---- marks ------------------------------------------------------------------------------------

static void a_note_is_written_only_into_the_redis_that_it_is_about(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    store_id_t mark = id_of(1), other = id_of(2);
    expect(store, store_held_begin(store, "c", "0123", mark, NULL), STORE_STALE); // it has none
    expect(store, store_held_begin(store, "c", "", mark, NULL), STORE_OK);
    assert_string_equal(redis("HGETALL 'tw:{held}'"), "");
    expect(store, store_held_marked(store, "c", mark), STORE_OK);
    expect(store, store_held_marked(store, "d", mark), STORE_STALE);
    expect(store, store_held_end(store, "c", other, "0123 1"), STORE_STALE);
    expect(store, store_held_end(store, "c", mark, "0123 1 s=5"), STORE_OK);
    assert_string_equal(redis("HGET 'tw:{held}' c"), "0123 1 s=5");
    expect(store, store_held_end(store, "c", mark, "0123 1"), STORE_STALE); // it was used
    expect(store, store_held_begin(store, "c", "", mark, "-"), STORE_STALE);
    expect(store, store_held_begin(store, "c", "0123", mark, "-"), STORE_OK);
    assert_string_equal(redis("HGET 'tw:{held}' c"), "0123 1 s=5");
    redis("FLUSHALL");
    expect(store, store_held_marked(store, "c", mark), STORE_STALE);
    expect(store, store_held_end(store, "c", mark, "4567 2"), STORE_STALE);
    expect(store, store_held_begin(store, "c", "", mark, "-"), STORE_OK);
    assert_string_equal(redis("HGET 'tw:{held}' c"), "-");
}

// A partition does not come into a Redis that has lost again what was put back before.
static void a_partition_follows_only_what_is_ready(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    store_id_t token;
    store_pair_t field = { slice_text("off:s"), slice_text("5") };
    expect(store, store_held_claim(store, 17, "k", 60000, &token), STORE_OK);
    store_held_swap_t swap = { .partition = 17,
                               .token = token,
                               .mine = id_of(3),
                               .base = id_of(4),
                               .mark = id_of(5),
                               .fields = &field,
                               .field_count = 1 };
    expect(store, store_held_swap(store, &swap), STORE_STALE);
    expect(store, store_held_ready(store, id_of(6)), STORE_OK);
    expect(store, store_held_swap(store, &swap), STORE_STALE); // of another try
    expect(store, store_held_ready(store, id_of(5)), STORE_OK);
    expect(store, store_held_swap(store, &swap), STORE_OK);
    assert_string_equal(redis("HGET 'tw:m:{1}:17' off:s"), "5");
    expect(store, store_held_ready_over(store), STORE_OK);
    assert_string_equal(redis("--scan --pattern 'tw:h:*'"), "");
}

// ---- outboxes ---------------------------------------------------------------------------------

static void what_came_since_the_outbox_was_read_is_not_put_there_again(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    store_alert_t alerts[] = {
        { slice_text("a"), slice_text("t"), slice_text("1") },
        { slice_text("b"), slice_text("t"), slice_text("2") },
        { slice_text("c"), slice_text("t"), slice_text("3") },
    };
    redis("XADD 'tw:o:{3}' 5-0 id a topic t body 1");
    redis("XADD 'tw:o:{3}' 6-0 id b topic t body 2");
    expect(store, store_held_outbox_put(store, 3, "5-0", alerts + 1, 2), STORE_OK);
    assert_string_equal(redis("XLEN 'tw:o:{3}'"), "3");
    expect(store, store_held_outbox_put(store, 3, "", alerts, 3), STORE_OK);
    assert_string_equal(redis("XLEN 'tw:o:{3}'"), "3");
}

// ---- refused rows -----------------------------------------------------------------------------

// ---- the alert log ----------------------------------------------------------------------------

static void on_logged(void *context, const char *id, slice_t kind, const store_logged_t *logged)
{
    buffer_printf(context, "[%s %.*s %.*s %d]", id, (int) kind.size, (const char *) kind.data,
                  (int) logged->id.size, (const char *) logged->id.data, (int) logged->ts_us);
}

static const char *read_after(store_t *store, char after[OUTBOX_ID_MAX], bool expected_known)
{
    static char text[256];
    owned(buffer_destroy) buffer_t seen = { 0 };
    bool known;
    size_t count;
    expect(store, store_held_log_after(store, after, &known, on_logged, &seen, &count), STORE_OK);
    assert_int_equal(known, expected_known);
    snprintf(text, sizeof text, "%zu%s", count, buffer_string(&seen));
    return text;
}

static void the_alert_log_is_read_on_from_an_entry_that_is_still_there(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    char after[OUTBOX_ID_MAX] = "";
    assert_string_equal(read_after(store, after, true), "0");
    redis("XADD tw:alerts 5-1 id a kind alert ts 7 > /dev/null");
    redis("XADD tw:alerts 6-1 id b kind firing ts 8 > /dev/null");
    assert_string_equal(read_after(store, after, true), "2[5-1 alert a 7][6-1 firing b 8]");
    assert_string_equal(after, "6-1");
    assert_string_equal(read_after(store, after, true), "0");
    redis("XADD tw:alerts 6-2 id c kind still ts 9 > /dev/null");
    assert_string_equal(read_after(store, after, true), "1[6-2 still c 9]");
    redis("XDEL tw:alerts 6-2 > /dev/null"); // a Redis that went back
    redis("XADD tw:alerts 7-1 id d kind still ts 9 > /dev/null");
    assert_string_equal(read_after(store, after, false), "0");
    redis("FLUSHALL > /dev/null");
    assert_string_equal(read_after(store, after, false), "0");
}

static void refuse(store_t *store, const char *stream, uint64_t first, uint64_t last)
{
    for (uint64_t seq = first; seq <= last; seq++) {
        store_quarantine_t row = { slice_text(stream), seq, 0, "no number", slice_text("x") };
        expect(store, store_quarantine_add(store, "src", &row, 1), STORE_OK);
    }
}

// A copy, as it would be read and put back.
typedef struct {
    store_t *to;
    bool rows;
} copying_t;

static void on_counts(void *context, slice_t source, uint64_t total, slice_t reason,
                      const store_refused_t *streams, size_t count)
{
    copying_t *copying = context;
    for (size_t i = 0; i < count; i++)
        assert_int_equal(streams[i].places.size % STORE_PLACE_BYTES, 0);
    for (int i = 0; i < 2; i++) // nothing changes the second time
        expect(copying->to,
               store_held_refused_put(copying->to, source, total, reason, streams, count),
               STORE_OK);
}

static void on_rows(void *context, slice_t source, const store_refused_row_t *rows, size_t count)
{
    copying_t *copying = context;
    expect(copying->to, store_held_refused_rows_put(copying->to, source, rows, count),
           copying->rows ? STORE_OK : STORE_DUP);
}

static void copy(store_t *from, store_t *to, bool rows)
{
    copying_t copying = { to, rows };
    const store_held_refused_t visit = { &copying, on_counts, on_rows };
    expect(from, store_held_refused(from, &visit), STORE_OK);
}

static void refused_rows_come_back_once(void **state)
{
    (void) state;
    owned(store_destroy) store_t *whole = open_store("tw");
    owned(store_destroy) store_t *emptied = open_store("tw2");
    refuse(whole, "s", 1, 5);
    refuse(whole, "s~7", 1, 2);
    copy(whole, emptied, true);
    assert_string_equal(redis("HGET 'tw2:{quarantine}:count:src' total"), "7");
    assert_string_equal(redis("HGET 'tw2:{quarantine}:count:src' reason"), "no number");
    assert_string_equal(redis("SMEMBERS 'tw2:{quarantine}'"), "src");
    assert_string_equal(redis("XLEN 'tw2:{quarantine}:log:src'"), "7");
    refuse(emptied, "s", 4, 6); // read again, from where the partitions stand
    assert_string_equal(redis("HGET 'tw2:{quarantine}:count:src' total"), "8");
}

// Preps were faster than the copy.
static void rows_that_were_refused_meanwhile_are_added(void **state)
{
    (void) state;
    owned(store_destroy) store_t *whole = open_store("tw");
    owned(store_destroy) store_t *emptied = open_store("tw2");
    refuse(whole, "s", 1, 5);
    refuse(emptied, "s", 4, 8);
    refuse(emptied, "s2", 1, 1);
    copy(whole, emptied, false);
    assert_string_equal(redis("HGET 'tw2:{quarantine}:count:src' total"), "9");
    refuse(emptied, "s2", 1, 2);
    assert_string_equal(redis("HGET 'tw2:{quarantine}:count:src' total"), "10");
}

// Places that are not remembered any more count all the same, on both sides.
static void forgotten_places_are_counted(void **state)
{
    (void) state;
    owned(store_destroy) store_t *whole = open_store("tw");
    owned(store_destroy) store_t *emptied = open_store("tw2");
    store_limits(whole)->quarantine_ids = store_limits(emptied)->quarantine_ids = 3;
    refuse(whole, "s", 1, 9); // remembers 7, 8, 9
    refuse(emptied, "s", 2, 4);
    copy(whole, emptied, false);
    assert_string_equal(redis("HGET 'tw2:{quarantine}:count:src' total"), "9");
    assert_string_equal(redis("ZCARD 'tw2:{quarantine}:seen:src/s'"), "3");
    refuse(emptied, "s", 1, 12);
    assert_string_equal(redis("HGET 'tw2:{quarantine}:count:src' total"), "12");
    // A Redis that is further on than the copy keeps what it has.
    refuse(whole, "s", 10, 10);
    copy(whole, emptied, false);
    assert_string_equal(redis("HGET 'tw2:{quarantine}:count:src' total"), "12");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_note_is_written_only_into_the_redis_that_it_is_about, flush),
        cmocka_unit_test_setup(a_partition_follows_only_what_is_ready, flush),
        cmocka_unit_test_setup(what_came_since_the_outbox_was_read_is_not_put_there_again, flush),
        cmocka_unit_test_setup(the_alert_log_is_read_on_from_an_entry_that_is_still_there, flush),
        cmocka_unit_test_setup(refused_rows_come_back_once, flush),
        cmocka_unit_test_setup(rows_that_were_refused_meanwhile_are_added, flush),
        cmocka_unit_test_setup(forgotten_places_are_counted, flush),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
