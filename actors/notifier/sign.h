/*  sign -- signatures of webhooks as Standard Webhooks defines them. Pure.
 *
 *  webhook-signature is "v1,<base64 of HMAC-SHA256 over id.timestamp.body>", one for each
 *  secret, separated by blanks; several secrets let a receiver change its own without a gap.
 *  A secret is "whsec_" and the base64 of 1 to 128 bytes (the standard recommends 24 to 64).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "proto/fault.h"
#include "proto/slice.h"

enum {
    SIGN_SECRETS_MAX = 4,
    SIGN_KEY_BYTES_MAX = 128,
    SIGN_TEXT_MAX = SIGN_SECRETS_MAX * 48, // "v1," and 44 characters, and a blank or the end
};

// secrets: "whsec_..." separated by blanks. False with fault: one is not of this form.
bool sign_webhook(slice_t secrets, const char *id, int64_t timestamp_s, slice_t body,
                  char text[SIGN_TEXT_MAX], fault_t *fault);
