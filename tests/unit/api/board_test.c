/*  board_test -- of each series the newest row, and what changed since when. */
#include "actors/api/board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/owned.h"

static board_word_t set(board_t *board, const char *series, const char *item)
{
    return board_set(board, series, slice_text(item));
}

// Series of all that changed since, apart by spaces.
static void changed(const board_t *board, uint64_t *version, char *out, size_t size)
{
    const char *series;
    out[0] = '\0';
    while (board_next(board, version, &series)) {
        size_t used = strlen(out);
        snprintf(out + used, size - used, "%s%s", used ? " " : "", series);
    }
}

static void assert_changed(const board_t *board, uint64_t *version, const char *wanted)
{
    char got[256];
    changed(board, version, got, sizeof got);
    assert_string_equal(got, wanted);
}

static void what_changed_is_found_once(void **state)
{
    (void) state;
    owned(board_destroy) board_t *board = board_new();
    uint64_t version = 0;
    assert_int_equal(set(board, "b", "{1}"), BOARD_CHANGED);
    assert_int_equal(set(board, "a", "{1}"), BOARD_CHANGED);
    assert_changed(board, &version, "b a");
    assert_changed(board, &version, "");
    assert_int_equal(set(board, "a", "{1}"), BOARD_SAME);
    assert_changed(board, &version, "");
    assert_int_equal(set(board, "a", "{2}"), BOARD_CHANGED);
    assert_changed(board, &version, "a");
    assert_true(slice_is(board_find(board, "a"), "{2}"));
    assert_int_equal(board_find(board, "c").size, 0);
}

static void who_is_slow_sees_the_newest_only(void **state)
{
    (void) state;
    owned(board_destroy) board_t *board = board_new();
    uint64_t version = 0;
    char item[32];
    const char *series;
    for (int i = 0; i < 100000; i++) {
        snprintf(item, sizeof item, "{\"n\":%d}", i);
        assert_int_equal(set(board, i % 2 ? "a" : "b", item), BOARD_CHANGED);
    }
    const frame_t *frame = board_next(board, &version, &series);
    assert_string_equal(series, "b");
    assert_memory_equal(frame->bytes, "event: latest\ndata: {\"n\":99998}\n\n", frame->size);
    assert_changed(board, &version, "a");
}

static void what_is_not_there_any_more_goes(void **state)
{
    (void) state;
    owned(board_destroy) board_t *board = board_new();
    uint64_t version = 0;
    set(board, "a", "{1}");
    set(board, "b", "{1}");
    board_begin(board);
    assert_int_equal(set(board, "b", "{1}"), BOARD_SAME);
    set(board, "c", "{1}");
    board_end(board);
    assert_int_equal(board_count(board), 2);
    assert_changed(board, &version, "b c");
    board_begin(board);
    board_end(board);
    assert_int_equal(board_count(board), 0);
    version = 0;
    assert_changed(board, &version, "");
}

static void a_frame_that_is_on_its_way_stays(void **state)
{
    (void) state;
    owned(board_destroy) board_t *board = board_new();
    uint64_t version = 0;
    const char *series;
    set(board, "a", "{1}");
    owned(frame_drop) frame_t *held = frame_hold(board_next(board, &version, &series));
    set(board, "a", "{2}");
    assert_memory_equal(held->bytes, "event: latest\ndata: {1}\n\n", held->size);
}

static void what_is_too_large_is_left_out(void **state)
{
    (void) state;
    owned(board_destroy) board_t *board = board_new();
    char *large = malloc(FRAME_BYTES_MAX + 1);
    memset(large, ' ', FRAME_BYTES_MAX);
    large[FRAME_BYTES_MAX] = '\0';
    assert_int_equal(set(board, "a", large), BOARD_LEFT_OUT);
    assert_int_equal(board_count(board), 0);
    set(board, "a", "{1}");
    board_begin(board);
    assert_int_equal(set(board, "a", large), BOARD_LEFT_OUT);
    board_end(board); // rather nothing than what is not so any more
    assert_int_equal(board_count(board), 0);
    large[2000] = '\0';
    assert_int_equal(set(board, large, "{}"), BOARD_LEFT_OUT);
    free(large);
}

static void there_is_a_limit_to_series(void **state)
{
    (void) state;
    owned(board_destroy) board_t *board = board_new();
    char series[16];
    for (int i = 0; i <= BOARD_SERIES_MAX; i++) {
        snprintf(series, sizeof series, "%08d", i);
        assert_int_equal(set(board, series, "{}"),
                         i < BOARD_SERIES_MAX ? BOARD_CHANGED : BOARD_LEFT_OUT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_changed_is_found_once),
        cmocka_unit_test(who_is_slow_sees_the_newest_only),
        cmocka_unit_test(what_is_not_there_any_more_goes),
        cmocka_unit_test(a_frame_that_is_on_its_way_stays),
        cmocka_unit_test(what_is_too_large_is_left_out),
        cmocka_unit_test(there_is_a_limit_to_series),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
