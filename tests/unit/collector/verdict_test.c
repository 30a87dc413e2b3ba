/*  verdict: what counts as whose failure, and the words for it. */
#include "actors/collector/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void kinds(void **state)
{
    (void) state;
    static const struct {
        verdict_t verdict;
        answer_kind_t kind;
    } cases[] = {
        { { .status = 200 }, ANSWER_GOOD },
        { { .status = 204 }, ANSWER_GOOD },
        { { .status = 200, .error = "torn" }, ANSWER_BAD },
        { { .status = 304, .conditional = true }, ANSWER_GOOD },
        { { .status = 304 }, ANSWER_BAD }, // nobody asked for that
        { { .status = 302 }, ANSWER_BAD },
        { { .status = 404 }, ANSWER_BAD },
        { { .status = 500 }, ANSWER_BAD },
        { { .status = 503 }, ANSWER_NONE },
        { { .status = 520 }, ANSWER_NONE },
        { { .status = 0, .error = "no route" }, ANSWER_NONE },
        { { .status = 429 }, ANSWER_REFUSED },
        { { .status = 418 }, ANSWER_REFUSED },
        { { .status = 503, .retry_after_us = 1 }, ANSWER_REFUSED },
        { { .status = 403, .retry_after_us = 1 }, ANSWER_REFUSED }, // GitHub
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(verdict_kind(&cases[i].verdict), cases[i].kind);
}

static const char *reason(verdict_t verdict, const source_t *source, size_t size)
{
    static char text[256];
    verdict_reason(&verdict, source, text, size);
    return text;
}

static void reasons(void **state)
{
    (void) state;
    source_t source = { .url = "http://a/" };
    assert_string_equal(reason((verdict_t){ .error = "Could not resolve host" }, &source, 160),
                        "Could not resolve host");
    verdict_t verdict = { .status = 200, .error = "closed", .body = slice_text("12345") };
    assert_string_equal(reason(verdict, &source, 160), "broke off after 5 bytes: closed");
    verdict = (verdict_t){ .status = 429,
                           .retry_after_us = 17000000,
                           .body = slice_text("{\"error\":\"Out of\n\xe2\x82\xac\"}") };
    assert_string_equal(reason(verdict, &source, 160),
                        "HTTP status 429: {\"error\":\"Out of ???\"} (asks for a pause of 17 s)");
    assert_string_equal(reason(verdict, &source, 20), "HTTP status 429: {\"");
    assert_non_null(strstr(reason((verdict_t){ .status = 302 }, &source, 160), "not sent"));
}

static void secrets_are_not_quoted(void **state)
{
    (void) state;
    setting_pair_t pair = { .name = "key", .value = "s3cr3t" };
    source_t source = { .url = "http://a/", .query = { .count = 1, .items = &pair } };
    // A part of it, or written another way, is told as well as all of it: nothing is quoted.
    verdict_t verdict = { .status = 401, .body = slice_text("no such key: s3c...") };
    assert_string_equal(reason(verdict, &source, 160), "HTTP status 401");
    source = (source_t){ .url = "http://a/", .headers = { .count = 1, .items = &pair } };
    assert_string_equal(reason(verdict, &source, 160), "HTTP status 401");
    source = (source_t){ .url = "http://a/", .body = "{\"key\":\"s3cr3t\"}" };
    assert_string_equal(reason(verdict, &source, 160), "HTTP status 401");
    source = (source_t){ .url = "http://a/?key=s3cr3t" };
    assert_string_equal(reason(verdict, &source, 160), "HTTP status 401");
    source = (source_t){ .url = "http://me:s3cr3t@a/" };
    assert_string_equal(reason(verdict, &source, 160), "HTTP status 401");
    source = (source_t){ .url = "http://a/" };
    assert_string_equal(reason(verdict, &source, 160), "HTTP status 401: no such key: s3c...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(reasons),
        cmocka_unit_test(secrets_are_not_quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
