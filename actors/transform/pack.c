/*  pack -- see pack.h. */
#include "actors/transform/pack.h"

enum { LEB_BYTES_MAX = 10, WIDTH_MAX = 8 };

void pack_u64(buffer_t *out, uint64_t number)
{
    uint8_t bytes[LEB_BYTES_MAX];
    size_t size = 0;
    while (number >= 0x80) {
        bytes[size++] = (uint8_t) (number | 0x80);
        number >>= 7;
    }
    bytes[size++] = (uint8_t) number;
    buffer_append(out, bytes, size);
}

void pack_i64(buffer_t *out, int64_t number)
{
    pack_u64(out, ((uint64_t) number << 1) ^ (uint64_t) (number >> 63));
}

void pack_bytes(buffer_t *out, slice_t bytes)
{
    pack_u64(out, bytes.size);
    buffer_append(out, bytes.data, bytes.size);
}

void pack_list(buffer_t *out, const int64_t *numbers, size_t count, unsigned least_width)
{
    int64_t least = count ? numbers[0] : 0, most = least;
    for (size_t i = 1; i < count; i++) {
        least = numbers[i] < least ? numbers[i] : least;
        most = numbers[i] > most ? numbers[i] : most;
    }
    uint64_t distance = (uint64_t) most - (uint64_t) least;
    unsigned width = least_width;
    while (width < WIDTH_MAX && distance >> (8 * width))
        width++;
    pack_i64(out, least);
    buffer_append(out, &(uint8_t){ (uint8_t) width }, 1);
    uint8_t *place = buffer_extend(out, count * width);
    for (size_t i = 0; place && i < count; i++) {
        distance = (uint64_t) numbers[i] - (uint64_t) least;
        memcpy(place + i * width, &distance, width);
    }
}

static void spoil(unpack_t *self)
{
    self->bad = true;
    self->at = self->end;
}

uint8_t unpack_byte(unpack_t *self)
{
    if (self->at == self->end) {
        spoil(self);
        return 0;
    }
    return *self->at++;
}

uint64_t unpack_u64(unpack_t *self)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = unpack_byte(self);
        number |= (uint64_t) (byte & 0x7f) << shift;
        if (byte & 0x80)
            continue;
        if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0))
            break; // more than 64 bits, or not the shortest form
        return number;
    }
    spoil(self);
    return 0;
}

int64_t unpack_i64(unpack_t *self)
{
    uint64_t number = unpack_u64(self);
    return (int64_t) ((number >> 1) ^ (0 - (number & 1)));
}

slice_t unpack_raw(unpack_t *self, size_t size)
{
    if (size > (size_t) (self->end - self->at)) {
        spoil(self);
        return slice_of(self->end, 0);
    }
    slice_t bytes = slice_of(self->at, size);
    self->at += size;
    return bytes;
}

slice_t unpack_bytes(unpack_t *self)
{
    return unpack_raw(self, unpack_u64(self));
}

uint64_t unpack_up_to(unpack_t *self, uint64_t most)
{
    uint64_t number = unpack_u64(self);
    if (number > most) {
        spoil(self);
        return 0;
    }
    return number;
}

unpack_list_t unpack_list(unpack_t *self, size_t count, unsigned least_width)
{
    unpack_list_t list = { .least = unpack_i64(self) };
    list.width = unpack_byte(self); // apart: initialisers have no order among them
    if (list.width < least_width || list.width > WIDTH_MAX ||
        (list.width > 0 && count > SIZE_MAX / list.width)) {
        spoil(self);
        list.width = 0;
    }
    list.data = unpack_raw(self, count * list.width).data;
    if (self->bad)
        list.width = 0; // every number is then the least
    return list;
}
