/*  top_board_test -- the picture that `top` draws: order, size, nothing that steers a terminal. */
#include "actors/cli/top_board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/owned.h"

#define NOW_US INT64_C(1700000000000000)

static void put_series(top_board_t *board, const char *name, const char *volume, const char *ratio)
{
    store_rule_t series = { .name = name, .count = 1, .fields = { { "ts", "1699999995000000" } } };
    if (volume)
        series.fields[series.count++] = (store_field_t){ "volume", volume };
    if (ratio)
        series.fields[series.count++] = (store_field_t){ "ratio", ratio };
    top_board_series(board, &series);
}

static void put_incident(top_board_t *board, const char *name, const char *state, const char *since)
{
    const store_rule_t incident = {
        .name = name,
        .count = 3,
        .fields = { { "state", state }, { "since", since }, { "severity", "critical" } },
    };
    top_board_incident(board, &incident);
}

static top_view_t view_of(unsigned lines, unsigned width, const char *sort)
{
    top_view_t view = { .lines = lines, .width = width, .now_us = NOW_US, .health = "well: all" };
    snprintf(view.sort, sizeof view.sort, "%s", sort);
    return view;
}

static void draws(top_board_t *board, top_view_t view, const char *expected)
{
    owned(buffer_destroy) buffer_t out = { 0 };
    assert_true(top_board_draw(board, &view, &out));
    assert_string_equal(buffer_string(&out), expected);
}

static void what_there_is_stands_in_tables(void **state)
{
    (void) state;
    owned(top_board_destroy) top_board_t *board = top_board_new();
    assert_non_null(board);
    const store_actor_t collector = { "collector", "c1", 1, { { "records_s", "12" } } };
    const store_actor_t transform = { "transform", "t1", 1, { { "rows_s", "340" } } };
    top_board_actor(board, &collector);
    top_board_actor(board, &transform);
    put_incident(board, "spike:candle:x:A", "firing", "1699999880000000");
    put_incident(board, "spike:candle:x:B", "resolved", "1699999880000000");
    put_incident(board, "quiet:candle:x:B", "nodata", "1699999999000000");
    put_series(board, "candle:x:A", "10", "0.123456789012345");
    put_series(board, "candle:x:B", "9.5", NULL);
    put_series(board, "candle:x:C", "100", "2");
    draws(board, view_of(40, 200, "volume"),
          "well: all\n"
          "2 actors  12 records/s  340 rows/s  0 alerts/s, 0 to publish  3 series  2 firing\n"
          "\n"
          "INCIDENT  SERIES      STATE   SINCE  SEVERITY\n"
          "quiet     candle:x:B  nodata     1s  critical\n"
          "spike     candle:x:A  firing     2m  critical\n"
          "\n"
          "candle  AGE  volume v        ratio\n"
          "x:C      5s       100            2\n"
          "x:A      5s        10  0.123456789\n"
          "x:B      5s       9.5  -\n");
}

static void order_is_by_name_or_by_a_column_and_who_has_none_is_last(void **state)
{
    (void) state;
    owned(top_board_destroy) top_board_t *board = top_board_new();
    put_series(board, "candle:B", "1", "-3");
    put_series(board, "candle:A", "2", NULL);
    put_series(board, "candle:C", "1", "7");
    static const char head[] =
        "well: all\n"
        "0 actors  0 records/s  0 rows/s  0 alerts/s, 0 to publish  3 series  0 firing\n\n";
    char expected[512];
    snprintf(expected, sizeof expected, "%s%s", head,
             "candle  AGE  volume  ratio\n"
             "A        5s       2  -\n"
             "B        5s       1  -3\n"
             "C        5s       1      7\n");
    draws(board, view_of(40, 200, ""), expected);
    draws(board, view_of(40, 200, "nobody"), expected);
    top_view_t view = view_of(40, 200, "ratio");
    view.smallest_first = true;
    snprintf(expected, sizeof expected, "%s%s", head,
             "candle  AGE  volume  ratio ^\n"
             "B        5s       1  -3\n"
             "C        5s       1        7\n"
             "A        5s       2  -\n");
    draws(board, view, expected);
}

static void next_sort_goes_round(void **state)
{
    (void) state;
    owned(top_board_destroy) top_board_t *board = top_board_new();
    char sort[TOP_NAME_MAX + 1] = "";
    top_board_next_sort(board, sort);
    assert_string_equal(sort, "");
    put_series(board, "candle:A", "2", "1");
    static const char *const round[] = { "volume", "ratio", "", "volume" };
    for (size_t i = 0; i < sizeof round / sizeof *round; i++) {
        top_board_next_sort(board, sort);
        assert_string_equal(sort, round[i]);
    }
    snprintf(sort, sizeof sort, "nobody");
    top_board_next_sort(board, sort);
    assert_string_equal(sort, "");
}

static size_t lines_of(const char *text, size_t *widest)
{
    size_t lines = 0;
    *widest = 0;
    for (const char *end; (end = strchr(text, '\n')); text = end + 1, lines++)
        if ((size_t) (end - text) > *widest)
            *widest = (size_t) (end - text);
    assert_int_equal(*text, '\0');
    return lines;
}

static void a_picture_never_outgrows_its_screen(void **state)
{
    (void) state;
    owned(top_board_destroy) top_board_t *board = top_board_new();
    for (int i = 0; i < 300; i++) {
        char name[64];
        snprintf(name, sizeof name, "table%d:series-with-a-long-name-%d", i % 70, i);
        put_series(board, name, "123456789", "1");
        snprintf(name, sizeof name, "rule-%d:table:x", i);
        put_incident(board, name, "firing", "0");
    }
    for (unsigned lines = 1; lines < 60; lines++)
        for (unsigned width = 20; width < 120; width += 33) {
            owned(buffer_destroy) buffer_t out = { 0 };
            const top_view_t view = view_of(lines, width, "volume");
            size_t widest;
            assert_true(top_board_draw(board, &view, &out));
            assert_true(lines_of(buffer_string(&out), &widest) <= lines);
            assert_true(widest <= width);
        }
}

static void nothing_in_redis_steers_the_terminal(void **state)
{
    (void) state;
    owned(top_board_destroy) top_board_t *board = top_board_new();
    put_series(board, "can\033[2Jdle:\n\033]0;x\007:\xff", "\033[31m1", "\n");
    put_incident(board, "ru\033le:ser\nies", "fi\rring", "x");
    put_series(board, "no-colon", "1", "1");
    store_rule_t odd = { .name = "t:x", .count = 1, .fields = { { "co\033l", "1" } } };
    top_board_series(board, &odd);
    put_incident(board, "none", "firing", "1");
    owned(buffer_destroy) buffer_t out = { 0 };
    const top_view_t view = view_of(40, 200, "");
    assert_true(top_board_draw(board, &view, &out));
    const char *text = buffer_string(&out);
    for (const char *at = text; *at; at++)
        assert_true((*at >= ' ' && *at <= '~') || *at == '\n');
    size_t widest;
    assert_int_equal(lines_of(text, &widest), 11);
    assert_non_null(strstr(text, "ru?le"));
    assert_non_null(strstr(text, "?[31m1"));
    top_board_clear(board);
    buffer_clear(&out);
    assert_true(top_board_draw(board, &view, &out));
    assert_null(strstr(buffer_string(&out), "ru?le"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_there_is_stands_in_tables),
        cmocka_unit_test(order_is_by_name_or_by_a_column_and_who_has_none_is_last),
        cmocka_unit_test(next_sort_goes_round),
        cmocka_unit_test(a_picture_never_outgrows_its_screen),
        cmocka_unit_test(nothing_in_redis_steers_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
