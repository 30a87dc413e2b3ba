/*  fault -- why something was refused, in words for a person, with a place where there is one.
 *
 *  Functions that can fail for a reason worth telling take a fault_t as last argument and
 *  return false, -1 or NULL after setting it; they never log it themselves.
 */
#pragma once
#include <stdbool.h>

enum { FAULT_TEXT_MAX = 511 };

typedef struct {
    int line;   // 1-based line in the text that was read, 0 = no place
    int column; // 1-based column (bytes), 0 = no place
    char text[FAULT_TEXT_MAX + 1];
} fault_t;

// Set the text (truncated to fit) and clear the place. Returns false, so that a refusal is one
// line: `return fault_set(fault, "...")`. A NULL fault is allowed.
bool fault_set(fault_t *fault, const char *format, ...) __attribute__((format(printf, 2, 3)));

// The same with a place.
bool fault_set_at(fault_t *fault, int line, int column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// It says "out of memory", and no more: nothing was wrong with what was read, and the same may
// succeed later.
bool fault_is_no_memory(const fault_t *fault);
