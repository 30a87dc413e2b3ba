/*  json -- see json.h. */
#include "proto/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/utf8.h"
#include "proto/wire.h"

// ---- strings ------------------------------------------------------------------------------

// ASCII that stands for itself in a JSON string. DEL may, but is escaped: terminals.
static inline bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_escape(buffer_t *out, uint8_t c)
{
    switch (c) {
    case '"':
        buffer_text(out, "\\\"");
        return;
    case '\\':
        buffer_text(out, "\\\\");
        return;
    case '\n':
        buffer_text(out, "\\n");
        return;
    case '\r':
        buffer_text(out, "\\r");
        return;
    case '\t':
        buffer_text(out, "\\t");
        return;
    }
    buffer_printf(out, "\\u%04x", c);
}

void json_text(buffer_t *out, slice_t text)
{
    buffer_append(out, "\"", 1);
    while (text.size > 0) {
        size_t taken = 0;
        while (taken < text.size && is_plain(text.data[taken]))
            taken++;
        if (taken > 0) {
            buffer_append(out, text.data, taken);
        } else if (text.data[0] < 0x80) {
            put_escape(out, text.data[0]);
            taken = 1;
        } else {
            taken = utf8_character(text);
            if (taken > 0)
                buffer_append(out, text.data, taken);
            else
                buffer_text(out, "\xef\xbf\xbd"); // U+FFFD
            taken += taken == 0;
        }
        text = slice_of(text.data + taken, text.size - taken);
    }
    buffer_append(out, "\"", 1);
}

// ---- from msgpack -------------------------------------------------------------------------

static void put_double(buffer_t *out, double value)
{
    if (!isfinite(value)) {
        buffer_text(out, "null");
        return;
    }
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    buffer_text(out, text);
}

static bool put_int(buffer_t *out, wire_reader_t *in)
{
    wire_reader_t again = *in;
    int64_t value;
    uint64_t large;
    if (wire_read_i64(in, &value)) {
        buffer_printf(out, "%" PRId64, value);
        return true;
    }
    *in = again;
    if (!wire_read_u64(in, &large))
        return false;
    buffer_printf(out, "%" PRIu64, large);
    return true;
}

static bool put_bytes(buffer_t *out, wire_reader_t *in)
{
    slice_t bytes;
    if (!wire_read_bytes(in, &bytes, BUFFER_BYTES_MAX))
        return false;
    static const char hex[] = "0123456789abcdef";
    buffer_append(out, "\"", 1);
    uint8_t *to = buffer_extend(out, bytes.size * 2);
    for (size_t i = 0; to && i < bytes.size; i++) {
        *to++ = (uint8_t) hex[bytes.data[i] >> 4];
        *to++ = (uint8_t) hex[bytes.data[i] & 15];
    }
    buffer_append(out, "\"", 1);
    return true;
}

static bool put_scalar(buffer_t *out, wire_reader_t *in)
{
    bool truth;
    double number;
    slice_t text;
    switch (wire_peek(in)) {
    case WIRE_NIL:
        buffer_text(out, "null");
        return wire_read_nil(in);
    case WIRE_BOOL:
        if (!wire_read_bool(in, &truth))
            return false;
        buffer_text(out, truth ? "true" : "false");
        return true;
    case WIRE_INT:
        return put_int(out, in);
    case WIRE_DOUBLE:
        if (!wire_read_double(in, &number))
            return false;
        put_double(out, number);
        return true;
    case WIRE_TEXT:
        if (!wire_read_text(in, &text, BUFFER_BYTES_MAX))
            return false;
        json_text(out, text);
        return true;
    case WIRE_BYTES:
        return put_bytes(out, in);
    case WIRE_END:
    case WIRE_ARRAY:
    case WIRE_MAP:
    case WIRE_EXT:
    case WIRE_BAD:
        break;
    }
    return false;
}

// A key must be a string: other scalars give their JSON text in quotes.
static bool put_key(buffer_t *out, wire_reader_t *in)
{
    wire_kind_t kind = wire_peek(in);
    bool quote = kind != WIRE_TEXT && kind != WIRE_BYTES;
    if (quote)
        buffer_append(out, "\"", 1);
    if (!put_scalar(out, in))
        return false;
    buffer_text(out, quote ? "\":" : ":");
    return true;
}

// Recursion is bounded: at most WIRE_DEPTH_MAX.
static bool put_value(buffer_t *out, wire_reader_t *in, unsigned depth)
{
    wire_kind_t kind = wire_peek(in);
    if (kind != WIRE_ARRAY && kind != WIRE_MAP)
        return put_scalar(out, in);
    bool map = kind == WIRE_MAP;
    uint32_t count;
    if (depth == WIRE_DEPTH_MAX || !(map ? wire_read_map(in, &count) : wire_read_array(in, &count)))
        return false;
    buffer_append(out, map ? "{" : "[", 1);
    for (uint32_t i = 0; i < count && !out->failed; i++) {
        if (i > 0)
            buffer_append(out, ",", 1);
        if ((map && !put_key(out, in)) || !put_value(out, in, depth + 1))
            return false;
    }
    buffer_append(out, map ? "}" : "]", 1);
    return true;
}

bool json_from_wire(buffer_t *out, slice_t value)
{
    size_t before = out->size;
    wire_reader_t in = wire_reader(value);
    if (put_value(out, &in, 0) && wire_done(&in) && !out->failed)
        return true;
    out->size = before;
    return false;
}
