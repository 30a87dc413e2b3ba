/*  series -- the name of a series: table and key values, joined by ':', percent-encoded.
 *
 *  Pure. Every byte outside A-Za-z0-9._- becomes %XX (upper case), so that no two keys share an
 *  id and it may stand in topics, Redis keys and URLs as it is.
 */
#pragma once
#include "proto/buffer.h"
#include "proto/rows.h"

enum { SERIES_KEYS_MAX = 16, SERIES_SHARDS_MAX = 64 };

// Append the id. False: no memory, or longer than SERIES_ID_MAX (then nothing is added).
bool series_build(buffer_t *out, slice_t table, const slice_t *values, unsigned count);

// Is it an id as series_build writes it (no other escapes, a table, not too long)?
bool series_valid(slice_t id);

// Which of `shards` (1 to SERIES_SHARDS_MAX) a series belongs to when a feed is split: CRC-32 of
// the id (that of zlib, gzip and PNG) modulo shards. Clients compute the same; it never changes.
unsigned series_shard(slice_t id, unsigned shards);

// The decoded parts of an id; they point into `text`.
typedef struct {
    slice_t table;
    unsigned count;
    slice_t values[SERIES_KEYS_MAX];
    uint8_t text[SERIES_ID_MAX];
} series_parts_t;

// False: not a valid id. Do not copy *parts: the slices point into it.
bool series_split(series_parts_t *parts, slice_t id);
