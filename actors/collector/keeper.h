/*  keeper -- the thread of the collector that holds a copy of Redis beside the stage, and puts it
 *  back when Redis has lost what the log does not have any more.
 *
 *  The log may be trimmed only below what two copies on the disk have (keeper_floor), so that a
 *  Redis that comes back empty, or older than the log reaches, can always be filled again: from the
 *  newest intact copy, and then from the log (docs/decisions/0012-held-copy.md). A copy that the
 *  log does not reach down to never takes the place of one that it does.
 *
 *  It has a connection of its own and does all its reading and writing itself: taking, sending and
 *  beats never wait for it. It may be killed at any time.
 */
#pragma once
#include "broker/held/position.h"
#include "broker/runtime/log.h"
#include "broker/store.h"

enum {
    KEEPER_LOOK_MS = 1000,          // how often it asks Redis whether something is missing
    KEEPER_AGAIN_MS = 10000,        // until the next try after a copy failed
    KEEPER_COPIES = 2,              // copies that are kept
    KEEPER_LOG_BYTES = 64 << 20,    // of the newest entries of the alert log in a copy
    KEEPER_SPARE_BYTES = 256 << 20, // of the disk, left to the log: no copy is made then
    KEEPER_LEASE_MS = 20000,        // on a partition while it is put back
    KEEPER_STREAMS_MAX = 64,
};

typedef struct keeper keeper_t;

// root: of the stage; `collector` is our name. Takes the store over, also on failure. NULL with
// fault.
keeper_t *keeper_new(store_t *store, const char *root, const char *namespace, const char *collector,
                     fault_t *fault);
void keeper_destroy(keeper_t **self_p); // what is being copied is given up

// A copy so often; 0: none is made any more, but those that there are, are used.
void keeper_configure(keeper_t *self, int64_t copy_every_us);

// The log of one of our streams (64 at most, by index), as it is now. Told about once a second,
// from when on it is known that what Redis holds is of this log.
typedef struct {
    char stream[STORE_NAME_MAX + 1]; // without its edition
    uint32_t mark;
    position_log_t log;
} keeper_log_t;
void keeper_tell(keeper_t *self, size_t stream, const keeper_log_t *log);

// Workers ask for records that the log does not have any more: look now.
void keeper_gone(keeper_t *self);

// What all partitions have of this stream (its name with the edition) in each of the copies that
// may be needed: our own, which have to be two, and those of other collectors. Records up to here
// need not be kept for the sake of Redis. 0 = none may go.
uint64_t keeper_floor(keeper_t *self, const char *stream);

typedef struct {
    int64_t age_s;  // of the newest copy; -1 = there is none
    uint64_t bytes; // of all
    unsigned stuck; // partitions that cannot be put back
    fault_t error;  // why there is no newer one, or why something cannot be put back; "" = nothing
} keeper_report_t;
keeper_report_t keeper_report(keeper_t *self);

// Something for the log. `text` is "key=value ...".
typedef struct {
    log_level_t level;
    char message[64];
    char text[FAULT_TEXT_MAX + 192];
} keeper_note_t;
bool keeper_take_note(keeper_t *self, keeper_note_t *note);
