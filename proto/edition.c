/*  edition -- see edition.h. */
#include "proto/edition.h"

#include <inttypes.h>
#include <stdio.h>

bool edition_name(char name[EDITION_NAME_MAX + 1], const char *stream, uint64_t edition)
{
    int size = edition ? snprintf(name, EDITION_NAME_MAX + 1, "%s~%" PRIu64, stream, edition)
                       : snprintf(name, EDITION_NAME_MAX + 1, "%s", stream);
    return size > 0 && size <= EDITION_NAME_MAX;
}

void edition_split(slice_t name, slice_t *stream, uint64_t *edition)
{
    *stream = name;
    *edition = 0;
    size_t digits = 0;
    uint64_t number = 0, unit = 1;
    while (digits < name.size && digits < 19) {
        uint8_t c = name.data[name.size - 1 - digits];
        if (c < '0' || c > '9')
            break;
        number += unit * (uint64_t) (c - '0');
        unit *= 10;
        digits++;
    }
    if (digits == 0 || digits + 1 >= name.size || name.data[name.size - 1 - digits] != '~')
        return;
    *stream = slice_of(name.data, name.size - 1 - digits);
    *edition = number;
}

bool edition_supersedes(slice_t newer, slice_t older)
{
    slice_t a, b;
    uint64_t x, y;
    edition_split(newer, &a, &x);
    edition_split(older, &b, &y);
    return slice_same(a, b) && x > y;
}
