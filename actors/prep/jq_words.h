/*  jq_words -- what a jq filter may not name: whatever is not a function of its document. Pure. */
#pragma once
#include "proto/fault.h"
#include "proto/slice.h"

// False with fault: the filter names the clock, the environment, other inputs, files or the like,
// or nests code in strings so deeply that we cannot tell.
// (Members of such a name are written .now or "now".)
bool jq_words_good(slice_t filter, fault_t *fault);
