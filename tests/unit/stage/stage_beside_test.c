/*  A reader beside a writer in trouble, and beside one that is killed with signal 9. */
#include <signal.h>
#include <sys/wait.h>

#include "tests/unit/stage/bad_disk.h"

static struct {
    stage_t *stage;
    stage_reader_t *reader;
    record_t record;
} pair;

static void begin_pair(const scratch_t *scratch)
{
    fault_t fault;
    pair.stage = open_stage(scratch);
    append(pair.stage, 1);
    append(pair.stage, 2);
    assert_true(stage_sync(pair.stage, &fault));
    pair.reader = stage_reader_open(scratch->path, "tw", "c1", &fault);
    assert_non_null(pair.reader);
}

static void end_pair(void)
{
    stage_reader_destroy(&pair.reader);
    stage_destroy(&pair.stage);
}

static void read_next(uint64_t last, uint64_t seq)
{
    assert_int_equal(stage_reader_next(pair.reader, last, &pair.record), STAGE_RECORD);
    assert_int_equal(pair.record.seq, seq);
}

static void grow_and_roll(void)
{
    fault_t fault;
    append(pair.stage, 3);
    assert_true(stage_sync(pair.stage, &fault));
    append(pair.stage, 4);
    disk.flushes_until_error = 1;
    disk.error = EIO;
    assert_false(stage_sync(pair.stage, &fault));
    assert_true(stage_sync(pair.stage, &fault)); // in a new segment
}

// Between the reader's look at the end of a segment and its look at the directory.
static void segment_that_grows_and_closes_is_read_to_its_end(void **state)
{
    begin_pair((const scratch_t *) *state);
    read_next(UINT64_MAX, 1);
    read_next(UINT64_MAX, 2);
    disk.at_end_of_file = grow_and_roll;
    disk.ends_to_pass = 1; // it looks twice before it believes in an end
    read_next(UINT64_MAX, 3);
    read_next(UINT64_MAX, 4);
    end_pair();
}

static void read_to_two(void)
{
    disk.at_flush = NULL;
    read_next(2, 1);
    read_next(2, 2); // the buffer has more, which is not durable
}

// What stood in the buffer before it was promised was given up and written anew, differently.
static void bytes_are_not_trusted_before_they_are_promised(void **state)
{
    const scratch_t *scratch = (const scratch_t *) *state;
    begin_pair(scratch);
    fault_t fault;
    append(pair.stage, 3);
    disk.at_flush = read_to_two;
    disk.flushes_until_error = 1;
    disk.error = EIO;
    assert_false(stage_sync(pair.stage, &fault));
    stage_destroy(&pair.stage);
    pair.stage = open_stage(scratch);
    assert_int_equal(stage_append(pair.stage, RECORD_TICK, 1, slice_of(NULL, 0), slice_of(NULL, 0),
                                  slice_text("the real 3")),
                     3);
    assert_true(stage_sync(pair.stage, &fault));
    read_next(3, 3);
    assert_true(slice_is(pair.record.payload, "the real 3"));
    end_pair();
}

static void read_three(void)
{
    disk.at_flush = NULL;
    read_next(UINT64_MAX, 3); // from a segment that will be given up
}

static void reader_leaves_a_segment_that_was_given_up(void **state)
{
    begin_pair((const scratch_t *) *state);
    fault_t fault;
    append(pair.stage, 3);
    disk.flushes_until_error = 1;
    disk.error = EIO;
    assert_false(stage_sync(pair.stage, &fault)); // leaves the first segment
    read_next(UINT64_MAX, 1);
    read_next(UINT64_MAX, 2);
    disk.at_flush = read_three;
    disk.flushes_until_error = 1;
    assert_false(stage_sync(pair.stage, &fault)); // gives up the second
    append(pair.stage, 4);
    assert_true(stage_sync(pair.stage, &fault));
    assert_int_equal(stage_reader_next(pair.reader, UINT64_MAX, &pair.record), STAGE_END);
    read_next(UINT64_MAX, 4);
    end_pair();
}

// A power cut took the cut of the first segment back, but not the second segment.
static void successor_voids_what_was_not_cut(void **state)
{
    const scratch_t *scratch = (const scratch_t *) *state;
    begin_pair(scratch);
    fault_t fault;
    char first[128], copy[128], command[512];
    snprintf(first, sizeof first, "%s/tw/c1/00000000000000000001.seg", scratch->path);
    snprintf(copy, sizeof copy, "%s/copy", scratch->path);
    append(pair.stage, 3);
    assert_true(stage_sync(pair.stage, &fault));
    end_pair();
    snprintf(command, sizeof command, "cp '%s' '%s' && truncate -s -1 '%s'", first, copy, first);
    assert_int_equal(system(command), 0);
    pair.stage = open_stage(scratch); // 3 is torn, and so it never was
    assert_int_equal(stage_append(pair.stage, RECORD_TICK, 1, slice_of(NULL, 0), slice_of(NULL, 0),
                                  slice_text("the real 3")),
                     3);
    disk.flushes_until_error = 1;
    disk.error = EIO;
    assert_false(stage_sync(pair.stage, &fault));
    assert_true(stage_sync(pair.stage, &fault));
    snprintf(command, sizeof command, "cp '%s' '%s'", copy, first);
    assert_int_equal(system(command), 0);
    pair.reader = stage_reader_open(scratch->path, "tw", "c1", &fault);
    read_next(UINT64_MAX, 1);
    read_next(UINT64_MAX, 2);
    read_next(UINT64_MAX, 3);
    assert_true(slice_is(pair.record.payload, "the real 3"));
    end_pair();
}

// ---- kill -9 ------------------------------------------------------------------------------

// The child writes for ever and tells through the pipe what it was promised.
static void write_until_killed(const scratch_t *scratch, int pipe_end)
{
    stage_t *stage = stage_open(scratch->path, "tw", "c1", NULL, NULL, NULL);
    if (!stage)
        _exit(1);
    for (uint64_t seq = stage_last_seq(stage) + 1;;) {
        for (int i = 0; i < 400; i++, seq++) {
            uint8_t payload[4096];
            size_t size = fill(seq, payload);
            if (stage_append(stage, RECORD_PAYLOAD, 1, slice_text("feed"), slice_of(NULL, 0),
                             slice_of(payload, size)) != seq)
                _exit(2);
        }
        uint64_t promised = seq - 1;
        if (!stage_sync(stage, NULL) || write(pipe_end, &promised, sizeof promised) < 0)
            _exit(3);
    }
}

static void promises_survive_kill_nine(void **state)
{
    const scratch_t *scratch = (const scratch_t *) *state;
    stage_calls = honest;
    uint64_t promised = 0;
    srand(20261123);
    for (int round = 0; round < 20; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            close(ends[0]);
            write_until_killed(scratch, ends[1]);
        }
        close(ends[1]);
        // At the latest when it has had its say often enough, so that the log stays small.
        fault_t fault;
        stage_reader_t *reader = NULL;
        int groups = 1 + rand() % 6;
        for (int group = 0; group < groups; group++) {
            uint64_t told;
            assert_int_equal(read(ends[0], &told, sizeof told), sizeof told);
            promised = told;
            // This process reads while that one writes.
            if (!reader)
                reader = stage_reader_open(scratch->path, "tw", "c1", &fault);
            if (group == 0)
                assert_true(stage_reader_seek(reader, promised - 399));
            record_t record = { 0 };
            while (stage_reader_next(reader, promised, &record) == STAGE_RECORD) {
                uint8_t payload[4096];
                assert_true(
                    slice_same(record.payload, slice_of(payload, fill(record.seq, payload))));
            }
            assert_int_equal(record.seq, promised);
        }
        usleep((useconds_t) (rand() % 3000));
        assert_int_equal(kill(child, SIGKILL), 0);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        uint64_t told;
        while (read(ends[0], &told, sizeof told) == (ssize_t) sizeof told)
            promised = told; // said just before it died
        close(ends[0]);
        stage_reader_destroy(&reader);
        stage_t *stage = open_stage(scratch);
        assert_true(stage_last_seq(stage) >= promised);
        stage_destroy(&stage);
    }
    check_log(scratch, promised);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(segment_that_grows_and_closes_is_read_to_its_end),
        TEST(bytes_are_not_trusted_before_they_are_promised),
        TEST(reader_leaves_a_segment_that_was_given_up),
        TEST(successor_voids_what_was_not_cut),
        TEST(promises_survive_kill_nine),
    };
    return cmocka_run_group_tests_name("stage_beside", tests, NULL, NULL);
}
