/*  forward -- sends what is durable in one stream to the preps, as fast as the workers take it.
 *
 *      log --> [ forward ] --RAW, PUSH--> prep        transform --ACK, NEED, PUSH--> [ forward ]
 *
 *  broker/lane.h decides what goes next and to whom; this reads it from the log, on one path for
 *  live and catching up, and makes messages of it. At most one message is in hand: while nobody
 *  takes it, nothing more is read.
 */
#pragma once
#include "actors/collector/amendments.h"
#include "broker/bus.h"
#include "broker/lane.h"
#include "proto/plan.h"
#include "proto/seal.h"

enum {
    FORWARD_QUEUE = 8,    // messages of about 1 MB waiting for one prep
    FORWARD_CURSORS = 16, // places in the log kept open; more jobs than that have to seek
    FORWARD_PLANS = 64,   // plan changes remembered with their place
};

typedef struct forward forward_t;

// Tells the stream as the amendments want it, under the name of that edition, from the record on
// that it begins at. They are borrowed (NULL = none); when they get one more, a new forward tells
// it all again.
// `listen` is the endpoint of both sockets.
forward_t *forward_new(const char *root, const char *namespace, const char *stream,
                       const char *listen, const amendments_t *amendments, fault_t *fault);
void forward_destroy(forward_t **self_p);

const char *forward_name(const forward_t *self);         // of the stream, with its edition
const char *forward_raw_endpoint(const forward_t *self); // where preps connect
const char *forward_ack_endpoint(const forward_t *self); // where workers answer
void *forward_raw_socket(forward_t *self);               // wait for POLLOUT while blocked
void *forward_ack_socket(forward_t *self);               // wait for POLLIN always

// The plan in force after record `seq`, told once it was appended; in order of seq.
void forward_plan(forward_t *self, const plan_t *plan, uint64_t seq);

// Records before this one are gone, or about to be: from now on nobody gets any. A worker that asks
// for some has lost its state, or that went back too far.
void forward_trimmed(forward_t *self, uint64_t first_seq);
// Partitions that were asked for so, since the last call. False: none.
bool forward_take_gone(forward_t *self, partitions_t *partitions);

// Take all ACK and NEED that are there. `durable`: last record of the log that may be sent; what is
// said of later ones counts as nothing.
void forward_hear(forward_t *self, uint64_t durable, int64_t mono_us);

typedef enum {
    FORWARD_SENT,    // one message went out: call again
    FORWARD_IDLE,    // nothing to send, or no credit
    FORWARD_BLOCKED, // no prep takes the message in hand
    FORWARD_FAILED,  // the log cannot be read, or no memory (fault); try again later
} forward_step_t;

// durable: last record that may be sent; durable_us: since when. Sealed with the stream's secret.
forward_step_t forward_step(forward_t *self, const seal_secret_t *secret, uint64_t durable,
                            int64_t durable_us, int64_t mono_us, fault_t *fault);

typedef struct {
    uint64_t messages, records, bytes; // sent
    uint64_t needs;                    // asked for again
    uint64_t gone;                     // of these, for records that are not there any more
    uint64_t ahead;                    // a record beyond the log that was asked for; 0 = none
    uint64_t acks_beyond;              // acknowledgements of records beyond the log
    uint64_t malformed;                // messages that were none
    uint64_t damaged;                  // records that could not be read, each time it was tried
    size_t workers;                    // heard of lately
    uint64_t durable;                  // what all of them have committed; 0 = unknown
} forward_count_t;
forward_count_t forward_count(const forward_t *self);
