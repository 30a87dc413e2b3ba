/*  A list of objects comes back from its text, on disk and off; rubbish and paths that lead away
 *  are refused.
 */
#include "broker/stage/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>

#include "proto/owned.h"
#include "tests/unit/stage/scratch.h"

static void fill(manifest_t *self)
{
    *self = (manifest_t){ .complete = true, .first_seq = 7, .last_seq = 99, .sum = UINT64_MAX };
    assert_true(manifest_add_route(self, "binance-1m", "api.binance.com/v3"));
    assert_true(manifest_add_route(self, "push", "push/push"));
    char path[64];
    for (uint64_t i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "api.binance.com/v3/2023-03-01/%d-c-8.json.gz", (int) i);
        const manifest_object_t object = { .path = path,
                                           .first_seq = 8 + i,
                                           .last_seq = 20,
                                           .first_us = -1,
                                           .last_us = INT64_MAX,
                                           .records = 3,
                                           .plain_bytes = 1000,
                                           .bytes = 10,
                                           .gone = i == 3 };
        assert_true(manifest_add_object(self, &object));
    }
}

static void check(const manifest_t *self)
{
    assert_true(self->complete && self->sum == UINT64_MAX);
    assert_int_equal(self->first_seq, 7);
    assert_int_equal(self->last_seq, 99);
    assert_string_equal(manifest_route(self, slice_text("push")), "push/push");
    assert_null(manifest_route(self, slice_text("pus")));
    assert_int_equal(self->object_count, 5);
    const manifest_object_t *last = &self->objects[4];
    assert_string_equal(last->path, "api.binance.com/v3/2023-03-01/4-c-8.json.gz");
    assert_true(last->first_seq == 12 && last->last_seq == 20 && last->first_us == -1);
    assert_true(last->last_us == INT64_MAX && last->records == 3 && last->plain_bytes == 1000);
    assert_true(last->bytes == 10 && !last->gone && self->objects[3].gone);
}

static void comes_back(void **state)
{
    (void) state;
    scratch_t scratch = scratch_new();
    int directory = open(scratch.path, O_PATH | O_DIRECTORY);
    manifest_t manifest, found = { 0 };
    fault_t fault;
    fill(&manifest);
    assert_true(manifest_load(&found, directory, 7, &fault));
    assert_int_equal(found.first_seq, 0); // there is none
    assert_true(manifest_save(&manifest, directory, &fault));
    assert_true(manifest_load(&found, directory, 7, &fault));
    check(&found);
    assert_true(manifest_remove(directory, 7) && manifest_remove(directory, 7));
    assert_true(manifest_load(&found, directory, 7, &fault));
    assert_int_equal(found.first_seq, 0);
    manifest_clear(&manifest);
    manifest_clear(&found);
    close(directory);
    scratch_destroy(&scratch);
}

static void part_of_it_is_none(void **state)
{
    (void) state;
    manifest_t manifest, found = { 0 };
    owned(buffer_destroy) buffer_t text = { 0 };
    fault_t fault;
    fill(&manifest);
    assert_true(manifest_encode(&manifest, &text));
    for (size_t size = 0; size < text.size; size++)
        assert_false(manifest_decode(&found, slice_of(text.data, size), &fault));
    assert_true(manifest_decode(&found, buffer_slice(&text), &fault));
    check(&found);
    buffer_text(&text, "begun\n");
    assert_false(manifest_decode(&found, buffer_slice(&text), &fault));
    manifest_clear(&manifest);
    manifest_clear(&found);
}

static void rubbish_is_refused(void **state)
{
    (void) state;
    static const char *const lines[] = {
        "route s ../up",
        "route s /etc",
        "route s a/../b",
        "route s a//b",
        "route s a/",
        "route s .hidden",
        "route s",
        "route s a b",
        "object a/b 1 2 3 4 5 6",
        "rubbish",
        "",
        "object ../b 1 2 3 4 5 6 7",
        "object a/b 1 2 3 4 5 6 7 8",
        "object a/b 1 2 3 4 5 6 x",
    };
    manifest_t found = { 0 };
    fault_t fault;
    char text[256];
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        snprintf(text, sizeof text, "tidewire objects 1\nsegment 1 2 0\n%s\ncomplete\n", lines[i]);
        if (manifest_decode(&found, slice_text(text), &fault))
            fail_msg("%s", lines[i]);
        assert_non_null(strstr(fault.text, "line 3"));
        assert_int_equal(found.route_count + found.object_count, 0);
    }
    assert_true(manifest_decode(
        &found, slice_text("tidewire objects 1\nsegment 1 2 0\nroute s a/b\nbegun\n"), &fault));
    assert_false(found.complete);
    manifest_clear(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(part_of_it_is_none),
        cmocka_unit_test(rubbish_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
