/*  What was appended and synced is read, by this writer, the next one and by readers. */
#include "broker/stage/stage.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "proto/owned.h"
#include "tests/unit/stage/scratch.h"

static slice_t none(void)
{
    return slice_of(NULL, 0);
}

static stage_t *open_stage(const scratch_t *scratch)
{
    fault_t fault = { 0 };
    stage_t *stage = stage_open(scratch->path, "tw", "c1", NULL, NULL, &fault);
    if (!stage)
        fail_msg("%s", fault.text);
    return stage;
}

static stage_reader_t *open_reader(const scratch_t *scratch)
{
    fault_t fault = { 0 };
    stage_reader_t *reader = stage_reader_open(scratch->path, "tw", "c1", &fault);
    if (!reader)
        fail_msg("%s", fault.text);
    return reader;
}

static uint64_t append_text(stage_t *stage, const char *text)
{
    return stage_append(stage, RECORD_PAYLOAD, 1000, slice_text("btc"), slice_text("p"),
                        slice_text(text));
}

static void reads_back_every_field(void **state)
{
    (void) state;
    scratch_t scratch = scratch_new();
    stage_t *stage = open_stage(&scratch);
    assert_true(stage_segment_is_full(stage)); // the first one begins with a plan
    assert_int_equal(stage_append(stage, RECORD_PLAN, 500, none(), none(), slice_text("plan")), 1);
    assert_false(stage_segment_is_full(stage));
    assert_int_equal(stage_append(stage, RECORD_PAYLOAD, 400, slice_text("btc"),
                                  slice_of("a\0b", 3), slice_of("\0\1\2", 3)),
                     2);
    assert_int_equal(stage_append(stage, RECORD_TICK, 9000, none(), none(), none()), 3);
    assert_true(stage_pending_bytes(stage) > 0);
    assert_int_equal(stage_last_seq(stage), 0);
    fault_t fault;
    assert_true(stage_sync(stage, &fault));
    assert_int_equal(stage_last_seq(stage), 3);
    assert_int_equal(stage_pending_bytes(stage), 0);

    stage_reader_t *reader = open_reader(&scratch);
    record_t record;
    assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_RECORD);
    assert_int_equal(record.kind, RECORD_PLAN);
    assert_int_equal(record.seq, 1);
    assert_int_equal(record.recv_us, 500);
    assert_true(slice_is(record.payload, "plan"));
    assert_int_equal(record.source.size, 0);
    assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_RECORD);
    assert_int_equal(record.kind, RECORD_PAYLOAD);
    assert_int_equal(record.recv_us, 501); // strictly rising, whatever the clock says
    assert_true(slice_is(record.source, "btc"));
    assert_true(slice_same(record.place, slice_of("a\0b", 3)));
    assert_true(slice_same(record.payload, slice_of("\0\1\2", 3)));
    assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_RECORD);
    assert_int_equal(record.kind, RECORD_TICK);
    assert_int_equal(record.recv_us, 9000);
    assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_END);
    assert_null(stage_reader_error(reader));
    stage_reader_destroy(&reader);
    stage_destroy(&stage);
    scratch_destroy(&scratch);
}

static void reader_stops_at_what_is_promised_and_tails(void **state)
{
    (void) state;
    scratch_t scratch = scratch_new();
    stage_t *stage = open_stage(&scratch);
    stage_reader_t *reader = open_reader(&scratch); // before there is any segment
    record_t record;
    assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_END);
    for (uint64_t round = 0; round < 50; round++) {
        char text[32];
        snprintf(text, sizeof text, "round %" PRIu64, round);
        assert_int_equal(append_text(stage, text), round * 2 + 1);
        assert_int_equal(append_text(stage, "second"), round * 2 + 2);
        fault_t fault;
        assert_true(stage_sync(stage, &fault));
        assert_int_equal(stage_reader_next(reader, round * 2 + 1, &record), STAGE_RECORD);
        assert_true(slice_is(record.payload, text));
        assert_int_equal(stage_reader_next(reader, round * 2 + 1, &record), STAGE_END);
        assert_int_equal(stage_reader_next(reader, round * 2 + 2, &record), STAGE_RECORD);
        assert_true(slice_is(record.payload, "second"));
    }
    stage_reader_destroy(&reader);
    stage_destroy(&stage);
    scratch_destroy(&scratch);
}

typedef struct {
    uint64_t count, last, stop_after;
    size_t payload_bytes;
    int64_t recv_us;
} seen_t;

static bool see(void *context, const record_t *record)
{
    seen_t *seen = (seen_t *) context;
    assert_int_equal(record->seq, seen->last + 1);
    assert_true(slice_is(record->source, record->kind == RECORD_PLAN ? "" : "btc"));
    seen->last = record->seq;
    seen->count++;
    seen->payload_bytes += record->payload.size;
    seen->recv_us = record->recv_us;
    return seen->count != seen->stop_after;
}

static void next_writer_goes_on_and_visits(void **state)
{
    (void) state;
    scratch_t scratch = scratch_new();
    stage_t *stage = open_stage(&scratch);
    fault_t fault;
    stage_append(stage, RECORD_PLAN, 77, none(), none(), slice_text("plan"));
    append_text(stage, "one");
    assert_true(stage_sync(stage, &fault));
    append_text(stage, "never synced, never promised");
    stage_destroy(&stage);

    seen_t seen = { 0 };
    stage = stage_open(scratch.path, "tw", "c1", see, &seen, &fault);
    assert_non_null(stage);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.payload_bytes, 4); // of the plan alone
    assert_int_equal(stage_last_seq(stage), 2);
    assert_int_equal(stage_damaged(stage), 0);
    assert_false(stage_segment_is_full(stage));
    // Receive times go on rising, even though the clock stepped back in between.
    assert_int_equal(seen.recv_us, 1000);
    assert_int_equal(stage_append(stage, RECORD_PAYLOAD, 5, slice_text("btc"), none(), none()), 3);
    assert_true(stage_sync(stage, &fault));
    stage_destroy(&stage);
    stage_reader_t *reader = open_reader(&scratch);
    record_t record;
    assert_true(stage_reader_seek(reader, 3));
    assert_int_equal(stage_reader_next(reader, 3, &record), STAGE_RECORD);
    assert_int_equal(record.recv_us, 1001);
    stage_reader_destroy(&reader);

    seen = (seen_t){ .stop_after = 1 };
    stage = stage_open(scratch.path, "tw", "c1", see, &seen, &fault);
    assert_int_equal(seen.count, 1); // asked to stop; the recovery went on
    assert_int_equal(stage_last_seq(stage), 3);
    stage_destroy(&stage);
    scratch_destroy(&scratch);
}

static void second_writer_is_refused(void **state)
{
    (void) state;
    scratch_t scratch = scratch_new();
    stage_t *stage = open_stage(&scratch);
    fault_t fault;
    assert_null(stage_open(scratch.path, "tw", "c1", NULL, NULL, &fault));
    assert_non_null(strstr(fault.text, "another process"));
    stage_t *other = stage_open(scratch.path, "tw", "c2", NULL, NULL, &fault);
    assert_non_null(other);
    stage_destroy(&other);
    stage_destroy(&stage);
    scratch_destroy(&scratch);
}

static void names_are_no_way_out(void **state)
{
    (void) state;
    scratch_t scratch = scratch_new();
    const char *bad[] = {
        "",     ".",
        "..",   "a/b",
        "../x", ".hidden",
        "a b",  "0123456789012345678901234567890123456789012345678901234567890123456789"
    };
    fault_t fault;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(stage_open(scratch.path, "tw", bad[i], NULL, NULL, &fault));
        assert_null(stage_open(scratch.path, bad[i], "c1", NULL, NULL, &fault));
        assert_null(stage_reader_open(scratch.path, "tw", bad[i], &fault));
    }
    assert_null(stage_reader_open(scratch.path, "tw", "absent", &fault));
    assert_non_null(strstr(fault.text, "No such file"));
    scratch_destroy(&scratch);
}

static void limits_are_kept(void **state)
{
    (void) state;
    scratch_t scratch = scratch_new();
    stage_t *stage = open_stage(&scratch);
    char wide[STAGE_SOURCE_NAME_MAX + 200];
    memset(wide, 'x', sizeof wide);
    assert_int_equal(
        stage_append(stage, RECORD_PAYLOAD, 1, slice_of(wide, sizeof wide), none(), none()), 0);
    assert_int_equal(stage_append(stage, RECORD_PAYLOAD, 1, none(), slice_of(wide, 256), none()),
                     0);
    assert_int_equal(
        stage_append(stage, (record_kind_t) (RECORD_KIND_LAST + 1), 1, none(), none(), none()), 0);
    size_t size = STAGE_PAYLOAD_BYTES_MAX;
    char *payload = (char *) calloc(1, size + 1);
    assert_non_null(payload);
    assert_int_equal(
        stage_append(stage, RECORD_PAYLOAD, 1, none(), none(), slice_of(payload, size + 1)), 0);
    for (uint64_t seq = 1; seq <= 3; seq++)
        assert_int_equal(
            stage_append(stage, RECORD_PAYLOAD, 1, none(), none(), slice_of(payload, size)), seq);
    // The fourth would go over the limit of a group; the group is unharmed.
    assert_int_equal(
        stage_append(stage, RECORD_PAYLOAD, 1, none(), none(), slice_of(payload, size)), 0);
    assert_int_equal(append_text(stage, "small"), 4);
    fault_t fault;
    assert_true(stage_sync(stage, &fault));
    assert_true(stage_segment_is_full(stage));
    stage_reader_t *reader = open_reader(&scratch);
    record_t record;
    for (uint64_t seq = 1; seq <= 3; seq++) {
        assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_RECORD);
        assert_int_equal(record.payload.size, size);
        assert_memory_equal(record.payload.data, payload, size);
    }
    assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_RECORD);
    assert_true(slice_is(record.payload, "small"));
    stage_reader_destroy(&reader);
    free(payload);
    stage_destroy(&stage);
    scratch_destroy(&scratch);
}

// Several segments, and a cursor that can be placed anywhere in them.
static void seeks_across_segments(void **state)
{
    (void) state;
    enum { RECORDS = 300, BYTES = 1 << 20 };
    scratch_t scratch = scratch_new();
    stage_t *stage = open_stage(&scratch);
    uint8_t *payload = (uint8_t *) calloc(1, BYTES);
    fault_t fault;
    int segments = 0;
    for (uint64_t seq = 1; seq <= RECORDS; seq++) {
        segments += stage_segment_is_full(stage);
        memcpy(payload, &seq, sizeof seq);
        assert_int_equal(stage_append(stage, RECORD_PAYLOAD, (int64_t) seq, slice_text("btc"),
                                      none(), slice_of(payload, BYTES)),
                         seq);
        assert_true(stage_sync(stage, &fault));
    }
    assert_int_equal(segments, 3); // of 128 MB each
    stage_reader_t *reader = open_reader(&scratch);
    record_t record;
    const uint64_t places[] = { 1, 128, 129, 130, 257, 5, 300, 0, 256, 131 };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        uint64_t wanted = places[i] ? places[i] : 1;
        assert_true(stage_reader_seek(reader, places[i]));
        for (uint64_t seq = wanted; seq < wanted + 3 && seq <= RECORDS; seq++) {
            assert_int_equal(stage_reader_next(reader, RECORDS, &record), STAGE_RECORD);
            assert_int_equal(record.seq, seq);
            uint64_t inside;
            memcpy(&inside, record.payload.data, sizeof inside);
            assert_int_equal(inside, seq);
        }
    }
    assert_true(stage_reader_seek(reader, RECORDS + 1)); // what is not there yet
    assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_END);
    append_text(stage, "then it comes");
    assert_true(stage_sync(stage, &fault));
    assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_RECORD);
    assert_int_equal(record.seq, RECORDS + 1);
    stage_reader_destroy(&reader);
    stage_destroy(&stage);

    seen_t seen = { 0 };
    stage = stage_open(scratch.path, "tw", "c1", see, &seen, &fault);
    assert_int_equal(seen.count, RECORDS + 1);
    assert_int_equal(seen.recv_us, 1000);
    assert_int_equal(stage_last_seq(stage), RECORDS + 1);
    stage_destroy(&stage);
    free(payload);
    scratch_destroy(&scratch);
}

// The oldest segment is gone: no damage for who begins anew, damage for who was there.
static void what_is_trimmed_is_no_damage_to_a_newcomer(void **state)
{
    (void) state;
    scratch_t scratch = scratch_new();
    stage_t *stage = open_stage(&scratch);
    uint8_t *payload = (uint8_t *) calloc(1, STAGE_PAYLOAD_BYTES_MAX);
    fault_t fault;
    for (int i = 0; i < 5; i++) {
        stage_append(stage, RECORD_PAYLOAD, 1, slice_text("btc"), none(),
                     slice_of(payload, STAGE_PAYLOAD_BYTES_MAX));
        assert_true(stage_sync(stage, &fault));
    }
    stage_reader_t *there = open_reader(&scratch);
    stage_destroy(&stage);
    char path[128];
    snprintf(path, sizeof path, "%s/tw/c1/00000000000000000001.seg", scratch.path);
    assert_int_equal(unlink(path), 0);
    stage_reader_t *reader = open_reader(&scratch);
    record_t record;
    assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_RECORD);
    assert_int_equal(record.seq, 3);
    assert_int_equal(stage_reader_next(there, UINT64_MAX, &record), STAGE_RECORD);
    assert_int_equal(record.seq, 1); // its file is still open
    // A writer would not know what was taken: no segment begins with a head.
    assert_null(stage_open(scratch.path, "tw", "c1", NULL, NULL, &fault));
    assert_non_null(strstr(fault.text, "begins at record 3"));
    stage_reader_destroy(&reader);
    stage_reader_destroy(&there);
    free(payload);
    scratch_destroy(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_every_field),
        cmocka_unit_test(reader_stops_at_what_is_promised_and_tails),
        cmocka_unit_test(next_writer_goes_on_and_visits),
        cmocka_unit_test(second_writer_is_refused),
        cmocka_unit_test(names_are_no_way_out),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(seeks_across_segments),
        cmocka_unit_test(what_is_trimmed_is_no_damage_to_a_newcomer),
    };
    return cmocka_run_group_tests_name("stage", tests, NULL, NULL);
}
