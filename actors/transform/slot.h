/*  slot -- sums, counts and extremes of one argument (or pair) over one window of one series.
 *
 *  Pure. Rows are added at the young end and removed at the old one, O(1) amortised each; sums
 *  are exact, so a row that has left leaves nothing behind. Minimum and maximum are kept by
 *  queues of the rows that can still become one.
 */
#pragma once
#include "actors/transform/course.h"
#include "actors/transform/extremes.h"
#include "actors/transform/layout.h"
#include "actors/transform/ranks.h"
#include "actors/transform/ring.h"

typedef struct {
    bool big; // sums are in the mpz_t below: a column is wide
    int192_t squares, squares2, products;
    int128_t sum2;
    mpz_t big_sum, big_squares, big_sum2, big_squares2, big_products;
    extremes_t min, max;
    course_t course;
    ranks_t ranks;
    figure_t scratch, scratch2;
} slot_more_t;

typedef struct {
    uint64_t count;    // rows with a number (both numbers, if a pair)
    int128_t sum;      // of mantissas of the (first) argument
    slot_more_t *more; // NULL unless something else is needed
} slot_t;

// Positions from .. to - 1.
typedef struct {
    uint64_t from, to;
} span_t;

// Forget all rows and get ready for numbers as the ring holds them now. False: out of memory.
bool slot_reset(slot_t *self, const slot_layout_t *layout, const ring_t *ring);
void slot_close(slot_t *self);                    // also of a zeroed one
bool slot_copy(slot_t *self, const slot_t *from); // false: out of memory

// The long way, for slots with `more`.
bool slot_move_any(slot_t *self, const slot_layout_t *layout, const ring_t *ring, span_t leave,
                   span_t enter);

// Take rows out at the old end and in at the young one. False: out of memory.
static inline bool slot_move(slot_t *self, const slot_layout_t *layout, const ring_t *ring,
                             span_t leave, span_t enter)
{
    if (self->more)
        return slot_move_any(self, layout, ring, leave, enter);
    const int64_t *narrow = ring->columns[layout->argument].narrow;
    uint64_t mask = ring->mask, count = self->count;
    int128_t sum = self->sum;
    for (uint64_t p = leave.from; p < leave.to; p++) {
        int64_t mantissa = narrow[p & mask];
        bool null = mantissa == FIGURE_NULL_MANTISSA;
        count -= !null;
        sum -= null ? 0 : mantissa;
    }
    for (uint64_t p = enter.from; p < enter.to; p++) {
        int64_t mantissa = narrow[p & mask];
        bool null = mantissa == FIGURE_NULL_MANTISSA;
        count += !null;
        sum += null ? 0 : mantissa;
    }
    self->count = count;
    self->sum = sum;
    return true;
}

size_t slot_bytes(const slot_t *self);
