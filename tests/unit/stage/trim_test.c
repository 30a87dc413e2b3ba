/*  trim: what may go, and that a log is whole after any death on the way. */
#include "broker/stage/trim.h"

#include <sys/wait.h>

#include "broker/stage/manifest.h"
#include "tests/unit/stage/bad_disk.h"

enum { SEGMENT_RECORDS = 10, SEGMENTS = 6 };

static stage_limits_t usual;

// ---- deciding ---------------------------------------------------------------------------------

static void each_condition_holds_a_segment_back(void **state)
{
    (void) state;
    const trim_limits_t limits = { .floor = 100, .keep_us = 1000 };
    const int64_t now_us = 5000;
    const trim_segment_t due = { .last_seq = 100, .last_us = 3999, .archived = true };
    assert_true(trim_is_due(&due, &limits, now_us));
    trim_segment_t other = due;
    other.last_seq = 0; // it still grows
    assert_false(trim_is_due(&other, &limits, now_us));
    other = due;
    other.last_seq = 101; // not in the copy
    assert_false(trim_is_due(&other, &limits, now_us));
    other = due;
    other.last_us = 4000; // not old enough
    assert_false(trim_is_due(&other, &limits, now_us));
    other.last_us = INT64_MAX; // nobody knows how old
    assert_false(trim_is_due(&other, &limits, now_us));
    other = due;
    other.archived = false;
    assert_false(trim_is_due(&other, &limits, now_us));
    assert_false(trim_is_due(&due, &(trim_limits_t){ .floor = 0, .keep_us = 1000 }, now_us));
    assert_false(trim_is_due(&due, &(trim_limits_t){ .floor = 100, .keep_us = 0 }, now_us));
}

static void two_segments_and_two_heads_stay(void **state)
{
    (void) state;
    assert_int_equal(trim_count(10, 3, 2, 8), 3);
    assert_int_equal(trim_count(10, 9, 2, 8), 8);
    assert_int_equal(trim_count(10, 10, 2, 9), 8); // the last closed one stays in any case
    assert_int_equal(trim_count(10, 9, 2, 5), 5);
    assert_int_equal(trim_count(10, 9, 1, 9), 0); // a single head may rot
    assert_int_equal(trim_count(10, 9, 0, 0), 0);
    assert_int_equal(trim_count(1, 1, 2, 0), 0);
    assert_int_equal(trim_count(0, 0, 0, 0), 0);
}

// ---- a log --------------------------------------------------------------------------------------

// Records as append() makes them; each segment begins with a head, if `heads`, but for one (counted
// from 1, 0: none).
static void write_log_but(const scratch_t *scratch, bool heads, uint64_t headless)
{
    stage_limits.segment_bytes = 1; // every group begins one
    stage_t *stage = open_stage(scratch);
    slice_t none = { 0 };
    fault_t fault;
    for (uint64_t segment = 0; segment < SEGMENTS; segment++) {
        uint64_t at = (uint64_t) SEGMENT_RECORDS * segment + 1;
        for (uint64_t i = 0; i < SEGMENT_RECORDS; i++) {
            bool head = heads && i == 0 && segment + 1 != headless;
            record_kind_t kind = head ? RECORD_KNOWN_END : RECORD_PAYLOAD;
            uint8_t payload[4096];
            assert_true(stage_append(stage, kind, (int64_t) (segment * 1000 + i),
                                     kind == RECORD_PAYLOAD ? slice_text("feed") : none, none,
                                     slice_of(payload, fill(at + i, payload))) == at + i);
        }
        assert_true(stage_sync(stage, &fault));
    }
    stage_destroy(&stage);
    assert_int_equal(count_segments(scratch), SEGMENTS);
}

static void write_log(const scratch_t *scratch, bool heads)
{
    write_log_but(scratch, heads, 0);
}

// Say of these segments that their objects are made.
static void archive(const scratch_t *scratch, uint64_t segments)
{
    fault_t fault;
    int directory = files_open(scratch->path, "tw", "c1", false, &fault);
    for (uint64_t i = 0; i < segments; i++) {
        manifest_t manifest = { .complete = true,
                                .first_seq = SEGMENT_RECORDS * i + 1,
                                .last_seq = SEGMENT_RECORDS * (i + 1) };
        assert_true(manifest_save(&manifest, directory, &fault));
    }
    close(directory);
}

static uint64_t look(const scratch_t *scratch, uint64_t floor, int64_t keep_us, int64_t now_us)
{
    fault_t fault;
    uint64_t first_seq;
    const trim_limits_t limits = { floor, keep_us };
    if (!trim_look(scratch->path, "tw", "c1", &limits, now_us, &first_seq, &fault))
        fail_msg("%s", fault.text);
    return first_seq;
}

// From `first` on every record is there as it was written, and nothing else.
static void check_from(const scratch_t *scratch, uint64_t first)
{
    fault_t fault;
    stage_reader_t *reader = stage_reader_open(scratch->path, "tw", "c1", &fault);
    assert_non_null(reader);
    record_t record;
    uint64_t seq = first;
    for (; stage_reader_next(reader, UINT64_MAX, &record) == STAGE_RECORD; seq++) {
        uint8_t payload[4096];
        assert_int_equal(record.seq, seq);
        assert_true(slice_same(record.payload, slice_of(payload, fill(seq, payload))));
    }
    assert_int_equal(seq, SEGMENT_RECORDS * SEGMENTS + 1);
    assert_null(stage_reader_error(reader));
    stage_reader_destroy(&reader);
}

static void it_begins_where_all_conditions_are_met(void **state)
{
    const scratch_t *scratch = *state;
    write_log(scratch, true);
    archive(scratch, SEGMENTS - 1);
    assert_int_equal(look(scratch, 60, 500, 100000), 41); // all but two are due
    assert_int_equal(look(scratch, 25, 500, 100000), 21); // up to the floor
    assert_int_equal(look(scratch, 20, 500, 100000), 21);
    assert_int_equal(look(scratch, 0, 500, 100000), 1);
    assert_int_equal(look(scratch, 60, 0, 100000), 1);
    assert_int_equal(look(scratch, 60, 500, 3501),
                     31); // newer than 3001 stay: the third ends at 3000
    assert_int_equal(look(scratch, 60, 500, 3500), 21);
    fault_t fault;
    uint64_t gone = 0;
    assert_true(trim_run(scratch->path, "tw", "c1", 31, &gone, &fault));
    assert_int_equal(gone, 3);
    check_from(scratch, 31);
    assert_int_equal(look(scratch, 60, 500, 100000), 41);
    stage_t *stage = open_stage(scratch);
    assert_int_equal(stage_oldest_seq(stage), 31);
    assert_int_equal(stage_last_seq(stage), 60);
    assert_int_equal(stage_damaged(stage), 0);
    stage_destroy(&stage);
    // The lists of objects stay as long as there are some.
    catalog_t catalog;
    assert_true(catalog_open(&catalog, scratch->path, "tw", "c1", &fault));
    assert_int_equal(catalog.orphan_count, 3);
    assert_int_equal(catalog.orphans[2], 21);
    catalog_close(&catalog);
}

static void without_objects_or_heads_it_stays(void **state)
{
    scratch_t *scratch = *state;
    write_log(scratch, true);
    archive(scratch, 2);
    assert_int_equal(look(scratch, 60, 500, 100000), 21);
    scratch_destroy(scratch);
    *scratch = scratch_new();
    write_log(scratch, false); // of an earlier version
    archive(scratch, SEGMENTS - 1);
    assert_int_equal(look(scratch, 60, 500, 100000), 1);
}

// A segment after a failed write begins without its plan: the one before it, which has it, stays.
static void it_never_begins_without_its_plan(void **state)
{
    const scratch_t *scratch = *state;
    write_log_but(scratch, true, 3);
    archive(scratch, SEGMENTS - 1);
    assert_int_equal(look(scratch, 20, 500, 100000), 11); // not 21
    assert_int_equal(look(scratch, 30, 500, 100000), 31);
    fault_t fault;
    uint64_t gone = 0;
    assert_true(trim_run(scratch->path, "tw", "c1", 11, &gone, &fault));
    assert_int_equal(look(scratch, 20, 500, 100000), 11);
}

// A process dies before or behind every single removal; the next goes on where it was.
static void any_death_leaves_a_log_that_begins_later(void **state)
{
    scratch_t *scratch = *state;
    for (int steps = 1; steps <= 5; steps++) {
        write_log(scratch, true);
        fault_t fault;
        pid_t child = fork();
        if (child == 0) {
            uint64_t gone = 0;
            disk.removes_until_error = steps; // dies before the step-th
            disk.error = EIO;
            (void) trim_run(scratch->path, "tw", "c1", 41, &gone, &fault);
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        check_from(scratch, (uint64_t) SEGMENT_RECORDS * (uint64_t) (steps - 1) + 1);
        stage_t *stage = open_stage(scratch);
        assert_int_equal(stage_last_seq(stage), 60);
        stage_destroy(&stage);
        uint64_t gone = 0;
        assert_true(trim_run(scratch->path, "tw", "c1", 41, &gone, &fault));
        assert_int_equal(gone, 5 - steps);
        check_from(scratch, 41);
        scratch_destroy(scratch);
        *scratch = scratch_new();
    }
}

static void what_cannot_be_removed_is_told(void **state)
{
    const scratch_t *scratch = *state;
    write_log(scratch, true);
    fault_t fault = { 0 };
    uint64_t gone = 0;
    disk.removes_until_error = 2;
    disk.error = EACCES;
    assert_false(trim_run(scratch->path, "tw", "c1", 41, &gone, &fault));
    assert_int_equal(gone, 1);
    assert_non_null(strstr(fault.text, "00000000000000000011.seg"));
    check_from(scratch, 11);
}

// Somebody reads while segments go: he is told, keeps what he has open, and meets no false damage.
static void a_reader_that_is_overtaken_is_told(void **state)
{
    const scratch_t *scratch = *state;
    write_log(scratch, true);
    fault_t fault;
    stage_reader_t *reader = stage_reader_open(scratch->path, "tw", "c1", &fault);
    record_t record;
    for (uint64_t seq = 1; seq <= 5; seq++)
        assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_RECORD);
    uint64_t gone = 0;
    assert_true(trim_run(scratch->path, "tw", "c1", 31, &gone, &fault));
    for (uint64_t seq = 6; seq <= 10; seq++) {
        assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_RECORD);
        assert_int_equal(record.seq, seq);
    }
    assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_TRIMMED);
    assert_int_equal(record.seq, 31);
    for (uint64_t seq = 31; seq <= 60; seq++) {
        assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_RECORD);
        assert_int_equal(record.seq, seq);
    }
    assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_END);
    assert_null(stage_reader_error(reader));
    // Within its own segment nobody notices, up to the next one.
    assert_true(stage_reader_seek(reader, 35));
    assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_RECORD);
    assert_true(trim_run(scratch->path, "tw", "c1", 41, &gone, &fault));
    for (uint64_t seq = 36; seq <= 60; seq++) {
        assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_RECORD);
        assert_int_equal(record.seq, seq);
    }
    stage_reader_destroy(&reader);
}

static int begin_small(void **state)
{
    usual = stage_limits;
    return begin(state);
}

static int end_small(void **state)
{
    stage_limits = usual;
    return end(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_condition_holds_a_segment_back),
        cmocka_unit_test(two_segments_and_two_heads_stay),
        cmocka_unit_test_setup_teardown(it_begins_where_all_conditions_are_met, begin_small,
                                        end_small),
        cmocka_unit_test_setup_teardown(without_objects_or_heads_it_stays, begin_small, end_small),
        cmocka_unit_test_setup_teardown(it_never_begins_without_its_plan, begin_small, end_small),
        cmocka_unit_test_setup_teardown(any_death_leaves_a_log_that_begins_later, begin_small,
                                        end_small),
        cmocka_unit_test_setup_teardown(what_cannot_be_removed_is_told, begin_small, end_small),
        cmocka_unit_test_setup_teardown(a_reader_that_is_overtaken_is_told, begin_small, end_small),
    };
    return cmocka_run_group_tests_name("trim", tests, NULL, NULL);
}
