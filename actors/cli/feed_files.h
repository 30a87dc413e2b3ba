/*  feed_files -- the files of a file:// source, cut into payloads as the collector cuts them. */
#pragma once
#include "broker/runtime/settings.h"
#include "proto/slice.h"

// One payload, and when its file was last changed. False stops.
typedef bool feed_piece_t(void *context, int64_t changed_us, slice_t piece);

// Every file that matches, in order of name. False with fault: none matches, one cannot be read
// or is too large, or `take` stopped.
bool feed_files(const source_t *source, feed_piece_t *take, void *context, fault_t *fault);
