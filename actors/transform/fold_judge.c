/*  fold_judge -- when rows are judged, and what is said of it: see fold.h.
 *
 *  A row is judged on arrival, on each revision, and if it is due once more when it closes. Alerts
 *  and corrections at closing name the record that closed the row; those of one series come in
 *  order of time, arrival and name of the rule, before any of the row that closed them.
 */
#include "actors/transform/fold_state.h"

static alert_id_t id_of(const pass_t *pass, const moment_t *moment, const row_t *row,
                        const compiled_rule_t *rule)
{
    uint8_t ordinal[8];
    for (unsigned i = 0; i < sizeof ordinal; i++)
        ordinal[i] = (uint8_t) ((moment->position - moment->first) >> (8 * i));
    return alert_id_of(slice_text(rule->name), rule->hash, series_name(pass->series), row->ts,
                       row->ordinal ? slice_of(ordinal, sizeof ordinal) : row->identity);
}

typedef enum { SAY_ALERT, SAY_LATE_ALERT, SAY_CORRECTION } say_t;

static bool publish(fold_t *self, const pass_t *pass, const hearing_t *hearing, const row_t *row,
                    uint32_t rule, uint32_t index, say_t say)
{
    series_t *series = pass->series;
    alert_t alert = { .kind = say == SAY_CORRECTION ? "correction" : "alert",
                      .late = say == SAY_LATE_ALERT,
                      .stream = pass->stream,
                      .record_seq = pass->block->seq,
                      .row = rows_load_u32(pass->block->row, index),
                      .recv_us = pass->block->recv_us,
                      .staged_us = pass->block->staged_us,
                      .prep_us = pass->block->prep_us,
                      .fired_us = pass->fired_us };
    if (!jury_describe(self->jury, hearing, rule, &alert) || !series_topics(series))
        return false;
    alert.id = id_of(pass, hearing->moment, row, &pass->layout->plan->rules[rule]);
    if (say == SAY_CORRECTION) {
        alert.corrects = alert.id;
        alert.id = alert_id_of_correction(alert.corrects);
    }
    topic_t *topic = &series->topics[rule];
    if (say != SAY_CORRECTION) {
        alert.suppressed = topic->suppressed;
        topic->suppressed = 0;
    }
    topic_place(topic, &alert);
    self->count.alerts += say != SAY_CORRECTION;
    self->count.corrections += say == SAY_CORRECTION;
    if (self->alert)
        self->alert(self->context, pass->run->partition, &alert);
    return true;
}

static hearing_t hear(const pass_t *pass, const moment_t *moment, const decimal_t *values)
{
    return (
        hearing_t){ .series = pass->series, .moment = moment, .values = values, .key = &pass->key };
}

static void note(fold_t *self, verdict_t verdict)
{
    self->count.warming += verdict == VERDICT_WARMING;
    self->count.judged += verdict != VERDICT_WARMING;
}

// Of a row for which the condition of an edge rule holds: is it the step? *known: the row before it
// is.
static bool steps(const pass_t *pass, const moment_t *moment, uint32_t rule, bool *known)
{
    moment_t earlier = { .position = moment->position };
    const decimal_t *values;
    *known = true;
    switch (series_before(pass->series, moment->position, &earlier.ts, &values)) {
    case BEFORE_NONE:
        return true;
    case BEFORE_UNKNOWN:
        *known = false;
        return false;
    case BEFORE_KNOWN:
        break;
    }
    hearing_t hearing = hear(pass, &earlier, values);
    return jury_rule(&hearing, rule) != VERDICT_TRUE;
}

static bool is_edge(const pass_t *pass, uint32_t rule)
{
    return pass->layout->plan->rules[rule].rule.emit == RULE_EMIT_EDGE;
}

// An alert, or one that is held back. *said: SAID_*.
static bool tell(fold_t *self, const pass_t *pass, const hearing_t *hearing, const row_t *row,
                 uint32_t rule, uint32_t index, say_t say, unsigned *said)
{
    series_t *series = pass->series;
    if (!series_topics(series))
        return false;
    uint32_t most = pass->layout->plan->rules[rule].rule.alerts_max;
    bool goes = topic_admits(&series->topics[rule], row->ts, most);
    *said = goes ? SAID_ALERT : SAID_SUPPRESSED;
    self->count.suppressed += !goes;
    return !goes || publish(self, pass, hearing, row, rule, index, say);
}

bool fold_judge(fold_t *self, const pass_t *pass, const moment_t *moment, const row_t *row,
                uint32_t index)
{
    series_t *series = pass->series;
    const table_plan_t *plan = pass->layout->plan;
    hearing_t hearing = hear(pass, moment, row->values);
    bool comes_again = !row->ordinal || plan->lateness_us > 0, known;
    for (uint32_t i = 0; i < plan->rule_count; i++) {
        const rule_id_t *id = &plan->rules[i].id;
        unsigned said = fired_said(&series->fired, moment->position, id);
        if (said)
            continue; // revised, and this rule has told already, under whatever plan
        verdict_t verdict = jury_rule(&hearing, i);
        note(self, verdict);
        if (verdict != VERDICT_TRUE || (is_edge(pass, i) && !steps(pass, moment, i, &known)))
            continue;
        if (!tell(self, pass, &hearing, row, i, index, SAY_ALERT, &said) ||
            (comes_again && !fired_say(&series->fired, moment->position, id, said)))
            return false;
    }
    return true;
}

// ---- closing ----------------------------------------------------------------------------------

// The last word of one rule. What was held back has nothing to be taken back.
static bool close_verdict(fold_t *self, const pass_t *pass, const hearing_t *hearing,
                          const row_t *row, uint32_t rule, uint32_t index)
{
    const compiled_rule_t *compiled = &pass->layout->plan->rules[rule];
    unsigned said = fired_said(&pass->series->fired, hearing->moment->position, &compiled->id);
    verdict_t verdict = jury_rule(hearing, rule);
    note(self, verdict);
    bool holds = verdict == VERDICT_TRUE, known = true;
    if (holds && is_edge(pass, rule))
        holds = steps(pass, hearing->moment, rule, &known);
    if (!known || holds == (said != 0))
        return true;
    if (holds)
        return tell(self, pass, hearing, row, rule, index, SAY_LATE_ALERT, &said);
    return said == SAID_SUPPRESSED ||
           publish(self, pass, hearing, row, rule, index, SAY_CORRECTION);
}

// The last word on the first open row: takes back what does not hold, tells what was not told.
static bool judge_closing(fold_t *self, const pass_t *pass, const moment_t *moment, uint32_t index)
{
    series_t *series = pass->series;
    const open_t *open = &series->open;
    row_t row = { .ts = moment->ts,
                  .values = open_values(open, open->first),
                  .identity = open_identity(open, open->first),
                  .ordinal = open->rows[open->first].ordinal };
    const table_plan_t *plan = pass->layout->plan;
    hearing_t hearing = hear(pass, moment, row.values);
    for (uint32_t i = 0; i < plan->rule_count; i++)
        if (!close_verdict(self, pass, &hearing, &row, i, index))
            return false;
    return true;
}

static bool close_first(fold_t *self, const pass_t *pass, uint32_t index)
{
    series_t *series = pass->series;
    const open_row_t *first = &series->open.rows[series->open.first];
    moment_t moment;
    if (!first->due)
        return series_raise(series, first->ts) && series_close(series);
    return series_look_closing(series, &moment) && judge_closing(self, pass, &moment, index) &&
           series_close(series);
}

static bool close_before(fold_t *self, const pass_t *pass, int64_t floor, uint32_t index)
{
    const open_t *open = &pass->series->open;
    while (open_count(open) > 0 && open->rows[open->first].ts < floor)
        if (!close_first(self, pass, index))
            return false;
    return series_raise(pass->series, floor);
}

bool fold_close(fold_t *self, const pass_t *pass, const row_t *row, bool room, uint32_t index)
{
    series_t *series = pass->series;
    // What is not due closes by itself when the row takes its place.
    if (series_replaces(series, row->ts) && series->due == 0)
        return true;
    int64_t floor = series_floor(series, row->ts);
    if (floor > series->floor_us && !close_before(self, pass, floor, index))
        return false;
    if (!room || !series_full(series))
        return true;
    // No room. The rows of the oldest time close early; if there is no other time, one of them.
    int64_t oldest = series->open.rows[series->open.first].ts;
    return oldest < series->newest || row->ts > series->newest
               ? close_before(self, pass, oldest + 1, index)
               : close_first(self, pass, index);
}
