/*  place -- where in the text of a condition something is wrong, for people. Pure. */
#pragma once
#include "proto/fault.h"
#include "proto/slice.h"

// Refuse, pointing at byte `place` of the text: line, and byte in that line, from 1. A place
// below 0 is none. Always false.
bool place_refuse(fault_t *fault, slice_t text, int place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// libpg_query counts characters from 1: the byte where that character starts.
int place_of_character(slice_t text, int character);
