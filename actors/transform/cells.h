/*  cells -- the rows of a series that are too many for a window by time, merged.
 *
 *  Pure. Rows with the same floor(ts / 2^bits) form one cell, 2^bits being the smallest power of
 *  two microseconds >= the window / 65,536: about that many cells at most. Windows for which that
 *  is the same width share their cells. Merging is exact: count, sums, squares, products,
 *  minimum, maximum, first and last value of each argument (traces, layout.h). A cell counts as
 *  its newest row does: it is in a window as long as that row is. What depends on the course of
 *  the numbers inside it (delta, rate, twavg), or on each alone (median), sees one of each cell,
 *  the last. Rows are merged once they can no longer be revised. Those of the time at the floor
 *  wait in a cell of their own, which no window sees, and join their neighbours when it rises.
 *  Nothing here depends on when or in what portions rows came.
 *
 *  The columns of a cell are those of a ring, so that they stay narrow where the numbers are.
 */
#pragma once
#include "actors/transform/windows.h"

enum { TALLIES_MAX = 6 };

typedef struct {
    uint64_t low, high; // cells in it
    uint64_t rows;
} cell_window_t;

// Sums over the cells in a window, of one slot of the layout.
typedef struct {
    uint64_t count;
    mpz_t sums[TALLIES_MAX]; // of mantissas, of the columns of its traces but the count
    extremes_t least, most;
    course_t course; // each cell by its last number
    ranks_t ranks;   // the same
} cell_slot_t;

struct cells {
    cells_t *next; // of the same series, wider
    const layout_t *layout;
    unsigned bits;
    int64_t span_us;   // the longest window they serve
    ring_t ring;       // a position is a cell; its time that of its newest row
    int64_t *known_us; // of each trace: cells of rows with ts >= this have it
    cell_window_t *windows;
    cell_slot_t *slots;
    bool stale;
    figure_t *row; // scratch: a row as a cell
    figure_t other;
};

// The longest window by time whose cells are this wide; 0 = none.
int64_t cells_span(const layout_t *layout, unsigned bits);

// Empty. NULL: out of memory.
cells_t *cells_new(const layout_t *layout, unsigned bits);
// What these hold, as `bits` wide cells under another plan; where they are wider they stay so.
// NULL: out of memory.
cells_t *cells_copy(const cells_t *self, const layout_t *layout, unsigned bits, int64_t newest,
                    int64_t floor);
void cells_destroy(cells_t **self_p);

// Take a row of the series in, whose floor is `floor` (series.h). False: out of memory.
bool cells_take(cells_t *self, const ring_t *rows, uint64_t position, int64_t floor);
bool cells_settle(cells_t *self);             // the floor rises: the last cell joins its neighbour
void cells_trim(cells_t *self, int64_t from); // forget cells before this time
bool cells_empty(const cells_t *self);

// Bring all windows that they serve to a row of this time (cells_windows.c).
bool cells_look(cells_t *self, int64_t ts);
void cells_leave(cells_t *self, uint64_t cell); // take it out of all windows: it will change

bool cells_know(const cells_t *self, uint16_t trace, int64_t from_us);
static inline bool cells_serve(const cells_t *self, size_t window)
{
    return !self->layout->plan->windows[window].by_rows &&
           self->layout->cell_bits[window] == self->bits;
}
// Those that serve this window; there must be some.
static inline const cells_t *cells_of(const cells_t *first, size_t window)
{
    while (!cells_serve(first, window))
        first = first->next;
    return first;
}
size_t cells_bytes(const cells_t *self);

// For cells*.c only.
bool cells_lay(cells_t *self, const layout_t *layout); // windows and slots; stale
void cells_unlay(cells_t *self);
