/*  position -- how far a partition has come in each stream, and whether a copy may replace it.
 *
 *  Pure. What a partition holds is a function of its position alone (the one theorem,
 *  docs/architecture.md), so two states of it, of whatever Redis and whatever past, compare by
 *  their positions. A later edition of a stream is further on than any record of an earlier one.
 */
#pragma once
#include "proto/edition.h"
#include "proto/rows.h"
#include "proto/slice.h"

enum { POSITION_STREAMS_MAX = 1024 }; // of one partition, editions that are over included

typedef struct {
    char stream[EDITION_NAME_MAX + 1]; // with its edition
    uint64_t seq;                      // everything up to this record is in
    uint64_t sent;                     // alerts of later ones that went ahead
} position_offset_t;

typedef struct {
    size_t count;
    position_offset_t *offsets;
} position_t;

void position_clear(position_t *self);
// False: no memory, too many, or no name that a stream has.
bool position_add(position_t *self, slice_t stream, uint64_t seq, uint64_t sent);
// NULL: it holds nothing of this edition.
const position_offset_t *position_find(const position_t *self, const char *stream);

// A log as it is now: the first record that is left of it, and the one that its edition begins
// with (whoever has nothing of that edition begins there).
typedef struct {
    char stream[EDITION_NAME_MAX + 1];
    uint64_t first, begin;
} position_log_t;

// Does the log no longer hold the record after this position? Then only a copy can help.
bool position_is_lost(const position_t *self, const position_log_t *log);

// Is `other` at most as far in every stream that it has?
bool position_covers(const position_t *self, const position_t *other);

typedef enum {
    POSITION_LEAVE,   // nothing to be done
    POSITION_RESTORE, // put the copy in its place
    POSITION_STUCK,   // it needs the copy, but the logs do not reach down to that either
} position_verdict_t;

// May, and must, the copy of a partition replace what Redis has of it? `emptied`: Redis has lost
// all it had, so that every partition of which the copy has more is restored. A stream in which the
// copy is behind is read again from its log, which is why all logs have to reach down to the copy.
position_verdict_t position_judge(const position_t *have, const position_t *copy,
                                  const position_log_t *logs, size_t log_count, bool emptied);

// The lowest record up to which all partitions have this stream. 0 if one has nothing of it.
uint64_t position_floor(const position_t positions[PARTITIONS], const char *stream);
