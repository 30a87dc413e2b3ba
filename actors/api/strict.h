/*  strict -- is a text one number, or one object, of JSON, and nothing else? Pure.
 *
 *  What stands in Redis was written by us, or by anybody who may write there; put into a document
 *  as it is, one text that is not JSON would spoil all of it.
 */
#pragma once
#include "proto/slice.h"

enum {
    STRICT_BYTES_MAX = 256 << 10, // of an object
    STRICT_DEPTH_MAX = 32,        // objects and arrays inside each other, itself counted
};

bool strict_number(slice_t text);
// From `{` to `}`, in UTF-8 and within these limits. Names may be there twice.
bool strict_object(slice_t text);
