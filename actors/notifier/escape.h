/*  escape -- text from outside, made harmless for where it is put. Pure.
 *
 *  All append to `out`; whatever the bytes are, the result is valid UTF-8 (a bad byte becomes
 *  U+FFFD).
 */
#pragma once
#include "proto/buffer.h"
#include "proto/slice.h"

void escape_json(buffer_t *out, slice_t text);   // inside of a JSON string, without its quotes
void escape_url(buffer_t *out, slice_t text);    // all but A-Za-z0-9-._~ as %XX: a path segment,
                                                 // or a value of a query or a form
void escape_html(buffer_t *out, slice_t text);   // & < > " ': HTML and XML
void escape_text(buffer_t *out, slice_t text);   // lines stay; CR goes; other controls become '?'
void escape_header(buffer_t *out, slice_t text); // one line: every control becomes a blank
// Slack's mrkdwn: & < > are entities, and an @ calls nobody together there or in its likes.
void escape_mrkdwn(buffer_t *out, slice_t text);

// Not more than `most` bytes of it: cut between characters, then "..." which counts.
void escape_cut(buffer_t *out, size_t from, size_t most);
