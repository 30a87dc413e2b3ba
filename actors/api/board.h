/*  board -- the newest row of each series as one frame, and which of them changed since when. Pure.
 *
 *  A viewer has seen everything up to a version; what it has not seen is found by it, however slow
 *  it is: of each series the newest frame only. So nothing is kept for a viewer, and there is
 *  never more to keep than a frame a series.
 */
#pragma once
#include "actors/api/frame.h"

enum { BOARD_SERIES_MAX = 1 << 16 };

typedef struct board board_t;

board_t *board_new(void); // NULL: out of memory
void board_destroy(board_t **self_p);

typedef enum { BOARD_SAME, BOARD_CHANGED, BOARD_LEFT_OUT } board_word_t; // left out: no room for it

// What there is now, one series after the other: begin, set each, end. What was not set is gone.
// `series` has no NUL in it.
void board_begin(board_t *self);
board_word_t board_set(board_t *self, const char *series, slice_t item);
void board_end(board_t *self);

size_t board_count(const board_t *self); // series
// The JSON of that series, until the next board_set; empty: there is none.
slice_t board_find(const board_t *self, const char *series);

// The first frame that is newer than *version, which becomes its; its series, too. NULL: none is.
frame_t *board_next(const board_t *self, uint64_t *version, const char **series);
