/*  incident: what is told when, by hand and against what the words of incident.h say of whole
 *  lives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "actors/transform/incident.h"
#include "tests/unit/proto/seeded.h"

static const char letters[] = {
    [TELL_NOTHING] = '.', [TELL_FIRING] = 'F', [TELL_STILL] = 'S', [TELL_RESOLVED] = 'R'
};

// Rows a second apart: '1' holds, '0' clears, '-' neither, '?' unknown. What is told at each.
static void assert_life(int64_t for_us, int64_t cooldown_us, const char *rows, const char *told)
{
    incident_t incident = { .state = INCIDENT_WELL };
    incident_terms_t terms = { .for_us = for_us, .cooldown_us = cooldown_us };
    char said[64] = "";
    for (size_t i = 0; rows[i]; i++) {
        incident_row_t row = rows[i] == '1'   ? ROW_HOLDS
                             : rows[i] == '0' ? ROW_CLEARS
                             : rows[i] == '-' ? ROW_NEITHER
                                              : ROW_UNKNOWN;
        said[i] = letters[incident_move(&incident, &terms, row, (int64_t) i, true, true)];
    }
    assert_string_equal(said, told);
}

static void test_lives(void **state)
{
    (void) state;
    assert_life(0, 0, "0011100",
                ".."
                "F..R.");
    assert_life(0, 0, "1-1?10", "F....R");       // hysteresis, and what nobody can tell
    assert_life(2, 0, "110111100", ".....F.R."); // `for` begins anew
    assert_life(2, 0, "1?1110", "....FR");       // nor does it last over what is unknown
    assert_life(0, 3, "1111111", "F..S..S");
    assert_life(0, 3, "1011001110",
                "FR.F"
                "R.F..R"); // flaps are told once in a cooldown
    assert_life(0, 4, "10101010", "FR..FR..");
    assert_life(1, 4, "1110111111",
                ".F.R"
                ".F...S");
}

// What is said of old rows: they may begin at once, and do nothing else.
static void test_old_rows(void **state)
{
    (void) state;
    incident_terms_t now = { 0 }, later = { .for_us = 5 };
    incident_t incident = { .state = INCIDENT_WELL };
    assert_int_equal(incident_move(&incident, &later, ROW_HOLDS, 3, false, true), TELL_NOTHING);
    assert_int_equal(incident.state, INCIDENT_WELL);
    assert_int_equal(incident_move(&incident, &now, ROW_HOLDS, 3, false, false), TELL_NOTHING);
    assert_int_equal(incident_move(&incident, &now, ROW_HOLDS, 3, false, true), TELL_FIRING);
    assert_int_equal(incident_move(&incident, &now, ROW_CLEARS, 4, false, true), TELL_NOTHING);
    assert_int_equal(incident_move(&incident, &now, ROW_CLEARS, 2, true, true), TELL_NOTHING);
    assert_int_equal(incident_move(&incident, &now, ROW_CLEARS, 4, true, true), TELL_RESOLVED);
}

static void test_retract(void **state)
{
    (void) state;
    incident_terms_t now = { 0 }, later = { .for_us = 5 };
    alert_id_t one = { { 1 } }, other = { { 2 } };
    incident_t incident = { .state = INCIDENT_WELL };
    assert_int_equal(incident_move(&incident, &now, ROW_HOLDS, 3, true, true), TELL_FIRING);
    incident.opened = one;
    assert_int_equal(incident_retract(&incident, other, 3), TELL_NOTHING);
    assert_int_equal(incident_retract(&incident, one, 3), TELL_RESOLVED);
    assert_int_equal(incident_retract(&incident, one, 3), TELL_NOTHING);
    assert_int_equal(incident_move(&incident, &later, ROW_HOLDS, 4, true, true), TELL_NOTHING);
    assert_int_equal(incident_retract(&incident, one, 3), TELL_NOTHING); // before it began
    assert_int_equal(incident.state, INCIDENT_PENDING);
    assert_int_equal(incident_retract(&incident, one, 4), TELL_NOTHING);
    assert_int_equal(incident.state, INCIDENT_WELL);
}

// What was told of an incident that never was keeps no true one waiting.
static void test_retract_ends_the_cooldown(void **state)
{
    (void) state;
    incident_terms_t terms = { .cooldown_us = 100 };
    alert_id_t one = { { 1 } };
    incident_t incident = { .state = INCIDENT_WELL };
    assert_int_equal(incident_move(&incident, &terms, ROW_HOLDS, 3, true, true), TELL_FIRING);
    incident.opened = one;
    assert_int_equal(incident_retract(&incident, one, 3), TELL_RESOLVED);
    assert_int_equal(incident_move(&incident, &terms, ROW_HOLDS, 4, true, true), TELL_FIRING);
    assert_int_equal(incident_move(&incident, &terms, ROW_HOLDS, 5, true, true), TELL_NOTHING);
}

// Without a cooldown a row that comes late begins one, whatever was told of later rows; with one
// what was told last counts, not what was told in the end.
static void test_older_than_told(void **state)
{
    (void) state;
    incident_terms_t none = { 0 }, some = { .cooldown_us = 10 };
    incident_t incident = { .state = INCIDENT_WELL };
    assert_int_equal(incident_move(&incident, &none, ROW_HOLDS, 20, true, true), TELL_FIRING);
    assert_int_equal(incident_move(&incident, &none, ROW_CLEARS, 21, true, true), TELL_RESOLVED);
    assert_int_equal(incident_move(&incident, &none, ROW_HOLDS, 9, false, true), TELL_FIRING);
    assert_int_equal(incident_move(&incident, &none, ROW_CLEARS, 22, true, true), TELL_RESOLVED);
    assert_int_equal(incident_move(&incident, &some, ROW_HOLDS, 25, true, true), TELL_NOTHING);
    assert_int_equal(incident_move(&incident, &some, ROW_HOLDS, 30, true, true), TELL_FIRING);
}

enum { ROWS = 60 };

// Is there a row to fire at from `from` on to `to`, of rows that hold without a break since `from`?
static bool fires(const int64_t *ts, size_t from, size_t to, const incident_terms_t *terms,
                  const int64_t *told)
{
    return ts[to] - ts[from] >= terms->for_us && (!told || ts[to] - *told >= terms->cooldown_us);
}

// A life told anew from all its rows at every row.
static void test_random_lives(void **state)
{
    (void) state;
    seeded_t seed = { .state = 20261129 };
    size_t told_count = 0;
    for (int life = 0; life < 3000; life++) {
        incident_terms_t terms = { .for_us = (int64_t) seeded_below(&seed, 6),
                                   .cooldown_us = (int64_t) seeded_below(&seed, 9) };
        incident_t incident = { .state = INCIDENT_WELL };
        incident_row_t rows[ROWS];
        int64_t ts[ROWS], now = 0, last_told = 0;
        size_t run = 0; // first of the rows that hold up to here
        bool firing = false, told = false;
        for (size_t i = 0; i < ROWS; i++) {
            rows[i] = seeded_below(&seed, 3) ? ROW_HOLDS : (incident_row_t) seeded_below(&seed, 4);
            ts[i] = now += (int64_t) seeded_below(&seed, 3);
            incident_tell_t want = TELL_NOTHING;
            if (rows[i] != ROW_HOLDS || firing)
                run = i + 1;
            else if (fires(ts, run, i, &terms, told ? &last_told : NULL))
                want = TELL_FIRING;
            if (firing && rows[i] == ROW_HOLDS && terms.cooldown_us > 0 &&
                ts[i] - last_told >= terms.cooldown_us)
                want = TELL_STILL;
            if (firing && rows[i] == ROW_CLEARS)
                want = TELL_RESOLVED;
            assert_int_equal(incident_move(&incident, &terms, rows[i], ts[i], true, true), want);
            firing = want == TELL_FIRING || (firing && want != TELL_RESOLVED);
            if (want == TELL_FIRING || want == TELL_STILL) {
                told = true;
                last_told = ts[i];
            }
            told_count += want != TELL_NOTHING;
        }
    }
    assert_true(told_count > 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lives),           cmocka_unit_test(test_old_rows),
        cmocka_unit_test(test_retract),         cmocka_unit_test(test_retract_ends_the_cooldown),
        cmocka_unit_test(test_older_than_told), cmocka_unit_test(test_random_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
