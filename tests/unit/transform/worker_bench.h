/*  worker_bench -- a worker without its program, on a real Redis, and messages for it. */
#pragma once
#include "actors/transform/worker.h"

#include "feeds.h"
#include "tests/unit/broker/store_fixture.h"

typedef struct {
    worker_t worker;
    ruleset_t *rules; // of an empty plan
} bench_t;

static inline void put_plan(bench_t *self)
{
    plan_t *plan = plan_new();
    buffer_t snapshot = { 0 };
    assert_true(plan_encode(plan, NULL, &snapshot));
    plan_hash_t hash = plan_hash(plan);
    char text[2 * sizeof hash.bytes + 1];
    for (size_t i = 0; i < sizeof hash.bytes; i++)
        snprintf(text + 2 * i, 3, "%02x", hash.bytes[i]);
    expect(self->worker.store, store_plan_put(self->worker.store, text, buffer_slice(&snapshot)),
           STORE_OK);
    ruleset_destroy(&self->rules);
    self->rules = ruleset_new(plan, NULL, NULL);
    assert_non_null(self->rules);
    buffer_destroy(&snapshot);
    plan_destroy(&plan);
}

static inline bench_t *bench_new(const char *name)
{
    bench_t *self = calloc(1, sizeof *self);
    assert_non_null(self);
    worker_t *worker = &self->worker;
    worker->name = name;
    snprintf(worker->id_text, sizeof worker->id_text, "%p", (void *) self);
    worker->store = open_store("tw");
    worker->commits = open_store("tw");
    worker->inbox = bus_bind(BUS_PULL, DOOR_ROWS, "tcp://127.0.0.1:*", 16, NULL);
    assert_non_null(worker->inbox);
    worker->alert_bytes_max = WORKER_ALERT_BYTES_MAX;
    worker->fold = fold_new(worker_alert, worker);
    worker->plans = worker_plans_new(worker->store);
    worker->batch = worker_commits_new();
    worker->bases = worker_bases_new();
    assert_true(worker->fold && worker->plans && worker->batch && worker->bases);
    put_plan(self);
    return self;
}

static inline void bench_destroy(bench_t **self_p)
{
    worker_t *worker = &(*self_p)->worker;
    worker_forget_all(worker);
    for (size_t i = 0; i < worker->stream_count; i++)
        lane_in_destroy(&worker->streams[i].lane);
    worker_commits_destroy(&worker->batch);
    worker_bases_destroy(&worker->bases);
    fold_destroy(&worker->fold);
    worker_plans_destroy(&worker->plans);
    bus_destroy(&worker->inbox);
    store_destroy(&worker->commits);
    store_destroy(&worker->store);
    ruleset_destroy(&(*self_p)->rules);
    free(*self_p);
    *self_p = NULL;
}

static inline void claim_and_load(worker_t *worker)
{
    assert_true(worker_look_around(worker, 0));
    worker_claim(worker);
    while (!worker_load(worker))
        ;
}

static const seal_secret_t theirs = { "of stream s" }, strange = { "of a stranger" };

typedef struct {
    const char *stream;
    uint64_t first, last, from, to;
} span_t;

// Rows without rows, for all partitions, up to mark 10 * last of the live lane; sealed for whoever
// listens there.
static inline void take_for(worker_t *worker, const char *endpoint, const span_t *span,
                            const seal_secret_t *secret, int64_t now_us)
{
    partitions_t all;
    memset(&all, 0xff, sizeof all);
    const seal_claim_t claim = { .stream = slice_text(span->stream),
                                 .endpoint = slice_text(endpoint),
                                 .lane = LANE_LIVE,
                                 .mark = 10 * span->last,
                                 .first = span->first,
                                 .last = span->last,
                                 .partitions = slice_of(all.bits, sizeof all.bits) };
    seal_t seal = seal_of(secret, &claim);
    const message_rows_t rows = { .stream = claim.stream,
                                  .mark = claim.mark,
                                  .first = claim.first,
                                  .last = claim.last,
                                  .partitions = claim.partitions,
                                  .seal = slice_of(seal.bytes, sizeof seal.bytes),
                                  .from = span->from,
                                  .to = span->to };
    owned(buffer_destroy) buffer_t frame = { 0 };
    message_rows_encode(&rows, &frame);
    assert_false(frame.failed);
    worker_take(worker, buffer_slice(&frame), now_us);
}

static inline void take(worker_t *worker, const span_t *span, const seal_secret_t *secret,
                        int64_t now_us)
{
    take_for(worker, bus_endpoint(worker->inbox), span, secret, now_us);
}

static inline void agree(worker_t *worker, const char *stream, const seal_secret_t *secret)
{
    seal_secret_t agreed = *secret;
    expect(worker->store, store_secret_agree(worker->store, slice_text(stream), &agreed), STORE_OK);
}
