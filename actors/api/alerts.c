/*  alerts -- see alerts.h. */
#include "actors/api/alerts.h"

#include "actors/api/document.h"
#include "actors/api/strict.h"

void alerts_clear(alerts_t *self)
{
    buffer_clear(&self->text);
    self->count = 0;
}

void alerts_destroy(alerts_t *self)
{
    buffer_destroy(&self->text);
    self->count = 0;
}

bool alerts_add(alerts_t *self, slice_t body)
{
    if (self->count == ALERTS_MAX || !strict_object(body))
        return false;
    buffer_append(&self->text, body.data, body.size);
    self->ends[self->count++] = self->text.size;
    return true;
}

void alerts_document(const alerts_t *self, size_t most, buffer_t *out, size_t *marks)
{
    size_t last = self->count > most ? self->count - most : 0;
    document_begin(out, "alerts");
    if (marks)
        *marks++ = out->size;
    for (size_t i = self->count; i-- > last;) {
        size_t begin = i > 0 ? self->ends[i - 1] : 0;
        document_next(out);
        buffer_append(out, self->text.data + begin, self->ends[i] - begin);
        if (marks)
            *marks++ = out->size;
    }
    document_end(out);
    out->failed = out->failed || self->text.failed;
}
