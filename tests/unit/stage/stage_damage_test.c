/*  Bits flip, ends are cut off: what is intact is still read, and nothing else ever is. */
#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "broker/stage/crc32c.h"
#include "broker/stage/files.h"
#include "broker/stage/segment.h"
#include "broker/stage/stage.h"
#include "tests/unit/stage/scratch.h"

enum { RECORDS = 12, FILE_BYTES_MAX = 8192 };

static const char file_name[] = "tw/c1/00000000000000000001.seg";

typedef struct {
    scratch_t scratch;
    uint8_t bytes[FILE_BYTES_MAX]; // of the undamaged file
    size_t size;
    size_t ends[RECORDS + 1]; // ends[k]: where record k ends
} log_t;

// A function of the seq alone, so that what is read can be checked without a memory of it.
static size_t fill_payload(uint64_t seq, uint8_t payload[256])
{
    size_t size = (size_t) (seq * 37 % 90);
    for (size_t i = 0; i < size; i++)
        payload[i] = (uint8_t) (seq * 131 + i * 7);
    return size;
}

static uint64_t append_next(stage_t *stage)
{
    uint64_t seq = stage_last_seq(stage) + 1;
    uint8_t payload[256];
    size_t size = fill_payload(seq, payload);
    seq = stage_append(stage, RECORD_PAYLOAD, (int64_t) seq * 10, slice_text("feed"),
                       slice_of(&seq, sizeof seq), slice_of(payload, size));
    fault_t fault;
    assert_true(stage_sync(stage, &fault));
    return seq;
}

static void check_record(const record_t *record)
{
    uint8_t payload[256];
    size_t size = fill_payload(record->seq, payload);
    assert_int_equal(record->kind, RECORD_PAYLOAD);
    assert_true(slice_is(record->source, "feed"));
    assert_true(slice_same(record->place, slice_of(&record->seq, sizeof record->seq)));
    assert_true(slice_same(record->payload, slice_of(payload, size)));
}

static stage_t *open_stage(log_t *log)
{
    fault_t fault = { 0 };
    stage_t *stage = stage_open(log->scratch.path, "tw", "c1", NULL, NULL, &fault);
    if (!stage)
        fail_msg("%s", fault.text);
    return stage;
}

// The log is this one file from now on.
static void write_file(const log_t *log, const uint8_t *bytes, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/tw/c1", log->scratch.path);
    int directory = open(path, O_RDONLY | O_DIRECTORY);
    uint64_t *firsts;
    size_t count;
    assert_true(files_list(directory, &firsts, &count));
    for (size_t i = 0; i < count; i++) {
        char name[STAGE_FILE_NAME_BYTES];
        files_name(name, firsts[i]);
        assert_int_equal(unlinkat(directory, name, 0), 0);
    }
    free(firsts);
    close(directory);
    snprintf(path, sizeof path, "%s/%s", log->scratch.path, file_name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static int make_log(void **state)
{
    static log_t log;
    log = (log_t){ .scratch = scratch_new() };
    stage_t *stage = open_stage(&log);
    char path[128];
    snprintf(path, sizeof path, "%s/%s", log.scratch.path, file_name);
    for (uint64_t seq = 1; seq <= RECORDS; seq++) {
        assert_int_equal(append_next(stage), seq);
        struct stat status;
        assert_int_equal(stat(path, &status), 0);
        log.ends[seq] = (size_t) status.st_size;
    }
    log.ends[0] = SEGMENT_HEAD_BYTES;
    stage_destroy(&stage);
    FILE *file = fopen(path, "rb");
    log.size = fread(log.bytes, 1, sizeof log.bytes, file);
    fclose(file);
    assert_int_equal(log.size, log.ends[RECORDS]);
    *state = &log;
    return 0;
}

static int drop_log(void **state)
{
    scratch_destroy(&((log_t *) *state)->scratch);
    return 0;
}

// What a reader gets, as a set of seqs; every record is checked, and gaps are told.
static uint32_t read_all(const log_t *log)
{
    fault_t fault = { 0 };
    stage_reader_t *reader = stage_reader_open(log->scratch.path, "tw", "c1", &fault);
    assert_non_null(reader);
    uint32_t seen = 0;
    uint64_t expected = 1;
    record_t record;
    stage_read_t got;
    while ((got = stage_reader_next(reader, UINT64_MAX, &record)) != STAGE_END) {
        assert_true(record.seq >= expected);
        if (got == STAGE_DAMAGED) {
            assert_true(record.seq > expected);
            expected = record.seq;
            continue;
        }
        assert_int_equal(record.seq, expected);
        expected++;
        if (record.kind == RECORD_SKIP) // a writer found damage before it
            continue;
        check_record(&record);
        if (record.seq < 32)
            seen |= UINT32_C(1) << record.seq;
    }
    assert_null(stage_reader_error(reader));
    stage_reader_destroy(&reader);
    return seen;
}

static uint32_t all_but(uint64_t seq)
{
    uint32_t all = (UINT32_C(1) << (RECORDS + 1)) - 2;
    return seq ? all & ~(UINT32_C(1) << seq) : all;
}

// The record in which this byte lies; 0: the head of the file.
static uint64_t record_at(const log_t *log, size_t byte)
{
    uint64_t seq = 0;
    while (byte >= log->ends[seq])
        seq++;
    return seq;
}

static void any_flipped_bit_costs_its_own_record_and_no_other(void **state)
{
    log_t *log = (log_t *) *state;
    uint8_t bytes[FILE_BYTES_MAX];
    for (size_t bit = 0; bit < log->size * 8; bit++) {
        memcpy(bytes, log->bytes, log->size);
        bytes[bit / 8] ^= (uint8_t) (1u << bit % 8);
        write_file(log, bytes, log->size);
        uint64_t hit = record_at(log, bit / 8);
        uint32_t seen = read_all(log);
        if (seen != all_but(hit))
            fail_msg("bit %zu of byte %zu, record %d: read %x", bit % 8, bit / 8, (int) hit, seen);
    }
}

// The same for the writer: it goes on, and gives no seq away a second time.
static void writer_goes_on_after_any_flipped_byte(void **state)
{
    log_t *log = (log_t *) *state;
    uint8_t bytes[FILE_BYTES_MAX];
    for (size_t byte = 0; byte < log->size; byte++) {
        memcpy(bytes, log->bytes, log->size);
        bytes[byte] ^= 0x41;
        write_file(log, bytes, log->size);
        uint64_t hit = record_at(log, byte);
        stage_t *stage = open_stage(log);
        assert_int_equal(stage_damaged(stage) > 0, hit > 0);
        uint64_t seq = append_next(stage);
        if (seq <= RECORDS)
            fail_msg("byte %zu: seq %d used twice", byte, (int) seq);
        stage_destroy(&stage);
        uint32_t expected = all_but(hit) | (seq < 32 ? UINT32_C(1) << seq : 0);
        assert_int_equal(read_all(log), expected);
        stage = open_stage(log); // and the next one finds it well
        assert_int_equal(stage_last_seq(stage), seq);
        stage_destroy(&stage);
    }
}

static void cut_end(const log_t *log, size_t bytes)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", log->scratch.path, file_name);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(truncate(path, status.st_size - (off_t) bytes), 0);
}

// Records at the end that rotted may have been given away: their seqs stay taken, whoever opens the
// log next, and however little of what he wrote is on the disk when his host dies.
static void what_rotted_at_the_end_stays_taken(void **state)
{
    log_t *log = (log_t *) *state;
    uint8_t bytes[FILE_BYTES_MAX];
    for (size_t byte = log->ends[RECORDS - 1]; byte < log->size; byte++) {
        memcpy(bytes, log->bytes, log->size);
        bytes[byte] ^= 0x41;
        write_file(log, bytes, log->size);
        uint64_t last = 0;
        for (size_t life = 0; life < 4; life++) {
            stage_t *stage = open_stage(log);
            assert_true(stage_last_seq(stage) > RECORDS);
            assert_true(last == 0 || stage_last_seq(stage) == last);
            assert_true(stage_damaged(stage) > 0);
            last = stage_last_seq(stage);
            append_next(stage);
            stage_destroy(&stage);
            uint8_t payload[256];
            cut_end(log, life == 0 ? SEGMENT_RECORD_BYTES + strlen("feed") + sizeof(uint64_t) +
                                         fill_payload(last + 1, payload)
                                   : life);
        }
        assert_int_equal(read_all(log), all_but(RECORDS));
    }
}

static void any_cut_end_leaves_what_was_whole(void **state)
{
    log_t *log = (log_t *) *state;
    for (size_t size = 0; size <= log->size; size++) {
        write_file(log, log->bytes, size);
        uint64_t whole = 0;
        while (whole < RECORDS && log->ends[whole + 1] <= size)
            whole++;
        uint32_t expected = (UINT32_C(1) << (whole + 1)) - 2;
        assert_int_equal(read_all(log), expected);
        stage_t *stage = open_stage(log);
        uint64_t seq = append_next(stage);
        // Torn is not damaged, unless it cannot be told, since the payload alone would have room:
        // then one seq more says so.
        uint8_t payload[256];
        size_t left = whole < RECORDS ? size - log->ends[whole] : 0;
        bool told = size < log->ends[0] || left < SEGMENT_RECORD_BYTES ||
                    left < SEGMENT_RECORD_BYTES + fill_payload(whole + 1, payload) ||
                    left >= SEGMENT_RECORD_BYTES + strlen("feed") + sizeof(uint64_t);
        assert_int_equal(seq, told ? whole + 1 : whole + 3);
        assert_int_equal(stage_damaged(stage), told ? 0 : 1);
        stage_destroy(&stage);
        assert_int_equal(read_all(log), expected | UINT32_C(1) << seq);
    }
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

// Heavier damage: stretches overwritten, zeroed, removed, doubled. No promise but one: what is
// read is what was written under that seq (check_record), in order, and the writer goes on.
static void heavy_damage_never_invents_a_record(void **state)
{
    log_t *log = (log_t *) *state;
    uint64_t seed = 0x2545F4914F6CDD1D;
    for (int round = 0; round < 500; round++) {
        uint8_t bytes[FILE_BYTES_MAX * 2];
        size_t size = log->size;
        memcpy(bytes, log->bytes, size);
        for (int blow = (int) (next_random(&seed) % 4); blow >= 0; blow--) {
            size_t at = next_random(&seed) % size, length = next_random(&seed) % 200;
            length = length < size - at ? length : size - at;
            switch (next_random(&seed) % 4) {
            case 0:
                memset(bytes + at, 0, length);
                break;
            case 1:
                for (size_t i = at; i < at + length; i++)
                    bytes[i] = (uint8_t) next_random(&seed);
                break;
            case 2:
                memmove(bytes + at, bytes + at + length, size - at - length);
                size -= length == size ? 0 : length;
                break;
            case 3:
                memmove(bytes + at + length, bytes + at, size - at);
                size += length;
                break;
            }
        }
        write_file(log, bytes, size);
        read_all(log);
        stage_t *stage = open_stage(log);
        append_next(stage);
        uint64_t seq = append_next(stage);
        stage_destroy(&stage);
        read_all(log);
        stage = open_stage(log);
        assert_int_equal(stage_last_seq(stage), seq);
        stage_destroy(&stage);
    }
}

// Somebody who sends payloads writes a record of his own into one. Even when the head of the
// record around it rots, it is not taken for real: he does not know the mark.
static void forged_records_stay_payload(void **state)
{
    (void) state;
    log_t log = { .scratch = scratch_new() };
    stage_t *stage = open_stage(&log);
    uint8_t forged[512];
    const record_t wish = {
        .kind = RECORD_PLAN, .seq = 2, .recv_us = 5, .payload = slice_text("rules of my own")
    };
    segment_record_encode(forged, 0x01020304, &wish);
    slice_t payload = slice_of(forged, segment_record_size(&wish));
    stage_append(stage, RECORD_PAYLOAD, 1, slice_text("feed"), slice_of(NULL, 0), payload);
    stage_append(stage, RECORD_TICK, 2, slice_of(NULL, 0), slice_of(NULL, 0), slice_of(NULL, 0));
    fault_t fault;
    assert_true(stage_sync(stage, &fault));
    stage_destroy(&stage);
    char path[128];
    snprintf(path, sizeof path, "%s/%s", log.scratch.path, file_name);
    int file = open(path, O_WRONLY);
    assert_int_equal(pwrite(file, "rot!", 4, SEGMENT_HEAD_BYTES + 8), 4);
    close(file);
    stage_reader_t *reader = stage_reader_open(log.scratch.path, "tw", "c1", &fault);
    record_t record;
    assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_DAMAGED);
    assert_int_equal(record.seq, 2);
    assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_RECORD);
    assert_int_equal(record.kind, RECORD_TICK);
    stage_reader_destroy(&reader);
    scratch_destroy(&log.scratch);
}

// A file of a later version is refused, not skipped.
static void later_versions_are_refused(void **state)
{
    log_t *log = (log_t *) *state;
    uint8_t bytes[FILE_BYTES_MAX];
    memcpy(bytes, log->bytes, log->size);
    bytes[12]++; // the version, with a checksum that fits
    uint32_t crc = htole32(crc32c(0, bytes + 12, SEGMENT_HEAD_BYTES - 12));
    memcpy(bytes + 8, &crc, sizeof crc);
    write_file(log, bytes, log->size);
    fault_t fault = { 0 };
    assert_null(stage_open(log->scratch.path, "tw", "c1", NULL, NULL, &fault));
    assert_non_null(strstr(fault.text, "version 3"));
    stage_reader_t *reader = stage_reader_open(log->scratch.path, "tw", "c1", &fault);
    assert_non_null(reader);
    record_t record;
    assert_int_equal(stage_reader_next(reader, UINT64_MAX, &record), STAGE_END);
    assert_non_null(stage_reader_error(reader));
    stage_reader_destroy(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_flipped_bit_costs_its_own_record_and_no_other, make_log,
                                        drop_log),
        cmocka_unit_test_setup_teardown(writer_goes_on_after_any_flipped_byte, make_log, drop_log),
        cmocka_unit_test_setup_teardown(what_rotted_at_the_end_stays_taken, make_log, drop_log),
        cmocka_unit_test_setup_teardown(any_cut_end_leaves_what_was_whole, make_log, drop_log),
        cmocka_unit_test_setup_teardown(heavy_damage_never_invents_a_record, make_log, drop_log),
        cmocka_unit_test_setup_teardown(later_versions_are_refused, make_log, drop_log),
        cmocka_unit_test(forged_records_stay_payload),
    };
    return cmocka_run_group_tests_name("stage_damage", tests, NULL, NULL);
}
