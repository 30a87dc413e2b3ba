/*  json_token -- what one scalar of JSON text is, and where a text stops being JSON. Pure. */
#pragma once
#include "actors/prep/field.h"

#ifdef __cplusplus
extern "C" {
#endif

// The kind of a scalar as RFC 8259 writes it; FIELD_MISSING: it is none. *token loses the space
// after it and the quotes of a text, of which nothing but the quotes is looked at.
field_kind_t json_scalar(slice_t *token);

typedef enum { JSON_FLAW_UTF8, JSON_FLAW_CONTROL, JSON_FLAW_UNCLOSED } json_flaw_t;

// Where the first such flaw is: a byte that is not UTF-8, a control character inside a string,
// the quote of a string without end. text.size if there is none.
size_t json_locate(json_flaw_t flaw, slice_t text);

#ifdef __cplusplus
}
#endif
