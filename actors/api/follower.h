/*  follower -- where one viewer of the event stream stands, and what it wants to see. Pure.
 *
 *  What there is to see is a scene; the viewer reads it at its own speed: first how things are (or,
 *  behind an id, the alerts that it missed), then what changes. One that is slow sees of each
 *  series the newest row only, and every alert, as long as the reel has it: beyond that, a gap.
 *  From its first byte on, or the gap that comes before all, it knows the id from which to go on;
 *  so does who was sent no alert yet.
 */
#pragma once
#include "actors/api/board.h"
#include "actors/api/reel.h"

typedef struct { // what all viewers share
    board_t *board;
    reel_t *reel;
    frame_t *health;
    uint64_t health_version, pings;
    uint64_t looks; // at the log, that are over
} scene_t;

bool scene_open(scene_t *self); // false: no memory; scene_close all the same
void scene_close(scene_t *self);
// Told to all viewers if it is not so already. False: no memory.
bool scene_health(scene_t *self, slice_t item);

enum {
    FOLLOWER_GLOB_MAX = 255,  // bytes of a pattern
    FOLLOWER_LOOK_STEPS = 64, // that finding what is to be compared costs as much as
};

typedef struct follower follower_t;

// rule, series: patterns, or NULL: all. behind: an id that was seen, or NULL: from now on.
// NULL: out of memory.
follower_t *follower_new(const scene_t *scene, const char *rule, const char *series,
                         const reel_id_t *behind);
void follower_destroy(follower_t **self_p);

// The log has lost what was behind this entry of it; 0-0: all. Who had more is told of a gap, and
// goes on from there.
void follower_rewind(follower_t *self, reel_id_t to);

// The next bytes for it, at most `room`; 0: it has seen all, or, with *more, has compared enough
// for now. -1: out of memory. steps: of comparing patterns, that it may take; what it took is taken
// off, and may be more by one comparison.
long follower_read(follower_t *self, const scene_t *scene, uint8_t *out, size_t room,
                   int64_t *steps, bool *more);
