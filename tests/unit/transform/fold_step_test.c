/*  Steps of conditions with windows: what is recalled of the row before, over revisions, late rows,
 *  plans that come and go, and history that is not there. That they are PostgreSQL's is for
 *  fold_random_test and the oracle; that they outlive a crash, for journal_test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scene.h"
#include "tests/unit/proto/seeded.h"

enum { BLOCK_MAX = 6, BLOCKS = 200, RUNS = 30, MANY = 4096 };

#define STEPS                                                                                      \
    {                                                                                              \
        "steps", "volume > 2 * avg(volume) OVER last_1m", 2                                        \
    }
#define HOURS                                                                                      \
    {                                                                                              \
        "hours", "volume > 2 * avg(volume) OVER last_1h", 2                                        \
    }
#define TALL                                                                                       \
    {                                                                                              \
        "tall", "volume > max(volume) OVER rows_8", 1                                              \
    }

static const feed_rule_t steps[] = { STEPS, { 0 } };
static const feed_rule_t hours[] = { HOURS, STEPS, { 0 } };
static const feed_rule_t tall[] = { STEPS, TALL, { 0 } };
static const feed_rule_t all[] = { HOURS, STEPS, TALL, { 0 } };
static const feed_rule_t none[] = { { "other", "volume > 1000", 0 }, { 0 } };

static void by_edge(const char *name, rule_t *rule)
{
    (void) name;
    rule->emit = RULE_EMIT_EDGE;
}

static void open_scene(scene_t *scene, const feed_rule_t *rules)
{
    feed_more = by_edge;
    scene_open(scene, rules, NULL);
}

static void second(scene_t *scene, int64_t at, const char *volume)
{
    row(scene, at * 1000000, volume, "", false);
}

// One alert as long as it lasts; one more once it did not.
static void test_once(void **state)
{
    (void) state;
    scene_t scene;
    open_scene(&scene, steps);
    static const char *const volumes[] = { "1", "1", "9", "30", "99", "null", "400", "1", "999" };
    for (size_t i = 0; i < sizeof volumes / sizeof *volumes; i++)
        second(&scene, (int64_t) i, volumes[i]);
    assert_int_equal(scene.ear.count, 3);
    static const int64_t at[] = { 2, 6, 8 };
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(scene.ear.alerts[i].ts, at[i] * 1000000);
    scene_close(&scene);
}

// A row that is polled again and again is a step as long as the one before it, which has closed,
// did not hold; and is none once it did, in its last revision.
static void test_revised(void **state)
{
    (void) state;
    scene_t scene;
    open_scene(&scene, steps);
    second(&scene, 0, "1");
    second(&scene, 1, "1");
    second(&scene, 2, "2");
    second(&scene, 2, "9"); // alerts
    second(&scene, 3, "99");
    assert_int_equal(scene.ear.count, 1);
    second(&scene, 3, "1");
    second(&scene, 4, "500"); // alerts
    second(&scene, 4, "3");
    assert_int_equal(scene.ear.count, 2);
    second(&scene, 5, "600"); // corrects 4, and alerts
    assert_int_equal(scene.ear.count, 4);
    assert_true(scene.ear.alerts[2].correction);
    assert_int_equal(scene.ear.alerts[2].ts, 4000000);
    assert_int_equal(scene.ear.alerts[3].ts, 5000000);
    scene_close(&scene);
}

// A row that is revised is the one before others of its time: they are judged once more, also
// those that came since.
static void test_revised_before(void **state)
{
    (void) state;
    static const feed_rule_t rows[] = { { "tops", "volume > max(volume) OVER rows_1", 1 }, { 0 } };
    scene_t scene;
    open_scene(&scene, rows);
    row(&scene, 1, "1", "a", false);
    row(&scene, 1, "1", "b", false);
    row(&scene, 1, "2", "c", false); // alerts
    row(&scene, 1, "0", "a", false); // so b holds, and c is no step
    row(&scene, 1, "3", "d", false); // no step, whether c is or not
    assert_int_equal(scene.ear.count, 1);
    row(&scene, 2, "0", "e", false);
    assert_int_equal(scene.ear.count, 3);
    assert_true(scene.ear.alerts[1].late); // b
    assert_true(scene.ear.alerts[2].correction);
    assert_memory_equal(&scene.ear.alerts[2].corrects, &scene.ear.alerts[0].id, 16);
    scene_close(&scene);
}

// A rule that comes to a series under way knows of no row before; nor of those whose windows reach
// back before what was kept.
static void test_rule_comes(void **state)
{
    (void) state;
    scene_t scene;
    open_scene(&scene, none);
    char volume[16];
    for (int i = 0; i < 130; i++) {
        if (i == 100)
            plan(&scene, tall);
        snprintf(volume, sizeof volume, "%d", i);
        second(&scene, i, volume); // holds for every row: none is a step, from whenever on
    }
    assert_int_equal(scene.ear.count, 0);
    second(&scene, 130, "1");
    second(&scene, 131, "999");
    assert_int_equal(scene.ear.count, 1); // the minute of "steps" is covered from 160 on
    assert_string_equal(scene.ear.alerts[0].rule, "tall");
    scene_close(&scene);
}

// Given back after some rows, it knows no more what it knew.
static void test_rule_comes_back(void **state)
{
    (void) state;
    scene_t scene;
    open_scene(&scene, steps);
    for (int i = 0; i < 5; i++)
        second(&scene, i, "1");
    plan(&scene, hours);
    plan(&scene, none);
    second(&scene, 5, "9");
    plan(&scene, steps);
    second(&scene, 6, "99"); // covered since 65 only
    for (int i = 7; i < 80; i++)
        second(&scene, i, "1");
    assert_int_equal(scene.ear.count, 0);
    second(&scene, 80, "9");
    assert_int_equal(scene.ear.count, 1);
    scene_close(&scene);
}

// A rule with a coarse window judges a row when it closes, and so its step; also if it came later.
static void test_coarse(void **state)
{
    (void) state;
    scene_t scene;
    feed_rows_max = 4;
    feed_lateness_us = 5000000;
    open_scene(&scene, none);
    for (int i = 0; i < 240; i++) {
        if (i == 100)
            plan(&scene, steps);
        second(&scene, i, i % 100 < 98 ? "1" : i % 100 == 98 ? "50" : "500"); // 98 is the step
    }
    feed_rows_max = EXACT_ROWS_DEFAULT;
    feed_lateness_us = 0;
    assert_int_equal(scene.ear.count, 1);
    assert_int_equal(scene.ear.alerts[0].ts, 198000000);
    assert_true(scene.ear.alerts[0].late);
    scene_close(&scene);
}

// ---- at random --------------------------------------------------------------------------------

static decimal_t number(seeded_t *seed)
{
    if (seeded_below(seed, 15) == 0)
        return DECIMAL_NULL;
    unsigned high = seeded_below(seed, 3) == 0 ? 20 : 2;
    return (decimal_t){ .mantissa = 1 + (int64_t) seeded_below(seed, high) };
}

static size_t draw(seeded_t *seed, feed_row_t *rows, int64_t *now, int64_t lateness)
{
    static const char *const identities[] = { "1", "2" };
    size_t count = 1 + seeded_below(seed, BLOCK_MAX);
    for (size_t i = 0; i < count; i++) {
        *now += (int64_t) seeded_below(seed, 3) * 10000000;
        int64_t back = lateness ? (int64_t) seeded_below(seed, 4) * (lateness / 2) : 0;
        rows[i] = (feed_row_t){ .pair = "a",
                                .ts = *now - (seeded_below(seed, 3) ? 0 : back),
                                .identity = identities[seeded_below(seed, 2)] };
        rows[i].values[0] = number(seed);
        rows[i].values[1] = number(seed);
    }
    for (size_t i = 1; i < count; i++) // rows of a run come in order of time
        for (size_t j = i; j > 0 && rows[j - 1].ts > rows[j].ts; j--) {
            feed_row_t other = rows[j];
            rows[j] = rows[j - 1];
            rows[j - 1] = other;
        }
    return count;
}

static void plan_with(fold_t *fold, const feed_rule_t *rules, uint64_t seq)
{
    partitions_t everything = feed_everything();
    ruleset_t *set = feed_rules(rules, NULL);
    assert_true(fold_plan(fold, slice_text("s"), &everything, set, seq, 0));
    ruleset_destroy(&set);
}

static size_t of_rule(const ear_t *ear, const char *rule, int64_t from, const heard_t **found)
{
    size_t count = 0;
    for (size_t i = 0; i < ear->count; i++)
        if (strcmp(ear->alerts[i].rule, rule) == 0 && ear->alerts[i].ts > from)
            found[count++] = &ear->alerts[i];
    return count;
}

static size_t assert_same(const ear_t *a, const ear_t *b, const char *rule, int64_t from)
{
    static const heard_t *left[MANY], *right[MANY];
    assert_true(a->count < MANY && b->count < MANY);
    size_t count = of_rule(a, rule, from, left);
    assert_int_equal(count, of_rule(b, rule, from, right));
    for (size_t i = 0; i < count; i++) {
        assert_memory_equal(&left[i]->id, &right[i]->id, sizeof left[i]->id);
        assert_int_equal(left[i]->late, right[i]->late);
    }
    return count;
}

static int by_id(const void *left, const void *right)
{
    const heard_t *const *a = left, *const *b = right;
    return memcmp((*a)->id.bytes, (*b)->id.bytes, sizeof(alert_id_t));
}

// Who came later may say less, but nothing else.
static void assert_no_more(const ear_t *all_of, const ear_t *some, const char *rule)
{
    static const heard_t *known[MANY], *said[MANY];
    size_t known_count = of_rule(all_of, rule, 0, known), count = of_rule(some, rule, 0, said);
    qsort(known, known_count, sizeof *known, by_id);
    for (size_t i = 0; i < count; i++)
        assert_non_null(bsearch(&said[i], known, known_count, sizeof *known, by_id));
}

// What one fold says of a rule that is there all the time is the same whatever other rules come and
// go in another. And what that says of one that comes is what the first, which had it from the
// start, says once its window is covered, and rows before it have closed.
static size_t run(uint64_t state, int64_t lateness, bool steps_stays)
{
    const feed_rule_t *const plans[] = { steps_stays ? steps : none, hours, tall, all };
    const int64_t settled_us = INT64_C(3700000000) + 3 * lateness;
    seeded_t seed = { .state = state };
    ear_t calm_ear = { 0 }, busy_ear = { 0 };
    feed_more = by_edge;
    feed_lateness_us = lateness;
    fold_t *calm = feed_fold(&calm_ear, "s", NULL), *busy = feed_fold(&busy_ear, "s", NULL);
    plan_with(calm, all, 1);
    plan_with(busy, steps, 1);
    int64_t now = 1000000000, since = 0;
    for (uint64_t block = 0; block < BLOCKS; block++) {
        feed_row_t rows[BLOCK_MAX];
        size_t count = draw(&seed, rows, &now, lateness);
        if (block < BLOCKS / 3 && seeded_below(&seed, 6) == 0)
            plan_with(busy, plans[seeded_below(&seed, 4)], block + 2);
        if (block == BLOCKS / 3) {
            plan_with(busy, steps, 2 * BLOCKS);
            plan_with(busy, all, 2 * BLOCKS + 1);
            since = now + settled_us;
        }
        assert_true(feed(calm, "s", block, rows, count, false));
        assert_true(feed(busy, "s", block, rows, count, false));
    }
    feed_lateness_us = 0;
    assert_true(now > since);
    size_t same = assert_same(&calm_ear, &busy_ear, "steps", steps_stays ? 0 : since) +
                  assert_same(&calm_ear, &busy_ear, "tall", since) +
                  assert_same(&calm_ear, &busy_ear, "hours", since);
    assert_no_more(&calm_ear, &busy_ear, "steps");
    assert_no_more(&calm_ear, &busy_ear, "tall");
    assert_no_more(&calm_ear, &busy_ear, "hours");
    fold_destroy(&calm);
    fold_destroy(&busy);
    ear_clear(&calm_ear);
    ear_clear(&busy_ear);
    return same;
}

static void test_others_come_and_go(void **state)
{
    (void) state;
    static const int64_t latenesses[] = { 0, 2000000, 40000000 };
    for (size_t i = 0; i < sizeof latenesses / sizeof *latenesses; i++) {
        size_t same = 0;
        for (uint64_t seed = 1; seed <= RUNS; seed++)
            same += run(seed * 15487469, latenesses[i], true);
        assert_true(same > 1000);
    }
}

// Plans among them under which nobody recalls anything.
static void test_all_come_and_go(void **state)
{
    (void) state;
    static const int64_t latenesses[] = { 0, 2000000, 40000000 };
    for (size_t i = 0; i < sizeof latenesses / sizeof *latenesses; i++) {
        size_t same = 0;
        for (uint64_t seed = 1; seed <= RUNS; seed++)
            same += run(seed * 32452867, latenesses[i], false);
        assert_true(same > 500);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_revised),
        cmocka_unit_test(test_revised_before),
        cmocka_unit_test(test_rule_comes),
        cmocka_unit_test(test_rule_comes_back),
        cmocka_unit_test(test_coarse),
        cmocka_unit_test(test_others_come_and_go),
        cmocka_unit_test(test_all_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
