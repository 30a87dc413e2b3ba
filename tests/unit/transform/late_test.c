/*  Rows that stay open for others: who is late, what is said when rows close, and at the limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/transform/open.h"
#include "scene.h"

static void open_late(scene_t *scene, const feed_rule_t *rules, int64_t lateness_us)
{
    feed_lateness_us = lateness_us;
    scene_open(scene, rules, NULL);
    feed_lateness_us = 0;
}

static void plan_late(scene_t *scene, const feed_rule_t *rules, int64_t lateness_us)
{
    feed_lateness_us = lateness_us;
    plan(scene, rules);
    feed_lateness_us = 0;
}

// What comes late changes what rows behind it see; that is told when they close.
static void test_between(void **state)
{
    (void) state;
    scene_t scene;
    open_late(&scene, spike, 5 * MINUTE);
    minutes(&scene, 0, 20, "1");
    row(&scene, 21 * MINUTE, "4", NULL, false); // over three times the average of ones
    row(&scene, 22 * MINUTE, "3.5", NULL, false);
    assert_int_equal(scene.ear.count, 2);
    row(&scene, 20 * MINUTE, "40", NULL, false); // late, and over it as well
    assert_int_equal(scene.ear.count, 3);
    assert_int_equal(scene.ear.alerts[2].ts, 20 * MINUTE);
    assert_false(scene.ear.alerts[2].late);
    row(&scene, 16 * MINUTE, "1", NULL, false); // older than 17: no effect, nor is it a duplicate
    assert_int_equal(fold_count(scene.fold).late, 1);
    row(&scene, 26 * MINUTE, "1", NULL, false); // 21 is newest - lateness: open still
    assert_int_equal(scene.ear.count, 3);
    row(&scene, 27 * MINUTE, "1", NULL, false);
    assert_int_equal(scene.ear.count, 4); // 4 is not over 3 * 60 / 21
    assert_true(scene.ear.alerts[3].correction);
    assert_int_equal(scene.ear.alerts[3].ts, 21 * MINUTE);
    row(&scene, 28 * MINUTE, "1", NULL, false);
    assert_int_equal(scene.ear.count, 5);
    assert_memory_equal(&scene.ear.alerts[4].corrects, &scene.ear.alerts[1].id, 16);
    scene_close(&scene);
}

static bool stands(const ear_t *ear, size_t at)
{
    if (ear->alerts[at].correction)
        return false;
    for (size_t i = at + 1; i < ear->count; i++)
        if (memcmp(&ear->alerts[i].corrects, &ear->alerts[at].id, sizeof(alert_id_t)) == 0)
            return false;
    return true;
}

static bool has(const ear_t *ear, const heard_t *wanted)
{
    for (size_t i = 0; i < ear->count; i++)
        if (memcmp(&ear->alerts[i].id, &wanted->id, sizeof wanted->id) == 0)
            return stands(ear, i);
    return false;
}

// The alerts that stand have the same ids in both.
static void assert_same_net(const ear_t *a, const ear_t *b, size_t least)
{
    size_t count = 0;
    for (size_t i = 0; i < a->count; i++) {
        count += stands(a, i);
        assert_true(!stands(a, i) || has(b, &a->alerts[i]));
    }
    for (size_t i = 0; i < b->count; i++)
        assert_true(!stands(b, i) || has(a, &b->alerts[i]));
    assert_true(count >= least);
}

static const char *volume_of(int i)
{
    return i % 17 == 5 ? "30" : i % 5 == 0 ? "7" : "1";
}

// In order, and each run of five backwards: the same alerts in the end. `rows_max`: coarse beyond.
static void compare_orders(uint32_t rows_max, bool ordinal, size_t least_late)
{
    feed_rows_max = rows_max;
    scene_t calm, torn;
    scene_open(&calm, spike, NULL);
    open_late(&torn, spike, 5 * MINUTE);
    for (int i = 0; i < 400; i++) {
        int turned = i / 5 * 5 + 4 - i % 5;
        row(&calm, i * MINUTE, volume_of(i), NULL, ordinal);
        row(&torn, turned * MINUTE, volume_of(turned), NULL, ordinal);
    }
    feed_rows_max = EXACT_ROWS_DEFAULT;
    for (int i = 400; i < 410; i++) // close all that is compared; zeros fire nothing
        row(&torn, i * MINUTE, "0", NULL, ordinal);
    assert_int_equal(fold_count(torn.fold).accepted, 410);
    assert_same_net(&calm.ear, &torn.ear, 20);
    size_t late = 0;
    for (size_t i = 0; i < torn.ear.count; i++)
        late += torn.ear.alerts[i].late;
    assert_true(late >= least_late);
    scene_close(&calm);
    scene_close(&torn);
}

static void test_any_order(void **state)
{
    (void) state;
    compare_orders(EXACT_ROWS_DEFAULT, false, 0);
    compare_orders(EXACT_ROWS_DEFAULT, true, 0);
}

// Coarse windows hold what has closed: their rules judge when rows close.
static void test_coarse(void **state)
{
    (void) state;
    compare_orders(30, false, 15);
    compare_orders(30, true, 15);
}

static const feed_rule_t every[] = { { "every", "volume > 0", 0 }, { 0 } };

// Rows of one time are told apart by how many of it came before, whenever they come.
static void test_ordinals(void **state)
{
    (void) state;
    scene_t calm, torn;
    open_late(&calm, every, MINUTE);
    open_late(&torn, every, MINUTE);
    for (int i = 0; i < 4; i++)
        row(&calm, 10, "1", NULL, true);
    row(&calm, 20, "1", NULL, true);
    row(&torn, 10, "1", NULL, true);
    row(&torn, 20, "1", NULL, true);
    for (int i = 1; i < 4; i++)
        row(&torn, 10, "1", NULL, true);
    assert_int_equal(torn.ear.count, 5);
    assert_same_net(&calm.ear, &torn.ear, 5);
    scene_close(&calm);
    scene_close(&torn);
}

// A full house: the oldest time closes, and what is older is late.
static void test_limit(void **state)
{
    (void) state;
    const feed_rule_t lonely[] = { { "lonely", "count(*) OVER rows_1 = 0", 0 }, { 0 } };
    scene_t scene;
    open_late(&scene, lonely, 60 * MINUTE);
    for (int i = 0; i < OPEN_ROWS_MAX; i++)
        row(&scene, 1000 + i, "1", NULL, false);
    row(&scene, 999, "1", NULL, false); // no room below all others
    assert_int_equal(fold_count(scene.fold).late, 1);
    row(&scene, 1000 + OPEN_ROWS_MAX, "1", NULL, false); // 1000 closes
    row(&scene, 1000, "2", NULL, false);
    assert_int_equal(fold_count(scene.fold).late, 2);
    row(&scene, 1001, "2", NULL, false); // the first that is open: to be revised
    assert_int_equal(fold_count(scene.fold).revisions, 1);
    assert_int_equal(fold_count(scene.fold).accepted, OPEN_ROWS_MAX + 1);
    assert_int_equal(scene.ear.count, 1);
    scene_close(&scene);
}

// All of one time: they close one by one, and others of that time are still taken.
static void test_limit_of_one_time(void **state)
{
    (void) state;
    scene_t scene;
    open_late(&scene, every, MINUTE);
    for (int i = 0; i < OPEN_ROWS_MAX + 5; i++)
        row(&scene, 1000, "0", NULL, true);
    assert_int_equal(fold_count(scene.fold).accepted, OPEN_ROWS_MAX + 5);
    row(&scene, 1000, "1", NULL, true);
    row(&scene, 1001, "1", NULL, true);
    assert_int_equal(scene.ear.count, 2);
    assert_int_equal(fold_count(scene.fold).late, 0);
    scene_close(&scene);
}

// A fold that knows only what a full one has written.
static ruleset_t *known_plan;
static ruleset_t *find_known(void *context, plan_hash_t hash)
{
    (void) context;
    (void) hash;
    return known_plan;
}

static void assert_loads(scene_t *scene, const feed_rule_t *rules, int64_t lateness_us)
{
    feed_lateness_us = lateness_us;
    known_plan = feed_rules(rules, NULL);
    feed_lateness_us = 0;
    ear_t ear = { 0 };
    fold_t *loaded = feed_fold(&ear, NULL, NULL);
    for (unsigned p = 0; p < PARTITIONS; p++) {
        buffer_t base = { 0 }, again = { 0 };
        fault_t fault = { .text = "" };
        slice_t delta;
        assert_true(fold_delta(scene->fold, p, &delta));
        assert_true(fold_base(scene->fold, p, &base));
        if (!fold_load(loaded, p, buffer_slice(&base), find_known, NULL, &fault))
            fail_msg("%s", fault.text);
        assert_true(fold_base(loaded, p, &again));
        assert_int_equal(base.size, again.size);
        assert_memory_equal(base.data, again.data, base.size);
        buffer_destroy(&base);
        buffer_destroy(&again);
    }
    fold_destroy(&loaded);
    ear_clear(&ear);
    ruleset_destroy(&known_plan);
}

// So many rows as can be open, `step` apart, each with an identity of its own.
static void fill(scene_t *scene, int64_t lateness_us, int step)
{
    open_late(scene, every, lateness_us);
    for (int i = 0; i < OPEN_ROWS_MAX; i++) {
        char identity[16];
        snprintf(identity, sizeof identity, "%d", i);
        row(scene, 1000 + (int64_t) step * i, "0", identity, false);
    }
    assert_int_equal(fold_count(scene->fold).accepted, OPEN_ROWS_MAX);
}

// A revision needs no room, so it closes nothing; least of all the row that it revises.
static void test_full_and_revised(void **state)
{
    (void) state;
    for (int step = 0; step < 2; step++) { // of one time, without lateness; of many, with
        int64_t lateness_us = step ? 60 * MINUTE : 0;
        scene_t scene;
        fill(&scene, lateness_us, step);
        row(&scene, 1000, "1", "0", false);
        row(&scene, 1000, "2", "0", false);
        row(&scene, 1000 + step, "1", "1", false);
        assert_int_equal(fold_count(scene.fold).revisions, 3);
        assert_int_equal(fold_count(scene.fold).late, 0);
        assert_int_equal(scene.ear.count, 2);
        assert_loads(&scene, every, lateness_us);
        scene_close(&scene);
    }
}

// A new row of the oldest time is late, so that what was accepted is never forgotten while its time
// is open: it would be taken for new.
static void test_full_and_new(void **state)
{
    (void) state;
    for (int step = 0; step < 2; step++) {
        int64_t lateness_us = step ? 60 * MINUTE : 0;
        scene_t scene;
        fill(&scene, lateness_us, step);
        row(&scene, 1000, "1", "new", false);
        assert_int_equal(fold_count(scene.fold).late, 1);
        row(&scene, 1000, "0", "0", false);
        assert_int_equal(fold_count(scene.fold).duplicates, 1);
        assert_int_equal(scene.ear.count, 0);
        assert_loads(&scene, every, lateness_us);
        row(&scene, 1000 + OPEN_ROWS_MAX, "1", "later", false);
        assert_int_equal(scene.ear.count, 1);
        scene_close(&scene);
    }
}

// What has closed stays so when the lateness grows; what is open closes when it shrinks.
static void test_another_lateness(void **state)
{
    (void) state;
    scene_t scene;
    scene_open(&scene, every, NULL);
    row(&scene, 10 * MINUTE, "1", NULL, false);
    row(&scene, 20 * MINUTE, "1", NULL, false);
    plan_late(&scene, every, 60 * MINUTE);
    row(&scene, 15 * MINUTE, "1", NULL, false);
    assert_int_equal(fold_count(scene.fold).late, 1);
    row(&scene, 30 * MINUTE, "1", NULL, false);
    row(&scene, 25 * MINUTE, "1", NULL, false);
    row(&scene, 25 * MINUTE, "0", NULL, false); // does not hold after all
    assert_int_equal(scene.ear.count, 4);
    plan_late(&scene, every, MINUTE);
    row(&scene, 26 * MINUTE, "1", NULL, false); // late by now
    assert_int_equal(fold_count(scene.fold).late, 2);
    assert_int_equal(scene.ear.count, 4);
    row(&scene, 31 * MINUTE, "0", NULL, false); // what is below 30 closes
    assert_int_equal(scene.ear.count, 5);
    assert_true(scene.ear.alerts[4].correction);
    scene_close(&scene);
}

// Each judgement is by the rules of its time.
static void test_other_rules(void **state)
{
    (void) state;
    const feed_rule_t more[] = { { "every", "volume > 1", 0 },
                                 { "fresh", "volume < 2", 0 },
                                 { 0 } };
    scene_t scene;
    open_late(&scene, every, MINUTE);
    row(&scene, 1, "1", NULL, false);
    assert_int_equal(scene.ear.count, 1);
    plan_late(&scene, more, MINUTE);
    row(&scene, 2 * MINUTE, "0", NULL, false); // closes the first: fresh holds for it, and here
    assert_int_equal(scene.ear.count, 3);
    assert_string_equal(scene.ear.alerts[1].rule, "fresh");
    assert_int_equal(scene.ear.alerts[1].ts, 1);
    assert_true(scene.ear.alerts[1].late);
    assert_int_equal(fold_count(scene.fold).corrections, 0); // the old `every` is no more
    scene_close(&scene);
}

// What a rule has said of an open row stays said while the rule is gone or another one: given back,
// it does not say it again, and takes it back if it does not hold. Other partitions that load what
// is remembered say the same.
static void test_given_back(void **state)
{
    (void) state;
    const feed_rule_t other[] = { { "every", "volume > 7", 0 }, { 0 } };
    const feed_rule_t none[] = { { 0 } };
    const feed_rule_t *const meanwhile[] = { none, other };
    for (size_t i = 0; i < sizeof meanwhile / sizeof meanwhile[0]; i++) {
        scene_t scene;
        open_late(&scene, every, MINUTE);
        row(&scene, 10, "1", NULL, false);
        row(&scene, 20, "2", NULL, false);
        row(&scene, 40, "0", NULL, false);
        assert_int_equal(scene.ear.count, 2);
        plan_late(&scene, meanwhile[i], MINUTE);
        row(&scene, 5, "2", NULL, false); // moves the others up; `every` does not see it
        row(&scene, 20, "3", NULL, false);
        assert_loads(&scene, meanwhile[i], MINUTE);
        plan_late(&scene, every, MINUTE);
        assert_loads(&scene, every, MINUTE);
        row(&scene, 10, "4", NULL, false); // holds as before: told already
        assert_int_equal(scene.ear.count, 2);
        row(&scene, 20, "0", NULL, false);
        row(&scene, 3 * MINUTE, "0", NULL, false); // all of them close
        assert_int_equal(scene.ear.count, 4);
        assert_true(scene.ear.alerts[2].late); // of the row that came meanwhile
        assert_int_equal(scene.ear.alerts[2].ts, 5);
        assert_int_equal(scene.ear.alerts[2].seq, meanwhile[i] == none ? 1 : 5);
        assert_true(scene.ear.alerts[3].correction);
        assert_memory_equal(&scene.ear.alerts[3].corrects, &scene.ear.alerts[1].id,
                            sizeof(alert_id_t));
        scene_close(&scene);
    }
}

// Nor does it without lateness, as long as the row may be revised; nor when the row has closed
// while it was gone.
static void test_given_back_in_order(void **state)
{
    (void) state;
    const feed_rule_t none[] = { { 0 } };
    scene_t scene;
    scene_open(&scene, every, NULL);
    row(&scene, 10, "1", NULL, false);
    plan_late(&scene, none, 0);
    plan_late(&scene, every, 0);
    row(&scene, 10, "2", NULL, false);
    assert_int_equal(scene.ear.count, 1);
    plan_late(&scene, none, 0);
    row(&scene, 10, "0", NULL, false);
    row(&scene, 20, "0", NULL, false);
    plan_late(&scene, every, 0);
    row(&scene, 30, "0", NULL, false);
    assert_int_equal(scene.ear.count, 1); // what it had said stands
    scene_close(&scene);
}

// A rule that was removed and given back before a row closes, without the history that it needs to
// judge it once more, takes nothing back.
static void test_given_back_unknown(void **state)
{
    (void) state;
    static const feed_rule_t none[] = { { "other", "volume > 1000", 0 }, { 0 } };
    scene_t scene;
    open_late(&scene, spike, 5 * MINUTE);
    minutes(&scene, 0, 20, "1");
    row(&scene, 20 * MINUTE, "4", NULL, false);
    assert_int_equal(scene.ear.count, 1);
    plan_late(&scene, none, 5 * MINUTE);
    plan_late(&scene, spike, 5 * MINUTE);
    minutes(&scene, 21, 40, "1");
    assert_int_equal(scene.ear.count, 1);
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_given_back),        cmocka_unit_test(test_given_back_in_order),
        cmocka_unit_test(test_between),           cmocka_unit_test(test_given_back_unknown),
        cmocka_unit_test(test_any_order),         cmocka_unit_test(test_coarse),
        cmocka_unit_test(test_ordinals),          cmocka_unit_test(test_limit),
        cmocka_unit_test(test_limit_of_one_time), cmocka_unit_test(test_full_and_revised),
        cmocka_unit_test(test_full_and_new),      cmocka_unit_test(test_another_lateness),
        cmocka_unit_test(test_other_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
