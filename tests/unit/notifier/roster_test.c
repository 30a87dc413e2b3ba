/*  roster: who subscribes, against a model that keeps every name of every set. */
#include "actors/notifier/roster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void set(roster_t *roster, const char *key, const char *const *names)
{
    slice_t list[16];
    size_t count = 0;
    for (; names[count]; count++)
        list[count] = slice_text(names[count]);
    assert_true(roster_set(roster, slice_text(key), list, count));
}

static const char *ask(roster_t *roster, const char *rule, const char *series)
{
    static char text[256];
    roster_names_t found;
    if (!roster_names(roster, slice_text(rule), slice_text(series), &found))
        return "in doubt";
    text[0] = '\0';
    for (size_t i = 0; i < found.count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", found.names[i]);
    return text;
}

static void both_sets_each_once_by_name(void **state)
{
    (void) state;
    roster_t *roster = roster_new();
    assert_string_equal(ask(roster, "r", "t:a"), "");
    set(roster, "r", (const char *const[]){ "bob", "alice", NULL });
    set(roster, "r:t:a", (const char *const[]){ "carol", "alice", NULL });
    set(roster, "r:t:b", (const char *const[]){ "dave", NULL });
    assert_string_equal(ask(roster, "r", "t:a"), "alice bob carol ");
    assert_string_equal(ask(roster, "r", "t:c"), "alice bob ");
    assert_string_equal(ask(roster, "q", "t:a"), "");
    roster_count_t count = roster_count(roster);
    assert_int_equal(count.sets, 3);
    assert_int_equal(count.members, 5);
    assert_int_equal(count.names, 4);
    set(roster, "r:t:a", (const char *const[]){ NULL });
    assert_string_equal(ask(roster, "r", "t:a"), "alice bob ");
    assert_int_equal(roster_count(roster).sets, 2);
    assert_int_equal(roster_count(roster).names, 3); // carol is nowhere any more
    roster_clear(roster);
    assert_string_equal(ask(roster, "r", "t:a"), "");
    roster_destroy(&roster);
}

static void what_is_in_doubt_is_not_answered(void **state)
{
    (void) state;
    roster_t *roster = roster_new();
    slice_t keys[2];
    set(roster, "r", (const char *const[]){ "bob", NULL });
    assert_true(roster_doubt(roster, slice_text("r")));
    assert_true(roster_doubt(roster, slice_text("new:t:a")));
    assert_true(roster_doubt(roster, slice_text("r"))); // once is enough
    assert_string_equal(ask(roster, "r", "t:a"), "in doubt");
    assert_string_equal(ask(roster, "new", "t:a"), "in doubt");
    assert_string_equal(ask(roster, "new", "t:b"), "");
    assert_int_equal(roster_doubts(roster, keys, 1), 1);
    assert_true(slice_is(keys[0], "r"));
    assert_true(roster_has_doubts(roster));
    assert_string_equal(ask(roster, "r", "t:a"), "in doubt"); // until it was read
    set(roster, "r", (const char *const[]){ "eve", NULL });
    assert_string_equal(ask(roster, "r", "t:a"), "eve ");
    assert_int_equal(roster_doubts(roster, keys, 2), 1);
    assert_false(roster_has_doubts(roster));
    roster_foreign(roster, slice_text("new:t:a"));
    assert_string_equal(ask(roster, "new", "t:a"), "in doubt");
    assert_false(roster_has_doubts(roster));
    assert_true(roster_doubt(roster, slice_text("new:t:a"))); // it changed
    assert_int_equal(roster_doubts(roster, keys, 2), 1);
    set(roster, "new:t:a", (const char *const[]){ NULL });
    assert_string_equal(ask(roster, "new", "t:a"), "");
    roster_destroy(&roster);
}

// Doubts that come while a set is being read are kept for the next time.
static void a_doubt_while_it_is_read(void **state)
{
    (void) state;
    roster_t *roster = roster_new();
    slice_t key;
    assert_true(roster_doubt(roster, slice_text("r")));
    assert_int_equal(roster_doubts(roster, &key, 1), 1);
    assert_true(roster_doubt(roster, slice_text("r")));
    set(roster, "r", (const char *const[]){ "bob", NULL }); // what was read is older
    assert_string_equal(ask(roster, "r", "t:a"), "in doubt");
    assert_int_equal(roster_doubts(roster, &key, 1), 1);
    assert_true(slice_is(key, "r"));
    set(roster, "r", (const char *const[]){ NULL });
    assert_int_equal(roster_count(roster).sets, 0);
    roster_destroy(&roster);
}

enum { SETS = 40, NAMES = 60, STEPS = 20000 };

static void against_a_model(void **state)
{
    (void) state;
    roster_t *roster = roster_new();
    static bool model[SETS][NAMES];
    static char names[NAMES][16], keys[SETS][16];
    memset(model, 0, sizeof model);
    for (int i = 0; i < NAMES; i++)
        snprintf(names[i], sizeof names[i], "n%02d", i);
    for (int i = 0; i < SETS; i++)
        snprintf(keys[i], sizeof keys[i], i % 4 ? "r%d:s%d" : "r%d", i / 4, i % 4);
    uint64_t random = 7;
    for (int step = 0; step < STEPS; step++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        int which = (int) (random >> 33) % SETS, keep = (int) (random >> 50) % 5;
        slice_t list[NAMES];
        size_t count = 0;
        for (int i = 0; i < NAMES; i++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
            model[which][i] = (int) (random >> 33) % 5 < keep;
            if (model[which][i])
                list[count++] = slice_text(names[i]);
        }
        assert_true(roster_set(roster, slice_text(keys[which]), list, count));
        int rule = which / 4, series = 1 + (int) (random >> 40) % 3;
        char text[8], of[8], expected[512] = "", found[512] = "";
        snprintf(text, sizeof text, "r%d", rule);
        snprintf(of, sizeof of, "s%d", series);
        roster_names_t got;
        assert_true(roster_names(roster, slice_text(text), slice_text(of), &got));
        for (int i = 0; i < NAMES; i++)
            if (model[4 * rule][i] || model[4 * rule + series][i])
                strcat(strcat(expected, names[i]), " ");
        for (size_t i = 0; i < got.count; i++)
            strcat(strcat(found, got.names[i]), " ");
        assert_string_equal(found, expected);
    }
    size_t members = 0;
    for (int i = 0; i < SETS; i++)
        for (int n = 0; n < NAMES; n++)
            members += model[i][n];
    assert_int_equal(roster_count(roster).members, members);
    for (int i = 0; i < SETS; i++)
        assert_true(roster_set(roster, slice_text(keys[i]), NULL, 0));
    assert_int_equal(roster_count(roster).names, 0);
    assert_int_equal(roster_count(roster).sets, 0);
    roster_destroy(&roster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sets_each_once_by_name),
        cmocka_unit_test(what_is_in_doubt_is_not_answered),
        cmocka_unit_test(a_doubt_while_it_is_read),
        cmocka_unit_test(against_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
