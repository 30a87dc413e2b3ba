/*  table -- columns of text as wide as they need to be, for people. Pure.
 *
 *  A cell that begins with a digit stands at the right, everything else at the left; the last
 *  column is as long as it is. Cells are ASCII by contract of who fills them (names, numbers).
 */
#pragma once
#include "proto/buffer.h"

enum { TABLE_COLUMNS_MAX = 16 };

typedef struct {
    size_t columns; // 1..TABLE_COLUMNS_MAX, set by the caller; the rest begins as zero
    size_t cells;
    buffer_t texts; // of all cells, each with its NUL
} table_t;

// The next cell, row by row; a table begins with the row of its titles. NULL is "-".
void table_cell(table_t *self, const char *text);

// Writes the rows filled so far, a line each, and empties the table.
void table_print(table_t *self, buffer_t *out);
void table_destroy(table_t *self);
