/*  skeleton -- see skeleton.h. */
#include "actors/rules/skeleton.h"

#include <string.h>

enum { INTEGER_DIGITS_MAX = 9 };

typedef struct {
    skeleton_t *to;
    slice_t text;
    size_t at;
} reader_t;

// NUL behind the end: it is of no class.
static uint8_t peek(const reader_t *self, size_t ahead)
{
    return self->at + ahead < self->text.size ? self->text.data[self->at + ahead] : 0;
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_letter(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
}

static void put(reader_t *self, uint8_t byte)
{
    skeleton_t *to = self->to;
    to->place[to->size] = (uint16_t) self->at;
    to->key[to->size++] = byte;
}

static bool put_constant(reader_t *self, skeleton_kind_t kind, slice_t text)
{
    skeleton_t *to = self->to;
    if (to->constant_count == SKELETON_CONSTANTS_MAX)
        return false;
    to->constants[to->constant_count++] =
        (skeleton_constant_t){ .at = (uint16_t) to->size, .kind = kind, .text = text };
    put(self, (uint8_t) kind);
    return true;
}

// A quote right behind it makes it a prefix of that string.
static bool read_word(reader_t *self)
{
    while (is_letter(peek(self, 0)) || is_digit(peek(self, 0))) {
        put(self, peek(self, 0));
        self->at++;
    }
    return peek(self, 0) != '\'';
}

static size_t digits(const reader_t *self, size_t from)
{
    size_t count = 0;
    while (is_digit(peek(self, from + count)))
        count++;
    return count;
}

static bool read_number(reader_t *self)
{
    size_t whole = digits(self, 0), size = whole;
    bool fraction = peek(self, whole) == '.';
    if (fraction) {
        size_t behind = digits(self, whole + 1);
        size = whole + 1 + behind;
        if (behind == 0)
            return false;
    } else if (whole > INTEGER_DIGITS_MAX || (whole > 1 && peek(self, 0) == '0')) {
        return false;
    }
    if (is_letter(peek(self, size)) || peek(self, size) == '.')
        return false;
    slice_t text = slice_of(self->text.data + self->at, size);
    bool good = put_constant(self, fraction ? SKELETON_FRACTION : SKELETON_INTEGER, text);
    self->at += size;
    return good;
}

static bool read_string(reader_t *self)
{
    const uint8_t *from = self->text.data + self->at + 1;
    const uint8_t *end = memchr(from, '\'', self->text.size - self->at - 1);
    if (!end)
        return false;
    slice_t text = slice_of(from, (size_t) (end - from));
    bool good = put_constant(self, SKELETON_STRING, text);
    self->at += text.size + 2;
    return good && peek(self, 0) != '\'';
}

static bool read_token(reader_t *self)
{
    uint8_t byte = peek(self, 0), next = peek(self, 1);
    if (is_letter(byte))
        return read_word(self);
    if (is_digit(byte))
        return read_number(self);
    if (byte == '\'')
        return read_string(self);
    if ((byte == '.' && is_digit(next)) || (byte == '-' && next == '-') ||
        (byte == '/' && next == '*') || (byte == '&' && next == '\''))
        return false;
    put(self, byte);
    self->at++;
    return true;
}

// Only what is written with these is understood here.
static bool is_plain(slice_t text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < ' ' || text.data[i] > '~' || strchr("\"$\\;", text.data[i]))
            return false;
    return true;
}

bool skeleton_read(skeleton_t *self, slice_t text)
{
    if (text.size > RULE_TEXT_MAX || !is_plain(text))
        return false;
    self->size = self->constant_count = 0;
    reader_t reader = { .to = self, .text = text };
    while (reader.at < text.size)
        if (!read_token(&reader))
            return false;
    return true;
}

int skeleton_find(const skeleton_t *self, int place)
{
    size_t low = 0, high = self->size;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->place[middle] == place)
            return (int) middle;
        if (self->place[middle] < place)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

const skeleton_constant_t *skeleton_constant(const skeleton_t *self, int at)
{
    for (size_t i = 0; i < self->constant_count; i++)
        if (self->constants[i].at >= at)
            return &self->constants[i];
    return NULL;
}
