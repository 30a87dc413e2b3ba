/*  Whatever bytes stand in Redis: a base or delta is refused, or it becomes a state that can go
 *  on, and that is written and read again as the same bytes.
 *
 *  The first byte picks the plan the series are under; version, stream and plan are put in front,
 *  since no fuzzer guesses a hash.
 */
#include <assert.h>
#include <stdint.h>

#include "actors/transform/journal_format.h"
#include "tests/unit/transform/feeds.h"

// Two, the same with lateness, one that recalls, and one whose windows stand still.
enum { STEPS = 4, STILL, PLANS };

static ruleset_t *plans[PLANS];
static fold_t *first, *second;
static ear_t deaf;

static ruleset_t *find(void *context, plan_hash_t hash)
{
    (void) context;
    for (int i = 0; i < PLANS; i++) {
        plan_hash_t known = ruleset_hash(plans[i]);
        if (memcmp(&known, &hash, sizeof hash) == 0)
            return plans[i];
    }
    return NULL;
}

static void hear_nothing(void *context, unsigned partition, const alert_t *alert)
{
    (void) context, (void) partition, (void) alert;
}

static void by_edge(const char *name, rule_t *rule)
{
    (void) name;
    rule->emit = RULE_EMIT_EDGE;
}

static void to_stand_still(const char *name, rule_t *rule)
{
    rule->freeze = true;
    if (strcmp(name, "twice") == 0)
        rule->resolve = slice_text("price < avg(price) OVER last_1s");
}

static void open_all(void)
{
    static const feed_rule_t few[] = { { "spike", "volume > 2 * avg(volume) OVER last_1s", 2 },
                                       { 0 } };
    static const feed_rule_t many[] = {
        { "deal", "volume * price > 2 * avg(volume * price) OVER last_3s", 2 },
        { "high", "price >= max(price) OVER rows_5 AND corr(price, volume) OVER last_1s < 2", 2 },
        { "twice", "price = lag(price, 2) OVER rows_4 OR stddev_pop(price) OVER last_3s > 5", 1 },
        { 0 }
    };
    feed_rows_max = 4;
    for (int i = 0; i < STEPS; i += 2) {
        feed_lateness_us = i * 500;
        plans[i] = feed_rules(few, NULL);
        plans[i + 1] = feed_rules(many, "volume / avg(volume) OVER last_1s");
    }
    feed_lateness_us = 500;
    feed_more = by_edge;
    plans[STEPS] = feed_rules(many, NULL);
    feed_more = to_stand_still;
    plans[STILL] = feed_rules(many, NULL);
    first = fold_new(hear_nothing, &deaf);
    second = fold_new(hear_nothing, &deaf);
}

static bool load(fold_t *fold, unsigned partition, slice_t bytes)
{
    fault_t fault = { .text = "" };
    fold_drop(fold, partition);
    fold_own(fold, partition);
    bool ok = fold_load(fold, partition, bytes, find, NULL, &fault);
    assert(ok || fault.text[0]);
    return ok;
}

static void assert_same(buffer_t *base, fold_t *fold, unsigned partition)
{
    buffer_t again = { 0 };
    assert(fold_base(fold, partition, &again));
    assert(slice_same(buffer_slice(base), buffer_slice(&again)));
    buffer_destroy(&again);
}

static void go_on(fold_t *fold, int64_t ts)
{
    feed_row_t rows[3] = { { .pair = "a", .ts = ts },
                           { .pair = "a", .ts = ts, .identity = "1" },
                           { .pair = "a", .ts = ts + 100 } };
    for (int i = 0; i < 3; i++) {
        rows[i].values[0] = (decimal_t){ .mantissa = 5 + i };
        rows[i].values[1] = (decimal_t){ .mantissa = 77, .exponent = -2 };
    }
    if (!feed(fold, "s", 1, rows, 3, false))
        abort();
    rows[2].ts = ts + 50; // comes between with lateness, has no effect without
    if (!feed(fold, "s", 2, &rows[2], 1, false))
        abort();
}

static void nothing(void *context, slice_t series, int64_t ts_us, unsigned count,
                    const alert_value_t *values)
{
    (void) context, (void) series, (void) ts_us, (void) count, (void) values;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!first)
        open_all();
    if (size < 1)
        return 0;
    unsigned partition = series_partition(slice_text("candle:x:a"));
    plan_hash_t hash = ruleset_hash(plans[data[0] % PLANS]);
    buffer_t encoded = { 0 };
    const uint8_t head[] = { JOURNAL_VERSION, SECTION_BRANCH, 1, 's', SECTION_PLAN };
    buffer_append(&encoded, head, sizeof head);
    buffer_append(&encoded, hash.bytes, sizeof hash.bytes);
    buffer_append(&encoded, data + 1, size - 1);
    fold_own(first, partition);
    fold_own(second, partition);
    if (load(first, partition, buffer_slice(&encoded))) {
        buffer_t base = { 0 };
        assert(fold_base(first, partition, &base));
        assert(load(second, partition, buffer_slice(&base)));
        assert_same(&base, second, partition);
        fold_latest(first, partition, 10, nothing, NULL);
        assert_same(&base, first, partition);
        go_on(first, 5000);
        go_on(first, (INT64_C(1) << 53) - 200);
        go_on(second, 5000);
        go_on(second, (INT64_C(1) << 53) - 200);
        slice_t delta;
        assert(fold_delta(first, partition, &delta));
        buffer_t after = { 0 };
        assert(fold_base(first, partition, &after));
        assert_same(&after, second, partition);
        assert(load(second, partition, buffer_slice(&base)));
        fault_t fault;
        assert(fold_load(second, partition, delta, find, NULL, &fault));
        assert_same(&after, second, partition);
        buffer_destroy(&after);
        buffer_destroy(&base);
    }
    fold_drop(first, partition);
    fold_drop(second, partition);
    buffer_destroy(&encoded);
    return 0;
}
