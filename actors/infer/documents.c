/*  documents -- see documents.h. */
#include "actors/infer/documents.h"

#include <string.h>

static bool s_is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

// Read one document with nothing asked of it.
static json_result_t s_read(documents_t *self, size_t from, size_t to, size_t *end,
                            json_fault_t *fault)
{
    pointer_tree_t nothing;
    field_t fields[1];
    pointer_tree_begin(&nothing);
    return json_read(self->json, from, to, &nothing, fields, end, fault);
}

// The document of a line; scalars before it, as recorders write the time of receipt, are passed
// over. False: there is none.
static bool s_line(documents_t *self, slice_t text, size_t from, size_t to)
{
    json_fault_t fault;
    for (size_t end = from; from < to; from = end) {
        while (from < to && s_is_space(text.data[from]))
            from++;
        if (from == to || s_read(self, from, to, &end, &fault) != JSON_GOOD)
            return false;
        if (text.data[from] != '{' && text.data[from] != '[')
            continue;
        if (end < to)
            return false;
        self->spans[self->count++] = (documents_span_t){ from, to };
        return true;
    }
    return false;
}

// Lines, if most are documents.
static bool s_lines(documents_t *self, slice_t text)
{
    size_t bad = 0;
    for (size_t at = 0; at < text.size && self->count < DOCUMENTS_MAX;) {
        const uint8_t *feed = memchr(text.data + at, '\n', text.size - at);
        size_t to = feed ? (size_t) (feed - text.data) : text.size;
        size_t first = at;
        while (first < to && s_is_space(text.data[first]))
            first++;
        bad += first < to && !s_line(self, text, first, to);
        if (bad > self->count + 8)
            return false;
        at = to + 1;
    }
    self->lines = true;
    return self->count > bad;
}

documents_result_t documents_open(documents_t *self, slice_t text, json_fault_t *fault)
{
    size_t end = 0;
    *self = (documents_t){ .json = json_new() };
    if (!self->json || !json_open(self->json, text))
        return DOCUMENTS_NO_MEMORY;
    slice_t opened = json_opened(self->json);
    switch (s_read(self, 0, opened.size, &end, fault)) {
    case JSON_NO_MEMORY:
        return DOCUMENTS_NO_MEMORY;
    case JSON_GOOD:
        if (end == opened.size) {
            self->spans[self->count++] = (documents_span_t){ 0, opened.size };
            return DOCUMENTS_GOOD;
        }
        *fault = (json_fault_t){ end, "more text after the document" };
        break;
    case JSON_BAD:
        break;
    }
    return s_lines(self, opened) ? DOCUMENTS_GOOD : DOCUMENTS_NONE;
}

void documents_destroy(documents_t *self)
{
    json_destroy(&self->json);
}

bool documents_visit(documents_t *self, const pointer_t *rows, const pointer_tree_t *tree,
                     field_t *fields, json_visit_t *visit, void *context)
{
    for (size_t i = 0; i < self->count; i++) {
        documents_span_t span = self->spans[i];
        size_t end;
        json_fault_t fault;
        self->read_bytes += 2 * (span.to - span.from);
        if (self->read_bytes > DOCUMENTS_BUDGET_BYTES)
            return false;
        if (s_read(self, span.from, span.to, &end, &fault) != JSON_GOOD)
            return false; // it was good before: no memory
        if (json_rows(self->json, rows, tree, fields, visit, context).stopped)
            return true;
    }
    return true;
}
