/*  utf8 -- see utf8.h. ASCII goes eight bytes at a time: nearly all of our text is. */
#include "proto/utf8.h"

static bool follows(slice_t text, size_t index, uint8_t least, uint8_t most)
{
    return index < text.size && text.data[index] >= least && text.data[index] <= most;
}

unsigned utf8_character(slice_t text)
{
    if (text.size == 0)
        return 0;
    uint8_t lead = text.data[0];
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        return follows(text, 1, 0x80, 0xbf) ? 2 : 0;
    if (lead >= 0xe0 && lead <= 0xef) {
        uint8_t least = lead == 0xe0 ? 0xa0 : 0x80; // not overlong
        uint8_t most = lead == 0xed ? 0x9f : 0xbf;  // not a surrogate
        return follows(text, 1, least, most) && follows(text, 2, 0x80, 0xbf) ? 3 : 0;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        uint8_t least = lead == 0xf0 ? 0x90 : 0x80;
        uint8_t most = lead == 0xf4 ? 0x8f : 0xbf; // not above U+10FFFF
        return follows(text, 1, least, most) && follows(text, 2, 0x80, 0xbf) &&
                       follows(text, 3, 0x80, 0xbf)
                   ? 4
                   : 0;
    }
    return 0;
}

bool utf8_valid(slice_t text)
{
    const uint64_t high_bits = UINT64_C(0x8080808080808080);
    while (text.size > 0) {
        uint64_t eight;
        unsigned taken = 0;
        if (text.size >= sizeof eight) {
            memcpy(&eight, text.data, sizeof eight);
            taken = (eight & high_bits) == 0 ? (unsigned) sizeof eight : 0;
        }
        if (taken == 0)
            taken = utf8_character(text);
        if (taken == 0)
            return false;
        text.data += taken;
        text.size -= taken;
    }
    return true;
}
