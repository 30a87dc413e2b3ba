/*  numbers -- see numbers.h. Pure. */
#include "actors/prep/numbers.h"

static bool s_is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

bool numbers_compile(numbers_t *self, slice_t sample, fault_t *fault)
{
    *self = (numbers_t){ 0 };
    size_t at = 0;
    if (sample.size > 2 && sample.data[0] == '1' && memchr(",. '", sample.data[1], 4)) {
        self->group = (char) sample.data[1];
        at = 1;
    }
    bool good = sample.size > at + 4 && memcmp(sample.data + at + 1, "234", 3) == 0 &&
                (at || sample.data[0] == '1') && memchr(",.", sample.data[at + 4], 2);
    if (good)
        self->point = (char) sample.data[at + 4];
    for (size_t i = at + 5; good && i < sample.size; i++)
        good = s_is_digit(sample.data[i]);
    if (good && sample.size > at + 5 && self->group != self->point)
        return true;
    return fault_set(fault,
                     "numbers: expected a sample such as 1.234,5 or 1,234.5 or 1234,5, not "
                     "'%.*s'",
                     (int) (sample.size < 40 ? sample.size : 40), (const char *) sample.data);
}

// Digits in groups of three, the first of which may be shorter.
static bool s_grouped(const numbers_t *self, slice_t text, size_t *at, char *out, size_t *size)
{
    size_t digits = 0, groups = 0;
    for (; *at < text.size; ++*at) {
        uint8_t byte = text.data[*at];
        if (s_is_digit(byte)) {
            out[(*size)++] = (char) byte;
            digits++;
        } else if (self->group && byte == (uint8_t) self->group) {
            if (digits == 0 || digits > 3 || (groups && digits != 3))
                return false;
            groups++;
            digits = 0;
        } else {
            break;
        }
    }
    return !groups || digits == 3;
}

bool numbers_plain(const numbers_t *self, slice_t text, char out[NUMBERS_TEXT_MAX], slice_t *plain)
{
    size_t at = 0, size = 0;
    if (self->point == 0) {
        *plain = text;
        return true;
    }
    if (text.size >= NUMBERS_TEXT_MAX)
        return false;
    if (text.size && (text.data[0] == '-' || text.data[0] == '+')) {
        if (text.data[0] == '-')
            out[size++] = '-';
        at = 1;
    }
    if (!s_grouped(self, text, &at, out, &size))
        return false;
    for (bool point = false; at < text.size; at++) {
        uint8_t byte = text.data[at];
        if (byte == (uint8_t) self->point && !point)
            out[size++] = '.';
        else if (s_is_digit(byte) && point)
            out[size++] = (char) byte;
        else
            return false;
        point = true;
    }
    *plain = slice_of(out, size);
    return true;
}
