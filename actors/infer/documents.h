/*  documents -- the JSON documents of a text that nobody has described: one, or one a line.
 *
 *  Pure. They are looked into by asking what lies at a place, as often as it takes, within a budget
 *  of bytes read.
 */
#pragma once
#include "actors/prep/json.h"

enum { DOCUMENTS_MAX = 500 }; // of a text; the others are left alone

#define DOCUMENTS_BUDGET_BYTES (UINT64_C(1) << 30) // read in all

typedef struct {
    size_t from, to;
} documents_span_t;

typedef struct {
    json_t *json;
    bool lines; // one document a line
    size_t count;
    documents_span_t spans[DOCUMENTS_MAX];
    uint64_t read_bytes;
} documents_t;

typedef enum { DOCUMENTS_GOOD, DOCUMENTS_NONE, DOCUMENTS_NO_MEMORY } documents_result_t;

// NONE: it is no JSON, *fault says why. The text must stay where it is until the documents are
// destroyed.
documents_result_t documents_open(documents_t *self, slice_t text, json_fault_t *fault);
void documents_destroy(documents_t *self);

// Visit what `rows` leads to in every document, with `fields` as `tree` says. False: the budget is
// spent, or there is no memory; some or all were not visited.
bool documents_visit(documents_t *self, const pointer_t *rows, const pointer_tree_t *tree,
                     field_t *fields, json_visit_t *visit, void *context);
