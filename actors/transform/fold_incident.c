/*  fold_incident -- incidents as rows move them: see fold.h and incident.h.
 *
 *  An incident goes by the name of its rule, as its topic does: a rule that is changed goes on with
 *  it, one that is removed ends it at the record of the plan (fold_control). What of it is told is
 *  the business of flap.h.
 */
#include "actors/transform/fold_state.h"

static incident_row_t shows(const case_t *at, const incident_t *incident, verdict_t verdict)
{
    switch (verdict) {
    case VERDICT_TRUE:
        return ROW_HOLDS;
    case VERDICT_WARMING:
        return ROW_UNKNOWN;
    case VERDICT_FALSE:
        break;
    }
    if (!case_rule(at)->resolve)
        return ROW_CLEARS;
    bool asked = incident->state == INCIDENT_FIRING;
    return asked && jury_resolves(at->hearing, at->rule) == VERDICT_TRUE ? ROW_CLEARS : ROW_NEITHER;
}

static flap_terms_t flap_terms(const rule_t *rule)
{
    return (flap_terms_t){ .changes = rule->flap_changes, .within_us = rule->flap_us };
}

// What of it is told. False: out of memory.
static bool guard(const case_t *at, topic_t *topic, incident_row_t row, bool newest,
                  incident_tell_t *tell)
{
    flap_terms_t terms = flap_terms(&case_rule(at)->rule);
    bool changes = *tell == TELL_FIRING || *tell == TELL_RESOLVED;
    if (terms.changes > 0 && changes && !spoken_flap(&at->pass->series->topics, topic))
        return false;
    if (topic->flap)
        *tell = flap_tell(topic->flap, &terms, &topic->incident, *tell, at->row->ts,
                          newest && row != ROW_UNKNOWN);
    return true;
}

static bool say_told(fold_t *self, const case_t *at, incident_tell_t tell)
{
    switch (tell) {
    case TELL_NOTHING:
        return true;
    case TELL_FIRING:
        return fold_say(self, at, SAY_FIRING);
    case TELL_STILL:
        return fold_say(self, at, SAY_STILL);
    case TELL_RESOLVED:
        return fold_say(self, at, SAY_RESOLVED);
    case TELL_FLAPPING:
        return fold_say(self, at, SAY_FLAPPING);
    case TELL_CALM_FIRING:
        return fold_say(self, at, SAY_CALM_FIRING);
    case TELL_CALM_RESOLVED:
        return fold_say(self, at, SAY_CALM_RESOLVED);
    }
    return false;
}

bool fold_move(fold_t *self, const case_t *at, verdict_t verdict, bool newest, unsigned *said)
{
    spoken_t *topics = &at->pass->series->topics;
    topic_t *topic =
        verdict == VERDICT_TRUE ? spoken_take(topics, at->rule) : spoken_find(topics, at->rule);
    if (verdict != VERDICT_TRUE && (!topic || topic_is_well(topic)))
        return true; // as nearly always
    if (!topic)
        return false;
    const rule_t *rule = &case_rule(at)->rule;
    incident_terms_t terms = { .for_us = rule->for_us, .cooldown_us = rule->cooldown_us };
    at->pass->series->settled = false; // whoever moves incidents in order says so again
    incident_t before = topic->incident;
    incident_row_t row = shows(at, &before, verdict);
    incident_tell_t tell =
        incident_move(&topic->incident, &terms, row, at->row->ts, newest, !(*said & SAID_INCIDENT));
    if (tell == TELL_FIRING) {
        *said |= SAID_INCIDENT;
        topic->incident.opened = alert_id_about(fold_id(at), "firing");
    }
    if (!incident_same(&before, &topic->incident) && !spoken_change(topics, at->rule, topic))
        return false;
    return guard(at, topic, row, newest, &tell) && say_told(self, at, tell);
}

bool fold_retract(fold_t *self, const case_t *at)
{
    spoken_t *topics = &at->pass->series->topics;
    topic_t *topic = spoken_find(topics, at->rule);
    if (!topic || topic->incident.state == INCIDENT_WELL)
        return true;
    at->pass->series->settled = false;
    incident_t before = topic->incident;
    alert_id_t began = alert_id_about(fold_id(at), "firing");
    incident_tell_t tell = incident_retract(&topic->incident, began, at->row->ts);
    if (!incident_same(&before, &topic->incident) && !spoken_change(topics, at->rule, topic))
        return false;
    bool told = tell != TELL_NOTHING && (!topic->flap || flap_retract(topic->flap));
    return !told || fold_say(self, at, SAY_TAKEN_BACK);
}
