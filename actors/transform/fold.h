/*  fold -- F of the theorem: rows in order become window state, verdicts and alerts.
 *
 *  Pure: reads no clock, socket, log or global; what it needs is in the records. State is a
 *  product of partitions, and within a partition of streams: a series lives in one stream. The
 *  same code serves the transform actor, back-tests and the simulator.
 *
 *  What changed in a partition since its last delta is written to the next one, so that
 *  base + deltas == state, byte for byte, and applying a delta evaluates no rule.
 *
 *  A row is judged when it is accepted and when it is revised, against what is known then; the
 *  first true verdict of a rule publishes. It closes when a row comes that is newer by more than
 *  the lateness of its table. If it could have been seen otherwise since (it was revised, one of
 *  its time before it was, or there is a lateness) it is judged once more, by the rules then in
 *  force: what no longer holds is corrected, what holds only now is published late. So alerts
 *  minus corrections are those of the rows that have closed, in their last revision.
 *
 *  A row of a source without identity is told apart by its ordinal among the accepted rows of
 *  its series and time, from 0, and is never revised. Tables that the plan does not know are
 *  admitted and remembered, but nothing is judged. A series lives until its partition is dropped:
 *  docs/architecture.md says what that costs.
 *
 *  Below: partition.h (series by stream), series.h (what is kept, and from when on it is
 *  covered), windows.h and slot.h (sums), cells.h (series too dense for their windows), ring.h
 *  (exact numbers in columns), jury.h (verdicts and evidence), journal.h (bytes).
 */
#pragma once
#include "actors/rules/ruleset.h"
#include "actors/transform/open.h"
#include "proto/alert.h"
#include "proto/rows.h"

typedef struct fold fold_t;

typedef struct {
    uint64_t accepted, late, duplicates, revisions, alerts, suppressed, corrections, firing,
        resolved, flapping, silences, judged, warming;
} fold_count_t;

// Called for each alert, correction and change of an incident, in order. The alert and all it
// points to live only during the call.
typedef void fold_alert_t(void *context, unsigned partition, const alert_t *alert);

fold_t *fold_new(fold_alert_t *alert, void *context);
void fold_destroy(fold_t **self_p);

// How many rows of a series can be open, before any partition is owned: OPEN_ROWS_LEAST to
// OPEN_ROWS_MAX, which it is otherwise. What the fold says depends on it, so all folds of one log
// need the same; tests set less.
void fold_limit_open(fold_t *self, uint32_t rows_max);

// Called for each row that comes in or is revised, before it is judged: what is late or a duplicate
// is not. False: out of memory, as below.
typedef struct {
    slice_t series;
    const rows_view_t *block;
    uint32_t row;     // in the block
    bool revised;     // it takes the place of the one of its time and identity
    int64_t floor_us; // rows before this have closed
} fold_taken_t;
typedef bool fold_take_t(void *context, const fold_taken_t *taken);
void fold_watch(fold_t *self, fold_take_t *take); // with the context of `alert`

// Take a partition (empty) or drop it with all its state.
void fold_own(fold_t *self, unsigned partition);
void fold_drop(fold_t *self, unsigned partition);

// The plan in force in a stream for these (owned) partitions, from its record `seq` on. Incidents
// of rules that it drops are over: that is said, in order of series and rules. `fired_us` as below.
bool fold_plan(fold_t *self, slice_t stream, const partitions_t *partitions, ruleset_t *plan,
               uint64_t seq, int64_t fired_us);

// The collector of a stream was there, without a break since `since_us`, and staged nothing between
// the records before this one and its receipt. Series of which a rule misses rows by then are told
// of, in order of series and rules. False: out of memory, as below.
typedef struct {
    uint64_t seq;
    int64_t recv_us, since_us;
} fold_tick_t;
bool fold_tick(fold_t *self, slice_t stream, const partitions_t *partitions,
               const fold_tick_t *tick, int64_t fired_us);

// A stream is told anew under this name (proto/edition.h): what this (owned) partition holds of its
// earlier editions is dropped; of those with incidents that people know of, at the first tick since
// this one was ordered, which says what never came again. False: out of memory, as below.
bool fold_supersede(fold_t *self, unsigned partition, slice_t stream);

// Apply the block of one record to those of its rows that belong to these (owned) partitions.
// `fired_us` stamps the alerts. False: out of memory; state of the partitions is then undefined
// and they must be dropped and recovered.
bool fold_rows(fold_t *self, slice_t stream, const rows_view_t *block,
               const partitions_t *partitions, int64_t fired_us);

fold_count_t fold_count(const fold_t *self);
size_t fold_series(const fold_t *self);
size_t fold_bytes(const fold_t *self); // memory held for series and windows

// ---- checkpoints --------------------------------------------------------------------------

// Did this partition change since the last fold_delta_reset?
bool fold_changed(const fold_t *self, unsigned partition);

// What changed in this partition since the last fold_delta_reset; empty if nothing. Encoded now,
// from the state: so it is never larger than the state, however long it was not asked for.
// Valid until the partition is touched again. False: out of memory.
bool fold_delta(fold_t *self, unsigned partition, slice_t *delta);
void fold_delta_reset(fold_t *self, unsigned partition);

// About how many bytes all deltas would have now.
size_t fold_uncommitted(const fold_t *self);

// The whole state of a partition. fold_load applies a base or a delta; plans are named by hash
// and found by `find` (NULL if unknown: then the load fails).
bool fold_base(const fold_t *self, unsigned partition, buffer_t *out);
typedef ruleset_t *fold_find_plan_t(void *context, plan_hash_t hash);
bool fold_load(fold_t *self, unsigned partition, slice_t encoded, fold_find_plan_t *find,
               void *context, fault_t *fault);

// ---- views --------------------------------------------------------------------------------

// Series of this partition whose latest row changed since the last call, at most `most`:
// series id, event time, and name/value texts of raw and derived columns.
typedef void fold_latest_t(void *context, slice_t series, int64_t ts_us, unsigned count,
                           const alert_value_t *values);
void fold_latest(fold_t *self, unsigned partition, size_t most, fold_latest_t *visit,
                 void *context);
