/*  What the api prepares, when the n-th allocation fails: a row, an alert or a viewer is there
 *  whole or not at all, and an alert that could not be kept is told as a gap.
 */
#include "tests/nth/nth.h"

#include <string.h>

#include "actors/api/answer.h"
#include "actors/api/backlog.h"
#include "actors/api/follower.h"
#include "actors/api/ration.h"
#include "proto/owned.h"

static void read_all(follower_t *follower, const scene_t *scene, buffer_t *out)
{
    uint8_t piece[64];
    bool more;
    int64_t steps = RATION_SHARE_MAX;
    for (long size;
         (size = follower_read(follower, scene, piece, sizeof piece, &steps, &more)) > 0;)
        buffer_append(out, piece, (size_t) size);
}

static bool fill(scene_t *scene)
{
    bool good = board_set(scene->board, "t:a", slice_text("{1}")) == BOARD_CHANGED;
    good = board_set(scene->board, "t:b", slice_text("{2}")) == BOARD_CHANGED && good;
    return scene_health(scene, slice_text("{}")) && good;
}

static void a_row_is_there_or_left_out(void **state)
{
    (void) state;
    nth_t nth = nth_over(NTH_MEMORY);
    while (nth_next(&nth)) {
        owned(scene_close) scene_t scene;
        nth_arm(&nth);
        bool done = scene_open(&scene) && fill(&scene);
        nth_disarm(&nth);
        if (!scene.board || !scene.reel)
            continue;
        if (!done)
            fill(&scene);
        assert_int_equal(board_count(scene.board), 2);
        assert_true(slice_is(board_find(scene.board, "t:a"), "{1}"));
        assert_true(slice_is(board_find(scene.board, "t:b"), "{2}"));
        assert_non_null(scene.health);
    }
}

static void add(scene_t *scene, uint64_t n)
{
    reel_add(scene->reel, (reel_id_t){ 1, n }, slice_text("r"), slice_text("t:a"),
             slice_text("{}"));
}

static void an_alert_is_told_or_a_gap(void **state)
{
    (void) state;
    nth_t nth = nth_over(NTH_MEMORY);
    while (nth_next(&nth)) {
        owned(scene_close) scene_t scene;
        owned(buffer_destroy) buffer_t out = { 0 };
        assert_true(scene_open(&scene));
        reel_is_empty(scene.reel);
        nth_arm(&nth);
        owned(follower_destroy) follower_t *follower =
            follower_new(&scene, "*", "t:*", &(reel_id_t){ 0 });
        for (uint64_t n = 1; n < 4; n++)
            add(&scene, n);
        nth_disarm(&nth);
        add(&scene, 4);
        if (!follower)
            continue;
        read_all(follower, &scene, &out);
        bool gap = strstr(buffer_string(&out), "event: gap") != NULL;
        assert_true(gap == (reel_count(scene.reel) < 4));
        assert_non_null(strstr(buffer_string(&out), "id: 1-4\n"));
    }
}

static void a_gap_that_cannot_be_told_ends_the_stream(void **state)
{
    (void) state;
    nth_t nth = nth_over(NTH_MEMORY);
    while (nth_next(&nth)) {
        owned(scene_close) scene_t scene;
        uint8_t bytes[256];
        bool more;
        assert_true(scene_open(&scene));
        owned(follower_destroy) follower_t *follower =
            follower_new(&scene, NULL, NULL, &(reel_id_t){ 0 });
        assert_non_null(follower);
        add(&scene, 1);
        nth_arm(&nth);
        int64_t steps = RATION_SHARE_MAX;
        long size = follower_read(follower, &scene, bytes, sizeof bytes - 1, &steps, &more);
        nth_disarm(&nth);
        if (size < 0)
            continue;
        bytes[size] = '\0';
        assert_non_null(strstr((char *) bytes, "event: gap"));
        assert_non_null(strstr((char *) bytes, "id: 1-1"));
    }
}

static void see(void *context, reel_id_t id, slice_t rule, slice_t series, slice_t body)
{
    int *count = context;
    assert_true(slice_is(rule, "rule") && slice_is(series, "series") && slice_is(body, "{}"));
    assert_true(*count == 0 || id.n == (uint64_t) *count + 1); // none is missing between two
    *count = (int) id.n;
}

// Three pages, each older than the one before.
static void fill_backlog(backlog_t *backlog)
{
    enum { PAGES = 3, PAGE = 100 };
    for (int page = PAGES; page-- > 0;) {
        backlog_page(backlog);
        for (int i = 1; i <= PAGE; i++) {
            char at[REEL_ID_MAX];
            reel_id_write((reel_id_t){ 1, (uint64_t) (page * PAGE + i) }, at);
            backlog_add(backlog, at,
                        &(store_logged_t){ .rule = slice_text("rule"),
                                           .series = slice_text("series"),
                                           .body = slice_text("{}") });
        }
    }
}

static void what_a_backlog_lacks_is_older_than_what_it_tells(void **state)
{
    (void) state;
    nth_t nth = nth_over(NTH_MEMORY);
    while (nth_next(&nth)) {
        nth_arm(&nth);
        owned(backlog_destroy) backlog_t *backlog = backlog_new();
        if (backlog)
            fill_backlog(backlog);
        nth_disarm(&nth);
        int last = 0;
        if (!backlog)
            continue;
        assert_true(backlog_is_cut(backlog) || backlog_oldest(backlog).n == 1);
        backlog_tell(backlog, (reel_id_t){ 0 }, see, &last);
        assert_true(last == 300 || (last == 0 && backlog_is_cut(backlog)));
    }
}

static void an_answer_is_whole_or_none(void **state)
{
    (void) state;
    nth_t nth = nth_over(NTH_MEMORY);
    while (nth_next(&nth)) {
        owned(answer_destroy) answer_t answer = { 0 };
        nth_arm(&nth);
        buffer_t body = { 0 };
        for (int i = 0; i < 1000; i++)
            buffer_text(&body, "{\"a\":1}");
        bool done = answer_make(&answer, &body);
        nth_disarm(&nth);
        assert_true(done ? answer.plain.size == 7000 && answer.gzip.size > 0
                         : answer.plain.size == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_there_or_left_out),
        cmocka_unit_test(an_alert_is_told_or_a_gap),
        cmocka_unit_test(a_gap_that_cannot_be_told_ends_the_stream),
        cmocka_unit_test(what_a_backlog_lacks_is_older_than_what_it_tells),
        cmocka_unit_test(an_answer_is_whole_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
