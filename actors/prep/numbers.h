/*  numbers -- numbers as people write them: "1.234,56", "1 234.5". Pure. */
#pragma once
#include <stdbool.h>

#include "proto/fault.h"
#include "proto/slice.h"

enum { NUMBERS_TEXT_MAX = 64 };

// How a source writes numbers; all 0: plainly, as in JSON.
typedef struct {
    char group; // between groups of three digits before the point, 0 = none
    char point; // 0 = nothing is to be done
} numbers_t;

// Understand a sample: 1234,5 or 1.234,5 or 1,234.5 or 1 234,5 or 1'234.5, with any digits behind
// the point.
bool numbers_compile(numbers_t *self, slice_t sample, fault_t *fault);

// The same number plainly, in `out`. False: it is not written that way.
bool numbers_plain(const numbers_t *self, slice_t text, char out[NUMBERS_TEXT_MAX], slice_t *plain);
