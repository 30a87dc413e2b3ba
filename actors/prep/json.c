/*  json -- opening and closing; see json_inside.h. Pure. */
#include <stdlib.h>

#include "actors/prep/json_inside.h"

json_t *json_new(void)
{
    json_t *self = calloc(1, sizeof *self);
    if (self)
        self->index = json_index_new();
    if (self && !self->index)
        json_destroy(&self);
    return self;
}

void json_destroy(json_t **self_p)
{
    json_t *self = *self_p;
    if (!self)
        return;
    json_index_destroy(&self->index);
    buffer_destroy(&self->bytes);
    buffer_destroy(&self->escaped);
    buffer_destroy(&self->links);
    free(self);
    *self_p = NULL;
}

bool json_open(json_t *self, slice_t text)
{
    self->text = self->now = (slice_t){ 0 };
    self->count = 0;
    self->padded = text.size && memchr(text.data, '\\', text.size);
    if (self->padded) { // whoever unescapes reads on behind a string
        buffer_clear(&self->bytes);
        uint8_t *copy = buffer_extend(&self->bytes, text.size + JSON_INDEX_PADDING);
        if (!copy)
            return false;
        memcpy(copy, text.data, text.size);
        memset(copy + text.size, 0, JSON_INDEX_PADDING);
        text.data = copy;
    }
    self->text = text;
    return true;
}

slice_t json_opened(const json_t *self)
{
    return self->text;
}

void json_close(json_t *self)
{
    self->text = self->now = (slice_t){ 0 };
    self->count = 0;
    if (self->links.capacity + self->bytes.capacity <= JSON_KEEP_BYTES)
        return;
    buffer_destroy(&self->bytes);
    buffer_destroy(&self->escaped);
    buffer_destroy(&self->links);
    json_index_forget(self->index);
}

slice_t json_row_text(const json_t *self)
{
    return self->row;
}
