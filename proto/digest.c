/*  digest -- see digest.h.
 *
 *  OpenSSL's old interface on purpose: EVP allocates, so a hash could fail, and a plan's hash or
 *  an alert's id must not.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "proto/digest.h"

#include <openssl/sha.h>

_Static_assert(sizeof(SHA256_CTX) <= sizeof(digest_t), "the context fits");

void digest_begin(digest_t *self)
{
    SHA256_CTX context;
    SHA256_Init(&context);
    memcpy(self, &context, sizeof context);
}

void digest_add(digest_t *self, slice_t bytes)
{
    SHA256_CTX context;
    memcpy(&context, self, sizeof context);
    if (bytes.size > 0)
        SHA256_Update(&context, bytes.data, bytes.size);
    memcpy(self, &context, sizeof context);
}

void digest_add_u32(digest_t *self, uint32_t number)
{
    uint8_t bytes[4] = { (uint8_t) number, (uint8_t) (number >> 8), (uint8_t) (number >> 16),
                         (uint8_t) (number >> 24) };
    digest_add(self, slice_of(bytes, sizeof bytes));
}

void digest_add_sized(digest_t *self, slice_t bytes)
{
    digest_add_u32(self, (uint32_t) bytes.size);
    digest_add(self, bytes);
}

void digest_end(digest_t *self, uint8_t digest[DIGEST_BYTES])
{
    SHA256_CTX context;
    memcpy(&context, self, sizeof context);
    SHA256_Final(digest, &context);
}
