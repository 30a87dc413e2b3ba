/*  window_bench -- rows a second through the windows, and through the whole fold, on one core.
 *
 *      window_bench [--json]
 *
 *  1,000 series, 100 rows an hour each, one argument, sum and count over the last hour. Beside
 *  them, in the same process and over the same arrays, a loop that only reads the rows: nothing
 *  can be faster than that. Each figure is the median of several runs; CPU time of this thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/transform/fold.h"
#include "actors/transform/series.h"
#include "proto/wire.h"
#include "tests/bench/timing.h"

enum {
    SERIES = 1000,
    RUN = 16,
    BLOCK_ROWS = 16384,
    PASSES = 64, // rows of a series in one run of the window bench
    RUNS = 7,    // of which the median counts
    BLOCKS = 40, // of one run of the fold bench
    STEP_US = 36000000,
};

static volatile int64_t sink; // so that nothing is optimised away

// ---- rows, as they arrive ---------------------------------------------------------------------

typedef struct {
    uint32_t *series;
    int64_t *ts, *volume;
    size_t count;
} tape_t;

static tape_t tape_new(size_t run)
{
    tape_t tape = { .count = (size_t) SERIES * PASSES };
    tape.series = malloc(tape.count * sizeof *tape.series);
    tape.ts = malloc(tape.count * sizeof *tape.ts);
    tape.volume = malloc(tape.count * sizeof *tape.volume);
    if (!tape.series || !tape.ts || !tape.volume)
        abort();
    uint64_t random = 1;
    for (size_t i = 0; i < tape.count; i++) {
        size_t round = i / (SERIES * run);
        tape.series[i] = (uint32_t) (i / run % SERIES);
        tape.ts[i] = (int64_t) (round * run + i % run) * STEP_US;
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        tape.volume[i] = (int64_t) (random >> 44);
    }
    return tape;
}

static void tape_clear(tape_t *self)
{
    free(self->series);
    free(self->ts);
    free(self->volume);
}

static double read_only(const tape_t *tape)
{
    double start = cpu_s();
    int64_t sum = 0;
    for (size_t i = 0; i < tape->count; i++)
        sum += tape->ts[i] ^ (tape->volume[i] + tape->series[i]);
    sink += sum;
    return (double) tape->count / (cpu_s() - start);
}

// ---- windows ----------------------------------------------------------------------------------

static double push(const tape_t *tape, series_t **series, int64_t offset)
{
    figure_t figure;
    figure_init(&figure);
    decimal_t value = { .exponent = -3 };
    row_t row = { .values = &value, .arguments = &figure, .ordinal = true };
    moment_t moment;
    double start = cpu_s();
    for (size_t i = 0; i < tape->count; i++) {
        series_t *one = series[tape->series[i]];
        value.mantissa = tape->volume[i];
        figure_set_decimal(&figure, value);
        row.ts = offset + tape->ts[i];
        if (!series_accept(one, &row, &moment))
            abort();
        sink += (int64_t) one->windows.slots[0].sum;
    }
    double seconds = cpu_s() - start;
    figure_clear(&figure);
    return (double) tape->count / seconds;
}

static double bench_windows(size_t run, double *reading)
{
    static const char *const columns[] = { "volume" };
    const window_spec_t window = { .span_us = INT64_C(3600000000), .name = "last_1h" };
    const argument_t argument = { .column = 0 };
    const aggregate_t average = { .kind = AGGREGATE_AVG, .argument2 = -1 };
    const table_plan_t plan = { .name = "candle",
                                .column_count = 1,
                                .columns = columns,
                                .window_count = 1,
                                .windows = &window,
                                .argument_count = 1,
                                .arguments = &argument,
                                .aggregate_count = 1,
                                .aggregates = &average,
                                .keep_us = window.span_us };
    layout_t *layout = layout_new(&plan, OPEN_ROWS_MAX);
    series_t *series[SERIES];
    for (unsigned i = 0; i < SERIES; i++) {
        char id[32];
        series[i] = series_new(slice_of(id, (size_t) sprintf(id, "candle:s%u", i)), i, layout);
    }
    tape_t tape = tape_new(run);
    double rates[RUNS], readings[RUNS];
    for (int r = -2; r < RUNS; r++) { // two to fill the windows
        double rate = push(&tape, series, (int64_t) (r + 2) * PASSES * STEP_US);
        rates[r < 0 ? 0 : r] = rate;
        readings[r < 0 ? 0 : r] = read_only(&tape);
    }
    tape_clear(&tape);
    for (unsigned i = 0; i < SERIES; i++)
        series_destroy(&series[i]);
    layout_destroy(&layout);
    *reading = median(readings, RUNS);
    return median(rates, RUNS);
}

// ---- the whole fold ---------------------------------------------------------------------------

static ruleset_t *spike_rule(void)
{
    plan_t *plan = plan_new();
    buffer_t body = { 0 };
    fault_t fault;
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
    wire_array(&body, 2);
    wire_string(&body, "volume");
    wire_nil(&body);
    bool ok = plan_set(plan, PLAN_SOURCE, slice_text("feed"), buffer_slice(&body), &fault);
    buffer_clear(&body);
    rule_t rule = { .on = slice_text("candle"),
                    .when = slice_text("volume > 3 * avg(volume) OVER last_1h"),
                    .severity = slice_text("warning"),
                    .min_rows = 10,
                    .positive = true,
                    .enabled = true };
    rule_encode(&rule, &body);
    ok = ok && plan_set(plan, PLAN_RULE, slice_text("spike"), buffer_slice(&body), &fault);
    ruleset_t *rules = ok ? ruleset_new(plan, NULL, NULL) : NULL;
    if (!rules || !ruleset_table(rules, slice_text("candle")) ||
        ruleset_table(rules, slice_text("candle"))->rule_count != 1)
        abort();
    buffer_destroy(&body);
    plan_destroy(&plan);
    return rules;
}

static void make_block(rows_t *rows, uint64_t seq, buffer_t *out)
{
    static const char *const columns[] = { "volume" };
    rows_head_t head = { .seq = seq,
                         .source = slice_text("feed"),
                         .table = slice_text("candle"),
                         .column_count = 1,
                         .columns = columns,
                         .ordinal = true };
    rows_begin(rows, &head);
    for (unsigned i = 0; i < BLOCK_ROWS; i++) {
        uint64_t row = seq * BLOCK_ROWS + i, random = row * UINT64_C(0x9e3779b97f4a7c15);
        char id[32];
        decimal_t volume = { .mantissa = 1000 + (int64_t) (random >> 56), .exponent = -3 };
        int series = rows_series(
            rows, slice_of(id, (size_t) sprintf(id, "candle:s%u", (unsigned) (row % SERIES))));
        if (!rows_add(rows, series, (int64_t) (row / SERIES) * STEP_US, &volume, slice_of(NULL, 0),
                      i))
            abort();
    }
    partitions_t all;
    memset(&all, 0xff, sizeof all);
    if (!rows_encode(rows, &all, out))
        abort();
}

static double bench_fold(double *delta_bytes)
{
    fold_t *fold = fold_new(NULL, NULL);
    partitions_t all;
    memset(&all, 0xff, sizeof all);
    for (unsigned p = 0; p < PARTITIONS; p++)
        fold_own(fold, p);
    ruleset_t *plan = spike_rule();
    rows_t *rows = rows_new();
    if (!fold || !rows || !fold_plan(fold, slice_text("s"), &all, plan, 1, 0))
        abort();
    double rates[RUNS], seconds = 0, bytes = 0;
    buffer_t block = { 0 };
    uint64_t seq = 0;
    for (int r = -1; r < RUNS; r++) {
        seconds = bytes = 0;
        for (int b = 0; b < BLOCKS; b++) {
            buffer_clear(&block);
            make_block(rows, seq++, &block);
            rows_view_t view;
            fault_t fault;
            double start = cpu_s();
            if (!rows_decode(&view, buffer_slice(&block), &fault) ||
                !fold_rows(fold, slice_text("s"), &view, &all, 1))
                abort();
            for (unsigned p = 0; p < PARTITIONS; p++) {
                slice_t delta;
                if (!fold_delta(fold, p, &delta))
                    abort();
                bytes += (double) delta.size;
                fold_delta_reset(fold, p);
            }
            seconds += cpu_s() - start;
        }
        rates[r < 0 ? 0 : r] = BLOCKS * (double) BLOCK_ROWS / seconds;
    }
    *delta_bytes = bytes / BLOCKS / BLOCK_ROWS;
    if (fold_count(fold).judged < fold_count(fold).accepted / 2)
        abort(); // warming is not judging
    buffer_destroy(&block);
    rows_destroy(&rows);
    ruleset_destroy(&plan);
    fold_destroy(&fold);
    return median(rates, RUNS);
}

int main(int argc, char **argv)
{
    double reading, reading1, delta_bytes;
    double runs = bench_windows(RUN, &reading);
    double singly = bench_windows(1, &reading1);
    double whole = bench_fold(&delta_bytes);
    if (argc > 1 && strcmp(argv[1], "--json") == 0) {
        printf("{\"name\":\"window\",\"rows_per_s\":%.0f,\"rows_per_s_singly\":%.0f,"
               "\"fold_rows_per_s\":%.0f,\"delta_bytes_per_row\":%.1f,"
               "\"limit\":\"only reading the rows\",\"limit_rows_per_s\":%.0f}\n",
               runs, singly, whole, delta_bytes, reading);
        return 0;
    }
    printf("window, runs of %d     %7.1f million rows/s\n", RUN, runs * 1e-6);
    printf("window, row by row     %7.1f million rows/s\n", singly * 1e-6);
    printf("whole fold with a rule %7.1f million rows/s, %.1f bytes of delta a row\n", whole * 1e-6,
           delta_bytes);
    printf("only reading the rows  %7.1f million rows/s\n", reading * 1e-6);
    return 0;
}
