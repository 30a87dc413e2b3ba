/*  slot -- sums, counts and extremes of one argument (or pair) over one window of one series.
 *
 *  Pure. Rows are added at the young end and removed at the old one, O(1) amortised each; sums
 *  are exact, so a row that has left leaves nothing behind. Minimum and maximum are kept by
 *  queues of the rows that can still become one.
 */
#pragma once
#include "actors/transform/layout.h"
#include "actors/transform/ring.h"

typedef struct {
    uint32_t *at; // low bits of positions; those of numbers that never fall (min) or rise (max)
    uint32_t mask, head, tail;
} extremes_t;

typedef struct {
    bool big; // sums are in the mpz_t below: a column is wide
    int192_t squares, squares2, products;
    int128_t sum2;
    mpz_t big_sum, big_squares, big_sum2, big_squares2, big_products;
    extremes_t min, max;
    figure_t scratch, scratch2;
} slot_more_t;

typedef struct {
    uint64_t count;    // rows with a number (both numbers, if a pair)
    int128_t sum;      // of mantissas of the (first) argument
    slot_more_t *more; // NULL unless something else is needed
} slot_t;

// Forget all rows and get ready for numbers as the ring holds them now. False: out of memory.
bool slot_reset(slot_t *self, const slot_layout_t *layout, const ring_t *ring);
void slot_close(slot_t *self); // also of a zeroed one

bool slot_add(slot_t *self, const slot_layout_t *layout, const ring_t *ring, uint64_t from,
              uint64_t to);
void slot_remove(slot_t *self, const slot_layout_t *layout, const ring_t *ring, uint64_t from,
                 uint64_t to);
size_t slot_bytes(const slot_t *self);
