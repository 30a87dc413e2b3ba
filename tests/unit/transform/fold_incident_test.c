/*  Edges and incidents in the fold, by hand: rules that come and go, rows that change, windows that
 *  are coarse. fold_random_test.c compares whole runs with a model.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scene.h"

static void say_more(const char *name, rule_t *rule)
{
    if (strcmp(name, "edge") == 0)
        rule->emit = RULE_EMIT_EDGE;
    if (strcmp(name, "slow") == 0)
        rule->for_us = 3 * MINUTE;
    if (strcmp(name, "sticky") == 0)
        rule->resolve = slice_text("volume < 2");
}

static const feed_rule_t edge[] = { { "edge", "volume > 3", 0 }, { 0 } };
static const feed_rule_t none[] = { { 0 } };

// What was heard: a letter for each entry.
static void assert_heard(const scene_t *scene, const char *letters)
{
    static const char *const kinds[] = { "alert", "correction", "firing", "still", "resolved" };
    char heard[64] = "";
    for (size_t i = 0; i < scene->ear.count; i++)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
            if (strcmp(scene->ear.alerts[i].kind, kinds[k]) == 0)
                heard[i] = "acfsr"[k];
    assert_string_equal(heard, letters);
}

static int setup(void **state)
{
    (void) state;
    feed_more = say_more;
    feed_incidents = true;
    return 0;
}

static void test_edge_on_a_series_under_way(void **state)
{
    (void) state;
    scene_t scene;
    scene_open(&scene, none, NULL);
    row(&scene, 0, "5", "", false);
    row(&scene, MINUTE, "5", "", false);
    plan(&scene, edge);
    row(&scene, MINUTE, "6", "", false); // whoever was before left before the rule came
    assert_heard(&scene, "f");           // the condition holds all the same
    row(&scene, 2 * MINUTE, "5", "", false);
    row(&scene, 3 * MINUTE, "1", "", false);
    row(&scene, 4 * MINUTE, "5", "", false);
    assert_heard(&scene, "fr"
                         "af");
    scene_close(&scene);
}

// The step goes to another row when the row before it changes.
static void test_edge_moves(void **state)
{
    (void) state;
    scene_t scene;
    scene_open(&scene, edge, NULL);
    row(&scene, 0, "1", "a", false);
    row(&scene, 0, "5", "b", false);
    assert_heard(&scene, "af");
    row(&scene, 0, "6", "a", false); // now this one is
    assert_heard(&scene, "afa");
    row(&scene, MINUTE, "5", "a", false);
    assert_heard(&scene, "afac"); // that no step is left there is no reason to be well
    assert_int_equal(scene.ear.alerts[2].ts, 0);
    scene_close(&scene);
}

static void test_taken_back(void **state)
{
    (void) state;
    static const feed_rule_t high[] = { { "high", "volume > 3", 0 }, { 0 } };
    scene_t scene;
    scene_open(&scene, high, NULL);
    row(&scene, 0, "5", "a", false);
    row(&scene, 0, "1", "a", false);
    assert_heard(&scene, "af"); // its last word comes when it closes
    row(&scene, MINUTE, "5", "a", false);
    assert_heard(&scene, "afcraf");
    assert_memory_equal(&scene.ear.alerts[3].corrects, &scene.ear.alerts[0].id, sizeof(alert_id_t));
    scene_close(&scene);
}

static void test_for_and_resolve(void **state)
{
    (void) state;
    static const feed_rule_t both[] = { { "slow", "volume > 3", 0 },
                                        { "sticky", "volume > 3", 0 },
                                        { 0 } };
    scene_t scene;
    scene_open(&scene, both, NULL);
    for (int i = 0; i < 4; i++)
        row(&scene, i * MINUTE, "5", "", false);
    assert_heard(&scene, "aaf"
                         "aa"
                         "aa"
                         "afa");
    assert_int_equal(scene.ear.alerts[8].since, 0);
    row(&scene, 4 * MINUTE, "2.5", "", false);
    assert_heard(&scene, "aaf"
                         "aa"
                         "aa"
                         "afa"
                         "r"); // of slow alone
    row(&scene, 5 * MINUTE, "1", "", false);
    assert_heard(&scene, "aaf"
                         "aa"
                         "aa"
                         "afa"
                         "r"
                         "r");
    scene_close(&scene);
}

// A rule that is changed goes on with its incident; one that was away begins anew.
static void test_rules_that_change(void **state)
{
    (void) state;
    static const feed_rule_t before[] = { { "high", "volume > 3", 0 }, { 0 } };
    static const feed_rule_t after[] = { { "high", "volume > 4", 0 }, { 0 } };
    scene_t scene;
    scene_open(&scene, before, NULL);
    row(&scene, 0, "5", "", false);
    plan(&scene, after);
    row(&scene, MINUTE, "5", "", false);
    row(&scene, 2 * MINUTE, "3.5", "", false);
    assert_heard(&scene, "af"
                         "a"
                         "r");
    row(&scene, 3 * MINUTE, "5", "", false);
    plan(&scene, none);
    plan(&scene, after);
    row(&scene, 3 * MINUTE, "6", "", false); // has begun one before
    assert_heard(&scene, "af"
                         "a"
                         "r"
                         "af");
    row(&scene, 4 * MINUTE, "6", "", false);
    assert_heard(&scene, "af"
                         "a"
                         "r"
                         "af"
                         "af");
    scene_close(&scene);
}

// With a lateness a rule with a coarse window judges rows as they close; so does its incident.
static void test_coarse_and_late(void **state)
{
    (void) state;
    feed_lateness_us = MINUTE;
    feed_rows_max = 4;
    static const feed_rule_t spikes[] = { { "spike", "volume > 3 * avg(volume) OVER last_1h", 2 },
                                          { 0 } };
    scene_t scene;
    scene_open(&scene, spikes, NULL);
    feed_lateness_us = 0;
    feed_rows_max = EXACT_ROWS_DEFAULT;
    minutes(&scene, 0, 20, "1");
    row(&scene, 20 * MINUTE, "9", NULL, false);
    row(&scene, 21 * MINUTE, "1", NULL, false);
    assert_heard(&scene, "");
    row(&scene, 22 * MINUTE, "1", NULL, false); // closes the spike
    assert_heard(&scene, "af");
    assert_true(scene.ear.alerts[0].late);
    assert_int_equal(scene.ear.alerts[1].ts, 20 * MINUTE);
    row(&scene, 23 * MINUTE, "1", NULL, false);
    assert_heard(&scene, "afr");
    assert_int_equal(scene.ear.alerts[2].ts, 21 * MINUTE);
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edge_on_a_series_under_way),
        cmocka_unit_test(test_edge_moves),
        cmocka_unit_test(test_taken_back),
        cmocka_unit_test(test_for_and_resolve),
        cmocka_unit_test(test_rules_that_change),
        cmocka_unit_test(test_coarse_and_late),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
