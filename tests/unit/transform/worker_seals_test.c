/*  worker_seals_test -- what a collector has not sealed changes nothing: no position, no mark,
 *  nothing held.
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
    assert_int_equal(worker->dropped, 1); // there is none
    agree(worker, "s", &theirs);
    take(worker, &first, &theirs, 1);
    assert_int_equal(worker->dropped, 2); // asked just now
    assert_int_equal(worker->forged, 0);  // who could say?
    take(worker, &first, &theirs, LATER_US);
    assert_reached(stream, 1, 10);
    redis("FLUSHALL > /dev/null");
    take(worker, &second, &strange, 2 * LATER_US);
    assert_int_equal(worker->forged, 1);
    agree(worker, "s", &strange);
    take(worker, &second, &strange, 3 * LATER_US);
    assert_reached(stream, 2, 20);
    redis("FLUSHALL > /dev/null"); // what is known stays so
    take(worker, &first, &theirs, 4 * LATER_US);
    const span_t third = { "s", 3, 3, 3, 3 };
    take(worker, &third, &strange, 4 * LATER_US);
    assert_reached(stream, 3, 30);
}

// What one stream waits for holds up no other.
static void each_stream_is_asked_for(void **state)
{
    (void) state;
    owned(bench_destroy) bench_t *bench = bench_new("one");
    worker_t *worker = &bench->worker;
    worker_stream_t *s = worker_stream(worker, slice_text("s")),
                    *t = worker_stream(worker, slice_text("t"));
    claim_and_load(worker);
    const span_t of_s = { "s", 1, 1, 1, 1 }, of_t = { "t", 1, 1, 1, 1 };
    agree(worker, "s", &theirs);
    take(worker, &of_s, &theirs, 0);
    assert_reached(s, 1, 10);
    take(worker, &of_s, &strange, 1);
    agree(worker, "t", &theirs);
    take(worker, &of_t, &theirs, 2);
    assert_reached(t, 1, 10);
    assert_int_equal(worker->forged, 1);
    assert_int_equal(worker->dropped, 0);
}

// What the log says of `often` messages of which nobody can tell; how many lines.
static unsigned lines_of(worker_t *worker, const span_t *span, unsigned often, char text[1024])
{
    enum { AGAIN_US = 300000 };
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    for (unsigned i = 0; i < often; i++)
        take(worker, span, &theirs, i * AGAIN_US);
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(file);
    text[fread(text, 1, 1023, file)] = '\0';
    fclose(file);
    unsigned lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    return lines;
}

// A Redis that does not say what the secret is makes nobody a forger, and the log says so: once.
static void secrets_that_cannot_be_read_are_told(void **state)
{
    (void) state;
    enum { TIMES = 5, LATER_US = 10000000 };
    char text[1024];
    owned(bench_destroy) bench_t *bench = bench_new("one");
    worker_t *worker = &bench->worker;
    worker_stream_t *stream = worker_stream(worker, slice_text("s"));
    claim_and_load(worker);
    const span_t first = { "s", 1, 1, 1, 1 };
    redis("SET 'tw:{secrets}' text");
    assert_int_equal(lines_of(worker, &first, TIMES, text), 1);
    assert_non_null(strstr(text, "secrets of seals cannot be read"));
    assert_non_null(strstr(text, "WRONGTYPE"));
    assert_int_equal(worker->forged, 0);
    assert_int_equal(worker->dropped, TIMES);
    assert_reached(stream, 0, 0);
    redis("DEL 'tw:{secrets}'");
    agree(worker, "s", &theirs);
    take(worker, &first, &theirs, LATER_US);
    assert_reached(stream, 1, 10);
}

// Who knows an old secret, and cannot read the new one, calls nobody a forger.
static void an_old_secret_makes_nobody_a_forger(void **state)
{
    (void) state;
    enum { LATER_US = 1000000 };
    owned(bench_destroy) bench_t *bench = bench_new("one");
    worker_t *worker = &bench->worker;
    worker_stream_t *stream = worker_stream(worker, slice_text("s"));
    claim_and_load(worker);
    const span_t first = { "s", 1, 1, 1, 1 }, second = { "s", 2, 2, 2, 2 };
    agree(worker, "s", &theirs);
    take(worker, &first, &theirs, 0);
    redis("SET 'tw:{secrets}' text > /dev/null");
    take(worker, &second, &strange, LATER_US);
    take(worker, &second, &strange, LATER_US + 1);
    assert_int_equal(worker->forged, 0);
    assert_int_equal(worker->dropped, 2);
    take(worker, &second, &theirs, LATER_US + 2); // the old one is still good
    assert_reached(stream, 2, 20);
    redis("DEL 'tw:{secrets}' > /dev/null");
    const span_t third = { "s", 3, 3, 3, 3 };
    take(worker, &third, &strange, 2 * LATER_US);
    assert_int_equal(worker->forged, 1);
}

static void a_secret_that_is_not_there_is_told(void **state)
{
    (void) state;
    char text[1024];
    owned(bench_destroy) bench_t *bench = bench_new("one");
    (void) worker_stream(&bench->worker, slice_text("s"));
    claim_and_load(&bench->worker);
    const span_t first = { "s", 1, 1, 1, 1 };
    assert_int_equal(lines_of(&bench->worker, &first, 3, text), 1);
    assert_non_null(strstr(text, "Redis has no secret of a stream"));
    assert_int_equal(bench->worker.dropped, 3);
}

// Who has sent what is malformed is told of what he forges too, and each by its own number.
static void forgers_are_told_apart(void **state)
{
    (void) state;
    owned(bench_destroy) bench_t *bench = bench_new("one");
    worker_t *worker = &bench->worker;
    char text[1024];
    agree(worker, "s", &strange);
    (void) worker_stream(worker, slice_text("s"));
    claim_and_load(worker);
    const span_t first = { "s", 1, 1, 1, 1 };
    worker_take(worker, slice_text("none"), 0);
    assert_int_equal(lines_of(worker, &first, 3, text), 1);
    assert_non_null(strstr(text, "forged message refused"));
    assert_non_null(strstr(text, "times=1"));
    assert_int_equal(worker->forged, 3);
    assert_int_equal(worker->malformed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_forged_is_not_taken, flush),
        cmocka_unit_test_setup(what_is_sealed_for_another_is_not_taken, flush),
        cmocka_unit_test_setup(streams_that_nobody_tells_are_not_followed, flush),
        cmocka_unit_test_setup(a_sealed_message_comes_in_parts, flush),
        cmocka_unit_test_setup(the_secret_in_redis_counts, flush),
        cmocka_unit_test_setup(each_stream_is_asked_for, flush),
        cmocka_unit_test_setup(secrets_that_cannot_be_read_are_told, flush),
        cmocka_unit_test_setup(an_old_secret_makes_nobody_a_forger, flush),
        cmocka_unit_test_setup(a_secret_that_is_not_there_is_told, flush),
        cmocka_unit_test_setup(forgers_are_told_apart, flush),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
