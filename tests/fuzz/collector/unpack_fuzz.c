/*  A compressed answer of a stranger: the first byte says which coding, the second how large its
 *  pieces are. In pieces and in one, the same comes out.
 */
#include <stdlib.h>

#include "actors/collector/unpack.h"
#include "proto/buffer.h"

static bool take(void *context, const void *data, size_t size)
{
    buffer_t *out = context;
    buffer_append(out, data, size);
    return !out->failed;
}

static unpack_result_t read_in(coding_t coding, slice_t packed, size_t piece, buffer_t *out,
                               bool *ended)
{
    unpack_t *unpack = unpack_new(coding);
    unpack_result_t result = unpack ? UNPACK_GOOD : UNPACK_REFUSED;
    for (size_t at = 0; at < packed.size && result == UNPACK_GOOD; at += piece) {
        size_t left = packed.size - at;
        slice_t next = slice_of(packed.data + at, left < piece ? left : piece);
        result = unpack_push(unpack, next, take, out);
    }
    *ended = unpack && unpack_has_ended(unpack);
    unpack_destroy(&unpack);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    coding_t coding = data[0] % (CODING_SEVERAL + 1);
    slice_t packed = slice_of(data + 2, size - 2);
    buffer_t whole = { 0 }, pieces = { 0 };
    bool whole_ended, pieces_ended;
    unpack_result_t one = read_in(coding, packed, packed.size, &whole, &whole_ended);
    unpack_result_t many = read_in(coding, packed, data[1] + 1, &pieces, &pieces_ended);
    // What is damaged may be found so earlier or later, and a bomb be one of pieces alone.
    if (one == UNPACK_GOOD && many == UNPACK_GOOD &&
        (whole_ended != pieces_ended || !slice_same(buffer_slice(&whole), buffer_slice(&pieces))))
        abort();
    buffer_destroy(&whole);
    buffer_destroy(&pieces);
    return 0;
}
