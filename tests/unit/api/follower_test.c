/*  follower_test -- what a viewer of the event stream reads: every alert once or a gap, the
 *  newest row of each series, in pieces of any size.
 */
#include "actors/api/follower.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "actors/api/ration.h"
#include "proto/buffer.h"
#include "proto/owned.h"

static void add(scene_t *scene, uint64_t n, const char *rule, const char *series)
{
    char item[32];
    snprintf(item, sizeof item, "{\"n\":%d}", (int) n);
    assert_true(reel_add(scene->reel, (reel_id_t){ 1, n }, slice_text(rule), slice_text(series),
                         slice_text(item)));
}

static scene_t of_two_alerts(void)
{
    scene_t scene;
    assert_true(scene_open(&scene));
    reel_is_empty(scene.reel);
    add(&scene, 1, "spike", "t:a");
    add(&scene, 2, "calm", "t:b");
    return scene;
}

static void assert_read(follower_t *follower, const scene_t *scene, size_t piece,
                        const char *wanted)
{
    owned(buffer_destroy) buffer_t got = { 0 };
    uint8_t bytes[4096];
    bool more;
    int64_t steps = RATION_SHARE_MAX;
    for (long size; (size = follower_read(follower, scene, bytes, piece, &steps, &more)) != 0;) {
        assert_true(size > 0);
        buffer_append(&got, bytes, (size_t) size);
    }
    assert_string_equal(buffer_string(&got), wanted);
}

#define ALERT(n) "id: 1-" #n "\nevent: alert\ndata: {\"n\":" #n "}\n\n"
#define HELLO(id) "retry: 3000\nid: " id "\n\n"
// Who is cut off in between must not come back as if it had seen the gap.
#define HELLO_THEN_GAP "retry: 3000\n\n"
#define GAP(from, to) "event: gap\ndata: {\"from\":\"" from "\",\"to\":\"" to "\"}\n\n"

static void who_comes_sees_how_things_are(void **state)
{
    (void) state;
    for (size_t piece = 1; piece < 200; piece++) {
        owned(scene_close) scene_t scene = of_two_alerts();
        scene_health(&scene, slice_text("{\"ready\":true}"));
        board_set(scene.board, "t:a", slice_text("{1}"));
        owned(follower_destroy) follower_t *follower = follower_new(&scene, NULL, NULL, NULL);
        assert_read(follower, &scene, piece,
                    HELLO("1-2") "event: health\ndata: {\"ready\":true}\n\n"
                                 "event: latest\ndata: {1}\n\n");
        scene_health(&scene, slice_text("{\"ready\":true}")); // as before
        board_set(scene.board, "t:a", slice_text("{2}"));
        add(&scene, 3, "spike", "t:a");
        assert_read(follower, &scene, piece, ALERT(3) "event: latest\ndata: {2}\n\n");
        scene.pings++;
        assert_read(follower, &scene, piece, ": ping\nid: 1-3\n\n");
    }
}

static void who_comes_again_goes_on(void **state)
{
    (void) state;
    owned(scene_close) scene_t scene = of_two_alerts();
    owned(follower_destroy) follower_t *all =
        follower_new(&scene, NULL, NULL, &(reel_id_t){ 0, 0 });
    assert_read(all, &scene, 7, HELLO("0-0") ALERT(1) ALERT(2));
    owned(follower_destroy) follower_t *one =
        follower_new(&scene, NULL, NULL, &(reel_id_t){ 1, 1 });
    assert_read(one, &scene, 4096, HELLO("1-1") ALERT(2));
    // Another api was ahead of this one.
    owned(follower_destroy) follower_t *ahead =
        follower_new(&scene, NULL, NULL, &(reel_id_t){ 1, 3 });
    add(&scene, 3, "spike", "t:a");
    add(&scene, 4, "spike", "t:a");
    assert_read(ahead, &scene, 4096, HELLO("1-3") ALERT(4));
}

static void patterns_choose(void **state)
{
    (void) state;
    owned(scene_close) scene_t scene = of_two_alerts();
    board_set(scene.board, "t:a", slice_text("{1}"));
    board_set(scene.board, "t:b", slice_text("{2}"));
    const reel_id_t first = { 0 };
    owned(follower_destroy) follower_t *rule = follower_new(&scene, "sp*", NULL, &first);
    assert_read(rule, &scene, 4096,
                HELLO("0-0") ALERT(1) "event: latest\ndata: {1}\n\nevent: latest\ndata: {2}\n\n");
    owned(follower_destroy) follower_t *series = follower_new(&scene, NULL, "*:b", &first);
    assert_read(series, &scene, 4096, HELLO("0-0") ALERT(2) "event: latest\ndata: {2}\n\n");
    owned(follower_destroy) follower_t *none = follower_new(&scene, "spike", "t:b", &first);
    assert_read(none, &scene, 4096, HELLO("0-0") "event: latest\ndata: {2}\n\n");
}

static void what_is_gone_is_a_gap(void **state)
{
    (void) state;
    owned(scene_close) scene_t scene = of_two_alerts();
    owned(follower_destroy) follower_t *follower =
        follower_new(&scene, "spike", NULL, &(reel_id_t){ 1, 1 });
    for (uint64_t n = 3; n <= REEL_ENTRIES_MAX + 2; n++)
        add(&scene, n, n == REEL_ENTRIES_MAX + 2 ? "spike" : "calm", "t:a");
    assert_int_equal(reel_count(scene.reel), REEL_ENTRIES_MAX);
    assert_read(follower, &scene, 4096,
                HELLO("1-1") GAP("1-1", "1-3") "id: 1-4098\nevent: alert\ndata: {\"n\":4098}\n\n");
    _Static_assert(REEL_ENTRIES_MAX == 4096, "as above");
    // Who had seen all that is gone has none.
    owned(follower_destroy) follower_t *other =
        follower_new(&scene, "spike", NULL, &(reel_id_t){ 1, 2 });
    assert_read(other, &scene, 4096,
                HELLO("1-2") "id: 1-4098\nevent: alert\ndata: {\"n\":4098}\n\n");
}

static void what_was_never_here_is_a_gap(void **state)
{
    (void) state;
    owned(scene_close) scene_t scene = of_two_alerts();
    owned(follower_destroy) follower_t *follower = follower_new(&scene, NULL, NULL, NULL);
    assert_false(reel_add(scene.reel, (reel_id_t){ 1, 8 }, slice_text("r"), slice_text("s"),
                          slice_text(""))); // is none
    add(&scene, 9, "spike", "t:a");
    assert_read(follower, &scene, 4096, HELLO("1-2") GAP("1-2", "1-9") ALERT(9));
    assert_false(reel_add(scene.reel, (reel_id_t){ 1, 9 }, slice_text("r"), slice_text("s"),
                          slice_text("{}")));
}

static void who_was_sent_no_alert_can_go_on(void **state)
{
    (void) state;
    owned(scene_close) scene_t scene = of_two_alerts();
    owned(follower_destroy) follower_t *calm = follower_new(&scene, "none", NULL, NULL);
    assert_read(calm, &scene, 4096, HELLO("1-2"));
    add(&scene, 3, "spike", "t:a"); // is none for it
    assert_read(calm, &scene, 4096, "");
    scene.pings++;
    assert_read(calm, &scene, 4096, ": ping\nid: 1-3\n\n");
    // Nor was there anything to be sent to who came before all.
    reel_is_empty(scene.reel);
    owned(follower_destroy) follower_t *first = follower_new(&scene, NULL, NULL, NULL);
    assert_read(first, &scene, 4096, HELLO("0-0"));
    add(&scene, 4, "spike", "t:a");
    owned(follower_destroy) follower_t *again = follower_new(&scene, NULL, NULL, &(reel_id_t){ 0 });
    assert_read(again, &scene, 4096, HELLO("0-0") ALERT(4));
}

static void what_an_emptied_log_has_lost_is_a_gap(void **state)
{
    (void) state;
    owned(scene_close) scene_t scene = of_two_alerts();
    owned(follower_destroy) follower_t *stays = follower_new(&scene, NULL, NULL, NULL);
    assert_read(stays, &scene, 4096, HELLO("1-2"));
    reel_rewind(scene.reel, (reel_id_t){ 0 });
    follower_rewind(stays, (reel_id_t){ 0 });
    reel_is_empty(scene.reel);
    assert_read(stays, &scene, 4096, "id: 0-0\n" GAP("1-2", "0-0"));
    add(&scene, 3, "spike", "t:a");
    assert_read(stays, &scene, 4096, ALERT(3));
    owned(follower_destroy) follower_t *back =
        follower_new(&scene, NULL, NULL, &(reel_id_t){ 1, 2 });
    assert_read(back, &scene, 4096, HELLO("1-2") GAP("1-2", "1-3") ALERT(3));
}

static void what_an_older_log_has_lost_is_a_gap(void **state)
{
    (void) state;
    owned(scene_close) scene_t scene = of_two_alerts();
    for (uint64_t n = 3; n <= 6; n++)
        add(&scene, n, "spike", "t:a");
    owned(follower_destroy) follower_t *quick = follower_new(&scene, NULL, NULL, NULL);
    owned(follower_destroy) follower_t *slow =
        follower_new(&scene, NULL, NULL, &(reel_id_t){ 1, 2 });
    const reel_id_t common = { 1, 3 };
    reel_rewind(scene.reel, common);
    follower_rewind(quick, common);
    follower_rewind(slow, common);
    assert_int_equal(reel_last(scene.reel).n, 3);
    add(&scene, 5, "spike", "t:b"); // an id that was another's, or is above all before
    add(&scene, 7, "spike", "t:b");
    assert_read(quick, &scene, 4096,
                HELLO_THEN_GAP "id: 1-3\n" GAP("1-6", "1-3") ALERT(5) ALERT(7));
    assert_read(slow, &scene, 4096, HELLO("1-2") ALERT(3) ALERT(5) ALERT(7));
    // Who comes back has seen what this log never had.
    owned(follower_destroy) follower_t *back =
        follower_new(&scene, NULL, NULL, &(reel_id_t){ 1, 6 });
    assert_read(back, &scene, 4096, HELLO("1-6") GAP("1-6", "1-7") ALERT(7));
}

static void who_is_ahead_of_the_log_hears_that_it_went_back(void **state)
{
    (void) state;
    owned(scene_close) scene_t scene = of_two_alerts();
    owned(follower_destroy) follower_t *ahead =
        follower_new(&scene, NULL, NULL, &(reel_id_t){ 1, 9 });
    assert_read(ahead, &scene, 4096, HELLO("1-9"));
    scene.looks++; // may have begun before it came
    add(&scene, 3, "spike", "t:a");
    assert_read(ahead, &scene, 4096, "");
    scene.looks++;
    assert_read(ahead, &scene, 4096, "id: 1-2\n" GAP("1-9", "1-2") ALERT(3));
}

static void entries_are_found_by_the_next_id(void **state)
{
    (void) state;
    owned(scene_close) scene_t scene = of_two_alerts();
    add(&scene, 5, "spike", "t:a");
    const uint64_t before[] = { 0, 0, 1, 2, 2, 2, 5 };
    for (uint64_t n = 0; n < sizeof before / sizeof *before; n++)
        assert_int_equal(reel_before(scene.reel, (reel_id_t){ 1, n }).n, before[n]);
}

static void bytes_are_bounded(void **state)
{
    (void) state;
    owned(scene_close) scene_t scene = of_two_alerts();
    static uint8_t large[FRAME_BYTES_MAX / 2];
    memset(large, 'x', sizeof large);
    for (uint64_t n = 3; n < 400; n++)
        assert_true(reel_add(scene.reel, (reel_id_t){ 1, n }, slice_text("r"), slice_text("s"),
                             slice_of(large, sizeof large)));
    assert_int_equal(reel_count(scene.reel), REEL_BYTES_MAX / sizeof large - 1);
    static uint8_t larger[FRAME_BYTES_MAX + 1];
    assert_false(reel_add(scene.reel, (reel_id_t){ 2, 0 }, slice_text("r"), slice_text("s"),
                          slice_of(larger, sizeof larger)));
}

// Some patterns cost the product of both lengths, and all viewers wait meanwhile.
static void comparing_has_an_end(void **state)
{
    (void) state;
    enum { SERIES = 200, NAME = 1000 };
    owned(scene_close) scene_t scene = of_two_alerts();
    char name[NAME + 1], pattern[FOLLOWER_GLOB_MAX + 1];
    memset(name, 'a', NAME);
    name[NAME] = '\0';
    for (int i = 0; i < SERIES; i++) {
        char digits[16];
        snprintf(digits, sizeof digits, "%03d", i);
        memcpy(name, digits, 3);
        assert_int_equal(board_set(scene.board, name, slice_text("{}")), BOARD_CHANGED);
    }
    memset(pattern, 'a', FOLLOWER_GLOB_MAX);
    pattern[0] = '*';
    pattern[FOLLOWER_GLOB_MAX - 1] = 'b';
    pattern[FOLLOWER_GLOB_MAX] = '\0';
    owned(follower_destroy) follower_t *follower = follower_new(&scene, NULL, pattern, NULL);
    uint8_t bytes[4096];
    bool more = true;
    int64_t steps = RATION_SHARE_MAX;
    assert_true(follower_read(follower, &scene, bytes, sizeof bytes, &steps, &more) > 0 && more);
    scene.pings++;
    size_t reads = 1;
    for (; more && reads < SERIES; reads++) {
        steps = RATION_SHARE_MAX;
        long size = follower_read(follower, &scene, bytes, sizeof bytes, &steps, &more);
        assert_int_equal(size > 0, !more); // no id before all was compared
        assert_true(steps > -NAME * FOLLOWER_GLOB_MAX);
    }
    // Each letter but the last ones is where the pattern is tried.
    enum { STEPS = SERIES * (NAME - FOLLOWER_GLOB_MAX) * (FOLLOWER_GLOB_MAX - 1) };
    assert_in_range(reads, STEPS / RATION_SHARE_MAX, 2 * (STEPS / RATION_SHARE_MAX));
    steps = RATION_SHARE_MAX;
    assert_int_equal(follower_read(follower, &scene, bytes, sizeof bytes, &steps, &more), 0);
    assert_false(more);
}

// A pattern that differs at its first letter costs next to nothing.
static void one_series_among_many_is_found_at_once(void **state)
{
    (void) state;
    enum { SERIES = 20000 };
    owned(scene_close) scene_t scene;
    assert_true(scene_open(&scene));
    reel_is_empty(scene.reel);
    char name[64] = "";
    for (int i = 0; i < SERIES; i++) {
        snprintf(name, sizeof name, "candle:an-exchange:of-some-pair-%05d", i);
        assert_int_equal(board_set(scene.board, name, slice_text("{}")), BOARD_CHANGED);
    }
    owned(follower_destroy) follower_t *follower = follower_new(&scene, NULL, name, NULL);
    owned(follower_destroy) follower_t *other = follower_new(&scene, NULL, "trade:*", NULL);
    assert_read(other, &scene, 4096, HELLO("0-0"));
    assert_read(follower, &scene, 4096, HELLO("0-0") "event: latest\ndata: {}\n\n");
}

// Who compares nothing needs no steps; who does is told what it need not compare.
static void who_may_not_compare_sees_the_rest(void **state)
{
    (void) state;
    owned(scene_close) scene_t scene = of_two_alerts();
    scene_health(&scene, slice_text("{}"));
    board_set(scene.board, "t:a", slice_text("{1}"));
    owned(follower_destroy) follower_t *all =
        follower_new(&scene, NULL, NULL, &(reel_id_t){ 1, 1 });
    owned(follower_destroy) follower_t *one = follower_new(&scene, NULL, "t:a", NULL);
    uint8_t bytes[4096];
    bool more;
    int64_t steps = 0;
    long size = follower_read(all, &scene, bytes, sizeof bytes - 1, &steps, &more);
    assert_true(size > 0 && !more && steps == 0);
    bytes[size] = '\0';
    assert_string_equal((char *) bytes, HELLO("1-1") "event: health\ndata: {}\n\n" ALERT(
                                            2) "event: latest\ndata: {1}\n\n");
    size = follower_read(one, &scene, bytes, sizeof bytes - 1, &steps, &more);
    assert_true(size > 0 && more && steps == 0);
    bytes[size] = '\0';
    assert_string_equal((char *) bytes, HELLO("1-2") "event: health\ndata: {}\n\n");
    assert_read(one, &scene, 4096, "event: latest\ndata: {1}\n\n");
}

static void nothing_breaks_a_line(void **state)
{
    (void) state;
    owned(frame_drop) frame_t *frame =
        frame_new("alert", "1-1\nx", slice_of("{\n\r\0event: x}", 13));
    static const char wanted[] = "id: 1-1 x\nevent: alert\ndata: {   event: x}\n\n";
    assert_int_equal(frame->size, sizeof wanted - 1);
    assert_memory_equal(frame->bytes, wanted, sizeof wanted - 1);
}

static void ids_are_exact(void **state)
{
    (void) state;
    static const char *const bad[] = { "",
                                       "1",
                                       "1-",
                                       "-1",
                                       "1-1 ",
                                       " 1-1",
                                       "+1-1",
                                       "01-1",
                                       "1-0x",
                                       "1--1",
                                       "18446744073709551616-0",
                                       "1-18446744073709551616",
                                       "1-1-1",
                                       "a-b",
                                       "00-0" };
    static const char *const good[] = { "0-0", "1-0", "1700000000000-17",
                                        "18446744073709551615-18446744073709551615" };
    reel_id_t id;
    char text[REEL_ID_MAX];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (reel_id_read(bad[i], &id))
            fail_msg("'%s' is none", bad[i]);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(reel_id_read(good[i], &id));
        reel_id_write(id, text);
        assert_string_equal(text, good[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_comes_sees_how_things_are),
        cmocka_unit_test(who_comes_again_goes_on),
        cmocka_unit_test(patterns_choose),
        cmocka_unit_test(what_is_gone_is_a_gap),
        cmocka_unit_test(what_was_never_here_is_a_gap),
        cmocka_unit_test(who_was_sent_no_alert_can_go_on),
        cmocka_unit_test(what_an_emptied_log_has_lost_is_a_gap),
        cmocka_unit_test(what_an_older_log_has_lost_is_a_gap),
        cmocka_unit_test(who_is_ahead_of_the_log_hears_that_it_went_back),
        cmocka_unit_test(entries_are_found_by_the_next_id),
        cmocka_unit_test(bytes_are_bounded),
        cmocka_unit_test(comparing_has_an_end),
        cmocka_unit_test(one_series_among_many_is_found_at_once),
        cmocka_unit_test(who_may_not_compare_sees_the_rest),
        cmocka_unit_test(nothing_breaks_a_line),
        cmocka_unit_test(ids_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
