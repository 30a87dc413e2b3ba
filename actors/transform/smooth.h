/*  smooth -- the exponential average of the rows of a window: ema.
 *
 *  Pure. It keeps nothing: each value is computed from the window's rows, so it depends on them
 *  alone, and costs as many steps as they are. In order of time, e = x for the first number and
 *  e += a (x - e) for each further one, with a = 2 / (N + 1) OVER rows_N; the result is the exact
 *  one rounded to 53 bits.
 */
#pragma once
#include "actors/rules/evaluate.h"
#include "actors/transform/ring.h"

typedef struct {
    const ring_t *ring;
    unsigned column;
    uint64_t low, high; // the window: low .. high - 1
    uint32_t rows;      // N
} smooth_t;

bool smooth_exact(const smooth_t *self, mpq_t value); // false: NULL
approximate_t smooth_approximate(const smooth_t *self, double *value, double *error);
