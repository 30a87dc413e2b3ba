/*  wire: every width, every bound, nothing believed. */
#include "tests/unit/proto/checked.h"

#include <math.h>

#include "proto/owned.h"
#include "proto/wire.h"
#include "tests/unit/proto/seeded.h"

#define READER(...)                                                                                \
    wire_reader(slice_of((const uint8_t[]){ __VA_ARGS__ }, sizeof(const uint8_t[]){ __VA_ARGS__ }))

static void reads_what_was_written(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t out = { 0 };
    wire_array(&out, 9);
    wire_nil(&out);
    wire_bool(&out, true);
    wire_bool(&out, false);
    wire_text(&out, slice_text("na\xc3\xafve"));
    wire_bytes(&out, slice_of("\0\1", 2));
    wire_double(&out, -0.25);
    wire_map(&out, 1);
    wire_string(&out, "k");
    wire_i64_full(&out, -2);
    wire_bytes(&out, (slice_t){ 0 });
    wire_text(&out, (slice_t){ 0 });
    wire_reader_t in = wire_reader(buffer_slice(&out));
    uint32_t count;
    bool truth;
    slice_t run;
    double real;
    int64_t whole;
    assert_true(wire_read_array(&in, &count) && count == 9);
    assert_int_equal(wire_peek(&in), WIRE_NIL);
    assert_true(wire_read_nil(&in));
    assert_true(wire_read_bool(&in, &truth) && truth);
    assert_true(wire_read_bool(&in, &truth) && !truth);
    assert_true(wire_read_text(&in, &run, 6) && slice_is(run, "na\xc3\xafve"));
    assert_true(wire_read_bytes(&in, &run, 2) && run.size == 2 && run.data[1] == 1);
    assert_true(wire_read_double(&in, &real) && real == -0.25);
    assert_true(wire_read_map(&in, &count) && count == 1);
    assert_true(wire_read_text(&in, &run, 1) && slice_is(run, "k"));
    assert_true(wire_read_i64(&in, &whole) && whole == -2);
    assert_true(wire_read_bytes(&in, &run, 0) && run.size == 0);
    assert_false(wire_done(&in));
    assert_true(wire_read_text(&in, &run, 0) && run.size == 0);
    assert_true(wire_done(&in));
    assert_int_equal(wire_peek(&in), WIRE_END);
}

static void ints_of_every_size_come_back(void **state)
{
    (void) state;
    seeded_t random = { 11 };
    owned(buffer_destroy) buffer_t out = { 0 };
    for (int i = 0; i < 100000; i++) {
        uint64_t large = seeded_next(&random) >> seeded_below(&random, 64), u;
        int64_t whole = (int64_t) (seeded_below(&random, 2) ? large : -large), s;
        buffer_clear(&out);
        wire_u64(&out, large);
        wire_i64(&out, whole);
        wire_reader_t in = wire_reader(buffer_slice(&out));
        assert_true(wire_read_u64(&in, &u) && u == large);
        assert_true(wire_read_i64(&in, &s) && s == whole);
        assert_true(wire_done(&in));
    }
}

static void accepts_every_width(void **state)
{
    (void) state;
    uint64_t u;
    int64_t s;
    double real;
    wire_reader_t in =
        READER(0x05, 0xcc, 5, 0xcd, 0, 5, 0xce, 0, 0, 0, 5, 0xcf, 0, 0, 0, 0, 0, 0, 0, 5, 0xd0, 5,
               0xd1, 0, 5, 0xd2, 0, 0, 0, 5, 0xd3, 0, 0, 0, 0, 0, 0, 0, 5);
    wire_reader_t again = in;
    for (int i = 0; i < 9; i++) {
        assert_true(wire_read_u64(&in, &u) && u == 5);
        assert_true(wire_read_i64(&again, &s) && s == 5);
    }
    assert_true(wire_done(&in) && wire_done(&again));
    in = READER(0xfe, 0xd0, 0xfe, 0xd1, 0xff, 0xfe, 0xd2, 0xff, 0xff, 0xff, 0xfe, 0xd3, 0xff, 0xff,
                0xff, 0xff, 0xff, 0xff, 0xff, 0xfe);
    for (int i = 0; i < 5; i++)
        assert_true(wire_read_i64(&in, &s) && s == -2);
    assert_true(wire_done(&in));
    in = READER(0xca, 0x3f, 0x80, 0, 0, 0x07, 0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0);
    assert_true(wire_read_double(&in, &real) && real == 1.0);
    assert_true(wire_read_double(&in, &real) && real == 7.0);
    assert_true(wire_read_double(&in, &real) && real == 1.0);
    assert_true(wire_done(&in));
}

static void refuses_and_latches(void **state)
{
    (void) state;
    uint64_t u = 99;
    int64_t s = 99;
    slice_t run;
    bool truth;
    wire_reader_t in = READER(0xff, 0x01); // a negative as unsigned
    assert_false(wire_read_u64(&in, &u));
    assert_false(wire_read_i64(&in, &s)); // latched although an int stands there
    assert_false(wire_read_bool(&in, &truth));
    assert_false(wire_done(&in));
    assert_int_equal(wire_peek(&in), WIRE_END);
    assert_true(u == 99 && s == 99);
    in = READER(0xcf, 0x80, 0, 0, 0, 0, 0, 0, 0); // above int64
    assert_false(wire_read_i64(&in, &s));
    in = READER(0xcd, 0); // cut
    assert_false(wire_read_u64(&in, &u));
    in = READER(0xc1);
    assert_int_equal(wire_peek(&in), WIRE_BAD);
    assert_false(wire_skip(&in, NULL));
    in = READER(0xa3, 'a', 'b'); // longer than what is left
    assert_false(wire_read_text(&in, &run, 10));
    in = READER(0xa3, 'a', 'b', 'c'); // longer than the caller allows
    assert_false(wire_read_text(&in, &run, 2));
    in = READER(0xdb, 0xff, 0xff, 0xff, 0xff, 'a');
    assert_false(wire_read_text(&in, &run, SIZE_MAX));
    in = READER(0xc4, 1, 'a'); // bin is not text
    assert_false(wire_read_text(&in, &run, 10));
    in = READER(0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0); // a float is no int
    assert_false(wire_read_i64(&in, &s));
    double real;
    in = READER(0xcf, 0, 0x20, 0, 0, 0, 0, 0, 1); // 2^53 + 1 has no double
    assert_false(wire_read_double(&in, &real));
    in = wire_reader((slice_t){ 0 });
    assert_true(wire_done(&in));
    assert_false(wire_read_nil(&in));
}

static void believes_no_count(void **state)
{
    (void) state;
    uint32_t count = 77;
    wire_reader_t in = READER(0xdd, 0xff, 0xff, 0xff, 0xff);
    assert_false(wire_read_array(&in, &count));
    in = READER(0xdf, 0xff, 0xff, 0xff, 0xff, 1, 1);
    assert_false(wire_read_map(&in, &count));
    in = READER(0x93, 1, 2); // three promised, two there
    assert_false(wire_read_array(&in, &count));
    in = READER(0x82, 1, 2, 3);
    assert_false(wire_read_map(&in, &count));
    assert_int_equal(count, 77);
    in = READER(0xdc, 0, 2, 1, 2);
    assert_true(wire_read_array(&in, &count) && count == 2);
    in.items = 1; // a reader takes so many values, no more
    assert_true(wire_skip(&in, NULL));
    assert_false(wire_skip(&in, NULL));
}

static void refuses_bad_utf8(void **state)
{
    (void) state;
    static const char *const bad[] = { "\x80",
                                       "\xc3",
                                       "\xc0\xaf",
                                       "\xe0\x80\xaf",
                                       "\xed\xa0\x80",
                                       "\xf4\x90\x80\x80",
                                       "\xff",
                                       "abcdefgh\xe2\x82",
                                       "\xf0\x80\x80\xaf" };
    static const char *const good[] = { "",
                                        "abcdefghijklmnop",
                                        "\xc2\x80",
                                        "\xed\x9f\xbf",
                                        "\xee\x80\x80",
                                        "\xf4\x8f\xbf\xbf",
                                        "12345678\xe2\x82\xac" };
    owned(buffer_destroy) buffer_t out = { 0 };
    slice_t text;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        buffer_clear(&out);
        wire_string(&out, bad[i]);
        wire_reader_t in = wire_reader(buffer_slice(&out));
        assert_false(wire_read_text(&in, &text, 100));
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        buffer_clear(&out);
        wire_string(&out, good[i]);
        wire_reader_t in = wire_reader(buffer_slice(&out));
        assert_true(wire_read_text(&in, &text, 100) && slice_is(text, good[i]));
    }
}

static void skips_whole_values(void **state)
{
    (void) state;
    wire_reader_t in =
        READER(0x82, 0xa1, 'a', 0x92, 1, 0x80, 0xc4, 1, 9, 0x90, 0xd4, 1, 2, 0xc7, 3, 1, 1, 2, 3,
               0xd8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0x2a);
    slice_t value;
    uint64_t last;
    assert_true(wire_skip(&in, &value));
    assert_int_equal(value.size, 10);
    assert_int_equal(wire_peek(&in), WIRE_EXT);
    assert_true(wire_skip(&in, &value) && value.size == 3);
    assert_true(wire_skip(&in, &value) && value.size == 6);
    assert_true(wire_skip(&in, &value) && value.size == 18);
    assert_true(wire_read_u64(&in, &last) && last == 42);
    assert_true(wire_done(&in));
    in = READER(0xc7, 3, 1, 1, 2);
    assert_false(wire_skip(&in, NULL));
}

static void skips_to_a_depth(void **state)
{
    (void) state;
    uint8_t nested[64];
    memset(nested, 0x91, sizeof nested);
    nested[WIRE_DEPTH_MAX] = 0xc0; // so many arrays around a nil
    wire_reader_t in = wire_reader(slice_of(nested, WIRE_DEPTH_MAX + 1));
    assert_true(wire_skip(&in, NULL) && wire_done(&in));
    nested[WIRE_DEPTH_MAX] = 0x91;
    nested[WIRE_DEPTH_MAX + 1] = 0xc0;
    in = wire_reader(slice_of(nested, WIRE_DEPTH_MAX + 2));
    assert_false(wire_skip(&in, NULL));
}

static void a_room_is_filled_in(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t out = { .limit = 300 };
    uint8_t *room = wire_bytes_room(&out, 4);
    assert_non_null(room);
    memcpy(room, "abcd", 4);
    assert_memory_equal(out.data, "\xc4\4abcd", 6);
    assert_null(wire_bytes_room(&out, 1000));
    assert_true(out.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_was_written), cmocka_unit_test(ints_of_every_size_come_back),
        cmocka_unit_test(accepts_every_width),    cmocka_unit_test(refuses_and_latches),
        cmocka_unit_test(believes_no_count),      cmocka_unit_test(refuses_bad_utf8),
        cmocka_unit_test(skips_whole_values),     cmocka_unit_test(skips_to_a_depth),
        cmocka_unit_test(a_room_is_filled_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
