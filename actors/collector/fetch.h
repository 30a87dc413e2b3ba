/*  fetch -- answers of HTTP servers, hundreds at a time, without blocking.
 *
 *  On libcurl's multi interface; the only file here that knows it. The whole of it is one
 *  descriptor to wait for: sockets and timers of all transfers are behind it. Answers are bounded
 *  in bytes (after decompression) and time, one by one and together; redirects stay with the same
 *  scheme and are not followed at all when headers were configured, which might be secrets.
 */
#pragma once
#include "broker/runtime/settings.h"
#include "proto/fault.h"
#include "proto/slice.h"

enum {
    FETCH_BODY_BYTES_MAX = 64 << 20,  // of one answer, decompressed
    FETCH_HELD_BYTES_MAX = 512 << 20, // of all answers not yet taken and let go
    FETCH_UNDER_WAY_MAX = 256,        // transfers at once
    FETCH_PER_HOST_MAX = 8,           // connections to one host
    FETCH_CONNECT_MS = 10000,
    FETCH_REDIRECTS_MAX = 5,
};

typedef struct fetch fetch_t;

fetch_t *fetch_new(fault_t *fault);
void fetch_destroy(fetch_t **self_p); // transfers under way are broken off

int fetch_descriptor(const fetch_t *self); // readable: call fetch_drive
bool fetch_has_room(const fetch_t *self);

// Begin to GET the URL of a source; `tag` comes back with the answer.
bool fetch_start(fetch_t *self, const source_t *source, unsigned tag, fault_t *fault);

// Move all transfers on as far as they go without waiting.
void fetch_drive(fetch_t *self);

typedef struct {
    unsigned tag;
    const char *error;      // no answer came, and why; NULL = the rest is set
    int status;             // of HTTP
    int64_t retry_after_us; // as the server asked; 0 = it did not
    slice_t body;
} fetched_t;

// The next finished transfer; valid until the next call. False: none.
bool fetch_take(fetch_t *self, fetched_t *fetched);
