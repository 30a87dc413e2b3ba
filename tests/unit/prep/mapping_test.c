/*  mapping -- payloads of every format become exactly these rows, or are refused for exactly
 *  these reasons.
 */
#include <zlib.h>

#include "tests/unit/prep/mapped.h"

typedef struct {
    const char *payload;
    const char *outcome;
} case_t;

static void map_all(const source_t *source, const case_t *cases, size_t count)
{
    mapped_t mapped;
    buffer_t text = { 0 };
    mapped_open(&mapped, source);
    for (size_t i = 0; i < count; i++) {
        mapped_apply(&mapped, slice_text(cases[i].payload));
        assert_string_equal(mapped_outcome(&mapped, &text), cases[i].outcome);
    }
    buffer_destroy(&text);
    mapped_close(&mapped);
}

#define MAP_ALL(source, cases) map_all(source, cases, sizeof(cases) / sizeof((cases)[0]))

// ---- candles: arrays, literal keys, several columns ---------------------------------------------

static setting_pair_t BINANCE[] = { { .name = "exchange", .value = "=binance" },
                                    { .name = "pair", .value = "=BTC/USDT" } };
static setting_pair_t OPEN_VOLUME[] = { { .name = "open", .value = "/1" },
                                        { .name = "volume", .value = "/5" } };
static setting_pair_t VOLUME_CHECK[] = { { .name = "volume", .value = ">= 0" } };
static const char *REQUIRED_OPEN[] = { "open" };

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
        .required_count = 1,
        .required = REQUIRED_OPEN,
        .validate = MAPPED_PAIRS(VOLUME_CHECK),
    };
}

#define CANDLE "candle:binance:BTC%2FUSDT "

static void candles_become_rows(void **state)
{
    (void) state;
    source_t source = candles();
    static const case_t CASES[] = {
        { "[[1679443260000,28166.09,1,2,3,79.3],\n [1679443320000,\"28167.60\",0,0,0,\"1e-3\"]]",
          CANDLE "1679443260000000 28166.09 79.3 #0\n" CANDLE
                 "1679443320000000 28167.6 0.001 #1\n" },
        { "[]", "" },
        // sorted by time, stable: the place in the record stays
        { "[[3,1,0,0,0,1],[1,2],[3,3],[2,4,0,0,0,null]]",
          CANDLE "1000 2 null #1\n" CANDLE "2000 4 null #3\n" CANDLE "3000 1 1 #0\n" CANDLE
                 "3000 3 null #2\n" },
        { "[[1,\"x\"],[2,null],[3],[4,true],[5,\"\"],[6,[1]],[7,1e64],[\"\",1]]",
          "! 0: column open: not a number: \"x\" | [1,\"x\"]\n"
          "! 1: column open: required, but null | [2,null]\n"
          "! 2: column open: required, but missing | [3]\n"
          "! 3: column open: not a number: true | [4,true]\n"
          "! 4: column open: not a number: \"\" | [5,\"\"]\n"
          "! 5: column open: not a number: an array | [6,[1]]\n"
          "! 6: column open: out of range: 1e64 | [7,1e64]\n"
          "! 7: time: cannot read \"\" | [\"\",1]\n" },
        { "[[null,1],[-1,1],[9007199254741,1],[1,1,1,1,1,-0.5],7,{\"0\":2,\"1\":\"8\"}]",
          CANDLE "2000 8 null #5\n"
                 "! 0: time: null | [null,1]\n"
                 "! 1: time out of range: -1 | [-1,1]\n"
                 "! 2: time out of range: 9007199254741 | [9007199254741,1]\n"
                 "! 3: column volume: -0.5 is not >= 0 | [1,1,1,1,1,-0.5]\n"
                 "! 4: time: missing | 7\n" },
        { "[[1,1.0000000000000000000001]]", CANDLE "1000 1 null #0\n" },
        { "", "! record: empty | \n" },
        { " \n ", "! record: empty |  \n \n" },
        { "<html><body>502</body></html>",
          "! record: not JSON: starts with \"<html><body>502</body></html>\" | "
          "<html><body>502</body></html>\n" },
        { "upstream connect error or disconnect/reset before headers. reset reason: overflow",
          "! record: not JSON: starts with \"upstream connect error or disconnect/reset...\" | "
          "upstream connect error or disconnect/reset before headers. reset reason: overflow\n" },
        { "[[1,2],[3,4", "! record: bad JSON at byte 11: no closing bracket at the end | "
                         "[[1,2],[3,4\n" },
        { "[[1,2]] [[3,4]]",
          "! record: bad JSON at byte 8: more text after the document | [[1,2]]\n" },
        { "{\"error\":\"Out of allowance\"}", "! 0: time: missing | \"Out of allowance\"\n" },
        { "\"maintenance\"", "! record: no row at /* | \"maintenance\"\n" },
        { "\xef\xbb\xbf[[1,2]]", CANDLE "1000 2 null #0\n" },
    };
    MAP_ALL(&source, CASES);
}

static void rounded_numbers_are_counted(void **state)
{
    (void) state;
    source_t source = candles();
    mapped_t mapped;
    mapped_open(&mapped, &source);
    mapped_apply(&mapped, slice_text("[[1,0.1234567890123456789,0,0,0,5],[2,1,0,0,0,1e-70]]"));
    assert_int_equal(mapped.count.rounded, 2);
    assert_int_equal(mapped.count.rows, 2);
    mapped_close(&mapped);
}

// ---- an envelope, keys by star, several stars ---------------------------------------------------

static setting_pair_t MARKET[] = { { .name = "exchange", .value = "~1:0" },
                                   { .name = "pair", .value = "~1:1" } };
static setting_pair_t LAST[] = { { .name = "last", .value = "/price/last" } };

static void stars_and_envelopes(void **state)
{
    (void) state;
    source_t source = {
        .kind = SOURCE_HTTP,
        .format = FORMAT_JSON,
        .rows = "/result/*",
        .table = "market",
        .key = MAPPED_PAIRS(MARKET),
        .time_at = "^/cursor/at",
        .time_unit = "s",
        .columns = MAPPED_PAIRS(LAST),
    };
    static const case_t CASES[] = {
        { "{\"result\":{\"kraken:btc\\u0075sd\":{\"price\":{\"last\":11230}},"
          "\"x:y:z\":{\"price\":null}},\"cursor\":{\"at\":1600000000.5}}",
          "market:kraken:btcusd 1600000000500000 11230 #0\n"
          "market:x:y 1600000000500000 null #1\n" },
        { "{\"cursor\":{\"at\":\"1600000000\"},\"result\":{\"kraken\":{},\"a:\":{},\":b\":{}}}",
          "! 0: key pair: \"kraken\" has no part 1 | {}\n"
          "! 1: key pair: empty | {}\n"
          "! 2: key exchange: empty | {}\n" },
        { "{\"result\":{\"a:b\":{}}}", "! 0: time: missing | {}\n" },
        { "{\"result\":{\"a:b\":{\"price\":{\"last\":1}}},\"cursor\":{\"at\":1700000301}}",
          "! 0: time: dated 301 s in the future: 1700000301 | {\"price\":{\"last\":1}}\n" },
        { "{\"result\":{\"a:b\":{\"price\":{\"last\":1}}},\"cursor\":{\"at\":1700000300}}",
          "market:a:b 1700000300000000 1 #0\n" },
        { "{\"error\":\"Exchange not found\",\"allowance\":{\"cost\":5}}",
          "! record: no row at /result/* | "
          "{\"error\":\"Exchange not found\",\"allowance\":{\"cost\":5}}\n" },
        { "{\"result\":{},\"cursor\":{}}", "" },
        { "{\"result\":null}", "! record: no row at /result/* | {\"result\":null}\n" },
        { "{\"result\":{\"a:b\":{\"price\":{\"last\":1}}},\"cursor\":{\"at\":1}",
          "! record: bad JSON at byte 56: no closing bracket at the end | "
          "{\"result\":{\"a:b\":{\"price\":{\"last\":1}}},\"cursor\":{\"at\":1}\n" },
    };
    MAP_ALL(&source, CASES);
}

static setting_pair_t TWO_STARS[] = { { .name = "symbol", .value = "~1" },
                                      { .name = "side", .value = "~2" },
                                      { .name = "flag", .value = "/f" } };
static setting_pair_t PRICE_P[] = { { .name = "price", .value = "/p" } };

static void keys_of_every_kind(void **state)
{
    (void) state;
    source_t source = {
        .kind = SOURCE_FILE,
        .format = FORMAT_JSON,
        .rows = "/*/*",
        .table = "book",
        .key = MAPPED_PAIRS(TWO_STARS),
        .time_at = "/t",
        .time_unit = "us",
        .columns = MAPPED_PAIRS(PRICE_P),
    };
    static const case_t CASES[] = {
        { "{\"A/B\":[{\"f\":1.50,\"t\":1,\"p\":1},{\"f\":\"x y\",\"t\":2,\"p\":2}],"
          "\"C\":{\"bid\":{\"f\":true,\"t\":3,\"p\":3},\"ask\":{\"f\":15e2,\"t\":4}}}",
          "book:A%2FB:0:1.50 1 1 #0\n"
          "book:A%2FB:1:x%20y 2 2 #1\n"
          "book:C:bid:true 3 3 #2\n"
          "book:C:ask:1500 4 null #3\n" },
        { "[[{\"f\":null,\"t\":1},{\"t\":1},{\"f\":{},\"t\":1},{\"f\":\"\",\"t\":1},"
          "{\"f\":1,\"f\":1,\"t\":1}]]",
          "! 0: key flag: null | {\"f\":null,\"t\":1}\n"
          "! 1: key flag: missing | {\"t\":1}\n"
          "! 2: key flag: an object | {\"f\":{},\"t\":1}\n"
          "! 3: key flag: empty | {\"f\":\"\",\"t\":1}\n"
          "! 4: key flag: given twice | {\"f\":1,\"f\":1,\"t\":1}\n" },
        { "[[{\"f\":1,\"t\":1,\"p\":1,\"p\":2}]]",
          "! 0: column price: not a number: given twice | {\"f\":1,\"t\":1,\"p\":1,\"p\":2}\n" },
    };
    MAP_ALL(&source, CASES);
}

static void a_series_id_has_a_limit(void **state)
{
    (void) state;
    source_t source = {
        .kind = SOURCE_FILE,
        .format = FORMAT_JSON,
        .rows = "/*/*",
        .table = "book",
        .key = MAPPED_PAIRS(TWO_STARS),
        .time_at = "/t",
        .time_unit = "us",
        .columns = MAPPED_PAIRS(PRICE_P),
    };
    mapped_t mapped;
    buffer_t text = { 0 };
    mapped_open(&mapped, &source);
    // "book:" + key + ":0:f" is 255 bytes with a key of 246.
    for (int size = 246; size <= 247; size++) {
        buffer_clear(&text);
        buffer_printf(&text, "{\"%0*d\":[{\"f\":\"f\",\"t\":1}]}", size, 7);
        mapped_apply(&mapped, buffer_slice(&text));
        assert_int_equal(mapped.count.rows, size == 246);
    }
    assert_string_equal(mapped.reasons[0], "key: the series id has more than 255 bytes");
    buffer_destroy(&text);
    mapped_close(&mapped);
}

// ---- the document as the row --------------------------------------------------------------------

static setting_pair_t FLAT[] = { { .name = "pair", .value = "/s" } };

static source_t flat(source_format_t format)
{
    return (source_t){
        .kind = SOURCE_HTTP,
        .format = format,
        .rows = "",
        .table = "tick",
        .key = MAPPED_PAIRS(FLAT),
        .time_fetch = true,
        .columns = MAPPED_PAIRS(PRICE_P),
    };
}

static void a_document_may_be_the_row(void **state)
{
    (void) state;
    source_t source = flat(FORMAT_JSON);
    static const case_t CASES[] = {
        { "{\"s\":\"BTC\",\"p\":\"1.25\"}", "tick:BTC 1700000000000000 1.25 #0\n" },
        { "{\"s\":\"BTC\",\"p\":null}", "tick:BTC 1700000000000000 null #0\n" },
        { "{\"s\":\"BTC\",\"error\":1}",
          "! record: no row: none of the columns is there | {\"s\":\"BTC\",\"error\":1}\n" },
        { "[1]", "! record: no row: none of the columns is there | [1]\n" },
        { "5", "! record: no row: none of the columns is there | 5\n" },
    };
    MAP_ALL(&source, CASES);
}

static void json_lines(void **state)
{
    (void) state;
    source_t source = flat(FORMAT_JSONL);
    static const case_t CASES[] = {
        { "{\"s\":\"A\",\"p\":1}\n\n  {\"s\":\"B\",\"p\":2}\r\n{\"s\":\"A\"}",
          "tick:A 1700000000000000 1 #0\ntick:A 1700000000000000 null #2\n"
          "tick:B 1700000000000000 2 #1\n" },
        // one bad line costs one line
        { "{\"s\":\"A\",\"p\":1}\n{\"s\":\"A\",\"p\n{\"s\":\"A\",\"p\":3}\n{\"s\":\"A\"",
          "tick:A 1700000000000000 1 #0\ntick:A 1700000000000000 3 #2\n"
          "! 1: bad JSON at byte 9 of the line: a string without end | {\"s\":\"A\",\"p\n"
          "! 3: bad JSON at byte 8 of the line: no closing bracket at the end | {\"s\":\"A\"\n" },
        // several documents in a line, and a time in front of one
        { "{\"s\":\"A\",\"p\":1}{\"s\":\"A\",\"p\":2} {\"s\":\"A\",\"p\":3}\n"
          "1723161254087896568 {\"s\":\"A\",\"p\":4}\n",
          "tick:A 1700000000000000 1 #0\ntick:A 1700000000000000 2 #1\n"
          "tick:A 1700000000000000 3 #2\ntick:A 1700000000000000 4 #3\n" },
        { "{\"s\":\"A\",\"p\":1} x\n{\"s\":\"A\",\"p\":2}",
          "tick:A 1700000000000000 1 #0\ntick:A 1700000000000000 2 #2\n"
          "! 1: bad JSON at byte 0 of the line: unexpected text | x\n" },
        { "7\n", "! 0: key pair: missing | 7\n" },
        { "{\"s\":\"A\",\"p\":\"\xff\"}\n{\"s\":\"A\",\"p\":2}",
          "tick:A 1700000000000000 2 #1\n"
          "! 0: bad JSON at byte 14 of the line: not UTF-8 | {\"s\":\"A\",\"p\":\"\xff\"}\n" },
        { "", "! record: empty | \n" },
        { "\n\n", "! record: empty | \n\n\n" },
        { "<html>\n<body>\n",
          "! record: not JSON: starts with \"<html>?<body>\" | <html>\n<body>\n" },
        { "\xef\xbb\xbf{\"s\":\"A\",\"p\":1}\n", "tick:A 1700000000000000 1 #0\n" },
    };
    MAP_ALL(&source, CASES);
    source.rows = "/d/*";
    static const case_t NESTED[] = {
        { "{\"d\":[{\"s\":\"A\",\"p\":1},{\"s\":\"B\",\"p\":2}]}\n{\"e\":1}\n{\"d\":[]}\n"
          "{\"d\":[{\"s\":\"A\",\"p\":3}]}\n{\"d\":[{\"s\":\"A\",\"p\":4},{]}",
          "tick:A 1700000000000000 1 #0\ntick:A 1700000000000000 3 #3\n"
          "tick:B 1700000000000000 2 #1\n"
          "! 2: no row in this line | {\"e\":1}\n"
          "! 4: bad JSON at byte 23 of the line: unexpected text | "
          "{\"d\":[{\"s\":\"A\",\"p\":4},{]}\n" },
    };
    MAP_ALL(&source, NESTED);
}

// ---- identity and order -------------------------------------------------------------------------

static const char *TRADE_ID[] = { "/id", "/x" };

static void identity_is_texts_with_their_lengths(void **state)
{
    (void) state;
    source_t source = flat(FORMAT_JSON);
    source.rows = "/*";
    source.identity = TRADE_ID;
    source.identity_count = 2;
    static const case_t CASES[] = {
        { "[{\"s\":\"A\",\"p\":1,\"id\":\"ab\",\"x\":7},{\"s\":\"A\",\"p\":1,\"id\":\"ab\"},"
          "{\"s\":\"A\",\"p\":1,\"id\":null,\"x\":\"\"},{\"s\":\"A\",\"p\":1,\"x\":1e1},"
          "{\"s\":\"A\",\"id\":[],\"p\":1}]",
          "tick:A 1700000000000000 1 0261620137 #0\n"
          "tick:A 1700000000000000 1 026162ff #1\n"
          "tick:A 1700000000000000 1 ff00 #2\n"
          "tick:A 1700000000000000 1 ff023130 #3\n"
          "! 4: identity: an array | {\"s\":\"A\",\"id\":[],\"p\":1}\n" },
    };
    MAP_ALL(&source, CASES);
    mapped_t mapped;
    buffer_t text = { 0 };
    mapped_open(&mapped, &source);
    for (int size = IDENTITY_BYTES_MAX - 2; size < IDENTITY_BYTES_MAX; size++) {
        buffer_clear(&text);
        buffer_printf(&text, "[{\"s\":\"A\",\"p\":1,\"id\":\"%0*d\"}]", size, 1);
        mapped_apply(&mapped, buffer_slice(&text));
        assert_int_equal(mapped.count.rows, size == IDENTITY_BYTES_MAX - 2);
    }
    buffer_destroy(&text);
    mapped_close(&mapped);
}

static void newest_first_is_turned_round_before_sorting(void **state)
{
    (void) state;
    source_t source = candles();
    source.newest_first = true;
    static const case_t CASES[] = {
        { "[[3,31],[3,30],[\"x\",1],[2,20],[1,11],[1,10]]",
          CANDLE "1000 10 null #5\n" CANDLE "1000 11 null #4\n" CANDLE "2000 20 null #3\n" CANDLE
                 "3000 30 null #1\n" CANDLE "3000 31 null #0\n"
                 "! 2: time: cannot read \"x\" | [\"x\",1]\n" },
    };
    MAP_ALL(&source, CASES);
}

static void ordinal_is_told_to_the_block(void **state)
{
    (void) state;
    source_t source = candles();
    mapped_t mapped;
    for (int none = 0; none < 2; none++) {
        source.identity_none = none;
        mapped_open(&mapped, &source);
        mapped_apply(&mapped, slice_text("[[1,1]]"));
        assert_int_equal(mapped.view.ordinal, none);
        assert_true(slice_is(mapped.view.table, "candle"));
        assert_int_equal(mapped.view.column_count, 2);
        assert_true(slice_is(mapped.view.columns[1].name, "volume"));
        const char *const *names;
        assert_int_equal(mapping_columns(mapped.mapping, &names), 2);
        assert_string_equal(names[0], "open");
        assert_string_equal(mapping_table(mapped.mapping), "candle");
        mapped_close(&mapped);
    }
}

// ---- csv ----------------------------------------------------------------------------------------

static setting_pair_t CSV_COLUMNS[] = { { .name = "open", .value = "open" },
                                        { .name = "volume", .value = "/2" } };

static void csv_with_header(void **state)
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
    static const case_t CASES[] = {
        { "\xef\xbb\xbfopen_time,open,\"vol,ume\"\r\n"
          "2023-03-01 00:00:00+00:00,23130.5,\r\n"
          "\"2023-03-01 00:01:00+00:00\",\"23131\",0.25\r\n",
          CANDLE "1677628800000000 23130.5 null #0\n" CANDLE "1677628860000000 23131 0.25 #1\n" },
        { "open,x,y,open_time\n1,2\n1,2,3,2023-03-01T00:00:00Z,5\n1,2,3,2023-03-01T00:00:00Z\n"
          "1,2,3\"3,2023-03-01T00:00:00Z\n,2,3,2023-03-01T00:00:00Z\n1,2,3,\n1,2,NaN,2023-03-01T00:"
          "00:00Z\n",
          CANDLE "1677628800000000 1 3 #2\n"
                 "! 0: 2 cells, but the header has 4 | 1,2\n"
                 "! 1: 5 cells, but the header has 4 | 1,2,3,2023-03-01T00:00:00Z,5\n"
                 "! 3: a quote in the wrong place | 1,2,3\"3,2023-03-01T00:00:00Z\n"
                 "! 4: column open: required, but null | ,2,3,2023-03-01T00:00:00Z\n"
                 "! 5: time: null | 1,2,3,\n"
                 "! 6: column volume: not a number: \"NaN\" | 1,2,NaN,2023-03-01T00:00:00Z\n" },
        { "open_time,close,v\n2023-03-01T00:00:00Z,1,1\n",
          "! record: the header has no \"open\" | open_time,close,v\n" },
        { "open_time,open,v,open\n2023-03-01T00:00:00Z,1,1,1\n",
          "! record: the header has \"open\" twice | open_time,open,v,open\n" },
        { "open_time,open,v\n", "" },
        { "", "! record: empty | \n" },
        { "<html>\n<body>", "! record: the header has no \"open_time\" | <html>\n" },
        { "a\"b\n", "! record: bad header: a quote in the wrong place | a\"b\n" },
    };
    MAP_ALL(&source, CASES);
}

static setting_pair_t CSV_BY_INDEX[] = { { .name = "price", .value = "/1" },
                                         { .name = "size", .value = "/2" } };
static setting_pair_t CSV_KEY[] = { { .name = "venue", .value = "/3" } };

static void csv_without_header(void **state)
{
    (void) state;
    source_t source = {
        .kind = SOURCE_FILE,
        .format = FORMAT_CSV,
        .csv_delimiter = ';',
        .table = "trade",
        .key = MAPPED_PAIRS(CSV_KEY),
        .time_at = "/0",
        .time_unit = "s",
        .columns = MAPPED_PAIRS(CSV_BY_INDEX),
        .identity_none = true,
    };
    static const case_t CASES[] = {
        { "5;887.000000000000;0.5;gox\n4;1;;\"g\"\"x\"\n3;1;2;\n2;1\n",
          "trade:g%22x 4000000 1 null #1\ntrade:gox 5000000 887 0.5 #0\n"
          "! 2: key venue: null | 3;1;2;\n! 3: key venue: missing | 2;1\n" },
        { "5;887;1;k\xf6ln\n", "! 0: key venue: \"k?ln\" is not UTF-8 | 5;887;1;k\xf6ln\n" },
        { "\n\n", "! record: empty | \n\n\n" },
    };
    MAP_ALL(&source, CASES);
}

// ---- gzip ---------------------------------------------------------------------------------------

static void pack(buffer_t *out, const char *text, size_t size)
{
    z_stream stream = { .next_in = (Bytef *) (uintptr_t) text, .avail_in = (uInt) size };
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY), Z_OK);
    size_t bound = deflateBound(&stream, size);
    stream.next_out = buffer_extend(out, bound);
    stream.avail_out = (uInt) bound;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out->size -= stream.avail_out;
    deflateEnd(&stream);
}

static void gzip_is_inflated_within_limits(void **state)
{
    (void) state;
    source_t source = candles();
    mapped_t mapped;
    buffer_t packed = { 0 }, text = { 0 };
    mapped_open(&mapped, &source);
    pack(&packed, "[[1,2],", 7);
    pack(&packed, "[2,3]]", 6); // a second member goes on
    mapped_apply(&mapped, buffer_slice(&packed));
    assert_string_equal(mapped_outcome(&mapped, &text),
                        CANDLE "1000 2 null #0\n" CANDLE "2000 3 null #1\n");

    for (size_t size = 2; size < packed.size; size++) {
        mapped_apply(&mapped, slice_of(packed.data, size));
        assert_int_equal(mapped.count.rows, 0);
        assert_int_equal(mapped.count.quarantined, 1);
    }
    buffer_text(&packed, "garbage");
    mapped_apply(&mapped, buffer_slice(&packed));
    assert_string_equal(mapped_outcome(&mapped, &text), "! record: damaged gzip | \n");

    static char zeros[64 << 20];
    buffer_clear(&packed);
    pack(&packed, zeros, sizeof zeros);
    mapped_apply(&mapped, buffer_slice(&packed));
    assert_string_equal(mapped_outcome(&mapped, &text),
                        "! record: gzip of more than 200 times its size or 256 MB | \n");
    buffer_destroy(&packed);
    buffer_destroy(&text);
    mapped_close(&mapped);
}

// ---- many rows ----------------------------------------------------------------------------------

static void a_block_has_a_limit(void **state)
{
    (void) state;
    source_t source = candles();
    source.format = FORMAT_CSV;
    source.csv_delimiter = ',';
    source.rows = "";
    mapped_t mapped;
    buffer_t text = { 0 };
    mapped_open(&mapped, &source);
    for (int i = 0; i < ROWS_PER_BLOCK_MAX + 3; i++)
        buffer_text(&text, i == 5 ? "x,1\n" : "1,1\n");
    mapped_apply(&mapped, buffer_slice(&text));
    assert_int_equal(mapped.count.rows, ROWS_PER_BLOCK_MAX - 1);
    assert_int_equal(mapped.count.quarantined, 2);
    assert_int_equal(mapped.refused_rows[0], 5);
    assert_int_equal(mapped.refused_rows[1], UINT32_MAX);
    assert_non_null(strstr(mapped.reasons[1], "rows: the rest is not read"));
    buffer_destroy(&text);
    mapped_close(&mapped);
}

// A row of two bytes becomes one of hundreds: what a frame cannot carry is refused, not sent.
static void a_block_has_a_limit_in_bytes(void **state)
{
    (void) state;
    enum { COLUMNS = 60, ROWS = 300000 };
    static char names[COLUMNS][16];
    static setting_pair_t columns[COLUMNS];
    for (int i = 0; i < COLUMNS; i++) {
        snprintf(names[i], sizeof names[i], "c%d", i);
        columns[i] = (setting_pair_t){ .name = names[i], .value = "/1" };
    }
    source_t source = candles();
    source.columns = (setting_pairs_t) MAPPED_PAIRS(columns);
    source.required_count = 0;
    source.validate = (setting_pairs_t){ 0 };
    buffer_t text = { 0 };
    for (int i = 0; i < ROWS; i++)
        buffer_text(&text, i == 0 ? "[[1,1]" : ",[1,1]");
    buffer_text(&text, "]");
    uint64_t rows = 0;
    for (int turn = 0; turn < 2; turn++) {
        source.newest_first = turn == 1; // the same line, though rows are added later
        mapped_t mapped;
        mapped_open(&mapped, &source);
        mapped_apply(&mapped, buffer_slice(&text));
        assert_true(mapped.block.size <= ROWS_BYTES_MAX && mapped.block.size > 100 << 20);
        assert_int_equal(mapped.refused, 1);
        assert_int_equal(mapped.refused_rows[0], UINT32_MAX);
        char reason[MAPPING_REASON_MAX];
        snprintf(reason, sizeof reason,
                 "rows of more than 126 MB: the rest is not read, from row %d",
                 (int) mapped.count.rows);
        assert_string_equal(mapped.reasons[0], reason);
        assert_true(rows == 0 || rows == mapped.count.rows);
        rows = mapped.count.rows;
        mapped_close(&mapped);
    }
    buffer_destroy(&text);
}

// The last time a block holds is good, and nothing but a lack of memory ends in false.
static void the_edges_of_time_fit_a_block(void **state)
{
    (void) state;
    source_t source = candles();
    source.time_unit = "us";
    static const case_t CASES[] = {
        { "[[9007199254740991,1],[0,2],[9007199254740992,3]]",
          CANDLE "0 2 null #1\n" CANDLE "9007199254740991 1 null #0\n"
                 "! 2: time out of range: 9007199254740992 | [9007199254740992,3]\n" },
    };
    MAP_ALL(&source, CASES);
    source = flat(FORMAT_JSON);
    mapped_t mapped;
    mapped_open(&mapped, &source);
    static const int64_t RECEIVED[] = { INT64_MIN,        -1,       0, 9007199254740991,
                                        9007199254740992, INT64_MAX };
    for (size_t i = 0; i < sizeof RECEIVED / sizeof RECEIVED[0]; i++) {
        rows_head_t head = { .recv_us = RECEIVED[i] };
        mapping_count_t count;
        assert_true(mapping_apply(mapped.mapping, &head, slice_text("{\"s\":\"A\",\"p\":1}"),
                                  mapped.rows, mapped_refused, &mapped, &count));
        assert_int_equal(count.rows, i == 2 || i == 3);
        assert_int_equal(count.quarantined, !(i == 2 || i == 3));
    }
    mapped_close(&mapped);
}

// A mapping is used for record after record; none may leave a trace in the next.
static void records_do_not_meet(void **state)
{
    (void) state;
    source_t source = flat(FORMAT_JSONL);
    mapped_t mapped;
    buffer_t text = { 0 }, payload = { 0 };
    mapped_open(&mapped, &source);
    for (int round = 0; round < 200; round++) {
        buffer_clear(&payload);
        int lines = round * 37 % 3000;
        for (int i = 0; i < lines; i++)
            buffer_printf(&payload, "{\"s\":\"S%d\",\"p\":%d}\n", i % (round + 1), i);
        buffer_text(&payload, "{\"s\":\"A\",\"p\":1}{\n");
        mapped_apply(&mapped, buffer_slice(&payload));
        assert_int_equal(mapped.count.rows, lines + 1);
        assert_int_equal(mapped.count.quarantined, 1);
        assert_int_equal(mapped.view.run_count, 1 + (lines < round + 1 ? lines : round + 1));
    }
    buffer_destroy(&payload);
    buffer_destroy(&text);
    mapped_close(&mapped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(candles_become_rows),
        cmocka_unit_test(rounded_numbers_are_counted),
        cmocka_unit_test(stars_and_envelopes),
        cmocka_unit_test(keys_of_every_kind),
        cmocka_unit_test(a_series_id_has_a_limit),
        cmocka_unit_test(a_document_may_be_the_row),
        cmocka_unit_test(json_lines),
        cmocka_unit_test(identity_is_texts_with_their_lengths),
        cmocka_unit_test(newest_first_is_turned_round_before_sorting),
        cmocka_unit_test(ordinal_is_told_to_the_block),
        cmocka_unit_test(csv_with_header),
        cmocka_unit_test(csv_without_header),
        cmocka_unit_test(gzip_is_inflated_within_limits),
        cmocka_unit_test(a_block_has_a_limit),
        cmocka_unit_test(a_block_has_a_limit_in_bytes),
        cmocka_unit_test(the_edges_of_time_fit_a_block),
        cmocka_unit_test(records_do_not_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
