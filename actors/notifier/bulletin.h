/*  bulletin -- what the notifier must know of an outbox entry to file it. Pure.
 *
 *  The body is the msgpack map of the alert socket; here it is only looked into, never changed.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "proto/plan.h"
#include "proto/rows.h"

// Bytes. Whatever the fold may call an alert must be read here, else it is lost.
enum { BULLETIN_NAME_MAX = PLAN_NAME_MAX, BULLETIN_SERIES_MAX = SERIES_ID_MAX };

typedef struct {
    slice_t rule, series, severity, kind; // in the body; severity and kind may be empty
    int64_t ts_us;
    int64_t since_us; // when an incident began; ts_us where that is not said
    uint64_t seq;
} bulletin_t;

// False: not such a map, or one of rule, series, ts and seq is missing or too long.
bool bulletin_read(bulletin_t *self, slice_t body);

// Is it told to subscribers? What changes with an incident is; alerts and corrections are for those
// who listen.
bool bulletin_is_news(const bulletin_t *self);
// Does it say how an incident is now? That a series is silent says nothing of it.
bool bulletin_is_state(const bulletin_t *self);

// Names of rules, subscribers, silences and sources: 1 to 128 letters, digits, '.', '_', '-'.
bool bulletin_name_is_good(slice_t name);
