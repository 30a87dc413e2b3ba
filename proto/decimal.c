/*  decimal -- see decimal.h. Reading and printing; arithmetic on the value is in
 *  decimal_value.c. Reading takes a short way (up to 18 digits, no exponent: every price) and
 *  a careful one.
 */
#include "proto/decimal.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/decimal_scale.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "read_digits takes words of text");

enum {
    BEYOND = 64,                    // |value| < 10^BEYOND
    DOUBLE_DIGITS_SAFE = 15,        // decimals that short have a double each
    DOUBLE_DIGITS_MAX = 17,         // so many tell all doubles apart
    SHORT_PLACES = 8,               // behind the point, as exchanges write
    DOUBLE_TEXT_MAX = 40,           // "-1.2345678901234567e-308"
    EXPONENT_TEXT_MAX = 1000000000, // more digits than any text has: saturate here
};

static decimal_t signed_decimal(uint64_t magnitude, int exponent, bool negative)
{
    int64_t mantissa = (int64_t) magnitude;
    return (decimal_t){ .mantissa = negative ? -mantissa : mantissa,
                        .exponent = (int8_t) exponent };
}

// Drop trailing zeros; the mantissa is not 0. Large steps first: exchanges write 8 places.
static inline uint64_t strip_zeros(uint64_t mantissa, int *exponent)
{
    if (mantissa % 10 != 0)
        return mantissa;
    for (; mantissa % 10000 == 0; *exponent += 4)
        mantissa /= 10000;
    for (; mantissa % 10 == 0; *exponent += 1)
        mantissa /= 10;
    return mantissa;
}

// From here the exponent may be too high for decimal_t: give the mantissa zeros then.
static decimal_result_t settle(decimal_t *value, uint64_t mantissa, int exponent, bool negative,
                               decimal_result_t result)
{
    mantissa = strip_zeros(mantissa, &exponent);
    if (exponent > DECIMAL_EXPONENT_MAX) {
        int places = exponent - DECIMAL_EXPONENT_MAX;
        if (places >= DECIMAL_DIGITS_MAX ||
            mantissa >= decimal_ten[DECIMAL_DIGITS_MAX] / decimal_ten[places])
            return DECIMAL_OUT_OF_RANGE;
        mantissa *= decimal_ten[places];
        exponent = DECIMAL_EXPONENT_MAX;
    }
    *value = signed_decimal(mantissa, exponent, negative);
    return result;
}

// The digits of a number: those before and those after the point, both may be empty.
typedef struct {
    const char *whole, *part;
    size_t whole_size, part_size;
    int64_t exponent; // as written after e
    bool negative;
} number_t;

static inline char digit_at(const number_t *self, size_t index)
{
    return index < self->whole_size ? self->whole[index] : self->part[index - self->whole_size];
}

// Any length, any exponent. One cut decides what is kept, so nothing is rounded twice.
static decimal_result_t read_long(decimal_t *value, const number_t *number)
{
    size_t all = number->whole_size + number->part_size;
    size_t first = 0;
    while (first < all && digit_at(number, first) == '0')
        first++;
    if (first == all) {
        *value = (decimal_t){ 0 };
        return DECIMAL_EXACT;
    }
    int64_t last_exponent = number->exponent - (int64_t) number->part_size;
    int64_t first_exponent = last_exponent + (int64_t) (all - first) - 1;
    if (first_exponent >= BEYOND)
        return DECIMAL_OUT_OF_RANGE;
    int64_t kept = first_exponent - DECIMAL_EXPONENT_MIN + 1;
    if (kept > DECIMAL_DIGITS_MAX)
        kept = DECIMAL_DIGITS_MAX;
    if (kept > (int64_t) (all - first))
        kept = (int64_t) (all - first);

    uint64_t mantissa = 0;
    size_t index = first;
    for (int64_t i = 0; i < kept; i++)
        mantissa = mantissa * 10 + (uint64_t) (digit_at(number, index++) - '0');
    decimal_result_t result = DECIMAL_EXACT;
    if (kept >= 0 && index < all && digit_at(number, index) >= '5')
        mantissa++;
    for (; index < all && result == DECIMAL_EXACT; index++)
        if (digit_at(number, index) != '0')
            result = DECIMAL_ROUNDED;
    if (mantissa == 0) {
        *value = (decimal_t){ 0 };
        return result;
    }
    return settle(value, mantissa, (int) (first_exponent - kept + 1), number->negative, result);
}

static inline bool is_digit(char c)
{
    return (unsigned char) (c - '0') < 10;
}

// "[+-]digits" to the end of the text.
static bool read_exponent(const char *p, const char *end, int64_t *exponent)
{
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (p == end)
        return false;
    int64_t value = 0;
    for (; p < end && is_digit(*p); p++)
        if (value < EXPONENT_TEXT_MAX)
            value = value * 10 + (*p - '0');
    *exponent = negative ? -value : value;
    return p == end;
}

// Eight characters as one word; their digits become 0 to 9, the first in the lowest byte.
static inline uint64_t load_digits(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof word);
    return word ^ 0x3030303030303030;
}

// Sets the highest bit of every byte that is no digit; wrong behind the first of them.
static inline uint64_t no_digits(uint64_t word)
{
    return (word | (word + 0x7676767676767676)) & 0x8080808080808080;
}

static inline uint64_t eight_digits(uint64_t word)
{
    word = word * 10 + (word >> 8);
    return ((word & 0x000000ff000000ff) * 0x000f424000000064 +
            ((word >> 16) & 0x000000ff000000ff) * 0x0000271000000001) >>
           32;
}

// Past the digits at `p`, which the mantissa takes in.
static inline const char *read_digits(const char *p, const char *end, uint64_t *mantissa)
{
    while (end - p >= 8) {
        uint64_t word = load_digits(p), marks = no_digits(word);
        int count = marks ? __builtin_ctzll(marks) / 8 : 8;
        if (count == 0)
            return p;
        word <<= 64 - 8 * count; // as if zeros stood before them
        *mantissa = *mantissa * decimal_ten[count] + eight_digits(word);
        p += count;
        if (count < 8)
            return p;
    }
    for (; p < end && is_digit(*p); p++)
        *mantissa = *mantissa * 10 + (uint64_t) (*p - '0');
    return p;
}

// The same where nothing but digits is likely up to the end of a text: its last eight characters
// at once, whatever stands before them.
static inline const char *read_last_digits(const char *text, const char *p, const char *end,
                                           uint64_t *mantissa)
{
    ptrdiff_t count = end - p;
    if (end - text < 8 || count < 1 || count > 16)
        return read_digits(p, end, mantissa);
    uint64_t last = load_digits(end - 8), first = 0;
    if (count < 8)
        last &= ~UINT64_C(0) << (64 - 8 * count);
    if (count > 8)
        first = load_digits(p) << (64 - 8 * (count - 8));
    if (no_digits(last) | no_digits(first))
        return read_digits(p, end, mantissa);
    uint64_t value = *mantissa;
    if (count > 8) {
        value = value * decimal_ten[count - 8] + eight_digits(first);
        count = 8;
    }
    *mantissa = value * decimal_ten[count] + eight_digits(last);
    return end;
}

decimal_result_t decimal_parse(decimal_t *value, const char *text, size_t size)
{
    const char *p = text, *end = text + size;
    number_t number = { .negative = p < end && *p == '-' };
    p += number.negative;
    uint64_t mantissa = 0; // right only while there are at most 19 digits
    number.whole = p;
    p = read_digits(p, end, &mantissa);
    number.whole_size = (size_t) (p - number.whole);
    if (p < end && *p == '.') {
        number.part = ++p;
        p = read_last_digits(text, p, end, &mantissa);
        number.part_size = (size_t) (p - number.part);
    }
    size_t digits = number.whole_size + number.part_size;
    if (digits == 0)
        return DECIMAL_NOT_A_NUMBER;
    if (p == end && digits <= DECIMAL_DIGITS_MAX) {
        int exponent = mantissa == 0 ? 0 : -(int) number.part_size;
        if (mantissa != 0)
            mantissa = strip_zeros(mantissa, &exponent);
        *value = signed_decimal(mantissa, exponent, number.negative);
        return DECIMAL_EXACT;
    }
    if (p < end && ((*p != 'e' && *p != 'E') || !read_exponent(p + 1, end, &number.exponent)))
        return DECIMAL_NOT_A_NUMBER;
    return read_long(value, &number);
}

static void set_double(decimal_t *value, uint64_t mantissa, int places, bool negative)
{
    int exponent = mantissa == 0 ? 0 : -places;
    if (mantissa != 0)
        mantissa = strip_zeros(mantissa, &exponent);
    *value = signed_decimal(mantissa, exponent, negative);
}

// A decimal of at most 15 digits whose nearest double is `number` is the shortest one, and the
// only one of its length; both operands of the division are exact, so it tells for sure.
static bool short_double(decimal_t *value, double number)
{
    double magnitude = fabs(number);
    double most = (double) decimal_ten[DOUBLE_DIGITS_SAFE];
    for (int places = 0; places <= SHORT_PLACES; places++) {
        double scale = (double) decimal_ten[places];
        double scaled = magnitude * scale + 0.5;
        if (scaled >= most)
            return false;
        uint64_t mantissa = (uint64_t) scaled;
        if ((double) mantissa / scale != magnitude)
            continue;
        set_double(value, mantissa, places, number < 0);
        return true;
    }
    return false;
}

// |number| * 10^places, rounded half to even; exact in 128 bits for |number| < 2^53 and a result
// below 10^18.
static uint64_t scale_double(double number, int places)
{
    int shift;
    uint64_t mantissa = (uint64_t) ldexp(frexp(fabs(number), &shift), DBL_MANT_DIG);
    unsigned __int128 scaled = (unsigned __int128) mantissa * decimal_ten[places];
    shift = DBL_MANT_DIG - shift; // number = mantissa / 2^shift
    if (shift == 0)
        return (uint64_t) scaled;
    unsigned __int128 half = (unsigned __int128) 1 << (shift - 1), one = half << 1;
    unsigned __int128 rest = scaled & (one - 1);
    uint64_t result = (uint64_t) (scaled >> shift);
    return result + (rest > half || (rest == half && result % 2 == 1));
}

// The same as text with 15, 16 and 17 digits would give, for numbers from 0.001 to 2^53.
static bool middle_double(decimal_t *value, double number)
{
    double magnitude = fabs(number);
    if (magnitude < 1e-3 || magnitude >= 9007199254740992.0)
        return false;
    int places = DOUBLE_DIGITS_SAFE + 2; // so that 15 digits are kept
    for (double limit = 1e-2; magnitude >= limit; limit *= 10)
        places--;
    for (int digits = DOUBLE_DIGITS_SAFE; digits <= DOUBLE_DIGITS_MAX; digits++, places++) {
        if (places < 0)
            continue;
        uint64_t mantissa = scale_double(number, places);
        decimal_t candidate = { .mantissa = (int64_t) mantissa, .exponent = (int8_t) -places };
        if (decimal_to_double(candidate) != magnitude)
            continue;
        set_double(value, mantissa, places, number < 0);
        return true;
    }
    return false;
}

decimal_result_t decimal_from_double(decimal_t *value, double number)
{
    if (!isfinite(number))
        return DECIMAL_NOT_A_NUMBER;
    if (short_double(value, number) || middle_double(value, number))
        return DECIMAL_EXACT;
    char text[DOUBLE_TEXT_MAX];
    int size = 0;
    for (int digits = DOUBLE_DIGITS_SAFE; digits <= DOUBLE_DIGITS_MAX; digits++) {
        size = snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    return decimal_parse(value, text, (size_t) size);
}

decimal_t decimal_from_int(int64_t number)
{
    if (number == 0)
        return (decimal_t){ 0 };
    bool negative = number < 0;
    uint64_t mantissa = negative ? -(uint64_t) number : (uint64_t) number;
    int exponent = 0;
    if (mantissa >= decimal_ten[DECIMAL_DIGITS_MAX]) { // 19 digits: half away from zero
        mantissa = mantissa / 10 + (mantissa % 10 >= 5);
        exponent = 1;
    }
    mantissa = strip_zeros(mantissa, &exponent);
    return signed_decimal(mantissa, exponent, negative);
}

int decimal_print(decimal_t value, char text[DECIMAL_TEXT_MAX])
{
    if (decimal_is_null(value))
        return snprintf(text, DECIMAL_TEXT_MAX, "null");
    if (value.mantissa == 0)
        return snprintf(text, DECIMAL_TEXT_MAX, "0");
    bool negative = value.mantissa < 0;
    int exponent = value.exponent;
    uint64_t magnitude = negative ? -(uint64_t) value.mantissa : (uint64_t) value.mantissa;
    magnitude = strip_zeros(magnitude, &exponent);

    char digits[24];
    int count = 0;
    for (; magnitude > 0; magnitude /= 10)
        digits[count++] = (char) ('0' + magnitude % 10); // last digit first
    char *out = text;
    if (negative)
        *out++ = '-';
    int first = count - 1 + exponent; // power of ten of the first digit
    if (first < 0) {
        *out++ = '0';
        *out++ = '.';
        for (int power = -1; power > first; power--)
            *out++ = '0';
    }
    for (int i = count - 1; i >= 0; i--) {
        *out++ = digits[i];
        if (i + exponent == 0 && i > 0)
            *out++ = '.';
    }
    for (int power = exponent; power > 0; power--)
        *out++ = '0';
    *out = '\0';
    return (int) (out - text);
}
