/*  cells -- the rows of a series that are too many for its windows by time, merged.
 *
 *  Pure. Rows with the same floor(ts / 2^bits) form one cell, 2^bits being the smallest power of
 *  two microseconds >= the longest window / 65,536: about that many cells at most. Merging is
 *  exact: count, sums, squares, products, minimum, maximum, first and last number of each
 *  argument (traces, layout.h). A cell counts as its newest row does: it is in a window as long
 *  as that row is. Rows are merged once they can no longer be revised. Those of the newest time
 *  wait in a cell of their own, which no window sees, and join their neighbours when time moves
 *  on. Nothing here depends on when or in what portions rows came.
 *
 *  The columns of a cell are those of a ring, so that they stay narrow where the numbers are.
 */
#pragma once
#include "actors/transform/windows.h"

enum { CELLS_OF_LONGEST = 65536, TALLIES_MAX = 6 };

typedef struct {
    uint64_t low, high; // cells in it
    uint64_t rows;
} cell_window_t;

// Sums over the cells in a window, of one slot of the layout.
typedef struct {
    uint64_t count;
    mpz_t sums[TALLIES_MAX]; // of mantissas, of the columns of its traces but the count
    extremes_t least, most;
} cell_slot_t;

struct cells {
    const layout_t *layout;
    unsigned bits;
    ring_t ring;       // a position is a cell; its time that of its newest row
    uint64_t taken;    // rows of the series before this one are in cells
    int64_t *known_us; // of each trace: cells of rows with ts >= this have it
    cell_window_t *windows;
    cell_slot_t *slots;
    bool stale;
    figure_t *row; // scratch: a row as a cell
    figure_t other;
};

unsigned cells_bits(int64_t keep_us); // of cells for windows this long

// Empty. `known` is that of the arguments' rows. NULL: out of memory.
cells_t *cells_new(const layout_t *layout, unsigned bits, uint64_t taken);
void cells_destroy(cells_t **self_p);

// Take row self->taken of the series in, whose newest time is `newest`. False: out of memory.
bool cells_take(cells_t *self, const ring_t *rows, int64_t newest);
bool cells_settle(cells_t *self);             // time moves on: the newest cell joins its neighbour
void cells_trim(cells_t *self, int64_t from); // forget cells before this time
bool cells_empty(const cells_t *self);

// Bring all windows by time to a row of this time (cells_windows.c).
bool cells_look(cells_t *self, int64_t ts);
void cells_leave(cells_t *self, uint64_t cell); // take it out of all windows: it will change

bool cells_know(const cells_t *self, uint16_t trace, int64_t from_us);
// Another plan, with cells at least as coarse. False: out of memory.
bool cells_reshape(cells_t *self, const layout_t *layout, unsigned bits, int64_t newest);
size_t cells_bytes(const cells_t *self);

// For cells*.c only.
bool cells_lay(cells_t *self, const layout_t *layout); // windows and slots; stale
void cells_unlay(cells_t *self);
