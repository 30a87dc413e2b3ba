/*  inflate -- bounded gunzip. */
#include "actors/prep/inflate.h"

#include <zlib.h>

enum {
    STEP_BYTES = 256 << 10, // asked for at a time, so that the declared size is never believed
    GZIP_ONLY = 16 + MAX_WBITS,
};

bool inflate_is_gzip(slice_t payload)
{
    return payload.size >= 2 && payload.data[0] == 0x1f && payload.data[1] == 0x8b;
}

static size_t s_limit(slice_t payload, size_t limit)
{
    size_t ratio = payload.size * INFLATE_RATIO_MAX + INFLATE_SPARE_BYTES;
    return ratio < limit ? ratio : limit;
}

// One step of at most STEP_BYTES more.
static int s_step(z_stream *stream, size_t limit, buffer_t *out)
{
    size_t room = limit - out->size < STEP_BYTES ? limit - out->size : STEP_BYTES;
    if (room == 0)
        return Z_BUF_ERROR;
    uint8_t *to = buffer_extend(out, room);
    if (!to)
        return Z_MEM_ERROR;
    stream->next_out = to;
    stream->avail_out = (uInt) room;
    int status = inflate(stream, Z_NO_FLUSH);
    out->size -= stream->avail_out;
    return status;
}

static inflate_result_t s_members(z_stream *stream, size_t limit, buffer_t *out)
{
    for (;;) {
        int status = s_step(stream, limit, out);
        bool stuck = status == Z_OK && stream->avail_in == 0 && stream->avail_out > 0;
        if (status == Z_MEM_ERROR)
            return INFLATE_NO_MEMORY;
        if (status == Z_BUF_ERROR && out->size == limit)
            return INFLATE_TOO_LARGE;
        if (stuck || (status != Z_OK && status != Z_STREAM_END))
            return INFLATE_DAMAGED;
        if (status == Z_STREAM_END && stream->avail_in == 0)
            return INFLATE_GOOD;
        if (status == Z_STREAM_END && inflateReset(stream) != Z_OK)
            return INFLATE_DAMAGED;
    }
}

inflate_result_t inflate_gzip(slice_t payload, size_t limit, buffer_t *out)
{
    if (payload.size > UINT32_MAX)
        return INFLATE_TOO_LARGE;
    z_stream stream = { .next_in = (Bytef *) (uintptr_t) payload.data,
                        .avail_in = (uInt) payload.size };
    if (inflateInit2(&stream, GZIP_ONLY) != Z_OK)
        return INFLATE_NO_MEMORY;
    // One byte over the limit tells a payload of exactly that size from a larger one.
    size_t most = s_limit(payload, limit);
    inflate_result_t result = s_members(&stream, most + 1, out);
    inflateEnd(&stream);
    return result == INFLATE_GOOD && out->size > most ? INFLATE_TOO_LARGE : result;
}
