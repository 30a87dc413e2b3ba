/*  lane_test -- both ends of the lanes, over a wire that loses, repeats and reorders. */
#include "broker/lane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static worker_id_t worker_id(uint8_t number)
{
    return (worker_id_t){ .bytes = { number } };
}

static partitions_t range(unsigned first, unsigned last)
{
    partitions_t set = { { 0 } };
    for (unsigned p = first; p <= last; p++)
        partitions_add(&set, p);
    return set;
}

static const slice_t endpoint_a = { (const uint8_t *) "tcp://127.0.0.1:1001", 20 };
static const slice_t endpoint_b = { (const uint8_t *) "tcp://127.0.0.1:1002", 20 };

// ---- the collector's end ------------------------------------------------------------------------

static void nobody_listens_nothing_is_sent(void **state)
{
    (void) state;
    lane_out_t *out = lane_out_new();
    lane_ship_t ship;
    assert_false(lane_out_next(out, 100, 0, &ship));
    lane_out_destroy(&out);
}

static void need_replays_then_goes_live(void **state)
{
    (void) state;
    lane_out_t *out = lane_out_new();
    lane_ship_t ship;
    assert_false(lane_out_next(out, 100, 0, &ship)); // the live cursor is now behind 100
    partitions_t all = range(0, 255);
    lane_out_need(out, worker_id(1), endpoint_a, 40, &all, 0);
    assert_true(lane_out_next(out, 100, 1, &ship));
    assert_int_equal(ship.from, 40);
    assert_int_equal(ship.last, 100);
    assert_int_equal(ship.route_count, 1);
    assert_int_not_equal(ship.routes[0].lane, LANE_LIVE);
    lane_out_shipped(out, &ship, 100, 1000);
    assert_int_equal(ship.routes[0].mark, 1000);
    assert_false(lane_out_next(out, 100, 2, &ship));
    assert_true(lane_out_next(out, 101, 3, &ship)); // caught up: live from here
    assert_int_equal(ship.from, 101);
    assert_int_equal(ship.routes[0].lane, LANE_LIVE);
    lane_out_destroy(&out);
}

static void partition_has_one_owner(void **state)
{
    (void) state;
    lane_out_t *out = lane_out_new();
    partitions_t all = range(0, 255), upper = range(128, 255);
    lane_out_need(out, worker_id(1), endpoint_a, 1, &all, 0);
    lane_out_need(out, worker_id(2), endpoint_b, 1, &upper, 0);
    lane_ship_t ship;
    assert_true(lane_out_next(out, 10, 0, &ship));
    for (unsigned p = 0; p < PARTITIONS; p++) {
        int owners = 0;
        for (size_t r = 0; r < ship.route_count; r++)
            owners += partitions_has(&ship.routes[r].partitions, p);
        assert_int_equal(owners, 1);
    }
    assert_int_equal(ship.route_count, 2);
    lane_out_destroy(&out);
}

static void credit_bounds_what_is_under_way(void **state)
{
    (void) state;
    lane_out_t *out = lane_out_new();
    partitions_t all = range(0, 255);
    lane_out_need(out, worker_id(1), endpoint_a, 1, &all, 0);
    lane_ship_t ship;
    uint64_t sent = 0, next = 1;
    while (lane_out_next(out, next, 0, &ship)) {
        assert_true(sent <= LANE_LIVE_BYTES_MAX + LANE_CATCHUP_BYTES_MAX + (2 << 20));
        lane_out_shipped(out, &ship, ship.from, LANE_SHIP_BYTES);
        sent += LANE_SHIP_BYTES;
        next++;
    }
    assert_true(sent >= LANE_LIVE_BYTES_MAX);
    lane_out_destroy(&out);
}

static void slow_worker_slows_nobody_else(void **state)
{
    (void) state;
    lane_out_t *out = lane_out_new();
    partitions_t lower = range(0, 127), upper = range(128, 255);
    lane_out_need(out, worker_id(1), endpoint_a, 1, &lower, 0);
    lane_out_need(out, worker_id(2), endpoint_b, 1, &upper, 0);
    uint64_t mark = 0, reached = 0;
    for (uint64_t seq = 1; seq < 200; seq++) {
        lane_ship_t ship;
        while (lane_out_next(out, seq, 0, &ship)) {
            lane_out_shipped(out, &ship, ship.last, LANE_SHIP_BYTES);
            for (size_t r = 0; r < ship.route_count; r++) {
                if (!partitions_has(&ship.routes[r].partitions, 0))
                    continue;
                mark = ship.routes[r].mark;
                reached = ship.last;
                lane_out_ack(out, worker_id(1), endpoint_a, ship.routes[r].lane, mark, 0, 0);
            }
        }
    }
    assert_int_equal(reached, 199); // worker 2 never acknowledged anything
    lane_out_destroy(&out);
}

// Acknowledges all that was sent to worker n on the live lane.
static void acknowledge(lane_out_t *out, uint8_t n, slice_t endpoint, const lane_ship_t *ship)
{
    for (size_t r = 0; r < ship->route_count; r++)
        if (slice_is(endpoint, ship->routes[r].endpoint))
            lane_out_ack(out, worker_id(n), endpoint, ship->routes[r].lane, ship->routes[r].mark, 0,
                         0);
}

// If each worker went on by itself, every record would be mapped once for each of them.
static void when_all_are_slow_the_live_lane_waits(void **state)
{
    (void) state;
    lane_out_t *out = lane_out_new();
    partitions_t lower = range(0, 127), upper = range(128, 255);
    lane_out_need(out, worker_id(1), endpoint_a, 1, &lower, 0);
    lane_out_need(out, worker_id(2), endpoint_b, 1, &upper, 0);
    lane_ship_t ship, last = { 0 };
    uint64_t seq = 1;
    while (lane_out_next(out, seq, 0, &ship)) {
        lane_out_shipped(out, &ship, ship.last, LANE_SHIP_BYTES);
        last = ship;
        seq++;
        assert_int_equal(ship.route_count, 2);
        assert_true(ship.live);
    }
    assert_int_equal(seq, LANE_LIVE_BYTES_MAX / LANE_SHIP_BYTES + 1);
    acknowledge(out, 1, endpoint_a, &last);
    assert_true(lane_out_next(out, seq, 0, &ship)); // one is ahead: the other goes by itself
    assert_int_equal(ship.route_count, 1);
    lane_out_destroy(&out);
}

static void jobs_at_the_same_record_travel_together(void **state)
{
    (void) state;
    lane_out_t *out = lane_out_new();
    partitions_t lower = range(0, 127), upper = range(128, 255);
    lane_ship_t ship;
    assert_false(lane_out_next(out, 9, 0, &ship)); // nobody listens yet
    lane_out_need(out, worker_id(1), endpoint_a, 1, &lower, 0);
    lane_out_need(out, worker_id(2), endpoint_b, 5, &upper, 0);
    assert_true(lane_out_next(out, 9, 0, &ship));
    assert_int_equal(ship.from, 1);
    assert_int_equal(ship.last, 4); // there it meets the other
    assert_int_equal(ship.route_count, 1);
    lane_out_shipped(out, &ship, 4, 10);
    assert_true(lane_out_next(out, 9, 0, &ship));
    assert_int_equal(ship.from, 5);
    assert_int_equal(ship.last, 9);
    assert_int_equal(ship.route_count, 2);
    assert_false(ship.live);
    lane_out_shipped(out, &ship, 9, 10);
    assert_false(lane_out_next(out, 9, 0, &ship));
    lane_out_destroy(&out);
}

static void silent_worker_is_forgotten(void **state)
{
    (void) state;
    lane_out_t *out = lane_out_new();
    partitions_t all = range(0, 255);
    lane_out_need(out, worker_id(1), endpoint_a, 1, &all, 0);
    assert_int_equal(lane_out_workers(out), 1);
    lane_ship_t ship;
    assert_false(lane_out_next(out, 10, LANE_SILENT_US + 1, &ship));
    assert_int_equal(lane_out_workers(out), 0);
    lane_out_destroy(&out);
}

static void durable_is_what_all_partitions_have(void **state)
{
    (void) state;
    lane_out_t *out = lane_out_new();
    partitions_t all = range(0, 255), low = range(0, 99), high = range(100, 255), one = range(7, 7);
    assert_int_equal(lane_out_durable(out), 0);
    lane_out_ack(out, worker_id(2), endpoint_b, LANE_LIVE, 0, 100, 1);
    assert_int_equal(lane_out_durable(out), 0); // of which partitions?
    lane_out_need(out, worker_id(2), endpoint_b, 101, &high, 1);
    assert_int_equal(lane_out_durable(out), 0); // of the others nobody has spoken yet
    lane_out_need(out, worker_id(1), endpoint_a, 1, &low, 1);
    assert_int_equal(lane_out_durable(out), 0); // has nothing yet; also if it is heard first
    lane_out_ack(out, worker_id(1), endpoint_a, LANE_LIVE, 0, 40, 1);
    assert_int_equal(lane_out_durable(out), 40);
    lane_out_ack(out, worker_id(3), endpoint_a, LANE_LIVE, 0, 0, 1); // owns nothing
    assert_int_equal(lane_out_durable(out), 40);
    lane_out_ack(out, worker_id(1), endpoint_a, LANE_LIVE, 0, 200, 1);
    assert_int_equal(lane_out_durable(out), 100);
    lane_out_need(out, worker_id(1), endpoint_a, 21, &one, 1); // new to it, and has less
    assert_int_equal(lane_out_durable(out), 20);
    lane_out_need(out, worker_id(3), endpoint_a, 201, &all, 1);
    lane_out_ack(out, worker_id(3), endpoint_a, LANE_LIVE, 0, 300, 1);
    assert_int_equal(lane_out_durable(out), 300); // what the others have is history
    lane_out_destroy(&out);
}

static void marks_of_an_earlier_life_say_nothing(void **state)
{
    (void) state;
    lane_out_t *out = lane_out_new();
    partitions_t all = range(0, 255);
    lane_out_need(out, worker_id(1), endpoint_a, 1, &all, 0);
    lane_out_ack(out, worker_id(1), endpoint_a, LANE_LIVE, UINT64_MAX, 0, 0);
    lane_ship_t ship;
    uint64_t sent = 0;
    for (uint64_t seq = 1; lane_out_next(out, seq, 0, &ship); seq++) {
        lane_out_shipped(out, &ship, ship.from, LANE_SHIP_BYTES);
        sent += LANE_SHIP_BYTES;
        assert_true(sent < 4ull * LANE_LIVE_BYTES_MAX);
    }
    lane_out_destroy(&out);
}

// Ships one record of so many bytes as long as there is credit; returns how many went live.
static unsigned ship_records(lane_out_t *out, uint64_t *seq, unsigned count, size_t bytes,
                             int64_t now_us, bool answer)
{
    unsigned live = 0;
    lane_ship_t ship;
    for (unsigned n = 0; n < count && lane_out_next(out, *seq, now_us, &ship); n++) {
        lane_out_shipped(out, &ship, ship.last, bytes);
        live += ship.live;
        *seq += ship.live || ship.last == *seq;
        for (size_t r = 0; answer && r < ship.route_count; r++)
            lane_out_ack(out, worker_id(1), endpoint_a, ship.routes[r].lane, ship.routes[r].mark, 0,
                         now_us);
    }
    return live;
}

// The last messages of a live lane are lost: nothing later on it can acknowledge them.
static void lost_credit_comes_back(void **state)
{
    (void) state;
    lane_out_t *out = lane_out_new();
    partitions_t all = range(0, 255);
    uint64_t seq = 1;
    lane_out_need(out, worker_id(1), endpoint_a, 1, &all, 0);
    assert_true(ship_records(out, &seq, 100, LANE_SHIP_BYTES, 0, false) >= 31);
    lane_out_need(out, worker_id(1), endpoint_a, 1, &all, 0); // it was paused and heard none of it
    uint64_t last = seq;
    ship_records(out, &seq, 10, LANE_SHIP_BYTES, 0, true);
    assert_true(seq > last);
    assert_int_equal(ship_records(out, &seq, 100, LANE_SHIP_BYTES, 0, true), 100);
    lane_out_destroy(&out);
}

// A worker that slept was forgotten; what it remembers of its lanes is of before.
static void worker_that_slept_goes_live_again(void **state)
{
    (void) state;
    lane_out_t *out = lane_out_new();
    partitions_t all = range(0, 255);
    uint64_t seq = 1;
    lane_out_need(out, worker_id(1), endpoint_a, 1, &all, 0);
    assert_int_equal(ship_records(out, &seq, 200, LANE_SHIP_BYTES, 0, true), 200);
    uint64_t highest = 0; // mark of the live lane that the worker knows
    lane_ship_t ship;
    assert_true(lane_out_next(out, seq, 0, &ship));
    lane_out_shipped(out, &ship, seq, 1);
    highest = ship.routes[0].mark;
    seq++;

    int64_t later_us = LANE_SILENT_US + 1000000;
    assert_false(lane_out_next(out, seq - 1, later_us, &ship));
    assert_int_equal(lane_out_workers(out), 0);
    lane_out_need(out, worker_id(1), endpoint_a, seq, &all, later_us);
    for (unsigned n = 0; n < 100; n++, seq++) {
        assert_true(lane_out_next(out, seq, later_us, &ship));
        assert_true(n == 0 || ship.live);
        lane_out_shipped(out, &ship, seq, LANE_SHIP_BYTES);
        if (ship.live && ship.routes[0].mark > highest) // as a worker notes marks
            highest = ship.routes[0].mark;
        lane_out_ack(out, worker_id(1), endpoint_a, LANE_LIVE, highest, 0, later_us);
    }
    lane_out_destroy(&out);
}

// ---- the worker's end ---------------------------------------------------------------------------

static void gap_waits_and_is_asked_for(void **state)
{
    (void) state;
    lane_in_t *in = lane_in_new();
    lane_in_own(in, 7, 10, 0);
    partitions_t need, ready, early;
    uint64_t from;
    assert_true(lane_in_needs(in, 0, false, &need, &from)); // new: asks at once
    assert_int_equal(from, 11);
    assert_true(partitions_has(&need, 7));
    assert_false(lane_in_needs(in, LANE_AGAIN_US - 1, false, &need, &from)); // not again so soon

    lane_span_t span = { .from = 13, .to = 15, .partitions = range(0, 255) };
    lane_in_sort(in, &span, 1000, &ready, &early);
    assert_false(partitions_has(&ready, 7));
    assert_true(partitions_has(&early, 7));
    assert_true(lane_in_hold(in, &span, slice_text("late")));

    lane_span_t missing = { .from = 11, .to = 12, .partitions = range(7, 7) };
    lane_in_sort(in, &missing, 2000, &ready, &early);
    assert_true(partitions_has(&ready, 7));
    lane_in_applied(in, &missing, &ready);
    slice_t frame;
    lane_span_t got;
    assert_true(lane_in_release(in, &got, &frame));
    assert_int_equal(got.from, 13);
    assert_true(slice_is(frame, "late"));
    lane_in_applied(in, &got, &ready);
    assert_int_equal(lane_in_position(in, 7), 15);
    assert_false(lane_in_release(in, &got, &frame));
    lane_in_destroy(&in);
}

// What is missing may be in a message that has come but was not looked at.
static void unread_messages_call_for_patience(void **state)
{
    (void) state;
    lane_in_t *in = lane_in_new();
    partitions_t need, ready, early;
    uint64_t from;
    lane_in_own(in, 7, 10, 0);
    assert_true(lane_in_needs(in, 0, true, &need, &from)); // new: asks at once all the same
    int64_t now_us = LANE_CALM_US;
    lane_span_t span = { .from = 13, .to = 15, .partitions = range(0, 255) };
    lane_in_sort(in, &span, now_us, &ready, &early);
    assert_false(lane_in_needs(in, now_us + LANE_GAP_US, true, &need, &from));
    int64_t patience_us = (int64_t) LANE_GAP_US * LANE_UNREAD_TIMES;
    assert_true(lane_in_needs(in, now_us + patience_us, true, &need, &from));
    now_us += LANE_CALM_US;
    assert_true(lane_in_needs(in, now_us + LANE_GAP_US, false, &need, &from));
    lane_in_destroy(&in);
}

static void questions_become_rarer(void **state)
{
    (void) state;
    lane_in_t *in = lane_in_new();
    lane_in_own(in, 7, 10, 0);
    partitions_t need;
    uint64_t from;
    int64_t last_us = -1, now_us = 0, gaps_us[5] = { 0 };
    for (unsigned n = 0; n < 6; now_us += 1000) {
        if (!lane_in_needs(in, now_us, false, &need, &from))
            continue;
        if (n > 0)
            gaps_us[n - 1] = now_us - last_us;
        last_us = now_us;
        n++;
    }
    const int64_t expected_us[] = { 500000, 1000000, 2000000, 4000000, 4000000 };
    assert_memory_equal(gaps_us, expected_us, sizeof gaps_us);
    now_us =
        last_us + LANE_CALM_US; // it was heard of meanwhile: a new gap is asked for as at first
    assert_true(lane_in_needs(in, now_us, false, &need, &from));
    assert_false(lane_in_needs(in, now_us + LANE_AGAIN_US - 1, false, &need, &from));
    assert_true(lane_in_needs(in, now_us + LANE_AGAIN_US, false, &need, &from));
    lane_in_destroy(&in);
}

static void repeats_are_useless(void **state)
{
    (void) state;
    lane_in_t *in = lane_in_new();
    lane_in_own(in, 0, 20, 0);
    lane_span_t span = { .from = 11, .to = 20, .partitions = range(0, 255) };
    partitions_t ready, early;
    lane_in_sort(in, &span, 0, &ready, &early);
    assert_false(partitions_has(&ready, 0));
    assert_false(partitions_has(&early, 0));
    span.to = 21; // overlaps and brings one record
    lane_in_sort(in, &span, 0, &ready, &early);
    assert_true(partitions_has(&ready, 0));
    lane_in_destroy(&in);
}

static void hold_is_bounded(void **state)
{
    (void) state;
    lane_in_t *in = lane_in_new();
    lane_in_own(in, 0, 0, 0);
    static uint8_t big[1 << 20];
    size_t held = 0;
    for (uint64_t seq = 5; seq < 100; seq++) {
        lane_span_t span = { .from = seq, .to = seq, .partitions = range(0, 0) };
        held += lane_in_hold(in, &span, slice_of(big, sizeof big));
    }
    assert_int_equal(held, LANE_HOLD_BYTES_MAX / sizeof big);
    lane_in_destroy(&in);
}

// ---- both, over a bad wire ----------------------------------------------------------------------

enum { WORKERS = 3, RECORDS = 400, WIRE_MAX = 4096 };

typedef struct {
    int worker;
    uint32_t lane;
    uint64_t mark;
    lane_span_t span;
} message_t;

typedef struct {
    uint64_t random;
    lane_out_t *out;
    lane_in_t *in[WORKERS];
    uint8_t life[WORKERS];
    int owner[PARTITIONS];
    uint64_t applied[PARTITIONS]; // every record exactly once and in order
    size_t wire_count;
    message_t wire[WIRE_MAX];
    int64_t now_us;
} world_t;

static uint32_t chance(world_t *world, uint32_t below)
{
    world->random = world->random * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t) (world->random >> 33) % below;
}

static slice_t endpoint_of(const world_t *world, int worker, char text[32])
{
    int size = snprintf(text, 32, "tcp://127.0.0.1:%d%02d", worker + 1, world->life[worker]);
    return slice_of(text, (size_t) size);
}

static void deliver(world_t *world, const message_t *message)
{
    lane_in_t *in = world->in[message->worker];
    lane_span_t span = message->span;
    slice_t frame = slice_of(&message->mark, 0);
    partitions_t ready, early;
    bool held = false;
    do {
        lane_in_sort(in, &span, world->now_us, &ready, &early);
        for (unsigned p = 0; p < PARTITIONS; p++) {
            if (!partitions_has(&ready, p) || world->owner[p] != message->worker)
                continue;
            assert_int_equal(lane_in_position(in, p), world->applied[p]);
            assert_true(span.from <= world->applied[p] + 1 && span.to > world->applied[p]);
            world->applied[p] = span.to;
        }
        lane_in_applied(in, &span, &ready);
        bool any = false;
        for (unsigned p = 0; p < PARTITIONS; p++)
            any |= partitions_has(&early, p);
        if (any && !held) {
            span.partitions = early;
            lane_in_hold(in, &span, frame);
        }
        held = true;
    } while (lane_in_release(in, &span, &frame));
    char text[32];
    if (chance(world, 4) > 0)
        lane_out_ack(world->out,
                     worker_id((uint8_t) (message->worker * 50 + world->life[message->worker])),
                     endpoint_of(world, message->worker, text), message->lane, message->mark, 0,
                     world->now_us);
}

static void send_all(world_t *world, uint64_t head, uint32_t loss)
{
    lane_ship_t ship;
    for (int n = 0; n < 20 && lane_out_next(world->out, head, world->now_us, &ship); n++) {
        uint64_t to = ship.from + chance(world, 8);
        to = to < ship.last ? to : ship.last;
        lane_out_shipped(world->out, &ship, to, (to - ship.from + 1) * 100000);
        for (size_t r = 0; r < ship.route_count; r++) {
            message_t message = { .worker = -1,
                                  .lane = ship.routes[r].lane,
                                  .mark = ship.routes[r].mark,
                                  .span = { ship.from, to, ship.routes[r].partitions } };
            char text[32];
            for (int w = 0; w < WORKERS; w++) {
                slice_t endpoint = endpoint_of(world, w, text);
                if (slice_is(endpoint, ship.routes[r].endpoint))
                    message.worker = w;
            }
            for (uint32_t copies = chance(world, 100) < 3 ? 2 : 1; copies > 0; copies--)
                if (message.worker != -1 && chance(world, 100) >= loss &&
                    world->wire_count < WIRE_MAX)
                    world->wire[world->wire_count++] = message;
        }
    }
}

// A worker dies with all it had in memory; what it owned goes on elsewhere from a checkpoint.
static void kill_worker(world_t *world, int worker)
{
    lane_in_destroy(&world->in[worker]);
    world->in[worker] = lane_in_new();
    world->life[worker] = (uint8_t) ((world->life[worker] + 1) % 50);
    for (unsigned p = 0; p < PARTITIONS; p++) {
        if (world->owner[p] != worker)
            continue;
        uint64_t back = chance(world, 5);
        world->applied[p] -= back < world->applied[p] ? back : world->applied[p];
        world->owner[p] = (int) chance(world, WORKERS);
        lane_in_own(world->in[world->owner[p]], p, world->applied[p], world->now_us);
    }
}

static void play(uint64_t seed)
{
    world_t world = { .random = seed, .out = lane_out_new() };
    for (int w = 0; w < WORKERS; w++)
        world.in[w] = lane_in_new();
    for (unsigned p = 0; p < PARTITIONS; p++) {
        world.owner[p] = (int) chance(&world, WORKERS);
        lane_in_own(world.in[world.owner[p]], p, 0, 0);
    }
    uint64_t head = 0;
    bool done = false;
    for (int turn = 0; turn < 4000 && !done; turn++) {
        bool calm = turn > 1500;
        world.now_us += 20000;
        head = head < RECORDS ? head + chance(&world, 3) : head;
        if (!calm && chance(&world, 200) == 0)
            kill_worker(&world, (int) chance(&world, WORKERS));
        for (int w = 0; w < WORKERS; w++) {
            partitions_t need;
            uint64_t from;
            char text[32];
            if (lane_in_needs(world.in[w], world.now_us, false, &need, &from) &&
                (calm || chance(&world, 10) > 0))
                lane_out_need(world.out, worker_id((uint8_t) (w * 50 + world.life[w])),
                              endpoint_of(&world, w, text), from, &need, world.now_us);
        }
        send_all(&world, head, calm ? 0 : 10);
        for (uint32_t n = chance(&world, 30); n > 0 && world.wire_count > 0; n--) {
            size_t at = chance(&world, calm ? 2 : 16) % (uint32_t) world.wire_count;
            message_t message = world.wire[at];
            world.wire_count--;
            memmove(&world.wire[at], &world.wire[at + 1], (world.wire_count - at) * sizeof message);
            deliver(&world, &message);
        }
        done = head >= RECORDS;
        for (unsigned p = 0; p < PARTITIONS; p++)
            done &= world.applied[p] == head;
    }
    if (!done)
        fail_msg("seed %llu: not every partition reached the head", (unsigned long long) seed);
    for (int w = 0; w < WORKERS; w++)
        lane_in_destroy(&world.in[w]);
    lane_out_destroy(&world.out);
}

static void every_record_reaches_its_owner_once_and_in_order(void **state)
{
    (void) state;
    for (uint64_t seed = 1; seed <= 60; seed++)
        play(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_listens_nothing_is_sent),
        cmocka_unit_test(need_replays_then_goes_live),
        cmocka_unit_test(partition_has_one_owner),
        cmocka_unit_test(credit_bounds_what_is_under_way),
        cmocka_unit_test(slow_worker_slows_nobody_else),
        cmocka_unit_test(when_all_are_slow_the_live_lane_waits),
        cmocka_unit_test(jobs_at_the_same_record_travel_together),
        cmocka_unit_test(silent_worker_is_forgotten),
        cmocka_unit_test(durable_is_what_all_partitions_have),
        cmocka_unit_test(marks_of_an_earlier_life_say_nothing),
        cmocka_unit_test(lost_credit_comes_back),
        cmocka_unit_test(worker_that_slept_goes_live_again),
        cmocka_unit_test(gap_waits_and_is_asked_for),
        cmocka_unit_test(unread_messages_call_for_patience),
        cmocka_unit_test(questions_become_rarer),
        cmocka_unit_test(repeats_are_useless),
        cmocka_unit_test(hold_is_bounded),
        cmocka_unit_test(every_record_reaches_its_owner_once_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
