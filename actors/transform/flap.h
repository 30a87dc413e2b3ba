/*  flap -- what is told of an incident that comes and goes: it flaps, and later how it is.
 *
 *  Pure, and a guard behind incident.h: the incident goes on as if there was none, and what it
 *  would tell is told, or is not. Its changes are that it begins and that it ends. The last of
 *  `changes` of them of which the first is less than `within_us` before it is told as `flapping`,
 *  and then nothing until the newest row of the series is `within_us` or more behind the last
 *  change: that row tells how the incident is.
 *
 *  A change counts at the time of its row, and not before the one before it: an old row may begin
 *  an incident. One that is taken back never was: neither does it count that it began, nor that it
 *  is over.
 */
#pragma once
#include "actors/transform/incident.h"
#include "proto/plan.h"

typedef struct {
    bool on;                         // it flaps
    unsigned count;                  // of changes that are known, at most as many as were asked for
    int64_t changes[RULE_FLAP_MOST]; // when, the oldest first
    int64_t since_us;                // while it flaps, and for the row that ends it: the first,
    alert_id_t opened;               // and the entry that said so
} flap_t;

typedef struct {
    uint32_t changes; // 0: there is no guard
    int64_t within_us;
} flap_terms_t;

// The incident was moved by a row, and would tell this. decides: the row is the newest, and
// somebody can tell what it shows. What is told; after TELL_FLAPPING the caller sets `opened`.
incident_tell_t flap_tell(flap_t *self, const flap_terms_t *terms, incident_t *incident,
                          incident_tell_t tell, int64_t ts_us, bool decides);

// It never was. Is that told?
bool flap_retract(flap_t *self);

// Is nothing known that a row could still ask for?
static inline bool flap_is_idle(const flap_t *self)
{
    return !self->on && self->count == 0;
}
