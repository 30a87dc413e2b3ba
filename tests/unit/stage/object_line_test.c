/*  Every payload comes back byte for byte, JSON stays JSON, and a damaged line is told. */
#include "broker/stage/object_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/owned.h"

static slice_t written(buffer_t *out, slice_t payload, slice_t place, record_kind_t kind, bool json)
{
    const record_t record = { .kind = kind,
                              .seq = 18446744073709551615u,
                              .recv_us = 1677628800000001,
                              .source = slice_text("binance-1m"),
                              .place = place,
                              .payload = payload };
    buffer_clear(out);
    assert_true(object_line_write(out, "c1", &record, json));
    assert_int_equal(out->data[out->size - 1], '\n');
    assert_ptr_equal(memchr(out->data, '\n', out->size), out->data + out->size - 1);
    return buffer_slice(out);
}

static void comes_back(slice_t payload, slice_t place, record_kind_t kind, bool json)
{
    owned(buffer_destroy) buffer_t out = { 0 }, bytes = { 0 };
    slice_t line = written(&out, payload, place, kind, json), stream;
    record_t record;
    fault_t fault;
    if (!object_line_read(line, &record, &stream, &bytes, &fault))
        fail_msg("%s: %.*s", fault.text, (int) line.size, line.data);
    assert_true(slice_is(stream, "c1") && slice_is(record.source, "binance-1m"));
    assert_int_equal(record.kind, kind);
    assert_true(record.seq == UINT64_MAX);
    assert_int_equal(record.recv_us, 1677628800000001);
    assert_true(slice_same(record.place, place));
    assert_true(slice_same(record.payload, payload));
    // without the end of the line it is the same, with less it is nothing
    assert_true(
        object_line_read(slice_of(line.data, line.size - 1), &record, &stream, &bytes, &fault));
    for (size_t size = 0; size + 1 < line.size; size++) {
        owned(buffer_destroy) buffer_t part = { 0 };
        buffer_append(&part, line.data, size);
        assert_false(object_line_read(buffer_slice(&part), &record, &stream, &bytes, &fault));
    }
}

static void every_byte_comes_back(void **state)
{
    (void) state;
    uint8_t all[1024];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t) i;
    static const char *const texts[] = {
        "",   "{}",          "[1, 2]",       "{\"a\": \"\\n\"}", "a,b\nc,d\r\n", "{\n  \"a\": 1\n}",
        "\"", "\\",          "\x01\x02\x7f", "d\xc3\xbcnn",      "\xc3\xbc",     "bad \xff utf-8",
        "}",  "\",\"x\":1}",
    };
    const slice_t places[] = { { 0 }, slice_text("c\n"), slice_of(all, 255) };
    for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
            comes_back(slice_text(texts[t]), places[p], RECORD_PAYLOAD, false);
        comes_back(slice_text("{\"a\": \"}\\\"\"}"), places[p], RECORD_TORN, true);
        comes_back(slice_text("{\n}"), places[p], RECORD_PAYLOAD, true);
    }
    for (size_t size = 0; size < 260; size++)
        comes_back(slice_of(all + 256 - size % 7, size), places[0], RECORD_PAYLOAD, false);
}

static void says_what_it_is(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t out = { 0 };
    written(&out, slice_text("{\"a\": [1,2]}"), slice_text("p"), RECORD_PAYLOAD, true);
    assert_string_equal(
        buffer_string(&out),
        "{\"stream\":\"c1\",\"seq\":18446744073709551615,\"recv\":\"2023-03-01T00:00:00.000001Z\","
        "\"source\":\"binance-1m\",\"place\":\"70\",\"crc\":\"dee889fc\","
        "\"payload\":{\"a\": [1,2]}}\n");
    written(&out, slice_text("t\t1"), (slice_t){ 0 }, RECORD_TORN, false);
    assert_non_null(strstr(buffer_string(&out), ",\"torn\":true,\"crc\":"));
    assert_non_null(strstr(buffer_string(&out), "\"text\":\"t\\t1\"}\n"));
    written(&out, slice_of("\0\0\0\xff", 4), (slice_t){ 0 }, RECORD_PAYLOAD, false);
    assert_non_null(strstr(buffer_string(&out), "\"base64\":\"AAAA/w==\"}\n"));
}

static void damage_is_told(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t out = { 0 }, bytes = { 0 };
    slice_t stream;
    record_t record;
    fault_t fault;
    static const char *const payloads[] = { "{\"a\": 12345}", "a,b\n", "\xff\xfe\xfd" };
    for (int p = 0; p < 3; p++) {
        slice_t line =
            written(&out, slice_text(payloads[p]), (slice_t){ 0 }, RECORD_PAYLOAD, p == 0);
        const uint8_t *begin = (uint8_t *) strstr(buffer_string(&out), "\"crc\"");
        for (uint8_t *at = (uint8_t *) begin; at < line.data + line.size; at++) {
            *at ^= 0x04;
            assert_false(object_line_read(line, &record, &stream, &bytes, &fault));
            *at ^= 0x04;
        }
    }
}

static void sums_know_bytes_and_places(void **state)
{
    (void) state;
    record_t a = { .seq = 1, .payload = slice_text("x") }, b = { .seq = 2, .payload = a.payload };
    record_t c = { .seq = 1, .payload = slice_text("y") };
    assert_true(object_line_sum(&a) != object_line_sum(&b));
    assert_true(object_line_sum(&a) != object_line_sum(&c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_comes_back),
        cmocka_unit_test(says_what_it_is),
        cmocka_unit_test(damage_is_told),
        cmocka_unit_test(sums_know_bytes_and_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
