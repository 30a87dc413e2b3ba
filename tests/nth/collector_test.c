/*  The collector's stream, and the archive of its sealed segments, when the n-th call fails.
 *
 *  Whatever failed: what was said to be durable is read with the plan that it was staged under, and
 *  the places of its sources come back from the log.
 */
#include "tests/nth/nth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/collector/archive.h"
#include "actors/collector/log_cursor.h"
#include "actors/collector/stream.h"
#include "broker/last_port.h"
#include "broker/stage/manifest.h"
#include "broker/stage/object_file.h"
#include "broker/stage/object_line.h"
#include "proto/owned.h"

// ---- the stream
// -----------------------------------------------------------------------------------

enum { PAYLOADS = 6, SECOND = 1000000 };

static plan_t *plan_of(const char *definition)
{
    plan_t *plan = plan_new();
    if (plan && (!plan_set(plan, PLAN_SOURCE, slice_text("s"), slice_text(definition), NULL) ||
                 !plan_set(plan, PLAN_RULE, slice_text("r"), slice_text("rule"), NULL)))
        plan_destroy(&plan);
    return plan;
}

static bool set_plan(stream_t *stream, const char *definition)
{
    owned(plan_destroy) plan_t *plan = plan_of(definition);
    uint64_t seq;
    return plan && stream_plan(stream, plan, 0, &seq);
}

// Payload n of client c, as the intake does it: the place is noted before the payload is staged.
static bool put(stream_t *stream, uint64_t n)
{
    place_t place;
    char payload[16];
    snprintf(payload, sizeof payload, "payload %u", (unsigned) n);
    return place_make(&place, slice_text("c"), n) &&
           places_note(stream_places(stream), slice_text("s"), slice_text("c"), n) &&
           stream_put(stream, slice_text("s"), &place, slice_text(payload), (int64_t) n) > 0;
}

// One life: says what it staged durably, as the last payload's number, or stops and says why. Half
// of the payloads are staged under one plan, half under another.
static uint64_t live(const char *root, fault_t *fault)
{
    uint64_t durable = 0;
    fault_set(fault, "out of memory"); // what is told by false alone
    owned(stream_destroy) stream_t *stream = stream_open(root, "tw", "main", fault);
    if (!stream)
        return 0;
    (void) places_find(stream_places(stream), slice_text("s"), slice_text("c"), &durable);
    uint64_t n = durable;
    if (!set_plan(stream, n < PAYLOADS / 2 ? "early" : "late"))
        return durable;
    while (n < PAYLOADS) {
        if (n == PAYLOADS / 2 && !set_plan(stream, "late"))
            return durable;
        if (!put(stream, ++n) || !stream_tick(stream, true, (int64_t) n * SECOND, (int64_t) n))
            return durable;
        if (!stream_sync(stream, fault))
            return durable;
        durable = n;
    }
    return durable;
}

// Every payload that is there is the next one, under its plan. Returns how many there are.
static uint64_t look(const char *root)
{
    fault_t fault = { 0 };
    owned(log_cursor_destroy) log_cursor_t *cursor = log_cursor_new(root, "tw", "main", &fault);
    if (!cursor || !log_cursor_seek(cursor, 1, NULL, &fault))
        return 0; // there is none yet
    record_t record;
    uint64_t n = 0;
    stage_read_t got;
    while ((got = log_cursor_peek(cursor, UINT64_MAX, &record)) == STAGE_RECORD) {
        if (record.kind == RECORD_PAYLOAD) {
            char payload[16];
            snprintf(payload, sizeof payload, "payload %u", (unsigned) ++n);
            assert_true(slice_is(record.payload, payload));
            assert_true(slice_is(log_cursor_definition(cursor, record.source),
                                 n <= PAYLOADS / 2 ? "early" : "late"));
        }
        log_cursor_pass(cursor);
    }
    assert_int_equal(got, STAGE_END);
    return n;
}

static void a_stream_goes_on_where_it_was(void **state)
{
    (void) state;
    nth_t nth = nth_over(NTH_MEMORY | (NTH_FILES & ~NTH_RENAME & ~NTH_CUT));
    while (nth_next(&nth)) {
        char root[64];
        fault_t fault;
        nth_directory(root);
        nth_arm(&nth);
        uint64_t durable = live(root, &fault);
        nth_disarm(&nth);
        nth_assert_done(durable == PAYLOADS, fault);
        uint64_t there = look(root);
        assert_true(there >= durable);
        assert_int_equal(live(root, &fault), PAYLOADS);
        assert_int_equal(look(root), PAYLOADS);
        nth_remove(root);
    }
}

// Opening a log that is there, with all its plans and places, and reading it with a cursor.
static void a_stream_is_opened_whole_or_not_at_all(void **state)
{
    (void) state;
    char root[64];
    fault_t fault;
    nth_directory(root);
    assert_int_equal(live(root, &fault), PAYLOADS);
    nth_t nth = nth_over(NTH_MEMORY | NTH_OPEN | NTH_READ);
    while (nth_next(&nth)) {
        fault = (fault_t){ 0 };
        nth_arm(&nth);
        stream_t *stream = stream_open(root, "tw", "main", &fault);
        nth_disarm(&nth);
        nth_assert_done(stream != NULL, fault);
        uint64_t place = 0;
        if (stream) {
            assert_true(
                places_find(stream_places(stream), slice_text("s"), slice_text("c"), &place));
            assert_int_equal(place, PAYLOADS);
            assert_int_equal(stream_damaged(stream), 0);
            assert_non_null(stream_plan_logged(stream));
        }
        stream_destroy(&stream);
    }
    nth_remove(root);
}

// Whoever reads from the middle gets the plan in force there, or an error: never an older one.
static void a_place_is_read_with_its_plan(void **state)
{
    (void) state;
    char root[64];
    fault_t fault;
    nth_directory(root);
    assert_int_equal(live(root, &fault), PAYLOADS);
    nth_t nth = nth_over(NTH_MEMORY | NTH_OPEN | NTH_READ);
    while (nth_next(&nth)) {
        bool done = true;
        fault = (fault_t){ 0 };
        nth_arm(&nth);
        owned(log_cursor_destroy) log_cursor_t *cursor = log_cursor_new(root, "tw", "main", &fault);
        for (uint64_t from = 1; done && from <= 2 * PAYLOADS; from += 5) {
            done = cursor && log_cursor_seek(cursor, from, NULL, &fault);
            uint64_t seen = 0;
            record_t record;
            while (done && log_cursor_peek(cursor, UINT64_MAX, &record) == STAGE_RECORD) {
                unsigned n = record.kind == RECORD_PAYLOAD ? record.payload.data[8] - '0' : 0;
                if (n > 0)
                    assert_true(slice_is(log_cursor_definition(cursor, record.source),
                                         n <= PAYLOADS / 2 ? "early" : "late"));
                log_cursor_pass(cursor);
                seen = record.seq;
            }
            if (done && seen < 2 * PAYLOADS + 2)
                done = fault_set(&fault, "%s", log_cursor_error(cursor));
        }
        nth_disarm(&nth);
        nth_assert_done(done, fault);
    }
    nth_remove(root);
}

static void an_amendment_is_durable_or_not_there(void **state)
{
    (void) state;
    nth_t nth = nth_over(NTH_MEMORY | NTH_WRITE | NTH_FLUSH);
    while (nth_next(&nth)) {
        char root[64];
        fault_t fault;
        nth_directory(root);
        assert_int_equal(live(root, &fault), PAYLOADS);
        stream_t *stream = stream_open(root, "tw", "main", &fault);
        assert_true(set_plan(stream, "third") && stream_sync(stream, &fault));
        fault_set(&fault, "out of memory");
        nth_arm(&nth);
        bool done = stream_amend(stream, slice_text("s"), 1, slice_text("request"), 0, 1000) &&
                    stream_sync(stream, &fault);
        nth_disarm(&nth);
        nth_assert_done(done, fault);
        // What holds now is what holds in the next life.
        assert_true(!done || stream_sync(stream, &fault)); // it is durable: once there is memory
        uint64_t edition = amendments_edition(stream_amendments(stream));
        assert_int_equal(edition > 0, done);
        stream_destroy(&stream);
        stream = stream_open(root, "tw", "main", &fault);
        uint64_t again = amendments_edition(stream_amendments(stream));
        assert_true(again == edition || (edition == 0 && again > 0)); // written, but not promised
        assert_true(set_plan(stream, "third"));
        assert_true(again > 0 ||
                    (stream_amend(stream, slice_text("s"), 1, slice_text("request"), 0, 2000)));
        assert_true(stream_sync(stream, &fault));
        assert_true(amendments_edition(stream_amendments(stream)) > 0);
        stream_destroy(&stream);
        nth_remove(root);
    }
}

// ---- the archive
// ----------------------------------------------------------------------------------

enum { RECORDS = 60, SOURCES = 3 };

static void route(void *context, const char *source, char path[ROUTE_BYTES_MAX + 1])
{
    (void) context;
    snprintf(path, ROUTE_BYTES_MAX, "host/%s", source);
}

// One sealed segment, and the beginning of the next.
static catalog_t stage_records(const char *root)
{
    fault_t fault;
    stage_t *stage = stage_open(root, "tw", "c", NULL, NULL, &fault);
    assert_non_null(stage);
    stage_seal_after(stage, 10);
    for (uint64_t i = 1; i <= RECORDS + 1; i++) {
        char source[8], text[32];
        snprintf(source, sizeof source, "s%u", (unsigned) (i % SOURCES));
        snprintf(text, sizeof text, "{\"n\":%u}", (unsigned) i);
        slice_t none = { 0 };
        assert_true(stage_append(stage, RECORD_PAYLOAD, (int64_t) i, slice_text(source), none,
                                 slice_text(text)));
        if (i >= RECORDS)
            assert_true(stage_sync(stage, &fault));
    }
    stage_destroy(&stage);
    catalog_t catalog = { 0 };
    assert_true(catalog_open(&catalog, root, "tw", "c", &fault));
    assert_int_equal(catalog.segments[0].last_seq, RECORDS);
    return catalog;
}

static bool archive(const char *root, const catalog_t *catalog, fault_t *fault)
{
    owned(archive_destroy) archive_t *archive = archive_new(root, "tw");
    if (!archive)
        return fault_set(fault, "out of memory");
    return archive_segment(archive, "c", catalog->directory, catalog->segments, route, NULL, fault);
}

// Is the list complete? Then each payload is in its objects once.
static bool check_objects(const char *root, const catalog_t *catalog)
{
    fault_t fault;
    manifest_t list = { 0 };
    assert_true(manifest_load(&list, catalog->directory, 1, &fault));
    bool complete = list.complete;
    bool seen[RECORDS + 1] = { false };
    unsigned records = 0;
    for (size_t i = 0; complete && i < list.object_count; i++) {
        owned(buffer_destroy) buffer_t bytes = { 0 };
        owned(object_reader_destroy) object_reader_t *reader =
            object_reader_open(root, "tw", list.objects[i].path, &fault);
        assert_non_null(reader);
        object_read_t got;
        for (slice_t line; (got = object_reader_next(reader, &line, &fault)) == OBJECT_LINE;) {
            record_t record;
            slice_t stream;
            char text[32];
            assert_true(object_line_read(line, &record, &stream, &bytes, &fault));
            snprintf(text, sizeof text, "{\"n\":%u}", (unsigned) record.seq);
            assert_true(slice_is(record.payload, text) && !seen[record.seq]);
            seen[record.seq] = true;
            records++;
        }
        assert_int_equal(got, OBJECT_END);
    }
    assert_true(!complete || records == RECORDS);
    manifest_clear(&list);
    return complete;
}

static void an_archive_is_whole_or_made_again(void **state)
{
    (void) state;
    nth_t nth = nth_over(NTH_MEMORY | (NTH_FILES & ~NTH_CUT));
    while (nth_next(&nth)) {
        char root[64];
        fault_t fault = { 0 };
        nth_directory(root);
        catalog_t catalog = stage_records(root);
        nth_arm(&nth);
        bool done = archive(root, &catalog, &fault);
        nth_disarm(&nth);
        nth_assert_done(done, fault);
        bool complete = check_objects(root, &catalog);
        assert_true(complete || !done);
        assert_true(archive(root, &catalog, &fault));
        assert_true(check_objects(root, &catalog));
        catalog_close(&catalog);
        nth_remove(root);
    }
}

// ---- a port that is remembered
// --------------------------------------------------------------------

static void a_port_is_the_old_one_or_the_new_one(void **state)
{
    (void) state;
    char root[64], endpoint[BUS_ENDPOINT_MAX];
    nth_directory(root);
    nth_t nth = nth_over(NTH_OPEN | NTH_RENAME);
    while (nth_next(&nth)) {
        fault_t fault = { 0 };
        assert_true(last_port_keep(root, "b", "tcp://127.0.0.1:1111", &fault));
        nth_arm(&nth);
        bool done = last_port_keep(root, "b", "tcp://127.0.0.1:2222", &fault);
        nth_disarm(&nth);
        nth_assert_done(done, fault);
        assert_true(last_port_endpoint(root, "b", "tcp://127.0.0.1:*", endpoint));
        assert_true(strcmp(endpoint, "tcp://127.0.0.1:2222") == 0 ||
                    (!done && strcmp(endpoint, "tcp://127.0.0.1:1111") == 0));
    }
    nth_remove(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_stream_goes_on_where_it_was, nth_teardown),
        cmocka_unit_test_teardown(a_stream_is_opened_whole_or_not_at_all, nth_teardown),
        cmocka_unit_test_teardown(a_place_is_read_with_its_plan, nth_teardown),
        cmocka_unit_test_teardown(an_amendment_is_durable_or_not_there, nth_teardown),
        cmocka_unit_test_teardown(an_archive_is_whole_or_made_again, nth_teardown),
        cmocka_unit_test_teardown(a_port_is_the_old_one_or_the_new_one, nth_teardown),
    };
    return cmocka_run_group_tests_name("nth_collector", tests, NULL, NULL);
}
