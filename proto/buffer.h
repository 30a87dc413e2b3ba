/*  buffer -- bytes that grow, with a limit, for writers.
 *
 *  Failure is latched: after an allocation failed or the limit was reached, every further
 *  append is a no-op and `failed` stays true, so a writer checks once, at the end.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/slice.h"

typedef struct {
    uint8_t *data;
    size_t size;     // bytes in use
    size_t capacity; // bytes allocated
    size_t limit;    // most bytes ever; 0 = BUFFER_BYTES_MAX
    bool failed;     // out of memory or over the limit
} buffer_t;

enum { BUFFER_BYTES_MAX = 1 << 30 };

void buffer_destroy(buffer_t *self);                 // frees; self is empty and usable again
void buffer_clear(buffer_t *self);                   // size 0, failed false, memory kept
uint8_t *buffer_extend(buffer_t *self, size_t size); // room for `size` more, counted in; or NULL
void buffer_append(buffer_t *self, const void *data, size_t size);
void buffer_text(buffer_t *self, const char *text); // without the NUL
void buffer_printf(buffer_t *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *buffer_string(buffer_t *self); // NUL-terminated view, "" when failed

static inline slice_t buffer_slice(const buffer_t *self)
{
    return slice_of(self->data, self->size);
}
