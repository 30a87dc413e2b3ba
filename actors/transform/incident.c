/*  incident -- see incident.h. */
#include "actors/transform/incident.h"

#include <string.h>

static bool is_due(const incident_t *self, const incident_terms_t *terms, int64_t ts_us)
{
    return ts_us - self->since_us >= terms->for_us &&
           (!self->told || terms->cooldown_us == 0 || ts_us - self->told_us >= terms->cooldown_us);
}

static incident_tell_t tell(incident_t *self, int64_t ts_us, incident_tell_t what)
{
    if (!self->told || ts_us > self->told_us)
        self->told_us = ts_us;
    self->told = true;
    return what;
}

static incident_tell_t hold(incident_t *self, const incident_terms_t *terms, int64_t ts_us,
                            bool newest, bool may_begin)
{
    if (self->state == INCIDENT_FIRING)
        return newest && terms->cooldown_us > 0 && ts_us - self->told_us >= terms->cooldown_us
                   ? tell(self, ts_us, TELL_STILL)
                   : TELL_NOTHING;
    incident_t next = *self;
    if (next.state == INCIDENT_WELL)
        next.since_us = ts_us;
    bool begins = may_begin && is_due(&next, terms, ts_us);
    if (!begins && !newest)
        return TELL_NOTHING;
    next.state = begins ? INCIDENT_FIRING : INCIDENT_PENDING;
    *self = next;
    return begins ? tell(self, ts_us, TELL_FIRING) : TELL_NOTHING;
}

incident_tell_t incident_move(incident_t *self, const incident_terms_t *terms, incident_row_t row,
                              int64_t ts_us, bool newest, bool may_begin)
{
    if (row == ROW_HOLDS)
        return hold(self, terms, ts_us, newest, may_begin);
    if (!newest)
        return TELL_NOTHING;
    if (self->state == INCIDENT_PENDING)
        self->state = INCIDENT_WELL;
    if (self->state != INCIDENT_FIRING || row != ROW_CLEARS || ts_us < self->since_us)
        return TELL_NOTHING;
    self->state = INCIDENT_WELL;
    return TELL_RESOLVED;
}

incident_tell_t incident_retract(incident_t *self, alert_id_t began, int64_t ts_us)
{
    if (self->state == INCIDENT_PENDING && ts_us >= self->since_us)
        self->state = INCIDENT_WELL;
    if (self->state != INCIDENT_FIRING || memcmp(&self->opened, &began, sizeof self->opened) != 0)
        return TELL_NOTHING;
    self->state = INCIDENT_WELL;
    self->told = false; // what was told is void: it silences nothing that is true
    return TELL_RESOLVED;
}

bool incident_same(const incident_t *a, const incident_t *b)
{
    bool well = a->state == INCIDENT_WELL;
    return a->state == b->state && a->told == b->told && (!a->told || a->told_us == b->told_us) &&
           (well || a->since_us == b->since_us) &&
           (a->state != INCIDENT_FIRING || memcmp(&a->opened, &b->opened, sizeof a->opened) == 0);
}
