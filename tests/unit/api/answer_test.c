/*  answer_test -- tags, conditional requests, and compression that can be undone. */
#include "actors/api/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "proto/owned.h"

static answer_t made_of(const char *text, size_t times)
{
    answer_t answer;
    buffer_t body = { 0 };
    for (size_t i = 0; i < times; i++)
        buffer_text(&body, text);
    assert_true(answer_make(&answer, &body));
    assert_null(body.data);
    return answer;
}

static void the_tag_is_of_the_content(void **state)
{
    (void) state;
    owned(answer_destroy) answer_t one = made_of("a", 1), same = made_of("a", 1);
    owned(answer_destroy) answer_t other = made_of("b", 1);
    assert_string_equal(one.tag, same.tag);
    assert_string_not_equal(one.tag, other.tag);
    assert_string_not_equal(one.tag, one.gzip_tag);
    assert_true(one.tag[0] == '"' && one.tag[strlen(one.tag) - 1] == '"');
}

static void gzip_holds_the_same(void **state)
{
    (void) state;
    owned(answer_destroy) answer_t answer = made_of("{\"series\":\"a\"}", 1000);
    assert_true(answer.gzip.size > 0 && answer.gzip.size < answer.plain.size / 10);
    z_stream stream = { .next_in = answer.gzip.data, .avail_in = (uInt) answer.gzip.size };
    uint8_t out[20000];
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_out = out;
    stream.avail_out = sizeof out;
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.total_out, answer.plain.size);
    assert_memory_equal(out, answer.plain.data, answer.plain.size);
    inflateEnd(&stream);
    owned(answer_destroy) answer_t small = made_of("a", ANSWER_GZIP_MIN - 1);
    assert_int_equal(small.gzip.size, 0);
}

static void what_failed_is_no_answer(void **state)
{
    (void) state;
    answer_t answer;
    buffer_t body = { .limit = 2 };
    buffer_text(&body, "abc");
    assert_true(body.failed);
    assert_false(answer_make(&answer, &body));
    assert_null(answer.plain.data);
}

static void who_has_it_is_recognised(void **state)
{
    (void) state;
    assert_true(answer_is_known("\"ab\"", "\"ab\""));
    assert_true(answer_is_known("W/\"ab\"", "\"ab\""));
    assert_true(answer_is_known("\"x\" , \"ab\"", "\"ab\""));
    assert_true(answer_is_known("*", "\"ab\""));
    assert_false(answer_is_known(NULL, "\"ab\""));
    assert_false(answer_is_known("", "\"ab\""));
    assert_false(answer_is_known("\"a\"", "\"ab\""));
    assert_false(answer_is_known("\"abc\"", "\"ab\""));
    assert_false(answer_is_known("ab", "\"ab\""));
    assert_false(answer_is_known(",,, ,", "\"ab\""));
}

static void who_takes_gzip_says_so(void **state)
{
    (void) state;
    static const char *const yes[] = { "gzip",      "deflate, gzip",     "GZIP;q=0.5",
                                       "*",         "br , gzip ; q=1",   "gzip;Q=0.001",
                                       "*;q=0.01",  "*;q=0, gzip;q=0.1", "x-gzip",
                                       "gzip;q=1.", "gzip;q=1.000" };
    static const char *const no[] = { "",
                                      "identity",
                                      "gzip;q=0",
                                      "gzipped",
                                      "br",
                                      "gzip; q=0.000",
                                      "x-gzip-y",
                                      "gzip;q=0, *",
                                      "*, gzip;q=0",
                                      "gzip;q=0, gzip",
                                      "*;q=0",
                                      "gzip;q=1.001",
                                      "gzip;q=2",
                                      "gzip;q=inf",
                                      "gzip;q=0x1",
                                      "gzip;q=",
                                      "gzip;q=0.0001",
                                      "gzip;level=9",
                                      "gzip;xq=1" };
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (!answer_takes_gzip(yes[i]))
            fail_msg("'%s' takes it", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (answer_takes_gzip(no[i]))
            fail_msg("'%s' does not", no[i]);
    assert_false(answer_takes_gzip(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tag_is_of_the_content), cmocka_unit_test(gzip_holds_the_same),
        cmocka_unit_test(what_failed_is_no_answer),  cmocka_unit_test(who_has_it_is_recognised),
        cmocka_unit_test(who_takes_gzip_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
