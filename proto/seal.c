/*  seal -- see seal.h.
 *
 *  HMAC (RFC 2104) is two hashes around each other, made of proto/digest.h: OpenSSL's own
 *  allocates, so a message could fail to be sealed, or to be judged.
 */
#include "proto/seal.h"

#include "proto/digest.h"

enum { BLOCK_BYTES = 64, INNER = 0x36, OUTER = 0x5c }; // of SHA-256; of HMAC

static void begin_keyed(digest_t *digest, const seal_secret_t *secret, uint8_t pad)
{
    uint8_t block[BLOCK_BYTES];
    memset(block, pad, sizeof block);
    for (size_t i = 0; i < sizeof secret->bytes; i++)
        block[i] ^= secret->bytes[i];
    digest_begin(digest);
    digest_add(digest, slice_of(block, sizeof block));
}

static void add_u64(digest_t *digest, uint64_t number)
{
    digest_add_u32(digest, (uint32_t) number);
    digest_add_u32(digest, (uint32_t) (number >> 32));
}

seal_t seal_of(const seal_secret_t *secret, const seal_claim_t *claim)
{
    digest_t digest;
    uint8_t inner[DIGEST_BYTES], outer[DIGEST_BYTES];
    begin_keyed(&digest, secret, INNER);
    digest_add_sized(&digest, claim->stream);
    digest_add_sized(&digest, claim->endpoint);
    digest_add_u32(&digest, claim->lane);
    add_u64(&digest, claim->mark);
    add_u64(&digest, claim->first);
    add_u64(&digest, claim->last);
    digest_add_sized(&digest, claim->partitions);
    digest_end(&digest, inner);
    begin_keyed(&digest, secret, OUTER);
    digest_add(&digest, slice_of(inner, sizeof inner));
    digest_end(&digest, outer);
    seal_t seal;
    memcpy(seal.bytes, outer, sizeof seal.bytes);
    return seal;
}

bool seal_fits(const seal_secret_t *secret, const seal_claim_t *claim, slice_t seal)
{
    seal_t right = seal_of(secret, claim);
    if (seal.size != sizeof right.bytes)
        return false;
    uint8_t differs = 0;
    for (size_t i = 0; i < sizeof right.bytes; i++)
        differs |= (uint8_t) (right.bytes[i] ^ seal.data[i]);
    return differs == 0;
}
