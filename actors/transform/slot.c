/*  slot -- see slot.h. */
#include "actors/transform/slot.h"

#include <stdlib.h>
#include <string.h>

static slot_more_t *more_new(void)
{
    slot_more_t *more = calloc(1, sizeof *more);
    if (!more)
        return NULL;
    mpz_inits(more->big_sum, more->big_squares, more->big_sum2, more->big_squares2,
              more->big_products, NULL);
    figure_init(&more->scratch);
    figure_init(&more->scratch2);
    course_open(&more->course);
    return more;
}

static void more_destroy(slot_more_t **more_p)
{
    slot_more_t *more = *more_p;
    if (!more)
        return;
    mpz_clears(more->big_sum, more->big_squares, more->big_sum2, more->big_squares2,
               more->big_products, NULL);
    figure_clear(&more->scratch);
    figure_clear(&more->scratch2);
    extremes_close(&more->min);
    extremes_close(&more->max);
    course_close(&more->course);
    ranks_close(&more->ranks);
    free(more);
    *more_p = NULL;
}

static void more_reset(slot_more_t *more, const slot_layout_t *layout)
{
    more->squares = more->squares2 = more->products = (int192_t){ 0 };
    more->sum2 = 0;
    mpz_t *sums[] = { &more->big_sum, &more->big_squares, &more->big_sum2, &more->big_squares2,
                      &more->big_products };
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
        mpz_set_ui(*sums[i], 0);
    extremes_clear(&more->min);
    extremes_clear(&more->max);
    course_clear(&more->course, layout->needs & SLOT_AREA);
    ranks_clear(&more->ranks);
}

// Not inlined, as slot_move_any: what moves plain sums on is not to pay for their frames.
__attribute__((noinline)) bool slot_reset(slot_t *self, const slot_layout_t *layout,
                                          const ring_t *ring)
{
    bool big = ring->columns[layout->argument].wide ||
               (layout->argument2 >= 0 && ring->columns[layout->argument2].wide);
    self->count = 0;
    self->sum = 0;
    if (!layout->needs && !big) {
        more_destroy(&self->more);
        return true;
    }
    if (!self->more && !(self->more = more_new()))
        return false;
    more_reset(self->more, layout);
    self->more->big = big;
    return true;
}

void slot_close(slot_t *self)
{
    more_destroy(&self->more);
    *self = (slot_t){ 0 };
}

bool slot_copy(slot_t *self, const slot_t *from)
{
    self->count = from->count;
    self->sum = from->sum;
    if (!from->more) {
        more_destroy(&self->more);
        return true;
    }
    if (!self->more && !(self->more = more_new()))
        return false;
    slot_more_t *to = self->more;
    to->big = from->more->big;
    to->squares = from->more->squares;
    to->squares2 = from->more->squares2;
    to->products = from->more->products;
    to->sum2 = from->more->sum2;
    mpz_set(to->big_sum, from->more->big_sum);
    mpz_set(to->big_squares, from->more->big_squares);
    mpz_set(to->big_sum2, from->more->big_sum2);
    mpz_set(to->big_squares2, from->more->big_squares2);
    mpz_set(to->big_products, from->more->big_products);
    course_copy(&to->course, &from->more->course);
    return extremes_copy(&to->min, &from->more->min) && extremes_copy(&to->max, &from->more->max) &&
           ranks_copy(&to->ranks, &from->more->ranks);
}

size_t slot_bytes(const slot_t *self)
{
    if (!self->more)
        return sizeof *self;
    return sizeof *self + sizeof *self->more + extremes_bytes(&self->more->min) +
           extremes_bytes(&self->more->max) + ranks_bytes(&self->more->ranks);
}

static void sum_big(mpz_t sum, const mpz_t a, const mpz_t b, int sign)
{
    if (sign > 0)
        mpz_addmul(sum, a, b);
    else
        mpz_submul(sum, a, b);
}

static void count_big(slot_t *self, const slot_layout_t *layout, const ring_t *ring,
                      uint64_t position, int sign)
{
    slot_more_t *more = self->more;
    mpz_t *x = &more->scratch.big, *y = &more->scratch2.big;
    ring_mantissa(ring, (unsigned) layout->argument, position, *x);
    if (sign > 0)
        mpz_add(more->big_sum, more->big_sum, *x);
    else
        mpz_sub(more->big_sum, more->big_sum, *x);
    if (layout->needs & SLOT_SQUARES)
        sum_big(more->big_squares, *x, *x, sign);
    if (!(layout->needs & SLOT_PAIR))
        return;
    ring_mantissa(ring, (unsigned) layout->argument2, position, *y);
    if (sign > 0)
        mpz_add(more->big_sum2, more->big_sum2, *y);
    else
        mpz_sub(more->big_sum2, more->big_sum2, *y);
    sum_big(more->big_squares2, *y, *y, sign);
    sum_big(more->big_products, *x, *y, sign);
}

static void count_small(slot_t *self, const slot_layout_t *layout, const ring_t *ring,
                        uint64_t position, int sign)
{
    slot_more_t *more = self->more;
    void (*sum)(int192_t *, int128_t) = sign > 0 ? int192_add : int192_subtract;
    int128_t x = ring->columns[layout->argument].narrow[position & ring->mask];
    self->sum += sign * x;
    if (layout->needs & SLOT_SQUARES)
        sum(&more->squares, x * x);
    if (!(layout->needs & SLOT_PAIR))
        return;
    int128_t y = ring->columns[layout->argument2].narrow[position & ring->mask];
    more->sum2 += sign * y;
    sum(&more->squares2, y * y);
    sum(&more->products, x * y);
}

static bool counted(const slot_layout_t *layout, const ring_t *ring, uint64_t position)
{
    return !ring_null(ring, (unsigned) layout->argument, position) &&
           (layout->argument2 < 0 || !ring_null(ring, (unsigned) layout->argument2, position));
}

static bool add_any(slot_t *self, const slot_layout_t *layout, const ring_t *ring,
                    uint64_t position)
{
    slot_more_t *more = self->more;
    if (!counted(layout, ring, position))
        return true;
    self->count++;
    (more->big ? count_big : count_small)(self, layout, ring, position, 1);
    unsigned column = (unsigned) layout->argument;
    if (layout->needs & SLOT_COURSE)
        course_enter(&more->course, ring, column, position);
    if (layout->needs & SLOT_RANKS && !ranks_enter(&more->ranks, ring, column, position))
        return false;
    if (layout->needs & SLOT_MIN && !extremes_add(&more->min, ring, column, position, 1))
        return false;
    return !(layout->needs & SLOT_MAX) || extremes_add(&more->max, ring, column, position, -1);
}

static void remove_any(slot_t *self, const slot_layout_t *layout, const ring_t *ring,
                       uint64_t position)
{
    slot_more_t *more = self->more;
    if (!counted(layout, ring, position))
        return;
    self->count--;
    (more->big ? count_big : count_small)(self, layout, ring, position, -1);
    if (layout->needs & SLOT_COURSE)
        course_leave(&more->course, ring, (unsigned) layout->argument, position);
    if (layout->needs & SLOT_RANKS)
        ranks_leave(&more->ranks, ring, (unsigned) layout->argument, position);
    if (layout->needs & SLOT_MIN)
        extremes_remove(&more->min, position);
    if (layout->needs & SLOT_MAX)
        extremes_remove(&more->max, position);
}

__attribute__((noinline)) bool slot_move_any(slot_t *self, const slot_layout_t *layout,
                                             const ring_t *ring, span_t leave, span_t enter)
{
    for (uint64_t p = leave.from; p < leave.to; p++)
        remove_any(self, layout, ring, p);
    for (uint64_t p = enter.from; p < enter.to; p++)
        if (!add_any(self, layout, ring, p))
            return false;
    return true;
}
