/*  frame -- see frame.h. */
#include "actors/api/frame.h"

#include <stdlib.h>

#include "proto/buffer.h"
#include "proto/owned.h"

static frame_t *s_of(slice_t bytes)
{
    frame_t *self = malloc(sizeof *self + bytes.size);
    if (!self)
        return NULL;
    self->holders = 1;
    self->size = bytes.size;
    if (bytes.size > 0)
        memcpy(self->bytes, bytes.data, bytes.size);
    return self;
}

static void s_line(buffer_t *out, const char *name, slice_t text)
{
    buffer_text(out, name);
    buffer_text(out, ": ");
    size_t begin = out->size;
    buffer_append(out, text.data, text.size);
    for (size_t i = begin; i < out->size; i++)
        if (out->data[i] == '\n' || out->data[i] == '\r' || out->data[i] == '\0')
            out->data[i] = ' ';
    buffer_text(out, "\n");
}

frame_t *frame_new(const char *event, const char *id, slice_t data)
{
    owned(buffer_destroy) buffer_t text = { .limit = FRAME_BYTES_MAX };
    if (id)
        s_line(&text, "id", slice_text(id));
    s_line(&text, "event", slice_text(event));
    s_line(&text, "data", data);
    buffer_text(&text, "\n");
    return text.failed ? NULL : s_of(buffer_slice(&text));
}

frame_t *frame_plain(const char *text)
{
    return s_of(slice_text(text));
}

frame_t *frame_hold(frame_t *self)
{
    self->holders++;
    return self;
}

void frame_drop(frame_t **self_p)
{
    if (*self_p && --(*self_p)->holders == 0)
        free(*self_p);
    *self_p = NULL;
}
