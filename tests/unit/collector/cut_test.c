/*  cut: pieces end at line ends, never inside quotes, and nothing is lost. */
#include "actors/collector/cut.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "actors/collector/random.h"
#include "proto/buffer.h"

static const cut_rule_t lines = { .csv = false }, csv = { .csv = true, .delimiter = ',' };

static void short_texts(void **state)
{
    (void) state;
    assert_int_equal(cut_find(lines, slice_text("")), 0);
    assert_int_equal(cut_find(lines, slice_text("no end")), 0);
    assert_int_equal(cut_find(lines, slice_text("a\n")), 2);
    assert_int_equal(cut_find(lines, slice_text("a\nb\nc")), 4);
    assert_int_equal(cut_find(csv, slice_text("a,b\n1,2\nx")), 8);
    assert_int_equal(cut_find(csv, slice_text("a,\"b\nc\"\n1,\"x\ny")), 8);
    assert_int_equal(cut_find(csv, slice_text("\"a\"\"\nb\"\n")), 8);
    assert_int_equal(cut_find(csv, slice_text("5\" pipe\n")), 8);    // not at the field's begin
    assert_int_equal(cut_find(csv, slice_text("1, \"a\nb\"\n")), 9); // blanks before are nothing
    assert_int_equal(cut_find(csv, slice_text("\"a\" \"b\n")), 7); // closed once, not opened again
    assert_int_equal(cut_find(csv, slice_text("x,\"open\n1,2\n")), 0); // never closed
    assert_int_equal(cut_find((cut_rule_t){ true, ';' }, slice_text("x;\"a\n\"\n")), 7);
}

static void pieces_are_about_a_megabyte(void **state)
{
    (void) state;
    buffer_t text = { 0 };
    for (int i = 0; text.size < 3 * CUT_BYTES; i++)
        buffer_printf(&text, "%d,%d\n", i, i * 7);
    const cut_rule_t rules[] = { lines, csv };
    for (int r = 0; r < 2; r++) {
        size_t at = 0;
        int pieces = 0;
        while (at < text.size) {
            size_t size = cut_find(rules[r], slice_of(text.data + at, text.size - at));
            assert_in_range(size, 1, CUT_BYTES);
            assert_int_equal(text.data[at + size - 1], '\n');
            if (at + size < text.size)
                assert_true(size > CUT_BYTES - 32);
            at += size;
            pieces++;
        }
        assert_int_equal(at, text.size);
        assert_int_equal(pieces, 4);
    }
    buffer_destroy(&text);
}

static void a_line_longer_than_a_piece_stays_whole(void **state)
{
    (void) state;
    size_t size = CUT_BYTES + 5000;
    char *text = malloc(size);
    memset(text, 'x', size);
    text[size - 10] = '\n';
    assert_int_equal(cut_find(lines, slice_of(text, size)), size - 9);
    assert_int_equal(cut_find(csv, slice_of(text, size)), size - 9);
    text[100] = '\n'; // an earlier end is preferred
    assert_int_equal(cut_find(lines, slice_of(text, size)), 101);
    assert_int_equal(cut_find(csv, slice_of(text, size)), 101);
    free(text);
}

// Against a plain reading of RFC 4180, on random text of the five bytes that matter.
static void csv_agrees_with_a_plain_reading(void **state)
{
    (void) state;
    uint64_t random = 2026;
    for (int round = 0; round < 20000; round++) {
        char text[40];
        size_t size = random_below(&random, sizeof text), expected = 0;
        for (size_t i = 0; i < size; i++)
            text[i] = "a,\n\"\""[random_below(&random, 5)];
        bool field_begin = true;
        size_t i = 0;
        while (i < size) {
            if (field_begin && text[i] == '"') {
                for (i++; i < size; i++) {
                    if (text[i] != '"')
                        continue;
                    if (i + 1 < size && text[i + 1] == '"')
                        i++;
                    else
                        break;
                }
                if (i >= size)
                    break; // never closed
                field_begin = false;
                i++;
                continue;
            }
            field_begin = text[i] == ',' || text[i] == '\n';
            if (text[i] == '\n')
                expected = i + 1;
            i++;
        }
        assert_int_equal(cut_find(csv, slice_of(text, size)), expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_texts),
        cmocka_unit_test(pieces_are_about_a_megabyte),
        cmocka_unit_test(a_line_longer_than_a_piece_stays_whole),
        cmocka_unit_test(csv_agrees_with_a_plain_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
