/*  series_text -- see series_text.h. */
#include "actors/cli/series_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\n"

typedef struct {
    const char *text;
    const char *item; // being read
    size_t size;      // of it, bytes
    size_t most;
    arena_t *arena;
    series_values_t *out;
    fault_t *fault;
} reading_t;

static bool s_refuse(const reading_t *self, const char *why)
{
    enum { ITEM_SHOWN = 60 };
    int line = 1;
    const char *begin = self->text;
    for (const char *c = self->text; c < self->item; c++) {
        if (*c == '\n') {
            line++;
            begin = c + 1;
        }
    }
    size_t shown = self->size < ITEM_SHOWN ? self->size : ITEM_SHOWN;
    return fault_set_at(self->fault, line, (int) (self->item - begin) + 1, "'%.*s': %s",
                        (int) shown, self->item, why);
}

static bool s_put(reading_t *self, decimal_t value)
{
    series_values_t *out = self->out;
    if (out->count == self->most)
        return s_refuse(self, "more values than a file may have (1,048,576)");
    decimal_t *values =
        (decimal_t *) arena_grow(self->arena, out->values, out->count, sizeof *values);
    if (!values)
        return s_refuse(self, "out of memory");
    values[out->count++] = value;
    out->values = values;
    return true;
}

static bool s_number(const reading_t *self, const char *text, size_t size, decimal_t *value)
{
    switch (decimal_parse(value, text, size)) {
    case DECIMAL_EXACT:
        return true;
    case DECIMAL_ROUNDED:
        return s_refuse(self, "more than 18 digits");
    case DECIMAL_OUT_OF_RANGE:
        return s_refuse(self, "a number out of range");
    case DECIMAL_NOT_A_NUMBER:
        break;
    }
    return s_refuse(self, "expected a value like 7, 7x60, 7+0.5x60, 7-0.5x60 or _");
}

// base + times * step, in the normal form of what a feed would have said.
static bool s_advance(const reading_t *self, decimal_t base, decimal_t step, size_t times,
                      decimal_t *value)
{
    if (step.mantissa == 0 || times == 0)
        return *value = base, true;
    bool lower = base.mantissa != 0 && base.exponent < step.exponent; // any exponent does for 0
    int least = lower ? base.exponent : step.exponent;
    int64_t from, by;
    if (!decimal_rescale(base, least, &from) || !decimal_rescale(step, least, &by))
        return s_refuse(self, "value and step are too far apart for 18 digits");
    __int128 sum = (__int128) from + (__int128) by * (__int128) times;
    if (sum > INT64_MAX || sum < INT64_MIN)
        return s_refuse(self, "more than 18 digits on the way");
    char text[DECIMAL_TEXT_MAX];
    int size = snprintf(text, sizeof text, "%" PRId64 "e%d", (int64_t) sum, least);
    return s_number(self, text, (size_t) size, value);
}

// Where the step of `head` begins: its sign, behind the first digit and not of an exponent. Or the
// size, if there is none.
static size_t s_step(const char *head, size_t size)
{
    for (size_t i = 1; i < size; i++) {
        if ((head[i] == '+' || head[i] == '-') && head[i - 1] != 'e' && head[i - 1] != 'E')
            return i;
    }
    return size;
}

static bool s_values(reading_t *self, size_t head, size_t more, bool counted)
{
    size_t sign = s_step(self->item, head);
    decimal_t base, value, step = { 0 };
    if (sign < head && !counted)
        return s_refuse(self, "a step needs a number of times, as in 7+1x60");
    if (!s_number(self, self->item, sign, &base))
        return false;
    size_t begin = sign < head && self->item[sign] == '+' ? sign + 1 : sign;
    if (sign < head && !s_number(self, self->item + begin, head - begin, &step))
        return false;
    for (size_t i = 0; i <= more; i++) {
        if (!s_advance(self, base, step, i, &value) || !s_put(self, value))
            return false;
    }
    return true;
}

static bool s_item(reading_t *self)
{
    enum { DIGITS_MAX = 7 }; // of a number of times
    const char *x = memchr(self->item, 'x', self->size);
    size_t head = x ? (size_t) (x - self->item) : self->size;
    size_t times = 0;
    if (x) {
        size_t digits = self->size - head - 1;
        if (digits == 0 || digits > DIGITS_MAX || strspn(x + 1, "0123456789") < digits)
            return s_refuse(self, "expected a number of times after x");
        times = strtoul(x + 1, NULL, 10);
    }
    if (head != 1 || *self->item != '_')
        return s_values(self, head, times, x != NULL);
    for (size_t i = 0; i < (x ? times : 1); i++) {
        if (!s_put(self, DECIMAL_NULL))
            return false;
    }
    return true;
}

bool series_text(const char *text, size_t most, arena_t *arena, series_values_t *out,
                 fault_t *fault)
{
    *out = (series_values_t){ 0 };
    reading_t self = { .text = text, .most = most, .arena = arena, .out = out, .fault = fault };
    self.item = text + strspn(text, BLANKS);
    while (*self.item) {
        self.size = strcspn(self.item, BLANKS);
        if (!s_item(&self))
            return false;
        self.item += self.size;
        self.item += strspn(self.item, BLANKS);
    }
    return true;
}
