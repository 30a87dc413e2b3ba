/*  pack -- numbers as few bytes, and back within bounds. For journal*.c only.
 *
 *  Single numbers are LEB128 (signed ones zigzag). A list of int64 is its minimum and the
 *  distances from it in 0 to 8 bytes each, whatever holds the largest: one pass to read, no
 *  branch per number.
 */
#pragma once
#include "proto/buffer.h"

void pack_u64(buffer_t *out, uint64_t number);
void pack_i64(buffer_t *out, int64_t number);
void pack_bytes(buffer_t *out, slice_t bytes); // length, then the bytes

// `least_width` bytes a number at least: 1 makes the bytes bear out the count.
void pack_list(buffer_t *out, const int64_t *numbers, size_t count, unsigned least_width);

// A reader: once bad, always bad, and every further number is 0.
typedef struct {
    const uint8_t *at, *end;
    bool bad;
} unpack_t;

uint8_t unpack_byte(unpack_t *self);
uint64_t unpack_u64(unpack_t *self);
int64_t unpack_i64(unpack_t *self);
slice_t unpack_raw(unpack_t *self, size_t size);
slice_t unpack_bytes(unpack_t *self);
uint64_t unpack_up_to(unpack_t *self, uint64_t most); // bad if more

// A list in place; numbers are read by index.
typedef struct {
    int64_t least;
    unsigned width;
    const uint8_t *data;
} unpack_list_t;

unpack_list_t unpack_list(unpack_t *self, size_t count, unsigned least_width);

static inline int64_t unpack_at(const unpack_list_t *self, size_t index)
{
    uint64_t distance = 0; // little-endian hosts only, as proto/rows.h
    memcpy(&distance, self->data + index * self->width, self->width);
    return (int64_t) ((uint64_t) self->least + distance);
}
