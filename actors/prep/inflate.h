/*  inflate -- gzip becomes bytes, within limits: the one file of prep that knows zlib. */
#pragma once
#include <stdbool.h>

#include "proto/buffer.h"
#include "proto/slice.h"

enum {
    INFLATE_RATIO_MAX = 200,       // a payload may grow to this many times its size ...
    INFLATE_SPARE_BYTES = 1 << 20, // ... and this much
};

bool inflate_is_gzip(slice_t payload);

typedef enum {
    INFLATE_GOOD,
    INFLATE_DAMAGED,   // not gzip to its end, wrong checksum, or other bytes after it
    INFLATE_TOO_LARGE, // more than the ratio or `limit` allows
    INFLATE_NO_MEMORY,
} inflate_result_t;

// All members of a gzip file, one after the other.
inflate_result_t inflate_gzip(slice_t payload, size_t limit, buffer_t *out);
