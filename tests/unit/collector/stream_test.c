/*  stream and log_cursor: what was known comes back from the log, and any place in it can be read
 *  with the plan that was in force there.
 */
#include "actors/collector/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "actors/collector/log_cursor.h"
#include "actors/collector/random.h"
#include "proto/tick.h"

enum { SECOND = 1000000 };

static char root[64];

static int make_root(void **state)
{
    (void) state;
    strcpy(root, "/tmp/stream-test-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void) state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static stream_t *open_stream(void)
{
    fault_t fault;
    stream_t *stream = stream_open(root, "test", "main", &fault);
    if (!stream)
        fail_msg("%s", fault.text);
    return stream;
}

// A plan whose one source has `version` as its definition.
static plan_t *plan_of(unsigned version)
{
    char body[16];
    snprintf(body, sizeof body, "v%u", version);
    plan_t *plan = plan_new();
    assert_true(plan_set(plan, PLAN_SOURCE, slice_text("s"), slice_text(body), NULL));
    assert_true(plan_set(plan, PLAN_RULE, slice_text("same"), slice_text("rule"), NULL));
    return plan;
}

static uint64_t set_plan(stream_t *stream, unsigned version)
{
    uint64_t seq;
    plan_t *plan = plan_of(version);
    assert_true(stream_plan(stream, plan, 0, &seq));
    plan_destroy(&plan);
    return seq;
}

static uint64_t put(stream_t *stream, const char *client, uint64_t n, const char *payload)
{
    place_t place;
    assert_true(place_make(&place, slice_text(client), n));
    assert_true(places_note(stream_places(stream), slice_text("s"), slice_text(client), n));
    return stream_put(stream, slice_text("s"), &place, slice_text(payload), (int64_t) n);
}

static void sync_all(stream_t *stream)
{
    fault_t fault;
    assert_true(stream_sync(stream, &fault));
    assert_int_equal(stream_pending(stream), 0);
}

static void a_log_begins_with_its_plan(void **state)
{
    (void) state;
    stream_t *stream = open_stream();
    assert_null(stream_plan_in_force(stream));
    assert_true(stream_tick(stream, true, 5 * SECOND, 0)); // no plan, no tick
    assert_int_equal(stream_pending(stream), 0);
    assert_int_equal(set_plan(stream, 1), 1);
    assert_int_equal(set_plan(stream, 1), 0); // in force already
    assert_int_equal(put(stream, "c", 1, "x"), 2);
    assert_int_equal(set_plan(stream, 2), 3);
    assert_int_equal(stream_durable(stream), 0);
    sync_all(stream);
    assert_int_equal(stream_durable(stream), 3);

    fault_t fault;
    log_cursor_t *cursor = log_cursor_new(root, "test", "main", &fault);
    assert_true(log_cursor_seek(cursor, 1, NULL, &fault));
    record_t record;
    plan_change_t change;
    assert_int_equal(log_cursor_peek(cursor, 3, &record), STAGE_RECORD);
    assert_int_equal(record.kind, RECORD_PLAN);
    assert_true(plan_peek(&change, record.payload, &fault));
    assert_true(change.snapshot);
    log_cursor_pass(cursor);
    assert_int_equal(log_cursor_peek(cursor, 3, &record), STAGE_RECORD);
    assert_true(slice_is(record.payload, "x"));
    log_cursor_pass(cursor);
    assert_int_equal(log_cursor_peek(cursor, 3, &record), STAGE_RECORD);
    assert_true(plan_peek(&change, record.payload, &fault));
    assert_false(change.snapshot); // a difference
    log_cursor_destroy(&cursor);
    stream_destroy(&stream);
}

// The gap that record `seq` of the log tells of.
static void assert_gap(uint64_t seq, const char *source, gap_reason_t reason, int64_t from_us,
                       int64_t to_us)
{
    fault_t fault;
    stage_reader_t *reader = stage_reader_open(root, "test", "main", &fault);
    assert_true(stage_reader_seek(reader, seq));
    record_t record;
    gap_t gap;
    assert_int_equal(stage_reader_next(reader, seq, &record), STAGE_RECORD);
    assert_int_equal(record.kind, RECORD_GAP);
    assert_true(slice_is(record.source, source));
    assert_true(gap_decode(&gap, record.payload, &fault));
    assert_int_equal(gap.reason, reason);
    assert_int_equal(gap.from_us, from_us);
    assert_int_equal(gap.to_us, to_us);
    stage_reader_destroy(&reader);
}

static void start_at(stream_t *stream, int64_t recv_us)
{
    uint64_t seq;
    plan_t *plan = plan_of(1);
    assert_true(stream_plan(stream, plan, recv_us, &seq));
    plan_destroy(&plan);
}

static void what_was_not_staged_is_said(void **state)
{
    (void) state;
    stream_t *stream = open_stream();
    start_at(stream, 5 * SECOND); // record 1; there was no life before
    const gap_t polls = { .reason = GAP_POLL, .from_us = 6 * SECOND, .to_us = 8 * SECOND };
    assert_true(stream_gap(stream, slice_text("s"), &polls, 8 * SECOND));
    sync_all(stream);
    assert_int_equal(stream_count(stream).gaps, 1);
    stream_destroy(&stream);
    assert_gap(2, "s", GAP_POLL, 6 * SECOND, 8 * SECOND);

    stream = open_stream();
    start_at(stream, 9 * SECOND); // record 3: away for no longer than a tick counts
    sync_all(stream);
    assert_int_equal(stream_durable(stream), 3);
    stream_destroy(&stream);

    stream = open_stream();
    start_at(stream, 60 * SECOND); // record 4, and it was away
    sync_all(stream);
    assert_int_equal(stream_durable(stream), 5);
    assert_int_equal(stream_count(stream).gaps, 1);
    assert_gap(5, "", GAP_STOPPED, 9 * SECOND, 60 * SECOND);
    set_plan(stream, 2); // said once a life
    sync_all(stream);
    assert_int_equal(stream_durable(stream), 6);
    stream_destroy(&stream);
}

static void halves_are_records_of_their_own_kind(void **state)
{
    (void) state;
    stream_t *stream = open_stream();
    set_plan(stream, 1);
    assert_int_equal(stream_put_torn(stream, slice_text("s"), slice_text("1,2"), 0), 2);
    sync_all(stream);
    stream_destroy(&stream);
    fault_t fault;
    stage_reader_t *reader = stage_reader_open(root, "test", "main", &fault);
    assert_true(stage_reader_seek(reader, 2));
    record_t record;
    assert_int_equal(stage_reader_next(reader, 2, &record), STAGE_RECORD);
    assert_int_equal(record.kind, RECORD_TORN);
    assert_true(slice_is(record.source, "s") && slice_is(record.payload, "1,2"));
    assert_int_equal(record.place.size, 0);
    stage_reader_destroy(&reader);
    stream = open_stream(); // it does not confuse who opens the log
    assert_int_equal(stream_durable(stream), 2);
    stream_destroy(&stream);
}

static void what_was_known_comes_back(void **state)
{
    (void) state;
    stream_t *stream = open_stream();
    set_plan(stream, 1);
    put(stream, "a", 7, "x");
    put(stream, "b", 2, "y");
    put(stream, "a", 8, "z");
    assert_true(stream_tick(stream, true, 10 * SECOND, 0));              // the first: up 0
    assert_true(stream_tick(stream, true, 11 * SECOND, 0));              // 1 s
    assert_true(stream_tick(stream, true, 11 * SECOND + SECOND / 2, 0)); // not due
    assert_true(stream_tick(stream, true, 100 * SECOND, 0));             // counts 2 s
    assert_true(stream_tick(stream, false, 101 * SECOND, 0));            // not collecting
    assert_true(stream_tick(stream, true, 102 * SECOND, 0));             // 1 s
    sync_all(stream);
    uint64_t last = stream_durable(stream);
    assert_int_equal(last, 9);
    put(stream, "a", 9, "never durable");
    stream_destroy(&stream);

    stream = open_stream();
    assert_int_equal(stream_durable(stream), last);
    uint64_t number;
    assert_true(places_find(stream_places(stream), slice_text("s"), slice_text("a"), &number));
    assert_int_equal(number, 8);
    assert_true(places_find(stream_places(stream), slice_text("s"), slice_text("b"), &number));
    assert_int_equal(number, 2);
    assert_null(stream_plan_in_force(stream));       // nothing is staged before we know ours
    assert_int_equal(set_plan(stream, 1), last + 1); // written whole, though it is the same
    assert_true(stream_tick(stream, true, 7 * SECOND, 0));
    sync_all(stream);

    // up: 0, 1, 3, 3, 4, and from there in the next life.
    static const uint64_t up_s[] = { 0, 1, 3, 3, 4, 4 };
    size_t ticks = 0;
    fault_t fault;
    log_cursor_t *cursor = log_cursor_new(root, "test", "main", &fault);
    assert_true(log_cursor_seek(cursor, 1, NULL, &fault));
    record_t record;
    while (log_cursor_peek(cursor, UINT64_MAX, &record) == STAGE_RECORD) {
        if (record.kind == RECORD_TICK) {
            uint64_t up_us;
            memcpy(&up_us, record.payload.data, sizeof up_us);
            assert_int_equal(up_us, up_s[ticks++] * SECOND);
        }
        log_cursor_pass(cursor);
    }
    assert_int_equal(ticks, 6);
    log_cursor_destroy(&cursor);
    stream_destroy(&stream);
}

// Since when somebody was there, as ticks say it: since the life began, or the last break of
// receipt.
static void a_tick_says_since_when(void **state)
{
    (void) state;
    static const int64_t recv_s[] = { 100, 101, 111, 122, 123, 60, 61 };
    static const int64_t since_s[] = { 100, 100, 100, 122, 122, 122, 122, 200, 200 };
    stream_t *stream = open_stream();
    set_plan(stream, 1);
    int64_t mono_s = 10;
    for (size_t i = 0; i < sizeof recv_s / sizeof *recv_s; i++)
        assert_true(stream_tick(stream, true, ++mono_s * SECOND, recv_s[i] * SECOND));
    sync_all(stream);
    stream_destroy(&stream);
    stream = open_stream();
    set_plan(stream, 1);
    assert_true(stream_tick(stream, true, ++mono_s * SECOND, 200 * SECOND));
    assert_true(stream_tick(stream, true, ++mono_s * SECOND, 201 * SECOND));
    sync_all(stream);
    stream_destroy(&stream);
    stream = open_stream(); // the clock was set back, and we are started anew
    set_plan(stream, 1);
    assert_true(stream_tick(stream, true, ++mono_s * SECOND, 150 * SECOND));
    sync_all(stream);
    size_t ticks = 0;
    int64_t last_us = 0;
    fault_t fault;
    log_cursor_t *cursor = log_cursor_new(root, "test", "main", &fault);
    assert_true(log_cursor_seek(cursor, 1, NULL, &fault));
    for (record_t record; log_cursor_peek(cursor, UINT64_MAX, &record) == STAGE_RECORD;
         log_cursor_pass(cursor)) {
        tick_t tick;
        if (record.kind != RECORD_TICK)
            continue;
        assert_true(tick_decode(&tick, record.payload));
        if (ticks == sizeof since_s / sizeof *since_s)
            last_us = tick.since_us;
        else
            assert_int_equal(tick.since_us, since_s[ticks++] * SECOND);
    }
    assert_int_equal(ticks, sizeof since_s / sizeof *since_s);
    assert_true(last_us >= 201 * SECOND); // and nobody was there any sooner
    log_cursor_destroy(&cursor);
    stream_destroy(&stream);
}

// Whoever seeks finds the plan in force there: by the log alone, wherever he begins.
static void every_place_has_its_plan(void **state)
{
    (void) state;
    enum { RECORDS = 6000 };
    unsigned *version = calloc(RECORDS * 2, sizeof *version); // in force at each seq
    uint64_t random = 5, seq = 0;
    unsigned now = 0;
    stream_t *stream = NULL;
    while (seq < RECORDS) {
        if (!stream || random_below(&random, 400) == 0) { // another life
            if (stream)
                sync_all(stream);
            stream_destroy(&stream);
            stream = open_stream();
            seq = set_plan(stream, now);
            version[seq] = now;
        }
        if (random_below(&random, 50) == 0) {
            seq = set_plan(stream, ++now);
            version[seq] = now;
        }
        seq = put(stream, "c", seq, "payload");
        version[seq] = now;
        if (random_below(&random, 100) == 0)
            sync_all(stream);
    }
    sync_all(stream);
    fault_t fault;
    log_cursor_t *cursor = log_cursor_new(root, "test", "main", &fault);
    for (int i = 0; i < 60; i++) {
        uint64_t from = 1 + random_below(&random, seq);
        assert_true(log_cursor_seek(cursor, from, NULL, &fault));
        for (uint64_t at = from; at < from + 120 && at <= seq; at++) {
            record_t record;
            assert_int_equal(log_cursor_peek(cursor, seq, &record), STAGE_RECORD);
            assert_int_equal(record.seq, at);
            char expected[16];
            snprintf(expected, sizeof expected, "v%u", version[at]);
            if (record.kind == RECORD_PAYLOAD)
                assert_true(slice_is(log_cursor_definition(cursor, record.source), expected));
            log_cursor_pass(cursor);
        }
    }
    assert_int_equal(log_cursor_definition(cursor, slice_text("unknown")).size, 0);
    // With the plan told, it does not look back.
    plan_t *told = plan_of(77777);
    record_t record;
    assert_true(log_cursor_seek(cursor, seq, told, &fault));
    assert_int_equal(log_cursor_peek(cursor, seq, &record), STAGE_RECORD);
    assert_true(slice_is(log_cursor_definition(cursor, slice_text("s")), "v77777"));
    log_cursor_pass(cursor);
    assert_int_equal(log_cursor_peek(cursor, seq, &record), STAGE_END);
    plan_destroy(&told);
    log_cursor_destroy(&cursor);
    stream_destroy(&stream);
    free(version);
}

static void an_amendment_holds_once_it_is_durable(void **state)
{
    (void) state;
    stream_t *stream = open_stream();
    set_plan(stream, 1);
    put(stream, "c", 10, "early");
    put(stream, "c", 20, "late");
    sync_all(stream);
    set_plan(stream, 2);
    assert_true(stream_amend(stream, slice_text("s"), 20, slice_text("request"), 0, 30));
    assert_int_equal(amendments_edition(stream_amendments(stream)), 0);
    sync_all(stream);
    const uint64_t edition = 30; // when it was received
    for (int life = 0; life < 2; life++) {
        const amendments_t *amendments = stream_amendments(stream);
        assert_int_equal(amendments_edition(amendments), edition);
        assert_true(slice_is(amendments_request(amendments), "request"));
        record_t early = { .seq = 2, .recv_us = 10, .source = slice_text("s") };
        record_t late = { .seq = 3, .recv_us = 20, .source = slice_text("s") };
        assert_true(slice_is(amendments_definition(amendments, &early, slice_text("v1")), "v1"));
        assert_true(slice_is(amendments_definition(amendments, &late, slice_text("v1")), "v2"));
        stream_destroy(&stream);
        stream = open_stream(); // the log says the same
    }
    set_plan(stream, 2);
    assert_true(stream_amend(stream, slice_text("s"), 0, slice_text("lost"), 0, 40));
    stream_destroy(&stream); // before it was durable
    stream = open_stream();
    assert_int_equal(amendments_edition(stream_amendments(stream)), edition);
    // Later than what somebody else was told in, whose clock was ahead.
    set_plan(stream, 2);
    assert_true(stream_amend(stream, slice_text("s"), 0, slice_text("more"), 5000, 50));
    sync_all(stream);
    assert_int_equal(amendments_edition(stream_amendments(stream)), 5001);
    stream_destroy(&stream);
}

static void two_do_not_write_one_stream(void **state)
{
    (void) state;
    stream_t *stream = open_stream();
    fault_t fault = { 0 };
    assert_null(stream_open(root, "test", "main", &fault));
    assert_non_null(strstr(fault.text, "main"));
    stream_destroy(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_log_begins_with_its_plan, make_root, remove_root),
        cmocka_unit_test_setup_teardown(halves_are_records_of_their_own_kind, make_root,
                                        remove_root),
        cmocka_unit_test_setup_teardown(what_was_not_staged_is_said, make_root, remove_root),
        cmocka_unit_test_setup_teardown(a_tick_says_since_when, make_root, remove_root),
        cmocka_unit_test_setup_teardown(what_was_known_comes_back, make_root, remove_root),
        cmocka_unit_test_setup_teardown(every_place_has_its_plan, make_root, remove_root),
        cmocka_unit_test_setup_teardown(an_amendment_holds_once_it_is_durable, make_root,
                                        remove_root),
        cmocka_unit_test_setup_teardown(two_do_not_write_one_stream, make_root, remove_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
