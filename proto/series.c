/*  series -- see series.h. */
#include "proto/series.h"

#include <assert.h>
#include <zlib.h>

// Bytes that stand for themselves.
static const bool PLAIN[UINT8_MAX + 1] = {
    ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true,
    ['.'] = true,         ['_'] = true,         ['-'] = true,
};

static inline bool is_plain(uint8_t c)
{
    return PLAIN[c];
}

// Encode one part at text[size]. The new size, or more than SERIES_ID_MAX if it does not fit.
static size_t put_part(uint8_t *text, size_t size, slice_t part)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < part.size; i++) {
        uint8_t c = part.data[i];
        size_t needed = is_plain(c) ? 1 : 3;
        if (size + needed > SERIES_ID_MAX)
            return SERIES_ID_MAX + 1;
        if (needed == 1) {
            text[size] = c;
        } else {
            text[size] = '%';
            text[size + 1] = (uint8_t) hex[c >> 4];
            text[size + 2] = (uint8_t) hex[c & 15];
        }
        size += needed;
    }
    return size;
}

bool series_build(buffer_t *out, slice_t table, const slice_t *values, unsigned count)
{
    assert(table.size > 0 && count <= SERIES_KEYS_MAX);
    uint8_t text[SERIES_ID_MAX];
    size_t size = put_part(text, 0, table);
    for (unsigned i = 0; i < count; i++) {
        if (size >= SERIES_ID_MAX)
            return false;
        text[size++] = ':';
        size = put_part(text, size, values[i]);
    }
    if (size > SERIES_ID_MAX)
        return false;
    buffer_append(out, text, size);
    return !out->failed;
}

unsigned series_shard(slice_t id, unsigned shards)
{
    assert(shards > 0 && shards <= SERIES_SHARDS_MAX && id.size <= SERIES_ID_MAX);
    return (unsigned) crc32(0, id.data, (uInt) id.size) % shards;
}

// The value of an upper-case hex digit, or -1.
static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// The byte that stands at *at, moving *at behind it; -1 if none stands there rightly.
static int take_byte(slice_t id, size_t *at)
{
    uint8_t c = id.data[*at];
    if (is_plain(c)) {
        *at += 1;
        return c;
    }
    if (c != '%' || id.size - *at < 3)
        return -1;
    int high = hex_value(id.data[*at + 1]), low = hex_value(id.data[*at + 2]);
    if (high < 0 || low < 0 || is_plain((uint8_t) (high * 16 + low)))
        return -1; // one name has one spelling
    *at += 3;
    return high * 16 + low;
}

bool series_valid(slice_t id)
{
    if (id.size == 0 || id.size > SERIES_ID_MAX || id.data[0] == ':')
        return false;
    unsigned parts = 0;
    for (size_t at = 0; at < id.size;) {
        if (is_plain(id.data[at])) {
            at++;
        } else if (id.data[at] == ':') {
            parts++;
            at++;
        } else if (take_byte(id, &at) < 0)
            return false;
    }
    return parts <= SERIES_KEYS_MAX;
}

bool series_split(series_parts_t *parts, slice_t id)
{
    if (!series_valid(id))
        return false;
    parts->count = 0;
    size_t size = 0, start = 0;
    slice_t *part = &parts->table;
    for (size_t at = 0; at < id.size;) {
        if (id.data[at] == ':') {
            *part = slice_of(parts->text + start, size - start);
            part = &parts->values[parts->count++];
            start = size;
            at++;
        } else
            parts->text[size++] = (uint8_t) take_byte(id, &at);
    }
    *part = slice_of(parts->text + start, size - start);
    return true;
}
