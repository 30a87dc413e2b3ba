/*  Flaps in the fold, by hand: what is told of them, under which ids, and when rules come and go.
 *  flap_test.c says when it is told; fold_random_test.c compares whole runs with a model.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scene.h"

static void say_more(const char *name, rule_t *rule)
{
    rule->flap_changes = RULE_FLAP_LEAST;
    rule->flap_us = 10 * MINUTE;
    if (strcmp(name, "edge") == 0)
        rule->emit = RULE_EMIT_EDGE;
}

static void say_edge(const char *name, rule_t *rule)
{
    (void) name;
    rule->emit = RULE_EMIT_EDGE;
}

static const feed_rule_t flaps[] = { { "flaps", "volume > 3", 0 }, { 0 } }, none[] = { { 0 } };

static void swing(scene_t *self, int from, const char *volumes)
{
    for (int i = 0; volumes[i]; i++) {
        char volume[8] = { volumes[i] };
        row(self, (from + i) * MINUTE, volume, "", false);
    }
}

static void test_flaps(void **state)
{
    (void) state;
    scene_t scene;
    scene_open(&scene, flaps, NULL);
    swing(&scene, 0, "515151");
    assert_heard(&scene, "af"
                         "r"
                         "ax"
                         "a");
    const heard_t *flapping = &scene.ear.alerts[4];
    assert_int_equal(flapping->changes, 3);
    assert_int_equal(flapping->since, 0);
    assert_int_equal(flapping->ts, 2 * MINUTE);
    alert_id_t about = alert_id_about(scene.ear.alerts[3].id, "flapping"), zero = { { 0 } };
    assert_memory_equal(&flapping->id, &about, sizeof about);
    assert_memory_equal(&flapping->opened, &zero, sizeof zero);
    row(&scene, 15 * MINUTE - 1, "1", "", false);
    assert_int_equal(scene.ear.count, 6);
    row(&scene, 15 * MINUTE, "1", "", false);
    assert_heard(&scene, "af"
                         "r"
                         "ax"
                         "a"
                         "r");
    const heard_t *over = &scene.ear.alerts[6];
    about = alert_id_about(scene.ear.alerts[4].id, "resolved");
    assert_memory_equal(&over->id, &about, sizeof about);
    assert_memory_equal(&over->opened, &scene.ear.alerts[4].id, sizeof over->opened);
    assert_int_equal(over->since, 0);
    assert_int_equal(over->changes, 0);
    scene_close(&scene);
}

// That it fires is told under the id that the beginning of this incident has, which was not told.
static void test_flaps_and_fires(void **state)
{
    (void) state;
    scene_t scene;
    scene_open(&scene, flaps, NULL);
    swing(&scene, 0, "5151");
    row(&scene, 5 * MINUTE, "5", "", false);
    row(&scene, 15 * MINUTE, "6", "", false);
    assert_heard(&scene, "af"
                         "r"
                         "ax"
                         "a"
                         "af");
    const heard_t *fires = &scene.ear.alerts[7];
    alert_id_t began = alert_id_about(scene.ear.alerts[5].id, "firing");
    assert_memory_equal(&fires->id, &began, sizeof began);
    assert_memory_equal(&fires->opened, &scene.ear.alerts[4].id, sizeof fires->opened);
    assert_int_equal(fires->since, 5 * MINUTE);
    assert_int_equal(fires->ts, 15 * MINUTE);
    row(&scene, 16 * MINUTE, "1", "", false);
    const heard_t *over = &scene.ear.alerts[8];
    assert_string_equal(over->kind, "resolved");
    assert_memory_equal(&over->opened, &began, sizeof began);
    for (size_t i = 0; i < scene.ear.count; i++)
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(&scene.ear.alerts[i].id, &scene.ear.alerts[k].id, sizeof began);
    scene_close(&scene);
}

// Whoever was told that it flaps is told that nobody looks any more, whatever it is.
static void test_flaps_and_goes(void **state)
{
    (void) state;
    for (int fires = 0; fires < 2; fires++) {
        scene_t scene;
        scene_open(&scene, flaps, NULL);
        swing(&scene, 0, fires ? "51515" : "5151");
        size_t before = scene.ear.count;
        plan(&scene, none);
        assert_int_equal(scene.ear.count, before + 1);
        const heard_t *over = &scene.ear.alerts[before];
        assert_string_equal(over->kind, "resolved");
        assert_string_equal(over->reason, "rule removed");
        assert_memory_equal(&over->opened, &scene.ear.alerts[4].id, sizeof over->opened);
        assert_int_equal(over->since, 0);
        plan(&scene, flaps); // anew
        swing(&scene, 6, "51515");
        assert_string_equal(scene.ear.alerts[before + 2].kind, "firing");
        assert_string_equal(scene.ear.alerts[before + 3].kind, "resolved");
        assert_string_equal(scene.ear.alerts[before + 5].kind, "flapping");
        assert_int_equal(scene.ear.count, before + 7);
        scene_close(&scene);
    }
}

// A rule that settles is called only if its truth changes. Not so one that flaps, nor one that did
// when it lost its guard.
static void test_flaps_by_edge(void **state)
{
    (void) state;
    static const feed_rule_t guarded[] = { { "edge", "volume > 3", 0 }, { 0 } };
    scene_t scene;
    scene_open(&scene, guarded, NULL);
    swing(&scene, 0, "51511");
    assert_heard(&scene, "af"
                         "r"
                         "ax");
    swing(&scene, 12, "1111");
    assert_heard(&scene, "af"
                         "r"
                         "ax"
                         "r");
    assert_int_equal(scene.ear.alerts[5].ts, 13 * MINUTE);
    swing(&scene, 20, "5151");
    assert_string_equal(scene.ear.alerts[10].kind, "flapping");
    assert_int_equal(scene.ear.count, 11);
    feed_more = say_edge; // the guard goes, and what remains is a rule that settles
    plan(&scene, guarded);
    feed_more = say_more;
    swing(&scene, 24, "11");
    assert_int_equal(scene.ear.count, 12);
    assert_string_equal(scene.ear.alerts[11].kind, "resolved");
    assert_int_equal(scene.ear.alerts[11].ts, 24 * MINUTE);
    assert_memory_equal(&scene.ear.alerts[11].opened, &scene.ear.alerts[10].id, sizeof(alert_id_t));
    scene_close(&scene);
}

// What is taken back while it flaps is an alert; of the incident nothing is told.
static void test_flaps_and_is_taken_back(void **state)
{
    (void) state;
    feed_lateness_us = MINUTE;
    scene_t scene;
    scene_open(&scene, flaps, NULL);
    feed_lateness_us = 0;
    swing(&scene, 0, "515");
    row(&scene, 2 * MINUTE, "1", "", false); // after all
    row(&scene, 4 * MINUTE, "1", "", false);
    assert_heard(&scene, "af"
                         "r"
                         "ax"
                         "c");
    row(&scene, 10 * MINUTE, "1", "", false); // the last change that stands was at 1
    assert_int_equal(scene.ear.count, 6);
    row(&scene, 11 * MINUTE, "1", "", false);
    assert_heard(&scene, "af"
                         "r"
                         "ax"
                         "c"
                         "r");
    assert_memory_equal(&scene.ear.alerts[6].opened, &scene.ear.alerts[4].id, sizeof(alert_id_t));
    scene_close(&scene);
}

// A replay that does not give it, and in which nothing is on, ends it; one that gives it again goes
// on.
static void test_flaps_and_is_told_anew(void **state)
{
    (void) state;
    for (int again = 0; again < 2; again++) {
        scene_t scene;
        scene_open(&scene, flaps, NULL);
        swing(&scene, 0, "5151"); // nothing fires by now
        partitions_t all = feed_everything();
        ruleset_t *set = feed_rules(flaps, NULL);
        for (unsigned p = 0; p < PARTITIONS; p++)
            assert_true(fold_supersede(scene.fold, p, slice_text("s~1000")));
        assert_true(fold_plan(scene.fold, slice_text("s~1000"), &all, set, 1, 0));
        ruleset_destroy(&set);
        for (int i = 0; i < 4; i++) {
            feed_row_t fresh = { .pair = "a", .ts = i * MINUTE, .identity = "" };
            fresh.values[0] = feed_number(again && i % 2 == 0 ? "5" : "1");
            fresh.values[1] = feed_number("1");
            assert_true(feed(scene.fold, "s~1000", (uint64_t) i + 2, &fresh, 1, false));
        }
        size_t before = scene.ear.count;
        assert_int_equal(before, again ? 10 : 5);
        feed_recv_us = 1000;
        assert_true(feed_tick(scene.fold, "s~1000", 6, 1));
        feed_recv_us = 1;
        assert_int_equal(scene.ear.count, before + !again);
        const heard_t *over = &scene.ear.alerts[scene.ear.count - 1];
        assert_string_equal(over->reason, again ? "" : "told anew");
        if (!again)
            assert_memory_equal(&over->opened, &scene.ear.alerts[4].id, sizeof over->opened);
        scene_close(&scene);
    }
}

static int setup(void **state)
{
    (void) state;
    feed_more = say_more;
    feed_incidents = true;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flaps),
        cmocka_unit_test(test_flaps_and_fires),
        cmocka_unit_test(test_flaps_and_goes),
        cmocka_unit_test(test_flaps_by_edge),
        cmocka_unit_test(test_flaps_and_is_taken_back),
        cmocka_unit_test(test_flaps_and_is_told_anew),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
