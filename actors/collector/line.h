/*  line -- one stream on its way: staged, made durable, forwarded. Part of the collector actor.
 *
 *  The order is the promise: nothing is sent or told before it is durable. While the disk takes
 *  nothing, or has too little room, the line is stalled: it accepts no more and tries again every
 *  second. For want of room alone plans are staged all the same, and what is staged is sent.
 */
#pragma once
#include "actors/collector/forward.h"
#include "actors/collector/moment.h"
#include "actors/collector/registry.h"
#include "actors/collector/stream.h"

typedef struct line line_t;

// `collector` is our name: the line is known as that, or as "<collector>.<stream>".
// `listen` is the endpoint at which preps and workers find it.
line_t *line_open(const char *root, const char *namespace, const char *collector,
                  const char *listen, const char *stream, fault_t *fault);
void line_destroy(line_t **self_p);

stream_t *line_stream(const line_t *self);
forward_t *line_forward(const line_t *self);
const char *line_name(const line_t *self); // in the registry
uint64_t line_edition(const line_t *self); // in which the stream is told

// From now on this plan. False: out of memory; try again.
bool line_plan(line_t *self, const plan_t *plan, moment_t now);

// What Redis holds of this stream is of another log. Ours is told from its beginning, as a later
// edition than `above`; nothing is sent before that is durable. True: it is; until then call it
// again.
bool line_retell(line_t *self, uint64_t above, moment_t now);

// Records before this one may be removed from now on (stream_forget). False: not now, another
// edition is about to begin.
bool line_forget(line_t *self, uint64_t before_seq);

uint64_t line_begin(const line_t *self); // record at which its edition begins
// Did workers ask for records that are gone, since the last call?
bool line_take_gone(line_t *self, moment_t now);

// Stall while less is free where the log lies (broker/stage/watermark.h). 0, as at first: never.
void line_keep_free(line_t *self, uint64_t bytes);

// Stage a tick if one is due, and a replay that was asked for; then make all that is pending
// durable. False while stalled.
bool line_sync(line_t *self, moment_t now);
bool line_is_stalled(const line_t *self);
bool line_cannot_write(const line_t *self); // stalled, and not only for want of room

void line_hear(line_t *self, moment_t now); // what workers answer
// Send what may be sent, sealed. True: there is more to send at once.
bool line_send(line_t *self, const seal_secret_t *secret, moment_t now);
bool line_is_blocked(const line_t *self); // a message waits for a prep

// When it wants to be called again, in monotonic time.
int64_t line_next_us(const line_t *self);

// What it says of itself in the registry; at most REGISTRY_FIELDS_MAX. Rates are since the last
// call.
size_t line_report(line_t *self, registry_field_t *fields, size_t most, moment_t now);
