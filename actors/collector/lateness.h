/*  lateness -- how late things happened: a histogram that answers quantiles.
 *
 *  Pure, of fixed size. Eight steps for each doubling: what it answers is at most an eighth too
 *  large.
 */
#pragma once
#include <stdint.h>

enum { LATENESS_STEPS = 8, LATENESS_BUCKETS = 40 * LATENESS_STEPS };

typedef struct {
    uint64_t count;
    uint64_t buckets[LATENESS_BUCKETS];
} lateness_t;

void lateness_add(lateness_t *self, int64_t late_us);

// The lateness that this share (0 to 1) of them does not exceed; 0 if there were none.
int64_t lateness_quantile_us(const lateness_t *self, double share);

// Older ones count half from now on.
void lateness_fade(lateness_t *self);
