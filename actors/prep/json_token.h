/*  json_token -- what one scalar of JSON text is, and where a text stops being JSON. Pure. */
#pragma once
#include "actors/prep/field.h"

// The kind of a scalar without quotes as RFC 8259 writes it; FIELD_MISSING: it is none.
field_kind_t json_scalar(slice_t token);

typedef enum { JSON_FLAW_UTF8, JSON_FLAW_CONTROL, JSON_FLAW_UNCLOSED } json_flaw_t;

// Where the first such flaw is: a byte that is not UTF-8, a control character inside a string,
// the quote of a string without end. text.size if there is none.
size_t json_locate(json_flaw_t flaw, slice_t text);

// Bytes of the first document of a text, with the space around it: up to where its bracket closes,
// or its scalar ends. All of a text without such an end.
size_t json_document_end(slice_t text);

static inline bool json_is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}
