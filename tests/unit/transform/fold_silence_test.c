/*  Silences in the fold: what ticks make it say of series that no row comes for, by hand, and
 *  against a model that knows receipts alone, with folds that were read from bases and deltas on
 *  the way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>

#include "actors/transform/fold_state.h"
#include "scene.h"
#include "tests/unit/proto/seeded.h"

#define SECOND INT64_C(1000000)

static void say_more(const char *name, rule_t *rule)
{
    if (strcmp(name, "high") == 0)
        rule->nodata_us = 10 * SECOND;
    if (strcmp(name, "late") == 0)
        rule->nodata_us = 25 * SECOND;
}

static const feed_rule_t high[] = { { "high", "volume > 3", 0 }, { 0 } };
static const feed_rule_t both[] = { { "high", "volume > 3", 0 },
                                    { "late", "volume > 9", 0 },
                                    { 0 } };
static const feed_rule_t other[] = { { "other", "volume > 3", 0 }, { 0 } };
static const feed_rule_t late[] = { { "late", "volume > 9", 0 }, { 0 } };
static const feed_rule_t none[] = { { 0 } };

static ruleset_t *sets[5];

static int setup(void **state)
{
    (void) state;
    feed_more = say_more;
    feed_incidents = true;
    static const feed_rule_t *const rules[] = { high, both, other, late, none };
    for (size_t i = 0; i < 5; i++)
        sets[i] = feed_rules(rules[i], NULL);
    return 0;
}

static int teardown(void **state)
{
    (void) state;
    for (size_t i = 0; i < 5; i++)
        ruleset_destroy(&sets[i]);
    return 0;
}

// What the one series remembers of who asks.
static uint32_t *asking(const fold_t *fold)
{
    for (unsigned p = 0; p < PARTITIONS; p++)
        for (size_t i = 0; fold->partitions[p].branch_count && i < 16; i++)
            if (fold->partitions[p].branches[0].table[i])
                return fold->partitions[p].branches[0].table[i]->asking;
    return NULL;
}

static void row_at(scene_t *self, int64_t second, const char *volume)
{
    feed_recv_us = second * SECOND;
    row(self, second * SECOND, volume, "", false);
}

static void tick_at(scene_t *self, int64_t second, int64_t since)
{
    feed_recv_us = second * SECOND;
    assert_true(feed_tick(self->fold, "s", ++self->seq, since * SECOND));
}

static const heard_t *last(const scene_t *self, size_t count)
{
    assert_int_equal(self->ear.count, count);
    return &self->ear.alerts[count - 1];
}

static void test_once_a_silence(void **state)
{
    (void) state;
    scene_t scene;
    scene_open(&scene, high, NULL);
    row_at(&scene, 100, "1");
    tick_at(&scene, 101, 50);
    tick_at(&scene, 110, 50); // just so long is not longer
    assert_int_equal(scene.ear.count, 0);
    tick_at(&scene, 111, 50);
    const heard_t first = *last(&scene, 1);
    assert_string_equal(first.kind, "nodata");
    assert_string_equal(first.series, "candle:x:a");
    assert_string_equal(first.pair, "a");
    assert_int_equal(first.since, 100 * SECOND);
    assert_int_equal(first.ts, 100 * SECOND);
    assert_int_equal(first.record, scene.seq);
    assert_int_equal(first.seq, 1);
    for (int second = 112; second < 150; second++)
        tick_at(&scene, second, 50);
    assert_int_equal(scene.ear.count, 1); // once
    row_at(&scene, 150, "5");
    assert_int_equal(scene.ear.count, 4); // data, then what the row says
    const heard_t back = scene.ear.alerts[1];
    assert_string_equal(back.kind, "data");
    assert_memory_equal(&back.opened, &first.id, sizeof first.id);
    assert_int_equal(back.since, 100 * SECOND);
    assert_int_equal(back.ts, 150 * SECOND);
    assert_string_equal(scene.ear.alerts[3].kind, "firing");
    tick_at(&scene, 161, 50); // and again, while it fires: that is no end
    const heard_t *second = last(&scene, 5);
    assert_string_equal(second->kind, "nodata");
    assert_memory_not_equal(&second->id, &first.id, sizeof first.id);
    row_at(&scene, 170, "1");
    assert_int_equal(scene.ear.count, 7);
    assert_string_equal(scene.ear.alerts[5].kind, "data");
    assert_string_equal(scene.ear.alerts[6].kind, "resolved");
    scene_close(&scene);
}

// Nobody was there: that says nothing of the series.
static void test_only_while_somebody_is_there(void **state)
{
    (void) state;
    scene_t scene;
    scene_open(&scene, high, NULL);
    row_at(&scene, 100, "1");
    tick_at(&scene, 3600, 3600);
    tick_at(&scene, 3610, 3600);
    assert_int_equal(scene.ear.count, 0);
    tick_at(&scene, 3611, 3600);
    assert_string_equal(last(&scene, 1)->kind, "nodata");
    tick_at(&scene, 9000, 8000);
    assert_int_equal(scene.ear.count, 1); // it has been told
    scene_close(&scene);
}

// A sign of life is what changes something.
static void test_what_is_a_row(void **state)
{
    (void) state;
    scene_t scene;
    scene_open(&scene, high, NULL);
    row_at(&scene, 100, "1");
    feed_recv_us = 108 * SECOND;
    row(&scene, 100 * SECOND, "2", "", false); // a revision
    tick_at(&scene, 118, 50);
    assert_int_equal(scene.ear.count, 0);
    feed_recv_us = 119 * SECOND;
    row(&scene, 100 * SECOND, "2", "", false); // the same once more
    row(&scene, 99 * SECOND, "2", "", false);  // too late
    tick_at(&scene, 119, 50);
    assert_string_equal(last(&scene, 1)->kind, "nodata");
    assert_int_equal(scene.ear.alerts[0].since, 108 * SECOND);
    feed_recv_us = 120 * SECOND;
    row(&scene, 100 * SECOND, "2", "", false);
    assert_int_equal(scene.ear.count, 1);
    row(&scene, 100 * SECOND, "1", "", false);
    assert_string_equal(last(&scene, 2)->kind, "data");
    scene_close(&scene);
}

// A rule that comes counts from the next tick on, and one that goes has nothing to miss.
static void test_rules_that_come_and_go(void **state)
{
    (void) state;
    scene_t scene;
    scene_open(&scene, other, NULL);
    row_at(&scene, 100, "1");
    tick_at(&scene, 200, 50);
    plan(&scene, both);
    tick_at(&scene, 201, 50);
    tick_at(&scene, 211, 50);
    assert_int_equal(scene.ear.count, 0);
    tick_at(&scene, 212, 50);
    assert_string_equal(last(&scene, 1)->rule, "high");
    assert_int_equal(scene.ear.alerts[0].since, 201 * SECOND);
    tick_at(&scene, 227, 50);
    assert_string_equal(last(&scene, 2)->rule, "late");
    plan(&scene, late);
    const heard_t *over = last(&scene, 3);
    assert_string_equal(over->kind, "resolved");
    assert_string_equal(over->rule, "high");
    assert_string_equal(over->reason, "rule removed");
    assert_memory_equal(&over->opened, &scene.ear.alerts[0].id, sizeof over->opened);
    plan(&scene, both); // counts anew, and is told under another id
    tick_at(&scene, 228, 50);
    tick_at(&scene, 239, 50);
    assert_string_equal(last(&scene, 4)->kind, "nodata");
    assert_memory_not_equal(&scene.ear.alerts[3].id, &scene.ear.alerts[0].id, sizeof(alert_id_t));
    row_at(&scene, 240, "1");
    assert_int_equal(scene.ear.count, 6); // both are back
    scene_close(&scene);
}

// What its table has listened for tells a rule that comes, and puts off no other.
static void test_a_rule_that_comes_puts_off_no_other(void **state)
{
    (void) state;
    scene_t scene;
    scene_open(&scene, late, NULL);
    row_at(&scene, 100, "1");
    tick_at(&scene, 101, 50);
    for (int second = 102; second < 120; second++) {
        plan(&scene, second % 2 ? late : both); // `high` comes and goes
        if (second < 110)
            tick_at(&scene, second, 50);
    }
    plan(&scene, both);
    assert_int_equal(scene.ear.count, 0);
    tick_at(&scene, 120, 50);
    assert_string_equal(last(&scene, 1)->rule, "high"); // silent for 20 s, as was heard
    assert_int_equal(scene.ear.alerts[0].since, 100 * SECOND);
    tick_at(&scene, 125, 50);
    assert_int_equal(scene.ear.count, 1);
    tick_at(&scene, 126, 50);
    assert_string_equal(last(&scene, 2)->rule, "late");
    assert_int_equal(scene.ear.alerts[1].since, 100 * SECOND);
    scene_close(&scene);
}

enum { ORDERED = 115 }; // second at which the stream was told anew, in the name of the new telling
static const char *const anew = "s~115000000";

static void row_anew(scene_t *self, int64_t second)
{
    feed_recv_us = second * SECOND;
    const feed_row_t fresh = {
        .pair = "a", .ts = second * SECOND, .identity = "", .values = { { 1, 0 }, { 1, 0 } }
    };
    assert_true(feed(self->fold, anew, ++self->seq, &fresh, 1, false));
}

static void tick_anew(scene_t *self, int64_t second)
{
    feed_recv_us = second * SECOND;
    assert_true(feed_tick(self->fold, anew, ++self->seq, 50 * SECOND));
}

static void tell_anew(scene_t *self, ruleset_t *set)
{
    partitions_t all = feed_everything();
    for (unsigned p = 0; p < PARTITIONS; p++)
        assert_true(fold_supersede(self->fold, p, slice_text(anew)));
    assert_true(fold_plan(self->fold, slice_text(anew), &all, set, self->seq = 1, 0));
}

// The rows that were missing had been refused, and the new telling has them.
static void test_rows_that_a_replay_gives_end_it(void **state)
{
    (void) state;
    scene_t scene;
    scene_open(&scene, high, NULL);
    row_at(&scene, 100, "1");
    tick_at(&scene, 111, 50);
    const heard_t told = *last(&scene, 1);
    tell_anew(&scene, sets[0]);
    row_anew(&scene, 100);
    row_anew(&scene, 110);
    tick_anew(&scene, 111);
    tick_anew(&scene, ORDERED - 1); // still of the time before the order
    assert_int_equal(scene.ear.count, 1);
    tick_anew(&scene, ORDERED);
    const heard_t over = *last(&scene, 2);
    assert_string_equal(over.kind, "resolved");
    assert_string_equal(over.reason, "told anew");
    assert_memory_equal(&over.opened, &told.id, sizeof told.id);
    assert_int_equal(over.since, told.since);
    row_anew(&scene, 116);
    tick_anew(&scene, 117);
    assert_int_equal(scene.ear.count, 2); // once
    scene_close(&scene);
}

// It is told again under its id, and its end will be.
static void test_a_silence_that_a_replay_gives_goes_on(void **state)
{
    (void) state;
    scene_t scene;
    scene_open(&scene, high, NULL);
    row_at(&scene, 100, "1");
    tick_at(&scene, 111, 50);
    const heard_t told = *last(&scene, 1);
    tell_anew(&scene, sets[0]);
    row_anew(&scene, 100);
    tick_anew(&scene, 111);
    assert_memory_equal(&last(&scene, 2)->id, &told.id, sizeof told.id);
    tick_anew(&scene, ORDERED);
    assert_int_equal(scene.ear.count, 2);
    row_anew(&scene, 116);
    assert_string_equal(last(&scene, 3)->kind, "data");
    assert_memory_equal(&scene.ear.alerts[2].opened, &told.id, sizeof told.id);
    scene_close(&scene);
}

// Of all rules of a table one asks: series remember that one, and not the others.
static void test_memory_of_those_who_ask(void **state)
{
    (void) state;
    enum { OTHERS = 2000 };
    static feed_rule_t many[OTHERS + 2];
    static char names[OTHERS][16], texts[OTHERS][32];
    for (unsigned i = 0; i < OTHERS; i++) {
        snprintf(names[i], sizeof names[i], "other%u", i);
        snprintf(texts[i], sizeof texts[i], "volume > %u", i + 10);
        many[i] = (feed_rule_t){ names[i], texts[i], 0 };
    }
    many[OTHERS] = high[0];
    scene_t scene;
    scene_open(&scene, many, NULL);
    row_at(&scene, 100, "1");
    size_t before = fold_bytes(scene.fold);
    tick_at(&scene, 111, 50);
    assert_string_equal(last(&scene, 1)->rule, "high");
    size_t grown = fold_bytes(scene.fold) - before, held = malloc_usable_size(asking(scene.fold));
    assert_true(grown < OTHERS && held < OTHERS);
    scene_close(&scene);
}

static void test_keys(void **state)
{
    (void) state;
    static const feed_rule_t some[] = { { "high", "pair IN ('a', 'c') AND volume > 3", 0 },
                                        { "late", "exchange = 'x' AND pair = 'b' AND volume > 3",
                                          0 },
                                        { 0 } };
    scene_t scene;
    scene_open(&scene, some, NULL);
    static const char *const pairs[] = { "a", "b", "c", "d" };
    feed_recv_us = 100 * SECOND;
    for (int i = 0; i < 4; i++)
        assert_true(feed(scene.fold, "s", ++scene.seq,
                         &(feed_row_t){ .pair = pairs[i], .ts = 5, .values = { { 1, 0 } } }, 1,
                         false));
    tick_at(&scene, 200, 50);
    size_t told = 0;
    for (size_t i = 0; i < scene.ear.count; i++) {
        const heard_t *heard = &scene.ear.alerts[i];
        assert_string_equal(heard->rule, heard->pair[0] == 'b' ? "late" : "high");
        assert_string_not_equal(heard->pair, "d");
        told++;
    }
    assert_int_equal(told, 3);
    scene_close(&scene);
}

// ---- against a model --------------------------------------------------------------------------

enum { SERIES = 6, STEPS = 3000, RULES = 2 };
static const int64_t after_us[RULES] = { 10 * SECOND, 25 * SECOND };

typedef struct {
    bool known;
    int64_t heard_us;
    bool silent[RULES];
} quiet_t;

typedef struct {
    quiet_t series[SERIES];
    size_t silences, returns;
} model_t;

static void model_tick(model_t *self, int64_t now_us, int64_t since_us)
{
    for (int s = 0; s < SERIES; s++)
        for (int r = 0; r < RULES; r++) {
            quiet_t *quiet = &self->series[s];
            int64_t from_us = quiet->heard_us > since_us ? quiet->heard_us : since_us;
            if (!quiet->known || quiet->silent[r] || now_us - from_us <= after_us[r])
                continue;
            quiet->silent[r] = true;
            self->silences++;
        }
}

static void model_row(model_t *self, int s, int64_t now_us)
{
    quiet_t *quiet = &self->series[s];
    quiet->known = true;
    quiet->heard_us = now_us;
    for (int r = 0; r < RULES; r++) {
        self->returns += quiet->silent[r];
        quiet->silent[r] = false;
    }
}

static ruleset_t *find_plan(void *context, plan_hash_t hash)
{
    (void) context;
    for (size_t i = 0; i < 5; i++) {
        plan_hash_t known = ruleset_hash(sets[i]);
        if (memcmp(&known, &hash, sizeof hash) == 0)
            return sets[i];
    }
    return NULL;
}

// The other fold takes over what this one has committed, as a worker after a crash.
static void take_over(fold_t *from, fold_t *to, bool base)
{
    for (unsigned p = 0; p < PARTITIONS; p++) {
        buffer_t state = { 0 }, again = { 0 };
        slice_t delta;
        fault_t fault = { .text = "" };
        assert_true(fold_delta(from, p, &delta));
        if (!base)
            assert_true(fold_load(to, p, delta, find_plan, NULL, &fault));
        fold_delta_reset(from, p);
        assert_true(fold_base(from, p, &state));
        if (base) {
            fold_drop(to, p);
            fold_own(to, p);
            assert_true(fold_load(to, p, buffer_slice(&state), find_plan, NULL, &fault));
        }
        assert_true(fold_base(to, p, &again));
        assert_true(slice_same(buffer_slice(&state), buffer_slice(&again)));
        buffer_destroy(&state);
        buffer_destroy(&again);
    }
}

static void assert_same(const ear_t *live, const ear_t *read, size_t from)
{
    assert_int_equal(live->count - from, read->count);
    for (size_t i = 0; i < read->count; i++)
        assert_memory_equal(&live->alerts[from + i].id, &read->alerts[i].id, sizeof(alert_id_t));
}

static size_t count_kind(const ear_t *ear, const char *kind)
{
    size_t count = 0;
    for (size_t i = 0; i < ear->count; i++)
        count += strcmp(ear->alerts[i].kind, kind) == 0;
    return count;
}

static void assert_unique(const ear_t *ear)
{
    for (size_t i = 0; i < ear->count; i++)
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(&ear->alerts[i].id, &ear->alerts[j].id, sizeof(alert_id_t));
}

static void run(uint64_t random)
{
    static const char *const pairs[SERIES] = { "a", "b", "c", "d", "e", "f" };
    seeded_t seed = { .state = random };
    ear_t ear = { 0 }, heir_ear = { 0 };
    fold_t *fold = feed_fold(&ear, "s", sets[1]), *heir = feed_fold(&heir_ear, "s", NULL);
    take_over(fold, heir, true);
    model_t model = { .silences = 0 };
    int64_t now_us = 1000 * SECOND, since_us = now_us;
    size_t taken = 0;
    for (uint64_t seq = 1; seq <= STEPS; seq++) {
        now_us += (int64_t) seeded_below(&seed, 3) * SECOND / 2 + 1;
        if (seeded_below(&seed, 200) == 0)
            since_us = now_us += 30 * SECOND;
        if (seeded_below(&seed, 60) == 0) // clocks and collectors may step back
            now_us -= (int64_t) seeded_below(&seed, 20) * SECOND;
        if (seeded_below(&seed, 60) == 0)
            since_us -= (int64_t) seeded_below(&seed, 20) * SECOND;
        feed_recv_us = now_us;
        if (seeded_below(&seed, 4)) {
            assert_true(feed_tick(fold, "s", seq, since_us) && feed_tick(heir, "s", seq, since_us));
            model_tick(&model, now_us, since_us);
        } else {
            int s = (int) seeded_below(&seed, 1 + seeded_below(&seed, SERIES));
            feed_row_t fresh = { .pair = pairs[s], .ts = (int64_t) seq };
            fresh.values[0] = feed_number(seeded_below(&seed, 2) ? "5" : "1");
            fresh.values[1] = feed_number("1");
            assert_true(feed(fold, "s", seq, &fresh, 1, false));
            assert_true(feed(heir, "s", seq, &fresh, 1, false));
            model_row(&model, s, now_us);
        }
        assert_int_equal(count_kind(&ear, "nodata"), model.silences);
        assert_int_equal(count_kind(&ear, "data"), model.returns);
        if (seeded_below(&seed, 50))
            continue;
        assert_same(&ear, &heir_ear, taken);
        for (unsigned p = 0; p < PARTITIONS; p++)
            fold_delta_reset(heir, p);
        take_over(fold, heir, true);
        taken = ear.count;
        ear_clear(&heir_ear);
    }
    assert_true(model.silences > 50 && model.returns > 40);
    assert_unique(&ear);
    fold_destroy(&fold);
    fold_destroy(&heir);
    ear_clear(&ear);
    ear_clear(&heir_ear);
}

static void test_against_a_model(void **state)
{
    (void) state;
    for (uint64_t seed = 1; seed <= 6; seed++)
        run(seed * 7919);
}

// Deltas alone, one behind the other, lead to the same bytes, whatever plans come between.
static void test_deltas(void **state)
{
    (void) state;
    seeded_t seed = { .state = 31 };
    ear_t ear = { 0 }, mute = { 0 };
    fold_t *fold = feed_fold(&ear, "s", sets[1]), *reader = feed_fold(&mute, "s", NULL);
    partitions_t all = feed_everything();
    int64_t now_us = 1000 * SECOND;
    for (uint64_t seq = 1; seq <= 1500; seq++) {
        feed_recv_us = now_us += SECOND;
        if (seeded_below(&seed, 40) == 0)
            assert_true(
                fold_plan(fold, slice_text("s"), &all, sets[seeded_below(&seed, 5)], seq, 0));
        else if (seeded_below(&seed, 3))
            assert_true(feed_tick(fold, "s", seq, SECOND));
        else
            assert_true(feed(fold, "s", seq,
                             &(feed_row_t){ .pair = seeded_below(&seed, 3) ? "a" : "b",
                                            .ts = now_us,
                                            .values = { { 5, 0 }, { 1, 0 } } },
                             1, false));
        if (seeded_below(&seed, 10) == 0)
            take_over(fold, reader, false);
    }
    assert_true(count_kind(&ear, "nodata") > 10 && count_kind(&ear, "resolved") > 3);
    assert_unique(&ear);
    assert_int_equal(mute.count, 0); // applying a delta says nothing
    fold_destroy(&fold);
    fold_destroy(&reader);
    ear_clear(&ear);
    ear_clear(&mute);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once_a_silence),
        cmocka_unit_test(test_only_while_somebody_is_there),
        cmocka_unit_test(test_what_is_a_row),
        cmocka_unit_test(test_rules_that_come_and_go),
        cmocka_unit_test(test_a_rule_that_comes_puts_off_no_other),
        cmocka_unit_test(test_rows_that_a_replay_gives_end_it),
        cmocka_unit_test(test_a_silence_that_a_replay_gives_goes_on),
        cmocka_unit_test(test_memory_of_those_who_ask),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_against_a_model),
        cmocka_unit_test(test_deltas),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
