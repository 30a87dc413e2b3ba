/*  file_feed: which files become which records, and where it goes on after a restart. */
#include "actors/collector/file_feed.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "actors/collector/cut.h"
#include "proto/buffer.h"

typedef struct {
    char directory[64];
    char url[128];
    source_t source;
    places_t *places;
    file_feed_t *feed;
    size_t pieces;
    buffer_t bytes; // of all pieces, one after the other
} bench_t;

static void setup(bench_t *self, const char *pattern, source_format_t format, bool header)
{
    *self = (bench_t){ .places = places_new() };
    strcpy(self->directory, "/tmp/file-feed-XXXXXX");
    assert_non_null(mkdtemp(self->directory));
    snprintf(self->url, sizeof self->url, "file://%s/%s", self->directory, pattern);
    self->source = (source_t){ .name = "files",
                               .url = self->url,
                               .kind = SOURCE_FILE,
                               .format = format,
                               .csv_header = header,
                               .csv_delimiter = ',' };
    self->feed = file_feed_new(&self->source, self->places);
    assert_non_null(self->feed);
}

static void teardown(bench_t *self)
{
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", self->directory);
    assert_int_equal(system(command), 0);
    file_feed_destroy(&self->feed);
    places_destroy(&self->places);
    buffer_destroy(&self->bytes);
}

static void path_of(const bench_t *self, const char *name, char path[160])
{
    snprintf(path, 160, "%s/%s", self->directory, name);
}

// A file that was last changed long ago.
static void put(const bench_t *self, const char *name, const void *data, size_t size)
{
    char path[160];
    path_of(self, name, path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    fclose(file);
    const struct timespec old[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
}

// Scan and take everything there is, at most `most` pieces.
static void drain(bench_t *self, size_t most)
{
    file_feed_scan(self->feed, INT64_MAX);
    buffer_clear(&self->bytes);
    self->pieces = 0;
    file_piece_t piece, again;
    while (self->pieces < most && file_feed_next(self->feed, &piece)) {
        assert_true(file_feed_next(self->feed, &again)); // not done: the same again
        assert_true(slice_same(again.payload, piece.payload));
        buffer_append(&self->bytes, piece.payload.data, piece.payload.size);
        assert_true(file_feed_done(self->feed));
        self->pieces++;
    }
}

// What a new process knows: the places that the log holds, and nothing else.
static void restart(bench_t *self)
{
    file_feed_destroy(&self->feed);
    self->feed = file_feed_new(&self->source, self->places);
    assert_non_null(self->feed);
}

static bool is(const bench_t *self, const char *text)
{
    return slice_is(buffer_slice(&self->bytes), text);
}

static void whole_files_in_order_of_name(void **state)
{
    (void) state;
    bench_t bench;
    setup(&bench, "*.json", FORMAT_JSON, true);
    put(&bench, "b.json", "[2]", 3);
    put(&bench, "a.json", "[1]", 3);
    put(&bench, "c.txt", "no", 2);
    drain(&bench, 99);
    assert_int_equal(bench.pieces, 2);
    assert_true(is(&bench, "[1][2]"));
    drain(&bench, 99);
    assert_int_equal(bench.pieces, 0); // once
    put(&bench, "aa.json", "[3]", 3);
    drain(&bench, 99);
    assert_true(is(&bench, "[3]")); // new ones are seen
    restart(&bench);
    drain(&bench, 99);
    assert_int_equal(bench.pieces, 0);
    put(&bench, "a.json", "[1,1]", 5);
    drain(&bench, 99);
    assert_true(is(&bench, "[1,1]")); // one that was changed is another file
    teardown(&bench);
}

static void an_empty_file_is_a_record_once(void **state)
{
    (void) state;
    bench_t bench;
    setup(&bench, "*", FORMAT_JSON, true);
    put(&bench, "empty", "", 0);
    drain(&bench, 99);
    assert_int_equal(bench.pieces, 1);
    assert_int_equal(bench.bytes.size, 0);
    restart(&bench);
    drain(&bench, 99);
    assert_int_equal(bench.pieces, 0);
    teardown(&bench);
}

static void fill_lines(buffer_t *text, size_t size)
{
    for (int i = 0; text->size < size; i++)
        buffer_printf(text, "{\"t\":%d,\"p\":%d.5}\n", i, i * 3);
}

static void lines_are_cut_and_continued(void **state)
{
    (void) state;
    bench_t bench;
    buffer_t text = { 0 }, got = { 0 };
    setup(&bench, "x.jsonl", FORMAT_JSONL, true);
    fill_lines(&text, 5 * CUT_BYTES / 2);
    buffer_text(&text, "{\"the last line\":\"has no end\"}");
    put(&bench, "x.jsonl", text.data, text.size);
    size_t pieces = 0;
    do { // killed after every record
        restart(&bench);
        drain(&bench, 1);
        assert_true(bench.pieces == 0 || bench.bytes.size <= CUT_BYTES);
        buffer_append(&got, bench.bytes.data, bench.bytes.size);
        pieces += bench.pieces;
    } while (bench.pieces);
    assert_int_equal(pieces, 3);
    assert_true(slice_same(buffer_slice(&got), buffer_slice(&text)));
    buffer_destroy(&text);
    buffer_destroy(&got);
    teardown(&bench);
}

static void what_must_not_be_cut_is_not(void **state)
{
    (void) state;
    buffer_t text = { 0 };
    fill_lines(&text, 3 * CUT_BYTES);
    static const struct {
        source_format_t format;
        bool header, gzip;
        size_t pieces;
    } cases[] = {
        { FORMAT_JSON, true, false, 1 }, { FORMAT_CSV, true, false, 1 },
        { FORMAT_CSV, false, false, 4 }, { FORMAT_JSONL, true, false, 4 },
        { FORMAT_JSONL, true, true, 1 }, { FORMAT_CSV, false, true, 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bench_t bench;
        setup(&bench, "f", cases[i].format, cases[i].header);
        text.data[0] = cases[i].gzip ? 0x1f : '{';
        text.data[1] = cases[i].gzip ? 0x8b : '"';
        put(&bench, "f", text.data, text.size);
        drain(&bench, 99);
        assert_int_equal(bench.pieces, cases[i].pieces);
        assert_true(slice_same(buffer_slice(&bench.bytes), buffer_slice(&text)));
        teardown(&bench);
    }
    buffer_destroy(&text);
}

static void a_file_that_grows_is_waited_for(void **state)
{
    (void) state;
    bench_t bench;
    setup(&bench, "g*", FORMAT_JSON, true);
    put(&bench, "g", "[1]", 3); // changed at 1,000,000,000 s
    int64_t changed_us = 1000000000ll * 1000000;
    file_piece_t piece;
    file_feed_scan(bench.feed, changed_us + FILE_FEED_SETTLE_US - 1);
    assert_false(file_feed_next(bench.feed, &piece));
    file_feed_scan(bench.feed, changed_us + FILE_FEED_SETTLE_US);
    assert_true(file_feed_next(bench.feed, &piece));
    assert_true(file_feed_done(bench.feed));
    put(&bench, "g2", "[2]", 3);
    file_feed_scan(bench.feed, changed_us - 5000000); // the clock was set: no use in waiting
    assert_true(file_feed_next(bench.feed, &piece));
    teardown(&bench);
}

static void troubles_are_told_once(void **state)
{
    (void) state;
    bench_t bench;
    const char *text = NULL;
    setup(&bench, "*", FORMAT_JSON, true);
    drain(&bench, 99);
    assert_true(file_feed_trouble(bench.feed, &text));
    assert_non_null(strstr(text, "no such file"));
    drain(&bench, 99);
    assert_false(file_feed_trouble(bench.feed, &text));
    assert_int_equal(file_feed_troubles(bench.feed), 2);

    // A directory and a file that is too large do not keep others from being read.
    char path[160];
    path_of(&bench, "a", path);
    assert_int_equal(mkdir(path, 0700), 0);
    put(&bench, "b", "[1]", 3);
    put(&bench, "c", "", 0);
    path_of(&bench, "c", path);
    assert_int_equal(truncate(path, FILE_FEED_RECORD_BYTES_MAX + 1), 0); // holes cost nothing
    const struct timespec old[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    put(&bench, "d", "[2]", 3);
    drain(&bench, 99);
    assert_true(is(&bench, "[1][2]"));
    assert_true(file_feed_trouble(bench.feed, &text));
    assert_non_null(strstr(text, "is no file"));
    assert_int_equal(file_feed_troubles(bench.feed), 4);

    // Mended: silence.
    assert_int_equal(unlink(path), 0);
    path_of(&bench, "a", path);
    assert_int_equal(rmdir(path), 0);
    drain(&bench, 99);
    assert_false(file_feed_trouble(bench.feed, &text));
    teardown(&bench);
}

static void a_file_that_changes_while_it_is_read(void **state)
{
    (void) state;
    bench_t bench;
    buffer_t text = { 0 };
    setup(&bench, "x", FORMAT_JSONL, true);
    fill_lines(&text, 3 * CUT_BYTES);
    put(&bench, "x", text.data, text.size);
    drain(&bench, 1);
    char path[160];
    path_of(&bench, "x", path);
    assert_int_equal(truncate(path, CUT_BYTES / 2), 0);
    file_piece_t piece;
    assert_false(file_feed_next(bench.feed, &piece)); // no torn record
    drain(&bench, 99);
    assert_int_equal(bench.pieces, 1); // as another file, from its begin
    assert_int_equal(bench.bytes.size, CUT_BYTES / 2);
    buffer_destroy(&text);
    teardown(&bench);
}

// Files that the places would forget while they are there would be staged again and again.
static void files_beyond_the_memory_of_a_stream_are_told(void **state)
{
    (void) state;
    bench_t bench;
    setup(&bench, "*", FORMAT_JSON, false);
    size_t others = places_hold(bench.places, 0, PLACES_HELD_MAX - 2);
    put(&bench, "a", "1", 1);
    put(&bench, "b", "2", 1);
    put(&bench, "c", "3", 1);
    drain(&bench, 99);
    assert_int_equal(bench.pieces, 2);
    const char *text;
    assert_true(file_feed_trouble(bench.feed, &text));
    assert_non_null(strstr(text, "more than 65536 files in all sources of this stream"));
    (void) places_hold(bench.places, others, 0);
    drain(&bench, 99);
    assert_int_equal(bench.pieces, 1);
    assert_false(file_feed_trouble(bench.feed, &text));
    teardown(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_files_in_order_of_name),
        cmocka_unit_test(an_empty_file_is_a_record_once),
        cmocka_unit_test(lines_are_cut_and_continued),
        cmocka_unit_test(what_must_not_be_cut_is_not),
        cmocka_unit_test(a_file_that_grows_is_waited_for),
        cmocka_unit_test(troubles_are_told_once),
        cmocka_unit_test(a_file_that_changes_while_it_is_read),
        cmocka_unit_test(files_beyond_the_memory_of_a_stream_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
