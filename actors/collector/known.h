/*  known -- what a collector must know at a place of its log, as records of that log.
 *
 *  Pure. Places, amendments and the time really collecting are all found in the records before:
 *  so that nobody has to read those, a segment begins with them. In pieces of about
 *  KNOWN_PIECE_BYTES (RECORD_KNOWN, and RECORD_KNOWN_END for the last; broker/stage/stage.h), each
 *  a msgpack array:
 *
 *      [ version, up: microseconds,
 *        [ source, subject, number, ... ],                              places: the first was
 *                                                                       longest not touched
 *        [ seq, recv_us, source, request, payload of the RESET, ... ] ] amendments, by seq
 *
 *  Sizes: at most 262,144 places of at most 516 bytes, and AMENDMENTS_BYTES_MAX. Real ones are
 *  about 40 bytes a client or file.
 */
#pragma once
#include "actors/collector/amendments.h"
#include "actors/collector/places.h"

enum {
    KNOWN_PIECE_BYTES = 1 << 20,   // a piece ends when it has come so far
    KNOWN_SEGMENT_BYTES = 8 << 20, // a segment in k gets a head, so that it costs no more than this
};

typedef struct {
    places_t *places;
    amendments_t *amendments;
    uint64_t up_us; // time really collecting
} known_t;

// One piece after the other. False: out of memory, or `put` returned false.
typedef bool known_put_t(void *context, bool last, slice_t payload);
bool known_write(const known_t *self, known_put_t *put, void *context);

// One more piece, noted in places and amendments that were empty before the first. False: out of
// memory, or these bytes are none (fault).
bool known_read(known_t *self, slice_t payload, fault_t *fault);

// Is a head due in a segment that is the `unheaded`-th without?
bool known_is_due(const known_t *self, size_t unheaded);
