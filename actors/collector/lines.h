/*  lines -- all lines of this collector: one for every stream that a source goes to. Part of the
 *  collector actor.
 */
#pragma once
#include <zmq.h>

#include "actors/collector/line.h"
#include "actors/collector/trimmer.h"
#include "broker/runtime/settings.h"

enum {
    LINES_MAX = REGISTRY_STREAMS_MAX,
    LINES_ITEMS_MAX = 2 * LINES_MAX,
};

typedef struct lines lines_t;

// root: of the stage; `collector` is our name, and that of the stream of sources that name none.
lines_t *lines_new(const char *root, const char *namespace, const char *collector,
                   const char *listen, fault_t *fault);
void lines_destroy(lines_t **self_p);

// Open what these settings need and is not open yet. What is open stays open.
bool lines_open(lines_t *self, const settings_t *settings, fault_t *fault);
stream_t *lines_stream(const lines_t *self, const source_t *source); // where it goes; open

// From now on this plan on all of them. False: out of memory; try again.
bool lines_plan(lines_t *self, const plan_t *plan, moment_t now);

// Ticks, then make durable what is pending. True: everything is; false while one is stalled.
bool lines_sync(lines_t *self, moment_t now);
bool lines_are_stalled(const lines_t *self);
bool lines_cannot_write(const lines_t *self); // one of them, as line_cannot_write
bool lines_are_durable(const lines_t *self);

// Hear what workers answer and send what may be sent, of logs that Redis knows. True: there is more
// to send at once.
bool lines_forward(lines_t *self, registry_t *registry, moment_t now);

// Tell the registry how far the logs reach back and who has asked in vain, and let go of what the
// trimmer offers. False: no memory; next time.
bool lines_trim(lines_t *self, registry_t *registry, trimmer_t *trimmer, moment_t now);

size_t lines_items(const lines_t *self, zmq_pollitem_t *items); // at most LINES_ITEMS_MAX
int64_t lines_next_us(const lines_t *self);                     // when one wants to be called again

size_t lines_count(const lines_t *self);
line_t *lines_at(const lines_t *self, size_t index);
