/*  json -- JSON text becomes fields.
 *
 *  Strict: a document is checked as a whole (UTF-8, grammar, depth, escapes, no trailing text)
 *  before anything of it is believed; numbers are handed over as they were written, so that
 *  decimals stay exact. A json_t serves one thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "actors/prep/field.h"
#include "actors/prep/pointer.h"

enum {
    JSON_DEPTH_MAX = 32,        // nested objects and arrays
    JSON_KEEP_BYTES = 16 << 10, // json_close gives back the memory of a larger text
};

typedef struct json json_t;

json_t *json_new(void);
void json_destroy(json_t **self_p);

// Take a text, which must stay where it is until it is closed. False: no memory.
bool json_open(json_t *self, slice_t text);
slice_t json_opened(const json_t *self); // the text, or a copy of it
void json_close(json_t *self);           // done with the text; fields that point into it are void

typedef enum {
    JSON_GOOD,
    JSON_BAD, // not JSON: *fault says why and where
    JSON_NO_MEMORY,
} json_result_t;

typedef struct {
    size_t at;        // byte of the text
    const char *what; // in a few words
} json_fault_t;

// Read one document, which begins at byte `from` and ends before `to`, and put what `tree`
// names into `fields` (only those slots are written, and all of them). *end becomes the place
// of whatever follows the document before `to`; `to` = nothing does.
json_result_t json_read(json_t *self, size_t from, size_t to, const pointer_tree_t *tree,
                        field_t *fields, size_t *end, json_fault_t *fault);

typedef struct {
    bool reached; // `rows` led somewhere: to a row, or to an empty array or object
    bool stopped; // by a visitor
} json_rows_t;

// What a star of `rows` stands for in a row: a member, or (key.data NULL) an array's index.
typedef struct {
    slice_t key;
    uint32_t index;
} json_match_t;

// One row; `matches` has an entry for each star. False: stop.
typedef bool json_visit_t(void *context, const json_match_t *matches);

// Of the document that json_read found good last: visit every node that `rows` leads to, with
// `fields` filled in as `tree` says.
json_rows_t json_rows(json_t *self, const pointer_t *rows, const pointer_tree_t *tree,
                      field_t *fields, json_visit_t *visit, void *context);

// For messages: the text of the row just visited or, before a visit, of the document. What comes
// after the last bracket of a row may follow.
slice_t json_row_text(const json_t *self);
