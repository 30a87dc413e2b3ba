/*  stream -- one staged log as the collector writes it: payloads, plans and ticks in one order.
 *
 *  Above broker/stage. Knows the plan in force at the end of the log, the places of its sources
 *  and how long it was really collecting; finds all three again in the log when it opens. What is
 *  appended is nothing until stream_sync returned true.
 */
#pragma once
#include "actors/collector/amendments.h"
#include "actors/collector/places.h"
#include "broker/stage/stage.h"
#include "proto/gap.h"
#include "proto/plan.h"

enum {
    STREAM_TICK_US = 1000000,
    STREAM_TICK_COUNTED_US = 2000000, // of one tick at most: the rest we were asleep
    STREAM_BREAK_US = 10000000,       // without a tick: nobody was there
};

typedef struct stream stream_t;

stream_t *stream_open(const char *root, const char *namespace, const char *name, fault_t *fault);
void stream_destroy(stream_t **self_p);

void stream_seal_after(stream_t *self, int64_t us); // as stage_seal_after

const char *stream_name(const stream_t *self);
uint32_t stream_mark(const stream_t *self); // tells its log from any other of that name
places_t *stream_places(stream_t *self);

// Time of receipt is an argument throughout; the stage makes it rise. Appending fails for lack of
// memory, or when the group is full: sync first.

// This plan is in force for all records after this one. *seq is that of its record; 0 if it
// already was in force.
bool stream_plan(stream_t *self, const plan_t *plan, int64_t recv_us, uint64_t *seq);
const plan_t *stream_plan_logged(const stream_t *self);   // at the end of the log; NULL: unknown
const plan_t *stream_plan_in_force(const stream_t *self); // NULL before the first of this life

// Records received since from_us (of this source; empty = of all) become rows as the plan in force
// says, which there must be: an amendment, once it is durable. `request` names who wanted it. Its
// edition is later than `above` and all before, and begins with the first record of the log.
bool stream_amend(stream_t *self, slice_t source, int64_t from_us, slice_t request, uint64_t above,
                  int64_t recv_us);
bool stream_is_amending(const stream_t *self);               // one is on its way to the disk
const amendments_t *stream_amendments(const stream_t *self); // the durable ones

// A payload; there must be a plan. A place of size 0 says nothing. Returns its seq; 0: failed.
uint64_t stream_put(stream_t *self, slice_t source, const place_t *place, slice_t payload,
                    int64_t recv_us);

// One whose end never came. It has no place.
uint64_t stream_put_torn(stream_t *self, slice_t source, slice_t payload, int64_t recv_us);

// Something of this source (empty = of all) was not staged. False: for lack of memory; then it is
// not said. That no collector ran for longer than a tick counts, is said by itself with the first
// plan of a life.
bool stream_gap(stream_t *self, slice_t source, const gap_t *gap, int64_t recv_us);

// A tick, if there is a plan and one is due (mono_us, monotonic). `up` grows by the time since
// the last one, if we were collecting; whoever was away for STREAM_BREAK_US of receipt, or has just
// begun, is there since now.
bool stream_tick(stream_t *self, bool collecting, int64_t mono_us, int64_t recv_us);
int64_t stream_tick_due_us(const stream_t *self);

size_t stream_pending(const stream_t *self); // bytes not durable yet
bool stream_sync(stream_t *self, fault_t *fault);
uint64_t stream_durable(const stream_t *self); // last durable seq
uint64_t stream_damaged(const stream_t *self); // as stage_damaged

// The first record of the log. What lies before it is gone, or about to be (stream_forget).
uint64_t stream_first_seq(const stream_t *self);
// From now on nobody counts on records before this one: they may be removed. Not while amending.
void stream_forget(stream_t *self, uint64_t before_seq);

typedef struct {
    uint64_t records, bytes, syncs; // payloads staged in this life
    uint64_t gaps;                  // noted in this life
} stream_count_t;
stream_count_t stream_count(const stream_t *self);
