/*  intake -- all sources of a configuration, of every kind, as one place to take records from.
 *  Part of the collector actor.
 *
 *  Takes as much as fits one group commit, fairly between the kinds, and puts it into the streams;
 *  what cannot be put stays where it is. Nothing here waits.
 */
#pragma once
#include <zmq.h>

#include "actors/collector/moment.h"
#include "actors/collector/push_feed.h"
#include "actors/collector/registry.h"
#include "actors/collector/stream.h"
#include "broker/bus.h"
#include "broker/runtime/settings.h"

enum {
    INTAKE_GROUP_BYTES = 1 << 20, // then it is synced
    INTAKE_ITEMS_MAX = 1 + PUSH_FEED_ENDPOINTS_MAX,
    INTAKE_GROUP_US = 5000, // or when that long was spent taking
};

typedef struct intake intake_t;

// The stream that a source goes to.
typedef stream_t *intake_stream_t(void *context, const source_t *source);

intake_t *intake_new(intake_stream_t *find, void *context, fault_t *fault);
void intake_destroy(intake_t **self_p);

// Take from these sources and no others. `settings` must outlive it or the next call. False:
// something cannot be opened (fault with the reason); the old ones go on.
bool intake_configure(intake_t *self, const settings_t *settings, moment_t now, fault_t *fault);

// Items for zmq_poll, at most INTAKE_ITEMS_MAX. Returns how many.
size_t intake_items(const intake_t *self, zmq_pollitem_t *items);

// Take one group. True: there is more to take at once.
bool intake_take(intake_t *self, moment_t now);

// Nothing more is taken, or not from these sources: what failed up to now is said in the log. There
// must be a plan.
void intake_end(intake_t *self, moment_t now);

// Staging stood still: what is made by the clock must not pile up.
void intake_skip(intake_t *self, moment_t now);

// What was taken is durable: tell pushing clients. news may be NULL.
void intake_publish(intake_t *self, bus_t *news);

// Monotonic time when something falls due.
int64_t intake_next_us(const intake_t *self, moment_t now);

// Counters for the registry.
size_t intake_report(intake_t *self, registry_field_t *fields, size_t most);
// Polled sources that fail now, at most `most`.
size_t intake_failing(const intake_t *self, moment_t now, registry_failing_t *items, size_t most);
// What was refused goes to the log: at once, then once a minute at most.
void intake_log(intake_t *self, moment_t now);
