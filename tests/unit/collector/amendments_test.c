/*  Which mapping a record gets: the newest amendment that is for it, else the one it was staged
 *  under; and what cannot be read amends nothing.
 */
#include "actors/collector/amendments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/owned.h"

static plan_t *plan_of(const char *a, const char *b)
{
    plan_t *plan = plan_new();
    assert_true(plan_set(plan, PLAN_SOURCE, slice_text("a"), slice_text(a), NULL));
    if (b)
        assert_true(plan_set(plan, PLAN_SOURCE, slice_text("b"), slice_text(b), NULL));
    return plan;
}

static void amend(amendments_t *amendments, uint64_t seq, const char *source, int64_t from_us,
                  const char *a, const char *b)
{
    owned(plan_destroy) plan_t *plan = plan_of(a, b);
    owned(buffer_destroy) buffer_t payload = { 0 };
    assert_true(amendments_encode(plan, from_us, seq * 10, 1, &payload));
    const record_t reset = { .kind = RECORD_RESET,
                             .seq = seq,
                             .source = slice_text(source),
                             .place = slice_text("id"),
                             .payload = buffer_slice(&payload) };
    assert_true(amendments_note(amendments, &reset));
}

static void check(const amendments_t *amendments, uint64_t seq, int64_t recv_us, const char *source,
                  const char *expected)
{
    const record_t record = { .seq = seq, .recv_us = recv_us, .source = slice_text(source) };
    slice_t found = amendments_definition(amendments, &record, slice_text("staged"));
    if (!slice_is(found, expected))
        fail_msg("%s seq %d: %.*s, not %s", source, (int) seq, (int) found.size, found.data,
                 expected);
}

static void the_newest_that_is_meant_holds(void **state)
{
    (void) state;
    owned(amendments_destroy) amendments_t *amendments = amendments_new();
    check(amendments, 1, 1, "a", "staged");
    check(NULL, 1, 1, "a", "staged");
    assert_int_equal(amendments_edition(amendments), 0);
    amend(amendments, 100, "", 50, "a1", "b1");
    amend(amendments, 200, "b", -5, "a2", "b2");
    assert_int_equal(amendments_edition(amendments), 2000);
    assert_int_equal(amendments_seq(amendments), 200);
    check(amendments, 10, 49, "a", "staged"); // received too early
    check(amendments, 10, 50, "a", "a1");
    check(amendments, 99, 99, "a", "a1"); // the second is not for a
    check(amendments, 99, 99, "b", "b2");
    check(amendments, 1, -5, "b", "b2");
    check(amendments, 1, -6, "b", "staged");
    check(amendments, 100, 99, "a", "staged"); // staged under what holds since
    check(amendments, 150, 150, "b", "b2");
    check(amendments, 200, 200, "b", "staged");
    amend(amendments, 300, "", 60, "a3", NULL); // b is gone: as before
    check(amendments, 150, 150, "a", "a3");
    check(amendments, 150, 150, "b", "b2");
    check(amendments, 40, 55, "a", "a1");
}

static void what_cannot_be_read_amends_nothing(void **state)
{
    (void) state;
    owned(amendments_destroy) amendments_t *amendments = amendments_new();
    static const char *const bad[] = { "", "1234567", "12345678", "12345678rubbish" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const record_t reset = { .kind = RECORD_RESET, .seq = 5, .payload = slice_text(bad[i]) };
        assert_true(amendments_note(amendments, &reset));
    }
    assert_int_equal(amendments_edition(amendments), 0);
    assert_int_equal(amendments_request(amendments).size, 0);
}

static void mappings_are_named_by_what_they_say(void **state)
{
    (void) state;
    char x[AMENDMENTS_MAPPINGS_TEXT], y[AMENDMENTS_MAPPINGS_TEXT];
    owned(plan_destroy) plan_t *one = plan_of("a1", "b1");
    owned(plan_destroy) plan_t *other = plan_of("a1", "b1");
    assert_true(plan_set(other, PLAN_RULE, slice_text("r"), slice_text("rule"), NULL));
    assert_true(amendments_mappings(one, x) && amendments_mappings(other, y));
    assert_string_equal(x, y);
    assert_true(plan_set(other, PLAN_SOURCE, slice_text("b"), slice_text("b2"), NULL));
    assert_true(amendments_mappings(other, y));
    assert_string_not_equal(x, y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_that_is_meant_holds),
        cmocka_unit_test(what_cannot_be_read_amends_nothing),
        cmocka_unit_test(mappings_are_named_by_what_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
