/*  object_line -- one payload record as a line of a stage object: JSON whose bytes come back.
 *
 *  Pure. A line is
 *
 *      {"stream":"c1","seq":2,"recv":"2023-03-01T00:00:00.000001Z","source":"s","place":"00ff",
 *       "crc":"0a1b2c3d","payload":<the payload, byte for byte>}
 *
 *  `recv` is UTC, `place` hex (left out if empty), `crc` the CRC-32C of the payload; a record of
 *  RECORD_TORN has "torn":true before it. The last member is `payload` if the payload is one JSON
 *  text without line breaks; else `text`, a JSON string, if it is UTF-8 that does not grow much by
 *  escapes; else `base64`. So `payload` can be asked like any JSON, and each form gives the exact
 *  bytes back. Only lines that we write are read: members in this order, nothing between.
 */
#pragma once
#include "broker/stage/stage.h"
#include "proto/buffer.h"

// Append the line with its end. is_json: the payload is one JSON text. False: out of memory.
bool object_line_write(buffer_t *out, const char *stream, const record_t *record, bool is_json);

// Read a line, without or with its end. The record points into the line and into `bytes`, which is
// overwritten. False: not such a line, or its payload is not what `crc` says (fault).
bool object_line_read(slice_t line, record_t *record, slice_t *stream, buffer_t *bytes,
                      fault_t *fault);

// What a set of records is, whatever their order: sum this up over all of them.
uint64_t object_line_sum(const record_t *record);
