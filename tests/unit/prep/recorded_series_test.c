/*  Real series, mapped: every row of them, from the first time to the last.
 *
 *  The recordings lie beside the project; without them the test is skipped, loudly.
 */
#include <unistd.h>

#include "tests/unit/prep/mapped.h"

#define FOLDER "../shared/data/series/"

static setting_pair_t KEY[] = { { .name = "pair", .value = "=X" } };
static setting_pair_t ARRAY[] = { { .name = "open", .value = "/1" },
                                  { .name = "close", .value = "/4" },
                                  { .name = "volume", .value = "/5" } };
static setting_pair_t TRADE[] = { { .name = "price", .value = "/4" },
                                  { .name = "amount", .value = "/5" } };
static setting_pair_t BITTREX[] = { { .name = "open", .value = "/O" },
                                    { .name = "volume", .value = "/V" } };
static setting_pair_t HEADER[] = { { .name = "open", .value = "open" },
                                   { .name = "volume", .value = "volume" } };
static setting_pair_t CELLS[] = { { .name = "price", .value = "/1" },
                                  { .name = "amount", .value = "/2" } };
static setting_pair_t WIDE[] = { { .name = "open", .value = "/3" },
                                 { .name = "volume", .value = "/7" } };
static setting_pair_t STREAM[] = { { .name = "price", .value = "/p" },
                                   { .name = "amount", .value = "/q" } };
static setting_pair_t STREAM_KEY[] = { { .name = "pair", .value = "/s" } };
static const char *TRADE_ID[] = { "/1" };

#define PAIRS(array) MAPPED_PAIRS(array)

typedef struct {
    const char *file;
    source_t source;
    uint64_t rows;
    int64_t first_us, last_us;
} series_t;

#define FILE_SOURCE .kind = SOURCE_FILE, .table = "t", .csv_delimiter = ','

static const series_t SERIES[] = {
    { "binance_BTCUSDT_1m_2023-03.json.gz",
      { FILE_SOURCE, .format = FORMAT_JSON, .rows = "/*", .key = PAIRS(KEY), .time_at = "/0",
        .time_unit = "ms", .columns = PAIRS(ARRAY) },
      66087,
      1679004900000000,
      1682974860000000 },
    { "bittrex_ADABTC_1m_2017-12.json.gz",
      { FILE_SOURCE, .format = FORMAT_JSON, .rows = "/*", .key = PAIRS(KEY), .time_at = "/T",
        .time_unit = "%Y-%m-%dT%H:%M:%S", .columns = PAIRS(BITTREX) },
      14379,
      1512032880000000,
      1512895800000000 },
    { "binance_XRPETH_trades_2019-10.json.gz",
      { FILE_SOURCE, .format = FORMAT_JSON, .rows = "/*", .key = PAIRS(KEY), .time_at = "/0",
        .time_unit = "ms", .columns = PAIRS(TRADE), .identity = TRADE_ID, .identity_count = 1 },
      12477,
      1570752011620000,
      1570965568844000 },
    { "binanceus_BTCUSDT_1m_2023-03.csv.gz",
      { FILE_SOURCE, .format = FORMAT_CSV, .csv_header = true, .key = PAIRS(KEY),
        .time_at = "open_time", .time_unit = "rfc3339", .columns = PAIRS(HEADER) },
      30240,
      1677628800000000,
      1679443140000000 },
    { "ftx_BTCPERP_1m_2022-01.csv.gz",
      { FILE_SOURCE, .format = FORMAT_CSV, .csv_header = true, .key = PAIRS(KEY),
        .time_at = "timestamp", .time_unit = "%Y-%m-%d %H:%M:%S.%f", .columns = PAIRS(HEADER) },
      45031,
      1640991660000000,
      1643693460000000 },
    { "cme_6EH4_1m_2024-01.csv.gz",
      { FILE_SOURCE, .format = FORMAT_CSV, .csv_header = true, .key = PAIRS(KEY),
        .time_at = "timestamp_utc", .time_unit = "%F %T", .columns = PAIRS(HEADER) },
      29996,
      1704150060000000,
      1706745540000000 },
    { "binance_BTCUSDT_1m_2019-09.csv.gz",
      { FILE_SOURCE, .format = FORMAT_CSV, .newest_first = true, .key = PAIRS(KEY), .time_at = "/0",
        .time_unit = "ms", .columns = PAIRS(WIDE) },
      15000,
      1567965420000000,
      1568865420000000 },
    { "nyse_SPY_tick_2013-10-07.csv.gz",
      { FILE_SOURCE, .format = FORMAT_CSV, .key = PAIRS(KEY), .time_at = "/0", .time_unit = "ms",
        .columns = PAIRS(CELLS), .identity_none = true },
      250601,
      14400464000,
      71999536000 },
    { "comex_GOLD-GCZ13_tick_2013-10-07.csv.gz",
      { FILE_SOURCE, .format = FORMAT_CSV, .key = PAIRS(KEY), .time_at = "/0", .time_unit = "ms",
        .columns = PAIRS(CELLS), .identity_none = true },
      39702,
      276000,
      86392934000 },
    { "mtgox_BTCUSD_trades_2013-12.csv.gz",
      { FILE_SOURCE, .format = FORMAT_CSV, .newest_first = true, .key = PAIRS(KEY), .time_at = "/0",
        .time_unit = "s", .columns = PAIRS(CELLS), .identity_none = true },
      20000,
      1386730207000000,
      1386868791000000 },
    { "bitstamp_BTCUSD_trades_2011-09_2012-05.csv.gz",
      { FILE_SOURCE, .format = FORMAT_CSV, .key = PAIRS(KEY), .time_at = "/0", .time_unit = "s",
        .columns = PAIRS(CELLS), .identity_none = true },
      9999,
      1315922016000000,
      1338453678000000 },
    { "binance-spot_BTCUSDT_trades_20240808.jsonl.gz",
      { FILE_SOURCE, .format = FORMAT_JSONL, .rows = "/data", .key = PAIRS(STREAM_KEY),
        .time_at = "/T", .time_unit = "ms", .columns = PAIRS(STREAM), .identity_none = true },
      9757,
      1723161255342000,
      1723161601271000 },
    { "binance-spot_ETHUSDT_trades_20240808.jsonl.gz",
      { FILE_SOURCE, .format = FORMAT_JSONL, .rows = "/data", .key = PAIRS(STREAM_KEY),
        .time_at = "/T", .time_unit = "ms", .columns = PAIRS(STREAM), .identity_none = true },
      6106,
      1723161255611000,
      1723161600982000 },
    { "nyse_SPY_tick_2013-10-07.csv.gz", // milliseconds since midnight in New York
      { FILE_SOURCE, .format = FORMAT_CSV, .key = PAIRS(KEY), .time_at = "/0", .time_unit = "ms",
        .time_from = "2013-10-07T04:00:00Z", .columns = PAIRS(CELLS), .identity_none = true },
      250601,
      1381132800464000,
      1381190399536000 },
    { "coinbase_BTCEUR_1m_2018-04-04.csv.gz", // milliseconds since midnight UTC
      { FILE_SOURCE, .format = FORMAT_CSV, .key = PAIRS(KEY), .time_at = "/0", .time_unit = "ms",
        .time_from = "2018-04-04", .columns = PAIRS(CELLS) },
      949,
      1522800000000000,
      1522860480000000 },
};

static bool load(const char *name, buffer_t *out)
{
    char path[512];
    snprintf(path, sizeof path, FOLDER "%s", name);
    FILE *file = fopen(path, "rb");
    buffer_clear(out);
    if (!file)
        return false;
    char chunk[65536];
    for (size_t size; (size = fread(chunk, 1, sizeof chunk, file)) > 0;)
        buffer_append(out, chunk, size);
    fclose(file);
    return !out->failed && out->size > 0;
}

static void every_row_is_there(void **state)
{
    (void) state;
    buffer_t payload = { 0 };
    for (size_t i = 0; i < sizeof SERIES / sizeof SERIES[0]; i++) {
        const series_t *series = &SERIES[i];
        mapped_t mapped;
        if (!load(series->file, &payload))
            fail_msg("cannot read %s", series->file);
        mapped_open(&mapped, &series->source);
        mapped_apply(&mapped, buffer_slice(&payload));
        if (mapped.count.rows != series->rows || mapped.refused)
            fail_msg("%s: %llu rows, %u refused: %s", series->file,
                     (unsigned long long) mapped.count.rows, mapped.refused, mapped.reasons[0]);
        assert_int_equal(mapped.view.run_count, 1);
        int64_t first = rows_ts(&mapped.view, 0);
        int64_t last = rows_ts(&mapped.view, mapped.view.row_count - 1);
        assert_int_equal(first, series->first_us);
        assert_int_equal(last, series->last_us);
        print_message("%-50s %7llu rows\n", series->file, (unsigned long long) mapped.count.rows);
        mapped_close(&mapped);
    }
    buffer_destroy(&payload);
}

// The untouched feed: three kinds of messages, of which one maps; the others are refused.
static void a_mixed_feed_adds_up(void **state)
{
    (void) state;
    buffer_t payload = { 0 };
    const series_t *trades = &SERIES[11];
    source_t source = trades->source;
    mapped_t mapped;
    assert_true(load("binance-spot_BTCUSDT_rawfeed_20240808.jsonl.gz", &payload));
    mapped_open(&mapped, &source);
    mapped_apply(&mapped, buffer_slice(&payload));
    // Among the others are depth updates and best prices, which have no trade time or price.
    enum { LINES = 41249 };
    assert_int_equal(mapped.count.rows, trades->rows);
    assert_int_equal(mapped.count.quarantined, LINES - trades->rows);
    assert_string_equal(mapped.reasons[0], "time: missing");
    mapped_close(&mapped);
    static setting_pair_t TRADES[] = { { .name = "/e", .value = "trade" } };
    source.only = (setting_pairs_t) PAIRS(TRADES); // what was not asked for is no refusal
    mapped_open(&mapped, &source);
    mapped_apply(&mapped, buffer_slice(&payload));
    assert_int_equal(mapped.count.rows, trades->rows);
    assert_int_equal(mapped.count.rows + mapped.count.skipped + mapped.count.quarantined, LINES);
    assert_int_equal(mapped.count.quarantined, 1); // a snapshot without "data"
    assert_string_equal(mapped.reasons[0], "no row in this line");
    mapped_close(&mapped);
    buffer_destroy(&payload);
}

int main(void)
{
    if (access(FOLDER, R_OK) != 0) {
        fprintf(stderr, "SKIPPED: no recorded series at %s\n", FOLDER);
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_there),
        cmocka_unit_test(a_mixed_feed_adds_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
