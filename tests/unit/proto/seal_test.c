/*  seal: what HMAC-SHA256 gives, and no claim but the sealed one has it. */
#include "proto/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "proto/buffer.h"
#include "proto/owned.h"

static const uint8_t partitions[32] = { 0xff, 1 };
static const seal_secret_t secret = { "0123456789abcdef0123456789abcde" };

static seal_claim_t claim(void)
{
    return (seal_claim_t){ .stream = slice_text("main~5"),
                           .endpoint = slice_text("tcp://127.0.0.1:1"),
                           .lane = 3,
                           .mark = 5000000000,
                           .first = 7,
                           .last = 0x0102030405060708,
                           .partitions = slice_of(partitions, sizeof partitions) };
}

static bool fits(const seal_claim_t *other, const seal_t *seal)
{
    return seal_fits(&secret, other, slice_of(seal->bytes, sizeof seal->bytes));
}

// Written out, and sealed by OpenSSL: what others would have to do.
static void it_is_half_an_hmac(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t bytes = { 0 };
    buffer_append(&bytes, "\x06\0\0\0main~5", 10);
    buffer_append(&bytes, "\x11\0\0\0tcp://127.0.0.1:1", 21);
    buffer_append(&bytes, "\x03\0\0\0", 4);
    buffer_append(&bytes, "\x00\xf2\x05\x2a\x01\0\0\0", 8);
    buffer_append(&bytes, "\x07\0\0\0\0\0\0\0", 8);
    buffer_append(&bytes, "\x08\x07\x06\x05\x04\x03\x02\x01", 8);
    buffer_append(&bytes, "\x20\0\0\0", 4);
    buffer_append(&bytes, partitions, sizeof partitions);
    uint8_t expected[EVP_MAX_MD_SIZE];
    assert_non_null(HMAC(EVP_sha256(), secret.bytes, sizeof secret.bytes, bytes.data, bytes.size,
                         expected, NULL));
    seal_claim_t sealed = claim();
    seal_t seal = seal_of(&secret, &sealed);
    assert_memory_equal(seal.bytes, expected, SEAL_BYTES);
    assert_true(fits(&sealed, &seal));
}

static void nothing_else_has_it(void **state)
{
    (void) state;
    static const uint8_t wider[32] = { 0xff, 3 };
    seal_claim_t sealed = claim(), other[8];
    seal_t seal = seal_of(&secret, &sealed);
    for (size_t i = 0; i < 8; i++)
        other[i] = sealed;
    other[0].stream = slice_text("main~6");
    other[1].endpoint = slice_text("tcp://127.0.0.1:2");
    other[2].lane++;
    other[3].mark++;
    other[4].first--;
    other[5].last++;
    other[6].partitions = slice_of(wider, sizeof wider);
    // the same bytes in a row, parted elsewhere
    other[7].stream = slice_text("main~5t");
    other[7].endpoint = slice_text("cp://127.0.0.1:1");
    for (size_t i = 0; i < 8; i++)
        assert_false(fits(&other[i], &seal));
}

static void a_seal_that_was_touched_does_not_fit(void **state)
{
    (void) state;
    seal_claim_t sealed = claim();
    seal_t seal = seal_of(&secret, &sealed);
    for (size_t i = 0; i < 8 * sizeof seal.bytes; i++) {
        seal.bytes[i / 8] ^= (uint8_t) (1 << i % 8);
        assert_false(fits(&sealed, &seal));
        seal.bytes[i / 8] ^= (uint8_t) (1 << i % 8);
    }
    assert_true(fits(&sealed, &seal));
    assert_false(seal_fits(&secret, &sealed, slice_of(seal.bytes, sizeof seal.bytes - 1)));
    assert_false(seal_fits(&secret, &sealed, (slice_t){ 0 }));
    seal_secret_t other = secret;
    other.bytes[31] ^= 1;
    assert_false(seal_fits(&other, &sealed, slice_of(seal.bytes, sizeof seal.bytes)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_half_an_hmac),
        cmocka_unit_test(nothing_else_has_it),
        cmocka_unit_test(a_seal_that_was_touched_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
