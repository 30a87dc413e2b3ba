/*  feed_staged -- the payloads and ticks of every stream of a stage, each stream in order of seq.
 */
#pragma once
#include "broker/stage/stage.h"

// One payload or tick, in order; other control records are passed over. False stops.
typedef bool feed_record_t(void *context, const char *stream, const record_t *record);

// Streams in order of name. False with fault: nothing is staged there, it cannot be read, or
// `take` stopped (then the fault is `take`'s to set).
bool feed_staged(const char *root, const char *namespace, feed_record_t *take, void *context,
                 fault_t *fault);
