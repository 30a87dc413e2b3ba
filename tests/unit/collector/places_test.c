/*  places: codec of a place, the table, its bound, and the snapshot. */
#include "actors/collector/places.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static slice_t name_of(char text[32], const char *prefix, unsigned number)
{
    snprintf(text, 32, "%s%u", prefix, number);
    return slice_text(text);
}

static void a_place_comes_back(void **state)
{
    (void) state;
    place_t place;
    slice_t subject;
    uint64_t number;
    assert_true(place_make(&place, slice_text("client-7"), 0x1122334455667788u));
    assert_true(place_split(slice_of(place.bytes, place.size), &subject, &number));
    assert_true(slice_is(subject, "client-7"));
    assert_true(number == 0x1122334455667788u);
    assert_true(place_make(&place, slice_of(NULL, 0), 3));
    assert_true(place_split(slice_of(place.bytes, place.size), &subject, &number));
    assert_int_equal(subject.size, 0);

    char longest[PLACE_SUBJECT_MAX + 1] = { 0 };
    assert_true(place_make(&place, slice_of(longest, PLACE_SUBJECT_MAX), 1));
    assert_int_equal(place.size, 255);
    assert_false(place_make(&place, slice_of(longest, PLACE_SUBJECT_MAX + 1), 1));
    assert_false(place_split(slice_of(longest, 7), &subject, &number));
}

static void names_do_not_run_together(void **state)
{
    (void) state;
    places_t *places = places_new();
    uint64_t number;
    assert_true(places_note(places, slice_text("ab"), slice_text("c"), 1));
    assert_true(places_note(places, slice_text("a"), slice_text("bc"), 2));
    assert_true(places_note(places, slice_text("abc"), slice_text(""), 3));
    assert_true(places_find(places, slice_text("ab"), slice_text("c"), &number));
    assert_int_equal(number, 1);
    assert_true(places_find(places, slice_text("a"), slice_text("bc"), &number));
    assert_int_equal(number, 2);
    assert_true(places_find(places, slice_text("abc"), slice_text(""), &number));
    assert_int_equal(number, 3);
    assert_false(places_find(places, slice_text(""), slice_text("abc"), &number));
    assert_true(places_note(places, slice_text("a"), slice_text("bc"), 9));
    assert_true(places_find(places, slice_text("a"), slice_text("bc"), &number));
    assert_int_equal(number, 9);
    assert_int_equal(places_count(places), 3);
    places_destroy(&places);
}

static void when_full_the_longest_untouched_go(void **state)
{
    (void) state;
    places_t *places = places_new();
    char text[32];
    uint64_t number;
    for (unsigned i = 0; i < PLACES_MAX; i++)
        assert_true(places_note(places, slice_text("s"), name_of(text, "c", i), i));
    assert_int_equal(places_count(places), PLACES_MAX);
    // The first hundred are in use: they stay.
    for (unsigned i = 0; i < 100; i++)
        assert_true(places_find(places, slice_text("s"), name_of(text, "c", i), &number));
    for (unsigned i = 0; i < PLACES_MAX / 4; i++)
        assert_true(places_note(places, slice_text("new"), name_of(text, "c", i), i));
    assert_in_range(places_count(places), PLACES_MAX / 2, PLACES_MAX);
    assert_true(places_forgotten(places) > 0);
    for (unsigned i = 0; i < 100; i++) {
        assert_true(places_find(places, slice_text("s"), name_of(text, "c", i), &number));
        assert_int_equal(number, i);
    }
    assert_false(places_find(places, slice_text("s"), slice_text("c100"), &number));
    assert_true(places_find(places, slice_text("s"), name_of(text, "c", PLACES_MAX - 1), &number));
    places_destroy(&places);
}

// A stream's sources share what is never forgotten.
static void no_more_are_held_than_are_kept(void **state)
{
    (void) state;
    places_t *places = places_new();
    char text[32];
    uint64_t number;
    assert_int_equal(places_hold(places, 0, PLACES_HELD_MAX - 2), PLACES_HELD_MAX - 2);
    assert_int_equal(places_hold(places, 0, 5), 2);
    assert_int_equal(places_hold(places, PLACES_HELD_MAX - 2, 1), 1);
    assert_int_equal(places_hold(places, 2, PLACES_MAX), PLACES_HELD_MAX - 1);
    // Files that are there and as many clients, touched in turn, outlive any number of others.
    for (unsigned i = 0; i < 2 * PLACES_HELD_MAX; i++)
        assert_true(places_note(places, slice_text("s"), name_of(text, "f", i), i));
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 2 * PLACES_HELD_MAX; i++)
            assert_true(places_find(places, slice_text("s"), name_of(text, "f", i), &number));
        for (unsigned i = 0; i < PLACES_MAX / 2; i++)
            assert_true(places_note(places, slice_text("x"),
                                    name_of(text, "o", round * PLACES_MAX + i), i));
    }
    assert_true(places_forgotten(places) > 0);
    places_destroy(&places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_comes_back),
        cmocka_unit_test(names_do_not_run_together),
        cmocka_unit_test(when_full_the_longest_untouched_go),
        cmocka_unit_test(no_more_are_held_than_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
