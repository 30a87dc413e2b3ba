/*  cut -- where a text file may be cut into records.
 *
 *  Pure. Lines are never torn: a piece ends behind a line end, and for CSV behind one that is not
 *  inside quotes.
 */
#pragma once
#include <stdbool.h>

#include "proto/slice.h"

enum {
    CUT_BYTES = 1 << 20, // a piece has about this many
};

typedef struct {
    bool csv;
    char delimiter; // csv only
} cut_rule_t;

// How many bytes of `text` (which begins at a line start) make the next piece: the last cut not
// beyond CUT_BYTES, else the first one after it. 0: no line ends in it, more text is needed.
size_t cut_find(cut_rule_t rule, slice_t text);
