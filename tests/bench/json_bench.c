/*  json_bench -- MB and rows a second of prep, from a JSON body to the block of rows.
 *
 *      json_bench [--json]
 *
 *  Two bodies in the shape of real ones: the summaries of 9,000 markets of cryptowat.ch, and
 *  Kraken's ticker of 1,000 pairs. Beside prep, in the same process and on the same bytes,
 *  simdjson alone reads the same fields (json_limit.h). Each figure is the median of several
 *  runs; CPU time of this thread.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/prep/mapping.h"
#include "tests/bench/json_limit.h"
#include "tests/bench/timing.h"

enum { MARKETS = 9000, PAIRS_COUNT = 1000, RUNS = 9, RUN_BYTES = 64 << 20 };

// ---- bodies -------------------------------------------------------------------------------------

static uint64_t next_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static double between(uint64_t *state, double least, double most)
{
    return least + (most - least) * (double) (next_random(state) >> 11) * 0x1p-53;
}

static void put_name(buffer_t *out, unsigned number, unsigned letters, char first)
{
    for (unsigned i = 0; i < letters; i++, number /= 26)
        buffer_printf(out, "%c", first + (int) (number % 26));
}

static void write_summaries(buffer_t *out)
{
    static const char *const EXCHANGES[] = { "binance", "bitfinex", "coinbase-pro", "kraken",
                                             "okex",    "poloniex", "bittrex",      "huobi" };
    uint64_t state = 1;
    buffer_text(out, "{\"result\":{");
    for (unsigned i = 0; i < MARKETS; i++) {
        double last = between(&state, 0.0001, 4000), volume = between(&state, 0, 100000);
        buffer_printf(out, "%s\"%s:", i ? "," : "", EXCHANGES[i % 8]);
        put_name(out, i, 4, 'a');
        buffer_printf(out,
                      "usd\":{\"price\":{\"last\":%.8g,\"high\":%.8g,\"low\":%.8g,"
                      "\"change\":{\"percentage\":%.16g,\"absolute\":%.6g}},"
                      "\"volume\":%.14g,\"volumeQuote\":%.14g}",
                      last, last * 1.05, last * 0.94, between(&state, -0.1, 0.1), last * 0.01,
                      volume, volume * last);
    }
    buffer_text(out, "},\"allowance\":{\"cost\":17438106,\"remaining\":7982561894}}");
}

static void write_ticker(buffer_t *out)
{
    uint64_t state = 2;
    buffer_text(out, "{\"error\":[],\"result\":{");
    for (unsigned i = 0; i < PAIRS_COUNT; i++) {
        double p = between(&state, 0.01, 60000), v = between(&state, 1, 90000);
        buffer_printf(out, "%s\"X", i ? "," : "");
        put_name(out, i, 4, 'A');
        buffer_printf(out,
                      "ZUSD\":{\"a\":[\"%.5f\",\"1\",\"1.000\"],\"b\":[\"%.5f\",\"2\",\"2.000\"],"
                      "\"c\":[\"%.5f\",\"%.8f\"],\"v\":[\"%.8f\",\"%.8f\"],\"p\":[\"%.5f\","
                      "\"%.5f\"],\"t\":[%" PRIu64 ",%" PRIu64 "],\"l\":[\"%.5f\",\"%.5f\"],"
                      "\"h\":[\"%.5f\",\"%.5f\"],\"o\":\"%.5f\"}",
                      p + 1, p, p + 0.5, v / 1e5, v / 2, v, p, p * 0.99,
                      next_random(&state) % 40000, next_random(&state) % 90000, p * 0.9, p * 0.88,
                      p * 1.1, p * 1.2, p * 1.01);
    }
    buffer_text(out, "}}");
}

// ---- the two mappings -----------------------------------------------------------------------

#define PAIRS(array)                                                                               \
    {                                                                                              \
        .count = sizeof(array) / sizeof((array)[0]), .items = (array)                              \
    }

static setting_pair_t MARKET[] = { { .name = "exchange", .value = "~1:0" },
                                   { .name = "pair", .value = "~1:1" } };
static setting_pair_t SUMMARY[] = { { .name = "last", .value = "/price/last" },
                                    { .name = "high", .value = "/price/high" },
                                    { .name = "low", .value = "/price/low" },
                                    { .name = "volume", .value = "/volume" },
                                    { .name = "quote", .value = "/volumeQuote" } };
static setting_pair_t PAIR[] = { { .name = "exchange", .value = "=kraken" },
                                 { .name = "pair", .value = "~1" } };
static setting_pair_t TICKER[] = { { .name = "ask", .value = "/a/0" },
                                   { .name = "bid", .value = "/b/0" },
                                   { .name = "last", .value = "/c/0" },
                                   { .name = "volume", .value = "/v/1" } };

static const source_t SUMMARIES_SOURCE = { .kind = SOURCE_HTTP,
                                           .rows = "/result/*",
                                           .table = "ticker",
                                           .key = PAIRS(MARKET),
                                           .time_fetch = true,
                                           .columns = PAIRS(SUMMARY) };
static const source_t TICKER_SOURCE = { .kind = SOURCE_HTTP,
                                        .rows = "/result/*",
                                        .table = "ticker",
                                        .key = PAIRS(PAIR),
                                        .time_fetch = true,
                                        .columns = PAIRS(TICKER) };

typedef size_t limit_t(const char *body, size_t size, double *sum);

typedef struct {
    const char *name;
    const source_t *source;
    void (*write)(buffer_t *out);
    limit_t *limit;
    size_t rows;
} body_t;

static const body_t BODIES[] = {
    { "summaries", &SUMMARIES_SOURCE, write_summaries, json_limit_summaries, MARKETS },
    { "kraken", &TICKER_SOURCE, write_ticker, json_limit_ticker, PAIRS_COUNT },
};

// ---- running --------------------------------------------------------------------------------

static void die(const char *what)
{
    fprintf(stderr, "json_bench: %s\n", what);
    exit(1);
}

static void refuse(void *context, const quarantine_t *quarantine)
{
    (void) context;
    die(quarantine->reason);
}

static double sink;

static double run_limit(const body_t *body, slice_t text, size_t passes)
{
    double start = cpu_s();
    for (size_t i = 0; i < passes; i++)
        if (body->limit((const char *) text.data, text.size, &sink) != body->rows)
            die("simdjson alone did not read the body");
    return cpu_s() - start;
}

static double run_prep(mapping_t *mapping, rows_t *rows, buffer_t *block, slice_t text,
                       size_t passes, size_t expected)
{
    partitions_t all;
    memset(all.bits, 0xff, sizeof all.bits);
    double start = cpu_s();
    for (size_t i = 0; i < passes; i++) {
        rows_head_t head = { .seq = i, .recv_us = 1, .source = slice_text("bench") };
        mapping_count_t count;
        buffer_clear(block);
        if (!mapping_apply(mapping, &head, text, rows, refuse, NULL, &count) ||
            count.rows != expected || !rows_encode(rows, &all, block))
            die("prep did not map the body");
    }
    return cpu_s() - start;
}

static void measure(const body_t *body, bool json)
{
    buffer_t text = { 0 }, definition = { 0 }, block = { 0 };
    fault_t fault = { 0 };
    body->write(&text);
    size_t size = text.size, passes = RUN_BYTES / size + 1;
    uint8_t *padding = buffer_extend(&text, JSON_LIMIT_PADDING);
    if (!padding || !mapping_define(body->source, &definition))
        die("no memory");
    memset(padding, 0, JSON_LIMIT_PADDING);
    mapping_t *mapping = mapping_new(buffer_slice(&definition), &fault);
    rows_t *rows = rows_new();
    if (!mapping || !rows)
        die(mapping ? "no memory" : fault.text);
    double prep[RUNS], limit[RUNS];
    slice_t payload = slice_of(text.data, size);
    for (int i = 0; i < RUNS; i++) { // in turns, so that a noisy neighbour meets both
        limit[i] = run_limit(body, payload, passes);
        prep[i] = run_prep(mapping, rows, &block, payload, passes, body->rows);
    }
    double prep_s = median(prep, RUNS), limit_s = median(limit, RUNS);
    double mb = (double) size * (double) passes / 1e6;
    printf(json ? "%s\"%s\": {\"bytes\": %zu, \"rows\": %zu, \"prep_mb_per_s\": %.0f, "
                  "\"prep_rows_per_s\": %.0f, \"simdjson_mb_per_s\": %.0f, \"of_simdjson\": %.3f}"
                : "%s%-10s %8zu bytes, %5zu rows: prep %5.0f MB/s, %8.0f rows/s; simdjson alone "
                  "%5.0f MB/s; ratio %.3f\n",
           json && body != BODIES ? ", " : "", body->name, size, body->rows, mb / prep_s,
           (double) (body->rows * passes) / prep_s, mb / limit_s, limit_s / prep_s);
    rows_destroy(&rows);
    mapping_destroy(&mapping);
    buffer_destroy(&text);
    buffer_destroy(&definition);
    buffer_destroy(&block);
}

int main(int argc, char **argv)
{
    bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    if (json)
        printf("{");
    for (size_t i = 0; i < sizeof BODIES / sizeof BODIES[0]; i++)
        measure(&BODIES[i], json);
    if (json)
        printf("}\n");
    return sink == 0; // it cannot be: names have lengths
}
