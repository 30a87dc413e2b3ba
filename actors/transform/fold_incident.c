/*  fold_incident -- incidents as rows move them: see fold.h and incident.h.
 *
 *  An incident goes by the name of its rule, as its topic does: a rule that is changed goes on with
 *  it, one that is removed leaves it without a word.
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

bool fold_move(fold_t *self, const case_t *at, verdict_t verdict, bool newest, unsigned *said)
{
    series_t *series = at->pass->series;
    bool well = !series->topics || series->topics[at->rule].incident.state == INCIDENT_WELL;
    if (well && verdict != VERDICT_TRUE)
        return true; // as nearly always
    if (!series_topics(series))
        return false;
    topic_t *topic = &series->topics[at->rule];
    const rule_t *rule = &case_rule(at)->rule;
    incident_terms_t terms = { .for_us = rule->for_us, .cooldown_us = rule->cooldown_us };
    incident_t before = topic->incident;
    incident_row_t row = shows(at, &before, verdict);
    incident_tell_t tell =
        incident_move(&topic->incident, &terms, row, at->row->ts, newest, !(*said & SAID_INCIDENT));
    topic->changed |= !incident_same(&before, &topic->incident);
    switch (tell) {
    case TELL_NOTHING:
        return true;
    case TELL_FIRING:
        *said |= SAID_INCIDENT;
        return fold_say(self, at, SAY_FIRING);
    case TELL_STILL:
        return fold_say(self, at, SAY_STILL);
    case TELL_RESOLVED:
        return fold_say(self, at, SAY_RESOLVED);
    }
    return false;
}

bool fold_retract(fold_t *self, const case_t *at)
{
    if (!at->pass->series->topics)
        return true;
    topic_t *topic = &at->pass->series->topics[at->rule];
    incident_t before = topic->incident;
    if (before.state == INCIDENT_WELL)
        return true;
    alert_id_t began = alert_id_about(fold_id(at), "firing");
    incident_tell_t tell = incident_retract(&topic->incident, began, at->row->ts);
    topic->changed |= !incident_same(&before, &topic->incident);
    return tell == TELL_NOTHING || fold_say(self, at, SAY_TAKEN_BACK);
}
