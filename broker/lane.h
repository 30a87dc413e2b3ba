/*  lane -- how a staged log reaches the workers over a wire that may lose anything. Pure.
 *
 *      collector: lane_out decides what to send next, to whom, and how much is outstanding
 *      worker:    lane_in decides what can be applied now, what waits, and what to ask for again
 *
 *  The log is the queue; ZeroMQ is only a fast, lossy wire in front of it. Every message names
 *  the records from..to it covers and the partitions it covers them for, so each partition's
 *  position moves only over contiguous records. A worker that misses something, hears nothing,
 *  or is new says NEED: the collector replays from the log on a catch-up lane of its own and
 *  moves the partitions to the live lane once they have caught up. Credit is in bytes and by
 *  cumulative marks, so lost messages cannot leak it.
 *
 *  Time is an argument (monotonic microseconds). Neither side ever blocks or fails on input.
 */
#pragma once
#include "proto/rows.h"
#include "proto/slice.h"

enum {
    LANE_WORKERS_MAX = 64,
    LANE_ENDPOINT_MAX = 256,
    LANE_LIVE = 0,                     // number of the live lane; catch-up lanes count from 1
    LANE_LIVE_BYTES_MAX = 64 << 20,    // outstanding for one worker on the live lane
    LANE_CATCHUP_BYTES_MAX = 16 << 20, // outstanding for one catch-up lane
    LANE_SHIP_BYTES = 1 << 20,         // of records in one message (one larger record goes alone)
    LANE_SHIP_RECORDS = 4096,          // records in one message
    LANE_SILENT_US = 3000000,          // a worker not heard of for so long is forgotten
    LANE_GAP_US = 200000,              // how long a gap may stay open before NEED
    LANE_QUIET_US = 1000000,           // how long a partition may hear nothing before NEED
    LANE_UNREAD_TIMES = 10,            // so many times as long while messages wait unread
    LANE_AGAIN_US = 500000,            // at most one NEED for a partition in this time,
    LANE_AGAIN_US_MAX = 4000000,       // twice as long each time it must be asked again
    LANE_CALM_US = 10000000,           // and as at first after so long without
    LANE_HOLD_BYTES_MAX = 8 << 20,     // reorder buffer of one stream
};

typedef struct {
    uint8_t bytes[16];
} worker_id_t; // random, one per process life

// ---- the collector's end --------------------------------------------------------------------

typedef struct lane_out lane_out_t;

typedef struct {
    char endpoint[LANE_ENDPOINT_MAX];
    uint32_t lane;
    uint64_t mark; // counts the bytes sent on this lane, this message included: by lane_out_shipped
    partitions_t partitions;
} lane_route_t;

typedef struct {
    uint64_t from; // first record to send
    uint64_t last; // last record that may be in it
    size_t route_count;
    lane_route_t routes[LANE_WORKERS_MAX];
    size_t places[LANE_WORKERS_MAX]; // private: which worker or job each route is
    bool live;
} lane_ship_t;

lane_out_t *lane_out_new(void);
void lane_out_destroy(lane_out_t **self_p);

// A worker says what arrived (marks by lane) and what is durable in Redis.
void lane_out_ack(lane_out_t *self, worker_id_t worker, slice_t endpoint, uint32_t lane,
                  uint64_t mark, uint64_t durable, int64_t now_us);

// A worker asks for these partitions from this record on: from now on they are its own.
void lane_out_need(lane_out_t *self, worker_id_t worker, slice_t endpoint, uint64_t from,
                   const partitions_t *partitions, int64_t now_us);

// What to send next, given the last durable record. False: nothing, or no credit.
bool lane_out_next(lane_out_t *self, uint64_t last_durable, int64_t now_us, lane_ship_t *ship);

// That was put into a message covering ship->from .. to (payload bytes in all): cursors and
// marks move, ship->routes[].mark is filled in. Call before encoding.
void lane_out_shipped(lane_out_t *self, lane_ship_t *ship, uint64_t to, size_t bytes);

// It cannot be sent, now or ever: whoever was to get it must ask for something else.
void lane_out_give_up(lane_out_t *self, const lane_ship_t *ship);

size_t lane_out_workers(const lane_out_t *self);
// Lowest durable of the workers that have partitions; 0 also while somebody has yet to ask for
// some.
uint64_t lane_out_durable(const lane_out_t *self);

// ---- the worker's end -----------------------------------------------------------------------

typedef struct lane_in lane_in_t; // of one stream

typedef struct {
    uint64_t from, to;
    partitions_t partitions;
} lane_span_t;

lane_in_t *lane_in_new(void);
void lane_in_destroy(lane_in_t **self_p);

// A partition is ours from `position` on (last record already in its state), or ours no more.
void lane_in_own(lane_in_t *self, unsigned partition, uint64_t position, int64_t now_us);
void lane_in_drop(lane_in_t *self, unsigned partition);
uint64_t lane_in_position(const lane_in_t *self, unsigned partition); // last applied record

// Which of our partitions can take this message now (it reaches them without a gap and holds
// something new), and for which it comes too early.
void lane_in_sort(lane_in_t *self, const lane_span_t *span, int64_t now_us, partitions_t *ready,
                  partitions_t *early);

// These partitions have taken it: their positions are now span->to.
void lane_in_applied(lane_in_t *self, const lane_span_t *span, const partitions_t *partitions);

// Keep a message that comes too early (copied). False: no room, it is as good as lost.
bool lane_in_hold(lane_in_t *self, const lane_span_t *span, slice_t frame);

// A held message that some partition can take now; it leaves the buffer, *frame is valid until
// the next call. Useless ones are let go on the way. False: none.
bool lane_in_release(lane_in_t *self, lane_span_t *span, slice_t *frame);

// What to ask for: partitions with a gap or too long a silence, and the first record they miss.
// `unread`: messages wait that were not sorted yet. What is missed is most likely among them, and
// every question costs a reading of the log and a mapping of its own; so patience is longer.
bool lane_in_needs(lane_in_t *self, int64_t now_us, bool unread, partitions_t *partitions,
                   uint64_t *from);
