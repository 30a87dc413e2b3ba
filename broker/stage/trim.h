/*  trim -- removes the oldest segments of a log.
 *
 *  What may go is decided here and nowhere else. A segment goes only with all before it, and only
 *  if it is closed, what was made of its records is in a durable copy of Redis, its time is over,
 *  and its objects are made. The last closed segment stays, and as much as holds two whole heads,
 *  so that one that rots does not take with it what the writer must know. The log that is left
 *  begins with the plan that is in force there: its rows could not be told otherwise.
 *
 *  The log is removed from its beginning, segment by segment, each durably before the next: whoever
 *  is killed in between leaves a log that begins later.
 */
#pragma once
#include "broker/stage/catalog.h"

typedef struct {
    uint64_t floor;  // records up to here need never be read again for Redis' sake; 0 = all may
    int64_t keep_us; // a segment goes when its newest record was received longer ago; 0 = never
} trim_limits_t;

// What there is to know about a segment.
typedef struct {
    uint64_t last_seq; // 0: it still grows
    int64_t last_us;   // its newest record was not received later; INT64_MAX = not known
    bool archived;     // its objects are there
} trim_segment_t;

// May it go, as far as it alone is concerned? Pure.
bool trim_is_due(const trim_segment_t *segment, const trim_limits_t *limits, int64_t now_us);

// How many segments of `count` go, of which the first `due` are: `heads` counts those with a whole
// head, from the last one back to segment `second_head`, the second of them. Pure.
size_t trim_count(size_t count, size_t due, size_t heads, size_t second_head);

// The record that the log could begin with now; its first one if nothing may go. False with fault.
bool trim_look(const char *root, const char *namespace, const char *stream,
               const trim_limits_t *limits, int64_t now_us, uint64_t *first_seq, fault_t *fault);

// Remove what lies before that record. *gone counts segments. False with fault: the rest stays.
bool trim_run(const char *root, const char *namespace, const char *stream, uint64_t first_seq,
              uint64_t *gone, fault_t *fault);
