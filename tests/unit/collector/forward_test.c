/*  forward: what a prep receives for a worker that asks, catches up, goes live and falls silent. */
#include "actors/collector/forward.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "actors/collector/stream.h"
#include "broker/lane.h"
#include "proto/message.h"

enum { SECOND = 1000000, WAIT_MS = 2000 };

static const seal_secret_t secret = { "a secret" };

typedef struct {
    char root[64];
    stream_t *stream;
    forward_t *forward;
    bus_t *prep, *answers; // the other ends
    int64_t now_us;
} bench_t;

static plan_t *plan_of(const char *definition)
{
    plan_t *plan = plan_new();
    assert_true(plan_set(plan, PLAN_SOURCE, slice_text("s"), slice_text(definition), NULL));
    return plan;
}

static void set_plan(bench_t *self, const char *definition)
{
    plan_t *plan = plan_of(definition);
    uint64_t seq;
    assert_true(stream_plan(self->stream, plan, 0, &seq));
    if (seq)
        forward_plan(self->forward, plan, seq);
    plan_destroy(&plan);
}

static void put(bench_t *self, const char *payload, size_t size)
{
    place_t nowhere = { .size = 0 };
    assert_true(stream_put(self->stream, slice_text("s"), &nowhere, slice_of(payload, size), 0) >
                0);
}

static uint64_t sync_all(bench_t *self)
{
    fault_t fault;
    assert_true(stream_sync(self->stream, &fault));
    return stream_durable(self->stream);
}

static void setup(bench_t *self)
{
    *self = (bench_t){ .now_us = SECOND };
    strcpy(self->root, "/tmp/forward-test-XXXXXX");
    assert_non_null(mkdtemp(self->root));
    fault_t fault;
    self->stream = stream_open(self->root, "test", "main", &fault);
    self->forward = forward_new(self->root, "test", "main", "tcp://127.0.0.1:*", NULL, &fault);
    assert_non_null(self->forward);
    self->prep = bus_connect(BUS_PULL, DOOR_RAW, forward_raw_endpoint(self->forward), 100, &fault);
    self->answers =
        bus_connect(BUS_PUSH, DOOR_ACK, forward_ack_endpoint(self->forward), 100, &fault);
    assert_non_null(self->answers);
}

static void teardown(bench_t *self)
{
    bus_destroy(&self->prep);
    bus_destroy(&self->answers);
    forward_destroy(&self->forward);
    stream_destroy(&self->stream);
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", self->root);
    assert_int_equal(system(command), 0);
}

static void hear(bench_t *self, const buffer_t *frame)
{
    assert_true(bus_send(self->answers, buffer_slice(frame), WAIT_MS));
    zmq_pollitem_t wait = { .socket = forward_ack_socket(self->forward), .events = ZMQ_POLLIN };
    assert_int_equal(zmq_poll(&wait, 1, WAIT_MS), 1);
    forward_hear(self->forward, stream_durable(self->stream), self->now_us);
}

static void need(bench_t *self, uint8_t worker, uint64_t from, unsigned first, unsigned last)
{
    uint8_t id[16] = { worker };
    partitions_t partitions = { { 0 } };
    for (unsigned p = first; p <= last; p++)
        partitions_add(&partitions, p);
    char endpoint[32];
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", worker);
    message_need_t message = {
        .worker = slice_of(id, sizeof id),
        .endpoint = slice_text(endpoint),
        .stream = slice_text(forward_name(self->forward)),
        .from = from,
        .partitions = slice_of(partitions.bits, sizeof partitions.bits),
    };
    buffer_t frame = { 0 };
    message_need_encode(&message, &frame);
    hear(self, &frame);
    buffer_destroy(&frame);
}

static void ack_durable(bench_t *self, uint8_t worker, uint32_t lane, uint64_t mark,
                        uint64_t received, uint64_t durable)
{
    uint8_t id[16] = { worker };
    char endpoint[32];
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", worker);
    buffer_t marks = { 0 }, frame = { 0 };
    ack_mark_t one = { .lane = lane, .mark = mark };
    ack_mark_encode(&one, &marks);
    message_ack_t message = {
        .worker = slice_of(id, sizeof id),
        .endpoint = slice_text(endpoint),
        .stream = slice_text(forward_name(self->forward)),
        .received = received,
        .durable = durable,
        .marks = { .count = 1, .bytes = buffer_slice(&marks) },
    };
    message_ack_encode(&message, &frame);
    hear(self, &frame);
    buffer_destroy(&marks);
    buffer_destroy(&frame);
}

static void ack(bench_t *self, uint8_t worker, uint32_t lane, uint64_t mark)
{
    ack_durable(self, worker, lane, mark, 0, 0);
}

static forward_step_t step(bench_t *self, uint64_t durable)
{
    fault_t fault;
    forward_step_t result = FORWARD_BLOCKED;
    for (int i = 0; i < 200 && result == FORWARD_BLOCKED; i++) { // until the prep is connected
        result = forward_step(self->forward, &secret, durable, 777, self->now_us, &fault);
        if (result == FORWARD_BLOCKED)
            zmq_poll(NULL, 0, 10);
    }
    if (result == FORWARD_FAILED)
        fail_msg("%s", fault.text);
    return result;
}

// The next message as the prep sees it; the frame is valid until the next.
static message_raw_t receive(bench_t *self)
{
    zmq_pollitem_t wait = { .socket = bus_socket(self->prep), .events = ZMQ_POLLIN };
    assert_int_equal(zmq_poll(&wait, 1, WAIT_MS), 1);
    slice_t frame;
    assert_true(bus_take(self->prep, &frame));
    message_raw_t raw;
    fault_t fault;
    if (!message_raw_decode(&raw, frame, &fault))
        fail_msg("%s", fault.text);
    return raw;
}

static raw_route_t route_of(const message_raw_t *raw)
{
    list_t rest = raw->routes;
    raw_route_t route;
    assert_true(raw_route_next(&rest, &route));
    return route;
}

static void nobody_asks_nothing_is_sent(void **state)
{
    (void) state;
    bench_t bench;
    setup(&bench);
    set_plan(&bench, "def");
    put(&bench, "x", 1);
    assert_int_equal(step(&bench, sync_all(&bench)), FORWARD_IDLE);
    teardown(&bench);
}

static void catching_up_then_live(void **state)
{
    (void) state;
    bench_t bench;
    setup(&bench);
    set_plan(&bench, "old");
    put(&bench, "one", 3);
    set_plan(&bench, "new");
    put(&bench, "two", 3);
    uint64_t durable = sync_all(&bench);
    put(&bench, "not durable", 11);
    assert_int_equal(step(&bench, durable), FORWARD_IDLE);
    need(&bench, 1, 1, 0, 255);
    assert_int_equal(step(&bench, durable), FORWARD_SENT);
    message_raw_t raw = receive(&bench);
    assert_int_equal(raw.from, 1);
    assert_int_equal(raw.to, 4); // and not what is not durable
    assert_int_equal(raw.records.count, 4);
    assert_int_equal(raw.mappings.count, 2); // one before, one after the change
    raw_route_t route = route_of(&raw);
    assert_true(route.lane > LANE_LIVE);
    assert_true(slice_is(route.endpoint, "tcp://127.0.0.1:1"));
    assert_int_equal(step(&bench, durable), FORWARD_IDLE);

    durable = sync_all(&bench);
    assert_int_equal(step(&bench, durable), FORWARD_SENT);
    raw = receive(&bench);
    assert_int_equal(raw.from, 5);
    assert_int_equal(raw.to, 5);
    assert_int_equal(raw.staged_us, 777);
    assert_int_equal(route_of(&raw).lane, LANE_LIVE); // it has caught up
    teardown(&bench);
}

// Two workers share the partitions; one asks again from the middle.
static void each_gets_what_it_asks_for(void **state)
{
    (void) state;
    bench_t bench;
    setup(&bench);
    set_plan(&bench, "def");
    for (int i = 0; i < 20; i++)
        put(&bench, "payload", 7);
    uint64_t durable = sync_all(&bench);
    need(&bench, 1, 1, 0, 127);
    need(&bench, 2, 11, 128, 255);
    uint64_t next[3] = { 0, 1, 11 };
    while (step(&bench, durable) == FORWARD_SENT) {
        message_raw_t raw = receive(&bench);
        raw_route_t route = route_of(&raw);
        unsigned worker = slice_is(route.endpoint, "tcp://127.0.0.1:1") ? 1 : 2;
        assert_int_equal(raw.from, next[worker]);
        next[worker] = raw.to + 1;
    }
    assert_int_equal(next[1], durable + 1);
    assert_int_equal(next[2], durable + 1);
    need(&bench, 2, 15, 128, 255); // lost something
    assert_int_equal(step(&bench, durable), FORWARD_SENT);
    message_raw_t raw = receive(&bench);
    assert_int_equal(raw.from, 15);
    assert_int_equal(raw.to, durable);
    assert_int_equal(forward_count(bench.forward).needs, 3);
    assert_int_equal(forward_count(bench.forward).workers, 2);
    teardown(&bench);
}

static void credit_bounds_what_is_outstanding(void **state)
{
    (void) state;
    bench_t bench;
    setup(&bench);
    set_plan(&bench, "def");
    char *payload = calloc(1, LANE_SHIP_BYTES);
    for (int i = 0; i < 40; i++)
        put(&bench, payload, LANE_SHIP_BYTES);
    uint64_t durable = sync_all(&bench);
    assert_int_equal(step(&bench, durable), FORWARD_IDLE); // live is at the end of the log now
    need(&bench, 1, 1, 0, 255);
    uint64_t next = 1, mark = 0;
    uint32_t lane = 0;
    size_t outstanding = 0, most = 0, rounds = 0;
    while (next <= durable) {
        if (step(&bench, durable) == FORWARD_SENT) {
            message_raw_t raw = receive(&bench);
            assert_int_equal(raw.from, next);
            raw_route_t route = route_of(&raw);
            // Where marks begin is the lane's own affair; the first message is a full one.
            outstanding += mark ? route.mark - mark : LANE_SHIP_BYTES;
            mark = route.mark;
            lane = route.lane;
            next = raw.to + 1;
            most = outstanding > most ? outstanding : most;
            continue;
        }
        ack(&bench, 1, lane, mark);
        outstanding = 0;
        assert_true(++rounds < 10);
    }
    assert_true(rounds >= 2);
    assert_in_range(most, LANE_CATCHUP_BYTES_MAX, LANE_CATCHUP_BYTES_MAX + 2 * LANE_SHIP_BYTES);
    free(payload);
    teardown(&bench);
}

// Overwrite bytes in the middle of the only segment.
static void damage(const bench_t *self)
{
    char path[400];
    snprintf(path, sizeof path, "%s/test/main", self->root);
    DIR *directory = opendir(path);
    struct dirent *entry;
    bool found = false;
    while ((entry = readdir(directory))) {
        if (!strstr(entry->d_name, ".seg"))
            continue;
        size_t used = strlen(path);
        snprintf(path + used, sizeof path - used, "/%s", entry->d_name);
        int file = open(path, O_RDWR);
        off_t size = lseek(file, 0, SEEK_END);
        char zeros[600] = { 0 };
        assert_int_equal(pwrite(file, zeros, sizeof zeros, size / 2), sizeof zeros);
        close(file);
        found = true;
        break;
    }
    closedir(directory);
    assert_true(found);
}

static void positions_move_over_damage(void **state)
{
    (void) state;
    bench_t bench;
    setup(&bench);
    set_plan(&bench, "def");
    for (int i = 0; i < 100; i++)
        put(&bench, "0123456789abcdef0123456789abcdef0123456789abcdef", 48);
    uint64_t durable = sync_all(&bench);
    damage(&bench);
    need(&bench, 1, 1, 0, 255);
    uint64_t next = 1;
    size_t records = 0;
    while (next <= durable) {
        assert_int_equal(step(&bench, durable), FORWARD_SENT);
        message_raw_t raw = receive(&bench);
        assert_int_equal(raw.from, next);
        next = raw.to + 1;
        records += raw.records.count;
    }
    assert_in_range(records, durable - 12, durable - 1);
    assert_int_equal(forward_count(bench.forward).damaged, durable - records);
    // Asked for from inside the stretch.
    need(&bench, 1, durable / 2 + 1, 0, 255);
    assert_int_equal(step(&bench, durable), FORWARD_SENT);
    message_raw_t raw = receive(&bench);
    assert_int_equal(raw.from, durable / 2 + 1);
    assert_int_equal(raw.to, durable);
    teardown(&bench);
}

// Who asks for what was removed gets nothing, is told of, and nobody else is held up.
static void what_is_gone_is_not_passed_over(void **state)
{
    (void) state;
    bench_t bench;
    setup(&bench);
    set_plan(&bench, "def");
    for (int i = 0; i < 20; i++)
        put(&bench, "payload", 7);
    uint64_t durable = sync_all(&bench);
    partitions_t gone;
    forward_trimmed(bench.forward, 10);
    assert_false(forward_take_gone(bench.forward, &gone));
    need(&bench, 1, 9, 0, 127);
    need(&bench, 2, 10, 128, 255);
    assert_true(forward_take_gone(bench.forward, &gone));
    for (unsigned p = 0; p < PARTITIONS; p++)
        assert_int_equal(partitions_has(&gone, p), p < 128);
    assert_false(forward_take_gone(bench.forward, &gone)); // once
    assert_int_equal(forward_count(bench.forward).gone, 1);
    assert_int_equal(step(&bench, durable), FORWARD_SENT);
    message_raw_t raw = receive(&bench);
    assert_int_equal(raw.from, 10);
    assert_true(slice_is(route_of(&raw).endpoint, "tcp://127.0.0.1:2"));
    assert_int_equal(step(&bench, durable), FORWARD_IDLE);
    assert_int_equal(forward_count(bench.forward).durable, 0); // half of them have nobody
    // Trimmed below somebody who is still catching up: he is let go, and must ask anew.
    need(&bench, 1, 12, 0, 127);
    forward_trimmed(bench.forward, 13);
    assert_int_equal(step(&bench, durable), FORWARD_IDLE);
    assert_true(forward_take_gone(bench.forward, &gone));
    assert_true(partitions_has(&gone, 0) && !partitions_has(&gone, 128));
    need(&bench, 1, 13, 0, 127);
    assert_int_equal(step(&bench, durable), FORWARD_SENT);
    raw = receive(&bench);
    assert_int_equal(raw.from, 13);
    teardown(&bench);
}

// An edition begins where the log began when it was ordered: before that nobody misses anything.
static void an_edition_begins_with_the_log(void **state)
{
    (void) state;
    bench_t bench;
    setup(&bench);
    set_plan(&bench, "def");
    for (int i = 0; i < 20; i++)
        put(&bench, "payload", 7);
    (void) sync_all(&bench);
    stream_forget(bench.stream, 8);
    assert_true(stream_amend(bench.stream, slice_text("s"), 3, slice_text("again"), 0, 900));
    assert_true(stream_is_amending(bench.stream));
    uint64_t durable = sync_all(&bench);
    assert_false(stream_is_amending(bench.stream));
    bus_destroy(&bench.prep);
    bus_destroy(&bench.answers);
    forward_destroy(&bench.forward);
    fault_t fault;
    bench.forward = forward_new(bench.root, "test", "main", "tcp://127.0.0.1:*",
                                stream_amendments(bench.stream), &fault);
    forward_trimmed(bench.forward, 8);
    bench.prep = bus_connect(BUS_PULL, DOOR_RAW, forward_raw_endpoint(bench.forward), 100, &fault);
    bench.answers =
        bus_connect(BUS_PUSH, DOOR_ACK, forward_ack_endpoint(bench.forward), 100, &fault);
    need(&bench, 1, 1, 0, 255);
    assert_int_equal(step(&bench, durable), FORWARD_SENT);
    message_raw_t raw = receive(&bench);
    assert_int_equal(raw.from, 1);
    assert_int_equal(raw.to, durable);
    assert_int_equal(raw.records.count, durable - 7);
    assert_int_equal(forward_count(bench.forward).damaged, 0);
    // Trimmed further, that beginning is gone, too.
    forward_trimmed(bench.forward, 9);
    need(&bench, 1, 1, 0, 255);
    partitions_t gone;
    assert_true(forward_take_gone(bench.forward, &gone));
    assert_int_equal(step(&bench, durable), FORWARD_IDLE);
    teardown(&bench);
}

// Whoever says that he has committed what is not there has committed nothing; nor does he get
// credit for what was never sent to him.
static void what_is_beyond_the_log_is_not_acknowledged(void **state)
{
    (void) state;
    bench_t bench;
    setup(&bench);
    set_plan(&bench, "def");
    put(&bench, "one", 3);
    uint64_t durable = sync_all(&bench);
    need(&bench, 1, 1, 0, 255);
    assert_int_equal(step(&bench, durable), FORWARD_SENT);
    message_raw_t raw = receive(&bench);
    raw_route_t route = route_of(&raw);
    ack_durable(&bench, 1, route.lane, route.mark, durable, durable);
    assert_int_equal(forward_count(bench.forward).durable, durable);
    assert_int_equal(forward_count(bench.forward).acks_beyond, 0);
    ack_durable(&bench, 1, route.lane, UINT64_MAX, durable, durable + 1);
    assert_int_equal(forward_count(bench.forward).acks_beyond, 1);
    assert_int_equal(forward_count(bench.forward).durable, 0);
    ack_durable(&bench, 1, LANE_LIVE, UINT64_MAX, UINT64_MAX, durable);
    assert_int_equal(forward_count(bench.forward).acks_beyond, 2);
    assert_int_equal(forward_count(bench.forward).durable, 0);
    ack_durable(&bench, 1, route.lane, route.mark, durable, durable); // he says what is so
    assert_int_equal(forward_count(bench.forward).durable, durable);
    put(&bench, "two", 3);
    durable = sync_all(&bench);
    assert_int_equal(step(&bench, durable), FORWARD_SENT); // and gets what comes
    assert_int_equal(receive(&bench).to, durable);
    teardown(&bench);
}

static void other_messages_are_counted(void **state)
{
    (void) state;
    bench_t bench;
    setup(&bench);
    buffer_t frame = { 0 };
    buffer_text(&frame, "no message");
    hear(&bench, &frame);
    assert_int_equal(forward_count(bench.forward).malformed, 1);
    buffer_clear(&frame);
    uint8_t id[16] = { 1 };
    message_ack_t foreign = { .worker = slice_of(id, sizeof id),
                              .endpoint = slice_text("tcp://127.0.0.1:1"),
                              .stream = slice_text("another") };
    message_ack_encode(&foreign, &frame);
    hear(&bench, &frame);
    assert_int_equal(forward_count(bench.forward).malformed, 2);
    assert_int_equal(forward_count(bench.forward).workers, 0);
    buffer_destroy(&frame);
    teardown(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_asks_nothing_is_sent),
        cmocka_unit_test(catching_up_then_live),
        cmocka_unit_test(each_gets_what_it_asks_for),
        cmocka_unit_test(credit_bounds_what_is_outstanding),
        cmocka_unit_test(positions_move_over_damage),
        cmocka_unit_test(what_is_gone_is_not_passed_over),
        cmocka_unit_test(an_edition_begins_with_the_log),
        cmocka_unit_test(what_is_beyond_the_log_is_not_acknowledged),
        cmocka_unit_test(other_messages_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
