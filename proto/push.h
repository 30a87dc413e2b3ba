/*  push -- the frame of a pushed feed: what clients outside send to the collector.
 *
 *  Pure. One msgpack map with text keys:
 *
 *      { v: 1, source: text, client: text, n: int, rows: { column: values, ... } }
 *      { v: 1, source: text, client: text, n: int, raw: bin }
 *      { v: 1, source: text, client: text, n: 0 }
 *
 *  source and client are names (letters, digits, '.', '_', '-'): they stand in topics. `n` counts
 *  the frames of a client from 1 on; a frame is staged unmodified and (client, n) is its place. A
 *  frame of n 0 is a question, never staged: what of this client is durable? `values` is an array
 *  of msgpack scalars, or numbers in bulk, little-endian:
 *
 *      ["i64", bin]  ["f64", bin]  ["dec", exponent, bin of i64]
 *      ["dict", [text, ...], ["u8" | "u16" | "u32", bin of indexes]]
 *
 *  In "dec" the mantissa INT64_MIN is NULL, in "f64" NaN is. Decode checks the whole frame: every
 *  column has the same number of rows, every index of a dict is inside it.
 */
#pragma once
#include "proto/buffer.h"
#include "proto/fault.h"
#include "proto/slice.h"

enum {
    PUSH_VERSION = 1,
    PUSH_FRAME_BYTES_MAX = 64 << 20,
    PUSH_NAME_MAX = 128,    // bytes of source and client
    PUSH_COLUMN_MAX = 64,   // bytes of a column's name
    PUSH_COLUMNS_MAX = 96,  // values, keys, time and identity together
    PUSH_ROWS_MAX = 262144, // rows of one frame
    PUSH_TEXT_MAX = 1024,   // bytes of one text value
};

typedef enum {
    PUSH_SCALARS, // `values`: row_count msgpack scalars one after the other (wire.h)
    PUSH_I64,     // `values`: int64
    PUSH_F64,     // `values`: float64
    PUSH_DEC,     // `values`: int64 mantissas, times 10^exponent
    PUSH_DICT,    // `values`: indexes of `width` bytes into `texts`
} push_type_t;

typedef struct {
    slice_t name;
    push_type_t type;
    int8_t exponent;     // PUSH_DEC
    unsigned width;      // PUSH_DICT: 1, 2 or 4
    uint32_t text_count; // PUSH_DICT
    slice_t texts;       // PUSH_DICT: msgpack texts one after the other (wire.h)
    slice_t values;
} push_column_t;

typedef struct {
    slice_t source, client;
    uint64_t n;
    bool is_raw;
    slice_t raw;        // the payload, if is_raw
    uint32_t row_count; // otherwise
    unsigned column_count;
    push_column_t columns[PUSH_COLUMNS_MAX];
} push_t;

// Only source, client and n, cheaply: what a router needs before it stages the frame. The whole
// frame is walked, so that no malformed msgpack is staged; columns are not judged. n may be 0.
bool push_peek(push_t *self, slice_t frame, fault_t *fault);

// Everything, checked; n is above 0. Points into the frame, allocates nothing.
bool push_decode(push_t *self, slice_t frame, fault_t *fault);

// The number of column `name`, or -1.
int push_column(const push_t *self, slice_t name);

// Index of a dict row, checked by decode.
static inline uint32_t push_index(const push_column_t *column, uint32_t row)
{
    const uint8_t *at = column->values.data + (size_t) row * column->width;
    uint16_t narrow;
    uint32_t wide;
    switch (column->width) {
    case 1:
        return *at;
    case 2:
        memcpy(&narrow, at, sizeof narrow);
        return narrow;
    }
    memcpy(&wide, at, sizeof wide);
    return wide;
}

// ---- writing (clients, tests, bench) --------------------------------------------------------

// The frame's head; then push_raw, or push_rows and that many push_column_* (same row count each).
void push_head(buffer_t *out, slice_t source, slice_t client, uint64_t n);
void push_question(buffer_t *out, slice_t source, slice_t client); // the whole frame
void push_raw(buffer_t *out, slice_t payload);
void push_rows(buffer_t *out, unsigned columns);
void push_column_i64(buffer_t *out, const char *name, const int64_t *values, uint32_t rows);
void push_column_f64(buffer_t *out, const char *name, const double *values, uint32_t rows);
void push_column_dec(buffer_t *out, const char *name, int exponent, const int64_t *mantissas,
                     uint32_t rows);
// Indexes of 16 bits: at most 65,536 texts.
void push_column_dict(buffer_t *out, const char *name, const slice_t *texts, uint32_t text_count,
                      const uint16_t *indexes, uint32_t rows);
