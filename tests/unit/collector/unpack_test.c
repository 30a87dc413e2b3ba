/*  unpack: every coding whole, in pieces, cut, padded, damaged and grown too large. */
#include "actors/collector/unpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "actors/prep/inflate.h"
#include "proto/buffer.h"
#include "proto/owned.h"

enum { WINDOW_GZIP = 16 + MAX_WBITS, WINDOW_ZLIB = MAX_WBITS, WINDOW_RAW = -MAX_WBITS };

static const char text[] = "{\"unpacked\":[1,2,3,1,2,3,1,2,3]}";
// The same, as python3-brotli compresses it.
static const uint8_t brotli[] = { 0x1b, 0x1f, 0x00, 0xf8, 0x45, 0x4f, 0x96, 0xfa, 0xf3,
                                  0x0b, 0x9a, 0x54, 0x4d, 0xa3, 0x6a, 0x92, 0x49, 0x49,
                                  0x44, 0x01, 0xaa, 0x0e, 0x50, 0xa5, 0xc3, 0xce, 0xdc,
                                  0x2e, 0x78, 0x08, 0x95, 0x46, 0xf2, 0x01 };

static void deflate_to(buffer_t *out, const void *data, size_t size, int window)
{
    z_stream stream = { .next_in = (Bytef *) (uintptr_t) data, .avail_in = (uInt) size };
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&stream, size);
    stream.next_out = buffer_extend(out, room);
    assert_non_null(stream.next_out);
    stream.avail_out = (uInt) room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out->size -= stream.avail_out;
    deflateEnd(&stream);
}

static void zstd_to(buffer_t *out, const void *data, size_t size)
{
    size_t room = ZSTD_compressBound(size);
    uint8_t *to = buffer_extend(out, room);
    assert_non_null(to);
    size_t made = ZSTD_compress(to, room, data, size, 3);
    assert_false(ZSTD_isError(made));
    out->size -= room - made;
}

static bool take(void *context, const void *data, size_t size)
{
    buffer_t *out = context;
    buffer_append(out, data, size);
    return !out->failed;
}

typedef struct {
    unpack_result_t result;
    bool ended;
    buffer_t out;
} outcome_t;

static void outcome_destroy(outcome_t *self)
{
    buffer_destroy(&self->out);
}

static void read_in(outcome_t *self, coding_t coding, slice_t packed, size_t piece)
{
    owned(unpack_destroy) unpack_t *unpack = unpack_new(coding);
    assert_non_null(unpack);
    buffer_clear(&self->out);
    self->result = UNPACK_GOOD;
    for (size_t at = 0; at < packed.size && self->result == UNPACK_GOOD; at += piece) {
        size_t left = packed.size - at;
        // A piece of its own, so that nobody reads beyond it unseen.
        size_t size = left < piece ? left : piece;
        uint8_t *copy = malloc(size);
        assert_non_null(copy);
        memcpy(copy, packed.data + at, size);
        self->result = unpack_push(unpack, slice_of(copy, size), take, &self->out);
        free(copy);
    }
    self->ended = unpack_has_ended(unpack);
}

static void packed_as(coding_t coding, int window, buffer_t *out)
{
    if (coding == CODING_BROTLI)
        buffer_append(out, brotli, sizeof brotli);
    else if (coding == CODING_ZSTD)
        zstd_to(out, text, sizeof text - 1);
    else
        deflate_to(out, text, sizeof text - 1, window);
}

static const struct {
    coding_t coding;
    int window;
} codings[] = {
    { CODING_GZIP, WINDOW_GZIP },
    { CODING_DEFLATE, WINDOW_ZLIB },
    { CODING_DEFLATE, WINDOW_RAW },
    { CODING_BROTLI, 0 },
    { CODING_ZSTD, 0 },
};
enum { CODINGS = sizeof codings / sizeof *codings };

static void whole_in_pieces_of_any_size(void **state)
{
    (void) state;
    for (size_t i = 0; i < CODINGS; i++) {
        owned(buffer_destroy) buffer_t packed = { 0 };
        packed_as(codings[i].coding, codings[i].window, &packed);
        for (size_t piece = 1; piece <= packed.size; piece++) {
            owned(outcome_destroy) outcome_t got = { 0 };
            read_in(&got, codings[i].coding, buffer_slice(&packed), piece);
            assert_int_equal(got.result, UNPACK_GOOD);
            assert_true(got.ended);
            assert_string_equal(buffer_string(&got.out), text);
        }
    }
}

static void a_cut_one_has_not_ended(void **state)
{
    (void) state;
    for (size_t i = 0; i < CODINGS; i++) {
        owned(buffer_destroy) buffer_t packed = { 0 };
        packed_as(codings[i].coding, codings[i].window, &packed);
        for (size_t size = 1; size < packed.size; size++) {
            owned(outcome_destroy) outcome_t got = { 0 };
            read_in(&got, codings[i].coding, slice_of(packed.data, size), size);
            assert_int_equal(got.result, UNPACK_GOOD);
            assert_false(got.ended);
        }
    }
}

static void what_stands_behind_the_end(void **state)
{
    (void) state;
    static const uint8_t zeros[40];
    for (size_t i = 0; i < CODINGS; i++) {
        owned(buffer_destroy) buffer_t packed = { 0 };
        packed_as(codings[i].coding, codings[i].window, &packed);
        buffer_append(&packed, zeros, sizeof zeros);
        for (size_t piece = 1; piece <= packed.size; piece += 7) {
            owned(outcome_destroy) outcome_t got = { 0 };
            read_in(&got, codings[i].coding, buffer_slice(&packed), piece);
            assert_int_equal(got.result, UNPACK_GOOD);
            assert_true(got.ended);
            assert_string_equal(buffer_string(&got.out), text);
        }
        buffer_text(&packed, "x");
        owned(outcome_destroy) outcome_t got = { 0 };
        read_in(&got, codings[i].coding, buffer_slice(&packed), packed.size);
        assert_int_equal(got.result, UNPACK_DAMAGED);
    }
}

static void gzip_and_zstd_have_several_parts(void **state)
{
    (void) state;
    static const coding_t several[] = { CODING_GZIP, CODING_ZSTD };
    for (size_t i = 0; i < 2; i++) {
        owned(buffer_destroy) buffer_t packed = { 0 };
        packed_as(several[i], WINDOW_GZIP, &packed);
        size_t one = packed.size;
        packed_as(several[i], WINDOW_GZIP, &packed);
        for (size_t piece = 1; piece <= packed.size; piece++) {
            owned(outcome_destroy) outcome_t got = { 0 };
            read_in(&got, several[i], buffer_slice(&packed), piece);
            assert_int_equal(got.result, UNPACK_GOOD);
            assert_true(got.ended);
            assert_int_equal(got.out.size, 2 * (sizeof text - 1));
        }
        for (size_t size = one + 1; size < packed.size; size++) {
            owned(outcome_destroy) outcome_t got = { 0 };
            read_in(&got, several[i], slice_of(packed.data, size), size);
            assert_false(got.ended);
        }
    }
}

static void damage_is_told(void **state)
{
    (void) state;
    for (size_t i = 0; i < CODINGS; i++) {
        owned(outcome_destroy) outcome_t got = { 0 };
        read_in(&got, codings[i].coding, slice_text("\xff\xff this is none of it, at all"), 5);
        assert_int_equal(got.result, UNPACK_DAMAGED);
    }
    owned(buffer_destroy) buffer_t packed = { 0 };
    packed_as(CODING_GZIP, WINDOW_GZIP, &packed);
    packed.data[packed.size - 8] ^= 1; // the checksum
    owned(outcome_destroy) outcome_t got = { 0 };
    read_in(&got, CODING_GZIP, buffer_slice(&packed), packed.size);
    assert_int_equal(got.result, UNPACK_DAMAGED);
    read_in(&got, CODING_SEVERAL, buffer_slice(&packed), packed.size);
    assert_int_equal(got.result, UNPACK_DAMAGED);
}

static void large_ones_and_bombs(void **state)
{
    (void) state;
    enum { HALF = UNPACK_SPARE_BYTES / 2, BOMB = 16 << 20 };
    uint8_t *zeros = calloc(1, BOMB);
    assert_non_null(zeros);
    for (size_t i = 0; i < CODINGS; i++) {
        if (codings[i].coding == CODING_BROTLI)
            continue; // there is no compressor here
        owned(buffer_destroy) buffer_t large = { 0 }, bomb = { 0 };
        if (codings[i].coding == CODING_ZSTD) {
            zstd_to(&large, zeros, HALF);
            zstd_to(&bomb, zeros, BOMB);
        } else {
            deflate_to(&large, zeros, HALF, codings[i].window);
            deflate_to(&bomb, zeros, BOMB, codings[i].window);
        }
        owned(outcome_destroy) outcome_t got = { 0 };
        read_in(&got, codings[i].coding, buffer_slice(&large), large.size);
        assert_int_equal(got.result, UNPACK_GOOD);
        assert_true(got.ended);
        assert_int_equal(got.out.size, HALF);
        read_in(&got, codings[i].coding, buffer_slice(&bomb), bomb.size);
        assert_int_equal(got.result, UNPACK_SWOLLEN);
        assert_true(got.out.size <= bomb.size * INFLATE_RATIO_MAX + UNPACK_SPARE_BYTES);
        // Who takes no more ends it.
        owned(outcome_destroy) outcome_t little = { .out.limit = 100 };
        read_in(&little, codings[i].coding, buffer_slice(&large), large.size);
        assert_int_equal(little.result, UNPACK_REFUSED);
    }
    free(zeros);
}

static void names_of_codings(void **state)
{
    (void) state;
    static const struct {
        const char *header;
        coding_t coding;
    } cases[] = {
        { "gzip", CODING_GZIP },          { "X-GZip", CODING_GZIP },
        { "deflate", CODING_DEFLATE },    { "br", CODING_BROTLI },
        { "zstd", CODING_ZSTD },          { "", CODING_NONE },
        { "UTF-8", CODING_NONE },         { "none", CODING_NONE },
        { "identity", CODING_NONE },      { " identity ,\tgzip ", CODING_GZIP },
        { "gzip, gzip", CODING_SEVERAL }, { "br, utf-8, zstd, br", CODING_SEVERAL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(coding_with(CODING_NONE, cases[i].header), cases[i].coding);
    assert_int_equal(coding_with(CODING_BROTLI, "identity"), CODING_BROTLI);
    assert_int_equal(coding_with(CODING_BROTLI, "gzip"), CODING_SEVERAL);
    owned(outcome_destroy) outcome_t got = { 0 };
    read_in(&got, CODING_NONE, slice_text(text), 3);
    assert_int_equal(got.result, UNPACK_GOOD);
    assert_true(got.ended);
    assert_string_equal(buffer_string(&got.out), text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_in_pieces_of_any_size),
        cmocka_unit_test(a_cut_one_has_not_ended),
        cmocka_unit_test(what_stands_behind_the_end),
        cmocka_unit_test(gzip_and_zstd_have_several_parts),
        cmocka_unit_test(damage_is_told),
        cmocka_unit_test(large_ones_and_bombs),
        cmocka_unit_test(names_of_codings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
