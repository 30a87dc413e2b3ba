/*  mapping -- a payload of one source becomes rows, by the source's definition.
 *
 *  Pure and deterministic: the same definition and bytes give the same rows on every host. A
 *  definition is the body of a plan's source entry (msgpack); it is all that prep knows of a
 *  source. Rows that fail are quarantined with a reason, never dropped in silence.
 */
#pragma once
#include "broker/runtime/settings.h"
#include "proto/rows.h"

enum {
    MAPPING_REASON_MAX = 160,             // bytes of a quarantine reason
    MAPPING_SNIPPET_MAX = 200,            // bytes of the offending text kept
    MAPPING_FUTURE_US = 5 * 60 * 1000000, // later than receipt by more than this: refused if live
    MAPPING_INFLATE_MAX = 256 << 20,      // bytes of a payload after gunzip
};

// Encode what prep needs of a source. False: out of memory.
bool mapping_define(const source_t *source, buffer_t *out);

typedef struct mapping mapping_t;

// Compile a definition (from a message: bounded and checked). One mapping serves one thread.
mapping_t *mapping_new(slice_t definition, fault_t *fault);
void mapping_destroy(mapping_t **self_p);

const char *mapping_table(const mapping_t *self);
size_t mapping_columns(const mapping_t *self, const char *const **names);

typedef struct {
    uint32_t row;       // place in the record; UINT32_MAX = the record as a whole
    const char *reason; // "column close: not a number", "bad JSON at byte 17: ...", ...
    slice_t snippet;    // the text that failed, cut
} quarantine_t;

// What becomes of a record whose end never came: rows of a half may be halves themselves, so none
// is taken. Points into the payload.
quarantine_t mapping_torn(slice_t payload);

typedef void mapping_refuse_t(void *context, const quarantine_t *quarantine);

typedef struct {
    uint64_t rows;        // accepted
    uint64_t quarantined; // refused rows, or 1 for a record that cannot be read at all
    uint64_t skipped;     // rows and documents that `only` leaves out
    uint64_t rounded;     // numbers that had more than 18 significant digits
} mapping_count_t;

// Map one record: rows_begin, rows_add for every good row, `refuse` for every bad one.
// A record has at most ROWS_PER_BLOCK_MAX rows, refused ones included, and of accepted ones at most
// ROWS_BYTES_MAX bytes; the rest is refused as one.
// *head needs seq, times and source only. The mapping must outlive the last rows_encode.
// False only for lack of memory.
bool mapping_apply(mapping_t *self, const rows_head_t *head, slice_t payload, rows_t *rows,
                   mapping_refuse_t *refuse, void *context, mapping_count_t *count);
