/*  strict -- see strict.h. Without recursion: what is open stands on a stack of its own. */
#include "actors/api/strict.h"

#include "proto/utf8.h"

typedef struct {
    const uint8_t *at, *end;
} text_t;

static bool s_take(text_t *self, uint8_t wanted)
{
    bool there = self->at < self->end && *self->at == wanted;
    self->at += there;
    return there;
}

static void s_skip_blanks(text_t *self)
{
    while (self->at < self->end &&
           (*self->at == ' ' || *self->at == '\t' || *self->at == '\n' || *self->at == '\r'))
        self->at++;
}

// How many there are.
static size_t s_digits(text_t *self)
{
    const uint8_t *begin = self->at;
    while (self->at < self->end && *self->at >= '0' && *self->at <= '9')
        self->at++;
    return (size_t) (self->at - begin);
}

static bool s_number(text_t *self)
{
    (void) s_take(self, '-');
    const uint8_t *whole = self->at;
    size_t size = s_digits(self);
    if (size == 0 || (*whole == '0' && size > 1))
        return false;
    if (s_take(self, '.') && s_digits(self) == 0)
        return false;
    if (!s_take(self, 'e') && !s_take(self, 'E'))
        return true;
    if (!s_take(self, '+'))
        (void) s_take(self, '-');
    return s_digits(self) > 0;
}

static bool s_escape(text_t *self)
{
    if (self->at == self->end)
        return false;
    uint8_t kind = *self->at++;
    if (kind != 'u')
        return kind != '\0' && strchr("\"\\/bfnrt", kind);
    for (int i = 0; i < 4; i++) {
        uint8_t c = self->at < self->end ? *self->at++ : 0;
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (!hex)
            return false;
    }
    return true;
}

static bool s_string(text_t *self)
{
    if (!s_take(self, '"'))
        return false;
    while (self->at < self->end) {
        unsigned size = utf8_character(slice_of(self->at, (size_t) (self->end - self->at)));
        uint8_t c = *self->at;
        if (size == 0 || c < 0x20)
            return false;
        self->at += size;
        if (c == '"')
            return true;
        if (c == '\\' && !s_escape(self))
            return false;
    }
    return false;
}

static bool s_word(text_t *self, const char *word)
{
    size_t size = strlen(word);
    if ((size_t) (self->end - self->at) < size || memcmp(self->at, word, size) != 0)
        return false;
    self->at += size;
    return true;
}

static bool s_scalar(text_t *self)
{
    if (self->at == self->end)
        return false;
    switch (*self->at) {
    case '"':
        return s_string(self);
    case 't':
        return s_word(self, "true");
    case 'f':
        return s_word(self, "false");
    case 'n':
        return s_word(self, "null");
    default:
        return s_number(self);
    }
}

// A name and its colon, where an object is open.
static bool s_name(text_t *self)
{
    s_skip_blanks(self);
    if (!s_string(self))
        return false;
    s_skip_blanks(self);
    return s_take(self, ':');
}

bool strict_number(slice_t text)
{
    text_t self = { text.data, text.data + text.size };
    return s_number(&self) && self.at == self.end;
}

bool strict_object(slice_t text)
{
    bool objects[STRICT_DEPTH_MAX]; // that are open, or arrays
    int depth = 0;
    text_t self = { text.data, text.data + text.size };
    if (text.size < 2 || text.size > STRICT_BYTES_MAX || *text.data != '{')
        return false;
    for (;;) { // a value begins here
        bool object = s_take(&self, '{');
        if (object || s_take(&self, '[')) {
            if (depth == STRICT_DEPTH_MAX)
                return false;
            objects[depth++] = object;
            s_skip_blanks(&self);
            bool empty = s_take(&self, object ? '}' : ']');
            depth -= empty;
            if (!empty && object && !s_name(&self))
                return false;
            if (!empty) {
                s_skip_blanks(&self);
                continue;
            }
        } else if (!s_scalar(&self)) {
            return false;
        }
        while (depth > 0) { // it is over; so may be what it is in
            s_skip_blanks(&self);
            if (s_take(&self, ','))
                break;
            if (!s_take(&self, objects[depth - 1] ? '}' : ']'))
                return false;
            depth--;
        }
        if (depth == 0)
            return self.at == self.end;
        if (objects[depth - 1] && !s_name(&self))
            return false;
        s_skip_blanks(&self);
    }
}
