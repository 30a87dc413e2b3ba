/*  The bytes of a segment: golden, so that a log written today is read for ever. */
#include "broker/stage/segment.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void head_is_as_written(void **state)
{
    (void) state;
    static const uint8_t golden[48] = "TIDEWSEG\x22\x03\x85\x66\x02\x00\x00\x00\x78\x56\x34\x12"
                                      "\x00\x00\x00\x00\x2a\x00\x00\x00\x00\x00\x00\x00\x02"
                                      "c1";
    uint8_t bytes[SEGMENT_HEAD_BYTES];
    segment_head_encode(bytes, 0x12345678, 42, slice_text("c1"));
    assert_memory_equal(bytes, golden, sizeof golden);
    segment_head_t head;
    assert_true(segment_head_decode(&head, bytes));
    assert_int_equal(head.version, SEGMENT_VERSION);
    assert_int_equal(head.mark, 0x12345678);
    assert_int_equal(head.first_seq, 42);
    assert_true(slice_is(head.stream, "c1"));
    bytes[100] ^= 1;
    assert_false(segment_head_decode(&head, bytes));
}

static const record_t sample = { .kind = RECORD_TICK,
                                 .seq = 0x0102030405060708,
                                 .recv_us = -2,
                                 .source = { (const uint8_t *) "src", 3 },
                                 .place = { (const uint8_t *) "pl", 2 },
                                 .payload = { (const uint8_t *) "payload", 7 } };

static void record_is_as_written(void **state)
{
    (void) state;
    static const uint8_t golden[] = {
        0x78, 0x56, 0x34, 0x12,                                           // mark
        0xa4, 0x53, 0xc2, 0xd0,                                           // of bytes 8..40
        0x70, 0x69, 0xe3, 0xf4,                                           // of the payload
        7,    0,    0,    0,                                              // payload
        8,    7,    6,    5,    4,    3,    2,    1,                      // seq
        0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 3,   3,   2,   0, // kind, source, place
        's',  'r',  'c',  'p',  'l',  'p',  'a',  'y',  'l', 'o', 'a', 'd',
    };
    uint8_t bytes[sizeof golden];
    assert_int_equal(segment_record_size(&sample), sizeof golden);
    segment_record_encode(bytes, 0x12345678, &sample);
    assert_memory_equal(bytes, golden, sizeof golden);
}

static void record_comes_back(void **state)
{
    (void) state;
    uint8_t bytes[64];
    segment_record_encode(bytes, 9, &sample);
    size_t whole = segment_record_size(&sample), size;
    record_t record;
    assert_int_equal(segment_parse(slice_of(bytes, whole), 9, &record, &size), SEGMENT_RECORD);
    assert_int_equal(size, whole);
    assert_int_equal(record.kind, sample.kind);
    assert_int_equal(record.seq, sample.seq);
    assert_int_equal(record.recv_us, sample.recv_us);
    assert_true(slice_same(record.source, sample.source));
    assert_true(slice_same(record.place, sample.place));
    assert_true(slice_same(record.payload, sample.payload));
    assert_true(segment_payload_is_intact(bytes, &record));
    assert_int_equal(segment_parse(slice_of(bytes, whole), 0, &record, &size), SEGMENT_RECORD);
    assert_int_equal(segment_mark(bytes), 9);
    assert_int_equal(segment_parse(slice_of(bytes, whole), 8, &record, &size), SEGMENT_DAMAGED);
    // The head is enough to know the size of the rest.
    size_t head = whole - sample.payload.size;
    assert_int_equal(segment_parse(slice_of(bytes, head), 9, &record, &size), SEGMENT_RECORD);
    assert_int_equal(size, whole);
    for (size_t given = 0; given < head; given++)
        assert_int_equal(segment_parse(slice_of(bytes, given), 9, &record, &size), SEGMENT_SHORT);
    bytes[whole - 1] ^= 1;
    segment_parse(slice_of(bytes, whole), 9, &record, &size);
    assert_false(segment_payload_is_intact(bytes, &record));
}

static void search_finds_the_next_mark(void **state)
{
    (void) state;
    uint8_t bytes[200];
    memset(bytes, 9, sizeof bytes); // the first byte of the mark, again and again
    segment_record_encode(bytes + 101, 9, &sample);
    assert_int_equal(segment_search(slice_of(bytes, 160), 9), 101);
    assert_int_equal(segment_search(slice_of(bytes, 160), 0), 101);
    assert_int_equal(segment_search(slice_of(bytes, 103), 9), 101); // half a mark: more must come
    memset(bytes, 1, sizeof bytes);
    assert_int_equal(segment_search(slice_of(bytes, sizeof bytes), 9), sizeof bytes);
    assert_int_equal(segment_search(slice_of(bytes, 1), 9), 1);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void) state;
    record_t record = sample;
    assert_true(segment_record_fits(&record));
    record.seq = 0;
    assert_false(segment_record_fits(&record));
    record = sample;
    record.kind = (record_kind_t) 0;
    assert_false(segment_record_fits(&record));
    record = sample;
    record.place.size = 256;
    assert_false(segment_record_fits(&record));
    record = sample;
    record.payload.size = (size_t) STAGE_PAYLOAD_BYTES_MAX + 1;
    assert_false(segment_record_fits(&record));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_is_as_written),
        cmocka_unit_test(record_is_as_written),
        cmocka_unit_test(record_comes_back),
        cmocka_unit_test(search_finds_the_next_mark),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests_name("segment", tests, NULL, NULL);
}
