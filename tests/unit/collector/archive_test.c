/*  Objects of a segment: by route and day, holding every payload once, the same when they are made
 *  again after any interruption, and more of them than are written at a time.
 */
#include "actors/collector/archive.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/stage/manifest.h"
#include "broker/stage/object_file.h"
#include "broker/stage/object_line.h"
#include "proto/owned.h"

enum { SOURCES = 40, RECORDS = 400 };
#define DAY_US (INT64_C(86400) * 1000000)

static char root[64];
static bool renamed; // the configuration was changed

static int make_root(void **state)
{
    (void) state;
    renamed = false;
    strcpy(root, "/tmp/archive-test-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void) state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static void route(void *context, const char *source, char path[ROUTE_BYTES_MAX + 1])
{
    (void) context;
    // two sources share a path
    int number = atoi(source + 1);
    snprintf(path, ROUTE_BYTES_MAX, "host%s/r%d", renamed ? "2" : "", number == 1 ? 0 : number);
}

static void payload_of(uint64_t i, char *text, size_t size)
{
    snprintf(text, size, i % 3 ? "{\"n\": %" PRIu64 "}" : "line %" PRIu64 "\n", i);
}

// One sealed segment of records over two days, and the beginning of the next.
static catalog_t stage_records(void)
{
    fault_t fault;
    stage_t *stage = stage_open(root, "tw", "c", NULL, NULL, &fault);
    assert_non_null(stage);
    stage_seal_after(stage, 1000);
    slice_t none = { 0 };
    for (uint64_t i = 1; i <= RECORDS; i++) {
        char source[16], text[64];
        snprintf(source, sizeof source, "s%d", (int) (i % SOURCES));
        payload_of(i, text, sizeof text);
        // the second day begins in the middle
        int64_t us = 20000 * DAY_US - RECORDS / 2 + (int64_t) i;
        assert_int_equal(
            stage_append(stage, RECORD_PAYLOAD, us, slice_text(source), none, slice_text(text)), i);
    }
    assert_true(stage_sync(stage, &fault));
    assert_false(stage_segment_is_full(stage));
    assert_true(stage_append(stage, RECORD_TICK, 20000 * DAY_US + 5000, none, none, none));
    assert_true(stage_sync(stage, &fault));
    assert_true(stage_segment_is_full(stage)); // its records span the time
    assert_true(stage_append(stage, RECORD_TICK, 20000 * DAY_US + 5001, none, none, none));
    assert_true(stage_sync(stage, &fault));
    stage_destroy(&stage);
    catalog_t catalog;
    assert_true(catalog_open(&catalog, root, "tw", "c", &fault));
    assert_int_equal(catalog.count, 2);
    assert_int_equal(catalog.segments[0].last_seq, RECORDS + 1);
    assert_int_equal(catalog.segments[1].last_seq, 0);
    return catalog;
}

static manifest_t made(const catalog_t *catalog)
{
    owned(archive_destroy) archive_t *archive = archive_new(root, "tw");
    fault_t fault;
    if (!archive_segment(archive, "c", catalog->directory, catalog->segments, route, NULL, &fault))
        fail_msg("%s", fault.text);
    manifest_t manifest = { 0 };
    assert_true(manifest_load(&manifest, catalog->directory, 1, &fault));
    assert_true(manifest.complete);
    return manifest;
}

// Reads every object; each record once, with its payload. Returns the sum over their bytes.
static uint64_t read_all(const manifest_t *manifest)
{
    bool seen[RECORDS + 1] = { false };
    uint64_t sum = 0, records = 0;
    for (size_t i = 0; i < manifest->object_count; i++) {
        fault_t fault;
        owned(buffer_destroy) buffer_t bytes = { 0 };
        owned(object_reader_destroy) object_reader_t *reader =
            object_reader_open(root, "tw", manifest->objects[i].path, &fault);
        assert_non_null(reader);
        object_read_t got;
        for (slice_t line; (got = object_reader_next(reader, &line, &fault)) == OBJECT_LINE;) {
            record_t record;
            slice_t stream;
            char text[64];
            assert_true(object_line_read(line, &record, &stream, &bytes, &fault));
            payload_of(record.seq, text, sizeof text);
            assert_true(slice_is(record.payload, text) && !seen[record.seq]);
            bool day = record.recv_us >= 20000 * DAY_US;
            assert_non_null(strstr(manifest->objects[i].path, day ? "2024-10-04" : "2024-10-03"));
            seen[record.seq] = true;
            sum += object_line_sum(&record);
            records++;
        }
        assert_int_equal(got, OBJECT_END);
    }
    assert_int_equal(records, RECORDS);
    return sum;
}

static void digest(char *text, size_t size)
{
    char command[160];
    snprintf(command, sizeof command,
             "cd %s && find tw.objects -type f | sort | xargs sha256sum | sha256sum", root);
    FILE *pipe = popen(command, "r");
    assert_true(pipe && fgets(text, (int) size, pipe) && pclose(pipe) == 0);
}

static void every_payload_is_in_one(void **state)
{
    (void) state;
    catalog_t catalog = stage_records();
    manifest_t manifest = made(&catalog);
    assert_int_equal(manifest.route_count, SOURCES);
    assert_int_equal(manifest.object_count, 2 * (SOURCES - 1)); // more than ARCHIVE_OPEN_MAX
    assert_true(read_all(&manifest) == manifest.sum);
    const manifest_object_t *first = &manifest.objects[0];
    char path[128];
    snprintf(path, sizeof path, "host/r0/2024-10-03/%" PRId64 "-c-1.json.gz",
             (20000 * DAY_US - RECORDS / 2 + 1) / 1000);
    assert_string_equal(first->path, path);
    manifest_clear(&manifest);
    catalog_close(&catalog);
}

static void made_again_they_are_the_same(void **state)
{
    (void) state;
    catalog_t catalog = stage_records();
    manifest_t manifest = made(&catalog);
    char before[128], after[128];
    digest(before, sizeof before);
    renamed = true; // the paths are those that were written down
    for (int left = 0; left < 3; left++) {
        fault_t fault;
        // as if killed when the list was begun, and all, some or none of the objects were there
        manifest_t begun = manifest;
        begun.complete = false;
        begun.object_count = 0;
        assert_true(manifest_save(&begun, catalog.directory, &fault));
        for (size_t i = 0; left < 2 && i < manifest.object_count; i += 1 + (size_t) left)
            assert_true(object_remove(root, "tw", manifest.objects[i].path));
        manifest_t again = made(&catalog);
        assert_true(read_all(&again) == manifest.sum);
        manifest_clear(&again);
        digest(after, sizeof after);
        assert_string_equal(after, before);
    }
    manifest_clear(&manifest);
    catalog_close(&catalog);
}

static void what_is_complete_is_left_alone(void **state)
{
    (void) state;
    catalog_t catalog = stage_records();
    manifest_t manifest = made(&catalog);
    assert_true(object_remove(root, "tw", manifest.objects[0].path));
    manifest_clear(&manifest);
    manifest = made(&catalog);
    fault_t fault;
    object_reader_t *reader = object_reader_open(root, "tw", manifest.objects[0].path, &fault);
    assert_null(reader); // nobody has looked
    // but a segment that has grown since is another one
    manifest.last_seq--;
    assert_true(manifest_save(&manifest, catalog.directory, &fault));
    manifest_clear(&manifest);
    manifest = made(&catalog);
    assert_true(read_all(&manifest) == manifest.sum);
    manifest_clear(&manifest);
    catalog_close(&catalog);
}

static void a_damaged_list_is_made_again(void **state)
{
    (void) state;
    catalog_t catalog = stage_records();
    manifest_t manifest = made(&catalog);
    char before[128], after[128], command[160];
    digest(before, sizeof before);
    static const char *const damages[] = { "truncate -s -4", "truncate -s 0", "sed -i s/object/x/",
                                           "sed -i '2s/segment 1/segment 2/'" };
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        snprintf(command, sizeof command, "%s %s/tw/c/%020d.objects", damages[i], root, 1);
        assert_int_equal(system(command), 0);
        fault_t fault;
        manifest_t damaged = { 0 };
        assert_false(manifest_load(&damaged, catalog.directory, 1, &fault));
        assert_true(damaged.damaged && damaged.object_count == 0);
        assert_non_null(strstr(fault.text, "1.objects")); // says which
        manifest_t again = made(&catalog);
        assert_true(read_all(&again) == manifest.sum && !again.damaged);
        manifest_clear(&again);
        digest(after, sizeof after);
        assert_string_equal(after, before);
    }
    manifest_clear(&manifest);
    catalog_close(&catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_payload_is_in_one, make_root, remove_root),
        cmocka_unit_test_setup_teardown(made_again_they_are_the_same, make_root, remove_root),
        cmocka_unit_test_setup_teardown(a_damaged_list_is_made_again, make_root, remove_root),
        cmocka_unit_test_setup_teardown(what_is_complete_is_left_alone, make_root, remove_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
