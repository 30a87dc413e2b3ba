/*  table -- see table.h. */
#include "actors/cli/table.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

enum { GAP = 2 };

void table_cell(table_t *self, const char *text)
{
    if (!text || !*text)
        text = "-";
    buffer_append(&self->texts, text, strlen(text) + 1);
    self->cells++;
}

static bool is_number(const char *text)
{
    return *text >= '0' && *text <= '9';
}

static void put_spaces(buffer_t *out, size_t count)
{
    while (count-- > 0)
        buffer_text(out, " ");
}

void table_print(table_t *self, buffer_t *out)
{
    assert(self->columns > 0 && self->columns <= TABLE_COLUMNS_MAX);
    assert(self->cells % self->columns == 0);
    size_t width[TABLE_COLUMNS_MAX] = { 0 };
    bool right[TABLE_COLUMNS_MAX] = { false }; // the title follows what stands below it
    out->failed |= self->texts.failed;
    size_t cells = self->texts.failed ? 0 : self->cells;
    const char *text = (const char *) self->texts.data;
    for (size_t i = 0; i < cells; i++, text += strlen(text) + 1) {
        size_t size = strlen(text), column = i % self->columns;
        width[column] = size > width[column] ? size : width[column];
        right[column] |= i >= self->columns && is_number(text);
    }
    text = (const char *) self->texts.data;
    for (size_t i = 0; i < cells; i++, text += strlen(text) + 1) {
        size_t column = i % self->columns;
        bool last = column + 1 == self->columns;
        size_t space = width[column] - strlen(text);
        bool at_right = right[column] && (i < self->columns || is_number(text));
        put_spaces(out, at_right ? space : 0);
        buffer_text(out, text);
        if (last)
            buffer_text(out, "\n");
        else
            put_spaces(out, (at_right ? 0 : space) + GAP);
    }
    buffer_clear(&self->texts);
    self->cells = 0;
}

void table_destroy(table_t *self)
{
    buffer_destroy(&self->texts);
    self->cells = 0;
}
