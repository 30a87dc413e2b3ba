/*  reader_json -- JSON documents and JSON lines become fields. Pure. */
#include "actors/prep/json_token.h"
#include "actors/prep/reader.h"
#include "actors/prep/refusal.h"

// False from a visit stops the walk.
static bool s_visit(void *context, const json_match_t *matches)
{
    mapping_t *self = context;
    return assembly_row(&self->assembly, self->fields, matches, json_row_text(self->json));
}

typedef enum { DOCUMENT_GOOD, DOCUMENT_WITHOUT_ROWS, DOCUMENT_STOP } document_t;

// Is the document, which is to be the row, some other message altogether?
static bool s_is_stranger(const mapping_t *self)
{
    const definition_t *definition = self->definition;
    for (unsigned i = 0; i < definition->column_count; i++)
        if (self->fields[definition->columns[i].place].kind != FIELD_MISSING)
            return false;
    return definition->format != FORMAT_JSONL && definition->column_count > 0;
}

// The rows of the document that was read last.
static document_t s_rows(mapping_t *self, slice_t document)
{
    const definition_t *definition = self->definition;
    if (self->filter)
        return reader_filter(self, document) ? DOCUMENT_GOOD : DOCUMENT_STOP;
    if (!assembly_wants(&self->assembly, self->fields, true))
        return DOCUMENT_GOOD;
    if (definition->rows->count == 0) {
        if (s_is_stranger(self))
            return DOCUMENT_WITHOUT_ROWS;
        return s_visit(self, NULL) ? DOCUMENT_GOOD : DOCUMENT_STOP;
    }
    json_rows_t rows =
        json_rows(self->json, definition->rows, &definition->row_tree, self->fields, s_visit, self);
    if (rows.stopped)
        return DOCUMENT_STOP;
    return rows.reached ? DOCUMENT_GOOD : DOCUMENT_WITHOUT_ROWS;
}

// Read the document at `from`, all of it before any row of it counts.
static json_result_t s_read(mapping_t *self, size_t from, size_t to, size_t *end,
                            json_fault_t *fault)
{
    const definition_t *definition = self->definition;
    const pointer_tree_t *tree =
        definition->rows->count ? &definition->document_tree : &definition->row_tree;
    return json_read(self->json, from, to, tree, self->fields, end, fault);
}

static slice_t s_trim(slice_t text)
{
    while (text.size && json_is_space(text.data[text.size - 1]))
        text.size--;
    while (text.size && json_is_space(text.data[0]))
        text = slice_of(text.data + 1, text.size - 1);
    return text;
}

// Not even the first character could begin JSON: an error page, not damage.
static bool s_is_foreign(slice_t text)
{
    return text.size && !memchr("{[\"-0123456789tfn", text.data[0], 17);
}

static void s_refuse_record(mapping_t *self, slice_t text, const json_fault_t *fault)
{
    char quote[REFUSAL_QUOTE_MAX];
    slice_t trimmed = s_trim(text);
    if (trimmed.size == 0)
        assembly_refuse_record(&self->assembly, text, "empty");
    else if (s_is_foreign(trimmed))
        assembly_refuse_record(&self->assembly, trimmed, "not JSON: starts with %s",
                               refusal_quote_text(trimmed, quote));
    else
        assembly_refuse_record(&self->assembly, trimmed, "bad JSON at byte %zu: %s", fault->at,
                               fault->what);
}

static void s_refuse_rowless(mapping_t *self, slice_t text)
{
    const definition_t *definition = self->definition;
    slice_t rows = definition->rows_text;
    if (definition->rows->count)
        assembly_refuse_record(&self->assembly, text, "no row at %.*s",
                               (int) (rows.size < 100 ? rows.size : 100), (const char *) rows.data);
    else
        assembly_refuse_record(&self->assembly, text, "no row: none of the columns is there");
}

void reader_json(mapping_t *self, slice_t payload)
{
    size_t end = 0;
    json_fault_t fault;
    json_result_t result = JSON_NO_MEMORY;
    if (json_open(self->json, reader_unmarked(payload)))
        result = s_read(self, 0, json_opened(self->json).size, &end, &fault);
    slice_t text = json_opened(self->json);
    if (result == JSON_GOOD && end < text.size) {
        result = JSON_BAD;
        fault = (json_fault_t){ end, "more text after the document" };
    }
    switch (result) {
    case JSON_NO_MEMORY:
        assembly_no_memory(&self->assembly);
        break;
    case JSON_BAD:
        s_refuse_record(self, text, &fault);
        break;
    case JSON_GOOD:
        if (s_rows(self, s_trim(text)) == DOCUMENT_WITHOUT_ROWS)
            s_refuse_rowless(self, s_trim(text));
        break;
    }
}

// Some recorders write the time of receipt in front of each document; such a scalar is no row.
static bool s_is_prefix(slice_t text, size_t from, size_t end, size_t to)
{
    return end < to && text.data[from] != '{' && text.data[from] != '[';
}

typedef struct {
    size_t from, to;  // what is to be read
    bool closed;      // documents after the first end where their brackets close
    const char *what; // for messages
} stretch_t;

static bool s_refuse_document(mapping_t *self, const stretch_t *stretch, size_t from, size_t to,
                              const json_fault_t *fault)
{
    slice_t text = json_opened(self->json);
    return assembly_refuse_row(&self->assembly, slice_of(text.data + from, to - from),
                               "bad JSON at byte %zu of the %s: %s", fault->at - from,
                               stretch->what, fault->what);
}

// One document after the other; a line usually has one. False: stop.
static bool s_documents(mapping_t *self, stretch_t stretch)
{
    slice_t text = json_opened(self->json);
    bool first = true;
    for (size_t from = stretch.from; from < stretch.to; first = false) {
        // Each is looked at up to its own end: to the end of all would be their number squared.
        size_t to = stretch.to, end = to;
        if (stretch.closed || !first)
            to = from + json_document_end(slice_of(text.data + from, stretch.to - from));
        json_fault_t fault;
        switch (s_read(self, from, to, &end, &fault)) {
        case JSON_NO_MEMORY:
            return assembly_no_memory(&self->assembly);
        case JSON_BAD:
            if (!s_refuse_document(self, &stretch, from, to, &fault))
                return false;
            if (!stretch.closed)
                return true; // nobody knows what the rest of a line is
            from = to;
            continue;
        case JSON_GOOD:
            break;
        }
        slice_t found = slice_of(text.data + from, end - from);
        document_t document = !stretch.closed && s_is_prefix(text, from, end, stretch.to)
                                  ? DOCUMENT_GOOD
                                  : s_rows(self, found);
        if (document == DOCUMENT_STOP)
            return false;
        if (document == DOCUMENT_WITHOUT_ROWS &&
            !assembly_refuse_row(&self->assembly, found, "no row in this %s", stretch.what))
            return false;
        from = end;
    }
    return true;
}

// Texts that cannot even begin: refused as records. False: so it was.
static bool s_open_documents(mapping_t *self, slice_t payload)
{
    if (!json_open(self->json, reader_unmarked(payload)))
        return assembly_no_memory(&self->assembly);
    slice_t text = json_opened(self->json), trimmed = s_trim(text);
    if (trimmed.size && trimmed.data[0] != '<')
        return true;
    s_refuse_record(self, text, NULL);
    return false;
}

void reader_jsonl(mapping_t *self, slice_t payload)
{
    if (!s_open_documents(self, payload))
        return;
    slice_t text = json_opened(self->json);
    bool go_on = true;
    for (size_t at = 0; at < text.size && go_on;) {
        const uint8_t *feed = memchr(text.data + at, '\n', text.size - at);
        size_t next = feed ? (size_t) (feed - text.data) + 1 : text.size;
        slice_t line = s_trim(slice_of(text.data + at, next - at));
        size_t from = (size_t) (line.data - text.data);
        go_on = s_documents(self, (stretch_t){ from, from + line.size, false, "line" });
        at = next;
    }
}

void reader_concatenated(mapping_t *self, slice_t payload)
{
    if (!s_open_documents(self, payload))
        return;
    slice_t text = s_trim(json_opened(self->json));
    size_t from = (size_t) (text.data - json_opened(self->json).data);
    s_documents(self, (stretch_t){ from, from + text.size, true, "document" });
}
