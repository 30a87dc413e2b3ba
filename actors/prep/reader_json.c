/*  reader_json -- JSON documents and JSON lines become fields. Pure. */
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
    return definition->format == FORMAT_JSON && definition->column_count > 0;
}

// The rows of the document that was read last.
static document_t s_rows(mapping_t *self)
{
    const definition_t *definition = self->definition;
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

static bool s_is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static slice_t s_trim(slice_t text)
{
    while (text.size && s_is_space(text.data[text.size - 1]))
        text.size--;
    while (text.size && s_is_space(text.data[0]))
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
        if (s_rows(self) == DOCUMENT_WITHOUT_ROWS)
            s_refuse_rowless(self, s_trim(text));
        break;
    }
}

// Some recorders write the time of receipt in front of each document; such a scalar is no row.
static bool s_is_prefix(slice_t text, size_t from, size_t end, size_t to)
{
    return end < to && text.data[from] != '{' && text.data[from] != '[';
}

// One line: usually one document, but nothing forbids several. False: stop.
static bool s_line(mapping_t *self, slice_t text, size_t from, size_t to)
{
    while (from < to) {
        size_t end = to;
        json_fault_t fault;
        slice_t line = slice_of(text.data + from, to - from);
        switch (s_read(self, from, to, &end, &fault)) {
        case JSON_NO_MEMORY:
            return assembly_no_memory(&self->assembly);
        case JSON_BAD:
            return assembly_refuse_row(&self->assembly, line,
                                       "bad JSON at byte %zu of the line: %s", fault.at - from,
                                       fault.what);
        case JSON_GOOD:
            break;
        }
        document_t document = s_is_prefix(text, from, end, to) ? DOCUMENT_GOOD : s_rows(self);
        if (document == DOCUMENT_STOP)
            return false;
        if (document == DOCUMENT_WITHOUT_ROWS &&
            !assembly_refuse_row(&self->assembly, line, "no row in this line"))
            return false;
        from = end;
    }
    return true;
}

void reader_jsonl(mapping_t *self, slice_t payload)
{
    if (!json_open(self->json, reader_unmarked(payload))) {
        assembly_no_memory(&self->assembly);
        return;
    }
    slice_t text = json_opened(self->json), trimmed = s_trim(text);
    if (trimmed.size == 0 || trimmed.data[0] == '<') {
        s_refuse_record(self, text, NULL);
        return;
    }
    bool go_on = true;
    for (size_t at = 0; at < text.size && go_on;) {
        const uint8_t *feed = memchr(text.data + at, '\n', text.size - at);
        size_t next = feed ? (size_t) (feed - text.data) + 1 : text.size;
        slice_t line = s_trim(slice_of(text.data + at, next - at));
        size_t from = (size_t) (line.data - text.data);
        go_on = line.size == 0 || s_line(self, text, from, from + line.size);
        at = next;
    }
}
