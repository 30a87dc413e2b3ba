/*  fresh -- is news fresh, or did it come before? Several brokers say the same, and the notifier
 *  says an alert again after a crash.
 *
 *  Pure but for its memory. It remembers the newest FRESH_REMEMBERED: an alert, or news of our
 *  health, by its id, a metric by its bytes. Other news is not told apart and always fresh: a
 *  repeated announcement means something (docs/protocol.md).
 */
#pragma once
#include <stdbool.h>

#include "proto/slice.h"

enum { FRESH_REMEMBERED = 16384 };

typedef struct fresh fresh_t;

fresh_t *fresh_new(void); // NULL: out of memory
void fresh_destroy(fresh_t **self_p);

// It is remembered from now on.
bool fresh_take(fresh_t *self, slice_t topic, slice_t body);
