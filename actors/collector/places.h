/*  places -- how far each source has been staged: which file up to which byte, which client up to
 *  which number.
 *
 *  Pure. The only memory of this is the log itself: every record carries its place, segments
 *  begin with all of them (known.h), and they are noted again while the log is opened. A place is
 *  a number that only rises, for a subject of a source (file identity, client). At most
 *  PLACES_MAX are kept; beyond, the half that was longest not touched is forgotten. A file that
 *  is forgotten while it is there would be staged again, so files that are there are counted
 *  (places_hold), and no more are read than are never forgotten.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/slice.h"

enum {
    PLACES_MAX = 1 << 18,
    PLACES_HELD_MAX = PLACES_MAX / 4, // the other half of what is kept is for clients
    PLACE_SUBJECT_MAX = 247,          // bytes; with the number a place fits the 255 of a record
    PLACE_BYTES_MAX = 8 + PLACE_SUBJECT_MAX,
};

// The place of one record: number (8 bytes little-endian), then the subject.
typedef struct {
    uint8_t bytes[PLACE_BYTES_MAX];
    size_t size;
} place_t;

bool place_make(place_t *self, slice_t subject, uint64_t number); // false: subject too long
bool place_split(slice_t place, slice_t *subject, uint64_t *number);

typedef struct places places_t;

places_t *places_new(void);
void places_destroy(places_t **self_p);

// The number noted last; touches it. False if there is none.
bool places_find(places_t *self, slice_t source, slice_t subject, uint64_t *number);
// False: no memory, or a name that is too long.
bool places_note(places_t *self, slice_t source, slice_t subject, uint64_t number);
// A source that was granted `before` subjects now has `wanted` that it will look up again and
// again. Returns how many of them are granted: PLACES_HELD_MAX in all.
size_t places_hold(places_t *self, size_t before, size_t wanted);
size_t places_count(const places_t *self);
size_t places_bytes(const places_t *self); // about, when written down
// All of them, those not touched longest first, so that noting them in this order gives the same
// table. False: out of memory, or `visit` returned false.
typedef bool places_visit_t(void *context, slice_t source, slice_t subject, uint64_t number);
bool places_each(const places_t *self, places_visit_t *visit, void *context);
uint64_t places_forgotten(const places_t *self);
