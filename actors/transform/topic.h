/*  topic -- what one rule has said of one series so far.
 *
 *  Pure. It gives the next entry its place, and holds alerts back that come too thick: more than
 *  `alerts_max` in a minute of event time. The minute is that of the newest alert; one of an older
 *  row counts in it as well. What was held back is counted, and the next alert says how many.
 */
#pragma once
#include "actors/transform/flap.h"

typedef struct {
    uint64_t seq;        // of the last entry
    alert_id_t prev;     // its id
    int64_t minute;      // of event time
    uint64_t alerts;     // in it
    uint64_t suppressed; // held back since the last one
    incident_t incident;
    flap_t *flap;      // NULL: idle. Owned by spoken.h
    bool silent;       // it was told that the series is, and not yet that it is back
    int64_t silent_us; // then: receipt of the last row before that
    bool changed;      // since the last delta
} topic_t;

static inline bool topic_flaps(const topic_t *self)
{
    return self->flap && self->flap->on;
}

// Has nobody been told of anything that a row would have to end?
static inline bool topic_is_well(const topic_t *self)
{
    return self->incident.state == INCIDENT_WELL && !topic_flaps(self);
}

int64_t topic_minute_of(int64_t ts_us);

// May an alert of this time be published? Else it is counted as held back. most: 0 = no limit.
bool topic_admits(topic_t *self, int64_t ts_us, uint32_t most);

// Give an entry its place.
void topic_place(topic_t *self, alert_t *entry);
