/*  jq -- a jq filter, compiled: a JSON document in, JSON texts out, one a line.
 *
 *  Private to filter.c, whose child process it runs in: libjq may abort, run for ever and ask for
 *  any amount of memory, so it has a process of its own that may die.
 *
 *  jq computes in doubles. A number of more than 15 significant digits, which a double may not
 *  hold, reaches the filter as a text, as it was written: passed on it stays exact, and sums with
 *  it are an error instead of a lie. Results are written with as many digits as their double needs.
 */
#pragma once
#include "proto/buffer.h"
#include "proto/fault.h"

enum {
    JQ_DIGITS_EXACT = 15,    // decimals that short survive a double
    JQ_EXPONENT_EXACT = 300, // so do exponents that small
};

typedef struct jq_program jq_program_t;

jq_program_t *jq_program_new(const char *filter, fault_t *fault); // NULL with fault
void jq_program_destroy(jq_program_t **self_p);

// Append every output for this document, good JSON, to `rows`, which has its limit set, each with
// a line end. False with fault: the filter failed; what it gave before stays.
bool jq_program_run(jq_program_t *self, slice_t document, buffer_t *rows, fault_t *fault);

// Append a document whose long numbers are texts. Pure.
void jq_guard_numbers(slice_t document, buffer_t *out);
