/*  digits -- how many digits the value of an exact expression can have, whatever the row.
 *
 *  Pure. Arguments of aggregates are kept for every row, so their size is bounded where they are
 *  compiled, not where it is too late to refuse them.
 */
#pragma once
#include "actors/rules/expr.h"

typedef struct {
    int before, after; // the point: |value| < 10^before, and value * 10^after is whole
} digits_t;

digits_t digits_of(const expr_t *expr); // of what may stand inside an aggregate
