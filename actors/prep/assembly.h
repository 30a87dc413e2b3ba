/*  assembly -- the fields of a row become a row of the block, or a reason why not.
 *
 *  Pure. One assembly works on one record at a time: begin, row after row, end. Rows are numbered
 *  as they come, refused ones too. In order: key, time, columns, required, validate, identity;
 *  the first that fails is the reason.
 */
#pragma once
#include "actors/prep/definition.h"
#include "actors/prep/field.h"
#include "actors/prep/json.h"
#include "actors/prep/memo.h"

typedef struct {
    const definition_t *definition;
    const rows_head_t *head;
    rows_t *rows;
    mapping_refuse_t *refuse;
    void *context;
    mapping_count_t *count;
    memo_t *memo;
    bool no_memory;
    uint32_t row; // place in the record of the row in hand
    uint32_t row_next;
    size_t identity_bytes; // of all accepted rows
    slice_t snippet;       // its text, for reasons
    const json_match_t *matches;
    buffer_t held;       // newest_first: rows in wait, see assembly.c
    buffer_t held_bytes; // their values and identities
} assembly_t;

bool assembly_init(assembly_t *self, const definition_t *definition);
void assembly_release(assembly_t *self);

void assembly_begin(assembly_t *self, const rows_head_t *head, rows_t *rows,
                    mapping_refuse_t *refuse, void *context, mapping_count_t *count);

// One row. `fields` has an entry for each place of the definition, `matches` one for each star;
// `snippet` begins with the text of the row. False: stop reading; there is no memory, or the
// record has more rows than a block holds, or larger ones (which is refused here).
bool assembly_row(assembly_t *self, const field_t *fields, const json_match_t *matches,
                  slice_t snippet);

// Does this row, or (`document`) the document that it is in, count? If not, it is counted as
// skipped.
bool assembly_wants(assembly_t *self, const field_t *fields, bool document);

// All rows are there. False: there was no memory.
bool assembly_end(assembly_t *self);

// For a reader that found none: remembers it, returns false.
bool assembly_no_memory(assembly_t *self);

// Quarantine a row that never became fields (false: stop reading), or the record as a whole.
bool assembly_refuse_row(assembly_t *self, slice_t snippet, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void assembly_refuse_record(assembly_t *self, slice_t snippet, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// ---- parts, also for pushed columns ------------------------------------------------------------

// Quarantine the row in hand. Returns false, so that a refusal is one line.
bool assembly_refuse(assembly_t *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Does one more row fit into the bytes of a block? If not, the rest of the record is refused, from
// row_next on.
bool assembly_has_room(assembly_t *self, slice_t snippet);

// The number of the series of these fields; MEMO_NONE: refused, or no memory.
int assembly_series(assembly_t *self, const field_t *fields);

// What a time was read as, judged: readable, in range, and not in the future of a live source.
bool assembly_time_good(assembly_t *self, event_time_result_t result, const field_t *field,
                        int64_t ts_us);

// The receive time as the time of the row, judged.
bool assembly_fetch_good(assembly_t *self);

// A field as the value of a column; false: refused.
bool assembly_value(assembly_t *self, const column_t *column, const field_t *field,
                    decimal_t *value);

// A value judged: required, validate.
bool assembly_value_good(assembly_t *self, const column_t *column, decimal_t value);

// Bytes of the identity beyond time; -1: refused.
int assembly_identity(assembly_t *self, const field_t *fields, uint8_t out[IDENTITY_BYTES_MAX]);

// Add the row in hand. False: no memory.
bool assembly_add(assembly_t *self, int series, int64_t ts_us, const decimal_t *values,
                  slice_t identity);
