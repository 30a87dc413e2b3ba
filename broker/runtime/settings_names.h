/*  settings_names -- what may be the name of something. Pure.
 *
 *  For broker/runtime, and for actors/infer, which makes names.
 */
#pragma once
#include <stdbool.h>

enum {
    NAME_BYTES_MAX = 128,      // of rules and sources
    STREAM_BYTES_MAX = 64,     // of streams
    NAMESPACE_BYTES_MAX = 32,  // of namespaces
    IDENTIFIER_BYTES_MAX = 63, // of tables, columns and keys, as in PostgreSQL
};

bool settings_is_name(const char *text);       // letters, digits, '.', '_', '-'
bool settings_is_identifier(const char *text); // [a-z][a-z0-9_]*, at most 63 bytes
bool settings_is_reserved(const char *text);   // a word or column of PostgreSQL, or ts, or n

bool settings_is_pointer(const char *text); // RFC 6901

// How many single letters have to change to make one of the other; for "did you mean".
int settings_distance(const char *a, const char *b);
