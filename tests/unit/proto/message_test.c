/*  message: golden bytes, round trips, and every refusal of the schema. */
#include "tests/unit/proto/checked.h"

#include "proto/message.h"
#include "proto/owned.h"
#include "proto/wire.h"
#include "tests/unit/proto/golden.h"

static const uint8_t partitions[32] = { 0xff, 1 };
static const uint8_t worker[16] = "0123456789abcde";
static const uint8_t seal[16] = "fedcba987654321";

static list_t list_of(const buffer_t *elements, uint32_t count)
{
    return (list_t){ .count = count, .bytes = buffer_slice(elements) };
}

static void encode_raw(buffer_t *out, uint32_t source)
{
    owned(buffer_destroy) buffer_t mappings = { 0 }, routes = { 0 }, records = { 0 };
    raw_mapping_encode(
        &(raw_mapping_t){ .source = slice_text("feed"), .definition = slice_text("def") },
        &mappings);
    raw_route_encode(&(raw_route_t){ .endpoint = slice_text("tcp://127.0.0.1:1"),
                                     .lane = 3,
                                     .mark = 5000000000,
                                     .partitions = slice_of(partitions, 32),
                                     .seal = slice_of(seal, 16) },
                     &routes);
    raw_record_encode(&(raw_record_t){ .seq = 7,
                                       .recv_us = 1700000000000001,
                                       .kind = 1,
                                       .source = source,
                                       .payload = slice_text("{\"a\":1}") },
                      &records);
    raw_record_encode(&(raw_record_t){ .seq = 8, .recv_us = 1700000000000002, .kind = 3 },
                      &records);
    message_raw_encode(&(message_raw_t){ .stream = slice_text("main"),
                                         .from = 7,
                                         .to = 8,
                                         .staged_us = 1700000000000100,
                                         .mappings = list_of(&mappings, 1),
                                         .routes = list_of(&routes, 1),
                                         .records = list_of(&records, 2) },
                       out);
    assert_false(out->failed || mappings.failed || routes.failed || records.failed);
}

static void raw_keeps_its_bytes(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t out = { 0 };
    encode_raw(&out, 0);
    golden_same("message-raw-v3.msgpack", buffer_slice(&out));
    message_raw_t raw;
    fault_t fault;
    assert_int_equal(message_kind(buffer_slice(&out)), MESSAGE_RAW);
    assert_true(message_raw_decode(&raw, buffer_slice(&out), &fault));
    assert_true(slice_is(raw.stream, "main"));
    assert_true(raw.from == 7 && raw.to == 8 && raw.staged_us == 1700000000000100);
    list_t rest = raw.mappings;
    raw_mapping_t mapping;
    assert_true(raw_mapping_next(&rest, &mapping));
    assert_true(slice_is(mapping.source, "feed") && slice_is(mapping.definition, "def"));
    assert_false(raw_mapping_next(&rest, &mapping));
    rest = raw.routes;
    raw_route_t route;
    assert_true(raw_route_next(&rest, &route));
    assert_true(route.lane == 3 && route.mark == 5000000000);
    assert_memory_equal(route.partitions.data, partitions, 32);
    assert_memory_equal(route.seal.data, seal, 16);
    rest = raw.records;
    raw_record_t record;
    assert_true(raw_record_next(&rest, &record));
    assert_true(record.seq == 7 && record.kind == 1 && slice_is(record.payload, "{\"a\":1}"));
    assert_true(raw_record_next(&rest, &record));
    assert_true(record.seq == 8 && record.kind == 3 && record.payload.size == 0);
    assert_false(raw_record_next(&rest, &record));
}

static void encode_rows(buffer_t *out)
{
    owned(buffer_destroy) buffer_t plans = { 0 }, ticks = { 0 }, blocks = { 0 };
    rows_plan_encode(&(rows_plan_t){ .seq = 9, .payload = slice_text("plan") }, &plans);
    rows_tick_encode(
        &(rows_tick_t){ .seq = 8, .recv_us = 1700000000000000, .since_us = 1600000000000000 },
        &ticks);
    rows_block_encode(&(rows_block_t){ .seq = 8, .block = slice_text("block") }, &blocks);
    message_rows_encode(&(message_rows_t){ .stream = slice_text("main"),
                                           .lane = 1,
                                           .mark = 70000,
                                           .first = 7,
                                           .last = 10,
                                           .partitions = slice_of(partitions, 32),
                                           .seal = slice_of(seal, 16),
                                           .from = 8,
                                           .to = 9,
                                           .plans = list_of(&plans, 1),
                                           .ticks = list_of(&ticks, 1),
                                           .blocks = list_of(&blocks, 1) },
                        out);
}

static void rows_keep_their_bytes(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t out = { 0 };
    encode_rows(&out);
    golden_same("message-rows-v3.msgpack", buffer_slice(&out));
    message_rows_t rows;
    assert_true(message_rows_decode(&rows, buffer_slice(&out), NULL));
    list_t rest = rows.blocks;
    rows_block_t block;
    assert_true(rows_block_next(&rest, &block));
    assert_true(block.seq == 8 && slice_is(block.block, "block"));
    rest = rows.ticks;
    rows_tick_t tick;
    assert_true(rows_tick_next(&rest, &tick));
    assert_true(tick.seq == 8 && tick.recv_us == 1700000000000000);
    assert_true(tick.since_us == 1600000000000000);
    rest = rows.plans;
    rows_plan_t plan;
    assert_true(rows_plan_next(&rest, &plan));
    assert_true(plan.seq == 9 && slice_is(plan.payload, "plan"));
    assert_true(rows.lane == 1 && rows.mark == 70000 && rows.from == 8 && rows.to == 9);
    assert_true(rows.first == 7 && rows.last == 10);
    assert_memory_equal(rows.seal.data, seal, 16);
}

static void encode_ack(buffer_t *out)
{
    owned(buffer_destroy) buffer_t marks = { 0 };
    ack_mark_encode(&(ack_mark_t){ .lane = 0, .mark = 1 }, &marks);
    ack_mark_encode(&(ack_mark_t){ .lane = 2, .mark = UINT64_MAX }, &marks);
    message_ack_encode(&(message_ack_t){ .worker = slice_of(worker, 16),
                                         .endpoint = slice_text("tcp://127.0.0.1:2"),
                                         .stream = slice_text("main"),
                                         .received = 12,
                                         .durable = 11,
                                         .marks = list_of(&marks, 2) },
                       out);
}

static void ack_and_need_keep_their_bytes(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t out = { 0 };
    encode_ack(&out);
    golden_same("message-ack-v3.msgpack", buffer_slice(&out));
    message_ack_t ack;
    assert_true(message_ack_decode(&ack, buffer_slice(&out), NULL));
    assert_true(ack.received == 12 && ack.durable == 11);
    list_t rest = ack.marks;
    ack_mark_t mark;
    assert_true(ack_mark_next(&rest, &mark) && ack_mark_next(&rest, &mark));
    assert_true(mark.lane == 2 && mark.mark == UINT64_MAX);
    buffer_clear(&out);
    message_need_encode(&(message_need_t){ .worker = slice_of(worker, 16),
                                           .endpoint = slice_text("tcp://127.0.0.1:2"),
                                           .stream = slice_text("main"),
                                           .from = 300,
                                           .partitions = slice_of(partitions, 32) },
                        &out);
    golden_same("message-need-v3.msgpack", buffer_slice(&out));
    message_need_t need;
    assert_true(message_need_decode(&need, buffer_slice(&out), NULL));
    assert_int_equal(need.from, 300);
    assert_memory_equal(need.worker.data, worker, 16);
}

// One try per kind; true if any decoder takes it.
static bool anybody_takes(slice_t frame, fault_t *fault)
{
    bool taken = false;
#define MESSAGE(name, NAME, id, route, sentence)                                                   \
    message_##name##_t name;                                                                       \
    taken |= message_##name##_decode(&name, frame, fault);
#include "proto/schema.def"
    return taken;
}

static void every_cut_and_every_tail_is_refused(void **state)
{
    (void) state;
    void (*const encoders[])(buffer_t *) = { encode_rows, encode_ack };
    for (int i = 0; i < 3; i++) {
        owned(buffer_destroy) buffer_t out = { 0 };
        if (i < 2)
            encoders[i](&out);
        else
            encode_raw(&out, 0);
        fault_t fault;
        for (size_t size = 0; size < out.size; size++)
            assert_false(anybody_takes(slice_of(out.data, size), &fault));
        assert_true(anybody_takes(buffer_slice(&out), &fault));
        buffer_append(&out, "\xc0", 1);
        assert_false(anybody_takes(buffer_slice(&out), &fault));
    }
}

static void header_decides(void **state)
{
    (void) state;
    static const char version4[] = "\x92\x92\x04\x01\x90", unknown[] = "\x92\x92\x03\x63\x90",
                      short_body[] = "\x92\x92\x03\x03\x90";
    fault_t fault;
    message_ack_t ack;
    assert_int_equal(message_kind(slice_text(version4)), MESSAGE_NONE);
    assert_false(message_ack_decode(&ack, slice_text(version4), &fault));
    assert_string_equal(fault.text, "protocol version 4, this program speaks 3");
    assert_int_equal(message_kind(slice_text(unknown)), MESSAGE_NONE);
    assert_false(message_ack_decode(&ack, slice_text(unknown), &fault));
    assert_string_equal(fault.text, "message 99 where 3 is expected");
    assert_int_equal(message_kind(slice_text(short_body)), MESSAGE_ACK);
    assert_false(message_ack_decode(&ack, slice_text(short_body), &fault));
    assert_string_equal(fault.text, "ack: not an array of 6 fields");
    assert_int_equal(message_kind((slice_t){ 0 }), MESSAGE_NONE);
    assert_false(message_ack_decode(&ack, slice_text("GET / HTTP/1.1"), &fault));
}

// As the programs of versions before sent them.
static void messages_of_other_versions_are_refused(void **state)
{
    (void) state;
    static const char *const names[] = { "raw", "rows", "ack", "need" };
    for (size_t i = 0; i < 2 * sizeof names / sizeof *names; i++) {
        char path[64], refusal[64];
        uint8_t bytes[4096];
        fault_t fault;
        snprintf(path, sizeof path, "tests/golden/message-%s-v%zu.msgpack", names[i / 2],
                 1 + i % 2);
        snprintf(refusal, sizeof refusal, "protocol version %zu, this program speaks 3", 1 + i % 2);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        slice_t frame = slice_of(bytes, fread(bytes, 1, sizeof bytes, file));
        fclose(file);
        assert_int_equal(message_kind(frame), MESSAGE_NONE);
        assert_false(anybody_takes(frame, &fault));
        assert_string_equal(fault.text, refusal);
    }
}

static bool need_is_taken(size_t worker_size, size_t endpoint_size, uint64_t from, fault_t *fault)
{
    static const char bytes[300];
    owned(buffer_destroy) buffer_t out = { 0 };
    wire_array(&out, 2);
    wire_array(&out, 2);
    wire_u64(&out, MESSAGE_VERSION);
    wire_u64(&out, MESSAGE_NEED);
    wire_array(&out, 5);
    wire_bytes(&out, slice_of(bytes, worker_size));
    wire_text(&out, slice_of(bytes, endpoint_size));
    wire_string(&out, "stream");
    wire_u64(&out, from);
    wire_bytes(&out, slice_of(bytes, 32));
    message_need_t need;
    return message_need_decode(&need, buffer_slice(&out), fault);
}

static void bounds_hold(void **state)
{
    (void) state;
    fault_t fault;
    assert_true(need_is_taken(16, 255, 1, &fault));
    assert_false(need_is_taken(15, 255, 1, &fault));
    assert_string_equal(fault.text, "need.worker: not bytes of the fixed length");
    assert_false(need_is_taken(17, 255, 1, &fault));
    assert_false(need_is_taken(16, 256, 1, &fault));
    assert_string_equal(fault.text, "need.endpoint: not a text within bounds");
    assert_false(need_is_taken(16, 255, 0, &fault));
    assert_string_equal(fault.text, "need.from: not a whole number within bounds");
}

static void fields_that_contradict_are_refused(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t out = { 0 };
    fault_t fault;
    message_raw_t raw;
    encode_raw(&out, 1);
    assert_false(message_raw_decode(&raw, buffer_slice(&out), &fault));
    assert_string_equal(fault.text, "raw: a payload record names a mapping that is not there");
}

static message_rows_t rows_of(uint64_t first, uint64_t last, uint64_t from, uint64_t to)
{
    return (message_rows_t){ .stream = slice_text("main"),
                             .first = first,
                             .last = last,
                             .partitions = slice_of(partitions, 32),
                             .seal = slice_of(seal, 16),
                             .from = from,
                             .to = to };
}

static void assert_rows(const message_rows_t *rows, const char *refusal)
{
    owned(buffer_destroy) buffer_t out = { 0 };
    message_rows_t read;
    fault_t fault = { 0 };
    message_rows_encode(rows, &out);
    assert_false(out.failed);
    assert_int_equal(message_rows_decode(&read, buffer_slice(&out), &fault), refusal == NULL);
    assert_string_equal(fault.text, refusal ? refusal : "");
}

// Rows speak for what is sealed, or less.
static void rows_that_say_more_are_refused(void **state)
{
    (void) state;
    static const char more[] = "rows: it speaks for more than first..last",
                      outside[] = "rows: a plan, tick or block is of a record outside from..to";
    message_rows_t rows = rows_of(7, 9, 8, 7);
    assert_rows(&rows, "rows: from is beyond to");
    rows = rows_of(7, 9, 6, 9);
    assert_rows(&rows, more);
    rows = rows_of(7, 9, 7, 10);
    assert_rows(&rows, more);
    rows = rows_of(7, 9, 7, 9);
    assert_rows(&rows, NULL);
    for (uint64_t seq = 6; seq <= 9; seq++) {
        owned(buffer_destroy) buffer_t plans = { 0 }, blocks = { 0 };
        rows_plan_encode(&(rows_plan_t){ .seq = seq }, &plans);
        rows_block_encode(&(rows_block_t){ .seq = seq }, &blocks);
        const char *refusal = seq < 7 || seq > 8 ? outside : NULL;
        rows = rows_of(7, 9, 7, 8);
        rows.plans = list_of(&plans, 1);
        assert_rows(&rows, refusal);
        rows = rows_of(7, 9, 7, 8);
        rows.blocks = list_of(&blocks, 1);
        assert_rows(&rows, refusal);
    }
}

static void too_much_latches(void **state)
{
    (void) state;
    char text[200];
    memset(text, 'x', sizeof text);
    owned(buffer_destroy) buffer_t out = { 0 };
    raw_mapping_encode(&(raw_mapping_t){ .source = slice_of(text, 129) }, &out);
    assert_true(out.failed);
    buffer_clear(&out);
    raw_mapping_encode(&(raw_mapping_t){ .source = slice_of(text, 128) }, &out);
    assert_false(out.failed);
}

// Torn payloads name their mapping as whole ones do.
static void torn_payloads_need_a_mapping(void **state)
{
    (void) state;
    for (uint8_t kind = 1; kind <= 6; kind++) {
        buffer_t records = { 0 }, frame = { 0 };
        raw_record_encode(&(raw_record_t){ .seq = 7, .recv_us = 1, .kind = kind, .source = 3 },
                          &records);
        message_raw_t raw = { .stream = slice_text("s"), .from = 7, .to = 7 };
        raw.records = (list_t){ .count = 1, .bytes = buffer_slice(&records) };
        message_raw_encode(&raw, &frame);
        fault_t fault;
        bool control = kind >= 2 && kind <= 5;
        assert_int_equal(message_raw_decode(&raw, buffer_slice(&frame), &fault), control);
        buffer_destroy(&records);
        buffer_destroy(&frame);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_keeps_its_bytes),
        cmocka_unit_test(rows_keep_their_bytes),
        cmocka_unit_test(ack_and_need_keep_their_bytes),
        cmocka_unit_test(every_cut_and_every_tail_is_refused),
        cmocka_unit_test(header_decides),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(messages_of_other_versions_are_refused),
        cmocka_unit_test(fields_that_contradict_are_refused),
        cmocka_unit_test(rows_that_say_more_are_refused),
        cmocka_unit_test(too_much_latches),
        cmocka_unit_test(torn_payloads_need_a_mapping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
