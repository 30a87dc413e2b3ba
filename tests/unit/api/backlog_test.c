/*  backlog_test -- pages of the log, from its end, told from its beginning. */
#include "actors/api/backlog.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/buffer.h"
#include "proto/owned.h"

static size_t bytes_allocated(void)
{
    struct mallinfo2 now = mallinfo2();
    return now.uordblks + now.hblkhd;
}

static void add(backlog_t *backlog, const char *at, const char *body)
{
    const store_logged_t logged = { .rule = slice_text("r"),
                                    .series = slice_text("s"),
                                    .body = slice_text(body) };
    backlog_add(backlog, at, &logged);
}

static void see(void *context, reel_id_t id, slice_t rule, slice_t series, slice_t body)
{
    assert_true(slice_is(rule, "r") && slice_is(series, "s"));
    buffer_printf(context, "%d=%.*s ", (int) id.n, (int) body.size, (const char *) body.data);
}

static void assert_told(const backlog_t *backlog, uint64_t behind, const char *wanted)
{
    owned(buffer_destroy) buffer_t got = { 0 };
    backlog_tell(backlog, (reel_id_t){ 1, behind }, see, &got);
    assert_string_equal(buffer_string(&got), wanted);
}

static void pages_are_told_in_order(void **state)
{
    (void) state;
    owned(backlog_destroy) backlog_t *backlog = backlog_new();
    assert_told(backlog, 0, "");
    assert_int_equal(backlog_oldest(backlog).n, 0);
    backlog_page(backlog);
    add(backlog, "1-5", "{\"n\":5}");
    add(backlog, "1-6", "{\"n\":6}");
    backlog_page(backlog);
    add(backlog, "1-3", "{\"n\":3}");
    add(backlog, "1-4", "{\"n\":4}");
    backlog_page(backlog);
    add(backlog, "1-1", "{\"n\":1}");
    backlog_page(backlog); // there was nothing
    assert_int_equal(backlog_oldest(backlog).n, 1);
    assert_true(backlog_has(backlog, (reel_id_t){ 1, 6 }));
    assert_false(backlog_has(backlog, (reel_id_t){ 1, 7 }));
    assert_told(backlog, 0, "1={\"n\":1} 3={\"n\":3} 4={\"n\":4} 5={\"n\":5} 6={\"n\":6} ");
    assert_told(backlog, 4, "5={\"n\":5} 6={\"n\":6} ");
    assert_told(backlog, 6, "");
    backlog_clear(backlog);
    assert_told(backlog, 0, "");
}

static void what_is_no_object_has_no_body(void **state)
{
    (void) state;
    owned(backlog_destroy) backlog_t *backlog = backlog_new();
    backlog_page(backlog);
    add(backlog, "x", "{}");
    add(backlog, "1-1", "[]");
    add(backlog, "1-2", "{");
    add(backlog, "1-3", "{},{}");
    add(backlog, "1-4", "{}");
    add(backlog, "1-5", "");
    assert_told(backlog, 0, "1= 2= 3= 4={} 5= ");
}

static void count(void *context, reel_id_t id, slice_t rule, slice_t series, slice_t body)
{
    (void) rule;
    (void) series;
    (void) body;
    reel_id_t *last = context;
    if (last->n > 0)
        assert_int_equal(id.n, last->n + 1); // none is missing in between
    *last = id;
}

// Of a log of large entries only the newest are kept: what is missing is older than all that is
// told.
static void bytes_are_bounded(void **state)
{
    (void) state;
    enum { BODY = 200000, ENTRIES = 500, PAGE = 250 }; // one page is too large
    owned(backlog_destroy) backlog_t *backlog = backlog_new();
    static char body[BODY + 1];
    snprintf(body, sizeof body, "{\"a\":\"%0*d\"}", BODY - 8, 0);
    size_t before = bytes_allocated();
    for (int page = ENTRIES / PAGE; page-- > 0;) {
        assert_int_equal(backlog_is_cut(backlog), page < ENTRIES / PAGE - 1);
        backlog_page(backlog);
        for (int i = 1; i <= PAGE; i++) {
            char at[32];
            snprintf(at, sizeof at, "1-%d", page * PAGE + i);
            add(backlog, at, body);
            assert_true(bytes_allocated() < before + BACKLOG_BYTES_MAX + BACKLOG_KEPT_BYTES);
        }
    }
    assert_true(backlog_is_cut(backlog));
    reel_id_t last = { 0 };
    reel_id_t oldest = backlog_oldest(backlog);
    backlog_tell(backlog, (reel_id_t){ 0 }, count, &last);
    assert_int_equal(last.n, ENTRIES);
    assert_in_range(oldest.n, ENTRIES - BACKLOG_BYTES_MAX / BODY, ENTRIES - REEL_BYTES_MAX / BODY);
    backlog_clear(backlog);
    assert_false(backlog_is_cut(backlog));
    assert_true(bytes_allocated() < before + BACKLOG_KEPT_BYTES); // a look needs it, and no more
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_told_in_order),
        cmocka_unit_test(what_is_no_object_has_no_body),
        cmocka_unit_test(bytes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
