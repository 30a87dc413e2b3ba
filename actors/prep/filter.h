/*  filter -- the jq filter of a source, in a process of its own.
 *
 *  libjq aborts on what it did not expect, cannot be interrupted and takes what memory it likes,
 *  so it works in a child that sees no environment, no file and no socket but ours, and may die:
 *  then the record is quarantined, and the next one has a new child. What a filter makes of a
 *  document depends on nothing but the two, with one exception: one that computes for more than
 *  FILTER_CPU_S over the documents of a record is ended, and gives no more rows for that record.
 */
#pragma once
#include <stdbool.h>

#include "proto/buffer.h"
#include "proto/fault.h"

enum {
    FILTER_TEXT_MAX = 4096,           // bytes of a filter
    FILTER_DOCUMENT_MAX = 8 << 20,    // bytes of a document
    FILTER_ROWS_BYTES_MAX = 64 << 20, // bytes of all outputs for one document
    FILTER_MEMORY_BYTES = 1 << 30,    // that the child may take
    FILTER_CPU_S = 5,                 // for all documents of a record
};

typedef struct filter filter_t;

// Compile a filter. NULL with fault.
filter_t *filter_new(slice_t text, fault_t *fault);
void filter_destroy(filter_t **self_p);

typedef enum {
    FILTER_GOOD,
    FILTER_FAILED, // by the filter or the document: *fault says why; what came before is in `rows`
    FILTER_SPENT,  // the time for this record is over: *fault says so, and no document gives rows
    FILTER_BROKEN, // no process or no memory for it: the same may succeed later
} filter_result_t;

// A new record: its documents have FILTER_CPU_S together.
void filter_renew(filter_t *self);

// Put every output for this document, which is good JSON, into `rows`, each with a line end.
filter_result_t filter_run(filter_t *self, slice_t document, buffer_t *rows, fault_t *fault);
