/*  worker -- the transform actor around the fold: what it owns, hears, commits and asks for.
 *
 *  One thread. worker_claims.c takes and hands over partitions, worker_places.c knows the streams,
 *  worker_streams.c applies what arrives and asks for what does not, worker_seals.c tells what is
 *  forged, worker_commit.c makes it durable, worker_bases.c keeps journals short, worker_plans.c
 *  compiles plans, worker_views.c shows the latest rows; transform.c is the program and its loop.
 */
#pragma once
#include "actors/transform/alert_queue.h"
#include "actors/transform/fold.h"
#include "broker/lane.h"
#include "broker/metrics/metrics.h"
#include "broker/peers.h"
#include "broker/runtime/rate.h"
#include "broker/store.h"
#include "broker/trust/strangers.h"
#include "proto/message.h"
#include "proto/seal.h"

enum {
    WORKER_STREAMS_MAX = 64,            // that are told at a time
    WORKER_DEAD_US = 60000000,          // without a collector: a stream may lose its place
    WORKER_MARKS_MAX = 64,              // lanes of one stream
    WORKER_UNCOMMITTED_MAX = 64 << 20,  // bytes of deltas and alerts: beyond, take nothing in
    WORKER_ALERT_BYTES_MAX = 128 << 20, // of alerts, that one record can make: beyond, see `cut`
    WORKER_LEASE_MS = 3000,
    WORKER_IDLE_COMMIT_US = 10000000,    // offsets of partitions without rows: so often,
    WORKER_IDLE_COMMIT_BYTES = 16 << 20, // and whenever so much would be read again after a crash
    WORKER_ALERTS_PER_BATCH = 10000,     // the rest follows: Redis and leases shall not wait
    WORKER_LOAD_US = 50000,              // reading state, before anything else has its turn
};

// What a test must be able to make small. Production never changes it.
typedef struct {
    size_t base_bytes_least; // journals shorter than this are not worth a base
    size_t piece_bytes;      // of a base; at most BASE_PIECE_BYTES
    size_t alerts_per_batch; // at most WORKER_ALERTS_PER_BATCH
    int64_t idle_commit_us;
} worker_limits_t;

extern worker_limits_t worker_limits;

typedef struct {
    uint32_t number; // no other stream has or had it
    char name[65];
    char ack_endpoint[BUS_ENDPOINT_MAX];
    bus_t *ack; // PUSH to its collector; NULL while it has none
    lane_in_t *lane;
    size_t mark_count;
    ack_mark_t marks[WORKER_MARKS_MAX];
    bool superseded; // a later edition of it is told: this one is over
    bool unacked;    // something arrived since the last acknowledgement
    bool sealed;     // with this secret
    bool secret_old; // another may be in Redis by now: it did not answer when asked last
    seal_secret_t secret;
    int64_t secret_due_us;  // not read again before
    int64_t secret_tell_us; // nor said before that it is not known
    int64_t seen_us;        // when its collector was in the registry
    uint64_t head;          // its last durable record, as the collector said then
    // Of each partition: the record up to which everything is committed, alerts of later ones that
    // are in the outbox already, and those that these have made so far.
    uint64_t committed[PARTITIONS], sent[PARTITIONS], made[PARTITIONS];
} worker_stream_t;

typedef enum {
    HOLDING_NONE,
    HOLDING_CLAIMED, // ours, its state not read yet
    HOLDING_OURS,    // applied to and committed
    HOLDING_LEAVING, // no longer applied to: committed once more, then released
    HOLDING_RETURNED // claimed, but no longer wanted: released
} holding_state_t;

typedef struct {
    holding_state_t state;
    store_id_t token, head;
    size_t base_bytes, journal_bytes;
    size_t plan_bytes; // that plans which the journal names weigh
    uint64_t journal_count;
    alert_queue_t alerts; // not yet committed, or at least not yet sent
    bool cut;             // some alerts are missing: read again when those before are sent
} holding_t;

// The live workers; after an outage of Redis, in which everybody's lease in the registry has run
// out, also those that lived before it, until everybody can have come back: otherwise whoever is
// first would take everything, only to hand most of it over a second later.
typedef struct {
    size_t count;
    char names[LANE_WORKERS_MAX][64];
} worker_roster_t;

typedef struct worker_commits worker_commits_t; // the batch under way
typedef struct worker_bases worker_bases_t;
typedef struct worker_plans worker_plans_t;

typedef struct {
    const char *name;
    worker_id_t id;
    char id_text[2 * sizeof(worker_id_t) + 1];
    fold_t *fold;
    store_t *store;   // beats, claims, loads, views
    store_t *commits; // commits only: one batch may be under way on it
    bus_t *inbox;     // PULL: rows
    bus_t *news;      // PUB to the brokers: latest rows
    peers_t *brokers;
    metrics_t *metrics;    // or NULL
    strangers_t bad_peers; // who sent what is malformed, and streams of such: the log tells of them
    strangers_t forgers;   // and who sent what is forged
    strangers_t starved;   // streams whose records there was no memory for
    size_t stream_count;
    worker_stream_t streams[WORKER_STREAMS_MAX];
    worker_stream_t *applying; // the stream of the record in hand
    bool displaced;            // Redis has positions of streams without a place here
    size_t ignored;            // streams that are told, but found no place
    bool ignoring;             // so it was a second ago
    bool unread;               // messages may wait in the inbox
    uint32_t stream_numbers;   // given so far
    holding_t holdings[PARTITIONS];
    worker_commits_t *batch;
    worker_bases_t *bases;
    size_t alert_bytes, alert_bytes_max; // in all queues
    int64_t renewed_us;                  // when leases were
    worker_plans_t *plans;
    worker_roster_t roster, before; // now, and at the last outage
    uint64_t listed_epoch;          // of the connection on which we last beat; 0 = never
    unsigned strangers;             // looks in a row that found another process under our name
    bool replaced;                  // another process lives under our name
    bool spare;                     // beyond the LANE_WORKERS_MAX that can own partitions
    bool heard;                     // the registry took the last beat
    bool draining;                  // release everything, claim nothing
    uint64_t epoch;                 // of `store` at the last look
    int64_t settle_until_us;        // those of before count until then
    int64_t full_until_us;          // outbox full: take nothing in until then
    uint64_t messages, bytes, malformed, forged, held, dropped, commits_done, stale, fenced;
    uint64_t asked;        // questions for what is missing
    rate_t rate;           // of rows
    int64_t committed_us;  // when the last commit was taken; 0 = none yet
    unsigned since_answer; // messages taken since the last acknowledgement
} worker_t;

// ---- worker_plans.c: rulesets by the hash of their plan ---------------------------------------

worker_plans_t *worker_plans_new(store_t *store);
void worker_plans_destroy(worker_plans_t **self_p);
// The ruleset a control record leads to, or NULL: its plan cannot be found now. Borrowed.
ruleset_t *worker_plans_follow(worker_plans_t *self, slice_t payload, fault_t *fault);
ruleset_t *worker_plans_find(void *plans, plan_hash_t hash); // a fold_find_plan_t
// What it costs to read a journal that names this plan, in bytes of a journal.
size_t worker_plans_weight(const worker_plans_t *self, const ruleset_t *rules);

// ---- worker_places.c --------------------------------------------------------------------------

void worker_meet_collectors(worker_t *self, int64_t now_us); // learn streams and where to answer
uint64_t worker_behind(const worker_t *self); // records that are durable and not applied, at most
// Known or new; a new one may take the place of one that nobody tells any more, and partitions are
// then read again. NULL: too many, or a later edition of it is known.
worker_stream_t *worker_stream(worker_t *self, slice_t name);
worker_stream_t *worker_stream_known(worker_t *self, slice_t name); // or NULL
// The same of a stream that Redis has a position of. NULL: no memory, or (*no_place) too many; then
// it is read again when the stream is told.
worker_stream_t *worker_stream_of_past(worker_t *self, slice_t name, bool *no_place);
bool worker_stream_is_over(const worker_t *self, slice_t name); // a later edition is known

// ---- worker_streams.c -------------------------------------------------------------------------

void worker_take(worker_t *self, slice_t frame, int64_t now_us);
void worker_ask(worker_t *self, int64_t now_us); // NEED what is missing
void worker_answer(worker_t *self);              // ACK what arrived

// ---- worker_seals.c ---------------------------------------------------------------------------

typedef enum {
    SEAL_FITS,
    SEAL_UNKNOWN, // the stream's secret is not known, or may be an old one: nobody can say
    SEAL_FORGED,
} seal_verdict_t;

// May these rows speak for what they speak for, to this worker? Asks Redis once in a while if not.
seal_verdict_t worker_judge_seal(worker_t *self, worker_stream_t *stream,
                                 const message_rows_t *rows, int64_t now_us);

// ---- worker_claims.c --------------------------------------------------------------------------

void worker_listed(worker_t *self);                      // the registry has been told of us
bool worker_look_around(worker_t *self, int64_t now_us); // who lives; false: Redis is away
void worker_claim(worker_t *self);                       // take what should be ours and is free
bool worker_load(worker_t *self);                        // read what was claimed; false: more to do
void worker_renew(worker_t *self);                       // leases
void worker_renew_meanwhile(worker_t *self); // while partitions are in use; nothing is dropped
void worker_leave(worker_t *self, unsigned partition);  // apply no more; commit, then release
void worker_forget(worker_t *self, unsigned partition); // drop it from memory
void worker_forget_all(worker_t *self);
size_t worker_held(const worker_t *self);      // partitions applied to
bool worker_has_nothing(const worker_t *self); // neither these nor others

// ---- worker_commit.c --------------------------------------------------------------------------

worker_commits_t *worker_commits_new(void);
void worker_commits_destroy(worker_commits_t **self_p);
void worker_alert(void *worker, unsigned partition, const alert_t *alert); // a fold_alert_t
size_t worker_uncommitted(const worker_t *self);
bool worker_committing(const worker_t *self);              // a batch is under way
void worker_commit(worker_t *self);                        // send what is dirty
void worker_commit_settle(worker_t *self, int64_t now_us); // take the answers
// A batch that is not answered in time is given up: its connection may be dead without a sign.
void worker_commit_watch(worker_t *self, int64_t now_us);

// ---- worker_bases.c ---------------------------------------------------------------------------

worker_bases_t *worker_bases_new(void);
void worker_bases_destroy(worker_bases_t **self_p);
void worker_base_make(worker_t *self, const store_commit_t *commit); // if due: as it will be then
void worker_base_taken(worker_t *self, const store_commit_t *commit);
bool worker_write_bases(worker_t *self); // some pieces; false: more to do
void worker_swap_bases(worker_t *self);  // those written; no commit is under way

// ---- worker_views.c ---------------------------------------------------------------------------

void worker_show(worker_t *self); // <ns>:latest:* and metric/ news
