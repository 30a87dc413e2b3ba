/*  digest -- SHA-256, piece by piece. Pure: no allocation, cannot fail. */
#pragma once
#include "proto/slice.h"

enum { DIGEST_BYTES = 32 };

typedef struct {
    uint64_t state[16]; // opaque
} digest_t;

void digest_begin(digest_t *self);
void digest_add(digest_t *self, slice_t bytes);
void digest_add_u32(digest_t *self, uint32_t number); // little-endian
void digest_add_sized(digest_t *self, slice_t bytes); // u32 length, then the bytes
void digest_end(digest_t *self, uint8_t digest[DIGEST_BYTES]);
