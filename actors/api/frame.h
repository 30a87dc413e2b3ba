/*  frame -- one event of a stream of server-sent events, encoded once for all viewers. Pure.
 *
 *  Whoever has some of its bytes still to send holds it; it goes with the last holder. Not for
 *  several threads at once: who shares frames has a lock.
 */
#pragma once
#include "proto/slice.h"

enum { FRAME_BYTES_MAX = 256 << 10 }; // of an event; a larger one is none

typedef struct {
    unsigned holders;
    size_t size;
    uint8_t bytes[];
} frame_t;

// `event`, an id if it is not NULL, and one line of data: what would end the line, or the event,
// becomes a space. NULL: no memory, or too large.
frame_t *frame_new(const char *event, const char *id, slice_t data);
frame_t *frame_plain(const char *text); // these bytes, to the letter
frame_t *frame_hold(frame_t *self);
void frame_drop(frame_t **self_p); // of NULL: nothing
