/*  alert: ids, the map of the socket, its stamp, its JSON; held to the schema and golden bytes. */
#include "tests/unit/proto/checked.h"

#include "proto/alert.h"
#include "proto/json.h"
#include "proto/metric.h"
#include "proto/owned.h"
#include "proto/wire.h"
#include "tests/unit/proto/golden.h"

static const alert_value_t columns[] = {
    { "close", "27123.45" },
    { "volume", "1500" },
    { "tiny", "0.000000000000000000000000000000000000001" },
    { "large", "9007199254740993" }, // 2^53 + 1: a float in msgpack, exact in JSON
    { "long", "12345678901234567890.5" },
    { "missing", NULL },
};
static const alert_evidence_t evidence[] = {
    { "avg(volume)", "last_1h", 59, "29500", "500", "500", true },
    { "max(close)", "rows_20", 20, NULL, NULL, "0.3333333333333333333", false },
};

static alert_t sample(void)
{
    return (alert_t){ .id = { { 0xde, 0xad, 0xbe, 0xef, [15] = 1 } },
                      .kind = "alert",
                      .seq = 3,
                      .rule = slice_text("volume-spike"),
                      .severity = slice_text("warning"),
                      .series = slice_text("candle:kraken:XBT%2FUSD"),
                      .when = slice_text("volume > 3 * avg(volume) OVER last_1h"),
                      .key_count = 2,
                      .key_names = { "exchange", "pair" },
                      .key_values = { slice_text("kraken"), slice_text("XBT/USD") },
                      .ts_us = 1700000000000000,
                      .column_count = sizeof columns / sizeof columns[0],
                      .columns = columns,
                      .evidence_count = 2,
                      .evidence = evidence,
                      .threshold = "1499.5",
                      .ratio = NULL,
                      .stream = slice_text("main"),
                      .record_seq = 77,
                      .row = 2,
                      .recv_us = 1700000000100000,
                      .staged_us = 1700000000100100,
                      .prep_us = 1700000000100200,
                      .fired_us = 1700000000100300 };
}

static void an_id_is_what_d1_says(void **state)
{
    (void) state;
    // Computed once with Python's hashlib over the length-prefixed (u32 little-endian) fields.
    uint8_t hash[32];
    for (int i = 0; i < 32; i++)
        hash[i] = (uint8_t) i;
    alert_id_t id = alert_id_of(slice_text("volume-spike"), hash, slice_text("candle:a:b"),
                                1700000000000000, slice_text("42"));
    char text[ALERT_ID_TEXT];
    alert_id_print(id, text);
    assert_string_equal(text, "5455f89dc411a360fc8fd2455169ef69");
    alert_id_t again;
    assert_true(alert_id_parse(&again, slice_text(text)));
    assert_memory_equal(&again, &id, sizeof id);
    assert_false(alert_id_parse(&again, slice_of(text, 31)));
    text[3] = 'G';
    assert_false(alert_id_parse(&again, slice_text(text)));
    // A byte that moves from one field to the next gives another id.
    alert_id_t moved = alert_id_of(slice_text("volume-spikec"), hash, slice_text("andle:a:b"),
                                   1700000000000000, slice_text("42"));
    assert_memory_not_equal(&moved, &id, sizeof id);
}

static void the_map_keeps_its_bytes(void **state)
{
    (void) state;
    const alert_t alert = sample();
    owned(buffer_destroy) buffer_t out = { 0 }, json = { 0 };
    alert_encode(&alert, &out);
    golden_same("alert-v1.msgpack", buffer_slice(&out));
    assert_true(json_from_wire(&json, buffer_slice(&out)));
    assert_non_null(strstr(buffer_string(&json), "\"prev\":null"));
    assert_non_null(strstr(buffer_string(&json), "\"volume\":1500,"));
    assert_non_null(strstr(buffer_string(&json), "\"large\":9007199254740992,"));
    assert_non_null(strstr(buffer_string(&json), "\"missing\":null"));
}

// The keys of an encoded map, joined by spaces.
static void list_keys(slice_t map, buffer_t *keys)
{
    wire_reader_t in = wire_reader(map);
    uint32_t count;
    assert_true(wire_read_map(&in, &count));
    for (uint32_t i = 0; i < count; i++) {
        slice_t key;
        assert_true(wire_read_text(&in, &key, 100) && wire_skip(&in, NULL));
        buffer_append(keys, key.data, key.size);
        buffer_text(keys, " ");
    }
    assert_true(wire_done(&in));
}

// What schema.def says of a shape, the same way; empty for another shape.
static void list_parts(const char *wanted, buffer_t *keys)
{
    bool here = false;
#define SHAPE(name, kind, place, sentence) here = strcmp(#name, wanted) == 0;
#define PART(name, type, unit, sentence) buffer_text(keys, here ? #name " " : "");
#include "proto/schema.def"
}

static void maps_are_as_the_schema_says(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t alert_map = { 0 }, metric = { 0 }, hugz = { 0 };
    const alert_t alert = sample();
    alert_encode(&alert, &alert_map);
    metric_encode(alert.series, alert.ts_us, 2, columns, &metric);
    hugz_encode(1700000000000000, &hugz);
    const buffer_t *maps[] = { &alert_map, &metric, &hugz };
    const char *shapes[] = { "alert", "metric", "hugz" };
    for (int i = 0; i < 3; i++) {
        owned(buffer_destroy) buffer_t keys = { 0 }, parts = { 0 };
        list_keys(buffer_slice(maps[i]), &keys);
        list_parts(shapes[i], &parts);
        assert_string_equal(buffer_string(&keys), buffer_string(&parts));
    }
    golden_same("metric-v1.msgpack", buffer_slice(&metric));
    golden_same("hugz-v1.msgpack", buffer_slice(&hugz));
}

static void is_stamped_in_place(void **state)
{
    (void) state;
    const alert_t alert = sample();
    owned(buffer_destroy) buffer_t out = { 0 }, json = { 0 };
    alert_encode(&alert, &out);
    size_t size = out.size;
    assert_true(alert_stamp(out.data, out.size, 1700000000123456));
    assert_int_equal(out.size, size);
    assert_true(json_from_wire(&json, buffer_slice(&out)));
    assert_non_null(strstr(buffer_string(&json), ",\"at\":1700000000123456}"));
    assert_true(alert_stamp(out.data, out.size, 5)); // again
    assert_false(alert_stamp(out.data, out.size - 1, 5));
    assert_false(alert_stamp(out.data, 3, 5));
    assert_false(alert_stamp(out.data + 1, out.size - 1, 5));
}

// What only some alerts say stands in the map and in the back-test, and the map is still stamped.
static void what_was_held_back_is_said(void **state)
{
    (void) state;
    alert_t alert = sample();
    alert.suppressed = 12;
    alert.late = true;
    owned(buffer_destroy) buffer_t out = { 0 }, json = { 0 }, line = { 0 };
    alert_encode(&alert, &out);
    assert_true(alert_stamp(out.data, out.size, 1700000000123456));
    assert_true(json_from_wire(&json, buffer_slice(&out)));
    assert_non_null(strstr(buffer_string(&json), "\"late\":true,\"suppressed\":12,"));
    assert_non_null(strstr(buffer_string(&json), ",\"at\":1700000000123456}"));
    alert_backtest_json(&alert, &line);
    assert_non_null(strstr(buffer_string(&line), "\"late\":true,\"suppressed\":12,"));
}

// What tells of an incident names its first row and the entry that said it fires.
static void an_incident_has_a_beginning(void **state)
{
    (void) state;
    alert_t alert = sample();
    alert.kind = "resolved";
    alert.incident = true;
    alert.since_us = 1699999999000000;
    alert.opened = (alert_id_t){ { 0xab } };
    alert.corrects = (alert_id_t){ { 0xcd } };
    owned(buffer_destroy) buffer_t out = { 0 }, json = { 0 };
    alert_encode(&alert, &out);
    assert_true(alert_stamp(out.data, out.size, 1700000000123456));
    assert_true(json_from_wire(&json, buffer_slice(&out)));
    assert_non_null(strstr(buffer_string(&json), "\"kind\":\"resolved\","));
    assert_non_null(strstr(buffer_string(&json),
                           "\"corrects\":\"cd000000000000000000000000000000\","
                           "\"since\":1699999999000000,"
                           "\"opened\":\"ab000000000000000000000000000000\","));
    alert_id_t firing = alert_id_about(alert.id, "firing"),
               still = alert_id_about(alert.id, "still");
    assert_memory_not_equal(&firing, &still, sizeof firing);
}

// A back-test names what is no alert, and the silence that has an end.
static void a_back_test_prints_silences(void **state)
{
    (void) state;
    alert_t alert = sample();
    assert_false(alert_is_of_silence(&alert));
    alert.kind = "data";
    assert_true(alert_is_of_silence(&alert));
    alert.incident = true;
    alert.since_us = 1699999999000000;
    alert.opened = (alert_id_t){ { 0xab } };
    owned(buffer_destroy) buffer_t line = { 0 };
    alert_backtest_json(&alert, &line);
    assert_non_null(strstr(buffer_string(&line), "\"kind\":\"data\","
                                                 "\"opened\":\"ab000000000000000000000000000000\","
                                                 "\"since\":1699999999000000,\"rule\":"));
}

// One that comes and goes says how often.
static void a_flap_says_how_often(void **state)
{
    (void) state;
    alert_t alert = sample();
    alert.kind = "flapping";
    alert.incident = true;
    alert.since_us = 1699999999000000;
    alert.changes = 6;
    owned(buffer_destroy) buffer_t out = { 0 }, json = { 0 };
    alert_encode(&alert, &out);
    assert_true(alert_stamp(out.data, out.size, 1700000000123456));
    assert_true(json_from_wire(&json, buffer_slice(&out)));
    assert_non_null(strstr(buffer_string(&json), "\"kind\":\"flapping\","));
    assert_non_null(
        strstr(buffer_string(&json), "\"since\":1699999999000000,\"changes\":6,\"rule\":"));
}

// One of windows that stand still says since when, also where most else is said.
static void windows_that_stand_still_are_named(void **state)
{
    (void) state;
    alert_t alert = sample();
    alert.kind = "resolved";
    alert.incident = true;
    alert.since_us = 1699999999000000;
    alert.opened.bytes[0] = alert.corrects.bytes[0] = 0xab;
    alert.frozen = true;
    alert.frozen_us = 1699999998000000;
    owned(buffer_destroy) buffer_t out = { 0 }, json = { 0 }, line = { 0 };
    alert_encode(&alert, &out);
    assert_true(alert_stamp(out.data, out.size, 1700000000123456));
    assert_true(json_from_wire(&json, buffer_slice(&out)));
    assert_non_null(strstr(buffer_string(&json), ",\"frozen\":1699999998000000,\"rule\":"));
    alert_backtest_json(&alert, &line);
    assert_non_null(strstr(buffer_string(&line), ",\"frozen\":1699999998000000,\"rule\":"));
}

static void topics_end_in_a_slash(void **state)
{
    (void) state;
    const alert_t alert = sample();
    owned(buffer_destroy) buffer_t out = { 0 };
    alert_topic(&alert, &out);
    assert_string_equal(buffer_string(&out), "alert/volume-spike/candle:kraken:XBT%2FUSD/");
    buffer_clear(&out);
    metric_topic(alert.series, &out);
    assert_string_equal(buffer_string(&out), "metric/candle:kraken:XBT%2FUSD/");
}

static void a_back_test_prints_exact_decimals(void **state)
{
    (void) state;
    const alert_t alert = sample();
    owned(buffer_destroy) buffer_t out = { 0 };
    alert_backtest_json(&alert, &out);
    assert_string_equal(
        buffer_string(&out),
        "{\"id\":\"deadbeef000000000000000000000001\",\"rule\":\"volume-spike\","
        "\"series\":\"candle:kraken:XBT%2FUSD\",\"ts\":1700000000000000,\"severity\":\"warning\","
        "\"columns\":{\"close\":27123.45,\"volume\":1500,"
        "\"tiny\":0.000000000000000000000000000000000000001,\"large\":9007199254740993,"
        "\"long\":12345678901234567890.5,\"missing\":null},\"evidence\":[{\"expr\":\"avg(volume)\","
        "\"window\":\"last_1h\",\"rows\":59,\"sum\":29500,\"avg\":500,\"value\":500,\"exact\":true}"
        ","
        "{\"expr\":\"max(close)\",\"window\":\"rows_20\",\"rows\":20,\"sum\":null,"
        "\"avg\":null,\"value\":0.3333333333333333333,\"exact\":false}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_what_d1_says),
        cmocka_unit_test(the_map_keeps_its_bytes),
        cmocka_unit_test(maps_are_as_the_schema_says),
        cmocka_unit_test(is_stamped_in_place),
        cmocka_unit_test(what_was_held_back_is_said),
        cmocka_unit_test(an_incident_has_a_beginning),
        cmocka_unit_test(a_back_test_prints_silences),
        cmocka_unit_test(a_flap_says_how_often),
        cmocka_unit_test(windows_that_stand_still_are_named),
        cmocka_unit_test(topics_end_in_a_slash),
        cmocka_unit_test(a_back_test_prints_exact_decimals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
