/*  json_index -- where the tokens of a JSON text begin: all that we take from simdjson.
 *
 *  Private to prep. Its first stage finds brackets, colons, commas and the starts of scalars
 *  outside strings at gigabytes a second, and has checked UTF-8, control characters and quotes by
 *  then; json.c reads what lies between.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "proto/slice.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { JSON_INDEX_PADDING = 64 }; // readable bytes that must follow a text

typedef struct json_index json_index_t;

json_index_t *json_index_new(void);
void json_index_destroy(json_index_t **self_p);

typedef enum {
    JSON_INDEX_GOOD,
    JSON_INDEX_EMPTY,
    JSON_INDEX_UTF8,     // not UTF-8
    JSON_INDEX_CONTROL,  // a control character inside a string
    JSON_INDEX_UNCLOSED, // a string without end
    JSON_INDEX_NO_MEMORY,
} json_index_result_t;

// Index a text. What was indexed before is forgotten.
json_index_result_t json_index_build(json_index_t *self, slice_t text);

// The starts of the tokens, in order; one more entry follows and is the size of the text.
const uint32_t *json_index_starts(const json_index_t *self, uint32_t *count);

// Unescape the string whose content begins at `inside`, up to its closing quote, which must be
// there. `out` needs room for the string and JSON_INDEX_PADDING. The end of what was written;
// NULL: a bad escape.
uint8_t *json_index_unescape(const json_index_t *self, const uint8_t *inside, uint8_t *out);

// Give the memory back.
void json_index_forget(json_index_t *self);

#ifdef __cplusplus
}
#endif
