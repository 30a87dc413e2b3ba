/*  json: strings always valid, msgpack transcoded as documented. */
#include "tests/unit/proto/checked.h"

#include <math.h>

#include "proto/json.h"
#include "proto/owned.h"
#include "proto/wire.h"

static void escapes(void **state)
{
    (void) state;
    static const struct {
        const char *text, *json;
    } cases[] = {
        { "", "\"\"" },
        { "plain", "\"plain\"" },
        { "a\"b\\c\n\r\t", "\"a\\\"b\\\\c\\n\\r\\t\"" },
        { "\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\"" },
        { "\xe2\x82\xac\xf0\x9f\x8c\x8a", "\"\xe2\x82\xac\xf0\x9f\x8c\x8a\"" },
        { "x\xffy\xe2\x82", "\"x\xef\xbf\xbdy\xef\xbf\xbd\xef\xbf\xbd\"" },
    };
    owned(buffer_destroy) buffer_t out = { 0 };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buffer_clear(&out);
        json_text(&out, slice_text(cases[i].text));
        assert_string_equal(buffer_string(&out), cases[i].json);
    }
    buffer_clear(&out);
    json_text(&out, slice_of("a\0b", 3));
    assert_string_equal(buffer_string(&out), "\"a\\u0000b\"");
}

static void transcodes(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t wire = { 0 }, out = { 0 };
    wire_map(&wire, 5);
    wire_string(&wire, "a");
    wire_array(&wire, 8);
    wire_nil(&wire);
    wire_bool(&wire, true);
    wire_bool(&wire, false);
    wire_i64(&wire, INT64_MIN);
    wire_u64(&wire, UINT64_MAX);
    wire_double(&wire, 0.1);
    wire_double(&wire, NAN);
    wire_double(&wire, -1e300);
    wire_i64(&wire, -5);
    wire_map(&wire, 0);
    wire_bytes(&wire, slice_of("\x0a\xff", 2));
    wire_array(&wire, 0);
    wire_nil(&wire);
    wire_bytes(&wire, slice_of("\x0a\xff", 2));
    wire_string(&wire, "e");
    wire_string(&wire, "\"");
    assert_true(json_from_wire(&out, buffer_slice(&wire)));
    assert_string_equal(buffer_string(&out),
                        "{\"a\":[null,true,false,-9223372036854775808,18446744073709551615,0.1,"
                        "null,-1e+300],\"-5\":{},\"0aff\":[],\"null\":\"0aff\",\"e\":\"\\\"\"}");
}

static void refuses_and_leaves_no_trace(void **state)
{
    (void) state;
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = { { "", 0 },         { "\xc1", 1 },       { "\x92\x01", 2 },    { "\x01\x01", 2 },
                  { "\xd4\1\1", 3 }, { "\x81\x90\1", 3 }, { "\x91\xa1\xff", 3 } };
    owned(buffer_destroy) buffer_t out = { 0 };
    buffer_text(&out, "kept");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_false(json_from_wire(&out, slice_of(cases[i].bytes, cases[i].size)));
        assert_string_equal(buffer_string(&out), "kept");
    }
    uint8_t nested[WIRE_DEPTH_MAX + 2];
    memset(nested, 0x91, sizeof nested);
    nested[WIRE_DEPTH_MAX] = 0xc0;
    assert_true(json_from_wire(&out, slice_of(nested, WIRE_DEPTH_MAX + 1)));
    nested[WIRE_DEPTH_MAX] = 0x91;
    nested[WIRE_DEPTH_MAX + 1] = 0xc0;
    assert_false(json_from_wire(&out, slice_of(nested, WIRE_DEPTH_MAX + 2)));
    owned(buffer_destroy) buffer_t small = { .limit = 3 };
    assert_false(json_from_wire(&small, slice_of("\xa3xyz", 4)));
    assert_int_equal(small.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes),
        cmocka_unit_test(transcodes),
        cmocka_unit_test(refuses_and_leaves_no_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
