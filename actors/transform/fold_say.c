/*  fold_say -- entries of topics: alerts, corrections, and what is told of incidents. See fold.h.
 *
 *  An id hangs on the rule and the row alone; place and predecessor are those of the topic.
 */
#include "actors/transform/fold_state.h"

alert_id_t fold_id(const case_t *at)
{
    const moment_t *moment = at->hearing->moment;
    const compiled_rule_t *rule = case_rule(at);
    uint8_t ordinal[8];
    for (unsigned i = 0; i < sizeof ordinal; i++)
        ordinal[i] = (uint8_t) ((moment->position - moment->first) >> (8 * i));
    return alert_id_of(slice_text(rule->name), rule->hash, series_name(at->pass->series),
                       at->row->ts,
                       at->row->ordinal ? slice_of(ordinal, sizeof ordinal) : at->row->identity);
}

static void fill_alert(alert_t *entry, topic_t *topic, alert_id_t row)
{
    entry->kind = "alert";
    entry->id = row;
    entry->suppressed = topic->suppressed;
    topic->suppressed = 0;
}

static void fill_incident(alert_t *entry, const incident_t *incident, const char *kind,
                          alert_id_t about)
{
    entry->kind = kind;
    entry->incident = true;
    entry->since_us = incident->since_us;
    entry->id = alert_id_about(about, kind);
}

static void fill(fold_t *self, alert_t *entry, topic_t *topic, alert_id_t row, say_t say)
{
    incident_t *incident = &topic->incident;
    switch (say) {
    case SAY_ALERT:
    case SAY_LATE_ALERT:
        fill_alert(entry, topic, row);
        entry->late = say == SAY_LATE_ALERT;
        self->count.alerts++;
        return;
    case SAY_CORRECTION:
        entry->kind = "correction";
        entry->corrects = row;
        entry->id = alert_id_about(row, entry->kind);
        self->count.corrections++;
        return;
    case SAY_FIRING:
        fill_incident(entry, incident, "firing", row);
        incident->opened = entry->id;
        self->count.firing++;
        return;
    case SAY_STILL:
        fill_incident(entry, incident, "still", row);
        entry->opened = incident->opened;
        return;
    case SAY_RESOLVED:
    case SAY_TAKEN_BACK:
        fill_incident(entry, incident, "resolved", incident->opened);
        entry->opened = incident->opened;
        if (say == SAY_TAKEN_BACK)
            entry->corrects = row;
        self->count.resolved++;
        return;
    }
}

bool fold_say(fold_t *self, const case_t *at, say_t say)
{
    const pass_t *pass = at->pass;
    alert_t entry = { .stream = pass->stream,
                      .record_seq = pass->block->seq,
                      .row = rows_load_u32(pass->block->row, at->index),
                      .recv_us = pass->block->recv_us,
                      .staged_us = pass->block->staged_us,
                      .prep_us = pass->block->prep_us,
                      .fired_us = pass->fired_us };
    if (!jury_describe(self->jury, at->hearing, at->rule, &entry) || !series_topics(pass->series))
        return false;
    topic_t *topic = &pass->series->topics[at->rule];
    fill(self, &entry, topic, fold_id(at), say);
    topic_place(topic, &entry);
    if (self->alert)
        self->alert(self->context, pass->run->partition, &entry);
    return true;
}

bool fold_tell(fold_t *self, const case_t *at, say_t say, unsigned *said)
{
    series_t *series = at->pass->series;
    if (!series_topics(series))
        return false;
    bool goes =
        topic_admits(&series->topics[at->rule], at->row->ts, case_rule(at)->rule.alerts_max);
    *said |= goes ? SAID_ALERT : SAID_SUPPRESSED;
    self->count.suppressed += !goes;
    return !goes || fold_say(self, at, say);
}
