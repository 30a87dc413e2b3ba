/*  strict_test -- texts that are one number, or one object, of JSON, and many that nearly are. */
#include "actors/api/strict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/buffer.h"
#include "proto/owned.h"

static void numbers_are_those_of_json(void **state)
{
    (void) state;
    static const char *const yes[] = { "0", "-0", "12", "1.50", "-3.25", "1e5", "1E-5", "0.1e+3" };
    static const char *const no[] = { "",   "-",   "01",    "+1",  ".5",   "1.",
                                      "1e", "1e+", "1e+-2", "0x1", "NaN",  "inf",
                                      "1 ", "1,5", " 1",    "--1", "1.2.3" };
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(strict_number(slice_text(yes[i])));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (strict_number(slice_text(no[i])))
            fail_msg("'%s' is none", no[i]);
    assert_false(strict_number(slice_of("1\0", 2)));
}

static const char *const objects[] = {
    "{}",
    "{ }",
    "{\"a\":1}",
    "{\"a\":1,\"a\":2}",
    "{\n\t\"a\" : [ 1 , -2.5e3 , true , false , null , \"\" ] ,\r\"b\" : { } }",
    "{\"a\":[[],[{}],{\"b\":[]}],\"c\":{\"d\":{\"e\":[0]}}}",
    "{\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00aF\":\"\xc3\xa9\xf0\x9f\x98\x80\"}",
    "{\"}\":\"]}{[\"}",
};

static const char *const others[] = { "",
                                      "{",
                                      "}",
                                      "[]",
                                      "1",
                                      "\"\"",
                                      " {}",
                                      "{} ",
                                      "{}{}",
                                      "{},{}",
                                      "{}}",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{,}",
                                      "{\"a\":1 \"b\":2}",
                                      "{\"a\":1,,\"b\":2}",
                                      "{a:1}",
                                      "{'a':1}",
                                      "{1:1}",
                                      "{\"a\":[1,]}",
                                      "{\"a\":[,1]}",
                                      "{\"a\":[1 2]}",
                                      "{\"a\":[1}",
                                      "{\"a\":[1}]",
                                      "{\"a\":{]}",
                                      "{\"a\":tru}",
                                      "{\"a\":truex}",
                                      "{\"a\":True}",
                                      "{\"a\":nul",
                                      "{\"a\":NaN}",
                                      "{\"a\":01}",
                                      "{\"a\":1.}",
                                      "{\"a\":\"}",
                                      "{\"a\":\"\\x\"}",
                                      "{\"a\":\"\\u12g4\"}",
                                      "{\"a\":\"\\u12\"}",
                                      "{\"a\":\"\n\"}",
                                      "{\"a\":\"\x80\"}",
                                      "{\"a\":\"\xc3\"}",
                                      "{\"a\":\"\xed\xa0\x80\"}",
                                      "{\"a\":1}\n\n",
                                      "{\"a\"\v:1}",
                                      "{/**/}" };

// As long as it says, so that a sanitizer sees whoever reads on.
static bool is_object(const char *text, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    assert_non_null(exact);
    memcpy(exact, text, size);
    bool is = strict_object(slice_of(exact, size));
    free(exact);
    return is;
}

static void an_object_is_whole_and_alone(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        size_t size = strlen(objects[i]);
        if (!is_object(objects[i], size))
            fail_msg("'%s' is one", objects[i]);
        for (size_t cut = 0; cut < size; cut++)
            if (is_object(objects[i], cut))
                fail_msg("the first %zu bytes of '%s' are none", cut, objects[i]);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (is_object(others[i], strlen(others[i])))
            fail_msg("'%s' is none", others[i]);
    assert_false(is_object("{\"a\":\"\0\"}", 9));
    assert_false(is_object("{\"a\":\"\\\0\"}", 10));
    assert_false(is_object("{}\0", 3));
}

static bool is_nested(size_t depth)
{
    owned(buffer_destroy) buffer_t text = { 0 };
    buffer_text(&text, "{\"a\":");
    for (size_t i = 1; i < depth; i++)
        buffer_text(&text, "[");
    for (size_t i = 1; i < depth; i++)
        buffer_text(&text, "]");
    buffer_text(&text, "}");
    return strict_object(buffer_slice(&text));
}

static void depth_and_length_are_bounded(void **state)
{
    (void) state;
    assert_true(is_nested(STRICT_DEPTH_MAX));
    assert_false(is_nested(STRICT_DEPTH_MAX + 1));
    assert_false(is_nested(100000));
    static char text[STRICT_BYTES_MAX + 1];
    memset(text, ' ', sizeof text);
    text[0] = '{';
    text[STRICT_BYTES_MAX - 1] = '}';
    assert_true(strict_object(slice_of(text, STRICT_BYTES_MAX)));
    text[STRICT_BYTES_MAX - 1] = ' ';
    text[STRICT_BYTES_MAX] = '}';
    assert_false(strict_object(slice_of(text, sizeof text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_those_of_json),
        cmocka_unit_test(an_object_is_whole_and_alone),
        cmocka_unit_test(depth_and_length_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
