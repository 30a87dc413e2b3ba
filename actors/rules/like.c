/*  like -- LIKE as PostgreSQL does it on UTF-8. Pure; time is bounded by text times pattern. */
#include "actors/rules/judge.h"
#include "proto/utf8.h"

static size_t step(slice_t text, size_t at)
{
    unsigned size = utf8_character(slice_of(text.data + at, text.size - at));
    return size ? size : 1;
}

// Greedy with one point to go back to: the last %.
bool like_matches(slice_t text, slice_t pattern)
{
    size_t t = 0, p = 0, back_t = 0, back_p = SIZE_MAX;
    while (t < text.size) {
        uint8_t wanted = p < pattern.size ? pattern.data[p] : 0;
        bool escaped = wanted == '\\' && p + 1 < pattern.size;
        if (wanted == '%') {
            back_p = ++p;
            back_t = t;
        } else if (wanted == '_') {
            t += step(text, t);
            p++;
        } else if (p + escaped < pattern.size && pattern.data[p + escaped] == text.data[t]) {
            t++;
            p += 1u + escaped;
        } else if (back_p != SIZE_MAX) {
            t = back_t += step(text, back_t);
            p = back_p;
        } else {
            return false;
        }
    }
    while (p < pattern.size && pattern.data[p] == '%')
        p++;
    return p == pattern.size;
}
