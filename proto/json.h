/*  json -- JSON text from strings and from msgpack.
 *
 *  Pure. Strings that are not valid UTF-8 come out valid: each bad byte becomes U+FFFD.
 */
#pragma once
#include "proto/buffer.h"
#include "proto/slice.h"

// Append the string with quotes and escapes.
void json_text(buffer_t *out, slice_t text);

// Append one msgpack value (bounded: depth WIRE_DEPTH_MAX) as JSON: bin as lower-case hex text,
// non-finite floats as null, map keys that are not text as their JSON text in a string. False:
// not exactly one well-formed value, or `out` failed; `out` is then as it was before.
bool json_from_wire(buffer_t *out, slice_t value);
