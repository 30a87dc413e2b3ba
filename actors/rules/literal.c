/*  literal -- see literal.h. */
#include "actors/rules/literal.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "actors/rules/rational.h"

typedef struct {
    char digits[2 * LITERAL_DIGITS_MAX + 1]; // without leading zeros
    int count;                               // of digits
    int exponent;                            // of the last digit
    bool negative, whole;
} scan_t;

static bool is_digit(int byte)
{
    return byte >= '0' && byte <= '9';
}

static slice_t trim(slice_t text)
{
    while (text.size && (*text.data == ' ' || (*text.data >= '\t' && *text.data <= '\r')))
        text = slice_of(text.data + 1, text.size - 1);
    while (text.size && (text.data[text.size - 1] == ' ' ||
                         (text.data[text.size - 1] >= '\t' && text.data[text.size - 1] <= '\r')))
        text.size--;
    return text;
}

slice_t literal_bare(slice_t number)
{
    number = trim(number);
    return number.size && *number.data == '+' ? slice_of(number.data + 1, number.size - 1) : number;
}

// The word or, from `least` bytes on, its beginning.
static bool begins(slice_t text, const char *word, size_t least)
{
    return text.size >= least && text.size <= strlen(word) &&
           strncasecmp((const char *) text.data, word, text.size) == 0;
}

bool literal_endless(slice_t text)
{
    text = trim(text);
    if (begins(text, "nan", 3))
        return true;
    if (text.size && (*text.data == '-' || *text.data == '+'))
        text = slice_of(text.data + 1, text.size - 1);
    return begins(text, "inf", 3) || begins(text, "infinity", strlen("infinity"));
}

bool literal_truth(slice_t text, bool *truth)
{
    static const struct {
        const char *word;
        size_t least;
        bool truth;
    } words[] = { { "true", 1, true }, { "false", 1, false }, { "yes", 1, true },
                  { "no", 1, false },  { "on", 2, true },     { "off", 2, false },
                  { "1", 1, true },    { "0", 1, false } };
    text = trim(text);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        *truth = words[i].truth;
        if (begins(text, words[i].word, words[i].least))
            return true;
    }
    return false;
}

static bool scan_exponent(scan_t *self, slice_t text)
{
    bool negative = text.size && *text.data == '-';
    size_t i = text.size && (*text.data == '-' || *text.data == '+');
    int value = 0;
    if (i == text.size)
        return false;
    for (; i < text.size; i++) {
        if (!is_digit(text.data[i]) || value > 10 * LITERAL_DIGITS_MAX)
            return false;
        value = value * 10 + text.data[i] - '0';
    }
    self->exponent += negative ? -value : value;
    return true;
}

static bool scan(scan_t *self, slice_t text)
{
    *self = (scan_t){ .whole = true };
    text = trim(text);
    size_t i = text.size && (*text.data == '-' || *text.data == '+');
    self->negative = i && *text.data == '-';
    bool any = false, point = false;
    for (; i < text.size && (is_digit(text.data[i]) || (text.data[i] == '.' && !point)); i++) {
        if (text.data[i] == '.') {
            point = true;
            self->whole = false;
            continue;
        }
        any = true;
        self->exponent -= point;
        if (self->count == 0 && text.data[i] == '0')
            continue;
        if (self->count == 2 * LITERAL_DIGITS_MAX)
            return false;
        self->digits[self->count++] = (char) text.data[i];
    }
    if (i < text.size && (text.data[i] == 'e' || text.data[i] == 'E')) {
        self->whole = false;
        if (!scan_exponent(self, slice_of(text.data + i + 1, text.size - i - 1)))
            return false;
        i = text.size;
    }
    return any && i == text.size && self->exponent >= -LITERAL_DIGITS_MAX &&
           self->count + self->exponent <= LITERAL_DIGITS_MAX;
}

// The same number over limbs in the arena, so that nobody has to clear it.
static bool freeze(arena_t *arena, mpz_ptr frozen, mpz_srcptr value)
{
    size_t limbs = mpz_size(value);
    mp_limb_t *kept = arena_take(arena, (limbs ? limbs : 1) * sizeof *kept);
    if (!kept)
        return false;
    memcpy(kept, mpz_limbs_read(value), limbs * sizeof *kept);
    mpz_roinit_n(frozen, kept, mpz_sgn(value) < 0 ? -(mp_size_t) limbs : (mp_size_t) limbs);
    return true;
}

static type_t type_of(const scan_t *self, mpq_srcptr value)
{
    if (!self->whole)
        return TYPE_NUMERIC;
    if (mpz_fits_sint_p(mpq_numref(value)))
        return TYPE_INTEGER;
    return mpz_fits_slong_p(mpq_numref(value)) ? TYPE_BIGINT : TYPE_NUMERIC;
}

static number_t *number_of(arena_t *arena, mpq_srcptr value, slice_t text)
{
    number_t *made = arena_take(arena, sizeof *made);
    if (!made || !freeze(arena, mpq_numref(made->exact), mpq_numref(value)) ||
        !freeze(arena, mpq_denref(made->exact), mpq_denref(value)))
        return NULL;
    made->nearest = rational_nearest(value);
    made->error = rational_is_double(value, made->nearest) ? 0 : fabs(made->nearest) * 0x1p-53;
    text = literal_bare(text);
    if (decimal_parse(&made->decimal, (const char *) text.data, text.size) != DECIMAL_EXACT)
        made->decimal = DECIMAL_NULL;
    return made;
}

const number_t *literal_number(arena_t *arena, slice_t text, type_t *type)
{
    scan_t found;
    if (!scan(&found, text))
        return NULL;
    mpq_t value;
    mpz_t ten;
    mpq_init(value);
    mpz_init(ten);
    mpz_ui_pow_ui(ten, 10, (unsigned long) abs(found.exponent));
    if (found.count)
        mpz_set_str(mpq_numref(value), found.digits, 10);
    if (found.negative)
        mpz_neg(mpq_numref(value), mpq_numref(value));
    if (found.exponent < 0)
        mpz_set(mpq_denref(value), ten);
    else
        mpz_mul(mpq_numref(value), mpq_numref(value), ten);
    mpq_canonicalize(value);
    number_t *made = number_of(arena, value, text);
    if (made) {
        int before = found.count + found.exponent;
        made->before = before > 0 ? before : 0;
        made->after = found.exponent < 0 ? -found.exponent : 0;
    }
    *type = type_of(&found, value);
    mpz_clear(ten);
    mpq_clear(value);
    return made;
}
