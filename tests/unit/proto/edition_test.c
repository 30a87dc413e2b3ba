/*  A name tells its stream and edition, and which telling is the later one. */
#include "proto/edition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void names_and_splits(void **state)
{
    (void) state;
    char name[EDITION_NAME_MAX + 1];
    slice_t stream;
    uint64_t edition;
    assert_true(edition_name(name, "main", 0));
    assert_string_equal(name, "main");
    assert_true(edition_name(name, "main", 5071));
    assert_string_equal(name, "main~5071");
    edition_split(slice_text(name), &stream, &edition);
    assert_true(slice_is(stream, "main"));
    assert_int_equal(edition, 5071);
    static const char *const plain[] = { "main", "7", "~7", "main~", "main~x", "main7", "" };
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        edition_split(slice_text(plain[i]), &stream, &edition);
        assert_int_equal(edition, 0);
        assert_true(slice_is(stream, plain[i]));
    }
    const char *longest = "0123456789012345678901234567890123456789012345678901234567890";
    assert_true(edition_name(name, longest, 12));
    assert_false(edition_name(name, longest, 123));
}

static void a_later_edition_supersedes(void **state)
{
    (void) state;
    assert_true(edition_supersedes(slice_text("a~9"), slice_text("a")));
    assert_true(edition_supersedes(slice_text("a~10"), slice_text("a~9")));
    assert_false(edition_supersedes(slice_text("a~9"), slice_text("a~9")));
    assert_false(edition_supersedes(slice_text("a"), slice_text("a~9")));
    assert_false(edition_supersedes(slice_text("a~9"), slice_text("b")));
    assert_false(edition_supersedes(slice_text("aa~9"), slice_text("a")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_splits),
        cmocka_unit_test(a_later_edition_supersedes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
