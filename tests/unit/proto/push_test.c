/*  push: what clients may send, in every form; what is refused, and why. */
#include "tests/unit/proto/checked.h"

#include <math.h>

#include "proto/owned.h"
#include "proto/push.h"
#include "proto/rows.h"
#include "proto/wire.h"
#include "tests/unit/proto/golden.h"

static void encode_columns(buffer_t *out)
{
    static const int64_t ts[3] = { 1, 2, 3 }, price[3] = { 2712345, 2712346, INT64_MIN };
    static const double size[3] = { 0.5, 1, NAN };
    static const uint16_t pair[3] = { 0, 1, 0 };
    const slice_t pairs[2] = { slice_text("XBT/USD"), slice_text("XBT/EUR") };
    push_head(out, slice_text("feed"), slice_text("client-1"), 7);
    push_rows(out, 4);
    push_column_i64(out, "ts", ts, 3);
    push_column_dec(out, "price", -2, price, 3);
    push_column_f64(out, "size", size, 3);
    push_column_dict(out, "pair", pairs, 2, pair, 3);
}

static void columns_come_back(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t out = { 0 };
    encode_columns(&out);
    golden_same("push-columns-v1.msgpack", buffer_slice(&out));
    push_t push;
    fault_t fault;
    assert_true(push_decode(&push, buffer_slice(&out), &fault));
    assert_true(slice_is(push.source, "feed") && slice_is(push.client, "client-1"));
    assert_true(push.n == 7 && !push.is_raw && push.row_count == 3 && push.column_count == 4);
    assert_int_equal(push_column(&push, slice_text("pair")), 3);
    assert_int_equal(push_column(&push, slice_text("pai")), -1);
    const push_column_t *price = &push.columns[1], *pair = &push.columns[3];
    assert_int_equal(push.columns[0].type, PUSH_I64);
    assert_true(rows_load_i64(push.columns[0].values.data, 2) == 3);
    assert_true(price->type == PUSH_DEC && price->exponent == -2);
    assert_true(rows_load_i64(price->values.data, 1) == 2712346);
    assert_int_equal(push.columns[2].type, PUSH_F64);
    assert_true(pair->type == PUSH_DICT && pair->width == 2 && pair->text_count == 2);
    assert_int_equal(push_index(pair, 1), 1);
    wire_reader_t texts = wire_reader(pair->texts);
    slice_t text;
    assert_true(wire_read_text(&texts, &text, PUSH_TEXT_MAX) && slice_is(text, "XBT/USD"));
}

static void a_raw_payload_comes_back(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t out = { 0 };
    push_head(&out, slice_text("feed"), slice_text("client-1"), 1);
    push_raw(&out, slice_text("[1,2]"));
    golden_same("push-raw-v1.msgpack", buffer_slice(&out));
    push_t push;
    assert_true(push_decode(&push, buffer_slice(&out), NULL));
    assert_true(push.is_raw && slice_is(push.raw, "[1,2]") && push.column_count == 0);
    push_t peeked = { .n = 0 };
    assert_true(push_peek(&peeked, buffer_slice(&out), NULL));
    assert_true(peeked.n == 1 && slice_is(peeked.source, "feed") &&
                slice_is(peeked.client, "client-1"));
}

// A frame whose only column holds these bytes.
static bool takes_column(const char *bytes, size_t size, push_t *push, fault_t *fault)
{
    static uint8_t frame[4096];
    buffer_t out = { 0 };
    push_head(&out, slice_text("s"), slice_text("c"), 1);
    push_rows(&out, 1);
    wire_string(&out, "x");
    buffer_append(&out, bytes, size);
    memcpy(frame, out.data, out.size);
    slice_t slice = slice_of(frame, out.size);
    buffer_destroy(&out);
    return push_decode(push, slice, fault);
}
#define TAKES(bytes) takes_column(bytes, sizeof bytes - 1, &push, &fault)

static void scalars_are_taken(void **state)
{
    (void) state;
    push_t push;
    fault_t fault;
    assert_true(TAKES("\x90") && push.row_count == 0);
    assert_true(TAKES("\x95\xc0\xc3\x05\xca\0\0\0\0\xa1z") && push.row_count == 5);
    assert_int_equal(push.columns[0].type, PUSH_SCALARS);
    // Texts that look like a tag are texts as long as no bin or array follows.
    assert_true(TAKES("\x92\xa3i64\xa3i64") && push.columns[0].type == PUSH_SCALARS);
    assert_true(TAKES("\x93\xa3"
                      "dec\x01\x02") &&
                push.columns[0].type == PUSH_SCALARS);
    assert_true(TAKES("\x92\xa3i64\xc4\x08"
                      "12345678") &&
                push.columns[0].type == PUSH_I64 && push.row_count == 1);
    assert_true(TAKES("\x93\xa4"
                      "dict\x92\xa1"
                      "a\xa1"
                      "b\x92\xa2u8\xc4\x03\0\1\0") &&
                push.row_count == 3 && push_index(&push.columns[0], 1) == 1);
    assert_true(TAKES("\x93\xa4"
                      "dict\x91\xa1"
                      "a\x92\xa3u32\xc4\x04\0\0\0\0") &&
                push.columns[0].width == 4);
}

static void columns_that_are_none_are_refused(void **state)
{
    (void) state;
    push_t push;
    fault_t fault;
    assert_false(TAKES("\x05"));          // no array
    assert_false(TAKES("\x91\x90"));      // array in an array
    assert_false(TAKES("\x91\xc4\x01z")); // bin is no scalar
    assert_false(TAKES("\x92\xa3i64\xc4\x07"
                       "1234567")); // not whole items
    assert_false(TAKES("\x92\xa3i32\xc4\x04"
                       "1234")); // no such type
    assert_false(TAKES("\x93\xa3"
                       "dec\x2f\xc4\0")); // 10^47
    assert_false(TAKES("\x93\xa3"
                       "dec\xd0\xbf\xc4\0")); // 10^-65
    assert_false(TAKES("\x93\xa4"
                       "dict\x91\xa1"
                       "a\x92\xa2u8\xc4\x01\1")); // index behind the texts
    assert_false(TAKES("\x93\xa4"
                       "dict\x91\x05\x92\xa2u8\xc4\x01\0")); // no text
    assert_false(TAKES("\x93\xa4"
                       "dict\x91\xa1"
                       "a\x92\xa3u64\xc4\0")); // no such width
    assert_false(TAKES("\x91\xa1\xff"));       // no UTF-8
    assert_string_equal(fault.text, "push: column 'x': values out of bounds or of no known type");
}

static bool takes(slice_t frame, const char *why)
{
    push_t push;
    fault_t fault = { .text = "" };
    bool taken = push_decode(&push, frame, &fault);
    if (!taken && why)
        assert_string_equal(fault.text, why);
    return taken;
}

static void frames_that_are_none_are_refused(void **state)
{
    (void) state;
    static const char row[] = "\xa1x\x91\x05";
    owned(buffer_destroy) buffer_t out = { 0 };
    push_head(&out, slice_text("s"), slice_text("c"), 1);
    push_rows(&out, 1);
    buffer_append(&out, row, 4);
    assert_true(takes(buffer_slice(&out), NULL));
    for (size_t size = 0; size < out.size; size++)
        assert_false(takes(slice_of(out.data, size), NULL));
    buffer_append(&out, "\xc0", 1);
    assert_false(takes(buffer_slice(&out), "push: bytes after the end"));
    out.data[3] = 2; // the value of v
    assert_false(takes(buffer_slice(&out), "push: v is not 1"));

    buffer_clear(&out);
    push_head(&out, slice_text("s"), slice_text("c"), 1);
    push_rows(&out, 2);
    buffer_append(&out, row, 4);
    buffer_append(&out, row, 4);
    assert_false(takes(buffer_slice(&out), "push: column 'x' is there twice"));
    out.data[out.size - 3] = 'y';
    assert_true(takes(buffer_slice(&out), NULL));
    out.data[out.size - 2] = 0x90;
    out.size--;
    assert_false(takes(buffer_slice(&out), "push: column 'y' has 0 rows, the others have 1"));

    buffer_clear(&out);
    push_head(&out, slice_text("a/b"), slice_text("c"), 1);
    push_raw(&out, slice_text(""));
    assert_false(takes(buffer_slice(&out), "push: source is not a name of at most 128 bytes"));
    buffer_clear(&out);
    push_head(&out, slice_text("s"), slice_text(""), 1);
    push_raw(&out, slice_text(""));
    assert_false(takes(buffer_slice(&out), "push: client is not a name of at most 128 bytes"));
    assert_false(takes(slice_text("\x81\xa1q\x01"), "push: key 'q' is unknown"));
    assert_false(takes(slice_text("\x82\xa1v\x01\xa1v\x01"), "push: key 'v' is there twice"));
    assert_false(takes(slice_text("\x81\xa1v\x01"),
                       "push: wanted are v, source, client, n, and rows or raw"));
    assert_false(takes(slice_text("\x81\xa1n\xff"), "push: n is not a whole number from 0 on"));
    assert_false(takes(slice_text("\x90"), "push: not a msgpack map"));
}

static void a_question_is_peeked_and_never_decoded(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t out = { 0 };
    push_question(&out, slice_text("feed"), slice_text("client-1"));
    golden_same("push-question-v1.msgpack", buffer_slice(&out));
    push_t peeked = { .n = 7 };
    fault_t fault;
    assert_true(push_peek(&peeked, buffer_slice(&out), &fault));
    assert_true(peeked.n == 0 && slice_is(peeked.source, "feed") &&
                slice_is(peeked.client, "client-1"));
    assert_false(takes(buffer_slice(&out), "push: n is 0: no rows, but a question"));
    // Nobody's rows may pass for a question.
    static const char with_raw[] = "\x85\xa1v\x01\xa6source\xa1s\xa6"
                                   "client\xa1"
                                   "c\xa1n\0\xa3raw\xc4\0";
    slice_t frame = slice_of(with_raw, sizeof with_raw - 1);
    assert_false(push_peek(&peeked, frame, &fault));
    assert_string_equal(fault.text, "push: n is 0, which asks, and carries no rows");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_come_back),
        cmocka_unit_test(a_raw_payload_comes_back),
        cmocka_unit_test(scalars_are_taken),
        cmocka_unit_test(columns_that_are_none_are_refused),
        cmocka_unit_test(frames_that_are_none_are_refused),
        cmocka_unit_test(a_question_is_peeked_and_never_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
