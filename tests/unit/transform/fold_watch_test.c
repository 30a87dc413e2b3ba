/*  Who watches the fold is told of each row that it takes in, and of none that it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scene.h"

#define SECOND INT64_C(1000000)

enum { TAKEN_MOST = 32 };

static struct {
    size_t count;
    int64_t ts[TAKEN_MOST], floor_us[TAKEN_MOST];
    bool revised[TAKEN_MOST];
} told;

static bool note(void *context, const fold_taken_t *taken)
{
    (void) context;
    assert_true(told.count < TAKEN_MOST);
    assert_true(slice_is(taken->series, "candle:x:a"));
    told.ts[told.count] = rows_ts(taken->block, taken->row);
    told.floor_us[told.count] = taken->floor_us;
    told.revised[told.count++] = taken->revised;
    return true;
}

static bool no_memory(void *context, const fold_taken_t *taken)
{
    (void) context, (void) taken;
    return false;
}

static void open_watched(scene_t *scene)
{
    told.count = 0;
    scene_open(scene, spike, NULL);
    fold_watch(scene->fold, note);
}

static void assert_told(const int64_t *seconds, size_t count)
{
    assert_int_equal(told.count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(told.ts[i], seconds[i] * SECOND);
}

static void test_taken(void **state)
{
    (void) state;
    scene_t scene;
    feed_lateness_us = 5 * SECOND;
    open_watched(&scene);
    row(&scene, 10 * SECOND, "1", "a", false);
    row(&scene, 10 * SECOND, "1", "a", false); // a duplicate
    row(&scene, 10 * SECOND, "2", "a", false); // revised
    row(&scene, 6 * SECOND, "1", "a", false);
    row(&scene, 12 * SECOND, "1", "a", false);
    row(&scene, 6 * SECOND, "1", "b", false); // late
    assert_told((int64_t[]){ 10, 10, 6, 12 }, 4);
    assert_true(told.revised[1]);
    assert_false(told.revised[0] || told.revised[2] || told.revised[3]);
    assert_int_equal(told.floor_us[3], 7 * SECOND);
    scene_close(&scene);
    feed_lateness_us = 0;
}

// Where there are more open rows than there may be, the oldest close before their time: what comes
// for them is late.
static void test_closed_early(void **state)
{
    (void) state;
    scene_t scene;
    feed_lateness_us = 100 * SECOND;
    feed_open_max = 3;
    open_watched(&scene);
    for (int64_t i = 1; i <= 5; i++)
        row(&scene, i * SECOND, "1", "a", false);
    row(&scene, 2 * SECOND, "2", "a", false);
    assert_told((int64_t[]){ 1, 2, 3, 4, 5 }, 5);
    assert_int_equal(told.floor_us[4], 2 * SECOND + 1);
    scene_close(&scene);
    feed_open_max = OPEN_ROWS_MAX;
    feed_lateness_us = 0;
}

static void test_no_memory(void **state)
{
    (void) state;
    scene_t scene;
    open_watched(&scene);
    fold_watch(scene.fold, no_memory);
    feed_row_t fresh = { .pair = "a", .ts = SECOND, .identity = "a" };
    assert_false(feed(scene.fold, "s", 2, &fresh, 1, false));
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_closed_early),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
