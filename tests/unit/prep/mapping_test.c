/*  mapping -- payloads of every format become exactly these rows, or these reasons. */
#include "tests/unit/prep/mapped.h"

static setting_pair_t BINANCE[] = { { .name = "exchange", .value = "=binance" },
                                    { .name = "pair", .value = "=BTC/USDT" } };
static setting_pair_t OPEN_VOLUME[] = { { .name = "open", .value = "/1" },
                                        { .name = "volume", .value = "/5" } };
static setting_pair_t CSV_COLUMNS[] = { { .name = "open", .value = "open" },
                                        { .name = "volume", .value = "/2" } };

static source_t candles(void)
{
    return (source_t){
        .name = "binance-1m",
        .kind = SOURCE_FILE,
        .format = FORMAT_JSON,
        .rows = "/*",
        .table = "candle",
        .key = MAPPED_PAIRS(BINANCE),
        .time_at = "/0",
        .time_unit = "ms",
        .columns = MAPPED_PAIRS(OPEN_VOLUME),
    };
}

static void maps(const source_t *source, const char *payload, const char *expected)
{
    mapped_t mapped;
    buffer_t text = { 0 };
    mapped_open(&mapped, source);
    mapped_apply(&mapped, slice_text(payload));
    for (unsigned i = 0; i < mapped.refused && i < MAPPED_REASONS_MAX; i++)
        print_message("refused %u: %s | %s\n", mapped.refused_rows[i], mapped.reasons[i],
                      mapped.snippets[i]);
    assert_string_equal(mapped_text(&mapped, &text), expected);
    assert_int_equal(mapped.count.quarantined, 0);
    buffer_destroy(&text);
    mapped_close(&mapped);
}

static void candles_become_rows(void **state)
{
    (void) state;
    source_t source = candles();
    maps(&source,
         "[[1679443260000,28166.09,28172.56,28166.02,28167.59,79.3],\n"
         " [1679443320000,\"28167.60\",0,0,0,\"1e-3\"]]",
         "candle:binance:BTC%2FUSDT 1679443260000000 28166.09 79.3 #0\n"
         "candle:binance:BTC%2FUSDT 1679443320000000 28167.6 0.001 #1\n");
}

static void csv_becomes_rows(void **state)
{
    (void) state;
    source_t source = candles();
    source.format = FORMAT_CSV;
    source.csv_header = true;
    source.csv_delimiter = ',';
    source.rows = "";
    source.time_at = "open_time";
    source.time_unit = "rfc3339";
    source.columns = (setting_pairs_t) MAPPED_PAIRS(CSV_COLUMNS);
    maps(&source,
         "\xef\xbb\xbfopen_time,open,\"vol,ume\"\r\n"
         "2023-03-01 00:00:00+00:00,23130.5,\r\n"
         "\"2023-03-01 00:01:00+00:00\",23131,0.25\r\n",
         "candle:binance:BTC%2FUSDT 1677628800000000 23130.5 null #0\n"
         "candle:binance:BTC%2FUSDT 1677628860000000 23131 0.25 #1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(candles_become_rows),
        cmocka_unit_test(csv_becomes_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
