/*  rules_bench -- what rules cost a row, by their number: `./run bench --only rules`.
 *
 *      rules_bench [--json]
 *
 *  Everything through the whole fold, on one core: 1,000 series that walk in small steps. Ratios
 *  are of medians in one run, rounds of the sides taken in turn.
 *
 *  Keys: 1,000 and 1,000,000 rules `pair = '...' AND close > C`, by edge, over 1,000 series. C lies
 *  in the range that the price walks in and around it. The price stands still, goes calmly by a
 *  hundred-thousandth a row, or is busy, seven times that: then alerts are most of the time. What
 *  alerts cost is not what rules cost, and a million rules say more than a thousand: so there is a
 *  third side, a thousand rules around whose numbers the price swings so that they say as much. In
 *  four streams of 250 series, as a plan holds PLAN_ENTRIES_MAX entries.
 *
 *  Windows: 1,000 window rules on one table, each with another condition: verdicts a second;
 *  where no two are of one family, with ten shapes, and differing in the factor alone.
 *
 *  Copies: 10,000 rules with one condition, and one rule.
 */
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/transform/fold.h"
#include "proto/wire.h"
#include "tests/bench/timing.h"

enum {
    SERIES = 1000,
    BLOCK_ROWS = 16000,
    ROUNDS = 5,         // of which the median counts
    KEY_BLOCKS = 20,    // five of each stream
    STEP_US = 36000000, // so 100 rows of a series an hour
    MANY = 1000000,
    FEW = 1000,
    COPIES = 10000,
    WIDE = 1000,     // rules of the windows
    STREAMS_MAX = 4, // that keys are in
};

static double held_bytes(void)
{
    struct mallinfo2 now = mallinfo2();
    return (double) (now.uordblks + now.hblkhd);
}

// ---- plans ------------------------------------------------------------------------------------

static void add_source(plan_t *plan)
{
    buffer_t body = { 0 };
    wire_array(&body, 13); // a source's definition as far as rules read it
    wire_u64(&body, 1);
    for (int i = 0; i < 6; i++)
        wire_nil(&body);
    wire_string(&body, "candle");
    wire_array(&body, 2);
    wire_string(&body, "pair");
    wire_nil(&body);
    for (int i = 0; i < 3; i++)
        wire_nil(&body);
    wire_array(&body, 4);
    wire_string(&body, "close");
    wire_nil(&body);
    wire_string(&body, "volume");
    wire_nil(&body);
    if (!plan_set(plan, PLAN_SOURCE, slice_text("feed"), buffer_slice(&body), NULL))
        abort();
    buffer_destroy(&body);
}

static void add_rule(plan_t *plan, unsigned index, const char *when)
{
    char name[16];
    buffer_t body = { 0 };
    rule_t rule = { .on = slice_text("candle"),
                    .when = slice_text(when),
                    .severity = slice_text("warning"),
                    .min_rows = 10,
                    .positive = true,
                    .enabled = true,
                    .emit = RULE_EMIT_DEFAULT };
    rule_encode(&rule, &body);
    sprintf(name, "r%07u", index);
    if (!plan_set(plan, PLAN_RULE, slice_text(name), buffer_slice(&body), NULL))
        abort();
    buffer_destroy(&body);
}

// ---- rows: price of series s at its n-th row, and its volume ------------------------------------

// Thousandths: between 96 and 104, back and forth by `tick`, each series elsewhere.
static int64_t price(uint64_t series, uint64_t n, unsigned tick)
{
    uint64_t at = (n * tick + series * 131) % 16000;
    return 96000 + (int64_t) (at < 8000 ? at : 16000 - at);
}

// The number of rule i of those by key, in thousandths: 50 to 150. Of a thousand rules of a series
// some 80 are where the price walks.
static unsigned step_of(unsigned i)
{
    return 50000 + (unsigned) (i * UINT64_C(0x9e3779b97f4a7c15) >> 32) % 100000;
}

// Above the number of the first rule of the series once in so many rows.
static int64_t swinging(uint64_t series, uint64_t n, unsigned period)
{
    return step_of((unsigned) series) + ((n + series) % period < (period + 1) / 2);
}

static int64_t volume(uint64_t row)
{
    return 1000 + (int64_t) (row * UINT64_C(0x9e3779b97f4a7c15) >> 56);
}

// Streams take turns; every streams-th series is one of its own.
static void make_block(rows_t *rows, uint64_t seq, unsigned streams, unsigned tick, unsigned period,
                       buffer_t *out)
{
    static const char *const columns[] = { "close", "volume" };
    rows_head_t head = { .seq = seq,
                         .source = slice_text("feed"),
                         .table = slice_text("candle"),
                         .column_count = 2,
                         .columns = columns,
                         .ordinal = true };
    rows_begin(rows, &head);
    for (unsigned i = 0; i < BLOCK_ROWS; i++) {
        uint64_t row = seq * BLOCK_ROWS + i, its = SERIES / streams;
        uint64_t n = seq / streams * (BLOCK_ROWS / its) + i / its;
        uint64_t series = i % its * streams + seq % streams;
        char id[32];
        int64_t close = period ? swinging(series, n, period) : price(series, n, tick);
        decimal_t values[2] = { { .mantissa = close, .exponent = -3 },
                                { .mantissa = volume(row), .exponent = -3 } };
        int index =
            rows_series(rows, slice_of(id, (size_t) sprintf(id, "candle:s%u", (unsigned) series)));
        if (!rows_add(rows, index, (int64_t) n * STEP_US, values, slice_of(NULL, 0), i))
            abort();
    }
    partitions_t all;
    memset(&all, 0xff, sizeof all);
    if (!rows_encode(rows, &all, out))
        abort();
}

// ---- one fold ---------------------------------------------------------------------------------

typedef struct {
    fold_t *fold;
    rows_t *rows;
    buffer_t block;
    uint64_t seq;
    unsigned streams, tick;
    unsigned period; // 0: the price walks
    double compile_s, rule_bytes;
} side_t;

static const char *const stream_names[STREAMS_MAX] = { "s0", "s1", "s2", "s3" };

static void side_open(side_t *self)
{
    *self = (side_t){ .fold = fold_new(NULL, NULL), .rows = rows_new(), .tick = 1 };
    if (!self->fold || !self->rows)
        abort();
    for (unsigned p = 0; p < PARTITIONS; p++)
        fold_own(self->fold, p);
}

// Another stream under this plan of so many rules, which is taken over.
static void side_plan(side_t *self, plan_t *plan, size_t rules)
{
    partitions_t all;
    memset(&all, 0xff, sizeof all);
    double start = cpu_s(), before = held_bytes();
    ruleset_t *set = ruleset_new(plan, NULL, NULL);
    self->compile_s += cpu_s() - start;
    self->rule_bytes += held_bytes() - before;
    if (!set || ruleset_at(set, 0)->rule_count != rules ||
        !fold_plan(self->fold, slice_text(stream_names[self->streams++]), &all, set, 1, 0))
        abort();
    ruleset_destroy(&set);
    plan_destroy(&plan);
}

static void side_close(side_t *self)
{
    fold_destroy(&self->fold);
    rows_destroy(&self->rows);
    buffer_destroy(&self->block);
}

// Seconds a row, deltas and all.
static double side_run(side_t *self, unsigned blocks)
{
    double seconds = 0;
    partitions_t all;
    memset(&all, 0xff, sizeof all);
    for (unsigned b = 0; b < blocks; b++) {
        buffer_clear(&self->block);
        slice_t stream = slice_text(stream_names[self->seq % self->streams]);
        make_block(self->rows, self->seq++, self->streams, self->tick, self->period, &self->block);
        rows_view_t view;
        fault_t fault;
        double start = cpu_s();
        if (!rows_decode(&view, buffer_slice(&self->block), &fault) ||
            !fold_rows(self->fold, stream, &view, &all, 1))
            abort();
        for (unsigned p = 0; p < PARTITIONS; p++) {
            slice_t delta;
            if (!fold_delta(self->fold, p, &delta))
                abort();
            fold_delta_reset(self->fold, p);
        }
        seconds += cpu_s() - start;
    }
    return seconds / blocks / BLOCK_ROWS;
}

// ---- keys -------------------------------------------------------------------------------------

static plan_t *keyed(unsigned count, unsigned stream)
{
    plan_t *plan = plan_new();
    add_source(plan);
    for (unsigned i = stream; i < count; i += STREAMS_MAX) {
        char when[96];
        sprintf(when, "pair = 's%u' AND close > %u.%03u", i % SERIES, step_of(i) / 1000,
                step_of(i) % 1000);
        add_rule(plan, i, when);
    }
    return plan;
}

typedef struct {
    double few_ns, many_ns, few_alerts, many_alerts; // of a row
    double equal_ns, equal_alerts;                   // of few rules that say as much as the many
} walk_t;

static double alerts_since(const side_t *side, fold_count_t before, double rows)
{
    return (double) (fold_count(side->fold).alerts - before.alerts) / rows;
}

// Both sides, in turn, while the price goes by this tick.
static walk_t walk(side_t *few, side_t *many, unsigned tick)
{
    double few_s[ROUNDS], many_s[ROUNDS], rows = (double) ROUNDS * KEY_BLOCKS * BLOCK_ROWS;
    few->tick = many->tick = tick;
    (void) side_run(few, KEY_BLOCKS); // the price jumps to where it goes on
    (void) side_run(many, KEY_BLOCKS);
    fold_count_t before = fold_count(few->fold), before_many = fold_count(many->fold);
    for (int r = 0; r < ROUNDS; r++) {
        few_s[r] = side_run(few, KEY_BLOCKS);
        many_s[r] = side_run(many, KEY_BLOCKS);
    }
    fold_count_t many_count = fold_count(many->fold);
    if (many_count.judged != (uint64_t) MANY / STREAMS_MAX * many_count.accepted)
        abort();
    walk_t walk = { .few_ns = median(few_s, ROUNDS) * 1e9,
                    .many_ns = median(many_s, ROUNDS) * 1e9,
                    .few_alerts = alerts_since(few, before, rows),
                    .many_alerts = alerts_since(many, before_many, rows) };
    walk.equal_ns = walk.few_ns;
    return walk;
}

// The few say as much as the many did.
static void swing(side_t *few, walk_t *walk)
{
    double seconds[ROUNDS];
    if (walk->many_alerts == 0)
        return;
    few->period = (unsigned) (1 / walk->many_alerts + 0.5);
    (void) side_run(few, KEY_BLOCKS);
    fold_count_t before = fold_count(few->fold);
    for (int r = 0; r < ROUNDS; r++)
        seconds[r] = side_run(few, KEY_BLOCKS);
    walk->equal_ns = median(seconds, ROUNDS) * 1e9;
    walk->equal_alerts = alerts_since(few, before, (double) ROUNDS * KEY_BLOCKS * BLOCK_ROWS);
    few->period = 0;
}

typedef struct {
    walk_t still, calm, busy;
    double compile_us, rule_bytes, state_bytes; // of one of the many rules
} keys_t;

static keys_t bench_keys(void)
{
    side_t few, many;
    side_open(&few);
    side_open(&many);
    for (unsigned i = 0; i < STREAMS_MAX; i++) {
        side_plan(&few, keyed(FEW, i), FEW / STREAMS_MAX);
        side_plan(&many, keyed(MANY, i), MANY / STREAMS_MAX);
    }
    double before = held_bytes();
    keys_t keys = { .still = walk(&few, &many, 0),
                    .calm = walk(&few, &many, 1),
                    .busy = walk(&few, &many, 7) };
    swing(&few, &keys.calm);
    swing(&few, &keys.busy);
    keys.compile_us = many.compile_s * 1e6 / MANY;
    keys.rule_bytes = many.rule_bytes / MANY;
    keys.state_bytes = (held_bytes() - before) / MANY;
    side_close(&few);
    side_close(&many);
    return keys;
}

// ---- windows and copies -----------------------------------------------------------------------

static const char *const shapes[] = {
    "volume > %u * avg(volume) OVER last_1h",
    "close > avg(close) OVER last_1h + %u",
    "sum(volume) OVER last_30m > %u * volume * 100 AND close > 0",
    "max(close) OVER last_1h - min(close) OVER last_1h > %u",
    "volume / avg(volume) OVER last_30m > %u",
    "close - avg(close) OVER last_10m > %u * stddev_samp(close) OVER last_1h",
    "count(*) OVER last_1h > %u + 1000",
    "close > %u + max(close) OVER rows_20",
    "min(volume) OVER rows_20 > %u * avg(volume) OVER last_1h",
    "sum(volume * close) OVER last_1h > %u * avg(close) OVER last_10m * volume * 100",
};

// With two numbers that both differ, so that no two are of one family.
static const char *const strangers[] = {
    "volume > %u.5 * avg(volume) OVER last_1h + 0.%03u",
    "close * 1.%2$03u > avg(close) OVER last_1h * %1$u",
    "sum(volume) OVER last_30m > %u * volume * 100 + 0.%03u",
    "max(close) OVER last_1h - 1.%2$03u * min(close) OVER last_1h > %1$u",
    "abs(volume - 100 * %u * avg(volume) OVER last_30m) < 0.%03u",
};

// Factors from 10 on: not true, as conditions mostly are, so that nothing but judging is measured.
static plan_t *windowed(const char *const *texts, size_t count)
{
    plan_t *plan = plan_new();
    add_source(plan);
    for (unsigned i = 0; i < WIDE; i++) {
        char when[160];
        snprintf(when, sizeof when, texts[i % count], 10 + i, i);
        add_rule(plan, i, when);
    }
    return plan;
}

static plan_t *copied(unsigned count)
{
    plan_t *plan = plan_new();
    add_source(plan);
    for (unsigned i = 0; i < count; i++)
        add_rule(plan, i, "volume > 3 * avg(volume) OVER last_1h");
    return plan;
}

static double row_ns(plan_t *plan, size_t rules, unsigned blocks)
{
    side_t side;
    double seconds[ROUNDS];
    side_open(&side);
    side_plan(&side, plan, rules);
    (void) side_run(&side, 7); // the windows fill
    fold_count_t before = fold_count(side.fold);
    for (int r = 0; r < ROUNDS; r++)
        seconds[r] = side_run(&side, blocks);
    fold_count_t after = fold_count(side.fold);
    if (after.warming != before.warming || after.alerts != before.alerts)
        abort(); // warming is not judging, and this is not about alerts
    side_close(&side);
    return median(seconds, ROUNDS) * 1e9;
}

static void print_walk(bool json, const char *name, const walk_t *walk)
{
    printf(json ? "\"%s\":{\"row_ns_1000\":%.0f,\"row_ns_1000000\":%.0f,\"ratio\":%.2f,"
                  "\"alerts_a_row\":[%.5f,%.5f],"
                : "%-6s  1,000 rules %6.0f ns a row, 1,000,000 rules %6.0f: ratio %.2f;"
                  " alerts a row %.5f, %.5f\n",
           name, walk->few_ns, walk->many_ns, walk->many_ns / walk->few_ns, walk->few_alerts,
           walk->many_alerts);
    printf(json ? "\"row_ns_1000_equal\":%.0f,\"ratio_equal\":%.2f,\"alerts_a_row_equal\":%.5f},"
                : "        1,000 rules %6.0f ns a row: ratio %.2f, with %.5f alerts a row\n",
           walk->equal_ns, walk->many_ns / walk->equal_ns, walk->equal_alerts);
}

int main(int argc, char **argv)
{
    bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    keys_t keys = bench_keys();
    double strange = row_ns(windowed(strangers, sizeof strangers / sizeof *strangers), WIDE, 1);
    double shaped = row_ns(windowed(shapes, sizeof shapes / sizeof *shapes), WIDE, 4);
    double alike = row_ns(windowed(shapes, 1), WIDE, 4);
    double one = row_ns(copied(1), 1, KEY_BLOCKS);
    double copies = row_ns(copied(COPIES), COPIES, KEY_BLOCKS);
    printf(json ? "{\"name\":\"rules\",\"target_ratio\":2.0,"
                : "by key (target: a ratio of at most 2)\n");
    print_walk(json, "still", &keys.still);
    print_walk(json, "calm", &keys.calm);
    print_walk(json, "busy", &keys.busy);
    printf(json ? "\"compile_us\":%.2f,\"rule_bytes\":%.0f,\"state_bytes\":%.0f,"
                : "  compiled in %.2f us a rule, %.0f bytes of it and %.0f of state\n",
           keys.compile_us, keys.rule_bytes, keys.state_bytes);
    printf(json ? "\"target_verdicts_per_s\":20000000,\"verdicts_per_s\":%.0f,"
                  "\"ten_shapes_per_s\":%.0f,\"one_shape_per_s\":%.0f,"
                : "1,000 window rules: %.0f verdicts/s (target: 20 million), with ten shapes %.0f,"
                  " with one %.0f\n",
           WIDE / strange * 1e9, WIDE / shaped * 1e9, WIDE / alike * 1e9);
    printf(json ? "\"row_ns_one\":%.0f,\"row_ns_copies\":%.0f,\"copies_ratio\":%.2f}\n"
                : "one rule %.0f ns a row, 10,000 copies %.0f: ratio %.2f (target: 1)\n",
           one, copies, copies / one);
    return 0;
}
