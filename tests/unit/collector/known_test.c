/*  known and the heads of segments: whoever opens a log finds all that its records say, and reads
 *  only what comes after the last head that is whole.
 */
#include "actors/collector/known.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "actors/collector/stream.h"
#include "broker/stage/calls.h"
#include "broker/stage/catalog.h"
#include "tests/unit/stage/scratch.h"

enum { SECOND = 1000000, SEGMENT = 16384 };

static stage_calls_t honest;
static stage_limits_t usual;
static uint64_t bytes_read;
static int writes_until_error; // 0 = none fails

static ssize_t counting_read(int file, void *data, size_t size, off_t offset)
{
    ssize_t got = honest.read(file, data, size, offset);
    bytes_read += got > 0 ? (uint64_t) got : 0;
    return got;
}

static ssize_t failing_write(int file, const void *data, size_t size, off_t offset)
{
    if (writes_until_error > 0 && --writes_until_error == 0) {
        errno = ENOSPC;
        return -1;
    }
    return honest.write(file, data, size, offset);
}

static int begin(void **state)
{
    static scratch_t scratch;
    scratch = scratch_new();
    *state = &scratch;
    honest = stage_calls;
    usual = stage_limits;
    stage_calls.read = counting_read;
    stage_calls.write = failing_write;
    stage_limits.segment_bytes = SEGMENT;
    return 0;
}

static int end(void **state)
{
    stage_calls = honest;
    stage_limits = usual;
    scratch_destroy(*state);
    return 0;
}

// ---- a log that is a function of how far it was written
// -------------------------------------------

static stream_t *open_stream(const scratch_t *scratch)
{
    fault_t fault = { 0 };
    bytes_read = 0;
    stream_t *stream = stream_open(scratch->path, "tw", "main", &fault);
    if (!stream)
        fail_msg("%s", fault.text);
    plan_t *plan = plan_new();
    assert_true(plan_set(plan, PLAN_SOURCE, slice_text("s"), slice_text("mapping"), NULL));
    uint64_t seq;
    assert_true(stream_plan(stream, plan, 0, &seq));
    plan_destroy(&plan);
    return stream;
}

static slice_t client_of(char name[32], uint64_t number)
{
    snprintf(name, 32, "client-%llu", (unsigned long long) number);
    return slice_text(name);
}

static void sync_all(stream_t *stream)
{
    fault_t fault;
    for (int i = 0; i < 3 && stream_pending(stream); i++)
        (void) stream_sync(stream, &fault);
    assert_int_equal(stream_pending(stream), 0);
}

// Records of 100 clients, each numbering its own, about 1 KB each.
static void put(stream_t *stream, uint64_t from, uint64_t to)
{
    static uint8_t payload[1000];
    for (uint64_t i = from; i < to; i++) {
        char name[32];
        place_t place;
        assert_true(place_make(&place, client_of(name, i % 100), i / 100 + 1));
        assert_true(stream_put(stream, slice_text("s"), &place, slice_of(payload, sizeof payload),
                               (int64_t) i) > 0);
        assert_true(
            places_note(stream_places(stream), slice_text("s"), slice_text(name), i / 100 + 1));
        sync_all(stream);
    }
}

static void check_places(stream_t *stream, uint64_t put)
{
    for (uint64_t i = 0; i < 100; i++) {
        char name[32];
        uint64_t number = 0;
        assert_true(
            places_find(stream_places(stream), slice_text("s"), client_of(name, i), &number));
        assert_int_equal(number, (put - 1 - i) / 100 + 1);
    }
}

static catalog_t catalog_of(const scratch_t *scratch)
{
    catalog_t catalog;
    fault_t fault;
    assert_true(catalog_open(&catalog, scratch->path, "tw", "main", &fault));
    return catalog;
}

static int open_segment(const scratch_t *scratch, uint64_t first_seq)
{
    char path[160];
    snprintf(path, sizeof path, "%s/tw/main/%020llu.seg", scratch->path,
             (unsigned long long) first_seq);
    int file = open(path, O_RDWR);
    assert_true(file >= 0);
    return file;
}

// ---- tests
// ----------------------------------------------------------------------------------------

static void opening_reads_from_the_last_head_on(void **state)
{
    scratch_t *scratch = *state;
    stream_t *stream = open_stream(scratch);
    for (int64_t i = 1; i <= 5; i++)
        assert_true(stream_tick(stream, true, i * SECOND, i));
    assert_true(stream_amend(stream, slice_text("s"), 3, slice_text("request"), 0, 900));
    sync_all(stream);
    put(stream, 0, 1000);
    uint64_t last = stream_durable(stream);
    stream_destroy(&stream);
    // The middle of all but the last segment rots: nobody looks there.
    catalog_t catalog = catalog_of(scratch);
    assert_true(catalog.count > 50);
    for (size_t i = 0; i + 1 < catalog.count; i++) {
        int file = open_segment(scratch, catalog.segments[i].first_seq);
        uint8_t rot[64] = { 0xff };
        assert_int_equal(pwrite(file, rot, sizeof rot, (off_t) catalog.segments[i].bytes / 2), 64);
        close(file);
    }
    stream = open_stream(scratch);
    assert_true(bytes_read < 4 * SEGMENT);
    assert_int_equal(stream_damaged(stream), 0);
    assert_true(stream_durable(stream) == last);
    assert_int_equal(stream_first_seq(stream), 1);
    check_places(stream, 1000);
    assert_int_equal(amendments_count(stream_amendments(stream)), 1);
    assert_true(slice_is(amendments_request(stream_amendments(stream)), "request"));
    assert_int_equal(amendments_seq(stream_amendments(stream)), 7);
    record_t early = { .seq = 3, .recv_us = 10, .source = slice_text("s") };
    assert_true(slice_is(amendments_definition(stream_amendments(stream), &early, slice_text("x")),
                         "mapping"));
    // The time really collecting goes on from 4 s.
    assert_true(stream_tick(stream, true, 7 * SECOND, 0));
    sync_all(stream);
    fault_t fault;
    stage_reader_t *reader = stage_reader_open(scratch->path, "tw", "main", &fault);
    assert_true(stage_reader_seek(reader, stream_durable(stream)));
    record_t tick;
    assert_int_equal(stage_reader_next(reader, UINT64_MAX, &tick), STAGE_RECORD);
    uint64_t up_us;
    memcpy(&up_us, tick.payload.data, sizeof up_us);
    assert_int_equal(up_us, 4 * SECOND);
    stage_reader_destroy(&reader);
    catalog_close(&catalog);
    stream_destroy(&stream);
}

// A writer died in the middle of the head, or it rotted: the one before it serves.
static void a_head_that_is_not_whole_is_none(void **state)
{
    scratch_t *scratch = *state;
    for (int cut = 0; cut < 2; cut++) {
        stream_t *stream = open_stream(scratch);
        put(stream, 0, 200);
        stream_destroy(&stream);
        catalog_t catalog = catalog_of(scratch);
        uint64_t last = catalog.segments[catalog.count - 1].first_seq;
        int file = open_segment(scratch, last);
        // Head of the file 128, the plan about 120; then what is known, about 2.5 KB.
        if (cut) {
            assert_int_equal(ftruncate(file, 700), 0);
        } else {
            uint8_t rot[4] = { 0xff, 0xff, 0xff, 0xff };
            assert_int_equal(pwrite(file, rot, sizeof rot, 700), 4);
        }
        close(file);
        stream = open_stream(scratch);
        uint64_t number;
        char name[32];
        for (uint64_t i = 0; i < 100; i++)
            assert_true(
                places_find(stream_places(stream), slice_text("s"), client_of(name, i), &number));
        assert_true(cut || stream_damaged(stream) == 1);
        put(stream, 200, 300); // goes on in that segment, then in one with a head
        check_places(stream, 300);
        stream_destroy(&stream);
        stream = open_stream(scratch);
        check_places(stream, 300);
        assert_true(bytes_read < 4 * SEGMENT);
        stream_destroy(&stream);
        catalog_close(&catalog);
        scratch_destroy(scratch);
        *scratch = scratch_new();
    }
}

// After a disk was full a segment begins with the group that was kept, without a head.
static void a_segment_after_a_failure_has_none(void **state)
{
    scratch_t *scratch = *state;
    stream_t *stream = open_stream(scratch);
    put(stream, 0, 105);
    writes_until_error = 1;
    put(stream, 105, 110);
    assert_int_equal(writes_until_error, 0);
    stream_destroy(&stream);
    stream = open_stream(scratch);
    check_places(stream, 110);
    assert_int_equal(stream_damaged(stream), 0);
    stream_destroy(&stream);
}

// Logs of an earlier version have none at all.
static void an_old_log_is_walked_through(void **state)
{
    scratch_t *scratch = *state;
    fault_t fault;
    stage_t *stage = stage_open(scratch->path, "tw", "main", NULL, NULL, &fault);
    assert_non_null(stage);
    uint8_t payload[1000] = { 0 };
    for (uint64_t i = 0; i < 250; i++) {
        char name[32];
        place_t place;
        assert_true(place_make(&place, client_of(name, i % 100), i / 100 + 1));
        assert_true(stage_append(stage, RECORD_PAYLOAD, 1, slice_text("s"),
                                 slice_of(place.bytes, place.size),
                                 slice_of(payload, sizeof payload)));
        assert_true(stage_sync(stage, &fault));
    }
    stage_destroy(&stage);
    stream_t *stream = open_stream(scratch);
    check_places(stream, 250);
    put(stream, 250, 300); // into a segment with a head
    stream_destroy(&stream);
    stream = open_stream(scratch);
    assert_true(bytes_read < 4 * SEGMENT);
    check_places(stream, 300);
    stream_destroy(&stream);
}

static void without_its_beginning_and_a_head_it_is_refused(void **state)
{
    scratch_t *scratch = *state;
    stream_t *stream = open_stream(scratch);
    put(stream, 0, 40);
    stream_destroy(&stream);
    catalog_t catalog = catalog_of(scratch);
    assert_true(catalog.count > 2);
    for (size_t i = 0; i < catalog.count; i++) {
        int file = open_segment(scratch, catalog.segments[i].first_seq);
        if (i == 0) {
            char path[160];
            snprintf(path, sizeof path, "%s/tw/main/%020d.seg", scratch->path, 1);
            assert_int_equal(unlink(path), 0);
        } else {
            uint8_t rot = 0xff;
            assert_int_equal(pwrite(file, &rot, 1, 400), 1); // in what is known
        }
        close(file);
    }
    catalog_close(&catalog);
    fault_t fault = { 0 };
    assert_null(stream_open(scratch->path, "tw", "main", &fault));
    assert_non_null(strstr(fault.text, "head"));
}

// ---- the records
// ----------------------------------------------------------------------------------

typedef struct {
    known_t into;
    size_t pieces, ends;
} taken_t;

static bool take(void *context, bool last, slice_t payload)
{
    taken_t *self = context;
    fault_t fault = { 0 };
    self->pieces++;
    self->ends += last;
    assert_true(payload.size < 2 * KNOWN_PIECE_BYTES);
    assert_true(known_read(&self->into, payload, &fault));
    return true;
}

static bool follow(void *context, slice_t source, slice_t subject, uint64_t number)
{
    (void) source;
    (void) subject;
    uint64_t *expected = context;
    assert_int_equal(number, *expected);
    *expected += 1;
    return true;
}

static void many_places_are_several_pieces_in_order(void **state)
{
    (void) state;
    enum { COUNT = 100000 };
    known_t known = { places_new(), amendments_new(), 12345678 };
    char name[32];
    for (uint64_t i = 0; i < COUNT; i++)
        assert_true(places_note(known.places, slice_text("source"), client_of(name, i), i));
    taken_t taken = { .into = { places_new(), amendments_new(), 0 } };
    assert_true(known_write(&known, take, &taken));
    assert_true(taken.pieces > 2);
    assert_int_equal(taken.ends, 1);
    assert_int_equal(taken.into.up_us, 12345678);
    assert_int_equal(places_count(taken.into.places), COUNT);
    assert_true(places_bytes(taken.into.places) == places_bytes(known.places));
    uint64_t number = 0;
    assert_true(places_each(taken.into.places, follow, &number)); // those untouched longest first
    assert_int_equal(number, COUNT);
    places_destroy(&known.places);
    places_destroy(&taken.into.places);
    amendments_destroy(&known.amendments);
    amendments_destroy(&taken.into.amendments);
}

// Every segment, unless it is so much that this would cost more than a sixteenth of the log.
static void much_is_written_less_often(void **state)
{
    (void) state;
    known_t known = { places_new(), amendments_new(), 0 };
    assert_true(known_is_due(&known, 0));
    char subject[240];
    memset(subject, 'x', sizeof subject);
    for (uint64_t i = 0; i < 75000; i++) { // 19 MB
        memcpy(subject, &i, sizeof i);
        assert_true(places_note(known.places, slice_text("s"), slice_of(subject, 240), i));
    }
    assert_false(known_is_due(&known, 0));
    assert_false(known_is_due(&known, 1));
    assert_true(known_is_due(&known, 2));
    places_destroy(&known.places);
    amendments_destroy(&known.amendments);
}

static void what_is_no_piece_is_refused(void **state)
{
    (void) state;
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {
        { "", 0 },
        { "\x94\x01\x00\x90", 4 },                           // ends too early
        { "\x94\x02\x00\x90\x90", 5 },                       // of another version
        { "\x94\x01\x00\x91\x01\x90", 6 },                   // no place
        { "\x94\x01\x00\x90\x90\x00", 6 },                   // goes on
        { "\x94\x01\x00\x93\xc4\x01s\xc4\x00\xc0\x90", 11 }, // no number
        { "\x94\x01\x00\x90\xdd\xff\xff\xff\xfb", 9 },       // too many
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        known_t known = { places_new(), amendments_new(), 0 };
        fault_t fault = { 0 };
        assert_false(known_read(&known, slice_of(bad[i].bytes, bad[i].size), &fault));
        assert_true(fault.text[0] != '\0');
        places_destroy(&known.places);
        amendments_destroy(&known.amendments);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(opening_reads_from_the_last_head_on, begin, end),
        cmocka_unit_test_setup_teardown(a_head_that_is_not_whole_is_none, begin, end),
        cmocka_unit_test_setup_teardown(a_segment_after_a_failure_has_none, begin, end),
        cmocka_unit_test_setup_teardown(an_old_log_is_walked_through, begin, end),
        cmocka_unit_test_setup_teardown(without_its_beginning_and_a_head_it_is_refused, begin, end),
        cmocka_unit_test(many_places_are_several_pieces_in_order),
        cmocka_unit_test(much_is_written_less_often),
        cmocka_unit_test(what_is_no_piece_is_refused),
    };
    return cmocka_run_group_tests_name("known", tests, NULL, NULL);
}
