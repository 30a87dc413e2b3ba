/*  sign -- see sign.h. */
#include "actors/notifier/sign.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "proto/owned.h"

enum {
    SECRET_TEXT_MAX = (SIGN_KEY_BYTES_MAX + 2) / 3 * 4, // base64 of the longest key
    DIGEST_BYTES = 32,
    DIGEST_TEXT = 44, // base64 of it
};

static const char prefix[] = "whsec_";

typedef struct {
    uint8_t bytes[SIGN_KEY_BYTES_MAX + 3]; // OpenSSL decodes whole groups of three
    size_t size;
} sign_key_t;

static void sign_key_destroy(sign_key_t *self)
{
    OPENSSL_cleanse(self, sizeof *self);
}

static void mac_destroy(EVP_MAC **mac)
{
    EVP_MAC_free(*mac);
}

static void mac_context_destroy(EVP_MAC_CTX **context)
{
    EVP_MAC_CTX_free(*context);
}

// Only the one canonical spelling: OpenSSL's decoder forgives blanks and stray bits, so what it
// made of the text must spell the text again.
static bool key_decode(slice_t text, sign_key_t *key)
{
    if (text.size == 0 || text.size > SECRET_TEXT_MAX || text.size % 4 != 0)
        return false;
    int size = EVP_DecodeBlock(key->bytes, text.data, (int) text.size);
    if (size < 0)
        return false;
    for (size_t i = text.size; i > text.size - 2 && text.data[i - 1] == '='; i--)
        size--;
    key->size = (size_t) size;

    uint8_t again[SECRET_TEXT_MAX + 1];
    int length = EVP_EncodeBlock(again, key->bytes, size);
    bool same = slice_same(slice_of(again, (size_t) length), text);
    OPENSSL_cleanse(again, sizeof again);
    return same && key->size > 0 && key->size <= SIGN_KEY_BYTES_MAX;
}

static bool hmac(EVP_MAC *mac, const sign_key_t *key, slice_t head, slice_t body,
                 uint8_t digest[DIGEST_BYTES])
{
    char name[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        { "digest", OSSL_PARAM_UTF8_STRING, name, sizeof name - 1, 0 },
        { NULL, 0, NULL, 0, 0 },
    };
    owned(mac_context_destroy) EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
    size_t size = 0;
    return context && EVP_MAC_init(context, key->bytes, key->size, parameters) == 1 &&
           EVP_MAC_update(context, head.data, head.size) == 1 &&
           EVP_MAC_update(context, body.data, body.size) == 1 &&
           EVP_MAC_final(context, digest, &size, DIGEST_BYTES) == 1 && size == DIGEST_BYTES;
}

// The next word of `rest`, which shrinks; empty at the end.
static slice_t next_word(slice_t *rest)
{
    size_t from = 0;
    while (from < rest->size && rest->data[from] == ' ')
        from++;
    size_t to = from;
    while (to < rest->size && rest->data[to] != ' ')
        to++;
    slice_t word = slice_of(rest->data + from, to - from);
    *rest = slice_of(rest->data + to, rest->size - to);
    return word;
}

// One "v1,<base64>" at `text`, DIGEST_TEXT + 3 characters.
static bool sign_one(EVP_MAC *mac, slice_t secret, slice_t head, slice_t body, char *text,
                     fault_t *fault)
{
    size_t skip = sizeof prefix - 1;
    if (secret.size < skip || memcmp(secret.data, prefix, skip) != 0)
        return fault_set(fault, "the secret does not start with whsec_");
    __attribute__((cleanup(sign_key_destroy))) sign_key_t key;
    if (!key_decode(slice_of(secret.data + skip, secret.size - skip), &key))
        return fault_set(fault, "the secret is not whsec_ and the base64 of 1 to %d bytes",
                         SIGN_KEY_BYTES_MAX);
    uint8_t digest[DIGEST_BYTES];
    if (!hmac(mac, &key, head, body, digest))
        return fault_set(fault, "libcrypto cannot sign");
    memcpy(text, "v1,", 3);
    EVP_EncodeBlock((uint8_t *) text + 3, digest, DIGEST_BYTES);
    return true;
}

bool sign_webhook(slice_t secrets, const char *id, int64_t timestamp_s, slice_t body,
                  char text[SIGN_TEXT_MAX], fault_t *fault)
{
    if (secrets.size == 0)
        return fault_set(fault, "the secret is empty");
    char head[256];
    int head_size = snprintf(head, sizeof head, "%s.%" PRId64 ".", id, timestamp_s);
    if (head_size < 0 || head_size >= (int) sizeof head)
        return fault_set(fault, "the id of the webhook is too long");
    owned(mac_destroy) EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (!mac)
        return fault_set(fault, "libcrypto has no HMAC");

    size_t used = 0;
    unsigned count = 0;
    for (slice_t word = next_word(&secrets); word.size > 0; word = next_word(&secrets)) {
        if (count++ == SIGN_SECRETS_MAX)
            return fault_set(fault, "more than %d secrets", SIGN_SECRETS_MAX);
        if (used > 0)
            text[used++] = ' ';
        if (!sign_one(mac, word, slice_of(head, (size_t) head_size), body, text + used, fault))
            return false;
        used += DIGEST_TEXT + 3;
    }
    if (count == 0)
        return fault_set(fault, "the secret is empty");
    text[used] = '\0';
    return true;
}
