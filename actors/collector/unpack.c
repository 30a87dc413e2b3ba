/*  unpack -- see unpack.h. */
#include "actors/collector/unpack.h"

#include <stdlib.h>
#include <strings.h>

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include "actors/prep/inflate.h"
#include "proto/owned.h"

enum {
    STEP_BYTES = 32 << 10,
    WINDOW_GZIP = 16 + MAX_WBITS,
    WINDOW_ZLIB = MAX_WBITS,
    WINDOW_RAW = -MAX_WBITS,
    DEFLATE_HEAD = 2, // bytes that tell whether there is a header of zlib
};

struct unpack {
    coding_t coding;
    bool ended, padded;  // all that came is whole; zeros came behind it
    uint64_t came, made; // bytes
    z_stream zlib;       // GZIP, DEFLATE
    bool inflating;      // it is set up
    size_t head_size;    // DEFLATE: of `head`
    uint8_t head[DEFLATE_HEAD];
    BrotliDecoderState *brotli;
    ZSTD_DStream *zstd;
    uint8_t step[STEP_BYTES];
};

// ---- which -----------------------------------------------------------------------------------

static coding_t s_coding(const char *name, size_t size)
{
    static const struct {
        const char *name;
        coding_t coding;
    } known[] = {
        { "gzip", CODING_GZIP }, { "x-gzip", CODING_GZIP }, { "deflate", CODING_DEFLATE },
        { "br", CODING_BROTLI }, { "zstd", CODING_ZSTD },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == size && strncasecmp(known[i].name, name, size) == 0)
            return known[i].coding;
    return CODING_NONE;
}

coding_t coding_with(coding_t so_far, const char *header)
{
    static const char between[] = ", \t";
    for (;;) {
        header += strspn(header, between);
        size_t size = strcspn(header, between);
        if (size == 0)
            return so_far;
        coding_t coding = s_coding(header, size);
        if (coding != CODING_NONE)
            so_far = so_far == CODING_NONE ? coding : CODING_SEVERAL;
        header += size;
    }
}

// ---- life ------------------------------------------------------------------------------------

static bool s_inflate_begin(unpack_t *self, int window)
{
    self->inflating = inflateInit2(&self->zlib, window) == Z_OK;
    return self->inflating;
}

static bool s_begin(unpack_t *self)
{
    switch (self->coding) {
    case CODING_NONE:
        self->ended = true;
        return true;
    case CODING_DEFLATE: // once its head came
    case CODING_SEVERAL:
        return true;
    case CODING_GZIP:
        return s_inflate_begin(self, WINDOW_GZIP);
    case CODING_BROTLI:
        self->brotli = BrotliDecoderCreateInstance(NULL, NULL, NULL);
        return self->brotli;
    case CODING_ZSTD:
        break;
    }
    self->zstd = ZSTD_createDStream();
    return self->zstd && !ZSTD_isError(ZSTD_DCtx_setParameter(self->zstd, ZSTD_d_windowLogMax,
                                                              UNPACK_ZSTD_WINDOW_LOG));
}

unpack_t *unpack_new(coding_t coding)
{
    owned(unpack_destroy) unpack_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->coding = coding;
    if (!s_begin(self))
        return NULL;
    unpack_t *given = self;
    self = NULL;
    return given;
}

void unpack_destroy(unpack_t **self_p)
{
    unpack_t *self = *self_p;
    if (!self)
        return;
    if (self->inflating)
        inflateEnd(&self->zlib);
    if (self->brotli)
        BrotliDecoderDestroyInstance(self->brotli);
    ZSTD_freeDStream(self->zstd); // takes NULL
    free(self);
    *self_p = NULL;
}

// ---- one step of each ------------------------------------------------------------------------
// They take from `in`, fill `step` as far as they can, tell how much, and whether that was the end.
// False: damaged.

static bool s_step_zlib(unpack_t *self, slice_t *in, size_t *made)
{
    uInt most = in->size < UINT32_MAX ? (uInt) in->size : UINT32_MAX;
    self->zlib.next_in = (Bytef *) (uintptr_t) in->data;
    self->zlib.avail_in = most;
    self->zlib.next_out = self->step;
    self->zlib.avail_out = STEP_BYTES;
    int status = inflate(&self->zlib, Z_NO_FLUSH);
    uInt taken = most - self->zlib.avail_in;
    *in = slice_of(in->data + taken, in->size - taken);
    *made = STEP_BYTES - self->zlib.avail_out;
    self->ended = status == Z_STREAM_END;
    return self->ended || status == Z_OK || status == Z_BUF_ERROR; // the last wants more to come
}

static bool s_step_brotli(unpack_t *self, slice_t *in, size_t *made)
{
    size_t room = STEP_BYTES;
    uint8_t *to = self->step;
    BrotliDecoderResult result =
        BrotliDecoderDecompressStream(self->brotli, &in->size, &in->data, &room, &to, NULL);
    *made = STEP_BYTES - room;
    self->ended = result == BROTLI_DECODER_RESULT_SUCCESS;
    return result != BROTLI_DECODER_RESULT_ERROR;
}

static bool s_step_zstd(unpack_t *self, slice_t *in, size_t *made)
{
    ZSTD_inBuffer from = { in->data, in->size, 0 };
    ZSTD_outBuffer to = { self->step, STEP_BYTES, 0 };
    size_t status = ZSTD_decompressStream(self->zstd, &to, &from);
    *in = slice_of(in->data + from.pos, in->size - from.pos);
    *made = to.pos;
    self->ended = status == 0;
    return !ZSTD_isError(status);
}

static bool s_step(unpack_t *self, slice_t *in, size_t *made)
{
    switch (self->coding) {
    case CODING_GZIP:
    case CODING_DEFLATE:
        return s_step_zlib(self, in, made);
    case CODING_BROTLI:
        return s_step_brotli(self, in, made);
    case CODING_ZSTD:
        return s_step_zstd(self, in, made);
    case CODING_NONE:
    case CODING_SEVERAL:
        break;
    }
    *made = 0;
    return false;
}

// ---- all of it -------------------------------------------------------------------------------

static bool s_is_zeros(slice_t bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        if (bytes.data[i] != 0)
            return false;
    return true;
}

// Behind the end: another part of it (RFC 1952, RFC 8878), or nothing that counts.
static bool s_go_on(unpack_t *self, slice_t *in)
{
    self->padded |= in->data[0] == 0;
    if (self->padded) {
        bool zeros = s_is_zeros(*in);
        in->size = 0;
        return zeros;
    }
    if (self->coding == CODING_GZIP)
        return inflateReset(&self->zlib) == Z_OK;
    return self->coding == CODING_ZSTD;
}

static unpack_result_t s_read(unpack_t *self, slice_t in, unpack_take_t *take, void *context)
{
    size_t made = 0;
    // A full step may have left more inside.
    while (in.size > 0 || (made == STEP_BYTES && !self->ended)) {
        if (self->ended) {
            if (!s_go_on(self, &in))
                return UNPACK_DAMAGED;
            if (in.size == 0)
                break;
        }
        bool good = s_step(self, &in, &made);
        self->made += made;
        if (self->made > self->came * INFLATE_RATIO_MAX + UNPACK_SPARE_BYTES)
            return UNPACK_SWOLLEN;
        if (made > 0 && !take(context, self->step, made))
            return UNPACK_REFUSED;
        if (!good)
            return UNPACK_DAMAGED;
    }
    return UNPACK_GOOD;
}

// The first bytes are kept until they tell what it is.
static unpack_result_t s_read_deflate(unpack_t *self, slice_t in, unpack_take_t *take,
                                      void *context)
{
    while (self->head_size < DEFLATE_HEAD && in.size > 0) {
        self->head[self->head_size++] = in.data[0];
        in = slice_of(in.data + 1, in.size - 1);
    }
    if (self->head_size < DEFLATE_HEAD)
        return UNPACK_GOOD;
    bool zlib =
        (self->head[0] & 15) == Z_DEFLATED && (self->head[0] << 8 | self->head[1]) % 31 == 0;
    if (!s_inflate_begin(self, zlib ? WINDOW_ZLIB : WINDOW_RAW))
        return UNPACK_REFUSED;
    unpack_result_t result = s_read(self, slice_of(self->head, DEFLATE_HEAD), take, context);
    return result == UNPACK_GOOD ? s_read(self, in, take, context) : result;
}

unpack_result_t unpack_push(unpack_t *self, slice_t piece, unpack_take_t *take, void *context)
{
    if (piece.size == 0)
        return UNPACK_GOOD;
    self->came += piece.size;
    if (self->coding == CODING_NONE)
        return take(context, piece.data, piece.size) ? UNPACK_GOOD : UNPACK_REFUSED;
    if (self->coding == CODING_DEFLATE && !self->inflating)
        return s_read_deflate(self, piece, take, context);
    return s_read(self, piece, take, context);
}

bool unpack_has_ended(const unpack_t *self)
{
    return self->ended;
}
