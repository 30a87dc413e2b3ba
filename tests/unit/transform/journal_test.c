/*  Recovery: whatever the stream, base + deltas give the very state of an undisturbed run, byte
 *  for byte, and the alerts after it are the same, with the same ids, seqs and predecessors.
 *
 *  Two folds read the same random operations. One is left alone. The other is checkpointed and
 *  killed at random, loaded again from what it had written, and fed what came since.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/transform/hash.h"
#include "actors/transform/partition.h"
#include "feeds.h"
#include "tests/unit/proto/seeded.h"

enum { PLANS = 5, SERIES = 6, ROWS_MAX = 40, OPERATIONS = 250 };

static const feed_rule_t plan_rules[PLANS][FEED_RULES_MAX] = {
    { { "spike", "volume > 2 * avg(volume) OVER last_1s", 2 } },
    { { "edge", "price > 0.4", 0 },
      { "high", "price >= max(price) OVER rows_5 OR price > 3 * median(price) OVER last_3s", 2 },
      { "many", "count(*) OVER last_3s > 2 * count(*) OVER last_2s", 2 },
      { "step", "volume > avg(volume) OVER last_1s", 2 },
      { "step-rows", "price >= max(price) OVER rows_5", 1 },
      { "spike", "volume > 2 * avg(volume) OVER last_1s", 2 } },
    { { "deal", "volume * price > 2 * avg(volume * price) OVER last_3s", 2 },
      { "edge", "price > 0.4", 0 },
      { "most", "volume >= max(volume) OVER last_1s OR delta(price) OVER last_3s > 0.9", 2 },
      { "spike", "volume > 2 * avg(volume) OVER last_3s", 2 },
      { "step", "volume > avg(volume) OVER last_1s", 2 },
      { "twice", "price = lag(price, 2) OVER rows_4", 1 } },
    { { "deal", "volume * price > 2 * avg(volume * price) OVER last_1s", 2 },
      { "hour", "volume > 2 * avg(volume) OVER last_1h OR twavg(price) OVER last_3s < price", 2 },
      { "step", "volume > 2 * avg(volume) OVER last_3s", 2 },
      { "step-rows", "price >= max(price) OVER rows_5", 1 },
      { "wild", "price > avg(price) OVER rows_20 + 2 * stddev_pop(price) OVER rows_20", 3 } },
    { { 0 } },
};

static void say_more(const char *name, rule_t *rule)
{
    bool edge = strcmp(name, "edge") == 0, spike = strcmp(name, "spike") == 0;
    rule->emit = edge || strncmp(name, "step", 4) == 0 ? RULE_EMIT_EDGE : RULE_EMIT_ROW;
    rule->alerts_max = edge || spike ? 2 : 0; // many are held back
    rule->resolve = slice_text(edge ? "price < 0.1" : "");
    rule->for_us = strcmp(name, "high") ? 0 : 60000, rule->cooldown_us = spike ? 200000 : 0;
    rule->flap_changes = edge ? 4 : strcmp(name, "most") ? 0 : RULE_FLAP_LEAST;
    rule->flap_us = 5000000;
    rule->freeze = strcmp(name, "step-rows") == 0 || strcmp(name, "deal") == 0 ||
                   strcmp(name, "high") == 0 || strcmp(name, "wild") == 0;
    if (strcmp(name, "deal") == 0 || strcmp(name, "wild") == 0)
        rule->resolve = slice_text("price < 0.5 * avg(price) OVER rows_5");
}

static ruleset_t *plans[PLANS];
static int64_t plan_lateness[PLANS];
static unsigned late_one_in = 15; // rows that come late, by less than late_by
static int64_t late_by = 90000;

// Two series of one partition that journals cannot tell apart by their tags.
#define SAME_TAG_ONE "p000000"
#define SAME_TAG_OTHER "H8U6O0N"

static ruleset_t *find_plan(void *context, plan_hash_t hash)
{
    (void) context;
    for (int i = 0; i < PLANS; i++) {
        plan_hash_t known = ruleset_hash(plans[i]);
        if (memcmp(&known, &hash, sizeof hash) == 0)
            return plans[i];
    }
    return NULL;
}

// ---- operations -------------------------------------------------------------------------------

typedef struct {
    int plan; // -1: rows, -2: the stream is told anew
    const char *stream;
    bool ordinal;
    size_t count;
    feed_row_t rows[ROWS_MAX];
} operation_t;

static decimal_t number(seeded_t *seed)
{
    switch (seeded_below(seed, 12)) {
    case 0:
        return DECIMAL_NULL;
    case 1:
        return (decimal_t){ .mantissa = 1 + (int64_t) seeded_below(seed, 3), .exponent = 17 };
    case 2:
        return (decimal_t){ .mantissa = 123456789 - (int64_t) seeded_below(seed, 99),
                            .exponent = -15 };
    case 3:
        return (decimal_t){ .mantissa = 100 * (int64_t) seeded_below(seed, 30), .exponent = -3 };
    default:
        return (decimal_t){ .mantissa = (int64_t) seeded_below(seed, 12), .exponent = -1 };
    }
}

static void random_operation(seeded_t *seed, operation_t *operation, int64_t *now)
{
    static const char *const pairs[SERIES] = { "a", "b", "c", "d", SAME_TAG_ONE, SAME_TAG_OTHER };
    static const char *const identities[] = { "", "1", "2", "a-much-longer-identity", "3" };
    static const char *const streams[] = { "s", "s", "s", "t" };
    *operation = (operation_t){ .plan = -1, .stream = streams[seeded_below(seed, 4)] };
    if (seeded_below(seed, 25) == 0) {
        operation->plan = (int) seeded_below(seed, PLANS);
        return;
    }
    if (seeded_below(seed, 40) == 0) {
        operation->plan = -2;
        return;
    }
    operation->ordinal = seeded_below(seed, 4) == 0;
    operation->count = 1 + seeded_below(seed, seeded_below(seed, 3) ? 3 : ROWS_MAX);
    if (seeded_below(seed, 30) == 0)
        *now += 2000000 + (int64_t) seeded_below(seed, 5000000); // windows run empty
    for (size_t i = 0; i < operation->count; i++) {
        feed_row_t *row = &operation->rows[i];
        *now += seeded_below(seed, 3) ? 0 : (int64_t) seeded_below(seed, 120000);
        row->pair = pairs[seeded_below(seed, 2) ? 0 : seeded_below(seed, SERIES)];
        row->ts = *now;
        if (seeded_below(seed, late_one_in) == 0)
            row->ts -= (int64_t) seeded_below(seed, (uint64_t) late_by);
        row->identity = operation->ordinal ? NULL : identities[seeded_below(seed, 5)];
        row->values[0] = number(seed);
        row->values[1] = number(seed);
    }
}

static void perform(fold_t *fold, const operation_t *operation, uint64_t seq)
{
    partitions_t all = feed_everything();
    char edition[16];
    snprintf(edition, sizeof edition, "%s~7", operation->stream);
    for (unsigned p = 0; operation->plan == -2 && p < PARTITIONS; p++)
        assert_true(fold_supersede(fold, p, slice_text(edition)));
    if (operation->plan == -2)
        return;
    if (operation->plan >= 0)
        assert_true(
            fold_plan(fold, slice_text(operation->stream), &all, plans[operation->plan], seq, 0));
    else
        assert_true(feed(fold, operation->stream, seq, operation->rows, operation->count,
                         operation->ordinal));
}

// ---- what is written --------------------------------------------------------------------------

enum { PIECES_MAX = OPERATIONS };

typedef struct {
    buffer_t base;
    size_t delta_count;
    buffer_t deltas[PIECES_MAX];
} written_t; // of one partition

static written_t written[PARTITIONS];

static void forget_written(void)
{
    for (unsigned p = 0; p < PARTITIONS; p++) {
        buffer_destroy(&written[p].base);
        for (size_t i = 0; i < written[p].delta_count; i++)
            buffer_destroy(&written[p].deltas[i]);
        written[p].delta_count = 0;
    }
}

static void checkpoint(fold_t *fold, seeded_t *seed)
{
    size_t uncommitted = fold_uncommitted(fold);
    for (unsigned p = 0; p < PARTITIONS; p++) {
        slice_t delta;
        bool changed = fold_changed(fold, p);
        assert_true(fold_delta(fold, p, &delta));
        assert_int_equal(changed, delta.size > 0);
        if (!changed)
            continue;
        assert_true(uncommitted > 0);
        written_t *to = &written[p];
        assert_true(to->delta_count < PIECES_MAX);
        buffer_append(&to->deltas[to->delta_count++], delta.data, delta.size);
        fold_delta_reset(fold, p);
        assert_false(fold_changed(fold, p));
        if (seeded_below(seed, 5) == 0) { // a base in place of all before
            for (size_t i = 0; i < to->delta_count; i++)
                buffer_destroy(&to->deltas[i]);
            to->delta_count = 0;
            buffer_clear(&to->base);
            assert_true(fold_base(fold, p, &to->base));
        }
    }
    assert_int_equal(fold_uncommitted(fold), 0);
}

static void recover(fold_t *fold)
{
    for (unsigned p = 0; p < PARTITIONS; p++) {
        fault_t fault = { .text = "" };
        fold_drop(fold, p);
        fold_own(fold, p);
        bool ok = fold_load(fold, p, buffer_slice(&written[p].base), find_plan, NULL, &fault);
        for (size_t i = 0; ok && i < written[p].delta_count; i++)
            ok = fold_load(fold, p, buffer_slice(&written[p].deltas[i]), find_plan, NULL, &fault);
        assert_string_equal(fault.text, "");
        assert_true(ok);
        assert_false(fold_changed(fold, p));
    }
}

static void assert_same_state(const fold_t *a, const fold_t *b)
{
    for (unsigned p = 0; p < PARTITIONS; p++) {
        buffer_t x = { 0 }, y = { 0 };
        assert_true(fold_base(a, p, &x) && fold_base(b, p, &y));
        assert_int_equal(x.size, y.size);
        assert_memory_equal(x.data, y.data, x.size);
        buffer_destroy(&x);
        buffer_destroy(&y);
    }
}

static void assert_same_alert(const heard_t *a, const heard_t *b)
{
    assert_memory_equal(&a->id, &b->id, sizeof a->id);
    assert_memory_equal(&a->prev, &b->prev, sizeof a->prev);
    assert_memory_equal(&a->corrects, &b->corrects, sizeof a->corrects);
    assert_string_equal(a->kind, b->kind);
    assert_int_equal(a->late, b->late);
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->record, b->record);
    assert_int_equal(a->row, b->row);
    assert_int_equal(a->partition, b->partition);
    assert_int_equal(a->ts, b->ts);
    assert_string_equal(a->rule, b->rule);
    assert_string_equal(a->series, b->series);
}

static void assert_same_alerts(const ear_t *a, const ear_t *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++)
        assert_same_alert(&a->alerts[i], &b->alerts[i]);
    assert_int_equal(a->bodies.size, b->bodies.size); // evidence too, to the last digit
    assert_memory_equal(a->bodies.data, b->bodies.data, a->bodies.size);
}

// ---- runs -------------------------------------------------------------------------------------

static void open_plans(uint32_t window_rows_max)
{
    feed_rows_max = window_rows_max;
    feed_more = say_more;
    feed_incidents = true;
    for (int i = 0; i < PLANS; i++) {
        feed_lateness_us = plan_lateness[i];
        plans[i] = feed_rules(plan_rules[i], "volume / avg(volume) OVER last_1s");
    }
    feed_lateness_us = 0;
}

static void close_plans(void)
{
    for (int i = 0; i < PLANS; i++)
        ruleset_destroy(&plans[i]);
}

static size_t flaps; // that were told of, in all runs

static size_t run(uint64_t state)
{
    seeded_t seed = { .state = state };
    ear_t calm_ear = { 0 }, torn_ear = { 0 };
    fold_t *calm = fold_new(ear_hear, &calm_ear);
    fold_t *torn = fold_new(ear_hear, &torn_ear);
    fold_limit_open(calm, feed_open_max);
    fold_limit_open(torn, feed_open_max);
    for (unsigned p = 0; p < PARTITIONS; p++) {
        fold_own(calm, p);
        fold_own(torn, p);
    }
    static operation_t operations[OPERATIONS];
    size_t durable = 0, durable_alerts = 0, durable_bytes = 0;
    int64_t now = 1000000000;
    for (size_t i = 0; i < OPERATIONS; i++) {
        random_operation(&seed, &operations[i], &now);
        perform(calm, &operations[i], i);
        perform(torn, &operations[i], i);
        if (seeded_below(&seed, 6) == 0) {
            checkpoint(torn, &seed);
            assert_same_state(calm, torn);
            durable = i + 1;
            durable_alerts = torn_ear.count;
            durable_bytes = torn_ear.bodies.size;
        }
        if (seeded_below(&seed, 12) == 0) { // killed: back to the checkpoint, then replay
            recover(torn);
            torn_ear.count = durable_alerts;
            torn_ear.bodies.size = durable_bytes;
            for (size_t again = durable; again <= i; again++)
                perform(torn, &operations[again], again);
            assert_same_state(calm, torn);
        }
    }
    assert_same_alerts(&calm_ear, &torn_ear);
    size_t alerts = calm_ear.count;
    for (size_t i = 0; i < alerts; i++)
        flaps += strcmp(calm_ear.alerts[i].kind, "flapping") == 0;
    fold_destroy(&calm);
    fold_destroy(&torn);
    ear_clear(&calm_ear);
    ear_clear(&torn_ear);
    forget_written();
    return alerts;
}

static void test_recovery(void **state)
{
    (void) state;
    size_t alerts = 0;
    for (uint64_t seed = 1; seed <= 25; seed++)
        alerts += run(seed * 7919);
    assert_true(alerts > 1000 && flaps > 100); // or there was nothing to compare
}

// Series that turn coarse and exact again all the time.
static void test_recovery_of_coarse(void **state)
{
    (void) state;
    size_t alerts = 0;
    for (uint32_t window_rows_max = 4; window_rows_max <= 12; window_rows_max += 8) {
        close_plans();
        open_plans(window_rows_max);
        for (uint64_t seed = 1; seed <= 13; seed++)
            alerts += run(seed * 15485863 + window_rows_max);
    }
    close_plans();
    open_plans(EXACT_ROWS_DEFAULT);
    assert_true(alerts > 1000);
}

// Rows that stay open, in every order, under plans with other latenesses and with none.
static void test_recovery_with_lateness(void **state)
{
    (void) state;
    static const int64_t latenesses[][PLANS] = {
        { 50000, 50000, 50000, 50000, 50000 },
        { 2000000, 2000000, 2000000, 2000000, 2000000 },
        { 0, 300000, 50000, 1000000, 0 },
    };
    size_t alerts = 0;
    late_one_in = 3;
    for (size_t i = 0; i < sizeof latenesses / sizeof latenesses[0]; i++) {
        memcpy(plan_lateness, latenesses[i], sizeof plan_lateness);
        for (uint32_t window_rows_max = 4; window_rows_max <= 1000; window_rows_max *= 15) {
            close_plans();
            open_plans(window_rows_max);
            for (uint64_t seed = 1; seed <= 10; seed++) {
                late_by = seed % 2 ? 90000 : 2500000;
                alerts += run(seed * 32452843 + window_rows_max);
            }
        }
    }
    memset(plan_lateness, 0, sizeof plan_lateness);
    late_one_in = 15;
    late_by = 90000;
    close_plans();
    open_plans(EXACT_ROWS_DEFAULT);
    assert_true(alerts > 10000);
}

// Series that are full again and again, at their limit of open rows, under every plan.
static void test_recovery_when_full(void **state)
{
    (void) state;
    static const int64_t latenesses[PLANS] = { 2000000, 0, 50000, 2000000, 0 };
    size_t alerts = 0;
    feed_open_max = 16;
    late_one_in = 3;
    late_by = 2500000;
    memcpy(plan_lateness, latenesses, sizeof plan_lateness);
    for (uint32_t window_rows_max = 4; window_rows_max <= 1000; window_rows_max *= 15) {
        close_plans();
        open_plans(window_rows_max);
        for (uint64_t seed = 1; seed <= 10; seed++)
            alerts += run(seed * 49979687 + window_rows_max);
    }
    feed_open_max = OPEN_ROWS_MAX;
    memset(plan_lateness, 0, sizeof plan_lateness);
    late_one_in = 15;
    late_by = 90000;
    close_plans();
    open_plans(EXACT_ROWS_DEFAULT);
    assert_true(alerts > 3000);
}

static int by_id(const void *a, const void *b)
{
    return memcmp(((const heard_t *) a)->id.bytes, ((const heard_t *) b)->id.bytes,
                  sizeof(alert_id_t));
}

// One stream, told once: whatever becomes of the rules meanwhile, no id comes twice.
static void test_ids_once(void **state)
{
    (void) state;
    static const int64_t latenesses[][PLANS] = { { 0 }, { 0, 300000, 50000, 1000000, 0 } };
    size_t alerts = 0;
    late_one_in = 3;
    for (uint64_t n = 1; n <= 40; n++) {
        memcpy(plan_lateness, latenesses[n % 2], sizeof plan_lateness);
        close_plans();
        open_plans(n % 4 < 2 ? 4 : EXACT_ROWS_DEFAULT);
        seeded_t seed = { .state = n * 86028121 };
        ear_t ear = { 0 };
        fold_t *fold = feed_fold(&ear, "s", plans[0]);
        int64_t now = 1000000000;
        for (size_t i = 0; i < OPERATIONS; i++) {
            operation_t operation;
            random_operation(&seed, &operation, &now);
            if (seeded_below(&seed, 8) == 0)
                operation.plan = (int) seeded_below(&seed, PLANS);
            operation.stream = "s";
            if (operation.plan != -2)
                perform(fold, &operation, i);
        }
        qsort(ear.alerts, ear.count, sizeof *ear.alerts, by_id);
        for (size_t i = 1; i < ear.count; i++)
            assert_int_not_equal(by_id(&ear.alerts[i - 1], &ear.alerts[i]), 0);
        alerts += ear.count;
        fold_destroy(&fold);
        ear_clear(&ear);
    }
    memset(plan_lateness, 0, sizeof plan_lateness);
    late_one_in = 15;
    close_plans();
    open_plans(EXACT_ROWS_DEFAULT);
    assert_true(alerts > 1000);
}

// A row told apart by its ordinal is kept while it is the last one, and no longer, on either side.
static void test_ordinal_between(void **state)
{
    (void) state;
    ear_t ear = { 0 };
    fold_t *live = feed_fold(&ear, "s", plans[0]), *loaded = feed_fold(&ear, NULL, NULL);
    unsigned partition = series_partition(slice_text("candle:x:a"));
    fault_t fault;
    slice_t delta;
    for (uint64_t i = 0; i < 4; i++) { // identity, ordinal, ordinal, identity, all at one time
        feed_row_t row = { .pair = "a", .ts = 5, .identity = i == 3 ? "2" : "" };
        row.values[0] = row.values[1] = (decimal_t){ .mantissa = (int64_t) i };
        assert_true(feed(live, "s", i, &row, 1, i == 1 || i == 2));
        assert_true(fold_delta(live, partition, &delta));
        assert_true(fold_load(loaded, partition, delta, find_plan, NULL, &fault));
        fold_delta_reset(live, partition);
        buffer_t x = { 0 }, y = { 0 };
        assert_true(fold_base(live, partition, &x) && fold_base(loaded, partition, &y));
        assert_int_equal(x.size, y.size);
        assert_memory_equal(x.data, y.data, x.size);
        buffer_destroy(&x);
        buffer_destroy(&y);
    }
    fold_destroy(&live);
    fold_destroy(&loaded);
    ear_clear(&ear);
}

// A delta of many rows is about as large as the rows.
static void test_size(void **state)
{
    (void) state;
    ear_t ear = { 0 };
    fold_t *fold = feed_fold(&ear, "s", plans[0]);
    enum { MANY = 1600 };
    static feed_row_t rows[MANY];
    seeded_t seed = { .state = 5 };
    char names[100][8];
    for (int i = 0; i < MANY; i++) {
        sprintf(names[i % 100], "p%d", i % 100);
        rows[i] = (feed_row_t){ .pair = names[i % 100], .ts = 1700000000000000 + i * 1003 };
        rows[i].values[0] =
            (decimal_t){ .mantissa = (int64_t) seeded_below(&seed, 1000000), .exponent = -3 };
        rows[i].values[1] = (decimal_t){ .mantissa = 27000000, .exponent = -3 };
    }
    assert_true(feed(fold, "s", 1, rows, MANY, false));
    size_t bytes = 0;
    for (unsigned p = 0; p < PARTITIONS; p++) {
        slice_t delta;
        assert_true(fold_delta(fold, p, &delta));
        bytes += delta.size;
    }
    assert_true(bytes < 20 * MANY);
    fold_destroy(&fold);
    ear_clear(&ear);
}

// A delta does not repeat the id of a series that was written before, unless its tag could mean
// another one.
static void test_tags(void **state)
{
    (void) state;
    enum { BITS = 64 - SERIES_TAG_BITS, ROUNDS = 3 };
    static const char *const pairs[] = { SAME_TAG_ONE, SAME_TAG_OTHER };
    slice_t one = slice_text("candle:x:" SAME_TAG_ONE);
    slice_t other = slice_text("candle:x:" SAME_TAG_OTHER);
    unsigned partition = series_partition(one);
    assert_int_equal(partition, series_partition(other));
    assert_int_equal(hash_bytes(one) << BITS, hash_bytes(other) << BITS);
    ear_t ear = { 0 };
    fold_t *fold = feed_fold(&ear, "s", plans[0]);
    for (uint64_t i = 1; i <= ROUNDS; i++) { // the other comes with the last round
        slice_t delta;
        for (int n = 0; n < (i < ROUNDS ? 1 : 2); n++) {
            feed_row_t row = { .pair = pairs[n], .ts = (int64_t) i };
            assert_true(feed(fold, "s", i, &row, 1, false));
        }
        assert_true(fold_delta(fold, partition, &delta));
        assert_int_equal(memmem(delta.data, delta.size, one.data, one.size) != NULL,
                         i == 1 || i == ROUNDS);
        fold_delta_reset(fold, partition);
    }
    fold_destroy(&fold);
    ear_clear(&ear);
}

// No prefix and no single changed byte of a base may do worse than be refused, or be read as
// another state that holds together.
static void test_damage(void **state)
{
    (void) state;
    ear_t ear = { 0 };
    fold_t *fold = feed_fold(&ear, "s", plans[2]);
    seeded_t seed = { .state = 99 };
    int64_t now = 1000000;
    operation_t operation;
    for (int i = 0; i < 12; i++) {
        random_operation(&seed, &operation, &now);
        if (operation.plan < 0)
            assert_true(feed(fold, "s", (uint64_t) i, operation.rows, operation.count, false));
    }
    unsigned partition = series_partition(slice_text("candle:x:a"));
    buffer_t base = { 0 };
    assert_true(fold_base(fold, partition, &base));
    assert_true(base.size > 200);
    for (size_t i = 0; i < 2 * base.size; i++) {
        fault_t fault = { .text = "" };
        fold_drop(fold, partition);
        fold_own(fold, partition);
        size_t at = i % base.size;
        uint8_t *bytes = malloc(at + 1); // exactly as long, so that a sanitizer sees beyond
        memcpy(bytes, base.data, at + 1);
        bytes[at] ^= i < base.size ? 0 : (uint8_t) (1 + seeded_below(&seed, 255));
        bool whole = i == base.size - 1;
        bool ok = fold_load(fold, partition, slice_of(bytes, i < base.size ? at + 1 : at),
                            find_plan, NULL, &fault);
        assert_true(ok || fault.text[0] != '\0');
        assert_true(ok || !whole);
        free(bytes);
        if (ok) {
            random_operation(&seed, &operation, &now);
            if (operation.plan == -1)
                assert_true(feed(fold, "s", 1, operation.rows, operation.count, false));
        }
    }
    buffer_destroy(&base);
    fold_destroy(&fold);
    ear_clear(&ear);
}

static void test_unknown_plan(void **state)
{
    (void) state;
    ear_t ear = { 0 };
    fold_t *fold = feed_fold(&ear, "s", plans[0]);
    buffer_t base = { 0 };
    assert_true(fold_base(fold, 3, &base));
    ruleset_t *hidden = plans[0];
    plans[0] = plans[1];
    fold_t *other = fold_new(ear_hear, &ear);
    fold_own(other, 3);
    fault_t fault;
    assert_false(fold_load(other, 3, buffer_slice(&base), find_plan, NULL, &fault));
    assert_non_null(strstr(fault.text, "plan"));
    plans[0] = hidden;
    buffer_destroy(&base);
    fold_destroy(&other);
    fold_destroy(&fold);
    ear_clear(&ear);
}

// The largest arguments that the compiler accepts, their squares and products among them, can be
// written, and read by who comes after.
static void test_longest_arguments(void **state)
{
    (void) state;
#define TALL "volume * 1e299 * 1e299 * 1e299 * 1e35"
#define DEEP "volume * 1e-300 * 1e-300 * 1e-300 * 1e-36"
#define WIDE "volume * (1e299 + 1e-300) * (1e299 + 1e-300) * (1e299 + 1e-300) * 1e32 * 1e-36"
    static const feed_rule_t rules[] = {
        { "tall", "stddev(" TALL ") OVER last_1s > 0 AND max(" TALL ") OVER rows_9 > 0", 1 },
        { "deep", "stddev(" DEEP ") OVER last_1s > 0 AND max(" DEEP ") OVER rows_9 > 0", 1 },
        { "pair",
          "corr(" WIDE ", " DEEP ") OVER last_1s > regr_slope(" WIDE ", " TALL ") OVER "
          "last_1s OR sum(" WIDE ") OVER last_1s > 0",
          1 },
        { 0 },
    };
    unsigned partition = series_partition(slice_text("candle:x:a"));
    for (int coarse = 0; coarse < 2; coarse++) {
        ruleset_destroy(&plans[0]);
        feed_rows_max = coarse ? 4 : EXACT_ROWS_DEFAULT;
        plans[0] = feed_rules(rules, NULL);
        ear_t ear = { 0 };
        fold_t *live = fold_new(ear_hear, &ear);
        fold_t *loaded = fold_new(ear_hear, &ear);
        partitions_t all = feed_everything();
        fold_own(live, partition);
        fold_own(loaded, partition);
        assert_true(fold_plan(live, slice_text("s"), &all, plans[0], 1, 0));
        for (int i = 0; i < 30; i++) {
            static const decimal_t extremes[] = { { 999999999999999999, 46 },
                                                  { -999999999999999999, 46 },
                                                  { 1, -64 },
                                                  { 999999999999999999, -64 } };
            feed_row_t row = { .pair = "a", .ts = i * 10000, .values = { extremes[i % 4] } };
            assert_true(feed(live, "s", (uint64_t) i, &row, 1, false));
            slice_t delta;
            fault_t fault = { .text = "" };
            assert_true(fold_delta(live, partition, &delta));
            assert_true(fold_load(loaded, partition, delta, find_plan, NULL, &fault));
            assert_string_equal(fault.text, "");
            fold_delta_reset(live, partition);
        }
        buffer_t base = { 0 }, again = { 0 };
        fault_t fault = { .text = "" };
        assert_true(fold_base(live, partition, &base));
        fold_drop(loaded, partition);
        fold_own(loaded, partition);
        assert_true(fold_load(loaded, partition, buffer_slice(&base), find_plan, NULL, &fault));
        assert_true(fold_base(loaded, partition, &again));
        assert_int_equal(base.size, again.size);
        assert_memory_equal(base.data, again.data, base.size);
        assert_true(ear.count > 0);
        buffer_destroy(&base);
        buffer_destroy(&again);
        fold_destroy(&live);
        fold_destroy(&loaded);
        ear_clear(&ear);
    }
    ruleset_destroy(&plans[0]);
    feed_rows_max = EXACT_ROWS_DEFAULT;
    plans[0] = feed_rules(plan_rules[0], "volume / avg(volume) OVER last_1s");
}

static int open_all(void **state)
{
    (void) state;
    open_plans(EXACT_ROWS_DEFAULT);
    return 0;
}
static int close_all(void **state)
{
    (void) state;
    close_plans();
    return 0;
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recovery),
        cmocka_unit_test(test_recovery_of_coarse),
        cmocka_unit_test(test_recovery_with_lateness),
        cmocka_unit_test(test_recovery_when_full),
        cmocka_unit_test(test_ids_once),
        cmocka_unit_test(test_ordinal_between),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_unknown_plan),
        cmocka_unit_test(test_longest_arguments),
        cmocka_unit_test(test_tags),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
