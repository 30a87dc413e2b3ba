/*  fold_say -- entries of topics: alerts, corrections, and what is told of incidents. See fold.h.
 *
 *  An id hangs on the rule and the row alone; place and predecessor are those of the topic.
 */
#include "actors/transform/fold_state.h"

#define RULE_REMOVED "rule removed"
#define TOLD_ANEW "told anew"

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

// What people were told last is that it fires, or that it flaps.
static void fill_over(alert_t *entry, const topic_t *topic, bool calm)
{
    bool flapped = calm || topic_flaps(topic);
    entry->opened = flapped ? topic->flap->opened : topic->incident.opened;
    fill_incident(entry, &topic->incident, "resolved", entry->opened);
    if (flapped)
        entry->since_us = topic->flap->since_us;
}

// Of the silence after a row that was received then. The condition has no part in it.
static alert_id_t silence_id(const case_t *at, int64_t heard_us)
{
    static const uint8_t no_hash[32] = { 0 };
    alert_id_t id = alert_id_of(slice_text(case_rule(at)->name), no_hash,
                                series_name(at->pass->series), heard_us, slice_of(NULL, 0));
    return alert_id_about(id, "nodata");
}

static void fill_silence(alert_t *entry, const case_t *at, topic_t *topic, say_t say)
{
    series_t *series = at->pass->series;
    bool begins = say == SAY_NODATA;
    if (begins)
        topic->silent_us = series->heard_us;
    alert_id_t began = silence_id(at, topic->silent_us);
    entry->kind = begins ? "nodata" : say == SAY_DATA ? "data" : "resolved";
    entry->incident = true;
    entry->since_us = topic->silent_us;
    entry->id = begins ? began : alert_id_about(began, entry->kind);
    if (!begins)
        entry->opened = began;
    if (say == SAY_UNWATCHED)
        entry->reason = at->pass->told_anew ? TOLD_ANEW : RULE_REMOVED;
    topic->silent = begins;
    if (begins)
        series->silences++;
    else
        series->silences--;
}

static void fill(fold_t *self, alert_t *entry, const case_t *at, topic_t *topic, say_t say)
{
    incident_t *incident = &topic->incident;
    alert_id_t row = fold_id(at);
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
    case SAY_CALM_FIRING:
        fill_incident(entry, incident, "firing", row);
        entry->id = incident->opened; // that of the row that began it, told or not
        if (say == SAY_CALM_FIRING)
            entry->opened = topic->flap->opened;
        self->count.firing++;
        return;
    case SAY_FLAPPING:
        fill_incident(entry, incident, "flapping", row);
        entry->changes = case_rule(at)->rule.flap_changes;
        entry->since_us = topic->flap->since_us;
        topic->flap->opened = entry->id;
        self->count.flapping++;
        return;
    case SAY_STILL:
        fill_incident(entry, incident, "still", row);
        entry->opened = incident->opened;
        return;
    case SAY_RESOLVED:
    case SAY_CALM_RESOLVED:
    case SAY_TAKEN_BACK:
    case SAY_DROPPED:
        fill_over(entry, topic, say == SAY_CALM_RESOLVED);
        if (say == SAY_TAKEN_BACK)
            entry->corrects = row;
        if (say == SAY_DROPPED)
            entry->reason = at->pass->told_anew ? TOLD_ANEW : RULE_REMOVED;
        self->count.resolved++;
        return;
    case SAY_NODATA:
    case SAY_DATA:
    case SAY_UNWATCHED:
        fill_silence(entry, at, topic, say);
        self->count.silences += say == SAY_NODATA;
        return;
    }
}

// The record that made us say it.
static alert_t entry_of(const pass_t *pass, uint32_t index)
{
    alert_t entry = { .stream = pass->stream,
                      .record_seq = pass->control_seq,
                      .recv_us = pass->control_us,
                      .fired_us = pass->fired_us };
    if (!pass->block)
        return entry;
    entry.record_seq = pass->block->seq;
    entry.row = rows_load_u32(pass->block->row, index);
    entry.recv_us = pass->block->recv_us;
    entry.staged_us = pass->block->staged_us;
    entry.prep_us = pass->block->prep_us;
    return entry;
}

bool fold_say(fold_t *self, const case_t *at, say_t say)
{
    const pass_t *pass = at->pass;
    alert_t entry = entry_of(pass, at->index);
    spoken_t *topics = &pass->series->topics;
    topic_t *topic = spoken_take(topics, at->rule);
    if (!topic || !spoken_change(topics, at->rule, topic) ||
        !jury_describe(self->jury, at->hearing, at->rule, &entry))
        return false;
    fill(self, &entry, at, topic, say);
    topic_place(topic, &entry);
    if (self->alert)
        self->alert(self->context, pass->number, &entry);
    return true;
}

bool fold_tell(fold_t *self, const case_t *at, say_t say, unsigned *said)
{
    spoken_t *topics = &at->pass->series->topics;
    topic_t *topic = spoken_take(topics, at->rule);
    if (!topic || !spoken_change(topics, at->rule, topic))
        return false;
    bool goes = topic_admits(topic, at->row->ts, case_rule(at)->rule.alerts_max);
    *said |= goes ? SAID_ALERT : SAID_SUPPRESSED;
    self->count.suppressed += !goes;
    return !goes || fold_say(self, at, say);
}
