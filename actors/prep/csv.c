/*  csv -- RFC 4180, bounded. Pure. */
#include "actors/prep/csv.h"

#include <stdlib.h>

csv_t *csv_new(void)
{
    return calloc(1, sizeof(csv_t));
}

void csv_destroy(csv_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

static bool s_ends_line(uint8_t byte)
{
    return byte == '\n' || byte == '\r';
}

// Past one line end at `at`: \n, \r\n or \r.
static size_t s_past_line_end(slice_t text, size_t at)
{
    if (at < text.size && text.data[at] == '\r')
        at++;
    else if (at < text.size && text.data[at] == '\n')
        return at + 1;
    return at < text.size && text.data[at] == '\n' ? at + 1 : at;
}

static size_t s_line_end(slice_t text, size_t at)
{
    while (at < text.size && !s_ends_line(text.data[at]))
        at++;
    return at;
}

void csv_open(csv_t *self, slice_t text, csv_dialect_t dialect)
{
    self->text = text;
    self->at = 0;
    self->delimiter = (uint8_t) dialect.delimiter;
    self->comment = dialect.comment;
    self->count = 0;
    self->record = (slice_t){ 0 };
    for (uint32_t i = 0; i < dialect.skip_lines && self->at < text.size; i++)
        self->at = s_past_line_end(text, s_line_end(text, self->at));
}

static bool s_is_blank(const csv_t *self, uint8_t byte)
{
    return (byte == ' ' || byte == '\t') && byte != self->delimiter;
}

static size_t s_past_blanks(const csv_t *self, size_t at)
{
    while (at < self->text.size && s_is_blank(self, self->text.data[at]))
        at++;
    return at;
}

// Is there a comment at `at`, the start of a line, or nothing but blanks?
static bool s_is_idle(const csv_t *self, size_t at)
{
    size_t begin = s_past_blanks(self, at);
    if (begin == self->text.size || s_ends_line(self->text.data[begin]))
        return true;
    size_t size = self->comment.size;
    return size && self->text.size - at >= size &&
           memcmp(self->text.data + at, self->comment.data, size) == 0;
}

// A cell without quotes, up to its delimiter or line end.
static csv_result_t s_plain(csv_t *self, size_t *at, slice_t *cell)
{
    const uint8_t *data = self->text.data;
    size_t size = self->text.size, start = *at, end = start;
    while (end < size && data[end] != self->delimiter && !s_ends_line(data[end])) {
        if (data[end] == '"')
            return CSV_BAD_QUOTE;
        end++;
    }
    *at = end;
    while (end > start && s_is_blank(self, data[end - 1]))
        end--;
    *cell = slice_of(data + start, end - start);
    return CSV_RECORD;
}

// Copy a quoted cell with its "" made one quote. False: no room.
static bool s_undouble(csv_t *self, slice_t raw, slice_t *cell)
{
    uint8_t *out = self->unquoted + self->unquoted_used;
    size_t room = CSV_CELL_BYTES_MAX - self->unquoted_used, size = 0;
    for (size_t i = 0; i < raw.size; i++) {
        if (size == room)
            return false;
        out[size++] = raw.data[i];
        i += raw.data[i] == '"';
    }
    *cell = slice_of(out, size);
    self->unquoted_used += size;
    return true;
}

// A cell in quotes; *at stands on the first one.
static csv_result_t s_quoted(csv_t *self, size_t *at, slice_t *cell)
{
    const uint8_t *data = self->text.data;
    size_t size = self->text.size, start = *at + 1, end = start;
    bool doubled = false;
    for (;; end++) {
        if (end == size || end - start > CSV_CELL_BYTES_MAX)
            return CSV_UNCLOSED;
        if (data[end] != '"')
            continue;
        if (end + 1 == size || data[end + 1] != '"')
            break;
        doubled = true;
        end++;
    }
    *cell = slice_of(data + start, end - start);
    *at = s_past_blanks(self, end + 1);
    if (*at < size && data[*at] != self->delimiter && !s_ends_line(data[*at]))
        return CSV_BAD_QUOTE;
    return !doubled || s_undouble(self, *cell, cell) ? CSV_RECORD : CSV_UNCLOSED;
}

// Pass over the line that begins at `start`.
static csv_result_t s_give_up(csv_t *self, size_t start, csv_result_t why)
{
    size_t end = s_line_end(self->text, start);
    self->record = slice_of(self->text.data + start, end - start);
    self->at = s_past_line_end(self->text, end);
    return why;
}

csv_result_t csv_next(csv_t *self)
{
    const uint8_t *data = self->text.data;
    size_t size = self->text.size, at = self->at;
    while (at < size && s_is_idle(self, at))
        at = s_past_line_end(self->text, s_line_end(self->text, at));
    self->at = at;
    self->count = 0;
    self->unquoted_used = 0;
    if (at == size)
        return CSV_END;
    size_t start = at;
    for (;;) {
        if (self->count == CSV_CELLS_MAX)
            return s_give_up(self, start, CSV_TOO_WIDE);
        slice_t *cell = &self->cells[self->count++];
        at = s_past_blanks(self, at);
        bool quoted = at < size && data[at] == '"';
        csv_result_t result = quoted ? s_quoted(self, &at, cell) : s_plain(self, &at, cell);
        if (result != CSV_RECORD)
            return s_give_up(self, start, result);
        if (at == size || s_ends_line(data[at]))
            break;
        at++; // the delimiter
    }
    self->record = slice_of(data + start, at - start);
    self->at = s_past_line_end(self->text, at);
    return CSV_RECORD;
}
