/*  shipment: the message that preps get says exactly what the log holds. */
#include "actors/collector/shipment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const seal_secret_t secret = { "a secret" };

static record_t payload_of(uint64_t seq, const char *source, const char *payload)
{
    return (record_t){ .kind = RECORD_PAYLOAD,
                       .seq = seq,
                       .recv_us = (int64_t) seq * 10,
                       .source = slice_text(source),
                       .payload = slice_text(payload) };
}

static lane_ship_t ship_from(uint64_t from)
{
    lane_ship_t ship = { .from = from, .last = from + 100, .route_count = 2, .live = true };
    strcpy(ship.routes[0].endpoint, "tcp://127.0.0.1:1001");
    ship.routes[0].mark = 12345;
    partitions_add(&ship.routes[0].partitions, 3);
    strcpy(ship.routes[1].endpoint, "tcp://127.0.0.1:1002");
    ship.routes[1].lane = 9;
    partitions_add(&ship.routes[1].partitions, 255);
    return ship;
}

static bool is_sealed(const message_raw_t *raw, const raw_route_t *route)
{
    const seal_claim_t claim = { .stream = raw->stream,
                                 .endpoint = route->endpoint,
                                 .lane = route->lane,
                                 .mark = route->mark,
                                 .first = raw->from,
                                 .last = raw->to,
                                 .partitions = route->partitions };
    return seal_fits(&secret, &claim, route->seal);
}

static void says_what_it_was_given(void **state)
{
    (void) state;
    shipment_t *shipment = shipment_new();
    lane_ship_t ship = ship_from(7);
    shipment_begin(shipment);
    record_t a = payload_of(7, "a", "one"), b = payload_of(8, "b", ""), c = payload_of(9, "a", "3");
    record_t tick = { .kind = RECORD_TICK, .seq = 10, .recv_us = 100, .payload = slice_text("t") };
    assert_true(shipment_add(shipment, &a, slice_text("def a")));
    assert_true(shipment_add(shipment, &b, slice_text("def b")));
    assert_true(shipment_add(shipment, &c, slice_text("def a")));
    assert_true(shipment_add(shipment, &tick, slice_text("")));
    assert_int_equal(shipment_records(shipment), 4);
    assert_int_equal(shipment_bytes(shipment), 3 + 0 + 1 + 1 + 4 * SHIPMENT_RECORD_BYTES);
    buffer_t frame = { 0 };
    assert_true(shipment_encode(shipment, slice_text("main"), &secret, &ship, 12, 999, &frame));

    message_raw_t raw;
    fault_t fault;
    assert_true(message_raw_decode(&raw, buffer_slice(&frame), &fault));
    assert_true(slice_is(raw.stream, "main"));
    assert_int_equal(raw.from, 7);
    assert_int_equal(raw.to, 12); // beyond the last record: those are lost for everybody
    assert_int_equal(raw.staged_us, 999);
    assert_int_equal(raw.mappings.count, 2);
    raw_mapping_t mapping;
    assert_true(raw_mapping_next(&raw.mappings, &mapping));
    assert_true(slice_is(mapping.source, "a"));
    assert_true(slice_is(mapping.definition, "def a"));
    static const uint32_t sources[] = { 0, 1, 0, 0 };
    static const uint8_t kinds[] = { 1, 1, 1, 3 };
    raw_record_t record;
    for (int i = 0; i < 4; i++) {
        assert_true(raw_record_next(&raw.records, &record));
        assert_int_equal(record.seq, 7 + i);
        assert_int_equal(record.kind, kinds[i]);
        assert_int_equal(record.source, sources[i]);
        assert_int_equal(record.recv_us, (7 + i) * 10);
    }
    raw_route_t route;
    assert_true(raw_route_next(&raw.routes, &route));
    assert_true(slice_is(route.endpoint, "tcp://127.0.0.1:1001"));
    assert_int_equal(route.mark, 12345);
    assert_int_equal(route.partitions.data[0], 8);
    assert_true(is_sealed(&raw, &route));
    assert_true(raw_route_next(&raw.routes, &route));
    assert_int_equal(route.lane, 9);
    assert_int_equal(route.partitions.data[31], 0x80);
    assert_true(is_sealed(&raw, &route));
    raw.to++;
    assert_false(is_sealed(&raw, &route));
    buffer_destroy(&frame);
    shipment_destroy(&shipment);
}

static void a_plan_in_between_brings_new_definitions(void **state)
{
    (void) state;
    shipment_t *shipment = shipment_new();
    lane_ship_t ship = ship_from(1);
    shipment_begin(shipment);
    record_t before = payload_of(1, "a", "x"), after = payload_of(3, "a", "y");
    record_t plan = { .kind = RECORD_PLAN, .seq = 2, .payload = slice_text("change") };
    assert_true(shipment_add(shipment, &before, slice_text("old")));
    assert_true(shipment_add(shipment, &plan, slice_text("")));
    assert_true(shipment_add(shipment, &after, slice_text("new")));
    buffer_t frame = { 0 };
    assert_true(shipment_encode(shipment, slice_text("main"), &secret, &ship, 3, 0, &frame));
    message_raw_t raw;
    assert_true(message_raw_decode(&raw, buffer_slice(&frame), NULL));
    assert_int_equal(raw.mappings.count, 2);
    raw_mapping_t mappings[2];
    assert_true(raw_mapping_next(&raw.mappings, &mappings[0]));
    assert_true(raw_mapping_next(&raw.mappings, &mappings[1]));
    raw_record_t records[3];
    for (int i = 0; i < 3; i++)
        assert_true(raw_record_next(&raw.records, &records[i]));
    assert_true(slice_is(mappings[records[0].source].definition, "old"));
    assert_true(slice_is(mappings[records[2].source].definition, "new"));
    assert_true(slice_is(records[1].payload, "change"));
    buffer_destroy(&frame);
    shipment_destroy(&shipment);
}

static void bounds(void **state)
{
    (void) state;
    shipment_t *shipment = shipment_new();
    shipment_begin(shipment);
    assert_true(shipment_has_room(shipment, STAGE_PAYLOAD_BYTES_MAX)); // a large one goes alone
    char *large = calloc(1, LANE_SHIP_BYTES);
    record_t record = { .kind = RECORD_PAYLOAD,
                        .seq = 1,
                        .source = slice_text("s"),
                        .payload = slice_of(large, LANE_SHIP_BYTES / 2) };
    assert_true(shipment_add(shipment, &record, slice_text("")));
    assert_true(shipment_has_room(shipment, LANE_SHIP_BYTES / 2 - SHIPMENT_RECORD_BYTES));
    assert_false(shipment_has_room(shipment, LANE_SHIP_BYTES / 2 - SHIPMENT_RECORD_BYTES + 1));
    shipment_begin(shipment);
    record.payload.size = 0;
    for (record.seq = 1; shipment_has_room(shipment, 0); record.seq++)
        assert_true(shipment_add(shipment, &record, slice_text("")));
    assert_int_equal(shipment_records(shipment), LANE_SHIP_RECORDS);
    free(large);
    shipment_destroy(&shipment);
}

static void many_sources(void **state)
{
    (void) state;
    enum { SOURCES = 700 };
    shipment_t *shipment = shipment_new();
    lane_ship_t ship = ship_from(1);
    shipment_begin(shipment);
    for (uint64_t seq = 1; seq <= 4 * SOURCES; seq++) {
        char name[16], definition[24];
        snprintf(name, sizeof name, "s%d", (int) (seq * 31 % SOURCES));
        snprintf(definition, sizeof definition, "def %s", name);
        record_t record = payload_of(seq, name, name);
        assert_true(shipment_add(shipment, &record, slice_text(definition)));
    }
    buffer_t frame = { 0 };
    assert_true(
        shipment_encode(shipment, slice_text("main"), &secret, &ship, 4 * SOURCES, 0, &frame));
    message_raw_t raw;
    assert_true(message_raw_decode(&raw, buffer_slice(&frame), NULL));
    assert_int_equal(raw.mappings.count, SOURCES);
    raw_mapping_t *mappings = calloc(SOURCES, sizeof *mappings);
    for (int i = 0; i < SOURCES; i++)
        assert_true(raw_mapping_next(&raw.mappings, &mappings[i]));
    for (raw_record_t record; raw_record_next(&raw.records, &record);)
        assert_true(slice_same(mappings[record.source].source, record.payload));
    free(mappings);
    buffer_destroy(&frame);
    shipment_destroy(&shipment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_it_was_given),
        cmocka_unit_test(a_plan_in_between_brings_new_definitions),
        cmocka_unit_test(bounds),
        cmocka_unit_test(many_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
