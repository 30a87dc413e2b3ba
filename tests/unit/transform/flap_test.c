/*  flap: what is told of incidents that come and go, by hand and against a history that is counted
 *  anew at every row.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "actors/transform/flap.h"
#include "flap_model.h"
#include "tests/unit/proto/seeded.h"

// X: flapping; f, r: it flaps no more, and fires or does not.
static const char letters[] = {
    [TELL_NOTHING] = '.',      [TELL_FIRING] = 'F',   [TELL_STILL] = 'S',
    [TELL_RESOLVED] = 'R',     [TELL_FLAPPING] = 'X', [TELL_CALM_FIRING] = 'f',
    [TELL_CALM_RESOLVED] = 'r'
};

typedef struct {
    incident_t incident;
    flap_t flap;
    incident_terms_t terms;
    flap_terms_t guard;
} life_t;

static incident_tell_t move(life_t *self, incident_row_t row, int64_t ts, bool newest)
{
    incident_tell_t tell = incident_move(&self->incident, &self->terms, row, ts, newest, true);
    return flap_tell(&self->flap, &self->guard, &self->incident, tell, ts,
                     newest && row != ROW_UNKNOWN);
}

static incident_row_t row_of(char letter)
{
    return letter == '1'   ? ROW_HOLDS
           : letter == '0' ? ROW_CLEARS
           : letter == '~' ? ROW_NEITHER
                           : ROW_UNKNOWN;
}

// Rows a second apart: '1' holds, '0' clears, '~' neither, '?' unknown. What is told at each.
static void assert_life(incident_terms_t terms, flap_terms_t guard, const char *rows,
                        const char *told)
{
    life_t life = { .terms = terms, .guard = guard };
    char said[64] = "";
    for (size_t i = 0; rows[i]; i++)
        said[i] = letters[move(&life, row_of(rows[i]), (int64_t) i, true)];
    assert_string_equal(said, told);
}

static const incident_terms_t plain = { 0 };

static void test_lives(void **state)
{
    (void) state;
    assert_life(plain, (flap_terms_t){ 3, 4 }, "101000001", "FRX....rF");
    assert_life(plain, (flap_terms_t){ 3, 4 }, "1011111110", "FRX...f..R");
    assert_life(plain, (flap_terms_t){ 4, 4 }, "10100000", "FRFX...r"); // it may be an end
    assert_life(plain, (flap_terms_t){ 3, 3 }, "10010010", "FR.FR.FR"); // never within less than 3
    assert_life(plain, (flap_terms_t){ 3, 4 }, "10010010", "FR.X....");
    assert_life(plain, (flap_terms_t){ 3, 4 }, "101001100000", "FRX........r"); // 7 is the last
}

// It counts anew when it is over.
static void test_again(void **state)
{
    (void) state;
    assert_life(plain, (flap_terms_t){ 3, 3 }, "10100001010", "FRX...rFRX.");
    assert_life(plain, (flap_terms_t){ 3, 3 }, "10100010100", "FRX...fRX.."); // with that row
}

// Nobody can tell while a rule is warming; the next row can, whatever it changes.
static void test_unknown(void **state)
{
    (void) state;
    assert_life(plain, (flap_terms_t){ 3, 4 }, "1010????0", "FRX.....r");
    assert_life(plain, (flap_terms_t){ 3, 4 }, "1010????1", "FRX.....f");
    assert_life(plain, (flap_terms_t){ 3, 4 }, "101????0", "FRX....r");
    assert_life(plain, (flap_terms_t){ 3, 4 }, "101????~0", "FRX....fR"); // and then it ends
}

static void test_with_other_terms(void **state)
{
    (void) state;
    // Nothing is told of what lasts while it flaps, and then a cooldown begins.
    assert_life((incident_terms_t){ .cooldown_us = 2 }, (flap_terms_t){ 3, 5 }, "1011111111",
                "FRX....f.S");
    assert_life((incident_terms_t){ .for_us = 1 }, (flap_terms_t){ 3, 10 }, "110110", ".FR.X.");
    // What only waits does not fire.
    assert_life((incident_terms_t){ .for_us = 2 }, (flap_terms_t){ 3, 5 }, "11101110000111",
                "..FR..X.....rF");
}

static void test_terms_that_change(void **state)
{
    (void) state;
    life_t life = { .guard = { 3, 100 } };
    assert_int_equal(move(&life, ROW_HOLDS, 0, true), TELL_FIRING);
    assert_int_equal(move(&life, ROW_CLEARS, 1, true), TELL_RESOLVED);
    assert_int_equal(move(&life, ROW_HOLDS, 2, true), TELL_FLAPPING);
    life.guard = (flap_terms_t){ 5, 100 }; // it goes on
    assert_int_equal(move(&life, ROW_CLEARS, 3, true), TELL_NOTHING);
    assert_int_equal(life.flap.count, 4);
    life.guard = (flap_terms_t){ 3, 10 }; // all that is kept is what this asks for
    assert_int_equal(move(&life, ROW_HOLDS, 4, true), TELL_NOTHING);
    assert_int_equal(life.flap.count, 3);
    assert_int_equal(life.flap.changes[0], 2);
    life.guard = (flap_terms_t){ 0 }; // without a guard it is told at the next row that can
    assert_int_equal(move(&life, ROW_UNKNOWN, 5, true), TELL_NOTHING);
    assert_int_equal(move(&life, ROW_HOLDS, 5, true), TELL_CALM_FIRING);
    assert_true(flap_is_idle(&life.flap));
    assert_int_equal(move(&life, ROW_CLEARS, 6, true), TELL_RESOLVED);
    assert_true(flap_is_idle(&life.flap));
}

// What was counted before the guard went is not when it comes back.
static void test_a_guard_that_was_away(void **state)
{
    (void) state;
    life_t life = { .guard = { 3, 100 } };
    assert_int_equal(move(&life, ROW_HOLDS, 0, true), TELL_FIRING);
    life.guard = (flap_terms_t){ 0 };
    assert_int_equal(move(&life, ROW_CLEARS, 1, true), TELL_RESOLVED);
    life.guard = (flap_terms_t){ 3, 100 };
    assert_int_equal(move(&life, ROW_HOLDS, 2, true), TELL_FIRING);
    assert_int_equal(move(&life, ROW_CLEARS, 3, true), TELL_RESOLVED);
    assert_int_equal(move(&life, ROW_HOLDS, 4, true), TELL_FLAPPING);
}

// Old rows may begin an incident: that counts at the time of the change before it, at the earliest.
// They do not say that it flaps no more.
static void test_old_rows(void **state)
{
    (void) state;
    life_t life = { .guard = { 3, 10 } };
    assert_int_equal(move(&life, ROW_HOLDS, 20, true), TELL_FIRING);
    assert_int_equal(move(&life, ROW_CLEARS, 21, true), TELL_RESOLVED);
    assert_int_equal(move(&life, ROW_HOLDS, 5, false), TELL_FLAPPING);
    assert_int_equal(life.flap.changes[2], 21);
    assert_int_equal(life.flap.since_us, 20);
    assert_int_equal(move(&life, ROW_UNKNOWN, 50, true), TELL_NOTHING);
    assert_int_equal(move(&life, ROW_HOLDS, 49, false), TELL_NOTHING);
    assert_int_equal(move(&life, ROW_HOLDS, 50, true), TELL_CALM_FIRING);
}

// What never was does not count, neither that it began nor that it is over.
static void test_retract(void **state)
{
    (void) state;
    life_t life = { .guard = { 3, 100 } };
    alert_id_t one = { { 1 } };
    assert_int_equal(move(&life, ROW_HOLDS, 0, true), TELL_FIRING);
    assert_int_equal(move(&life, ROW_CLEARS, 1, true), TELL_RESOLVED);
    assert_int_equal(move(&life, ROW_HOLDS, 2, true), TELL_FLAPPING);
    life.incident.opened = one;
    assert_int_equal(incident_retract(&life.incident, one, 2), TELL_RESOLVED);
    assert_false(flap_retract(&life.flap)); // it flaps all the same: people know so
    assert_int_equal(life.flap.count, 2);
    assert_int_equal(move(&life, ROW_CLEARS, 100, true), TELL_NOTHING);
    assert_int_equal(move(&life, ROW_CLEARS, 101, true), TELL_CALM_RESOLVED);
    assert_int_equal(move(&life, ROW_HOLDS, 102, true), TELL_FIRING);
    life.incident.opened = one;
    assert_int_equal(incident_retract(&life.incident, one, 102), TELL_RESOLVED);
    assert_true(flap_retract(&life.flap));
    assert_int_equal(move(&life, ROW_HOLDS, 103, true), TELL_FIRING);
    assert_int_equal(move(&life, ROW_CLEARS, 104, true), TELL_RESOLVED);
    assert_int_equal(move(&life, ROW_HOLDS, 105, true), TELL_FLAPPING);
}

enum { ROWS = 80 };

typedef struct {
    flap_model_t flap;
    bool fires, told;
    int64_t told_us;
} story_t;

// What is told of a row, without `for` and with rows that are all the newest.
static char expect(story_t *self, const life_t *life, char row, int64_t ts)
{
    int64_t cooldown = life->terms.cooldown_us;
    bool rested = !self->told || cooldown == 0 || ts - self->told_us >= cooldown, over;
    const char *would = NULL;
    if (row == '1' && !self->fires && rested)
        would = "firing";
    else if (row == '1' && self->fires && cooldown > 0 && rested)
        would = "still";
    else if (row == '0' && self->fires)
        would = "resolved";
    if (would && strcmp(would, "resolved") != 0)
        self->fires = self->told = true, self->told_us = ts;
    else if (would)
        self->fires = false;
    const char *told = flap_model_tell(&self->flap, life->guard.changes, life->guard.within_us,
                                       would, ts, row != '?', self->fires, &over);
    if (over && self->fires)
        self->told_us = ts;
    if (over)
        return self->fires ? 'f' : 'r';
    if (!told)
        return '.';
    return strcmp(told, "flapping") == 0 ? 'X' : (char) (told[0] - 'a' + 'A');
}

static void test_random_lives(void **state)
{
    (void) state;
    seeded_t seed = { .state = 20261130 };
    size_t told[128] = { 0 };
    for (int n = 0; n < 4000; n++) {
        life_t life = { .terms.cooldown_us = (int64_t) seeded_below(&seed, 4),
                        .guard = { RULE_FLAP_LEAST + (uint32_t) seeded_below(&seed, 6),
                                   1 + (int64_t) seeded_below(&seed, 25) } };
        story_t story = { 0 };
        int64_t now = 0;
        uint64_t calm = 1; // one row in so many may change something
        char row = '0';
        for (size_t i = 0; i < ROWS; i++) {
            if (seeded_below(&seed, 10) == 0)
                calm = 1 + seeded_below(&seed, 2) * seeded_below(&seed, 20);
            if (seeded_below(&seed, calm) == 0)
                row = "0011~?"[seeded_below(&seed, 6)];
            now += (int64_t) seeded_below(&seed, 4);
            char want = expect(&story, &life, row, now);
            assert_int_equal(letters[move(&life, row_of(row), now, true)], want);
            assert_int_equal(life.flap.on, story.flap.flaps);
            told[(unsigned char) want]++;
        }
    }
    assert_true(told['F'] > 5000 && told['R'] > 5000 && told['S'] > 1000 && told['X'] > 1000);
    assert_true(told['f'] > 500 && told['r'] > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lives),
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_with_other_terms),
        cmocka_unit_test(test_terms_that_change),
        cmocka_unit_test(test_a_guard_that_was_away),
        cmocka_unit_test(test_old_rows),
        cmocka_unit_test(test_retract),
        cmocka_unit_test(test_random_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
