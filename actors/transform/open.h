/*  open -- the rows of a series that may still be revised or judged, with all their columns.
 *
 *  Pure. In order of time, then arrival: those of the newest time, and with lateness those before
 *  them that have not closed (series.h). They are the whole memory of identity: a row that comes
 *  again is found here or nowhere. Rows told apart by their ordinal cannot come again; without
 *  lateness of those only the very last row is kept, for views. At most so many as the
 *  fold allows.
 */
#pragma once
#include "proto/buffer.h"
#include "proto/rows.h"

enum {
    OPEN_ROWS_LEAST = 2, // one can close while another of its time stays
    OPEN_ROWS_MAX = 65536,
};

typedef struct {
    int64_t ts;
    uint64_t position; // in the series
    uint64_t nth;      // accepted rows of its time before it
    uint64_t hash;     // of the time and the identity
    uint32_t identity; // offset of it
    uint8_t identity_size;
    bool ordinal;
    bool due; // to be judged once more when it closes
} open_row_t;

typedef struct {
    size_t first, end; // rows in use
    size_t capacity;
    open_row_t *rows;
    decimal_t *values; // column_count a row
    unsigned column_count;
    buffer_t identities;
    uint32_t *index; // hash table of row + 1, or NULL while there are few
    uint32_t index_mask;
} open_t;

void open_init(open_t *self, unsigned column_count);
void open_close(open_t *self);
void open_clear(open_t *self); // forget all rows, keep the memory

size_t open_find(const open_t *self, int64_t ts, slice_t identity); // SIZE_MAX if none

// A row on its way in. In another order than in open_row_t: a wider copy would wait for the writes
// of single fields to reach the cache.
typedef struct {
    uint64_t position;
    slice_t identity;
    int64_t ts;
    bool ordinal, due;
    uint64_t nth;
} opening_t;

// Put a row in before row `at` of those in use (`end`: append); positions of the rows behind it
// grow by one. Its values are the caller's to fill in. False: out of memory.
bool open_insert(open_t *self, size_t at, const opening_t *row);
bool open_only(open_t *self, const opening_t *row); // forget all rows, then append
void open_drop_ordinal(open_t *self); // the last row, which is told apart by its ordinal
bool open_drop_first(open_t *self, size_t count); // false: out of memory
void open_drop_last(open_t *self, uint64_t from); // rows from this position on

static inline size_t open_count(const open_t *self)
{
    return self->end - self->first;
}
static inline decimal_t *open_values(const open_t *self, size_t row)
{
    return self->values + row * self->column_count;
}
static inline slice_t open_identity(const open_t *self, size_t row)
{
    const open_row_t *r = &self->rows[row];
    return slice_of(r->identity_size ? self->identities.data + r->identity : NULL,
                    r->identity_size);
}

// Columns under another plan: column i is what from[i] was, or NULL if -1.
bool open_rearrange(open_t *self, unsigned column_count, const int *from);
size_t open_bytes(const open_t *self);
