/*  A full disk, I/O errors, short writes, signals, kill -9: what stage_sync returned true for is
 *  there, what it returned false for is kept and comes later.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "broker/stage/calls.h"
#include "broker/stage/files.h"
#include "broker/stage/stage.h"
#include "tests/unit/stage/scratch.h"

// ---- a disk that obeys the test -----------------------------------------------------------

static stage_calls_t honest; // the real ones

static struct {
    int writes_until_error, flushes_until_error, creates_until_error, cuts_until_error;
    int reads_until_error; // 0 = no error; 1 = the next one fails, and so on
    int error;
    bool sticky;     // goes on failing
    size_t room;     // bytes that still fit; SIZE_MAX = any number
    bool interrupts; // every other call is interrupted
    bool shorts;     // writes take 7 bytes at most
    unsigned turn;
    void (*at_flush)(void); // what somebody else does just then
    void (*at_end_of_file)(void);
    int ends_to_pass;
} disk;

static bool fails(int *until)
{
    if (*until == 0 || --*until > 0)
        return false;
    *until = disk.sticky;
    errno = disk.error;
    return true;
}

static ssize_t bad_write(int file, const void *data, size_t size, off_t offset)
{
    if (disk.interrupts && disk.turn++ % 2 == 0) {
        errno = EINTR;
        return -1;
    }
    if (fails(&disk.writes_until_error))
        return -1;
    if (disk.room == 0) {
        errno = ENOSPC;
        return -1;
    }
    size = disk.shorts && size > 7 ? 7 : size;
    size = size < disk.room ? size : disk.room;
    ssize_t put = honest.write(file, data, size, offset);
    if (put > 0 && disk.room != SIZE_MAX)
        disk.room -= (size_t) put;
    return put;
}

static int bad_flush(int file)
{
    if (disk.at_flush)
        disk.at_flush();
    return fails(&disk.flushes_until_error) ? -1 : honest.flush(file);
}

static int bad_create(int directory, const char *name)
{
    return fails(&disk.creates_until_error) ? -1 : honest.create(directory, name);
}

static int bad_cut(int file, off_t size)
{
    return fails(&disk.cuts_until_error) ? -1 : honest.cut(file, size);
}

static ssize_t bad_read(int file, void *data, size_t size, off_t offset)
{
    if (disk.interrupts && disk.turn++ % 2 == 0) {
        errno = EINTR;
        return -1;
    }
    if (fails(&disk.reads_until_error))
        return -1;
    ssize_t got = honest.read(file, data, size, offset);
    void (*then)(void) = got == 0 ? disk.at_end_of_file : NULL;
    if (then && disk.ends_to_pass-- == 0) {
        disk.at_end_of_file = NULL;
        then();
    }
    return got;
}

static int begin(void **state)
{
    static scratch_t scratch;
    scratch = scratch_new();
    *state = &scratch;
    memset(&disk, 0, sizeof disk);
    disk.room = SIZE_MAX;
    honest = stage_calls;
    stage_calls = (stage_calls_t){ .create = bad_create,
                                   .write = bad_write,
                                   .flush = bad_flush,
                                   .cut = bad_cut,
                                   .read = bad_read };
    return 0;
}

static int end(void **state)
{
    stage_calls = honest;
    scratch_destroy((scratch_t *) *state);
    return 0;
}

// ---- a log whose records are functions of their seq ---------------------------------------

static stage_t *open_stage(const scratch_t *scratch)
{
    fault_t fault = { 0 };
    stage_t *stage = stage_open(scratch->path, "tw", "c1", NULL, NULL, &fault);
    if (!stage)
        fail_msg("%s", fault.text);
    return stage;
}

static size_t fill(uint64_t seq, uint8_t *payload)
{
    size_t size = 50 + (size_t) (seq * 977 % 3000);
    for (size_t i = 0; i < size; i++)
        payload[i] = (uint8_t) (seq * 31 + i);
    return size;
}

static void append(stage_t *stage, uint64_t seq)
{
    uint8_t payload[4096];
    size_t size = fill(seq, payload);
    assert_int_equal(stage_append(stage, RECORD_PAYLOAD, 1, slice_text("feed"), slice_of(NULL, 0),
                                  slice_of(payload, size)),
                     seq);
}

// Records 1 to `last` are there, whole, without a gap; returns how many there are in all.
static uint64_t check_log(const scratch_t *scratch, uint64_t last)
{
    fault_t fault = { 0 };
    stage_reader_t *reader = stage_reader_open(scratch->path, "tw", "c1", &fault);
    assert_non_null(reader);
    record_t record;
    uint64_t seq = 0;
    while (stage_reader_next(reader, UINT64_MAX, &record) == STAGE_RECORD) {
        assert_int_equal(record.seq, ++seq);
        uint8_t payload[4096];
        assert_true(slice_same(record.payload, slice_of(payload, fill(seq, payload))));
    }
    assert_true(seq >= last);
    stage_reader_destroy(&reader);
    return seq;
}

static size_t count_segments(const scratch_t *scratch)
{
    fault_t fault;
    int directory = files_open(scratch->path, "tw", "c1", false, &fault);
    uint64_t *firsts = NULL;
    size_t count = 0;
    assert_true(files_list(directory, &firsts, &count));
    free(firsts);
    close(directory);
    return count;
}

// ---- tests --------------------------------------------------------------------------------

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

// ---- a reader beside a writer in trouble --------------------------------------------------

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
        TEST(interrupts_and_short_writes_are_nothing),
        TEST(failed_flush_abandons_the_segment),
        TEST(full_disk_is_waited_out),
        TEST(no_successor_before_the_cut),
        TEST(any_call_may_fail_at_any_time),
        TEST(reading_errors_are_no_end),
        TEST(segment_that_grows_and_closes_is_read_to_its_end),
        TEST(bytes_are_not_trusted_before_they_are_promised),
        TEST(reader_leaves_a_segment_that_was_given_up),
        TEST(successor_voids_what_was_not_cut),
        TEST(promises_survive_kill_nine),
    };
    return cmocka_run_group_tests_name("stage_faults", tests, NULL, NULL);
}
