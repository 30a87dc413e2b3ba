/*  The fold with real rules: which alerts come, once each, and what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scene.h"

static void test_spike(void **state)
{
    (void) state;
    scene_t scene;
    scene_open(&scene, spike, "volume / avg(volume) OVER last_1h");
    minutes(&scene, 0, 20, "2");
    row(&scene, 20 * MINUTE, "6.5", NULL, false);
    row(&scene, 21 * MINUTE, "100", NULL, false);
    assert_int_equal(scene.ear.count, 2);
    const heard_t *first = &scene.ear.alerts[0], *second = &scene.ear.alerts[1];
    assert_string_equal(first->rule, "spike");
    assert_string_equal(first->series, "candle:x:a");
    assert_int_equal(first->ts, 20 * MINUTE);
    assert_int_equal(first->seq, 1);
    assert_int_equal(first->record, 21);
    assert_int_equal(second->seq, 3); // between them it is told that the incident began
    alert_id_t firing = alert_id_about(first->id, "firing");
    assert_memory_equal(&second->prev, &firing, sizeof firing);
    assert_int_equal(first->partition, series_partition(slice_text("candle:x:a")));
    fold_count_t count = fold_count(scene.fold);
    assert_int_equal(count.accepted, 22);
    assert_int_equal(count.alerts, 2);
    assert_int_equal(count.warming, 10); // fewer than 10 rows before
    assert_int_equal(count.judged, 12);
    scene_close(&scene);
}

static alert_t seen;
static char seen_sum[64], seen_avg[64], seen_threshold[64], seen_ratio[64], seen_extra[64];
static uint64_t seen_rows;

static void look(void *context, unsigned partition, const alert_t *alert)
{
    (void) context, (void) partition;
    seen = *alert;
    strcpy(seen_sum, alert->evidence[0].sum);
    strcpy(seen_avg, alert->evidence[0].avg);
    seen_rows = alert->evidence[0].rows;
    strcpy(seen_threshold, alert->threshold);
    strcpy(seen_ratio, alert->ratio);
    assert_int_equal(alert->column_count, 3);
    assert_string_equal(alert->columns[0].name, "volume");
    assert_string_equal(alert->columns[0].text, "7");
    assert_string_equal(alert->columns[1].text, "100.5");
    assert_string_equal(alert->columns[2].name, "extra");
    strcpy(seen_extra, alert->columns[2].text);
    assert_int_equal(alert->key_count, 2);
    assert_string_equal(alert->key_names[1], "pair");
    assert_true(slice_is(alert->key_values[0], "x") && slice_is(alert->key_values[1], "a"));
    assert_true(slice_is(alert->stream, "s"));
    assert_true(slice_is(alert->severity, "warning"));
    assert_string_equal(alert->evidence[0].expr, "avg(volume)");
    assert_string_equal(alert->evidence[0].window, "last_1h");
    assert_true(alert->evidence[0].exact);
}

static void test_what_it_says(void **state)
{
    (void) state;
    ruleset_t *set = feed_rules(spike, "volume / avg(volume) OVER last_1h");
    fold_t *fold = fold_new(look, NULL);
    fold_own(fold, series_partition(slice_text("candle:x:a")));
    partitions_t all = feed_everything();
    assert_true(fold_plan(fold, slice_text("s"), &all, set, 1, 0));
    feed_row_t rows[11];
    for (int i = 0; i < 11; i++) {
        rows[i] = (feed_row_t){ .pair = "a", .ts = i * MINUTE };
        rows[i].values[0] = feed_number(i == 10 ? "7" : i % 2 ? "1" : "2");
        rows[i].values[1] = feed_number("100.5");
    }
    assert_true(feed(fold, "s", 1, rows, 11, false));
    assert_int_equal(seen_rows, 10);
    assert_string_equal(seen_sum, "15");
    assert_string_equal(seen_avg, "1.5");
    assert_string_equal(seen_threshold, "4.5");
    assert_string_equal(seen_extra, "4.6666666666666666667");
    assert_int_equal(seen.row, 10);
    fold_destroy(&fold);
    ruleset_destroy(&set);
}

static void test_tie(void **state)
{
    (void) state;
    scene_t scene;
    scene_open(&scene, spike, NULL);
    minutes(&scene, 0, 59, "0.1");
    row(&scene, 59 * MINUTE, "0.3", NULL, false); // three times the average, not more
    assert_int_equal(scene.ear.count, 0);
    row(&scene, 59 * MINUTE, "0.300000000000000001", NULL, false);
    assert_int_equal(scene.ear.count, 1);
    scene_close(&scene);
}

static void test_glitch_leaves_nothing(void **state)
{
    (void) state;
    scene_t scene;
    scene_open(&scene, spike, NULL);
    minutes(&scene, 0, 30, "0.00000001");
    row(&scene, 30 * MINUTE, "100000000000000000", NULL, false);
    assert_int_equal(scene.ear.count, 1);
    minutes(&scene, 31, 91, "0.00000001");
    row(&scene, 91 * MINUTE, "0.00000003", NULL, false); // the glitch left: a tie again
    assert_int_equal(scene.ear.count, 1);
    row(&scene, 91 * MINUTE, "0.00000004", NULL, false);
    assert_int_equal(scene.ear.count, 2);
    scene_close(&scene);
}

static void test_again(void **state)
{
    (void) state;
    scene_t scene;
    scene_open(&scene, spike, NULL);
    minutes(&scene, 0, 20, "1");
    row(&scene, 20 * MINUTE, "1", NULL, false);
    row(&scene, 20 * MINUTE, "1.0", NULL, false); // the same number
    row(&scene, 19 * MINUTE, "9", NULL, false);   // late
    fold_count_t count = fold_count(scene.fold);
    assert_int_equal(count.duplicates, 1);
    assert_int_equal(count.late, 1);
    assert_int_equal(scene.ear.count, 0);
    row(&scene, 20 * MINUTE, "4", NULL, false); // a candle that goes on growing
    assert_int_equal(scene.ear.count, 1);
    row(&scene, 20 * MINUTE, "5", NULL, false);
    assert_int_equal(scene.ear.count, 1); // never the same alert twice
    assert_int_equal(fold_count(scene.fold).revisions, 2);
    // The last revision counts: (20 * 1 + 5) / 21 = 1.19..
    row(&scene, 21 * MINUTE, "3.57142857142857", NULL, false);
    assert_int_equal(scene.ear.count, 1);
    row(&scene, 22 * MINUTE, "10", NULL, false);
    assert_int_equal(scene.ear.count, 2);
    assert_int_equal(scene.ear.alerts[1].seq, 4); // an incident has begun and ended
    scene_close(&scene);
}

static void test_ids(void **state)
{
    (void) state;
    ruleset_t *set = feed_rules(spike, NULL);
    const uint8_t *hash = ruleset_table(set, slice_text("candle"))->rules[0].hash;
    scene_t scene;
    scene_open(&scene, spike, NULL);
    minutes(&scene, 0, 20, "1");
    row(&scene, 20 * MINUTE, "50", "trade-7", false);
    row(&scene, 20 * MINUTE, "50", "trade-8", false);
    row(&scene, 20 * MINUTE, "50", "trade-7", false); // again
    row(&scene, 21 * MINUTE, "50", NULL, true);
    row(&scene, 21 * MINUTE, "50", NULL, true); // every row counts
    assert_int_equal(scene.ear.count, 4);
    const slice_t discriminators[] = { slice_text("trade-7"), slice_text("trade-8"),
                                       slice_of("\0\0\0\0\0\0\0\0", 8),
                                       slice_of("\1\0\0\0\0\0\0\0", 8) };
    for (size_t i = 0; i < 4; i++) {
        alert_id_t id = alert_id_of(slice_text("spike"), hash, slice_text("candle:x:a"),
                                    (i < 2 ? 20 : 21) * MINUTE, discriminators[i]);
        assert_memory_equal(&id, &scene.ear.alerts[i].id, sizeof id);
    }
    scene_close(&scene);
    ruleset_destroy(&set);
}

static void test_revised_inside_rows(void **state)
{
    (void) state;
    const feed_rule_t rules[] = { { "up", "volume > sum(volume) OVER rows_2", 1 }, { 0 } };
    scene_t scene;
    scene_open(&scene, rules, NULL);
    row(&scene, 1, "1", "a", false);
    row(&scene, 1, "1", "b", false); // 1 > 1
    row(&scene, 1, "2", "c", false); // 2 > 2
    assert_int_equal(scene.ear.count, 0);
    row(&scene, 1, "5", "b", false); // revised: 5 > 1
    assert_int_equal(scene.ear.count, 1);
    row(&scene, 1, "7", "d", false); // 7 > 5 + 2 does not hold
    assert_int_equal(scene.ear.count, 1);
    row(&scene, 1, "7.1", "d", false);
    assert_int_equal(scene.ear.count, 2);
    row(&scene, 2, "9.2", "e", false); // 9.2 > 2 + 7.1
    assert_int_equal(scene.ear.count, 3);
    scene_close(&scene);
}

// What a revision changes for rows behind it of its time is told when they close.
static void test_rows_behind_revised(void **state)
{
    (void) state;
    const feed_rule_t rules[] = {
        { "fell", "volume < 8 AND volume > lag(volume) OVER rows_1", 0 },
        { "low", "volume < 8 AND count(*) OVER last_1h >= 1", 0 },
        { 0 },
    };
    scene_t scene;
    scene_open(&scene, rules, NULL);
    row(&scene, 1, "9", "", false);
    row(&scene, 2, "10", "a", false);
    row(&scene, 2, "5", "b", false); // low
    row(&scene, 2, "6", "c", false); // fell, low
    assert_int_equal(scene.ear.count, 3);
    row(&scene, 2, "1", "a", false); // low; now b fell as well: 5 > 1
    assert_int_equal(scene.ear.count, 4);
    row(&scene, 2, "10", "a", false);
    row(&scene, 2, "2", "a", false); // a has told already
    assert_int_equal(scene.ear.count, 4);
    row(&scene, 2, "7", "d", false); // windows are where they should be: 7 > 6
    assert_int_equal(scene.ear.count, 6);
    row(&scene, 3, "9", "", false);
    assert_int_equal(scene.ear.count, 7);
    const heard_t *late = &scene.ear.alerts[6];
    assert_string_equal(late->rule, "fell");
    assert_int_equal(late->record, 9); // which closed b
    assert_int_equal(late->ts, 2);
    assert_true(late->late && !late->correction);
    scene_close(&scene);
}

// A candle that is over the threshold for a while is told and taken back.
static void test_correction(void **state)
{
    (void) state;
    scene_t scene;
    scene_open(&scene, spike, NULL);
    minutes(&scene, 0, 20, "1");
    row(&scene, 20 * MINUTE, "4", NULL, false);
    row(&scene, 20 * MINUTE, "2", NULL, false);
    row(&scene, 20 * MINUTE, "2.5", NULL, false);
    assert_int_equal(scene.ear.count, 1);
    row(&scene, 21 * MINUTE, "9", NULL, false);
    assert_int_equal(scene.ear.count, 3); // the correction comes before what the new row says
    const heard_t *alert = &scene.ear.alerts[0], *correction = &scene.ear.alerts[1];
    assert_true(correction->correction && !alert->correction);
    assert_memory_equal(&correction->corrects, &alert->id, sizeof alert->id);
    alert_id_t id = alert_id_about(alert->id, "correction");
    assert_memory_equal(&correction->id, &id, sizeof id);
    alert_id_t firing = alert_id_about(alert->id, "firing");
    assert_memory_equal(&correction->prev, &firing, sizeof firing);
    assert_int_equal(correction->seq, 3);
    assert_int_equal(correction->ts, 20 * MINUTE);
    assert_int_equal(correction->record, 24);
    assert_int_equal(scene.ear.alerts[2].seq, 5); // the incident is over, too
    assert_int_equal(fold_count(scene.fold).corrections, 1);
    assert_int_equal(fold_count(scene.fold).alerts, 2);
    row(&scene, 22 * MINUTE, "1", NULL, false); // after that nothing is said of it
    assert_int_equal(scene.ear.count, 3);
    scene_close(&scene);
}

static void test_streams_are_apart(void **state)
{
    (void) state;
    scene_t scene;
    scene_open(&scene, spike, NULL);
    minutes(&scene, 0, 20, "1");
    feed_row_t fresh = { .pair = "a", .ts = MINUTE };
    fresh.values[0] = feed_number("50");
    fresh.values[1] = DECIMAL_NULL;
    assert_true(feed(scene.fold, "other", 1, &fresh, 1, false));
    assert_int_equal(fold_count(scene.fold).late, 0);
    assert_int_equal(fold_series(scene.fold), 2);
    assert_int_equal(scene.ear.count, 0); // no plan in that stream
    scene_close(&scene);
}

static void test_only_owned_partitions(void **state)
{
    (void) state;
    scene_t scene;
    scene_open(&scene, spike, NULL);
    unsigned partition = series_partition(slice_text("candle:x:a"));
    minutes(&scene, 0, 5, "1");
    fold_drop(scene.fold, partition);
    assert_int_equal(fold_series(scene.fold), 0);
    minutes(&scene, 5, 9, "1");
    assert_int_equal(fold_count(scene.fold).accepted, 5);
    fold_own(scene.fold, partition);
    minutes(&scene, 9, 10, "1");
    assert_int_equal(fold_series(scene.fold), 1);
    scene_close(&scene);
}

typedef struct {
    size_t count;
    int64_t ts;
    char texts[3][64];
} shown_t;

static void show(void *context, slice_t series, int64_t ts_us, unsigned count,
                 const alert_value_t *values)
{
    shown_t *shown = context;
    shown->count++;
    shown->ts = ts_us;
    assert_true(slice_is(series, "candle:x:a"));
    assert_int_equal(count, 3);
    for (unsigned i = 0; i < count; i++)
        strcpy(shown->texts[i], values[i].text ? values[i].text : "null");
}

static void test_latest(void **state)
{
    (void) state;
    scene_t scene;
    scene_open(&scene, spike, "count(*) OVER last_1h");
    unsigned partition = series_partition(slice_text("candle:x:a"));
    minutes(&scene, 0, 20, "1");
    row(&scene, 20 * MINUTE, "null", NULL, false);
    shown_t shown = { 0 };
    fold_latest(scene.fold, partition, 0, show, &shown);
    assert_int_equal(shown.count, 0);
    fold_latest(scene.fold, partition, 5, show, &shown);
    fold_latest(scene.fold, partition, 5, show, &shown); // nothing new
    assert_int_equal(shown.count, 1);
    assert_int_equal(shown.ts, 20 * MINUTE);
    assert_string_equal(shown.texts[0], "null");
    assert_string_equal(shown.texts[1], "100.5");
    assert_string_equal(shown.texts[2], "20");
    row(&scene, 20 * MINUTE, "3", NULL, false);
    fold_latest(scene.fold, partition, 5, show, &shown);
    assert_int_equal(shown.count, 2);
    assert_string_equal(shown.texts[0], "3");
    scene_close(&scene);
}

static void test_longer_window_warms_up(void **state)
{
    (void) state;
    const feed_rule_t shorter[] = { { "short", "volume > 3 * avg(volume) OVER last_5m", 1 },
                                    { 0 } };
    const feed_rule_t both[] = { { "long", "volume > 3 * avg(volume) OVER last_30m", 1 },
                                 { "short", "volume > 3 * avg(volume) OVER last_5m", 1 },
                                 { 0 } };
    scene_t scene;
    scene_open(&scene, shorter, NULL);
    minutes(&scene, 0, 100, "1");
    plan(&scene, both); // from minute 99 - 5 on, everything is here
    row(&scene, 100 * MINUTE, "9", NULL, false);
    assert_int_equal(scene.ear.count, 1);
    minutes(&scene, 101, 123, "1");
    row(&scene, 123 * MINUTE, "9", NULL, false); // 123 - 30 = 93: a minute too early
    assert_int_equal(scene.ear.count, 2);
    row(&scene, 124 * MINUTE, "9", NULL, false);
    assert_int_equal(scene.ear.count, 4);
    assert_string_equal(scene.ear.alerts[2].rule, "long");
    assert_string_equal(scene.ear.alerts[3].rule, "short");
    assert_int_equal(scene.ear.alerts[3].seq, 6); // two incidents have begun, and one ended
    scene_close(&scene);
}

static void test_whole_history_is_covered(void **state)
{
    (void) state;
    const feed_rule_t shorter[] = { { "r", "volume > 3 * avg(volume) OVER last_1h", 1 }, { 0 } };
    const feed_rule_t longer[] = { { "r", "volume > 3 * avg(volume) OVER last_24h", 1 }, { 0 } };
    scene_t scene;
    scene_open(&scene, shorter, NULL);
    minutes(&scene, 0, 20, "1");
    plan(&scene, longer); // the very first row is still here
    row(&scene, 20 * MINUTE, "9", NULL, false);
    assert_int_equal(scene.ear.count, 1);
    scene_close(&scene);
}

static void test_new_argument_warms_up(void **state)
{
    (void) state;
    const feed_rule_t before[] = { { "v", "volume > 3 * avg(volume) OVER last_5m", 1 }, { 0 } };
    const feed_rule_t after[] = { { "p", "price >= avg(price) OVER last_5m", 1 },
                                  { "q", "price >= avg(price) OVER rows_3", 1 },
                                  { "v", "volume > 3 * avg(volume) OVER last_5m", 1 },
                                  { 0 } };
    scene_t scene;
    scene_open(&scene, before, NULL);
    minutes(&scene, 0, 10, "1");
    plan(&scene, after);
    minutes(&scene, 10, 13, "1");
    assert_int_equal(scene.ear.count, 0);
    row(&scene, 13 * MINUTE, "1", NULL, false); // three rows before it have a price
    assert_int_equal(scene.ear.count, 1);
    assert_string_equal(scene.ear.alerts[0].rule, "q");
    row(&scene, 14 * MINUTE, "1", NULL, false); // 14 - 5 = 9, which has none
    assert_int_equal(scene.ear.count, 2);
    row(&scene, 15 * MINUTE, "9", NULL, false);
    assert_int_equal(scene.ear.count, 5);
    assert_string_equal(scene.ear.alerts[2].rule, "p");
    assert_string_equal(scene.ear.alerts[3].rule, "q");
    assert_string_equal(scene.ear.alerts[4].rule, "v");
    scene_close(&scene);
}

// 2 and 2.0 are numbers of two types, so these are two arguments, also over a change of the plan.
static void test_arguments_of_two_spellings(void **state)
{
    (void) state;
    static const feed_rule_t one[] = { { "a", "volume > 3 * avg(volume * 2) OVER last_1h", 10 },
                                       { 0 } };
    static const feed_rule_t both[] = { { "a", "volume > 3 * avg(volume * 2) OVER last_1h", 10 },
                                        { "b", "volume > 4 * avg(volume * 2.0) OVER last_1h", 10 },
                                        { 0 } };
    scene_t scene;
    scene_open(&scene, one, NULL);
    minutes(&scene, 0, 20, "1");
    plan(&scene, both);
    minutes(&scene, 20, 30, "1");
    row(&scene, 30 * MINUTE, "100", NULL, false);
    assert_heard(&scene, "a"); // b is warming
    plan(&scene, one);
    plan(&scene, both);
    minutes(&scene, 31, 92, "1");
    row(&scene, 92 * MINUTE, "100", NULL, false);
    assert_heard(&scene, "aaa");
    scene_close(&scene);
}

static void test_removed_rule_starts_anew(void **state)
{
    (void) state;
    const feed_rule_t none[] = { { 0 } };
    scene_t scene;
    scene_open(&scene, spike, NULL);
    minutes(&scene, 0, 20, "1");
    row(&scene, 20 * MINUTE, "9", NULL, false);
    plan(&scene, none);
    row(&scene, 21 * MINUTE, "9", NULL, false);
    plan(&scene, spike);
    minutes(&scene, 22, 90, "1");
    row(&scene, 90 * MINUTE, "9", NULL, false);
    assert_int_equal(scene.ear.count, 2);
    assert_int_equal(scene.ear.alerts[1].seq, 1);
    scene_close(&scene);
}

// Another text under the same name is another verdict, with another id: a row still open tells.
static void test_rule_changes_under_open_row(void **state)
{
    (void) state;
    const feed_rule_t twice[] = { { "spike", "volume > 2 * avg(volume) OVER last_1h", 10 }, { 0 } };
    scene_t scene;
    scene_open(&scene, spike, NULL);
    minutes(&scene, 0, 20, "1");
    row(&scene, 20 * MINUTE, "9", NULL, false);
    plan(&scene, spike); // the same: nothing changes
    row(&scene, 20 * MINUTE, "9.5", NULL, false);
    assert_int_equal(scene.ear.count, 1);
    plan(&scene, twice);
    row(&scene, 20 * MINUTE, "9.6", NULL, false);
    assert_int_equal(scene.ear.count, 2);
    assert_int_equal(scene.ear.alerts[1].seq, 3); // of the same topic
    assert_memory_not_equal(&scene.ear.alerts[0].id, &scene.ear.alerts[1].id, sizeof(alert_id_t));
    row(&scene, 20 * MINUTE, "9.7", NULL, false);
    assert_int_equal(scene.ear.count, 2);
    scene_close(&scene);
}

static void test_supersede(void **state)
{
    (void) state;
    ear_t ear = { 0 };
    ruleset_t *set = feed_rules(spike, NULL);
    fold_t *fold = feed_fold(&ear, "s", set);
    partitions_t all = feed_everything();
    feed_row_t rows[4];
    for (int i = 0; i < 4; i++)
        rows[i] = (feed_row_t){ .pair = "a", .ts = i, .values = { DECIMAL_NULL, DECIMAL_NULL } };
    static const char *const streams[] = { "s", "s~5", "t", "s~12" };
    for (int i = 0; i < 4; i++) {
        assert_true(fold_plan(fold, slice_text(streams[i]), &all, set, 1, 0));
        assert_true(feed(fold, streams[i], 1, rows, 4, false));
    }
    assert_int_equal(fold_series(fold), 4);
    for (unsigned p = 0; p < PARTITIONS; p++)
        assert_true(fold_supersede(fold, p, slice_text("s~12")));
    assert_int_equal(fold_series(fold), 2); // of s~12, and of t
    for (unsigned p = 0; p < PARTITIONS; p++)
        assert_true(fold_supersede(fold, p, slice_text("s"))); // nothing is earlier
    assert_int_equal(fold_series(fold), 2);
    fold_destroy(&fold);
    ruleset_destroy(&set);
    ear_clear(&ear);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spike),
        cmocka_unit_test(test_what_it_says),
        cmocka_unit_test(test_tie),
        cmocka_unit_test(test_glitch_leaves_nothing),
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_revised_inside_rows),
        cmocka_unit_test(test_rows_behind_revised),
        cmocka_unit_test(test_correction),
        cmocka_unit_test(test_streams_are_apart),
        cmocka_unit_test(test_only_owned_partitions),
        cmocka_unit_test(test_latest),
        cmocka_unit_test(test_longer_window_warms_up),
        cmocka_unit_test(test_whole_history_is_covered),
        cmocka_unit_test(test_new_argument_warms_up),
        cmocka_unit_test(test_arguments_of_two_spellings),
        cmocka_unit_test(test_removed_rule_starts_anew),
        cmocka_unit_test(test_rule_changes_under_open_row),
        cmocka_unit_test(test_supersede),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
