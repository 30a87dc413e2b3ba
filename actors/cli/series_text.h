/*  series_text -- the values of a column over time, as promtool writes them in tests of rules.
 *
 *  Pure. Items between blanks, one after the other:
 *
 *      7          one value; a decimal of up to 18 digits, exact
 *      7x60       the value and 60 more of it
 *      7+0.5x60   the value and 60 more, each 0.5 more than the one before; 7-0.5x60: less
 *      _          nothing in this step; _x60: nothing in 60 steps
 */
#pragma once
#include "proto/arena.h"
#include "proto/decimal.h"
#include "proto/fault.h"

enum { SERIES_VALUES_MAX = 1 << 20 }; // one text may stand for, and all of a file

typedef struct {
    size_t count;
    decimal_t *values; // NULL where there is nothing; in the arena
} series_values_t;

// At most `most` values (SERIES_VALUES_MAX or less). False with fault: no memory, or what is wrong
// at its line and byte in the text.
bool series_text(const char *text, size_t most, arena_t *arena, series_values_t *out,
                 fault_t *fault);
