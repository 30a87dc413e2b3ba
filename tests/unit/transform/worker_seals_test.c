/*  worker_seals_test -- what a collector has not sealed changes nothing: no position, no mark,
 * nothing held.
 */
#include "worker_bench.h"

static void assert_reached(const worker_stream_t *stream, uint64_t position, uint64_t mark)
{
    for (unsigned p = 0; p < PARTITIONS; p++)
        assert_int_equal(lane_in_position(stream->lane, p), position);
    assert_int_equal(stream->mark_count, mark > 0);
    if (mark > 0)
        assert_int_equal(stream->marks[0].mark, mark);
}

static void what_is_forged_is_not_taken(void **state)
{
    (void) state;
    owned(bench_destroy) bench_t *bench = bench_new("one");
    worker_t *worker = &bench->worker;
    agree(worker, "s", &theirs);
    worker_stream_t *stream = worker_stream(worker, slice_text("s"));
    claim_and_load(worker);
    const span_t first = { "s", 1, 1, 1, 1 }, all = { "s", 1, 1ull << 62, 1, 1ull << 62 },
                 next = { "s", 2, 2, 2, 2 }, early = { "s", 4, 5, 4, 5 }, gap = { "s", 2, 3, 2, 3 };
    take(worker, &all, &strange, 1);
    assert_reached(stream, 0, 0);
    take(worker, &first, &theirs, 2);
    assert_reached(stream, 1, 10);
    take(worker, &all, &strange, 3);
    take(worker, &next, &strange, 4);
    take(worker, &early, &strange, 5);
    assert_int_equal(worker->forged, 4);
    assert_int_equal(worker->held, 0);
    take(worker, &gap, &theirs, 6); // nothing forged waited behind it
    assert_reached(stream, 3, 30);
    take(worker, &early, &theirs, 7);
    assert_reached(stream, 5, 50);
    assert_int_equal(worker->messages, 3);
    assert_int_equal(worker->malformed, 0);
}

// What one worker may take is nothing for another.
static void what_is_sealed_for_another_is_not_taken(void **state)
{
    (void) state;
    owned(bench_destroy) bench_t *one = bench_new("one");
    owned(bench_destroy) bench_t *two = bench_new("two");
    agree(&one->worker, "s", &theirs);
    worker_stream_t *stream = worker_stream(&one->worker, slice_text("s"));
    claim_and_load(&one->worker);
    const span_t first = { "s", 1, 1, 1, 1 };
    take_for(&one->worker, bus_endpoint(two->worker.inbox), &first, &theirs, 0);
    assert_reached(stream, 0, 0);
    assert_int_equal(one->worker.forged, 1);
    take(&one->worker, &first, &theirs, 0);
    assert_reached(stream, 1, 10);
}

// Nobody makes a stream, or a later telling of one, by a message.
static void streams_that_nobody_tells_are_not_followed(void **state)
{
    (void) state;
    owned(bench_destroy) bench_t *bench = bench_new("one");
    worker_t *worker = &bench->worker;
    agree(worker, "s", &theirs);
    worker_stream_t *stream = worker_stream(worker, slice_text("s"));
    claim_and_load(worker);
    const span_t other = { "t", 1, 1, 1, 1 }, later = { "s~99", 1, 1, 1, 1 },
                 right = { "s", 1, 1, 1, 1 };
    take(worker, &other, &theirs, 0);
    take(worker, &later, &theirs, 0);
    assert_int_equal(worker->forged, 2);
    assert_int_equal(worker->stream_count, 1);
    take(worker, &right, &theirs, 0);
    assert_reached(stream, 1, 10);
}

// Parts of what is sealed are taken; its mark counts when the last of it is there.
static void a_sealed_message_comes_in_parts(void **state)
{
    (void) state;
    owned(bench_destroy) bench_t *bench = bench_new("one");
    worker_t *worker = &bench->worker;
    agree(worker, "s", &theirs);
    worker_stream_t *stream = worker_stream(worker, slice_text("s"));
    claim_and_load(worker);
    const span_t front = { "s", 1, 9, 1, 5 }, back = { "s", 1, 9, 6, 9 };
    take(worker, &front, &theirs, 0);
    assert_reached(stream, 5, 0);
    take(worker, &back, &theirs, 0);
    assert_reached(stream, 9, 90);
    assert_int_equal(worker->forged, 0);
}

// A secret that is not known yet, or another by now, is asked for, but not for every message.
static void the_secret_in_redis_counts(void **state)
{
    (void) state;
    enum { LATER_US = 1000000 };
    owned(bench_destroy) bench_t *bench = bench_new("one");
    worker_t *worker = &bench->worker;
    worker_stream_t *stream = worker_stream(worker, slice_text("s"));
    claim_and_load(worker);
    const span_t first = { "s", 1, 1, 1, 1 }, second = { "s", 2, 2, 2, 2 };
    take(worker, &first, &theirs, 0);
    assert_int_equal(worker->forged, 1); // there is none
    agree(worker, "s", &theirs);
    take(worker, &first, &theirs, 1);
    assert_int_equal(worker->forged, 2); // asked just now
    take(worker, &first, &theirs, LATER_US);
    assert_reached(stream, 1, 10);
    redis("FLUSHALL > /dev/null");
    take(worker, &second, &strange, 2 * LATER_US);
    assert_int_equal(worker->forged, 3);
    agree(worker, "s", &strange);
    take(worker, &second, &strange, 3 * LATER_US);
    assert_reached(stream, 2, 20);
    redis("FLUSHALL > /dev/null"); // what is known stays so
    take(worker, &first, &theirs, 4 * LATER_US);
    const span_t third = { "s", 3, 3, 3, 3 };
    take(worker, &third, &strange, 4 * LATER_US);
    assert_reached(stream, 3, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_forged_is_not_taken, flush),
        cmocka_unit_test_setup(what_is_sealed_for_another_is_not_taken, flush),
        cmocka_unit_test_setup(streams_that_nobody_tells_are_not_followed, flush),
        cmocka_unit_test_setup(a_sealed_message_comes_in_parts, flush),
        cmocka_unit_test_setup(the_secret_in_redis_counts, flush),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
