/*  pushed -- the columns of a pushed frame as numbers and fields.
 *
 *  Pure. A column is opened once (dictionaries and scalars are unpacked), then read by row.
 *  Numbers become one array of mantissas with one exponent wherever that is exact.
 */
#pragma once
#include "actors/prep/field.h"
#include "actors/prep/scratch.h"
#include "proto/decimal.h"
#include "proto/push.h"

typedef struct {
    field_kind_t kind; // FIELD_NUMBER: `number`; FIELD_TEXT: `text`
    slice_t text;
    decimal_t number;
    bool rounded; // the number had more digits than a decimal keeps
    bool finite;  // false: NaN or infinite, or beyond what a decimal holds
} pushed_cell_t;

typedef struct {
    const push_column_t *column; // NULL: the frame has no such column, every row is missing
    pushed_cell_t *cells;        // of a dictionary (by index) or of scalars (by row)
} pushed_t;

// False: no memory.
bool pushed_open(pushed_t *self, const push_t *push, const push_column_t *column,
                 scratch_t *scratch);

pushed_cell_t pushed_cell(const pushed_t *self, uint32_t row);

// A cell as the field of a text format; a number is printed into `out`.
field_t pushed_field(const pushed_cell_t *cell, char out[DECIMAL_TEXT_MAX]);

// All rows as mantissas of one exponent, NULL as INT64_MIN: from the frame itself if it says so,
// else into `room` (a mantissa a row). False: not exactly possible, or some cell is no number;
// then read cell by cell.
bool pushed_uniform(const pushed_t *self, uint32_t rows, int64_t *room, const uint8_t **mantissas,
                    int8_t *exponent);
