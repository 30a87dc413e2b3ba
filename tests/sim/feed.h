/*  feed -- what the sources of a run say: JSON lines in files, with rows that are late, repeated,
 *  revised and bad.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum { FEED_SOURCES_MAX = 3 };

// Files go to <directory>/<source>-<number>.jsonl.
void feed_begin(const char *directory, size_t sources);
const char *feed_name(size_t source);
size_t feed_sources(void);
void feed_write(size_t source); // one file more, one record
// All that was written has been staged, and nothing else, in this order. False: not all yet.
bool feed_is_staged(void);
