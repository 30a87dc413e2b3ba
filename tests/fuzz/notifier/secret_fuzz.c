/*  Any bytes as a subscriber's secret: signed within the bound, or refused with a reason. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "actors/notifier/sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[SIGN_TEXT_MAX];
    fault_t fault = { 0 };
    if (sign_webhook(slice_of(data, size), "id", 1700000000, slice_text("{}"), text, &fault)) {
        assert(memcmp(text, "v1,", 3) == 0 && strlen(text) < SIGN_TEXT_MAX);
        assert(strlen(text) % 48 == 47);
    } else {
        assert(fault.text[0]);
    }
    return 0;
}
