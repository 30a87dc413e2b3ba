/*  fetch -- answers of HTTP servers, hundreds at a time, without blocking.
 *
 *  On libcurl's multi interface; fetch*.c alone know it. The whole of it is one descriptor to
 *  wait for: sockets and timers of all transfers are behind it. Answers are bounded in bytes
 *  (after decompression, and in how much that may add) and in time, one by one and together.
 *  Connections are kept and used again; over TLS with HTTP/2, one carries all requests to its
 *  host. Redirects stay with the same scheme, never lead from a public address to a private one,
 *  and are not followed at all when headers or a body were configured, which might be secrets.
 */
#pragma once
#include "actors/collector/allowance.h"
#include "broker/runtime/settings.h"
#include "proto/fault.h"
#include "proto/slice.h"

enum {
    FETCH_BODY_BYTES_MAX = 64 << 20,  // of one answer, decompressed
    FETCH_HELD_BYTES_MAX = 512 << 20, // of all answers not yet taken and let go
    FETCH_UNDER_WAY_MAX = 1024,       // transfers at once, if there are descriptors for them
    FETCH_UNDER_WAY_MIN = 16,         // and else at least
    FETCH_DESCRIPTORS_LEFT = 128,     // for everything else
    FETCH_VALIDATOR_MAX = 512,        // bytes of an ETag or a date that are worth keeping
    FETCH_REDIRECTS_MAX = 5,
};

typedef struct fetch fetch_t;

fetch_t *fetch_new(fault_t *fault);
void fetch_destroy(fetch_t **self_p); // transfers under way are broken off

int fetch_descriptor(const fetch_t *self); // readable: call fetch_drive
bool fetch_has_room(const fetch_t *self);

typedef struct {
    const source_t *source;
    const char *url;             // NULL = that of the source; copied
    const char *etag, *modified; // validators of what we have already, or NULL; copied
    unsigned tag;                // comes back with the answer
} fetch_ask_t;

// Begin to ask. The source must live until its answer was taken.
bool fetch_start(fetch_t *self, const fetch_ask_t *ask, fault_t *fault);

// Move all transfers on as far as they go without waiting.
void fetch_drive(fetch_t *self);

typedef struct {
    unsigned tag;
    const char *error;      // it did not come, or not all of it, and why; NULL = it is complete
    int status;             // of HTTP; 0 = nothing came
    int64_t retry_after_us; // as the server asked; 0 = it did not
    unsigned redirects;     // that were followed
    allowance_t allowance;
    const char *etag, *modified; // validators that can be sent back as they are, or NULL
    slice_t body;                // as much as came; nothing if it was too large
} fetched_t;

// The next finished transfer; valid until the next call. False: none. wall_us: Unix time.
bool fetch_take(fetch_t *self, int64_t wall_us, fetched_t *fetched);
