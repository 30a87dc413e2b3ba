/*  stage -- the staged log of one stream: append, sync, read, tail.
 *
 *  A directory `<stage>/<namespace>/<stream>/` of segment files `<first seq, 20 digits>.seg`
 *  (their bytes: segment.h).
 *  One writer (flock), any number of readers in other processes. What stage_sync returned true
 *  for is durable and never lost; a torn tail is cut at the next open, a bad record in the
 *  middle is skipped and counted, never what follows it. fdatasync errors abandon the segment
 *  (never retried on the same descriptor) and the group is written again to a new one.
 */
#pragma once
#include "proto/fault.h"
#include "proto/slice.h"

enum {
    STAGE_SEGMENT_BYTES = 128 << 20,    // a segment is closed at this size, if not before by age
    STAGE_PAYLOAD_BYTES_MAX = 64 << 20, // of one record
    STAGE_SOURCE_NAME_MAX = 128,
    STAGE_GROUP_BYTES_MAX = 256 << 20, // of records not yet durable
};

typedef enum {
    RECORD_PAYLOAD = 1, // raw bytes of a source
    RECORD_PLAN = 2,    // plan change or snapshot (proto/plan.h)
    RECORD_TICK = 3,    // once a second (proto/tick.h)
    RECORD_SKIP = 4,    // of the stage: behind damage at the end that it found when it was opened
    RECORD_RESET = 5,
    RECORD_TORN = 6, // a payload whose end never came: kept, and quarantined as a whole
    // What the writer knew when it began a segment, behind the plan: pieces, and the last of them.
    RECORD_KNOWN = 7,
    RECORD_KNOWN_END = 8,
    RECORD_GAP = 9, // something should have been staged and was not (proto/gap.h)
    RECORD_KIND_LAST = RECORD_GAP,
} record_kind_t;

// Is it bytes of a source?
static inline bool record_is_raw(record_kind_t kind)
{
    return kind == RECORD_PAYLOAD || kind == RECORD_TORN;
}

typedef struct {
    record_kind_t kind;
    uint64_t seq;    // 1, 2, 3 ... within the stream
    int64_t recv_us; // strictly rising within the stream
    slice_t source;  // name of the source, empty for control records
    slice_t place;   // where the source got it, opaque to the stage (file id and offset,
                     // client and number), at most 255 bytes
    slice_t payload;
} record_t;

// ---- writing ------------------------------------------------------------------------------

typedef struct stage stage_t;

// Called while the writer opens for every intact record from the last whole head on, oldest first:
// the collector finds its places and plan again. A head is what a segment begins with if that is a
// plan, RECORD_KNOWN as often as need be, and RECORD_KNOWN_END; a log that begins at record 1 has
// one there in any case. What came from a source is left empty (and, but for the last segment, is
// not even read). Return false to stop.
typedef bool stage_visit_t(void *context, const record_t *record);

// Open for appending, creating the directory; recover the tail. `visit` may be NULL. Refused: a log
// without its beginning that has no whole head either.
stage_t *stage_open(const char *root, const char *namespace, const char *stream,
                    stage_visit_t *visit, void *context, fault_t *fault);
void stage_destroy(stage_t **self_p);

// Close a segment, too, when its records span this time (microseconds of receipt). 0, as at first:
// never.
void stage_seal_after(stage_t *self, int64_t us);

// Add to the group in memory; seq and recv_us are assigned here: recv_us = max(last + 1, now_us).
// Returns the seq, or 0 (out of memory, too large, or STAGE_GROUP_BYTES_MAX reached).
uint64_t stage_append(stage_t *self, record_kind_t kind, int64_t now_us, slice_t source,
                      slice_t place, slice_t payload);
size_t stage_pending_bytes(const stage_t *self); // of the group not yet durable

// A new segment begins with the next group (and nothing is pending)? Then the caller first
// appends a plan snapshot, and what else it knows. Only the segment after a failed stage_sync
// begins without: its first group is the one that was kept.
bool stage_segment_is_full(const stage_t *self);
// Segments begun since the last one with a whole head: 0 = it is the last.
size_t stage_unheaded(const stage_t *self);

// Write and fdatasync the group. True: all of it is durable. False: nothing is promised, the
// group is kept and the next call tries again on a new segment (disk full, I/O error).
bool stage_sync(stage_t *self, fault_t *fault);
// The last durable seq, 0 = none. After damage at the very end of the log it lies behind all that
// may have been given away.
uint64_t stage_last_seq(const stage_t *self);
int64_t stage_recv_us(const stage_t *self); // of the last record appended
// A number that tells this log from any other of its name: random, in all of its segments, not 0.
uint32_t stage_mark(const stage_t *self);
// First record of the log when it was opened; 1 in an empty one.
uint64_t stage_oldest_seq(const stage_t *self);
// Seqs missing at open, from the last whole head on: an upper bound. What lies before it is looked
// at by whoever reads it, and by `stage verify`.
uint64_t stage_damaged(const stage_t *self);

// ---- reading ------------------------------------------------------------------------------

typedef struct stage_reader stage_reader_t;

// A cursor on a stream, in this or another process. NULL if the directory cannot be read.
stage_reader_t *stage_reader_open(const char *root, const char *namespace, const char *stream,
                                  fault_t *fault);
void stage_reader_destroy(stage_reader_t **self_p);

// Place the cursor so that the next record read is the first with seq >= `seq`. False: cannot be
// read (stage_reader_error).
bool stage_reader_seek(stage_reader_t *self, uint64_t seq);

typedef enum { STAGE_RECORD, STAGE_END, STAGE_DAMAGED, STAGE_TRIMMED } stage_read_t;

// The next record not beyond `last` (the caller's knowledge of what is durable; UINT64_MAX =
// whatever is intact). Slices stay valid until the next call. STAGE_DAMAGED: a bad stretch was
// skipped, *record has the seq after it in `seq`; call again. STAGE_TRIMMED: the same, because
// records were removed from the beginning of the log while we were on the way there.
stage_read_t stage_reader_next(stage_reader_t *self, uint64_t last, record_t *record);

// NULL, or why the last call failed: an end that comes with an error (I/O, memory, a foreign
// version) is none, and the same call may be tried again.
const char *stage_reader_error(const stage_reader_t *self);
