/*  Objects go when they are too old or too many, the oldest first; lists never promise what is not
 *  there; the log stays.
 */
#include "actors/collector/expiry.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/stage/catalog.h"
#include "broker/stage/manifest.h"
#include "broker/stage/object_file.h"

enum { OBJECTS = 6, BYTES = 100 };

static char root[64];
static const char *const streams[] = { "a", "b" };

// Two streams of one segment; objects of 100 bytes, whose times alternate: a 1, b 2, a 3 ...
static int make_stage(void **state)
{
    (void) state;
    strcpy(root, "/tmp/expiry-test-XXXXXX");
    if (!mkdtemp(root))
        return -1;
    for (int s = 0; s < 2; s++) {
        fault_t fault;
        stage_t *stage = stage_open(root, "tw", streams[s], NULL, NULL, &fault);
        slice_t none = { 0 };
        assert_true(stage_append(stage, RECORD_TICK, 1, none, none, none));
        assert_true(stage_sync(stage, &fault));
        stage_destroy(&stage);
        manifest_t manifest = { .complete = true, .first_seq = 1, .last_seq = 1 };
        for (int i = s; i < OBJECTS; i += 2) {
            char path[64];
            snprintf(path, sizeof path, "host/%s/%d.json.gz", streams[s], i + 1);
            const manifest_object_t object = { .path = path, .last_us = i + 1, .bytes = BYTES };
            assert_true(manifest_add_object(&manifest, &object));
            object_writer_t *writer = object_writer_new(root, "tw", path, &fault);
            uint64_t bytes;
            assert_true(object_writer_finish(writer, &bytes, &fault));
            object_writer_destroy(&writer);
        }
        catalog_t catalog;
        assert_true(catalog_open(&catalog, root, "tw", streams[s], &fault));
        assert_true(manifest_save(&manifest, catalog.directory, &fault));
        catalog_close(&catalog);
        manifest_clear(&manifest);
    }
    return 0;
}

static int remove_stage(void **state)
{
    (void) state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static bool there(int number)
{
    char path[128];
    snprintf(path, sizeof path, "%s/tw.objects/host/%s/%d.json.gz", root, streams[(number - 1) % 2],
             number);
    return access(path, F_OK) == 0;
}

// Objects from `first` on are there, in files and lists, and no other.
static void check(int first)
{
    for (int s = 0; s < 2; s++) {
        fault_t fault;
        catalog_t catalog;
        assert_true(catalog_open(&catalog, root, "tw", streams[s], &fault));
        assert_int_equal(catalog.count, 1); // the log is there
        manifest_t manifest = { 0 };
        assert_true(manifest_load(&manifest, catalog.directory, 1, &fault));
        assert_int_equal(manifest.object_count, OBJECTS / 2);
        for (size_t i = 0; i < manifest.object_count; i++) {
            int number = (int) manifest.objects[i].last_us;
            assert_int_equal(manifest.objects[i].gone, number < first);
            assert_int_equal(there(number), number >= first);
        }
        manifest_clear(&manifest);
        catalog_close(&catalog);
    }
}

static uint64_t run(int64_t keep_us, uint64_t bytes_max, int64_t now_us, bool again)
{
    const expiry_limits_t limits = { keep_us, bytes_max };
    uint64_t gone = 0;
    fault_t fault;
    if (!expiry_run(root, "tw", streams, 2, &limits, now_us, again, &gone, &fault))
        fail_msg("%s", fault.text);
    return gone;
}

static void by_age(void **state)
{
    (void) state;
    assert_int_equal(run(0, 0, 1000, false), 0);
    check(1);
    assert_int_equal(run(10, 0, 10, false), 0);
    check(1);
    assert_int_equal(run(10, 0, 12, false), 2);
    check(3);
    assert_int_equal(run(10, 0, 12, false), 0);
    assert_int_equal(run(10, 0, 1000, false), 4);
    check(7);
}

static void by_size(void **state)
{
    (void) state;
    assert_int_equal(run(0, OBJECTS * BYTES, 0, false), 0);
    check(1);
    assert_int_equal(run(0, OBJECTS * BYTES - 1, 0, false), 1);
    check(2);
    assert_int_equal(run(0, 3 * BYTES, 0, false), 2);
    check(4);
    assert_int_equal(run(3, 2 * BYTES, 8, false), 2); // whichever asks for more: 5 by both
    check(6);
    assert_int_equal(run(0, 1, 0, false), 1);
    check(7);
}

static void what_was_struck_off_goes_with_the_next_life(void **state)
{
    (void) state;
    assert_int_equal(run(10, 0, 13, false), 3);
    fault_t fault;
    object_writer_t *writer = object_writer_new(root, "tw", "host/a/1.json.gz", &fault);
    uint64_t bytes;
    assert_true(object_writer_finish(writer, &bytes, &fault));
    object_writer_destroy(&writer);
    assert_int_equal(run(10, 0, 13, false), 0);
    assert_true(there(1));
    assert_int_equal(run(10, 0, 13, true), 0);
    check(4);
}

// A segment that was removed leaves its objects, and the list of them until the last is gone.
static void objects_outlive_their_segment(void **state)
{
    (void) state;
    char segment[128], later[128], list[128];
    snprintf(segment, sizeof segment, "%s/tw/a/%020d.seg", root, 1);
    snprintf(later, sizeof later, "%s/tw/a/%020d.seg", root, 2);
    snprintf(list, sizeof list, "%s/tw/a/%020d.objects", root, 1);
    assert_int_equal(rename(segment, later), 0);
    assert_int_equal(run(1000, 0, 1003, false), 3);
    assert_true(!there(1) && !there(3) && there(5));
    assert_int_equal(access(list, F_OK), 0);
    assert_int_equal(run(1000, 0, 2000, false), 3);
    assert_false(there(5));
    assert_int_equal(access(list, F_OK), -1);
    snprintf(list, sizeof list, "%s/tw/b/%020d.objects", root, 1);
    assert_int_equal(access(list, F_OK), 0); // its segment is there
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(by_age, make_stage, remove_stage),
        cmocka_unit_test_setup_teardown(by_size, make_stage, remove_stage),
        cmocka_unit_test_setup_teardown(what_was_struck_off_goes_with_the_next_life, make_stage,
                                        remove_stage),
        cmocka_unit_test_setup_teardown(objects_outlive_their_segment, make_stage, remove_stage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
