/*  request: addresses with query and page, and whose budget they spend. */
#include "actors/collector/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/owned.h"

static void expect(const source_t *source, const page_t *page, const char *wanted)
{
    owned(buffer_destroy) buffer_t url = { 0 };
    request_url(source, page, &url);
    assert_string_equal(buffer_string(&url), wanted);
}

static void queries_are_added_and_escaped(void **state)
{
    (void) state;
    const page_t first = { .number = 0 };
    source_t source = { .url = "https://a.org/x" };
    expect(&source, &first, "https://a.org/x");
    setting_pair_t pairs[] = { { .name = "q", .value = "a b&c=d" },
                               { .name = "k\xc3\xa4y", .value = "" },
                               { .name = "t", .value = "-._~/?#%" } };
    source.query = (setting_pairs_t){ .count = 3, .items = pairs };
    expect(&source, &first, "https://a.org/x?q=a%20b%26c%3Dd&k%C3%A4y=&t=-._~%2F%3F%23%25");
    source.query.count = 1;
    source.url = "https://a.org/x?y=1#frag?ment";
    expect(&source, &first, "https://a.org/x?y=1&q=a%20b%26c%3Dd");
}

static void pages_have_numbers_or_cursors(void **state)
{
    (void) state;
    page_t page = { .number = 0 };
    source_t source = {
        .url = "http://a/x", .paged = true, .page_parameter = "page", .page_first = 1
    };
    expect(&source, &page, "http://a/x?page=1");
    page.number = 4;
    expect(&source, &page, "http://a/x?page=5");
    source.page_first = 0;
    expect(&source, &page, "http://a/x?page=4");
    source.page_cursor = "/cursor/last";
    expect(&source, &page, "http://a/x"); // the first page has no cursor
    page.cursor_size = 6;
    memcpy(page.cursor, "a\r\n=&\0", 6);
    expect(&source, &page, "http://a/x?page=a%0D%0A%3D%26%00");
}

static void hosts_are_what_stands_before_the_path(void **state)
{
    (void) state;
    static const char *const cases[][2] = {
        { "https://API.Kraken.com/0/public", "api.kraken.com" },
        { "https://api.kraken.com:443?x", "api.kraken.com" },
        { "http://api.kraken.com:443", "api.kraken.com:443" },
        { "http://127.0.0.1:8000/x@y", "127.0.0.1:8000" },
        { "http://a.org:80", "a.org" },
        { "http://user:secret@a.org/x", "a.org" },
        { "http://[::1]:80/", "[::1]" },
    };
    char host[64];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(request_host(cases[i][0], host, sizeof host));
        assert_string_equal(host, cases[i][1]);
    }
    assert_false(request_host("http://abcdefgh/", host, 8));
    assert_true(request_host("http://abcdefg/", host, 8));
}

static void what_is_shown_holds_no_secrets(void **state)
{
    (void) state;
    static const char *const cases[][2] = {
        { "https://api.org/0/public", "https://api.org/0/public" },
        { "https://api.org/x?key=s3cr3t#a", "https://api.org/x" },
        { "https://api.org?key=s3cr3t@b", "https://api.org" },
        { "HTTP://me:s3cr3t@api.org:81/x@y", "HTTP://api.org:81/x@y" },
        { "http://me:s3@cr3t@api.org", "http://api.org" },
        { "file:///data/a?b@c.json", "file:///data/a?b@c.json" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        owned(buffer_destroy) buffer_t shown = { 0 };
        request_shown(cases[i][0], &shown);
        assert_string_equal(buffer_string(&shown), cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_are_added_and_escaped),
        cmocka_unit_test(pages_have_numbers_or_cursors),
        cmocka_unit_test(hosts_are_what_stands_before_the_path),
        cmocka_unit_test(what_is_shown_holds_no_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
