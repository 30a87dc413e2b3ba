/*  windows -- all windows of one series, as the row being judged sees them.
 *
 *  Pure. A window by time sees the rows of [ts - span, ts): rows of that time are not in it, so
 *  revising one never disturbs it. A window by rows sees the N rows before this one. Windows only
 *  move forward; when they cannot be moved (the row lies further back, a row inside was revised or
 *  came late, a column changed its exponent, state was loaded, the plan changed) they are stale:
 *  copied from others that lie further back, or built anew.
 */
#pragma once
#include "actors/transform/slot.h"

typedef struct cells cells_t;

typedef struct {
    uint64_t low, high; // positions in it: low .. high - 1
} window_t;

typedef struct {
    window_t *windows; // as in the table's plan
    slot_t *slots;     // as in its layout
    size_t slot_count;
    uint64_t position, first; // of the moment they were moved to
    bool stale;
} windows_t;

// The row being judged, among the rows of its series.
typedef struct {
    const windows_t *windows; // moved to it
    const ring_t *ring;
    uint64_t position; // of the row
    uint64_t first;    // position of the first row with its time
    int64_t ts;
    // What windows by time that are longer than `exact_us` see instead of rows, or NULL (cells.h).
    const cells_t *cells;
    int64_t exact_us;
    bool ahead; // of what the cells have: nothing can be said of those windows yet
} moment_t;

bool windows_open(windows_t *self, const layout_t *layout); // stale
void windows_close(windows_t *self);                        // also of a zeroed one

// Can they not be moved to this moment?
bool windows_beyond(const windows_t *self, const layout_t *layout, const moment_t *moment);
// Become as `from` is, which is not stale. False: out of memory.
bool windows_copy(windows_t *self, const layout_t *layout, const windows_t *from);
// Bring all windows to this moment. False: out of memory.
bool windows_move(windows_t *self, const layout_t *layout, const moment_t *moment);
size_t windows_bytes(const windows_t *self);

// ts - span without overflow.
static inline int64_t window_start(int64_t ts, int64_t span_us)
{
    int64_t start;
    return __builtin_sub_overflow(ts, span_us, &start) ? INT64_MIN : start;
}
