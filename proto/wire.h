/*  wire -- msgpack, written onto a buffer and read within bounds.
 *
 *  Pure. wire.c is the only file that knows msgpack-c, and only its packer: the reader is ours,
 *  because msgpack-c allocates from a declared count. Ours allocates nothing, points into the
 *  bytes, believes no count larger than the bytes that are left, and latches its first failure:
 *  after it every read returns false, so a caller may read on and look once, at the end.
 */
#pragma once
#include "proto/buffer.h"
#include "proto/slice.h"

enum {
    WIRE_DEPTH_MAX = 16,       // nesting that wire_skip follows
    WIRE_ITEMS_MAX = 16777216, // values a reader takes altogether, skipped ones included
};

// ---- writing ------------------------------------------------------------------------------

void wire_nil(buffer_t *out);
void wire_bool(buffer_t *out, bool value);
void wire_u64(buffer_t *out, uint64_t value);     // shortest form
void wire_i64(buffer_t *out, int64_t value);      // shortest form
void wire_i64_full(buffer_t *out, int64_t value); // always 9 bytes, to be overwritten in place
void wire_double(buffer_t *out, double value);
void wire_text(buffer_t *out, slice_t text);
void wire_string(buffer_t *out, const char *text);
void wire_bytes(buffer_t *out, slice_t bytes);
uint8_t *wire_bytes_room(buffer_t *out, size_t size); // a bin to be filled in now; NULL: failed
void wire_array(buffer_t *out, uint32_t count);
void wire_map(buffer_t *out, uint32_t count);

// ---- reading ------------------------------------------------------------------------------

typedef enum {
    WIRE_END, // no bytes left, or failed
    WIRE_NIL,
    WIRE_BOOL,
    WIRE_INT,
    WIRE_DOUBLE, // float 32 or 64
    WIRE_TEXT,
    WIRE_BYTES,
    WIRE_ARRAY,
    WIRE_MAP,
    WIRE_EXT, // no message of ours has one; wire_skip passes over it
    WIRE_BAD, // 0xc1
} wire_kind_t;

typedef struct {
    const uint8_t *next, *end;
    uint32_t items; // values it may still take
    bool failed;    // latched
} wire_reader_t;

static inline wire_reader_t wire_reader(slice_t bytes)
{
    const uint8_t *end = bytes.size ? bytes.data + bytes.size : bytes.data; // NULL + 0 is no place
    return (wire_reader_t){ .next = bytes.data, .end = end, .items = WIRE_ITEMS_MAX };
}

wire_kind_t wire_peek(const wire_reader_t *self); // what comes next; takes nothing
bool wire_done(const wire_reader_t *self);        // nothing failed and no byte is left

// Each takes one value of its kind, of any msgpack width; false (latched) if another kind
// comes, the bytes end, or a bound is passed. *value is written only on success.
bool wire_read_nil(wire_reader_t *self);
bool wire_read_bool(wire_reader_t *self, bool *value);
bool wire_read_u64(wire_reader_t *self, uint64_t *value);
bool wire_read_i64(wire_reader_t *self, int64_t *value);
bool wire_read_double(wire_reader_t *self, double *value); // also an int that fits exactly
bool wire_read_text(wire_reader_t *self, slice_t *value, size_t most); // valid UTF-8
bool wire_read_bytes(wire_reader_t *self, slice_t *value, size_t most);
bool wire_read_array(wire_reader_t *self, uint32_t *count); // then that many values
bool wire_read_map(wire_reader_t *self, uint32_t *count);   // then that many pairs

// Pass over one value with all it holds. *value, if not NULL, becomes its bytes.
bool wire_skip(wire_reader_t *self, slice_t *value);
