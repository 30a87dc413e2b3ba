/*  reel -- the newest entries of the alert log as frames, in the order of their ids. Pure.
 *
 *  A viewer stands behind an id and reads on from there. What was thrown away before it came to it,
 *  or never was here, is a gap, which it is told of.
 */
#pragma once
#include "actors/api/frame.h"

enum {
    REEL_ENTRIES_MAX = 4096,
    REEL_BYTES_MAX = 16 << 20,
    REEL_ID_MAX = 42, // bytes of "<ms>-<n>", NUL included
};

typedef struct {
    uint64_t ms, n; // of an entry of the log; 0-0 is before all
} reel_id_t;

// Exactly "<ms>-<n>", each without signs, spaces, or zeros in front.
bool reel_id_read(const char *text, reel_id_t *id);
void reel_id_write(reel_id_t id, char text[REEL_ID_MAX]);
int reel_id_compare(reel_id_t a, reel_id_t b);

typedef struct reel reel_t;

reel_t *reel_new(void); // NULL: out of memory
void reel_destroy(reel_t **self_p);

// The next entry; an id that is not above the last one, an item that is empty or too large,
// and lack of memory are refused: a refused entry is a gap.
bool reel_add(reel_t *self, reel_id_t id, slice_t rule, slice_t series, slice_t item);
// There may be entries after the last one that will never be added.
void reel_skip(reel_t *self);
// The log has lost what was behind this entry of it; 0-0: forget all, and nobody knows what is
// before the next one.
void reel_rewind(reel_t *self, reel_id_t to);
// It has no entry: forget all, and the next one follows upon nothing.
void reel_is_empty(reel_t *self);

size_t reel_count(const reel_t *self);
reel_id_t reel_last(const reel_t *self);                 // 0-0: there is none
reel_id_t reel_before(const reel_t *self, reel_id_t id); // the last one below that; 0-0: none is

typedef struct {
    reel_id_t id;
    slice_t rule, series;
    frame_t *frame;
    bool gap; // the one asked behind is not the one before it in the log: entries may be missing
} reel_entry_t;

// The first entry behind that id. False: there is none.
bool reel_next(const reel_t *self, reel_id_t behind, reel_entry_t *entry);
