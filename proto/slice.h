/*  slice -- bytes that belong to somebody else: a place and a length, never NUL-terminated. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const uint8_t *data; // may be NULL when size is 0
    size_t size;
} slice_t;

static inline slice_t slice_of(const void *data, size_t size)
{
    return (slice_t){ .data = (const uint8_t *) data, .size = size };
}

static inline slice_t slice_text(const char *text)
{
    return slice_of(text, strlen(text));
}

static inline bool slice_same(slice_t a, slice_t b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool slice_is(slice_t a, const char *text)
{
    return slice_same(a, slice_text(text));
}
