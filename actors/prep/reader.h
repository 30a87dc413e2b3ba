/*  reader -- the ways from a payload to fields: one file per format, all on one mapping.
 *
 *  Private to prep. Each reads the text of a record into the assembly, until its end or until
 *  the assembly says stop; what cannot be read is quarantined there and then.
 */
#pragma once
#include "actors/prep/assembly.h"
#include "actors/prep/csv.h"
#include "actors/prep/filter.h"
#include "actors/prep/json.h"
#include "proto/push.h"

struct mapping {
    definition_t *definition;
    assembly_t assembly;
    rows_head_t head; // of the record in hand; rows_t points to it
    json_t *json;     // NULL with csv
    csv_t *csv;       // NULL with json
    filter_t *filter; // NULL without jq
    json_t *outputs;  // of the filter; NULL without
    buffer_t filtered;
    buffer_t inflated;
    push_t push;
    field_t fields[DEFINITION_PLACES_MAX];
};

// A text without the byte order mark that some begin with.
static inline slice_t reader_unmarked(slice_t text)
{
    bool marked = text.size >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0;
    return marked ? slice_of(text.data + 3, text.size - 3) : text;
}

void reader_json(mapping_t *self, slice_t text);
void reader_jsonl(mapping_t *self, slice_t text);
void reader_concatenated(mapping_t *self, slice_t text);
bool reader_filter(mapping_t *self, slice_t document); // rows by way of jq; false: stop
void reader_csv(mapping_t *self, slice_t text);
void reader_columns(mapping_t *self, const push_t *push);
