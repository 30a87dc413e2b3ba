/*  csv -- records of comma-separated text (RFC 4180), one at a time.
 *
 *  Pure and bounded: cells point into the text, only those with doubled quotes into the reader.
 *  A record that breaks the rules is told and passed over up to the end of its first line, so
 *  that one stray quote does not swallow the file. Blanks around a cell are no part of it, unless
 *  they stand in its quotes.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "proto/slice.h"

enum {
    CSV_CELLS_MAX = 1024,       // cells of a record
    CSV_CELL_BYTES_MAX = 65536, // bytes of a quoted cell
};

typedef enum {
    CSV_RECORD,
    CSV_END,
    CSV_BAD_QUOTE, // text after a closing quote, or a quote inside a cell that is not quoted
    CSV_UNCLOSED,  // a quote without end, or a quoted cell of more than CSV_CELL_BYTES_MAX
    CSV_TOO_WIDE,  // more than CSV_CELLS_MAX cells
} csv_result_t;

typedef struct {
    char delimiter;
    slice_t comment;     // lines that begin so are passed over; empty = there are none
    uint32_t skip_lines; // at the begin, empty ones included
} csv_dialect_t;

typedef struct {
    slice_t text; // from `at` on to be read
    size_t at;
    uint8_t delimiter;
    slice_t comment;
    slice_t record; // the record just read or refused, without its line end
    unsigned count; // its cells
    slice_t cells[CSV_CELLS_MAX];
    uint8_t unquoted[CSV_CELL_BYTES_MAX]; // room for the cells of a record that have "" inside
    size_t unquoted_used;
} csv_t;

csv_t *csv_new(void);
void csv_destroy(csv_t **self_p);

// Start on a text.
void csv_open(csv_t *self, slice_t text, csv_dialect_t dialect);

// The next record; blank lines and comments are none.
csv_result_t csv_next(csv_t *self);
