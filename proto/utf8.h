/*  utf8 -- is this text well-formed UTF-8? Pure. */
#pragma once
#include "proto/slice.h"

// Bytes of the well-formed character at the start of `text`: 1 to 4, or 0 if there is none
// (surrogates, overlong forms and values above U+10FFFF are not characters).
unsigned utf8_character(slice_t text);

bool utf8_valid(slice_t text);
