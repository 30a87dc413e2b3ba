/*  shape -- what rules need to know of a source: its table, keys, columns and lateness.
 *
 *  Pure. Read from the body of the source's plan entry (written by mapping_define): everything
 *  else in it belongs to prep.
 */
#pragma once
#include "proto/fault.h"
#include "proto/rows.h"
#include "proto/series.h"

typedef struct {
    slice_t table; // all slices point into the body
    unsigned key_count, column_count;
    slice_t keys[SERIES_KEYS_MAX];
    slice_t columns[ROWS_COLUMNS_MAX];
    int64_t lateness_us; // 0 .. ROWS_LATENESS_MAX
} shape_t;

bool shape_read(shape_t *self, slice_t body, fault_t *fault);
