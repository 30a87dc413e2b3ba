/*  mapping -- one record of a source becomes rows. Pure. */
#include "actors/prep/mapping.h"

#include <stdlib.h>

#include "actors/prep/inflate.h"
#include "actors/prep/reader.h"
#include "actors/prep/refusal.h"
#include "proto/owned.h"

enum { INFLATED_KEEP_BYTES = 64 << 10 }; // larger memory is given back after its record

mapping_t *mapping_new(slice_t definition, fault_t *fault)
{
    owned(mapping_destroy) mapping_t *self = calloc(1, sizeof *self);
    if (!self) {
        fault_set(fault, "no memory");
        return NULL;
    }
    self->inflated.limit = MAPPING_INFLATE_MAX + 1;
    self->definition = definition_new(definition, fault);
    if (!self->definition)
        return NULL;
    if (self->definition->jq.size) {
        self->filter = filter_new(self->definition->jq, fault);
        if (!self->filter)
            return NULL;
        self->outputs = json_new();
    }
    bool csv = self->definition->format == FORMAT_CSV;
    if (csv)
        self->csv = csv_new();
    else
        self->json = json_new();
    if (!assembly_init(&self->assembly, self->definition) || (!self->csv && !self->json) ||
        (self->filter && !self->outputs)) {
        fault_set(fault, "no memory");
        return NULL;
    }
    mapping_t *given = self;
    self = NULL;
    return given;
}

void mapping_destroy(mapping_t **self_p)
{
    mapping_t *self = *self_p;
    if (!self)
        return;
    assembly_release(&self->assembly);
    definition_destroy(&self->definition);
    json_destroy(&self->json);
    json_destroy(&self->outputs);
    filter_destroy(&self->filter);
    buffer_destroy(&self->filtered);
    csv_destroy(&self->csv);
    buffer_destroy(&self->inflated);
    free(self);
    *self_p = NULL;
}

quarantine_t mapping_torn(slice_t payload)
{
    return (quarantine_t){ .row = UINT32_MAX,
                           .reason = "torn: the end of the answer never came",
                           .snippet = refusal_cut(payload, MAPPING_SNIPPET_MAX) };
}

const char *mapping_table(const mapping_t *self)
{
    return self->definition->table;
}

size_t mapping_columns(const mapping_t *self, const char *const **names)
{
    *names = self->definition->column_names;
    return self->definition->column_count;
}

static void s_read_text(mapping_t *self, slice_t text)
{
    switch (self->definition->format) {
    case FORMAT_JSON:
        reader_json(self, text);
        break;
    case FORMAT_JSONL:
        reader_jsonl(self, text);
        break;
    case FORMAT_CSV:
        reader_csv(self, text);
        break;
    case FORMAT_CONCATENATED:
        reader_concatenated(self, text);
        break;
    }
}

static void s_read_gzip(mapping_t *self, slice_t payload)
{
    const slice_t nothing = { 0 };
    buffer_clear(&self->inflated);
    switch (inflate_gzip(payload, MAPPING_INFLATE_MAX, &self->inflated)) {
    case INFLATE_NO_MEMORY:
        assembly_no_memory(&self->assembly);
        break;
    case INFLATE_DAMAGED:
        assembly_refuse_record(&self->assembly, nothing, "damaged gzip");
        break;
    case INFLATE_TOO_LARGE:
        assembly_refuse_record(&self->assembly, nothing,
                               "gzip of more than %d times its size or %d MB", INFLATE_RATIO_MAX,
                               MAPPING_INFLATE_MAX >> 20);
        break;
    case INFLATE_GOOD:
        s_read_text(self, buffer_slice(&self->inflated));
        break;
    }
}

static void s_read_payload(mapping_t *self, slice_t payload)
{
    if (inflate_is_gzip(payload))
        s_read_gzip(self, payload);
    else
        s_read_text(self, payload);
}

static void s_read_push(mapping_t *self, slice_t frame)
{
    fault_t fault;
    if (!push_decode(&self->push, frame, &fault))
        assembly_refuse_record(&self->assembly, (slice_t){ 0 }, "bad frame: %s", fault.text);
    else if (self->push.is_raw)
        s_read_payload(self, self->push.raw);
    else
        reader_columns(self, &self->push);
}

static void s_give_back(mapping_t *self)
{
    if (self->json)
        json_close(self->json);
    if (self->outputs)
        json_close(self->outputs);
    if (self->filtered.capacity > INFLATED_KEEP_BYTES)
        buffer_destroy(&self->filtered);
    if (self->inflated.capacity > INFLATED_KEEP_BYTES)
        buffer_destroy(&self->inflated);
}

bool mapping_apply(mapping_t *self, const rows_head_t *head, slice_t payload, rows_t *rows,
                   mapping_refuse_t *refuse, void *context, mapping_count_t *count)
{
    const definition_t *definition = self->definition;
    self->head = *head;
    self->head.table = slice_text(definition->table);
    self->head.column_count = definition->column_count;
    self->head.columns = definition->column_names;
    self->head.ordinal = definition->identity_none;
    *count = (mapping_count_t){ 0 };
    assembly_begin(&self->assembly, &self->head, rows, refuse, context, count);
    if (self->filter)
        filter_renew(self->filter);
    if (definition->kind == SOURCE_PUSH)
        s_read_push(self, payload);
    else
        s_read_payload(self, payload);
    bool done = assembly_end(&self->assembly);
    s_give_back(self);
    return done;
}
