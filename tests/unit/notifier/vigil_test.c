/*  vigil_test -- when subscribers are told that the watch is degraded, and that it is back, by a
 *  clock of our own: never twice, never the one without the other, nothing of what goes to and fro.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "actors/notifier/vigil.h"
#include "proto/owned.h"
#include "tests/unit/proto/seeded.h"

#define SECOND INT64_C(1000000)
static const int64_t AFTER_US = 30 * SECOND, LATE_US = 15 * SECOND, WALL_US = 1700000000 * SECOND;
enum { EVERY_S = 5, NOTES = 8 };

// A Redis of notes, and a notifier that finishes what it begins.
typedef struct {
    vigil_t *vigil;
    int64_t now_us;
    vigil_state_t notes[NOTES];
    size_t count;
    unsigned degraded, restored; // ever
} post_t;

static void open_post(post_t *post)
{
    *post = (post_t){ .vigil = vigil_new() };
    assert_non_null(post->vigil);
}

// Another notifier, or this one after a restart: knows the notes alone.
static void take_over(post_t *post)
{
    vigil_destroy(&post->vigil);
    post->vigil = vigil_new();
    assert_non_null(post->vigil);
}

static void begin(post_t *post)
{
    vigil_begin(post->vigil);
    for (size_t i = 0; i < post->count; i++) {
        char note[VIGIL_NOTE_BYTES];
        vigil_state_t read;
        vigil_write(&post->notes[i], note);
        assert_true(vigil_read(&read, post->notes[i].cause, note));
        assert_int_equal(read.since_us, post->notes[i].since_us);
        assert_true(vigil_note(post->vigil, &read));
    }
}

static void end(post_t *post)
{
    const vigil_time_t now = { post->now_us, WALL_US + post->now_us, AFTER_US, LATE_US };
    vigil_end(post->vigil, &now);
}

static vigil_state_t *note_of(post_t *post, const char *cause)
{
    for (size_t i = 0; i < post->count; i++)
        if (strcmp(post->notes[i].cause, cause) == 0)
            return &post->notes[i];
    assert_true(post->count < NOTES);
    post->notes[post->count] = (vigil_state_t){ .phase = VIGIL_WELL };
    strcpy(post->notes[post->count].cause, cause);
    return &post->notes[post->count++];
}

// Note what is due. told: and tell it.
static void act(post_t *post, bool told)
{
    size_t at = 0;
    vigil_state_t now, next;
    while (vigil_due(post->vigil, &at, &now, &next)) {
        vigil_state_t *note = note_of(post, now.cause);
        assert_int_equal(note->phase, now.phase);
        *note = next;
        if (!told)
            continue;
        post->degraded += next.phase == VIGIL_TELLING;
        post->restored += next.phase == VIGIL_RESTORING;
        note->phase = next.phase == VIGIL_TELLING ? VIGIL_DEGRADED : VIGIL_WELL;
        if (note->phase == VIGIL_WELL)
            *note = post->notes[--post->count];
    }
}

static void look(post_t *post, const char *bad)
{
    begin(post);
    if (bad)
        assert_true(vigil_bad(post->vigil, bad, "it is bad"));
    end(post);
    act(post, true);
    post->now_us += EVERY_S * SECOND;
}

static void looks(post_t *post, int count, const char *bad)
{
    for (int i = 0; i < count; i++)
        look(post, bad);
}

static void it_is_told_after_a_while_and_once(void **state)
{
    (void) state;
    post_t post;
    open_post(&post);
    looks(&post, 3, NULL);
    looks(&post, 6, "source:a"); // 0 to 25 s
    assert_int_equal(post.degraded, 0);
    look(&post, "source:a"); // 30 s
    assert_int_equal(post.degraded, 1);
    assert_int_equal(vigil_phase(post.vigil, "source:a"), VIGIL_WELL); // as of the notes then
    assert_int_equal(post.notes[0].since_us, WALL_US + 15 * SECOND);
    assert_int_equal(post.notes[0].at_us, WALL_US + 45 * SECOND);
    assert_string_equal(post.notes[0].text, "it is bad");
    looks(&post, 20, "source:a");
    assert_int_equal(vigil_phase(post.vigil, "source:a"), VIGIL_DEGRADED);
    assert_int_equal(vigil_degraded(post.vigil), 1);
    looks(&post, 6, NULL);
    assert_int_equal(post.restored, 0);
    look(&post, NULL);
    assert_int_equal(post.restored, 1);
    assert_int_equal(post.count, 0);
    looks(&post, 20, NULL);
    assert_int_equal(post.degraded + post.restored, 2);
    assert_int_equal(vigil_degraded(post.vigil), 0);
    vigil_destroy(&post.vigil);
}

static void what_goes_to_and_fro_is_not_told(void **state)
{
    (void) state;
    post_t post;
    open_post(&post);
    for (int i = 0; i < 50; i++) {
        looks(&post, 6, "work");
        look(&post, NULL);
    }
    assert_int_equal(post.degraded, 0);
    looks(&post, 7, "work");
    for (int i = 0; i < 50; i++) {
        looks(&post, 6, NULL);
        look(&post, "work");
    }
    assert_int_equal(post.degraded, 1);
    assert_int_equal(post.restored, 0);
    vigil_destroy(&post.vigil);
}

static void each_cause_goes_its_own_way(void **state)
{
    (void) state;
    post_t post;
    open_post(&post);
    for (int i = 0; i < 10; i++) {
        begin(&post);
        assert_true(vigil_bad(post.vigil, "log:a", "one"));
        assert_true(vigil_bad(post.vigil, "log:a", "other"));
        if (i >= 3)
            assert_true(vigil_bad(post.vigil, "log:b", "one"));
        end(&post);
        act(&post, true);
        post.now_us += EVERY_S * SECOND;
    }
    assert_int_equal(post.degraded, 2);
    assert_string_equal(note_of(&post, "log:a")->text, "one; other");
    assert_true(note_of(&post, "log:a")->since_us + 15 * SECOND ==
                note_of(&post, "log:b")->since_us);
    vigil_destroy(&post.vigil);
}

// While its collector is away nobody knows how a source is.
static void what_is_not_known_is_neither_good_nor_bad(void **state)
{
    (void) state;
    post_t post;
    open_post(&post);
    looks(&post, 7, "source:a");
    for (int i = 0; i < 30; i++) {
        begin(&post);
        vigil_unknown(post.vigil, "source:");
        end(&post);
        act(&post, true);
        post.now_us += EVERY_S * SECOND;
    }
    assert_int_equal(post.restored, 0);
    looks(&post, 6, NULL);
    assert_int_equal(post.restored, 0); // what was not known counts for nothing
    look(&post, NULL);
    assert_int_equal(post.restored, 1);
    vigil_destroy(&post.vigil);
}

static void nobody_looked_for_a_while_and_it_begins_anew(void **state)
{
    (void) state;
    post_t post;
    open_post(&post);
    looks(&post, 5, "work");
    post.now_us += 60 * SECOND;
    looks(&post, 6, "work");
    assert_int_equal(post.degraded, 0);
    look(&post, "work");
    assert_int_equal(post.degraded, 1);
    vigil_destroy(&post.vigil);
}

static void what_was_begun_is_finished_by_whoever_takes_over(void **state)
{
    (void) state;
    post_t post;
    open_post(&post);
    for (int i = 0; i < 7; i++) {
        begin(&post);
        assert_true(vigil_bad(post.vigil, "work", "it is bad"));
        end(&post);
        if (i == 6)
            act(&post, false); // noted, and killed
        post.now_us += EVERY_S * SECOND;
    }
    const vigil_state_t begun = post.notes[0];
    assert_int_equal(begun.phase, VIGIL_TELLING);
    take_over(&post);
    look(&post, NULL); // it is good again meanwhile: told first, restored later
    assert_int_equal(post.degraded, 1);
    assert_int_equal(post.notes[0].phase, VIGIL_DEGRADED);
    assert_int_equal(post.notes[0].since_us, begun.since_us);
    take_over(&post);
    looks(&post, 7, NULL);
    assert_int_equal(post.restored, 1);
    vigil_destroy(&post.vigil);
}

static void a_note_that_people_remove_is_forgotten(void **state)
{
    (void) state;
    post_t post;
    open_post(&post);
    looks(&post, 8, "work");
    assert_int_equal(post.degraded, 1);
    post.count = 0;
    looks(&post, 6, "work");
    assert_int_equal(post.degraded, 1);
    look(&post, "work"); // as if it had just begun
    assert_int_equal(post.degraded, 2);
    vigil_destroy(&post.vigil);
}

// Whatever happens when, and whoever looks: degraded, restored, degraded, ...
static void they_take_turns_whatever_happens(void **state)
{
    (void) state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        seeded_t random = { seed };
        post_t post;
        open_post(&post);
        unsigned bad = 0, good = 0; // looks in a row
        bool ill = false;
        for (int i = 0; i < 400; i++) {
            if (seeded_below(&random, 100) < 12)
                ill = !ill;
            bad = ill ? bad + 1 : 0;
            good = ill ? 0 : good + 1;
            if (seeded_below(&random, 100) < 3)
                take_over(&post);
            unsigned degraded = post.degraded, restored = post.restored;
            look(&post, ill ? "work" : NULL);
            assert_in_range(post.degraded - post.restored, 0, 1);
            if (post.degraded > degraded)
                assert_true(bad >= 7);
            if (post.restored > restored)
                assert_true(good >= 7);
        }
        vigil_destroy(&post.vigil);
    }
}

static void there_is_a_most(void **state)
{
    (void) state;
    post_t post;
    open_post(&post);
    vigil_begin(post.vigil);
    for (int i = 0; i < VIGIL_CAUSES_MAX; i++) {
        char cause[32];
        snprintf(cause, sizeof cause, "source:%d", i);
        assert_true(vigil_bad(post.vigil, cause, "x"));
    }
    assert_false(vigil_bad(post.vigil, "source:more", "x"));
    assert_true(vigil_bad(post.vigil, "source:0", "y"));
    end(&post);
    vigil_begin(post.vigil);
    end(&post);
    vigil_begin(post.vigil); // all are well again: there is room
    assert_true(vigil_bad(post.vigil, "source:more", "x"));
    char text[2 * VIGIL_TEXT_BYTES];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_true(vigil_bad(post.vigil, "work", text));
    assert_true(vigil_bad(post.vigil, "work", text));
    assert_false(vigil_bad(post.vigil, text, "a name too long"));
    vigil_destroy(&post.vigil);
}

static void notes_of_others_are_no_notes(void **state)
{
    (void) state;
    static const char *const bad[] = {
        "",
        "telling",
        "telling 1",
        "telling 1 2",
        "telling -1 2 x",
        "telling x y z",
        "well 1 2 x",
        " 1 2 x",
        "degraded 1  2 x",
        "Degraded 1 2 x",
    };
    vigil_state_t read;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (vigil_read(&read, "work", bad[i]))
            fail_msg("'%s' was read", bad[i]);
    assert_false(vigil_read(&read, "", "degraded 1 2 x"));
    assert_true(vigil_read(&read, "work", "degraded 1 2 "));
    assert_true(vigil_read(&read, "work", "restoring 1 2 a b"));
    assert_int_equal(read.phase, VIGIL_RESTORING);
    assert_string_equal(read.text, "a b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_told_after_a_while_and_once),
        cmocka_unit_test(what_goes_to_and_fro_is_not_told),
        cmocka_unit_test(each_cause_goes_its_own_way),
        cmocka_unit_test(what_is_not_known_is_neither_good_nor_bad),
        cmocka_unit_test(nobody_looked_for_a_while_and_it_begins_anew),
        cmocka_unit_test(what_was_begun_is_finished_by_whoever_takes_over),
        cmocka_unit_test(a_note_that_people_remove_is_forgotten),
        cmocka_unit_test(they_take_turns_whatever_happens),
        cmocka_unit_test(there_is_a_most),
        cmocka_unit_test(notes_of_others_are_no_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
