/*  buffer -- see buffer.h. Grows by doubling, so that n appends cost O(n). */
#include "proto/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_BYTES = 256 };

void buffer_destroy(buffer_t *self)
{
    free(self->data);
    *self = (buffer_t){ .limit = self->limit };
}

void buffer_clear(buffer_t *self)
{
    self->size = 0;
    self->failed = false;
}

// Room for `size` more bytes, not counted in.
static bool reserve(buffer_t *self, size_t size)
{
    if (self->failed)
        return false;
    if (size <= self->capacity - self->size)
        return true;
    size_t limit = self->limit ? self->limit : BUFFER_BYTES_MAX;
    if (self->size > limit || size > limit - self->size) {
        self->failed = true;
        return false;
    }
    size_t needed = self->size + size;
    size_t capacity = self->capacity ? self->capacity : FIRST_BYTES;
    while (capacity < needed)
        capacity *= 2;
    if (capacity > limit)
        capacity = limit; // still >= needed
    uint8_t *data = realloc(self->data, capacity);
    if (!data) {
        self->failed = true;
        return false;
    }
    self->data = data;
    self->capacity = capacity;
    return true;
}

uint8_t *buffer_extend(buffer_t *self, size_t size)
{
    // At least one byte, so that the place of an empty extension is a place and not NULL.
    if (!reserve(self, size ? size : 1))
        return NULL;
    uint8_t *place = self->data + self->size;
    self->size += size;
    return place;
}

void buffer_append(buffer_t *self, const void *data, size_t size)
{
    if (size > 0 && reserve(self, size)) {
        memcpy(self->data + self->size, data, size);
        self->size += size;
    }
}

void buffer_text(buffer_t *self, const char *text)
{
    buffer_append(self, text, strlen(text));
}

void buffer_printf(buffer_t *self, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0)
        self->failed = true;
    else if (reserve(self, (size_t) size + 1)) { // vsnprintf also writes a NUL
        vsnprintf((char *) self->data + self->size, (size_t) size + 1, format, again);
        self->size += (size_t) size;
    }
    va_end(again);
}

const char *buffer_string(buffer_t *self)
{
    if (!reserve(self, 1))
        return "";
    self->data[self->size] = '\0';
    return (const char *) self->data;
}
