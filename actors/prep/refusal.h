/*  refusal -- why a row is quarantined, in words that quote it safely. Pure. */
#pragma once
#include "actors/prep/field.h"
#include "actors/prep/mapping.h"

enum { REFUSAL_QUOTE_MAX = 48 }; // bytes of a text quoted inside a reason

// The text of a field for a reason: its first bytes, in quotes if it is a text, cut at a whole
// character, control characters as '?'. Returns `out`.
const char *refusal_quote(const field_t *field, char out[REFUSAL_QUOTE_MAX]);
const char *refusal_quote_text(slice_t text, char out[REFUSAL_QUOTE_MAX]);

// A text cut to MAPPING_SNIPPET_MAX; one that begins with a bracket, to where it is closed.
slice_t refusal_snippet(slice_t text);

// At most `most` bytes of a text, never half a character of UTF-8.
slice_t refusal_cut(slice_t text, size_t most);
