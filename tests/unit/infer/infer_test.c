/*  infer: shapes that APIs have, and what is proposed for them. */
#include "tests/unit/infer/proposed.h"

// What is proposed has these lines, and gives so many rows, none refused.
static void expect(const char *body, uint64_t rows, const char *const *lines)
{
    proposed_t proposed;
    proposed_open(&proposed, slice_text(body));
    if (proposed.result != INFER_GOOD)
        fail_msg("%s: %s", body, proposed.fault.text);
    const char *yaml = buffer_string(&proposed.yaml);
    for (; *lines; lines++)
        if (!strstr(yaml, *lines))
            fail_msg("no '%s' in\n%s", *lines, yaml);
    assert_int_equal(proposed.mapped.count.rows, rows);
    assert_int_equal(proposed.mapped.count.quarantined, 0);
    proposed_close(&proposed);
}
#define EXPECT(body, rows, ...) expect(body, rows, (const char *const[]){ __VA_ARGS__, NULL })

static void refuse(const char *body, const char *why)
{
    proposed_t proposed;
    proposed_open(&proposed, slice_text(body));
    assert_int_equal(proposed.result, INFER_NOTHING);
    if (!strstr(proposed.fault.text, why))
        fail_msg("%s: %s", body, proposed.fault.text);
    assert_int_equal(proposed.yaml.size, 0);
    proposed_close(&proposed);
}

static void candles_as_arrays(void **state)
{
    (void) state;
    EXPECT("[[1588740120000,\"9033.34\",\"31.19\",282],[1588740060000,\"9039.5\",\"7.5\",12]]", 2,
           "rows: \"/*\"\n", "order: newest_first\n", "time: { at: \"/0\", unit: \"ms\" }\n",
           "columns: { v_1: \"/1\", v_2: \"/2\", v_3: \"/3\" }\n", "required: [v_1]\n");
}

static void trades_in_an_envelope(void **state)
{
    (void) state;
    EXPECT("{\"code\":\"0\",\"data\":[{\"instId\":\"BTC-USDT\",\"px\":\"1.5\",\"sz\":\"2\","
           "\"tradeId\":\"7\",\"ts\":\"1747087163557\"},{\"instId\":\"BTC-USDT\",\"px\":\"1.5\","
           "\"sz\":\"2\",\"tradeId\":\"8\",\"ts\":\"1747087163557\"}]}",
           2, "rows: \"/data/*\"\n", "inst_id: \"/instId\" }\n",
           "time: { at: \"/ts\", unit: \"ms\" }\n", "columns: { px: \"/px\", sz: \"/sz\" }\n",
           "identity: [time, \"/tradeId\"]\n");
}

// What says nothing of it: the YAML lacks these words.
static void expect_without(const char *body, const char *words)
{
    proposed_t proposed;
    proposed_open(&proposed, slice_text(body));
    assert_int_equal(proposed.result, INFER_GOOD);
    if (strstr(buffer_string(&proposed.yaml), words))
        fail_msg("'%s' in\n%s", words, buffer_string(&proposed.yaml));
    proposed_close(&proposed);
}

// Prices and amounts tell no rows apart: two trades may have the same.
static void measures_are_no_identity(void **state)
{
    (void) state;
    static const char TRADES[] = "[{\"ts\":1747087163557,\"price\":15,\"amount\":2,\"fee\":0.5},"
                                 "{\"ts\":1747087163557,\"price\":16,\"amount\":3,\"fee\":0.25}]";
    expect_without(TRADES, "identity:");
    EXPECT(TRADES, 2, "columns: { price: \"/price\", amount: \"/amount\", fee: \"/fee\" }\n",
           "the last of them counts");
    EXPECT("[{\"ts\":1747087163557,\"level\":1,\"price\":5},"
           "{\"ts\":1747087163557,\"level\":2,\"price\":5}]",
           2, "identity: [time, \"/level\"]\n",
           "columns: { level: \"/level\", price: \"/price\" }\n", "required: [price]\n");
}

// When the next funding is due, nothing has happened yet.
static void times_to_come_are_no_events(void **state)
{
    (void) state;
    EXPECT("[{\"id\":\"x\",\"price\":1.5,\"nextFundingAt\":\"2030-10-28T19:00:00.000Z\"},"
           "{\"id\":\"y\",\"price\":2.5,\"nextFundingAt\":\"2030-10-28T19:00:00.000Z\"}]",
           2, "time: fetch");
}

static void a_map_of_markets(void **state)
{
    (void) state;
    EXPECT("{\"status\":\"0000\",\"data\":{\"BTC\":{\"last\":\"1\",\"volume_24h\":\"5\"},"
           "\"ETH\":{\"last\":\"2\",\"volume_24h\":\"6\"},"
           "\"XRP\":{\"last\":\"3\",\"volume_24h\":\"7\"}}}",
           3, "rows: \"/data/*\"\n", "entry: \"~1\" }\n", "time: fetch",
           "columns: { last: \"/last\", volume_24h: \"/volume_24h\" }\n",
           "rolling: { volume_24h: 24h }\n");
}

static void a_map_of_numbers(void **state)
{
    (void) state;
    EXPECT("{\"base\":\"EUR\",\"date\":\"2026-02-17\",\"rates\":{\"AUD\":1.6,\"BRL\":6.1,"
           "\"CAD\":1.5,\"CHF\":0.9,\"CNY\":8,\"CZK\":24,\"DKK\":7.4,\"GBP\":0.8}}",
           8, "rows: \"/rates/*\"\n", "entry: \"~1\" }\n",
           "time: { at: \"^/date\", unit: \"%Y-%m-%d\" }\n", "columns: { value: \"\" }\n");
}

static void one_object(void **state)
{
    (void) state;
    EXPECT("{\"name\":\"London\",\"dt\":1378895177,\"main\":{\"temp\":288.44,\"pressure\":1022},"
           "\"weather\":[{\"id\":804,\"main\":\"Clouds\"}]}",
           1, "name: \"/name\" }\n", "time: { at: \"/dt\", unit: \"s\" }\n",
           "columns: { temp: \"/main/temp\", pressure: \"/main/pressure\" }\n");
}

static void lines(void **state)
{
    (void) state;
    EXPECT("1723161255000 {\"T\":\"2024-08-08T23:54:15Z\",\"symbol\":\"A\",\"p\":\"1\"}\n"
           "1723161256000 {\"T\":\"2024-08-08T23:54:16Z\",\"symbol\":\"A\",\"p\":\"2\"}\n",
           2, "format: jsonl\n", "symbol: \"/symbol\" }\n",
           "time: { at: \"/T\", unit: \"rfc3339\" }\n", "columns: { p: \"/p\" }\n");
}

static void csv_with_and_without_header(void **state)
{
    (void) state;
    EXPECT("DATE;CODE;OBS VALUE\n2026-01-01;AUD;1.5\n2026-01-02;AUD;1.6\n", 2, "format: csv\n",
           "delimiter: \";\"\n", "code: \"CODE\" }\n",
           "time: { at: \"DATE\", unit: \"%Y-%m-%d\" }\n", "\"/2\" }\n");
    EXPECT("1386730207,930.5,0.25\n1386730209,931,1.5\n", 2, "header: false\n",
           "time: { at: \"/0\", unit: \"s\" }\n", "columns: { v_1: \"/1\", v_2: \"/2\" }\n");
}

static void hostile_names(void **state)
{
    (void) state;
    EXPECT("[{\"a\\\"b\\\\c\":1,\"${HOME}\":2,\"select\":3,\"\\u0001\":4,\"ts\":5,\"x/y~z\":6,"
           "\"X-Y Z\":7,\"\":8,\"time\":\"\",\"row\":9},{\"a\\\"b\\\\c\":1}]",
           2, "a_b_c: \"/a\\\"b\\\\c\"", "home: \"/$${HOME}\"", "select_value: \"/select\"",
           "x_y_z: \"/x~1y~0z\"", "x_y_z_2: \"/X-Y Z\"", "row_value: \"/row\"");
}

// What YAML does not print stands escaped, and means the same name again.
static void names_beyond_ascii(void **state)
{
    (void) state;
    EXPECT("[{\"pris\\u00e9\":1,\"c\\u0080\":2,\"b\\ufeff\":3,\"x\\ufffe\":4,\"d\\ud83d\\ude00\":5,"
           "\"l\\u2028\":6}]",
           1, "pris: \"/pris\xc3\xa9\"", "c: \"/c\\U00000080\"", "b: \"/b\\U0000feff\"",
           "x: \"/x\\U0000fffe\"", "d: \"/d\\U0001f600\"", "l: \"/l\\U00002028\"");
}

static void what_is_nothing(void **state)
{
    (void) state;
    refuse("", "empty");
    refuse(" \r\n", "empty");
    refuse("<html>502</html>", "HTML");
    refuse("{\"error\":\"Out of allowance\"}", "no rows");
    refuse("[]", "no rows");
    refuse("[\"BTC\",\"ETH\"]", "no rows");
    refuse("Service Unavailable", "neither CSV nor JSON");
    refuse("{\"a\":1", "neither CSV nor JSON");
}

// Depth, width and length beyond what is looked at are no harm.
static void what_is_large(void **state)
{
    (void) state;
    buffer_t text = { 0 };
    for (int i = 0; i < 30; i++)
        buffer_text(&text, "[");
    buffer_text(&text, "1");
    for (int i = 0; i < 30; i++)
        buffer_text(&text, "]");
    refuse(buffer_string(&text), "no rows");
    buffer_clear(&text);
    buffer_text(&text, "{");
    for (int i = 0; i < 5000; i++)
        buffer_printf(&text, "%s\"name%d\":%d", i ? "," : "", i, i);
    buffer_text(&text, "}");
    EXPECT(buffer_string(&text), 1, "columns: { name0: \"/name0\"");
    buffer_clear(&text);
    buffer_text(&text, "[");
    for (int i = 0; i < 5000; i++)
        buffer_printf(&text, "%s{\"symbol\":\"S%d\",\"last\":%d}", i ? "," : "", i, i);
    buffer_text(&text, "]");
    EXPECT(buffer_string(&text), 5000, "symbol: \"/symbol\" }\n", "columns: { last: \"/last\" }\n");
    buffer_clear(&text);
    for (int i = 0; i < 100000; i++)
        buffer_text(&text, "1 ");
    refuse(buffer_string(&text), "neither CSV nor JSON");
    buffer_destroy(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(candles_as_arrays),
        cmocka_unit_test(trades_in_an_envelope),
        cmocka_unit_test(measures_are_no_identity),
        cmocka_unit_test(times_to_come_are_no_events),
        cmocka_unit_test(a_map_of_markets),
        cmocka_unit_test(a_map_of_numbers),
        cmocka_unit_test(one_object),
        cmocka_unit_test(lines),
        cmocka_unit_test(csv_with_and_without_header),
        cmocka_unit_test(hostile_names),
        cmocka_unit_test(names_beyond_ascii),
        cmocka_unit_test(what_is_nothing),
        cmocka_unit_test(what_is_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
