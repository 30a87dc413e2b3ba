/*  Any pattern on any text: fits where the plain definition says that it fits, found by a table of
 *  all prefixes instead of by going back.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "proto/glob.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 512 };

// fits[t]: the pattern so far fits the first t bytes.
static bool plainly(slice_t pattern, slice_t text)
{
    bool fits[TEXT_MAX + 1] = { true };
    for (size_t p = 0; p < pattern.size; p++) {
        uint8_t c = pattern.data[p];
        bool before = fits[0]; // fits[t] of the pattern without c
        fits[0] = before && c == '*';
        for (size_t t = 1; t <= text.size; t++) {
            bool here = fits[t];
            if (c == '*')
                fits[t] = here || fits[t - 1];
            else
                fits[t] = before && (c == '?' || c == text.data[t - 1]);
            before = here;
        }
    }
    return fits[text.size];
}

// The first byte says how long the pattern is; the text is the rest.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > TEXT_MAX)
        return 0;
    size_t length = data[0] < size ? data[0] : size - 1;
    slice_t pattern = slice_of(data + 1, length);
    slice_t text = slice_of(data + 1 + length, size - 1 - length);
    bool fits = glob_fits(pattern, text);
    assert(fits == plainly(pattern, text));
    bool special =
        length > 0 && (memchr(pattern.data, '*', length) || memchr(pattern.data, '?', length));
    assert(special || fits == slice_same(pattern, text));
    return 0;
}
