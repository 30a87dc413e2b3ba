/*  last_words -- why an actor ended, for a person: what it logged last, without the logging. */
#pragma once
#include <stddef.h>

// The reason in the last line of a log, or that line as it is if it is none of ours. Pure. text
// is cut to size.
void last_words(const char *log, char *text, size_t size);

// The same of the end of a file; empty if it cannot be read.
void last_words_of_file(const char *path, char *text, size_t size);
