/*  The docket against a fold that judges every rule on every row: random rules, rows, revisions,
 *  late rows, plans that follow each other, and recoveries from a base must give the same entries,
 *  in order, byte for byte, the same counts and the same state.
 *
 *  Rules are drawn so that they meet: keys of every kind, families with steps on either side and in
 *  products, copies, thresholds that rows hit exactly, windows, `for`, `cooldown`, `resolve`,
 *  `flap`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/transform/fold_state.h"
#include "feeds.h"
#include "tests/unit/proto/seeded.h"

enum { RULES_MAX = 60, TEXT_MAX = 160, BLOCK_MAX = 8, BLOCKS = 60, RUNS = 80 };

static const char *const pairs[] = { "a", "b", "c", "d" };
enum { PAIRS = 4 };

typedef struct {
    char name[16], when[2 * TEXT_MAX], resolve[TEXT_MAX];
    rule_t terms;
} drawn_t;

static drawn_t drawn[RULES_MAX];
static unsigned drawn_count;

// ---- rules ------------------------------------------------------------------------------------

static const char *step(seeded_t *seed)
{
    static const char *const steps[] = { "0.1", "0.3", "-0.2", "1", "0", "2.5", "3", "1e17", "7" };
    return steps[seeded_below(seed, sizeof steps / sizeof *steps)];
}

static const char *sign(seeded_t *seed)
{
    static const char *const signs[] = { ">", ">", ">=", "<", "<=", "=", "<>" };
    return signs[seeded_below(seed, sizeof signs / sizeof *signs)];
}

static void draw_keys(seeded_t *seed, char *text)
{
    const char *a = pairs[seeded_below(seed, PAIRS)], *b = pairs[seeded_below(seed, PAIRS)];
    switch (seeded_below(seed, 12)) {
    case 0:
    case 1:
        sprintf(text, "pair = '%s' AND ", a);
        return;
    case 2:
        sprintf(text, "pair IN ('%s', '%s') AND ", a, b);
        return;
    case 3:
        sprintf(text, "exchange = 'x' AND '%s' = pair AND ", a);
        return;
    case 4:
        sprintf(text, "exchange IN ('x', 'y') AND pair IN ('%s', '%s', '%s') AND ", a, b, a);
        return;
    case 5:
        sprintf(text, "pair = '%s' AND pair = '%s' AND ", a, b);
        return;
    case 6:
        sprintf(text, "exchange = 'y' AND ");
        return;
    case 7:
        sprintf(text, "pair <> '%s' AND ", a);
        return;
    case 8:
    case 9: // more groups than a rule has room for in some plans
        sprintf(text, "exchange IN ('w', 'x', 'y', 'z') AND pair IN ('%s', '%s', 'e', 'f') AND ", a,
                b);
        return;
    default:
        *text = '\0';
    }
}

static void draw_body(seeded_t *seed, char *text)
{
    switch (seeded_below(seed, 15)) {
    case 0:
    case 1:
    case 2:
        sprintf(text, "price %s %s", sign(seed), step(seed));
        return;
    case 3:
        sprintf(text, "%s %s volume", step(seed), sign(seed));
        return;
    case 4:
        sprintf(text, "price %s %s * volume", sign(seed), step(seed));
        return;
    case 5:
        sprintf(text, "volume > %s * avg(volume) OVER last_1s", step(seed));
        return;
    case 6:
        sprintf(text, "sum(price) OVER rows_3 %s %s", sign(seed), step(seed));
        return;
    case 7:
        sprintf(text, "price - %s %s volume / %s AND volume %s 0.1", step(seed), sign(seed),
                seeded_below(seed, 2) ? "price" : "2", sign(seed));
        return;
    case 8:
        sprintf(text, "price BETWEEN %s AND %s", step(seed), step(seed));
        return;
    case 9:
        sprintf(text, "NOT (price %s %s)", sign(seed), step(seed));
        return;
    case 10:
        sprintf(text, "(volume IS NULL OR price < %s)", step(seed));
        return;
    case 11: // beyond what doubles hold, and back
        sprintf(text,
                "price * 1e50 * 1e50 * 1e50 * 1e50 * 1e50 * 1e50 * 1e50 / 1e50 / 1e50 / 1e50 / "
                "1e50 / 1e50 / 1e50 / 1e50 %s %s",
                sign(seed), step(seed));
        return;
    case 12:
        sprintf(text, "volume / (price * 1e50 * 1e290) %s %s / 1e50 / 1e290", sign(seed),
                step(seed));
        return;
    case 13: // a divisor that doubles cannot tell from 0
        sprintf(text, "1 / (price + 1e-290 * volume - price) %s %s", sign(seed), step(seed));
        return;
    default:
        sprintf(text, "-(%s - price) > volume * 2", step(seed));
    }
}

static void draw_rule(seeded_t *seed, drawn_t *rule)
{
    char keys[TEXT_MAX], body[TEXT_MAX];
    sprintf(rule->name, "r%02u", (unsigned) seeded_below(seed, RULES_MAX));
    if (drawn_count > 0 && seeded_below(seed, 4) == 0) { // a copy, perhaps with other terms
        strcpy(rule->when, drawn[seeded_below(seed, drawn_count)].when);
    } else {
        draw_keys(seed, keys);
        draw_body(seed, body);
        snprintf(rule->when, sizeof rule->when, "%s%s", keys, body);
    }
    rule->resolve[0] = '\0';
    if (seeded_below(seed, 6) == 0)
        sprintf(rule->resolve, "price < %s", step(seed));
    static const rule_emit_t emits[] = { RULE_EMIT_DEFAULT, RULE_EMIT_ROW, RULE_EMIT_EDGE,
                                         RULE_EMIT_EDGE };
    rule->terms = (rule_t){
        .on = slice_text("candle"),
        .severity = slice_text("warning"),
        .min_rows = (uint32_t) seeded_below(seed, 3),
        .positive = seeded_below(seed, 2),
        .enabled = true,
        .emit = emits[seeded_below(seed, 4)],
        .alerts_max = seeded_below(seed, 5) ? 0 : 3,
        .for_us = seeded_below(seed, 4) ? 0 : 300000,
        .cooldown_us = seeded_below(seed, 4) ? 0 : 700000,
        .flap_changes = seeded_below(seed, 3) ? 0 : RULE_FLAP_LEAST,
        .flap_us = 900000,
    };
    rule->terms.freeze = strstr(rule->when, " OVER ") && seeded_below(seed, 2) == 0;
    rule->terms.when = slice_text(rule->when);
    rule->terms.resolve = slice_text(rule->resolve);
}

static ruleset_t *make_rules(void)
{
    plan_t *plan = plan_new();
    fault_t fault = { .text = "" };
    buffer_t body = { 0 };
    feed_source(&body, "candle");
    assert_true(plan_set(plan, PLAN_SOURCE, slice_text("feed"), buffer_slice(&body), &fault));
    for (unsigned i = 0; i < drawn_count; i++) {
        buffer_clear(&body);
        rule_encode(&drawn[i].terms, &body);
        assert_true(
            plan_set(plan, PLAN_RULE, slice_text(drawn[i].name), buffer_slice(&body), &fault));
        if (!ruleset_check(plan, drawn[i].name, &drawn[i].terms, &fault))
            fail_msg("%s: %s", drawn[i].when, fault.text);
    }
    ruleset_t *set = ruleset_new(plan, NULL, NULL);
    assert_non_null(set);
    buffer_destroy(&body);
    plan_destroy(&plan);
    return set;
}

// Change some rules, keep the others: the incidents of those go on.
static void draw_plan(seeded_t *seed)
{
    unsigned most = seeded_below(seed, 3) ? 12 : RULES_MAX / 2;
    unsigned left = 0;
    for (unsigned i = 0; i < drawn_count; i++)
        if (seeded_below(seed, 3) > 0) {
            drawn[left] = drawn[i];
            drawn[left].terms.when = slice_text(drawn[left].when);
            drawn[left].terms.resolve = slice_text(drawn[left].resolve);
            if (seeded_below(seed, 4) == 0) // its guard comes, or goes, whatever flaps
                drawn[left].terms.flap_changes ^= RULE_FLAP_LEAST;
            left++;
        }
    drawn_count = left;
    while (drawn_count < most)
        draw_rule(seed, &drawn[drawn_count]), drawn_count++;
}

// ---- two folds --------------------------------------------------------------------------------

typedef struct {
    bool linear;
    ear_t ear;
    fold_t *fold;
    ruleset_t *rules;
    fold_count_t before; // of folds that it took over from
} side_t;

// The plan is the caller's own: nobody else sees it. Among so many rules each has fewer places.
static ruleset_t *rules_for(bool linear, size_t of_plan)
{
    ruleset_t *rules = make_rules();
    table_plan_t *table = (table_plan_t *) ruleset_at(rules, 0);
    table->linear = linear;
    table->plan_rule_count = of_plan;
    return rules;
}

static void take_plan(side_t *side, uint64_t seq, size_t of_plan)
{
    partitions_t all = feed_everything();
    ruleset_t *rules = rules_for(side->linear, of_plan);
    assert_true(fold_plan(side->fold, slice_text("s"), &all, rules, seq, 7));
    ruleset_destroy(&side->rules);
    side->rules = rules;
}

static ruleset_t *find_plan(void *context, plan_hash_t hash)
{
    side_t *side = context;
    plan_hash_t known = ruleset_hash(side->rules);
    return memcmp(&known, &hash, sizeof hash) == 0 ? side->rules : NULL;
}

static void keep_count(side_t *side)
{
    fold_count_t count = fold_count(side->fold);
    side->before.judged += count.judged + count.warming;
    side->before.alerts += count.alerts;
    side->before.firing += count.firing;
    side->before.resolved += count.resolved;
    side->before.flapping += count.flapping;
    side->before.corrections += count.corrections;
}

static void recover(side_t *side)
{
    fold_t *fresh = feed_fold(&side->ear, "s", NULL);
    fault_t fault = { .text = "" };
    buffer_t base = { 0 };
    for (unsigned p = 0; p < PARTITIONS; p++) {
        buffer_clear(&base);
        assert_true(fold_base(side->fold, p, &base));
        if (!fold_load(fresh, p, buffer_slice(&base), find_plan, side, &fault))
            fail_msg("%s", fault.text);
    }
    buffer_destroy(&base);
    keep_count(side);
    fold_destroy(&side->fold);
    side->fold = fresh;
}

static void compare(const side_t *a, const side_t *b)
{
    for (size_t i = 0; i < a->ear.count && i < b->ear.count; i++) {
        const heard_t *x = &a->ear.alerts[i], *y = &b->ear.alerts[i];
        if (memcmp(&x->id, &y->id, sizeof x->id) != 0)
            fail_msg("entry %zu: %s of %s on %s at %lld, not %s of %s on %s at %lld", i, x->kind,
                     x->rule, x->series, (long long) x->ts, y->kind, y->rule, y->series,
                     (long long) y->ts);
    }
    assert_int_equal(a->ear.count, b->ear.count);
    assert_true(slice_same(buffer_slice(&a->ear.bodies), buffer_slice(&b->ear.bodies)));
    buffer_t left = { 0 }, right = { 0 };
    for (unsigned p = 0; p < PARTITIONS; p++) {
        buffer_clear(&left);
        buffer_clear(&right);
        assert_true(fold_base(a->fold, p, &left) && fold_base(b->fold, p, &right));
        assert_true(slice_same(buffer_slice(&left), buffer_slice(&right)));
    }
    buffer_destroy(&left);
    buffer_destroy(&right);
    assert_memory_equal(&a->before, &b->before, sizeof a->before);
}

static decimal_t number(seeded_t *seed)
{
    static const decimal_t numbers[] = {
        { .mantissa = 1, .exponent = -1 },  { .mantissa = 3, .exponent = -1 },
        { .mantissa = 30, .exponent = -2 }, { .mantissa = -2, .exponent = -1 },
        { .mantissa = 1, .exponent = 17 },  { .mantissa = 1, .exponent = 0 },
        { .mantissa = 25, .exponent = -1 }, { .mantissa = 7, .exponent = 0 },
        { .mantissa = 0, .exponent = 0 },
    };
    return seeded_below(seed, 12) == 0
               ? DECIMAL_NULL
               : numbers[seeded_below(seed, sizeof numbers / sizeof *numbers)];
}

typedef struct {
    uint64_t entries, firing, resolved, flapping, corrections, judged;
    uint64_t settled; // incidents that the next row of their series does not look at
} seen_t;

static uint64_t settled_rules(const series_t *series)
{
    const roll_t *roll = series->roll;
    const docket_t *docket = series->layout->docket;
    const stretch_t *truth = roll->truths;
    uint64_t count = 0;
    for (uint32_t g = 0; g < roll->group_count; g++)
        for (uint32_t l = 0; l < roll->groups[g]->count; l++, truth++)
            if (docket->ladders[roll->groups[g]->first + l].settles)
                count += truth->to - truth->from;
    return count;
}

static uint64_t settled(const fold_t *fold)
{
    uint64_t count = 0;
    for (unsigned p = 0; p < PARTITIONS; p++)
        for (size_t b = 0; b < fold->partitions[p].branch_count; b++) {
            const branch_t *branch = &fold->partitions[p].branches[b];
            for (size_t i = 0; i <= branch->mask; i++)
                if (branch->table[i] && branch->table[i]->settled)
                    count += settled_rules(branch->table[i]);
        }
    return count;
}

static void feed_block(seeded_t *seed, side_t *sides, uint64_t seq, int64_t *now, int64_t spread)
{
    static const char *const identities[] = { "1", "2", "3" };
    feed_row_t rows[BLOCK_MAX];
    size_t count = 1 + seeded_below(seed, BLOCK_MAX);
    bool ordinal = seeded_below(seed, 2);
    for (size_t i = 0; i < count; i++) {
        *now += (int64_t) seeded_below(seed, 3) * 100000;
        rows[i] =
            (feed_row_t){ .pair = pairs[seeded_below(seed, PAIRS)],
                          .ts = *now - (spread ? (int64_t) seeded_below(seed, 4) * spread : 0),
                          .identity = ordinal ? NULL : identities[seeded_below(seed, 3)] };
        rows[i].values[0] = number(seed);
        rows[i].values[1] = number(seed);
    }
    for (size_t i = 1; i < count; i++) // rows of a run come in order of time
        for (size_t j = i; j > 0 && rows[j - 1].ts > rows[j].ts; j--) {
            feed_row_t other = rows[j];
            rows[j] = rows[j - 1];
            rows[j - 1] = other;
        }
    for (int s = 0; s < 2; s++)
        assert_true(feed(sides[s].fold, "s", seq, rows, count, ordinal));
}

static void run(uint64_t seed_of, int64_t lateness, seen_t *seen)
{
    seeded_t seed = { seed_of * 2 + 1 };
    side_t sides[2] = { { .linear = false }, { .linear = true } };
    int64_t now = 1000000000;
    feed_lateness_us = lateness;
    drawn_count = 0;
    for (int s = 0; s < 2; s++)
        sides[s].fold = feed_fold(&sides[s].ear, "s", NULL);
    for (uint64_t block = 1; block <= BLOCKS; block++) {
        if (block == 1 || seeded_below(&seed, 12) == 0) {
            draw_plan(&seed);
            size_t of_plan = DOCKET_PLACES_PLAN >> seeded_below(&seed, 4);
            take_plan(&sides[0], 2 * block, of_plan);
            take_plan(&sides[1], 2 * block, of_plan);
        }
        feed_block(&seed, sides, 2 * block + 1, &now, lateness / 2);
        seen->settled += settled(sides[0].fold);
        assert_int_equal(settled(sides[1].fold), 0);
        unsigned lost = (unsigned) seeded_below(&seed, 16);
        if (lost < 2) // one of them, at most: the other goes on undisturbed
            recover(&sides[lost]);
    }
    for (int s = 0; s < 2; s++)
        keep_count(&sides[s]);
    compare(&sides[0], &sides[1]);
    seen->entries += sides[0].ear.count;
    seen->firing += sides[0].before.firing;
    seen->resolved += sides[0].before.resolved;
    seen->flapping += sides[0].before.flapping;
    seen->corrections += sides[0].before.corrections;
    seen->judged += sides[0].before.judged;
    for (int s = 0; s < 2; s++) {
        fold_destroy(&sides[s].fold);
        ruleset_destroy(&sides[s].rules);
        ear_clear(&sides[s].ear);
    }
}

static void says_what_each_rule_alone_says(void **state)
{
    (void) state;
    seen_t seen = { 0 };
    feed_incidents = true;
    for (uint64_t i = 0; i < RUNS; i++)
        run(i + 1, i % 3 == 0 ? 400000 : 0, &seen);
    // It was a test: everything occurred, often.
    assert_true(seen.entries > 100 * RUNS && seen.firing > 10 * RUNS && seen.resolved > 5 * RUNS);
    assert_true(seen.corrections > RUNS && seen.judged > 1000 * RUNS);
    assert_true(seen.settled > 50 * RUNS && seen.flapping > RUNS);
}

// ---- many rules -------------------------------------------------------------------------------

enum { WIDE = 20000, WIDE_TEXTS = 8, WIDE_TEXT_MAX = 512 };

// No two of them are in one group.
static const char *wide_rule(char *text, unsigned number)
{
    size_t used = 0;
    for (int key = 0; key < 2; key++) {
        used += (size_t) sprintf(text + used, "%s IN (", key ? " AND pair" : "exchange");
        for (unsigned i = 0; i < WIDE_TEXTS; i++)
            used += (size_t) sprintf(text + used, "%s'%u-%u'", i ? ", " : "", number, i);
        used += (size_t) sprintf(text + used, ")");
    }
    sprintf(text + used, " AND price > %u", number);
    return text;
}

static ruleset_t *many_rules(unsigned count, const char *(*when_of)(char *text, unsigned number))
{
    plan_t *plan = plan_new();
    fault_t fault = { .text = "" };
    buffer_t body = { 0 };
    feed_source(&body, "candle");
    assert_true(plan_set(plan, PLAN_SOURCE, slice_text("feed"), buffer_slice(&body), &fault));
    for (unsigned i = 0; i < count; i++) {
        char name[16], when[WIDE_TEXT_MAX];
        snprintf(name, sizeof name, "w%05u", i);
        rule_t rule = { .on = slice_text("candle"),
                        .when = slice_text(when_of(when, i)),
                        .severity = slice_text("warning"),
                        .enabled = true };
        buffer_clear(&body);
        rule_encode(&rule, &body);
        assert_true(plan_set(plan, PLAN_RULE, slice_text(name), buffer_slice(&body), &fault));
    }
    ruleset_t *set = ruleset_new(plan, NULL, NULL);
    assert_non_null(set);
    assert_int_equal(ruleset_at(set, 0)->rule_count, count);
    buffer_destroy(&body);
    plan_destroy(&plan);
    return set;
}

static unsigned rules_of(const docket_t *docket, const series_parts_t *key)
{
    roll_t *roll = docket_bind(docket, key);
    assert_non_null(roll);
    unsigned rules = roll->rules;
    roll_destroy(&roll);
    return rules;
}

static unsigned rules_bound(const docket_t *docket, const char *exchange, const char *pair)
{
    series_parts_t key = { .count = 2 };
    key.values[0] = slice_text(exchange);
    key.values[1] = slice_text(pair);
    return rules_of(docket, &key);
}

static void few_rules_are_found_by_all_their_keys(void **state)
{
    (void) state;
    ruleset_t *set = many_rules(10, wide_rule);
    docket_t *docket = docket_new(ruleset_at(set, 0));
    assert_non_null(docket);
    assert_int_equal(docket->group_count, 10 * WIDE_TEXTS * WIDE_TEXTS);
    assert_int_equal(rules_bound(docket, "3-7", "3-0"), 1);
    assert_int_equal(rules_bound(docket, "3-7", "4-0"), 0);
    docket_destroy(&docket);
    ruleset_destroy(&set);
}

// All their keys would be 1,280,000 groups.
static void many_rules_are_found_by_fewer_keys(void **state)
{
    (void) state;
    ruleset_t *set = many_rules(WIDE, wide_rule);
    docket_t *docket = docket_new(ruleset_at(set, 0));
    assert_non_null(docket);
    assert_int_equal(docket->group_count, WIDE * WIDE_TEXTS);
    assert_int_equal(rules_bound(docket, "3-7", "4-0"), 1); // one that its pair is asked of then
    assert_int_equal(rules_bound(docket, "nowhere", "4-0"), 0);
    docket_destroy(&docket);
    ruleset_destroy(&set);
}

// Each asks for another set of the keys, the last one for none.
static const char *subset_rule(char *text, unsigned number)
{
    static const char *const keys[FEED_KEYS_MAX] = { "exchange", "pair", "k2", "k3",
                                                     "k4",       "k5",   "k6" };
    unsigned set = (number + 1) % (1 << FEED_KEYS_MAX);
    size_t used = 0;
    for (unsigned k = 0; k < FEED_KEYS_MAX; k++)
        if (set >> k & 1)
            used += (size_t) sprintf(text + used, "%s = '1' AND ", keys[k]);
    sprintf(text + used, "price > 0");
    return text;
}

// More sets of keys than series are looked up by: no rule is forgotten, whichever comes last.
static void rules_of_many_sets_of_keys_are_all_found(void **state)
{
    (void) state;
    feed_keys = FEED_KEYS_MAX;
    series_parts_t key = { .count = FEED_KEYS_MAX };
    for (unsigned k = 0; k < FEED_KEYS_MAX; k++)
        key.values[k] = slice_text("1");
    enum { ALL = 1 << FEED_KEYS_MAX };
    _Static_assert((int) ALL > (int) DOCKET_MASKS_MAX, "more sets than there is room for");
    for (unsigned count = DOCKET_MASKS_MAX - 2; count <= ALL; count++) {
        ruleset_t *set = many_rules(count, subset_rule);
        docket_t *docket = docket_new(ruleset_at(set, 0));
        assert_non_null(docket);
        assert_int_equal(rules_of(docket, &key), count);
        docket_destroy(&docket);
        ruleset_destroy(&set);
    }
    feed_keys = 2;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_each_rule_alone_says),
        cmocka_unit_test(few_rules_are_found_by_all_their_keys),
        cmocka_unit_test(many_rules_are_found_by_fewer_keys),
        cmocka_unit_test(rules_of_many_sets_of_keys_are_all_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
