/*  watermark: stops in time, goes on by itself, and does not flutter. */
#include "broker/stage/watermark.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "broker/stage/calls.h"

static uint64_t room; // UINT64_MAX: cannot be asked
static int asked;
static stage_calls_t honest;

static int told_room(const char *path, uint64_t *free_bytes, uint64_t *disk_bytes)
{
    (void) path;
    asked++;
    *free_bytes = room;
    *disk_bytes = 1000 << 20;
    errno = EIO;
    return room == UINT64_MAX ? -1 : 0;
}

static int begin(void **state)
{
    (void) state;
    honest = stage_calls;
    stage_calls.room = told_room;
    asked = 0;
    return 0;
}

static int end(void **state)
{
    (void) state;
    stage_calls = honest;
    return 0;
}

static void it_stops_below_and_goes_on_above(void **state)
{
    (void) state;
    const uint64_t disk = 100000;
    assert_false(watermark_is_low(false, 1000, 1000, disk));
    assert_true(watermark_is_low(false, 1000, 999, disk));
    assert_true(watermark_is_low(true, 1000, 1249, disk));
    assert_false(watermark_is_low(true, 1000, 1250, disk));
    assert_false(watermark_is_low(false, 0, 0, disk)); // no mark
    assert_false(watermark_is_low(true, 0, 0, disk));
    // At most a twentieth of a small disk.
    assert_false(watermark_is_low(false, 1000, 500, 10000));
    assert_true(watermark_is_low(false, 1000, 499, 10000));
    assert_false(watermark_is_low(true, 1000, 625, 10000));
}

static void the_disk_is_asked_now_and_then(void **state)
{
    (void) state;
    watermark_t mark = { .least = 10 << 20 };
    fault_t fault = { 0 };
    room = 10 << 20;
    assert_false(watermark_look(&mark, "/", 1, &fault));
    room = 9 << 20;
    assert_false(watermark_look(&mark, "/", WATERMARK_LOOK_US, &fault)); // not yet asked again
    assert_int_equal(asked, 1);
    assert_true(watermark_look(&mark, "/", WATERMARK_LOOK_US + 1, &fault));
    assert_string_equal(fault.text,
                        "9 MB are free at /; it goes on with 12 MB (stage_free_min_mb)");
    room = UINT64_MAX;
    assert_true(watermark_look(&mark, "/", WATERMARK_LOOK_US + 2, &fault)); // as it was
    room = 13 << 20;
    assert_false(watermark_look(&mark, "/", WATERMARK_LOOK_US + 3, &fault)); // at once
    room = UINT64_MAX;
    assert_false(watermark_look(&mark, "/", 9 * WATERMARK_LOOK_US, &fault));
}

static void a_real_disk_answers(void **state)
{
    (void) state;
    uint64_t free_bytes = 0, disk_bytes = 0;
    assert_int_equal(honest.room("/", &free_bytes, &disk_bytes), 0);
    assert_true(disk_bytes > 0 && free_bytes <= disk_bytes);
    assert_int_equal(honest.room("/no/such/place", &free_bytes, &disk_bytes), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_stops_below_and_goes_on_above),
        cmocka_unit_test_setup_teardown(the_disk_is_asked_now_and_then, begin, end),
        cmocka_unit_test_setup_teardown(a_real_disk_answers, begin, end),
    };
    return cmocka_run_group_tests_name("watermark", tests, NULL, NULL);
}
