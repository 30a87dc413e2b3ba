/*  A full disk, I/O errors, short writes, signals: what stage_sync returned true for is there, what
 *  it returned false for is kept and comes later.
 */
#include "tests/unit/stage/bad_disk.h"

static void interrupts_and_short_writes_are_nothing(void **state)
{
    const scratch_t *scratch = (const scratch_t *) *state;
    disk.interrupts = disk.shorts = true;
    stage_t *stage = open_stage(scratch);
    fault_t fault;
    for (uint64_t seq = 1; seq <= 20; seq++) {
        append(stage, seq);
        assert_true(stage_sync(stage, &fault));
    }
    assert_int_equal(check_log(scratch, 20), 20);
    assert_int_equal(count_segments(scratch), 1);
    stage_destroy(&stage);
}

static void failed_flush_abandons_the_segment(void **state)
{
    const scratch_t *scratch = (const scratch_t *) *state;
    stage_t *stage = open_stage(scratch);
    fault_t fault;
    append(stage, 1);
    append(stage, 2);
    assert_true(stage_sync(stage, &fault));
    append(stage, 3);
    append(stage, 4);
    disk.flushes_until_error = 1;
    disk.error = EIO;
    assert_false(stage_sync(stage, &fault));
    assert_non_null(strstr(fault.text, strerror(EIO)));
    assert_int_equal(stage_last_seq(stage), 2);
    assert_true(stage_pending_bytes(stage) > 0);
    assert_int_equal(check_log(scratch, 2), 2); // what failed is not to be seen
    append(stage, 5);
    assert_true(stage_sync(stage, &fault));
    assert_int_equal(stage_last_seq(stage), 5);
    assert_int_equal(count_segments(scratch), 2);
    assert_int_equal(check_log(scratch, 5), 5);
    stage_destroy(&stage);
    stage = open_stage(scratch);
    assert_int_equal(stage_damaged(stage), 0);
    assert_int_equal(stage_last_seq(stage), 5);
    stage_destroy(&stage);
}

// Hours of a full disk leave no litter, and it resumes by itself.
static void full_disk_is_waited_out(void **state)
{
    const scratch_t *scratch = (const scratch_t *) *state;
    stage_t *stage = open_stage(scratch);
    fault_t fault;
    append(stage, 1);
    assert_true(stage_sync(stage, &fault));
    stage_reader_t *reader = stage_reader_open(scratch->path, "tw", "c1", &fault);
    record_t record;
    assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_RECORD);
    append(stage, 2);
    for (int attempt = 0; attempt < 100; attempt++) {
        disk.room = (size_t) attempt; // sometimes the head of a segment fits, never the group
        assert_false(stage_sync(stage, &fault));
        assert_non_null(strstr(fault.text, strerror(ENOSPC)));
        assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_END);
        assert_null(stage_reader_error(reader));
    }
    assert_int_equal(count_segments(scratch), 1);
    disk.room = SIZE_MAX;
    append(stage, 3);
    assert_true(stage_sync(stage, &fault));
    assert_int_equal(stage_reader_next(reader, 3, &record), STAGE_RECORD);
    assert_int_equal(record.seq, 2);
    assert_int_equal(stage_reader_next(reader, 3, &record), STAGE_RECORD);
    assert_int_equal(check_log(scratch, 3), 3);
    assert_int_equal(count_segments(scratch), 2);
    stage_reader_destroy(&reader);
    stage_destroy(&stage);
}

// Without the cut, the abandoned segment would hold records that its successor holds as well.
static void no_successor_before_the_cut(void **state)
{
    const scratch_t *scratch = (const scratch_t *) *state;
    stage_t *stage = open_stage(scratch);
    fault_t fault;
    append(stage, 1);
    assert_true(stage_sync(stage, &fault));
    append(stage, 2);
    disk = (typeof(disk)){ .flushes_until_error = 1,
                           .cuts_until_error = 1,
                           .error = EIO,
                           .sticky = true,
                           .room = SIZE_MAX };
    assert_false(stage_sync(stage, &fault));
    assert_false(stage_sync(stage, &fault));
    assert_int_equal(count_segments(scratch), 1);
    disk = (typeof(disk)){ .room = SIZE_MAX };
    assert_true(stage_sync(stage, &fault));
    assert_int_equal(count_segments(scratch), 2);
    assert_int_equal(check_log(scratch, 2), 2);
    stage_destroy(&stage);
}

// Every call fails once, at every place, with several errors: nothing promised is lost, nothing
// is promised twice.
static void any_call_may_fail_at_any_time(void **state)
{
    scratch_t *first = (scratch_t *) *state;
    int *const calls[] = { &disk.writes_until_error, &disk.flushes_until_error,
                           &disk.creates_until_error, &disk.cuts_until_error,
                           &disk.reads_until_error };
    const int errors[] = { EIO, ENOSPC, EDQUOT };
    for (size_t call = 0; call < sizeof calls / sizeof *calls; call++) {
        for (int after = 1; after <= 8; after++) {
            scratch_t scratch = scratch_new();
            memset(&disk, 0, sizeof disk);
            disk.room = SIZE_MAX;
            disk.error = errors[(size_t) after % 3];
            *calls[call] = after;
            uint64_t promised = 0, next = 1;
            for (int life = 0; life < 3; life++) {
                fault_t fault = { 0 };
                stage_t *stage = stage_open(scratch.path, "tw", "c1", NULL, NULL, &fault);
                if (!stage) { // refused to open: says why, harms nothing
                    assert_true(fault.text[0] != '\0');
                    continue;
                }
                assert_true(stage_last_seq(stage) >= promised);
                next = stage_last_seq(stage) + 1;
                for (int group = 0; group < 3; group++) {
                    append(stage, next++);
                    append(stage, next++);
                    if (stage_sync(stage, &fault))
                        promised = next - 1;
                    assert_int_equal(stage_last_seq(stage), promised);
                }
                stage_destroy(&stage);
            }
            *calls[call] = 0;
            assert_true(promised >= 10);
            assert_int_equal(check_log(&scratch, promised), promised);
            scratch_destroy(&scratch);
        }
    }
    (void) first;
}

static void reading_errors_are_no_end(void **state)
{
    const scratch_t *scratch = (const scratch_t *) *state;
    stage_t *stage = open_stage(scratch);
    fault_t fault;
    append(stage, 1);
    assert_true(stage_sync(stage, &fault));
    stage_reader_t *reader = stage_reader_open(scratch->path, "tw", "c1", &fault);
    record_t record;
    disk.reads_until_error = 1;
    disk.error = EIO;
    assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_END);
    assert_non_null(stage_reader_error(reader));
    assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_RECORD);
    assert_null(stage_reader_error(reader));
    stage_reader_destroy(&reader);
    stage_destroy(&stage);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(interrupts_and_short_writes_are_nothing),
        TEST(failed_flush_abandons_the_segment),
        TEST(full_disk_is_waited_out),
        TEST(no_successor_before_the_cut),
        TEST(any_call_may_fail_at_any_time),
        TEST(reading_errors_are_no_end),
    };
    return cmocka_run_group_tests_name("stage_faults", tests, NULL, NULL);
}
