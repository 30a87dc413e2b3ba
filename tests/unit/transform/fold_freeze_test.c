/*  Windows that stand still while a rule holds: in order, over revisions and late rows, plans that
 *  come and go, and state that is loaded. At random they are those of a model that goes through the
 *  rows of a series from the first to the last. That they are PostgreSQL's is for the oracle.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scene.h"
#include "tests/unit/proto/seeded.h"

#define SECOND INT64_C(1000000)

enum { ROWS_MOST = 700, BLOCKS = 120, BLOCK_MAX = 5, RUNS = 25, WINDOW = 4, LEAST = 2 };

#define SPIKE                                                                                      \
    {                                                                                              \
        "spike", "volume > 2 * avg(volume) OVER rows_4", LEAST                                     \
    }
#define CALM                                                                                       \
    {                                                                                              \
        "calm", "volume > 2 * avg(volume) OVER rows_4", LEAST                                      \
    }
#define STEP                                                                                       \
    {                                                                                              \
        "step", "volume > 2 * avg(volume) OVER rows_4", LEAST                                      \
    }

static const feed_rule_t spikes[] = { SPIKE, { 0 } };
static const feed_rule_t calms[] = { CALM, { 0 } };
static const feed_rule_t all[] = { CALM, SPIKE, STEP, { 0 } };
static const feed_rule_t none[] = { { "other", "volume > 999 * max(volume) OVER rows_4", 0 },
                                    { 0 } };

static void by_name(const char *name, rule_t *rule)
{
    rule->freeze = strcmp(name, "other") != 0;
    rule->emit = strcmp(name, "step") == 0 ? RULE_EMIT_EDGE : RULE_EMIT_ROW;
    rule->resolve =
        slice_text(strcmp(name, "calm") == 0 ? "volume <= avg(volume) OVER rows_4" : "");
}

static void open_scene(scene_t *scene, const feed_rule_t *rules)
{
    feed_more = by_name;
    scene_open(scene, rules, NULL);
}

static void seconds(scene_t *scene, int64_t from, const char *const *volumes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        row(scene, (from + (int64_t) i) * SECOND, volumes[i], "", false);
}

static void assert_times(const scene_t *scene, const int64_t *at, size_t count)
{
    assert_int_equal(scene->ear.count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(scene->ear.alerts[i].ts, at[i] * SECOND);
}

// ---- in order -----------------------------------------------------------------------------------

// Windows that move would have taken the storm for normal; what is lower than twice what was before
// ends it, and the row behind is judged by windows that have seen it all.
static void test_stands_still(void **state)
{
    (void) state;
    scene_t scene;
    static const char *const volumes[] = { "1", "1", "1", "1", "9",  "9", "9",
                                           "9", "9", "3", "2", "18", "9", "9" };
    static const int64_t at[] = { 4, 5, 6, 7, 8, 9, 11 };
    open_scene(&scene, spikes);
    seconds(&scene, 0, volumes, sizeof volumes / sizeof *volumes);
    // At 11 they hold 9, 9, 3, 2, whose average is 5.75; by that 12 does not hold.
    assert_times(&scene, at, 7);
    scene_close(&scene);
}

// With `resolve` until that holds, by the same windows; until then the rows between both do not
// alert, but do not move them either.
static void test_resolves(void **state)
{
    (void) state;
    scene_t scene;
    static const char *const volumes[] = { "2", "2", "2", "2", "9", "3", "9", "4", "5", "2", "9" };
    static const int64_t at[] = { 4, 6, 8 };
    open_scene(&scene, calms);
    seconds(&scene, 0, volumes, sizeof volumes / sizeof *volumes);
    // 9 ends it: 2 <= 2. At 10 they hold 9, 4, 5, 2: 9 is no more than 10.
    assert_times(&scene, at, 3);
    scene_close(&scene);
}

// A `resolve` whose guards fail where windows come to stand still can never be judged by them.
static void needs_more(const char *name, rule_t *rule)
{
    (void) name;
    rule->freeze = true;
    rule->resolve = slice_text("price < avg(price - 200) OVER rows_4"); // negative: not positive
}

static void test_resolve_without_guards(void **state)
{
    (void) state;
    scene_t scene;
    static const char *const volumes[] = { "2", "2", "2", "2", "9", "3", "9" };
    static const int64_t at[] = { 4, 6 };
    feed_more = needs_more;
    scene_open(&scene, spikes, NULL);
    seconds(&scene, 0, volumes, sizeof volumes / sizeof *volumes);
    // At 6 they hold 2, 2, 9, 3, since 5 has let go: 9 is more than 8.
    assert_times(&scene, at, 2);
    scene_close(&scene);
}

// ---- rows that change ---------------------------------------------------------------------------

// The row where they came to stand still is revised: what is behind it of its time is judged once
// more, by windows that never stood still there.
static void test_revised(void **state)
{
    (void) state;
    scene_t scene;
    open_scene(&scene, spikes);
    for (int64_t i = 0; i < 4; i++)
        row(&scene, i * SECOND, "2", "a", false);
    row(&scene, 4 * SECOND, "9", "a", false); // alerts
    row(&scene, 4 * SECOND, "5", "b", false); // alerts: 5 > 4
    row(&scene, 4 * SECOND, "4", "a", false); // 4 is not more than 4
    assert_int_equal(scene.ear.count, 2);
    row(&scene, 5 * SECOND, "2", "a", false); // closes both; b sees 2, 2, 2, 4
    assert_int_equal(scene.ear.count, 4);
    assert_true(scene.ear.alerts[2].correction && scene.ear.alerts[3].correction);
    scene_close(&scene);
}

// ---- plans --------------------------------------------------------------------------------------

// One that comes to a series under way begins with windows that move; given back, too.
static void test_rule_comes(void **state)
{
    (void) state;
    static const char *const before[] = { "1", "1", "1", "1", "9" }, *const after[] = { "9", "9" };
    static const int64_t at[] = { 4, 5, 6 };
    scene_t scene;
    open_scene(&scene, spikes);
    seconds(&scene, 0, before, 5);
    plan(&scene, none);
    plan(&scene, spikes);
    seconds(&scene, 5, after, 2); // by 1, 1, 1, 9 both; by 1, 1, 9, 9 the second would not hold
    assert_times(&scene, at, 3);
    scene_close(&scene);
}

// Nor does one whose `resolve` has a longer window, of which nobody knows yet what it holds: till
// then its windows move.
static void far_back(const char *name, rule_t *rule)
{
    if (strcmp(name, "other") == 0)
        return;
    rule->freeze = true;
    rule->resolve = slice_text("volume <= 0.5 * avg(volume) OVER rows_8");
}

static void test_resolve_comes(void **state)
{
    (void) state;
    static const feed_rule_t short_one[] = {
        { "other", "volume > 999 * max(volume) OVER rows_4", 0 }, { 0 }
    };
    static const char *const before[] = { "2", "2", "2", "2", "2", "2", "2", "2", "2", "2" };
    static const char *const after[] = { "9", "9", "9", "2", "2", "2", "2", "9", "9", "3", "9" };
    // At 12 they hold 2, 2, 9, 9. At 17 those of `resolve` hold eight rows that the plan kept: so
    // 19, which is more than half of 4.625, leaves them where they are, and 20 is judged by 2.
    static const int64_t at[] = { 10, 11, 17, 18, 20 };
    scene_t scene;
    feed_more = far_back;
    scene_open(&scene, short_one, NULL);
    seconds(&scene, 0, before, 10);
    plan(&scene, spikes);
    seconds(&scene, 10, after, 11);
    assert_times(&scene, at, 5);
    scene_close(&scene);
}

// Its steps are known as soon as its own windows are covered, whether or not they may stand still.
static void far_back_by_step(const char *name, rule_t *rule)
{
    far_back(name, rule);
    rule->emit = RULE_EMIT_EDGE;
}

static void test_steps_while_resolve_comes(void **state)
{
    (void) state;
    static const char *const before[] = { "2", "2", "2", "2", "2", "2", "2", "2", "2", "2" };
    static const char *const after[] = { "2", "9", "9", "9", "20", "2", "2",
                                         "2", "2", "9", "9", "4",  "9" };
    // At 13 they hold 2, 2, 9, 9, at 14 three nines: had they stood still since 11, 14 were no
    // step. Those of 19 do, at 2: by 2, 9, 9, 4 the last row would be none.
    static const int64_t at[] = { 11, 14, 19, 22 };
    scene_t scene;
    feed_more = far_back_by_step;
    scene_open(&scene, none, NULL);
    seconds(&scene, 0, before, 10);
    plan(&scene, spikes);
    seconds(&scene, 10, after, 13);
    assert_times(&scene, at, 4);
    scene_close(&scene);
}

// The same verdict, spelled so that it asks for two averages in place of one: what stood still is
// that of other aggregates, so windows move again.
static void test_spelled_anew(void **state)
{
    (void) state;
    static const feed_rule_t one[] = { { "spike",
                                         "volume > 2 * avg(volume * 1) OVER rows_4 AND "
                                         "volume > avg(volume * 1) OVER rows_4",
                                         LEAST },
                                       { 0 } };
    static const feed_rule_t two[] = { { "spike",
                                         "volume > 2 * avg(volume * 1) OVER rows_4 AND "
                                         "volume > avg(volume * 1.0) OVER rows_4",
                                         LEAST },
                                       { 0 } };
    static const feed_rule_t *const plans[][2] = { { one, two }, { two, one } };
    for (size_t i = 0; i < 2; i++) {
        static const char *const before[] = { "10", "10", "10", "10", "100", "100" };
        static const char *const after[] = { "60", "60", "60", "60", "60", "200" };
        scene_t scene;
        open_scene(&scene, plans[i][0]);
        seconds(&scene, 0, before, 6);
        plan(&scene, plans[i][1]);
        seconds(&scene, 6, after, 6);
        assert_times(&scene, (int64_t[]){ 4, 5, 11 }, 3);
        scene_close(&scene);
    }
}

// A rule that stays goes on with what it has, whatever others come and go.
static void test_others_come(void **state)
{
    (void) state;
    static const char *const before[] = { "1", "1", "1", "1", "9" }, *const after[] = { "9", "9" };
    scene_t scene;
    open_scene(&scene, spikes);
    seconds(&scene, 0, before, 5);
    plan(&scene, all);
    seconds(&scene, 5, after, 2);
    plan(&scene, spikes);
    seconds(&scene, 7, after, 2);
    size_t count = 0;
    for (size_t i = 0; i < scene.ear.count; i++)
        count += strcmp(scene.ear.alerts[i].rule, "spike") == 0;
    assert_int_equal(count, 5);
    scene_close(&scene);
}

// ---- in the journal -----------------------------------------------------------------------------

static bool has(slice_t journal)
{
    static const uint8_t price[] = { 0x15, 0xcd, 0x5b, 0x07 }; // the low bytes of 123456789
    return memmem(journal.data, journal.size, price, sizeof price) != NULL;
}

static void by_price(const char *name, rule_t *rule)
{
    (void) name;
    rule->freeze = true;
}

// While it lasts, a delta has a baseline once when it begins, and once when the first row that
// has it is no more open. Each base has it.
static void test_written_once(void **state)
{
    (void) state;
    static const feed_rule_t last[] = {
        { "last", "volume > 2 * avg(volume) OVER rows_1 + 0 * max(price) OVER rows_1", 1 }, { 0 }
    };
    enum { ROWS = 12 };
    for (int64_t lateness = 0; lateness <= 3; lateness++) {
        scene_t scene;
        feed_more = by_price;
        feed_lateness_us = lateness * SECOND;
        scene_open(&scene, last, NULL);
        unsigned partition = series_partition(slice_text("candle:x:a"));
        size_t written = 0;
        for (int64_t i = 0; i < ROWS; i++) {
            feed_row_t fresh = { .pair = "a", .ts = i * SECOND, .identity = "1" };
            fresh.values[0] = feed_number(i == 0 ? "1" : "9");
            fresh.values[1] = feed_number(i == 0 ? "123456789" : "1");
            slice_t delta;
            buffer_t base = { 0 };
            assert_true(feed(scene.fold, "s", ++scene.seq, &fresh, 1, false));
            assert_true(fold_delta(scene.fold, partition, &delta));
            written += i > 0 && has(delta);
            fold_delta_reset(scene.fold, partition);
            assert_true(fold_base(scene.fold, partition, &base));
            assert_int_equal(has(buffer_slice(&base)), true);
            buffer_destroy(&base);
        }
        assert_int_equal(scene.ear.count, ROWS - 1);
        assert_int_equal(written, 2);
        scene_close(&scene);
    }
    feed_lateness_us = 0;
}

// ---- at random ----------------------------------------------------------------------------------

typedef struct {
    int64_t ts, volume; // -1: NULL
    char identity[12];
} known_row_t;

typedef struct {
    size_t count;
    known_row_t rows[ROWS_MOST]; // in order of time, then arrival
} known_rows_t;

static void know(known_rows_t *self, const feed_row_t *row)
{
    int64_t volume = decimal_is_null(row->values[0]) ? -1 : row->values[0].mantissa;
    for (size_t i = 0; i < self->count; i++)
        if (self->rows[i].ts == row->ts && strcmp(self->rows[i].identity, row->identity) == 0) {
            self->rows[i].volume = volume;
            return;
        }
    assert_true(self->count < ROWS_MOST);
    size_t at = self->count++;
    for (; at > 0 && self->rows[at - 1].ts > row->ts; at--)
        self->rows[at] = self->rows[at - 1];
    self->rows[at] = (known_row_t){ .ts = row->ts, .volume = volume };
    snprintf(self->rows[at].identity, sizeof self->rows[at].identity, "%s", row->identity);
}

// Sum and number of the values before a row.
typedef struct {
    int64_t sum, count;
} average_t;

static average_t average_before(const known_rows_t *rows, size_t at)
{
    average_t seen = { 0 };
    for (size_t i = at > WINDOW ? at - WINDOW : 0; i < at; i++) {
        seen.sum += rows->rows[i].volume < 0 ? 0 : rows->rows[i].volume;
        seen.count += rows->rows[i].volume >= 0;
    }
    return seen;
}

// For which rows the condition holds, from the first one to the last.
static void model(const known_rows_t *rows, bool resolve, bool *holds)
{
    average_t still = { 0 };
    bool stands = false;
    for (size_t i = 0; i < rows->count; i++) {
        int64_t volume = rows->rows[i].volume;
        average_t seen = stands ? still : average_before(rows, i);
        bool ready = seen.count >= LEAST && seen.sum > 0;
        holds[i] = ready && volume >= 0 && volume * seen.count > 2 * seen.sum;
        bool over = !resolve || (volume >= 0 && volume * seen.count <= seen.sum);
        stands = holds[i] || (stands && !over);
        still = seen;
    }
}

static alert_id_t id_of(const compiled_rule_t *rule, const known_row_t *row)
{
    return alert_id_of(slice_text(rule->name), rule->hash, slice_text("candle:x:a"), row->ts,
                       slice_text(row->identity));
}

static bool is_id(alert_id_t a, alert_id_t b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

// Alerts less those that were taken back are those of the model, row by row, and there are no more.
static size_t assert_said(const ear_t *ear, const ruleset_t *rules, size_t index,
                          const known_rows_t *rows, const bool *holds)
{
    const compiled_rule_t *rule = &ruleset_table(rules, slice_text("candle"))->rules[index];
    bool edge = rule->rule.emit == RULE_EMIT_EDGE;
    size_t entries = 0, found = 0, said = 0;
    for (size_t i = 0; i < ear->count; i++)
        entries += strcmp(ear->alerts[i].rule, rule->name) == 0;
    for (size_t r = 0; r < rows->count; r++) {
        alert_id_t id = id_of(rule, &rows->rows[r]);
        int balance = 0;
        for (size_t i = 0; i < ear->count; i++) {
            bool alert = !ear->alerts[i].correction && is_id(ear->alerts[i].id, id);
            bool taken = ear->alerts[i].correction && is_id(ear->alerts[i].corrects, id);
            balance += alert - taken;
            found += alert + taken;
        }
        assert_int_equal(balance, holds[r] && !(edge && r > 0 && holds[r - 1]));
        said += (size_t) balance;
    }
    assert_int_equal(entries, found);
    return said;
}

static size_t draw(seeded_t *seed, feed_row_t *rows, int64_t *now, int64_t lateness)
{
    static const char *const identities[] = { "1", "2", "3" };
    size_t count = 1 + seeded_below(seed, BLOCK_MAX);
    for (size_t i = 0; i < count; i++) {
        *now += (int64_t) seeded_below(seed, 3) * SECOND;
        int64_t back =
            lateness ? (int64_t) seeded_below(seed, (uint64_t) (lateness / SECOND) + 1) : 0;
        bool high = (*now / SECOND) % 20 > 12 || seeded_below(seed, 6) == 0;
        rows[i] = (feed_row_t){ .pair = "a",
                                .ts = *now - (seeded_below(seed, 3) ? 0 : back * SECOND),
                                .identity = identities[seeded_below(seed, 3)] };
        rows[i].values[0] =
            seeded_below(seed, 12) == 0
                ? DECIMAL_NULL
                : (decimal_t){ .mantissa = (int64_t) seeded_below(seed, high ? 40 : 6) };
        rows[i].values[1] = (decimal_t){ .mantissa = 1 };
    }
    for (size_t i = 1; i < count; i++) // rows of a run come in order of time
        for (size_t j = i; j > 0 && rows[j - 1].ts > rows[j].ts; j--) {
            feed_row_t other = rows[j];
            rows[j] = rows[j - 1];
            rows[j - 1] = other;
        }
    return count;
}

static ruleset_t *loaded_rules;

static ruleset_t *find_rules(void *context, plan_hash_t hash)
{
    (void) context;
    plan_hash_t known = ruleset_hash(loaded_rules);
    return memcmp(&known, &hash, sizeof hash) == 0 ? loaded_rules : NULL;
}

static void load(fold_t *fold, unsigned partition, slice_t encoded)
{
    fault_t fault = { .text = "" };
    if (!fold_load(fold, partition, encoded, find_rules, NULL, &fault))
        fail_msg("%s", fault.text);
}

// What changed since the last time, to another fold: then both have the same state, byte for byte.
static void follow(fold_t *fold, fold_t *follower, unsigned partition)
{
    slice_t delta;
    buffer_t expected = { 0 }, is = { 0 };
    assert_true(fold_delta(fold, partition, &delta));
    load(follower, partition, delta);
    fold_delta_reset(fold, partition);
    assert_true(fold_base(fold, partition, &expected) && fold_base(follower, partition, &is));
    assert_int_equal(expected.size, is.size);
    assert_memory_equal(expected.data, is.data, is.size);
    buffer_destroy(&expected);
    buffer_destroy(&is);
}

// The one that followed goes on in its place, and another one follows from its state on.
static void take_over(fold_t **fold, fold_t **follower, ear_t *ear, unsigned partition)
{
    buffer_t base = { 0 };
    follow(*fold, *follower, partition);
    fold_destroy(fold);
    *fold = *follower;
    *follower = fold_new(ear_hear, ear);
    fold_own(*follower, partition);
    assert_true(fold_base(*fold, partition, &base));
    load(*follower, partition, buffer_slice(&base));
    buffer_destroy(&base);
}

static size_t run(uint64_t state, int64_t lateness, bool dies)
{
    seeded_t seed = { .state = state };
    ear_t ear = { 0 };
    static known_rows_t rows;
    static bool holds[ROWS_MOST];
    rows.count = 0;
    feed_more = by_name;
    feed_lateness_us = lateness;
    loaded_rules = feed_rules(all, NULL);
    unsigned partition = series_partition(slice_text("candle:x:a"));
    fold_t *fold = feed_fold(&ear, "s", loaded_rules), *follower = fold_new(ear_hear, &ear);
    fold_own(follower, partition);
    int64_t now = 1000 * SECOND, newest = 0;
    for (uint64_t block = 1; block <= BLOCKS; block++) {
        feed_row_t drawn[BLOCK_MAX];
        size_t count = draw(&seed, drawn, &now, lateness);
        for (size_t i = 0; i < count; i++) {
            if (drawn[i].ts < newest - lateness)
                continue;
            know(&rows, &drawn[i]);
            newest = drawn[i].ts > newest ? drawn[i].ts : newest;
        }
        assert_true(feed(fold, "s", block, drawn, count, false));
        uint64_t what = dies ? seeded_below(&seed, 8) : 8;
        if (what < 2)
            take_over(&fold, &follower, &ear, partition);
        else if (what < 6)
            follow(fold, follower, partition);
    }
    feed_row_t last = { .pair = "a", .ts = now + 1000 * SECOND, .identity = "1" };
    last.values[0] = last.values[1] = DECIMAL_NULL;
    know(&rows, &last);
    assert_true(feed(fold, "s", BLOCKS + 1, &last, 1, false));
    feed_lateness_us = 0;
    model(&rows, false, holds);
    size_t said = assert_said(&ear, loaded_rules, 1, &rows, holds) +
                  assert_said(&ear, loaded_rules, 2, &rows, holds);
    model(&rows, true, holds);
    said += assert_said(&ear, loaded_rules, 0, &rows, holds);
    fold_destroy(&follower);
    fold_destroy(&fold);
    ruleset_destroy(&loaded_rules);
    ear_clear(&ear);
    return said;
}

static void test_at_random(void **state)
{
    (void) state;
    static const int64_t latenesses[] = { 0, 2 * SECOND, 15 * SECOND };
    for (size_t i = 0; i < sizeof latenesses / sizeof *latenesses; i++) {
        size_t said = 0;
        for (uint64_t seed = 1; seed <= RUNS; seed++)
            said += run(seed * 15487469, latenesses[i], seed % 2);
        assert_true(said > 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stands_still),
        cmocka_unit_test(test_resolves),
        cmocka_unit_test(test_resolve_without_guards),
        cmocka_unit_test(test_revised),
        cmocka_unit_test(test_rule_comes),
        cmocka_unit_test(test_resolve_comes),
        cmocka_unit_test(test_steps_while_resolve_comes),
        cmocka_unit_test(test_spelled_anew),
        cmocka_unit_test(test_others_come),
        cmocka_unit_test(test_written_once),
        cmocka_unit_test(test_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
