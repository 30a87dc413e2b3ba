/*  unpack -- the content coding of an HTTP answer becomes bytes, piece by piece, within limits.
 *
 *  Pure, and the one file that knows how brotli and zstd are read. libcurl could do it, but does
 *  not ask whether a compressed stream came to its end: half an answer, cut where its length was
 *  counted, would be a whole one to it.
 */
#pragma once
#include <stdbool.h>

#include "proto/slice.h"

enum {
    UNPACK_SPARE_BYTES = 4 << 20, // it may grow by this much beside INFLATE_RATIO_MAX times
    UNPACK_ZSTD_WINDOW_LOG = 23,  // 8 MB, as RFC 9659 has it for HTTP
};

#define UNPACK_ACCEPTED "gzip, deflate, br, zstd" // what to ask for

typedef enum {
    CODING_NONE,
    CODING_GZIP,
    CODING_DEFLATE, // with the header of zlib or, as some servers understood it, without
    CODING_BROTLI,
    CODING_ZSTD,
    CODING_SEVERAL, // one within the other, which is not read
} coding_t;

// What one more `Content-Encoding` adds to the coding so far. Names that are not known say nothing:
// servers send "UTF-8", "none", and lines without a name.
coding_t coding_with(coding_t so_far, const char *header);

typedef struct unpack unpack_t;

unpack_t *unpack_new(coding_t coding); // of NONE, what comes is what there is; NULL: out of memory
void unpack_destroy(unpack_t **self_p);

typedef enum {
    UNPACK_GOOD,
    UNPACK_DAMAGED, // it is not what it says, or something stands behind its end
    UNPACK_SWOLLEN, // a bomb: more came out than the ratio allows
    UNPACK_REFUSED, // `take` returned false
} unpack_result_t;

// Is told of bytes that came out, valid until it returns. False: no more.
typedef bool unpack_take_t(void *context, const void *data, size_t size);

// Read a piece of any size. Not to be called again after anything but UNPACK_GOOD.
unpack_result_t unpack_push(unpack_t *self, slice_t piece, unpack_take_t *take, void *context);

// Did the stream end, of all its parts? Zeros behind it are nothing.
bool unpack_has_ended(const unpack_t *self);
