/*  Edges and incidents in the fold, by hand: rules that come and go, rows that change, windows that
 *  are coarse. fold_random_test.c compares whole runs with a model.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/owned.h"
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
                         "af"
                         "r");
    row(&scene, 4 * MINUTE, "6", "", false);
    assert_heard(&scene, "af"
                         "a"
                         "r"
                         "af"
                         "r"
                         "af");
    scene_close(&scene);
}

static void row_of(scene_t *self, const char *pair, int64_t ts, const char *volume)
{
    feed_row_t fresh = { .pair = pair, .ts = ts, .identity = "" };
    fresh.values[0] = feed_number(volume);
    fresh.values[1] = feed_number("1");
    assert_true(feed(self->fold, "s", ++self->seq, &fresh, 1, false));
}

static void name_pairs(char (*pairs)[16], int count)
{
    char series[SERIES_ID_MAX];
    for (int i = 100000; count > 0; i++) {
        sprintf(*pairs, "%d", i);
        if (series_partition(feed_series(*pairs, series)) == 7)
            pairs++, count--;
    }
}

// A plan without the rule ends its incidents, at its record: those that fire, on whatever series.
static void test_rules_that_go(void **state)
{
    (void) state;
    static const feed_rule_t three[] = {
        { "high", "volume > 3", 0 }, { "price", "price > 0", 0 }, { "slow", "volume > 3", 0 }, { 0 }
    };
    scene_t scene;
    scene_open(&scene, three, NULL);
    char pairs[5][16]; // of one partition, in order of their names
    name_pairs(pairs, 5);
    static const int order[] = { 3, 1, 4, 0, 2 };
    for (int i = 0; i < 5; i++)
        row_of(&scene, pairs[order[i]], (i + 1) * MINUTE, i == 2 ? "1" : "5");
    size_t before = scene.ear.count;
    plan(&scene, three + 1); // without high
    assert_int_equal(scene.ear.count, before + 4);
    for (size_t i = 0; i < 4; i++) {
        const heard_t *heard = &scene.ear.alerts[before + i];
        assert_string_equal(heard->kind, "resolved");
        assert_string_equal(heard->rule, "high");
        char series[SERIES_ID_MAX];
        assert_int_equal(feed_series(pairs[i], series).size, strlen(heard->series));
        assert_string_equal(heard->series, series);
        assert_string_equal(heard->pair, pairs[i]);
        assert_string_equal(heard->reason, "rule removed");
        assert_int_equal(heard->record, scene.seq);
        assert_int_equal(heard->seq, 3); // behind its alert and firing
        assert_int_equal(heard->since, heard->ts);
    }
    plan(&scene, three + 1);
    assert_int_equal(scene.ear.count, before + 4); // said once
    plan(&scene, none);
    assert_int_equal(scene.ear.count, before + 9); // that of price on all of them; slow only waits
    scene_close(&scene);
}

// And with one that it does not cover: its sums would be of half the window, and look exact.
static void test_a_rule_that_goes_while_it_warms(void **state)
{
    (void) state;
    static const feed_rule_t hour[] = { { "spike", "volume > 3 * avg(volume) OVER last_1h", 2 },
                                        { 0 } },
                             six[] = { { "spike", "volume > 3 * avg(volume) OVER last_6h", 2 },
                                       { 0 } };
    scene_t scene;
    scene_open(&scene, hour, NULL);
    minutes(&scene, 0, 300, "1");
    row(&scene, 300 * MINUTE, "9", NULL, false);
    assert_heard(&scene, "af");
    plan(&scene, six);
    size_t before = scene.ear.bodies.size;
    plan(&scene, none);
    assert_heard(&scene, "afr");
    slice_t said = slice_of(scene.ear.bodies.data + before, scene.ear.bodies.size - before);
    assert_non_null(memmem(said.data, said.size, "rule removed", 12));
    assert_null(memmem(said.data, said.size, "window", 6)); // of evidence
    scene_close(&scene);
}

// The same with a coarse window, which sees nothing of a row that has not closed.
static void test_a_coarse_rule_that_goes(void **state)
{
    (void) state;
    feed_lateness_us = MINUTE;
    feed_rows_max = 4;
    static const feed_rule_t many[] = { { "many", "count(*) OVER last_1h > 2", 0 }, { 0 } };
    scene_t scene;
    scene_open(&scene, many, NULL);
    minutes(&scene, 0, 20, "1");
    size_t before = scene.ear.count;
    plan(&scene, none);
    feed_lateness_us = 0;
    feed_rows_max = EXACT_ROWS_DEFAULT;
    assert_int_equal(scene.ear.count, before + 1);
    assert_string_equal(scene.ear.alerts[before].kind, "resolved");
    assert_int_equal(scene.ear.alerts[before].ts, 19 * MINUTE);
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

// ---- told anew ----------------------------------------------------------------------------------

enum { ORDERED_US = 1000 }; // when the stream was told anew, in the name of "s~1000"

static void give(scene_t *scene, const char *stream, const char *pair, int64_t ts,
                 const char *volume)
{
    feed_row_t fresh = { .pair = pair, .ts = ts, .values = { feed_number(volume), DECIMAL_NULL } };
    assert_true(feed(scene->fold, stream, ++scene->seq, &fresh, 1, false));
}

static void tick(scene_t *scene, const char *stream, int64_t recv_us)
{
    feed_recv_us = recv_us;
    assert_true(feed_tick(scene->fold, stream, ++scene->seq, 1));
    feed_recv_us = 1;
}

static void tell_anew(scene_t *scene, const feed_rule_t *rules)
{
    partitions_t all = feed_everything();
    ruleset_t *set = feed_rules(rules, NULL);
    for (unsigned p = 0; p < PARTITIONS; p++)
        assert_true(fold_supersede(scene->fold, p, slice_text("s~1000")));
    assert_true(fold_plan(scene->fold, slice_text("s~1000"), &all, set, 1, 0));
    scene->seq = 1;
    ruleset_destroy(&set);
}

// Three series fire. In the new telling a fires in the same row, b in a later one, c not at all,
// and another series, which fired as well, does not even come.
static void test_what_never_comes_again(void **state)
{
    (void) state;
    static const feed_rule_t high[] = { { "high", "volume > 3", 0 }, { 0 } };
    static const char *const pairs[] = { "a", "b", "c", "gone" };
    scene_t scene;
    scene_open(&scene, high, NULL);
    for (int i = 0; i < 4; i++)
        give(&scene, "s", pairs[i], 0, "5");
    assert_heard(&scene, "afafafaf");
    const alert_id_t lost = scene.ear.alerts[5].id, gone = scene.ear.alerts[7].id;
    tell_anew(&scene, high);
    assert_int_equal(fold_series(scene.fold), 4); // until it is known what comes again
    give(&scene, "s~1000", "a", 0, "5");
    give(&scene, "s~1000", "b", 0, "1");
    give(&scene, "s~1000", "b", MINUTE, "5");
    give(&scene, "s~1000", "c", 0, "1");
    tick(&scene, "s~1000", ORDERED_US - 1); // still of the time before the order
    assert_heard(&scene, "afafafaf"
                         "afaf");
    assert_int_equal(fold_series(scene.fold), 7);
    tick(&scene, "s~1000", ORDERED_US);
    assert_heard(&scene, "afafafaf"
                         "afaf"
                         "rr");
    const heard_t *over = &scene.ear.alerts[12];
    bool first = memcmp(&over->opened, &lost, sizeof lost) == 0; // by partition
    assert_memory_equal(&over[!first].opened, &lost, sizeof lost);
    assert_memory_equal(&over[first].opened, &gone, sizeof gone);
    assert_string_equal(over[first].pair, "gone");
    for (int i = 0; i < 2; i++) {
        assert_string_equal(over[i].reason, "told anew");
        assert_string_equal(over[i].rule, "high");
        assert_int_equal(over[i].record, scene.seq);
        assert_int_equal(over[i].seq, 3); // the last word of the topic as it was told before
    }
    assert_int_equal(fold_series(scene.fold), 3);
    tick(&scene, "s~1000", ORDERED_US + 1); // once
    give(&scene, "s~1000", "b", 2 * MINUTE, "1");
    assert_heard(&scene, "afafafaf"
                         "afaf"
                         "rr"
                         "r");
    scene_close(&scene);
}

// One that came again in the same row and was over in the new telling has had its end there: under
// the id of that it is said again, so nobody hears it twice. One of a rule that the new telling
// does not have ends as well.
static void test_what_came_again_and_ended(void **state)
{
    (void) state;
    static const feed_rule_t two[] = { { "high", "volume > 3", 0 },
                                       { "low", "volume < 9", 0 },
                                       { 0 } };
    static const feed_rule_t high[] = { { "high", "volume > 3", 0 }, { 0 } };
    scene_t scene;
    scene_open(&scene, two, NULL);
    give(&scene, "s", "a", 0, "5");
    assert_heard(&scene, "afaf");
    tell_anew(&scene, high);
    give(&scene, "s~1000", "a", 0, "5");
    give(&scene, "s~1000", "a", MINUTE, "1");
    tick(&scene, "s~1000", ORDERED_US);
    assert_heard(&scene, "afaf"
                         "af"
                         "r"
                         "rr");
    const heard_t *over = &scene.ear.alerts[6];
    assert_string_equal(over[0].reason, "");
    assert_string_equal(over[1].rule, "high");
    assert_string_equal(over[1].reason, "told anew");
    assert_memory_equal(&over[1].id, &over[0].id, sizeof over[0].id);
    assert_string_equal(over[2].rule, "low");
    assert_string_equal(over[2].reason, "told anew");
    assert_memory_not_equal(&over[2].id, &over[0].id, sizeof over[0].id);
    scene_close(&scene);
}

static ruleset_t *find_set(void *set, plan_hash_t hash)
{
    (void) hash; // there is one
    return set;
}

static fold_t *take_over(const scene_t *scene, const feed_rule_t *rules, ear_t *ear)
{
    fault_t fault;
    ruleset_t *set = feed_rules(rules, NULL);
    fold_t *other = fold_new(ear_hear, ear);
    for (unsigned p = 0; p < PARTITIONS; p++) {
        owned(buffer_destroy) buffer_t base = { 0 };
        fold_own(other, p);
        assert_true(fold_base(scene->fold, p, &base));
        assert_true(fold_load(other, p, buffer_slice(&base), find_set, set, &fault));
        assert_true(fold_supersede(other, p, slice_text("s~1000")));
    }
    ruleset_destroy(&set);
    return other;
}

// Whoever takes the partition over while the stream is told anew ends it just so.
static void test_a_new_owner_knows_what_is_awaited(void **state)
{
    (void) state;
    static const feed_rule_t high[] = { { "high", "volume > 3", 0 }, { 0 } };
    scene_t scene;
    scene_open(&scene, high, NULL);
    give(&scene, "s", "a", 0, "5");
    tell_anew(&scene, high);
    give(&scene, "s~1000", "a", 0, "1");
    ear_t ear = { 0 };
    fold_t *other = take_over(&scene, high, &ear);
    assert_true(feed_tick(other, "s~1000", 9, 1) && ear.count == 0);
    feed_recv_us = ORDERED_US;
    assert_true(feed_tick(other, "s~1000", 10, 1));
    feed_recv_us = 1;
    assert_int_equal(ear.count, 1);
    assert_memory_equal(&ear.alerts[0].opened, &scene.ear.alerts[1].id, sizeof(alert_id_t));
    fold_destroy(&other);
    ear_clear(&ear);
    scene_close(&scene);
}

// Also of one that ended in the new telling, or waits there for its next beginning.
static void test_a_new_owner_ends_the_same(void **state)
{
    (void) state;
    static const feed_rule_t high[] = { { "slow", "volume > 3", 0 }, { 0 } };
    for (int waits = 0; waits < 2; waits++) {
        scene_t scene;
        scene_open(&scene, high, NULL);
        give(&scene, "s", "a", 0, "5");
        give(&scene, "s", "a", 3 * MINUTE, "5");
        assert_heard(&scene, "aaf");
        tell_anew(&scene, high);
        give(&scene, "s~1000", "a", 0, "5");
        give(&scene, "s~1000", "a", 3 * MINUTE, "5");
        give(&scene, "s~1000", "a", 4 * MINUTE, "1");
        if (waits)
            give(&scene, "s~1000", "a", 5 * MINUTE, "5");
        size_t before = scene.ear.count;
        ear_t ear = { 0 };
        fold_t *other = take_over(&scene, high, &ear);
        feed_recv_us = ORDERED_US;
        assert_true(feed_tick(scene.fold, "s~1000", 9, 1) && feed_tick(other, "s~1000", 9, 1));
        feed_recv_us = 1;
        assert_int_equal(scene.ear.count - before, 1);
        assert_int_equal(ear.count, 1);
        assert_memory_equal(&scene.ear.alerts[before].id, &ear.alerts[0].id, sizeof(alert_id_t));
        fold_destroy(&other);
        ear_clear(&ear);
        scene_close(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edge_on_a_series_under_way),
        cmocka_unit_test(test_edge_moves),
        cmocka_unit_test(test_taken_back),
        cmocka_unit_test(test_for_and_resolve),
        cmocka_unit_test(test_rules_that_change),
        cmocka_unit_test(test_rules_that_go),
        cmocka_unit_test(test_a_rule_that_goes_while_it_warms),
        cmocka_unit_test(test_a_coarse_rule_that_goes),
        cmocka_unit_test(test_coarse_and_late),
        cmocka_unit_test(test_what_never_comes_again),
        cmocka_unit_test(test_what_came_again_and_ended),
        cmocka_unit_test(test_a_new_owner_knows_what_is_awaited),
        cmocka_unit_test(test_a_new_owner_ends_the_same),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
