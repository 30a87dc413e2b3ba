/*  reader_jq -- the outputs of a source's jq filter become fields. */
#include <inttypes.h>

#include "actors/prep/reader.h"
#include "actors/prep/refusal.h"

// One output, a line of good JSON. False: stop.
static bool s_output(mapping_t *self, size_t from, size_t to)
{
    slice_t text = json_opened(self->outputs);
    slice_t line = slice_of(text.data + from, to - from);
    char quote[REFUSAL_QUOTE_MAX];
    json_fault_t fault;
    size_t end;
    switch (json_read(self->outputs, from, to, &self->definition->row_tree, self->fields, &end,
                      &fault)) {
    case JSON_NO_MEMORY:
        return assembly_no_memory(&self->assembly);
    case JSON_BAD:
        return assembly_refuse_row(&self->assembly, line, "jq: a bad output: %s", fault.what);
    case JSON_GOOD:
        break;
    }
    if (line.data[0] != '{' && line.data[0] != '[')
        return assembly_refuse_row(&self->assembly, line, "jq: an output that is no object: %s",
                                   refusal_quote_text(line, quote));
    return assembly_row(&self->assembly, self->fields, NULL, line);
}

bool reader_filter(mapping_t *self, slice_t document)
{
    fault_t fault = { 0 };
    filter_result_t result = filter_run(self->filter, document, &self->filtered, &fault);
    if (result == FILTER_SPENT) {
        assembly_refuse_record(&self->assembly, document,
                               "jq: %s: the rest of the record is not read, from row %" PRIu32,
                               fault.text, self->assembly.row_next);
        return false;
    }
    if (result == FILTER_BROKEN || !json_open(self->outputs, buffer_slice(&self->filtered)))
        return assembly_no_memory(&self->assembly);
    slice_t text = json_opened(self->outputs);
    for (size_t at = 0; at < text.size;) {
        const uint8_t *feed = memchr(text.data + at, '\n', text.size - at);
        size_t end = feed ? (size_t) (feed - text.data) : text.size;
        if (!s_output(self, at, end))
            return false;
        at = end + 1;
    }
    return result == FILTER_GOOD ||
           assembly_refuse_row(&self->assembly, document, "jq: %s", fault.text);
}
