/*  store_held -- a copy of what Redis holds, read piece by piece, and put back: more verbs on
 *  store_t. What a copy is for: docs/decisions/0012-held-copy.md.
 *
 *  Read in this order, it misses nothing that a partition in it counts as done:
 *    1. partitions     their positions say which alerts were put into the outbox
 *    2. outboxes       an alert that is not there any more is in the alert log, its deliveries too
 *    3. the ids that the alert log knows, then its entries: no id without its entry
 *    4. all keys       deliveries that wait; what people write; plans
 *    5. refused rows   those of a record are counted before a partition has it
 *  and it is put back in the opposite order, partitions last. Each verb of putting back changes
 *  nothing the second time, and never what is newer. A mark in Redis says that it is the same one
 *  from beginning to end. Nothing here blocks Redis for longer than reading or writing a few MB
 *  takes, if no one key of people's is larger.
 */
#pragma once
#include "broker/store.h"

enum {
    STORE_HELD_PAGE = 256,  // entries in one answer
    STORE_HELD_IDS = 10000, // ids in one answer
};

typedef struct {
    slice_t name, value;
} store_pair_t;

// ---- reading ------------------------------------------------------------------------------

// One partition as it was at one moment, while its owner commits on. Fields of its meta key (not
// those of its owner and its base; "nb" is the number of pieces that come), pieces, deltas.
typedef struct {
    void (*fields)(void *context, const store_pair_t *fields, size_t count);
    void (*piece)(void *context, slice_t bytes);
    void (*delta)(void *context, slice_t bytes);
} store_held_t;
store_status_t store_held_partition(store_t *self, unsigned partition, const store_held_t *visit,
                                    void *context);

// A walk over what grows while it is read: it ends with what was there when it began. Begin with
// zeros, go on until it is over.
typedef struct {
    bool begun, over;
    uint64_t left;             // at most, of what was there
    char after[OUTBOX_ID_MAX]; // id or score of the last one
} store_walk_t;

// The next entries of a group's outbox, at most STORE_HELD_PAGE, in order.
store_status_t store_held_outbox(store_t *self, unsigned group, store_walk_t *walk,
                                 store_entry_visit_t *visit, void *context);
// Entries of the alert log before `before` ("" = from the newest), at most STORE_HELD_PAGE, in
// order. The first one's id comes back in `before`.
// `at`: its id in the log, "<ms>-<n>".
typedef void store_logged_visit_t(void *context, const char *at, const store_logged_t *logged);
store_status_t store_held_log(store_t *self, char before[OUTBOX_ID_MAX],
                              store_logged_visit_t *visit, void *context, size_t *count);
// Entries of the alert log behind `after` ("" = from the oldest), at most STORE_HELD_PAGE, in
// order; the last one's id comes back in `after`. *known: `after` is still an entry; if not, none
// is visited: this Redis went back, or has forgotten it.
typedef void store_log_visit_t(void *context, const char *id, slice_t kind,
                               const store_logged_t *logged);
store_status_t store_held_log_after(store_t *self, char after[OUTBOX_ID_MAX], bool *known,
                                    store_log_visit_t *visit, void *context, size_t *count);
// The next ids that the alert log remembers, at most STORE_HELD_IDS, in order.
store_status_t store_held_known(store_t *self, store_walk_t *walk, store_bytes_visit_t *visit,
                                void *context);

// Everything else, in steps: begin with cursor "0"; it is "0" again after the last one.
typedef enum { STORE_STRING, STORE_HASH, STORE_SET } store_type_t;
typedef struct {
    void *context;
    // A key, without the namespace. Content: fields and values, members, or one string.
    void (*key)(void *context, slice_t inside, store_type_t type, uint64_t expires_ms,
                const slice_t *content, size_t count);
    // The deliveries of an alert, of which at least one waited: subscribers and states.
    void (*delivery)(void *context, slice_t alert_id, slice_t body, const store_pair_t *states,
                     size_t count);
} store_held_rest_t;
store_status_t store_held_rest(store_t *self, char cursor[STORE_CURSOR_MAX],
                               const store_held_rest_t *visit);

// Refused rows, a source at a time: of each stream the places that are remembered ("<seq, 20
// digits>:<row, 10 digits>", one behind the other) and the highest that is not any more; then the
// newest of them.
enum { STORE_PLACE_BYTES = 31, STORE_REFUSED_STREAMS_MAX = 1024 };
typedef struct {
    slice_t stream, floor, places;
} store_refused_t;
typedef struct {
    slice_t stream, seq, row, reason, snippet;
} store_refused_row_t;
typedef struct {
    void *context;
    void (*counts)(void *context, slice_t source, uint64_t total, slice_t reason,
                   const store_refused_t *streams, size_t count);
    void (*rows)(void *context, slice_t source, const store_refused_row_t *rows, size_t count);
} store_held_refused_t;
store_status_t store_held_refused(store_t *self, const store_held_refused_t *visit);

// ---- positions ----------------------------------------------------------------------------

typedef void store_position_visit_t(void *context, unsigned partition,
                                    const store_offset_t *offset);
// Of all partitions.
store_status_t store_held_positions(store_t *self, store_position_visit_t *visit, void *context);
// Of one, with its head.
store_status_t store_held_position(store_t *self, unsigned partition, store_position_visit_t *visit,
                                   void *context, store_id_t *head);

// ---- putting back -------------------------------------------------------------------------

// Whoever owns it: ours from now on, so that nobody else can commit.
store_status_t store_held_claim(store_t *self, unsigned partition, const char *owner, int lease_ms,
                                store_id_t *token);
// Deltas of its new journal, in order; first: of those before there is nothing left.
store_status_t store_held_put(store_t *self, unsigned partition, store_id_t token, bool first,
                              const slice_t *deltas, size_t count);
// The partition becomes this: a base whose pieces were put (store_base_put), those deltas, and
// these fields. OK; FENCED, STALE: it was claimed or committed to, or this is not the Redis any
// more that was made ready.
typedef struct {
    unsigned partition;
    store_id_t token, previous, mine, base;
    unsigned pieces;
    uint64_t deltas;
    store_id_t mark;            // of store_held_ready
    const store_pair_t *fields; // "head", "base", "nb", "jn" among them count for nothing
    size_t field_count;
} store_held_swap_t;
store_status_t store_held_swap(store_t *self, const store_held_swap_t *swap);

// Those of these that neither the alert log knows nor the outbox has behind the entry `after` (""
// = from its beginning): few of them, read store_held_outbox to its end before. FULL: no room now.
store_status_t store_held_outbox_put(store_t *self, unsigned group, const char *after,
                                     const store_alert_t *entries, size_t count);
// Everything that partitions count as done is back: let them follow, in this Redis alone.
store_status_t store_held_ready(store_t *self, store_id_t mark);
store_status_t store_held_ready_over(store_t *self); // no partition follows any more
// Ids, the newest first: older than all that the alert log knows.
store_status_t store_held_known_put(store_t *self, const slice_t *ids, size_t count);
store_status_t store_held_delivery_put(store_t *self, slice_t alert_id, slice_t body,
                                       const store_pair_t *states, size_t count);
// Rows of this source that Redis has counted and the copy has not are added to those of the copy.
store_status_t store_held_refused_put(store_t *self, slice_t source, uint64_t total, slice_t reason,
                                      const store_refused_t *streams, size_t count);
// OK, or DUP: there are some, which stay as they are.
store_status_t store_held_refused_rows_put(store_t *self, slice_t source,
                                           const store_refused_row_t *rows, size_t count);
// OK, or DUP: there is one, which stays as it is.
store_status_t store_held_key_put(store_t *self, slice_t inside, store_type_t type,
                                  uint64_t expires_ms, const slice_t *content, size_t count);

// ---- which copies of this Redis there are ---------------------------------------------------

enum { STORE_HELD_NOTE_MAX = 8192, STORE_HELD_ID_MAX = 32 };
// A collector's note begins with the id of its newest copy (STORE_HELD_ID_MAX bytes at most, no
// blank) and is written only into the Redis that it is about:
//   begin  is this the Redis whose note of ours has this id ("" = it has none, so it has lost it)?
//          It is marked. `first`: the note to write if there is none; NULL = leave it so
//   marked is it still that one?
//   end    so the note is this from now on
// STALE: it is not; it was emptied, or is an older one.
store_status_t store_held_begin(store_t *self, const char *collector, const char *id,
                                store_id_t mark, const char *first);
store_status_t store_held_marked(store_t *self, const char *collector, store_id_t mark);
store_status_t store_held_end(store_t *self, const char *collector, store_id_t mark,
                              const char *note);
typedef void store_note_visit_t(void *context, slice_t collector, slice_t note);
store_status_t store_held_notes(store_t *self, store_note_visit_t *visit, void *context);
