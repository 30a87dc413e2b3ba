/*  flap -- see flap.h. */
#include "actors/transform/flap.h"

#include <assert.h>
#include <string.h>

static bool is_over(const flap_t *self, const flap_terms_t *terms, int64_t ts_us)
{
    return terms->changes == 0 || self->count == 0 ||
           ts_us - self->changes[self->count - 1] >= terms->within_us;
}

static void add(flap_t *self, const flap_terms_t *terms, int64_t ts_us)
{
    assert(terms->changes <= RULE_FLAP_MOST);
    if (self->count > 0 && ts_us < self->changes[self->count - 1])
        ts_us = self->changes[self->count - 1];
    // One more than there may be, if a plan asks for less by now.
    unsigned excess = self->count >= terms->changes ? self->count - terms->changes + 1 : 0;
    memmove(self->changes, self->changes + excess, (self->count - excess) * sizeof *self->changes);
    self->count -= excess;
    self->changes[self->count++] = ts_us;
}

static bool begins(const flap_t *self, const flap_terms_t *terms)
{
    return self->count == terms->changes &&
           self->changes[self->count - 1] - self->changes[0] < terms->within_us;
}

// What is told now is told of the incident, too.
static incident_tell_t tell_state(incident_t *incident, int64_t ts_us)
{
    if (incident->state != INCIDENT_FIRING)
        return TELL_CALM_RESOLVED;
    if (ts_us > incident->told_us)
        incident->told_us = ts_us;
    return TELL_CALM_FIRING;
}

incident_tell_t flap_tell(flap_t *self, const flap_terms_t *terms, incident_t *incident,
                          incident_tell_t tell, int64_t ts_us, bool decides)
{
    bool changes = tell == TELL_FIRING || tell == TELL_RESOLVED;
    bool calm = self->on && decides && is_over(self, terms, ts_us);
    if (calm || (changes && terms->changes == 0 && !self->on))
        self->on = false, self->count = 0;
    if (changes && terms->changes > 0)
        add(self, terms, ts_us);
    if (calm)
        return tell_state(incident, ts_us);
    if (self->on)
        return TELL_NOTHING;
    if (!changes || terms->changes == 0 || !begins(self, terms))
        return tell;
    self->on = true;
    self->since_us = self->changes[0];
    return TELL_FLAPPING;
}

bool flap_retract(flap_t *self)
{
    if (self->count > 0)
        self->count--; // the last change is that it began
    return !self->on;
}
