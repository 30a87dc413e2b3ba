/*  wire -- see wire.h. msgpack-c's packer is told to append to a buffer_t; the reader is in
 *  wire_read.c.
 */
#include "proto/wire.h"

#include <msgpack.h>

// The packer asks for 0 = appended; a full buffer latches by itself.
static int append(void *context, const char *data, size_t size)
{
    buffer_append(context, data, size);
    return 0;
}

static inline msgpack_packer packer(buffer_t *out)
{
    return (msgpack_packer){ .data = out, .callback = append };
}

void wire_nil(buffer_t *out)
{
    msgpack_packer to = packer(out);
    msgpack_pack_nil(&to);
}

void wire_bool(buffer_t *out, bool value)
{
    msgpack_packer to = packer(out);
    value ? msgpack_pack_true(&to) : msgpack_pack_false(&to);
}

void wire_u64(buffer_t *out, uint64_t value)
{
    msgpack_packer to = packer(out);
    msgpack_pack_uint64(&to, value);
}

void wire_i64(buffer_t *out, int64_t value)
{
    msgpack_packer to = packer(out);
    msgpack_pack_int64(&to, value);
}

void wire_i64_full(buffer_t *out, int64_t value)
{
    msgpack_packer to = packer(out);
    msgpack_pack_fix_int64(&to, value);
}

void wire_double(buffer_t *out, double value)
{
    msgpack_packer to = packer(out);
    msgpack_pack_double(&to, value);
}

// msgpack ends at 32-bit lengths; buffers end long before.
static bool fits(buffer_t *out, size_t size)
{
    if (size > UINT32_MAX)
        out->failed = true;
    return !out->failed;
}

void wire_text(buffer_t *out, slice_t text)
{
    msgpack_packer to = packer(out);
    if (!fits(out, text.size))
        return;
    msgpack_pack_str(&to, text.size);
    buffer_append(out, text.data, text.size);
}

void wire_string(buffer_t *out, const char *text)
{
    wire_text(out, slice_text(text));
}

void wire_bytes(buffer_t *out, slice_t bytes)
{
    uint8_t *room = wire_bytes_room(out, bytes.size);
    if (room && bytes.size > 0)
        memcpy(room, bytes.data, bytes.size);
}

uint8_t *wire_bytes_room(buffer_t *out, size_t size)
{
    msgpack_packer to = packer(out);
    if (!fits(out, size))
        return NULL;
    msgpack_pack_bin(&to, size);
    return buffer_extend(out, size);
}

void wire_array(buffer_t *out, uint32_t count)
{
    msgpack_packer to = packer(out);
    msgpack_pack_array(&to, count);
}

void wire_map(buffer_t *out, uint32_t count)
{
    msgpack_packer to = packer(out);
    msgpack_pack_map(&to, count);
}
