/*  bad_disk -- a disk that fails when a test wants it to, and a log whose records are functions of
 *  their seq, so that what is read can be checked without a memory of it.
 */
#pragma once
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "broker/stage/calls.h"
#include "broker/stage/files.h"
#include "broker/stage/stage.h"
#include "tests/unit/stage/scratch.h"

// ---- a disk that obeys the test -----------------------------------------------------------

static stage_calls_t honest; // the real ones

static struct {
    int writes_until_error, flushes_until_error, creates_until_error, cuts_until_error;
    int removes_until_error, reads_until_error; // 0 = no error; 1 = the next one fails, and so on
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

static inline bool fails(int *until)
{
    if (*until == 0 || --*until > 0)
        return false;
    *until = disk.sticky;
    errno = disk.error;
    return true;
}

static inline ssize_t bad_write(int file, const void *data, size_t size, off_t offset)
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

static inline int bad_flush(int file)
{
    if (disk.at_flush)
        disk.at_flush();
    return fails(&disk.flushes_until_error) ? -1 : honest.flush(file);
}

static inline int bad_create(int directory, const char *name)
{
    return fails(&disk.creates_until_error) ? -1 : honest.create(directory, name);
}

static inline int bad_cut(int file, off_t size)
{
    return fails(&disk.cuts_until_error) ? -1 : honest.cut(file, size);
}

static inline ssize_t bad_read(int file, void *data, size_t size, off_t offset)
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

static inline int bad_remove(int directory, const char *name)
{
    return fails(&disk.removes_until_error) ? -1 : honest.remove(directory, name);
}

static inline int begin(void **state)
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
                                   .read = bad_read,
                                   .remove = bad_remove,
                                   .room = honest.room };
    return 0;
}

static inline int end(void **state)
{
    stage_calls = honest;
    scratch_destroy((scratch_t *) *state);
    return 0;
}

// ---- a log whose records are functions of their seq ---------------------------------------

static inline stage_t *open_stage(const scratch_t *scratch)
{
    fault_t fault = { 0 };
    stage_t *stage = stage_open(scratch->path, "tw", "c1", NULL, NULL, &fault);
    if (!stage)
        fail_msg("%s", fault.text);
    return stage;
}

static inline size_t fill(uint64_t seq, uint8_t *payload)
{
    size_t size = 50 + (size_t) (seq * 977 % 3000);
    for (size_t i = 0; i < size; i++)
        payload[i] = (uint8_t) (seq * 31 + i);
    return size;
}

static inline void append(stage_t *stage, uint64_t seq)
{
    uint8_t payload[4096];
    size_t size = fill(seq, payload);
    assert_int_equal(stage_append(stage, RECORD_PAYLOAD, 1, slice_text("feed"), slice_of(NULL, 0),
                                  slice_of(payload, size)),
                     seq);
}

// Records 1 to `last` are there, whole, without a gap; returns how many there are in all.
static inline uint64_t check_log(const scratch_t *scratch, uint64_t last)
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

static inline size_t count_segments(const scratch_t *scratch)
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
