/*  wire_read -- the bounded reader of wire.h: hostile bytes come here first. */
#include "proto/utf8.h"
#include "proto/wire.h"

// How a first byte reads: kind, and how many bytes of number follow it. Kinds with their value
// or length in the first byte itself have none.
typedef struct {
    uint8_t kind, extra;
} lead_t;

static lead_t lead_of(uint8_t byte)
{
    static const lead_t from_c0[32] = {
        { WIRE_NIL, 0 },   { WIRE_BAD, 0 },   { WIRE_BOOL, 0 },   { WIRE_BOOL, 0 },
        { WIRE_BYTES, 1 }, { WIRE_BYTES, 2 }, { WIRE_BYTES, 4 },  { WIRE_EXT, 1 },
        { WIRE_EXT, 2 },   { WIRE_EXT, 4 },   { WIRE_DOUBLE, 4 }, { WIRE_DOUBLE, 8 },
        { WIRE_INT, 1 },   { WIRE_INT, 2 },   { WIRE_INT, 4 },    { WIRE_INT, 8 },
        { WIRE_INT, 1 },   { WIRE_INT, 2 },   { WIRE_INT, 4 },    { WIRE_INT, 8 },
        { WIRE_EXT, 0 },   { WIRE_EXT, 0 },   { WIRE_EXT, 0 },    { WIRE_EXT, 0 },
        { WIRE_EXT, 0 },   { WIRE_TEXT, 1 },  { WIRE_TEXT, 2 },   { WIRE_TEXT, 4 },
        { WIRE_ARRAY, 2 }, { WIRE_ARRAY, 4 }, { WIRE_MAP, 2 },    { WIRE_MAP, 4 },
    };
    if (byte < 0x80 || byte >= 0xe0)
        return (lead_t){ WIRE_INT, 0 };
    if (byte < 0x90)
        return (lead_t){ WIRE_MAP, 0 };
    if (byte < 0xa0)
        return (lead_t){ WIRE_ARRAY, 0 };
    if (byte < 0xc0)
        return (lead_t){ WIRE_TEXT, 0 };
    return from_c0[byte - 0xc0];
}

wire_kind_t wire_peek(const wire_reader_t *self)
{
    return self->failed || self->next == self->end ? WIRE_END : lead_of(*self->next).kind;
}

bool wire_done(const wire_reader_t *self)
{
    return !self->failed && self->next == self->end;
}

static bool refuse(wire_reader_t *self)
{
    self->failed = true;
    return false;
}

static inline size_t left(const wire_reader_t *self)
{
    return (size_t) (self->end - self->next);
}

static uint64_t load(const uint8_t *at, unsigned size) // big-endian
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value;
}

// Take the first byte of a value and the number behind it: its value or its length.
static bool take_head(wire_reader_t *self, wire_kind_t kind, uint8_t *first, uint64_t *number)
{
    if (self->failed || self->next == self->end || self->items == 0)
        return refuse(self);
    uint8_t byte = *self->next;
    lead_t lead = lead_of(byte);
    if (lead.kind != kind || lead.extra > left(self) - 1)
        return refuse(self);
    *number = load(self->next + 1, lead.extra);
    *first = byte;
    self->next += 1 + lead.extra;
    self->items--;
    return true;
}

bool wire_read_nil(wire_reader_t *self)
{
    uint8_t first;
    uint64_t none;
    return take_head(self, WIRE_NIL, &first, &none);
}

bool wire_read_bool(wire_reader_t *self, bool *value)
{
    uint8_t first;
    uint64_t none;
    if (!take_head(self, WIRE_BOOL, &first, &none))
        return false;
    *value = first == 0xc3;
    return true;
}

// An int of any width as sign and 64 bits: negative ones in two's complement.
static bool take_int(wire_reader_t *self, bool *negative, uint64_t *bits)
{
    uint8_t first;
    uint64_t number;
    if (!take_head(self, WIRE_INT, &first, &number))
        return false;
    if (first < 0x80)
        number = first;
    else if (first >= 0xe0)
        number = (uint64_t) (int64_t) (int8_t) first;
    else if (first == 0xd0)
        number = (uint64_t) (int64_t) (int8_t) number;
    else if (first == 0xd1)
        number = (uint64_t) (int64_t) (int16_t) number;
    else if (first == 0xd2)
        number = (uint64_t) (int64_t) (int32_t) number;
    *negative = first >= 0xd0 && (int64_t) number < 0;
    *bits = number;
    return true;
}

bool wire_read_u64(wire_reader_t *self, uint64_t *value)
{
    bool negative;
    uint64_t bits;
    if (!take_int(self, &negative, &bits))
        return false;
    if (negative)
        return refuse(self);
    *value = bits;
    return true;
}

bool wire_read_i64(wire_reader_t *self, int64_t *value)
{
    bool negative;
    uint64_t bits;
    if (!take_int(self, &negative, &bits))
        return false;
    if (!negative && bits > INT64_MAX)
        return refuse(self);
    *value = (int64_t) bits;
    return true;
}

static bool take_int_as_double(wire_reader_t *self, double *value)
{
    enum { EXACT_BITS = 53 };
    int64_t number;
    if (!wire_read_i64(self, &number))
        return false;
    if (number > INT64_C(1) << EXACT_BITS || number < -(INT64_C(1) << EXACT_BITS))
        return refuse(self);
    *value = (double) number;
    return true;
}

bool wire_read_double(wire_reader_t *self, double *value)
{
    if (wire_peek(self) == WIRE_INT)
        return take_int_as_double(self, value);
    uint8_t first;
    uint64_t bits;
    if (!take_head(self, WIRE_DOUBLE, &first, &bits))
        return false;
    if (first == 0xcb) {
        memcpy(value, &bits, sizeof *value);
    } else {
        uint32_t half = (uint32_t) bits;
        float narrow;
        memcpy(&narrow, &half, sizeof narrow);
        *value = (double) narrow;
    }
    return true;
}

static bool take_run(wire_reader_t *self, wire_kind_t kind, slice_t *value, size_t most)
{
    uint8_t first;
    uint64_t size;
    if (!take_head(self, kind, &first, &size))
        return false;
    if (first < 0xc0) // fixstr
        size = first & 0x1f;
    if (size > left(self) || size > most)
        return refuse(self);
    *value = slice_of(self->next, size);
    self->next += size;
    return true;
}

bool wire_read_text(wire_reader_t *self, slice_t *value, size_t most)
{
    slice_t text;
    if (!take_run(self, WIRE_TEXT, &text, most))
        return false;
    if (!utf8_valid(text))
        return refuse(self);
    *value = text;
    return true;
}

bool wire_read_bytes(wire_reader_t *self, slice_t *value, size_t most)
{
    return take_run(self, WIRE_BYTES, value, most);
}

// A count is believed only as far as bytes for that many values could follow.
static bool take_count(wire_reader_t *self, wire_kind_t kind, unsigned values_each, uint32_t *count)
{
    uint8_t first;
    uint64_t number;
    if (!take_head(self, kind, &first, &number))
        return false;
    if (first < 0xc0) // fixarray, fixmap
        number = first & 0x0f;
    if (number * values_each > left(self) || number * values_each > self->items)
        return refuse(self);
    *count = (uint32_t) number;
    return true;
}

bool wire_read_array(wire_reader_t *self, uint32_t *count)
{
    return take_count(self, WIRE_ARRAY, 1, count);
}

bool wire_read_map(wire_reader_t *self, uint32_t *count)
{
    return take_count(self, WIRE_MAP, 2, count);
}

static bool skip_ext(wire_reader_t *self)
{
    uint8_t first;
    uint64_t size;
    if (!take_head(self, WIRE_EXT, &first, &size))
        return false;
    if (first >= 0xd4 && first <= 0xd8) // fixext
        size = UINT64_C(1) << (first - 0xd4);
    if (left(self) < 1 || size > left(self) - 1) // a byte of type
        return refuse(self);
    self->next += 1 + size;
    return true;
}

// Pass over one value; of an array or map only its head, *inside = the values that follow.
static bool skip_head(wire_reader_t *self, uint64_t *inside)
{
    uint8_t first;
    uint64_t number;
    slice_t run;
    uint32_t count = 0;
    bool ok = false;
    wire_kind_t kind = wire_peek(self);
    *inside = 0;
    switch (kind) {
    case WIRE_NIL:
    case WIRE_BOOL:
    case WIRE_INT:
    case WIRE_DOUBLE:
        return take_head(self, kind, &first, &number);
    case WIRE_TEXT:
    case WIRE_BYTES:
        return take_run(self, kind, &run, SIZE_MAX);
    case WIRE_ARRAY:
        ok = wire_read_array(self, &count);
        *inside = count;
        return ok;
    case WIRE_MAP:
        ok = wire_read_map(self, &count);
        *inside = (uint64_t) count * 2;
        return ok;
    case WIRE_EXT:
        return skip_ext(self);
    case WIRE_END:
    case WIRE_BAD:
        break;
    }
    return refuse(self);
}

bool wire_skip(wire_reader_t *self, slice_t *value)
{
    const uint8_t *start = self->next;
    uint64_t open[WIRE_DEPTH_MAX + 1]; // values still to come at each depth
    unsigned depth = 0;
    open[0] = 1;
    for (;;) {
        while (open[depth] == 0) {
            if (depth == 0) {
                if (value)
                    *value = slice_of(start, (size_t) (self->next - start));
                return true;
            }
            depth--;
        }
        open[depth]--;
        uint64_t inside;
        if (!skip_head(self, &inside))
            return false;
        if (inside > 0) {
            if (depth == WIRE_DEPTH_MAX)
                return refuse(self);
            open[++depth] = inside;
        }
    }
}
