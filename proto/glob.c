/*  glob -- see glob.h. */
#include "proto/glob.h"

// Only the newest star is ever tried again: what an earlier one took can be left as it is.
bool glob_fits_counted(slice_t pattern, slice_t text, size_t *steps)
{
    size_t p = 0, t = 0, star = 0, taken = 0;
    bool starred = false;
    for (; t < text.size; ++*steps) {
        if (p < pattern.size && pattern.data[p] == '*') {
            starred = true;
            star = ++p;
            taken = t;
        } else if (p < pattern.size &&
                   (pattern.data[p] == '?' || pattern.data[p] == text.data[t])) {
            p++;
            t++;
        } else if (starred) {
            p = star;
            t = ++taken;
        } else {
            ++*steps;
            return false;
        }
    }
    while (p < pattern.size && pattern.data[p] == '*')
        p++;
    return p == pattern.size;
}

bool glob_fits(slice_t pattern, slice_t text)
{
    size_t steps = 0;
    return glob_fits_counted(pattern, text, &steps);
}
