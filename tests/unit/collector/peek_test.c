/*  peek: cursors, ends, allowances; and bodies that are nothing of the kind. */
#include "actors/collector/peek.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static peek_t *peek;
static page_t page;
static peeked_t peeked;
static fault_t fault;

static bool read_body(const source_t *source, const char *body)
{
    fault = (fault_t){ 0 };
    return peek_read(peek, source, slice_text(body), &page, &peeked, &fault);
}

static bool is_at(const char *cursor)
{
    return slice_is(slice_of(page.cursor, page.cursor_size), cursor);
}

static void cursors_are_followed(void **state)
{
    (void) state;
    const source_t source = {
        .paged = true, .page_cursor = "/cursor/last", .page_more = "/cursor/hasMore", .page_most = 4
    };
    page = (page_t){ 0 };
    // As cryptowat.ch wrote it.
    assert_true(
        read_body(&source, "{\"result\":[],\"cursor\":{\"last\":\"Rm-s\",\"hasMore\":true}}"));
    assert_true(peeked.more && page.number == 1 && is_at("Rm-s"));
    // Numbers as written, however long.
    assert_true(
        read_body(&source, "{\"cursor\":{\"last\":12345678901234567890123,\"hasMore\":true}}"));
    assert_true(peeked.more && page.number == 2 && is_at("12345678901234567890123"));
    // The same again would be asked for without end.
    assert_false(
        read_body(&source, "{\"cursor\":{\"last\":12345678901234567890123,\"hasMore\":true}}"));
    assert_non_null(strstr(fault.text, "stands still"));
    assert_false(peeked.more);
    static const char *const ends[] = {
        "{\"cursor\":{\"last\":\"x\",\"hasMore\":false}}",
        "{\"cursor\":{\"last\":\"x\"}}",
        "{\"cursor\":{\"last\":\"\",\"hasMore\":true}}",
        "{\"cursor\":{\"hasMore\":true}}",
        "{\"cursor\":{\"last\":null,\"hasMore\":true}}",
        "{\"cursor\":null}",
        "[]",
        "",
        "<html>",
        "{\"cursor\":{\"last\":\"x\",\"hasMore\":tru",
    };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        assert_true(read_body(&source, ends[i]));
        assert_false(peeked.more);
    }
    // Bounded.
    assert_true(read_body(&source, "{\"cursor\":{\"last\":\"y\",\"hasMore\":true}}"));
    assert_true(peeked.more);
    assert_true(read_body(&source, "{\"cursor\":{\"last\":\"z\",\"hasMore\":true}}"));
    assert_false(peeked.more);
    static char body[REQUEST_CURSOR_MAX + 64];
    page = (page_t){ 0 };
    snprintf(body, sizeof body, "{\"cursor\":{\"last\":\"%0*d\",\"hasMore\":1}}",
             REQUEST_CURSOR_MAX, 0);
    assert_true(read_body(&source, body));
    assert_true(peeked.more);
    snprintf(body, sizeof body, "{\"cursor\":{\"last\":\"%0*d\",\"hasMore\":1}}",
             REQUEST_CURSOR_MAX + 1, 0);
    assert_false(read_body(&source, body));
}

static void numbered_pages_end_when_one_is_hollow(void **state)
{
    (void) state;
    source_t source = { .paged = true, .page_most = 3 };
    page = (page_t){ 0 };
    assert_true(read_body(&source, "[{\"a\":1}]"));
    assert_true(peeked.more && page.number == 1);
    assert_true(read_body(&source, " [ ]\n"));
    assert_false(peeked.more);
    assert_true(read_body(&source, "{}"));
    assert_false(peeked.more);
    assert_true(read_body(&source, "x,y\n1,2\n")); // csv too
    assert_true(peeked.more && page.number == 2);
    assert_true(read_body(&source, "[1]")); // that was the third
    assert_false(peeked.more);
    source.page_more = "/next";
    page = (page_t){ 0 };
    assert_true(read_body(&source, "{\"next\":0}"));
    assert_false(peeked.more);
    assert_true(read_body(&source, "{\"next\":\"false\"}"));
    assert_false(peeked.more);
    assert_true(read_body(&source, "{\"next\":\"http://x/?page=2\"}"));
    assert_true(peeked.more);
}

static void allowances_are_in_requests(void **state)
{
    (void) state;
    const source_t source = { .allowance = "/allowance" };
    assert_true(read_body(&source, "{\"allowance\":{\"cost\":0.005,\"remaining\":9.663}}"));
    assert_true(peeked.limited);
    assert_int_equal(peeked.left, 1932);
    assert_true(read_body(&source, "{\"allowance\":{\"cost\":9734042,\"remaining\":7990265958}}"));
    assert_int_equal(peeked.left, 820);
    assert_true(read_body(&source, "{\"allowance\":{\"cost\":\"2\",\"remaining\":\"1\"}}"));
    assert_true(peeked.limited);
    assert_int_equal(peeked.left, 0);
    static const char *const none[] = {
        "{\"allowance\":{\"cost\":0,\"remaining\":1}}",
        "{\"allowance\":{\"cost\":1}}",
        "{\"allowance\":{\"cost\":-1,\"remaining\":1}}",
        "{\"error\":\"Out of allowance\"}",
        "{\"allowance\":{\"cost\":1,\"remaining\":[]}}",
        "",
        "[",
        "{\"allowance\":7}",
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_true(read_body(&source, none[i]));
        assert_false(peeked.limited);
    }
}

static int begin(void **state)
{
    (void) state;
    peek = peek_new();
    return peek ? 0 : -1;
}

static int end(void **state)
{
    (void) state;
    peek_destroy(&peek);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cursors_are_followed),
        cmocka_unit_test(numbered_pages_end_when_one_is_hollow),
        cmocka_unit_test(allowances_are_in_requests),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
