/*  What is written to disk, when the n-th call fails: the staged log, its objects and their list.
 *
 *  What was said to be durable is there for whoever opens it next, whole and once; what was refused
 *  says why, and succeeds when it is tried again.
 */
#include "tests/nth/nth.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/stage/files.h"
#include "broker/stage/manifest.h"
#include "broker/stage/object_file.h"
#include "broker/stage/replay_request.h"
#include "broker/stage/stage.h"

// ---- the log
// --------------------------------------------------------------------------------------

enum { GROUPS_OF_TWO = 4, RECORDS = 2 * GROUPS_OF_TWO };

static size_t fill(uint64_t seq, uint8_t *payload)
{
    size_t size = 50 + (size_t) (seq * 977 % 3000);
    for (size_t i = 0; i < size; i++)
        payload[i] = (uint8_t) (seq * 31 + i);
    return size;
}

static uint64_t append(stage_t *stage, uint64_t seq)
{
    uint8_t payload[4096];
    size_t size = fill(seq, payload);
    // Time passes so that every second group begins a segment.
    return stage_append(stage, RECORD_PAYLOAD, (int64_t) seq * 100, slice_text("feed"),
                        slice_of(NULL, 0), slice_of(payload, size));
}

static stage_t *open_stage(const char *root, fault_t *fault)
{
    stage_t *stage = stage_open(root, "tw", "c1", NULL, NULL, fault);
    if (stage)
        stage_seal_after(stage, 150);
    return stage;
}

// Append what is missing, up to RECORDS. Returns what was promised; `fault` tells what was refused.
static uint64_t write_log(const char *root, fault_t *fault)
{
    stage_t *stage = open_stage(root, fault);
    if (!stage)
        return 0;
    uint64_t promised = stage_last_seq(stage);
    for (uint64_t seq = promised + 1; seq <= RECORDS; seq++) {
        uint64_t given = append(stage, seq);
        if (given == 0) {
            fault_set(fault, "not appended");
            break;
        }
        assert_int_equal(given, seq);
        if (seq % 2 == 0 && stage_sync(stage, fault))
            promised = seq;
        assert_int_equal(stage_last_seq(stage), promised);
    }
    stage_destroy(&stage);
    return promised;
}

// Records 1, 2, 3 ... as they were appended; an error in between ends it, and is told.
static uint64_t read_log(const char *root, fault_t *fault)
{
    uint64_t seq = 0;
    stage_reader_t *reader = stage_reader_open(root, "tw", "c1", fault);
    if (!reader)
        return 0;
    record_t record;
    stage_read_t got;
    while ((got = stage_reader_next(reader, UINT64_MAX, &record)) == STAGE_RECORD) {
        uint8_t payload[4096];
        assert_int_equal(record.seq, ++seq);
        assert_true(slice_same(record.payload, slice_of(payload, fill(seq, payload))));
    }
    assert_int_equal(got, STAGE_END);
    if (stage_reader_error(reader))
        fault_set(fault, "%s", stage_reader_error(reader));
    stage_reader_destroy(&reader);
    return seq;
}

static void a_log_keeps_what_it_promised(void **state)
{
    (void) state;
    nth_t nth = nth_over(NTH_MEMORY | (NTH_FILES & ~NTH_RENAME & ~NTH_CUT));
    while (nth_next(&nth)) {
        char root[64];
        nth_directory(root);
        fault_t fault = { 0 };
        nth_arm(&nth);
        uint64_t promised = write_log(root, &fault);
        nth_disarm(&nth);
        nth_assert_done(promised == RECORDS, fault);
        fault_t nothing = { 0 };
        uint64_t there = read_log(root, &nothing);
        assert_true(there >= promised);
        // The next life goes on behind it.
        assert_int_equal(write_log(root, &nothing), RECORDS);
        assert_int_equal(read_log(root, &nothing), RECORDS);
        nth_remove(root);
    }
}

// Opening a log that a crash tore: whatever fails, nothing that was promised is cut.
static void a_torn_log_is_mended_or_left_alone(void **state)
{
    (void) state;
    nth_t nth = nth_over(NTH_MEMORY | (NTH_FILES & ~NTH_RENAME & ~NTH_CUT));
    while (nth_next(&nth)) {
        char root[64];
        fault_t fault = { 0 };
        nth_directory(root);
        assert_int_equal(write_log(root, &fault), RECORDS);
        int directory = files_open(root, "tw", "c1", false, &fault);
        uint64_t *firsts;
        size_t count;
        char name[STAGE_FILE_NAME_BYTES];
        assert_true(files_list(directory, &firsts, &count) && count > 1);
        files_name(name, firsts[count - 1]);
        free(firsts);
        int file = openat(directory, name, O_WRONLY | O_APPEND);
        assert_int_equal(write(file, "half a record", 13), 13);
        close(file);
        close(directory);
        nth_arm(&nth);
        stage_t *stage = open_stage(root, &fault);
        uint64_t last = stage ? stage_last_seq(stage) : 0;
        bool done = stage && append(stage, RECORDS + 1) == RECORDS + 1 && stage_sync(stage, &fault);
        if (stage && !done && fault.text[0] == '\0')
            fault_set(&fault, "not appended");
        stage_destroy(&stage);
        nth_disarm(&nth);
        nth_assert_done(done, fault);
        assert_true(last == 0 || last == RECORDS);
        stage = open_stage(root, &fault);
        assert_non_null(stage);
        assert_int_equal(stage_damaged(stage), 0);
        last = stage_last_seq(stage);
        assert_true(last >= RECORDS + (uint64_t) done && last <= RECORDS + 1);
        stage_destroy(&stage);
        assert_int_equal(read_log(root, &fault), last);
        nth_remove(root);
    }
}

// Reading harms nothing, and never takes an error for the end.
static void reading_tells_an_error_from_the_end(void **state)
{
    (void) state;
    char root[64];
    fault_t fault = { 0 };
    nth_directory(root);
    assert_int_equal(write_log(root, &fault), RECORDS);
    nth_t nth = nth_over(NTH_MEMORY | NTH_OPEN | NTH_READ);
    while (nth_next(&nth)) {
        fault = (fault_t){ 0 };
        nth_arm(&nth);
        uint64_t there = read_log(root, &fault);
        nth_disarm(&nth);
        nth_assert_done(there == RECORDS, fault);
    }
    nth_remove(root);
}

// ---- objects
// --------------------------------------------------------------------------------------

static const char PATH[] = "host/route/2023-03-01/0-c-1.json.gz";
enum { LINES = 3000, LINES_A_PUT = 300 };

static size_t line_of(unsigned i, char text[64])
{
    return (size_t) snprintf(text, 64, "{\"n\":%u,\"square\":%u}\n", i, i * i);
}

static bool write_object(const char *root, fault_t *fault)
{
    object_writer_t *writer = object_writer_new(root, "tw", PATH, fault);
    bool good = writer != NULL;
    for (unsigned i = 0; good && i < LINES; i += LINES_A_PUT) {
        char text[LINES_A_PUT * 64];
        size_t size = 0;
        for (unsigned j = 0; j < LINES_A_PUT; j++)
            size += line_of(i + j, text + size);
        good = object_writer_put(writer, slice_of(text, size), fault);
    }
    uint64_t bytes;
    good = good && object_writer_finish(writer, &bytes, fault);
    object_writer_destroy(&writer);
    return good;
}

// All lines; 0: there is no such object, or it cannot be read now.
static unsigned read_object(const char *root, fault_t *fault)
{
    object_reader_t *reader = object_reader_open(root, "tw", PATH, fault);
    if (!reader)
        return 0;
    unsigned count = 0;
    slice_t line;
    object_read_t got;
    while ((got = object_reader_next(reader, &line, fault)) == OBJECT_LINE) {
        char text[64];
        size_t size = line_of(count++, text);
        assert_true(slice_same(line, slice_of(text, size - 1)));
    }
    object_reader_destroy(&reader);
    return got == OBJECT_END ? count : 0;
}

static void an_object_is_whole_or_not_there(void **state)
{
    (void) state;
    nth_t nth = nth_over(NTH_MEMORY | (NTH_FILES & ~NTH_READ & ~NTH_CUT));
    while (nth_next(&nth)) {
        char root[64];
        fault_t fault = { 0 }, none = { 0 };
        nth_directory(root);
        nth_arm(&nth);
        bool done = write_object(root, &fault);
        nth_disarm(&nth);
        nth_assert_done(done, fault);
        unsigned lines = read_object(root, &none);
        assert_true(lines == LINES || (!done && lines == 0));
        assert_true(write_object(root, &none));
        assert_int_equal(read_object(root, &none), LINES);
        nth_arm(&nth);
        done = object_remove(root, "tw", PATH);
        nth_disarm(&nth);
        assert_true(done || nth_excused());
        assert_true(object_remove(root, "tw", PATH));
        assert_int_equal(read_object(root, &none), 0);
        nth_remove(root);
    }
}

static void an_object_that_cannot_be_read_is_not_a_short_one(void **state)
{
    (void) state;
    char root[64];
    fault_t fault = { 0 };
    nth_directory(root);
    assert_true(write_object(root, &fault));
    nth_t nth = nth_over(NTH_MEMORY | NTH_OPEN);
    while (nth_next(&nth)) {
        fault = (fault_t){ 0 };
        nth_arm(&nth);
        unsigned lines = read_object(root, &fault);
        nth_disarm(&nth);
        assert_true(lines == LINES || lines == 0);
        nth_assert_done(lines == LINES, fault);
    }
    nth_remove(root);
}

// ---- the list of objects
// --------------------------------------------------------------------------

static bool save_list(int directory, uint64_t records, fault_t *fault)
{
    manifest_t list = { .complete = true, .first_seq = 7, .last_seq = 99, .sum = 5 };
    const manifest_object_t object = {
        .path = "host/route/o.json.gz", .first_seq = 7, .last_seq = 99, .records = records
    };
    bool good =
        manifest_add_route(&list, "source", "host/route") && manifest_add_object(&list, &object);
    if (!good)
        fault_set(fault, "out of memory");
    good = good && manifest_save(&list, directory, fault);
    manifest_clear(&list);
    return good;
}

// The records that the list tells of; 0: it cannot be read, or there is none.
static uint64_t load_list(int directory, bool *damaged, fault_t *fault)
{
    manifest_t list = { 0 };
    uint64_t records = 0;
    if (manifest_load(&list, directory, 7, fault) && list.object_count == 1) {
        assert_string_equal(manifest_route(&list, slice_text("source")), "host/route");
        records = list.objects[0].records;
    }
    *damaged = list.damaged;
    manifest_clear(&list);
    return records;
}

static void a_list_is_the_old_one_or_the_new_one(void **state)
{
    (void) state;
    char root[64];
    nth_directory(root);
    int directory = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    nth_t nth = nth_over(NTH_MEMORY | (NTH_FILES & ~NTH_CUT));
    while (nth_next(&nth)) {
        fault_t fault = { 0 }, none = { 0 };
        bool damaged;
        assert_true(save_list(directory, 1, &none));
        nth_arm(&nth);
        bool done = save_list(directory, 2, &fault);
        uint64_t seen = done ? load_list(directory, &damaged, &fault) : 0;
        if (done && damaged) // not readable now is not rubbish: that would be made again
            fail_msg("taken for damage: %s", fault.text);
        nth_disarm(&nth);
        nth_assert_done(done && seen == 2, fault);
        uint64_t records = load_list(directory, &damaged, &none);
        assert_true(records == 2 || (records == 1 && !done));
        assert_true(save_list(directory, 3, &none));
        assert_int_equal(load_list(directory, &damaged, &none), 3);
    }
    assert_true(manifest_remove(directory, 7));
    close(directory);
    nth_remove(root);
}

// ---- requests
// -------------------------------------------------------------------------------------

static void a_request_is_there_or_refused(void **state)
{
    (void) state;
    nth_t nth = nth_over(NTH_MEMORY | (NTH_FILES & ~NTH_CUT));
    while (nth_next(&nth)) {
        char root[64];
        fault_t fault = { 0 }, none = { 0 };
        replay_request_t request = { .from_us = 5, .source = "s" }, got = { 0 };
        memset(request.id, 'a', REQUEST_ID_BYTES);
        memset(request.mappings, 'b', REQUEST_ID_BYTES);
        nth_directory(root);
        assert_int_equal(write_log(root, &none), RECORDS);
        nth_arm(&nth);
        bool done = replay_request_put(root, "tw", "c1", &request, &fault);
        replay_request_result_t result =
            done ? replay_request_get(root, "tw", "c1", &got, &fault) : REQUEST_FAILED;
        nth_disarm(&nth);
        nth_assert_done(result == REQUEST_READ, fault);
        assert_true(!done || (result != REQUEST_NONE && (result != REQUEST_BAD)));
        result = replay_request_get(root, "tw", "c1", &got, &none);
        assert_true(result == REQUEST_READ || (!done && result == REQUEST_NONE));
        if (result == REQUEST_READ)
            assert_memory_equal(got.id, request.id, sizeof got.id);
        assert_true(replay_request_remove(root, "tw", "c1", request.id));
        assert_true(replay_request_put(root, "tw", "c1", &request, &none));
        nth_remove(root);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_log_keeps_what_it_promised, nth_teardown),
        cmocka_unit_test_teardown(a_torn_log_is_mended_or_left_alone, nth_teardown),
        cmocka_unit_test_teardown(reading_tells_an_error_from_the_end, nth_teardown),
        cmocka_unit_test_teardown(an_object_is_whole_or_not_there, nth_teardown),
        cmocka_unit_test_teardown(an_object_that_cannot_be_read_is_not_a_short_one, nth_teardown),
        cmocka_unit_test_teardown(a_list_is_the_old_one_or_the_new_one, nth_teardown),
        cmocka_unit_test_teardown(a_request_is_there_or_refused, nth_teardown),
    };
    return cmocka_run_group_tests_name("nth_stage", tests, NULL, NULL);
}
