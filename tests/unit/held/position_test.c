/*  Positions: when a copy may, and must, take the place of what Redis has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "broker/held/position.h"

typedef struct {
    const char *stream;
    uint64_t seq, sent;
} at_t;

static position_t position_of(const at_t *at)
{
    position_t position = { 0 };
    for (; at->stream; at++)
        assert_true(position_add(&position, slice_text(at->stream), at->seq, at->sent));
    return position;
}

#define POSITION(...) position_of((const at_t[]){ __VA_ARGS__{ NULL, 0, 0 } })

static position_log_t log_of(const char *stream, uint64_t first, uint64_t begin)
{
    position_log_t log = { .first = first, .begin = begin };
    snprintf(log.stream, sizeof log.stream, "%s", stream);
    return log;
}

static bool covers(position_t a, position_t b)
{
    bool covered = position_covers(&a, &b);
    position_clear(&a);
    position_clear(&b);
    return covered;
}

static void further_is_in_every_stream(void **state)
{
    (void) state;
    assert_true(covers(POSITION({ "a", 5, 0 }, ), POSITION()));
    assert_true(covers(POSITION(), POSITION()));
    assert_false(covers(POSITION(), POSITION({ "a", 0, 0 }, )));
    assert_true(covers(POSITION({ "a", 5, 0 }, ), POSITION({ "a", 5, 0 }, )));
    assert_false(covers(POSITION({ "a", 4, 9 }, ), POSITION({ "a", 5, 0 }, )));
    assert_false(covers(POSITION({ "a", 5, 1 }, ), POSITION({ "a", 5, 2 }, )));
    assert_true(covers(POSITION({ "a", 6, 0 }, ), POSITION({ "a", 5, 2 }, )));
    assert_false(
        covers(POSITION({ "a", 9, 0 }, { "b", 1, 0 }, ), POSITION({ "a", 5, 0 }, { "b", 2, 0 }, )));
}

static void a_later_edition_is_further_than_any_record(void **state)
{
    (void) state;
    assert_true(covers(POSITION({ "a~7", 1, 0 }, ), POSITION({ "a", 900, 3 }, )));
    assert_false(covers(POSITION({ "a", 900, 0 }, ), POSITION({ "a~7", 1, 0 }, )));
    assert_true(covers(POSITION({ "a", 2, 0 }, { "a~7", 5, 0 }, ), POSITION({ "a~7", 5, 0 }, )));
}

static void lost_is_what_the_log_does_not_hold_any_more(void **state)
{
    (void) state;
    position_log_t whole = log_of("a", 1, 1), trimmed = log_of("a", 100, 1);
    position_log_t told_later = log_of("a~7", 100, 100), trimmed_since = log_of("a~7", 200, 100);
    position_t none = POSITION(), low = POSITION({ "a", 98, 0 }, ),
               high = POSITION({ "a", 99, 0 }, );
    position_t low_later = POSITION({ "a", 500, 0 }, { "a~7", 198, 0 }, );
    assert_false(position_is_lost(&none, &whole));
    assert_true(position_is_lost(&none, &trimmed));
    assert_true(position_is_lost(&low, &trimmed));
    assert_false(position_is_lost(&high, &trimmed));
    // An edition begins where the log does: whoever has nothing of it has lost nothing.
    assert_false(position_is_lost(&none, &told_later));
    assert_false(position_is_lost(&high, &told_later));
    assert_true(position_is_lost(&high, &trimmed_since));
    assert_true(position_is_lost(&low_later, &trimmed_since));
    position_clear(&low);
    position_clear(&high);
    position_clear(&low_later);
}

static position_verdict_t judge(position_t have, position_t copy, uint64_t first_a,
                                uint64_t first_b, bool emptied)
{
    position_log_t logs[] = { log_of("a", first_a, 1), log_of("b", first_b, 1) };
    position_verdict_t verdict = position_judge(&have, &copy, logs, 2, emptied);
    position_clear(&have);
    position_clear(&copy);
    return verdict;
}

static void a_copy_is_put_back_only_where_it_is_needed(void **state)
{
    (void) state;
    // The log has it all: it needs no copy, older or newer.
    assert_int_equal(judge(POSITION({ "a", 5, 0 }, ), POSITION({ "a", 50, 0 }, ), 1, 1, false),
                     POSITION_LEAVE);
    assert_int_equal(judge(POSITION({ "a", 20, 0 }, ), POSITION({ "a", 50, 0 }, ), 20, 1, false),
                     POSITION_LEAVE);
    assert_int_equal(judge(POSITION({ "a", 18, 0 }, ), POSITION({ "a", 50, 0 }, ), 20, 1, false),
                     POSITION_RESTORE);
    assert_int_equal(judge(POSITION(), POSITION({ "a", 19, 0 }, ), 20, 1, false), POSITION_RESTORE);
    assert_int_equal(judge(POSITION({ "a", 60, 0 }, ), POSITION({ "a", 50, 0 }, ), 20, 1, false),
                     POSITION_LEAVE);
}

static void a_copy_that_the_log_does_not_reach_is_never_put_back(void **state)
{
    (void) state;
    assert_int_equal(judge(POSITION({ "a", 5, 0 }, ), POSITION({ "a", 50, 0 }, ), 90, 1, false),
                     POSITION_STUCK);
    assert_int_equal(judge(POSITION(), POSITION({ "a", 50, 0 }, ), 90, 1, true), POSITION_STUCK);
    // One stream needs it, of another it is too old.
    assert_int_equal(judge(POSITION({ "a", 5, 0 }, { "b", 70, 0 }, ),
                           POSITION({ "a", 50, 0 }, { "b", 60, 0 }, ), 20, 70, false),
                     POSITION_STUCK);
}

static void a_stream_that_is_further_goes_back_if_its_log_allows(void **state)
{
    (void) state;
    assert_int_equal(judge(POSITION({ "a", 5, 0 }, { "b", 70, 0 }, ),
                           POSITION({ "a", 50, 0 }, { "b", 60, 0 }, ), 20, 61, false),
                     POSITION_RESTORE);
}

static void an_emptied_redis_gets_all_that_is_further(void **state)
{
    (void) state;
    assert_int_equal(judge(POSITION(), POSITION({ "a", 50, 0 }, ), 1, 1, true), POSITION_RESTORE);
    assert_int_equal(judge(POSITION({ "a", 10, 0 }, ), POSITION({ "a", 50, 0 }, ), 1, 1, true),
                     POSITION_RESTORE);
    assert_int_equal(judge(POSITION({ "a", 51, 0 }, ), POSITION({ "a", 50, 0 }, ), 1, 1, true),
                     POSITION_LEAVE);
    assert_int_equal(judge(POSITION(), POSITION(), 1, 1, true), POSITION_LEAVE);
    assert_int_equal(judge(POSITION(), POSITION({ "a", 50, 0 }, ), 1, 1, false), POSITION_LEAVE);
}

static void the_floor_is_the_lowest_of_all_partitions(void **state)
{
    (void) state;
    position_t positions[PARTITIONS] = { { 0 } };
    for (unsigned p = 0; p < PARTITIONS; p++) {
        assert_int_equal(position_floor(positions, "a"), 0);
        assert_true(position_add(&positions[p], slice_text("a"), p == 77 ? 41 : 42, 0));
    }
    assert_int_equal(position_floor(positions, "a"), 41);
    assert_int_equal(position_floor(positions, "a~1"), 0);
    for (unsigned p = 0; p < PARTITIONS; p++)
        position_clear(&positions[p]);
}

static void what_is_no_name_is_refused(void **state)
{
    (void) state;
    position_t position = { 0 };
    char name[EDITION_NAME_MAX + 1];
    memset(name, 'x', sizeof name);
    assert_false(position_add(&position, slice_of(name, sizeof name), 1, 0));
    assert_false(position_add(&position, slice_text(""), 1, 0));
    assert_false(position_add(&position, slice_of("a\0b", 3), 1, 0));
    assert_true(position_add(&position, slice_of(name, EDITION_NAME_MAX), 1, 0));
    for (size_t i = 1; i < POSITION_STREAMS_MAX; i++)
        assert_true(position_add(&position, slice_text("s"), i, 0));
    assert_false(position_add(&position, slice_text("s"), 1, 0));
    position_clear(&position);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(further_is_in_every_stream),
        cmocka_unit_test(a_later_edition_is_further_than_any_record),
        cmocka_unit_test(lost_is_what_the_log_does_not_hold_any_more),
        cmocka_unit_test(a_copy_is_put_back_only_where_it_is_needed),
        cmocka_unit_test(a_copy_that_the_log_does_not_reach_is_never_put_back),
        cmocka_unit_test(a_stream_that_is_further_goes_back_if_its_log_allows),
        cmocka_unit_test(an_emptied_redis_gets_all_that_is_further),
        cmocka_unit_test(the_floor_is_the_lowest_of_all_partitions),
        cmocka_unit_test(what_is_no_name_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
