/*  fold_judge -- when rows are judged, and what is said of it: see fold.h.
 *
 *  A row is judged on arrival, on each revision, and if it is due once more when it closes. Alerts
 *  and corrections at closing name the record that closed the row; those of one series come in
 *  order of time, arrival and name of the rule, before any of the row that closed them.
 */
#include "actors/transform/fold_state.h"

static hearing_t hear(const pass_t *pass, const moment_t *moment, const decimal_t *values)
{
    return (
        hearing_t){ .series = pass->series, .moment = moment, .values = values, .key = &pass->key };
}

static bool is_edge(const pass_t *pass, uint32_t rule)
{
    return pass->layout->plan->rules[rule].rule.emit == RULE_EMIT_EDGE;
}

static bool is_newest(const case_t *at)
{
    return at->hearing->moment->position == at->pass->series->ring.tail - 1;
}

// What one rule says of a row that came or was revised.
static bool judge_rule(fold_t *self, const case_t *at, const call_t *called, unsigned *said)
{
    bool known, newest = is_newest(at);
    verdict_t verdict = called->verdict;
    bool alerts = verdict == VERDICT_TRUE &&
                  (!is_edge(at->pass, at->rule) || called->step || fold_steps(at, &known));
    if (alerts && !fold_tell(self, at, SAY_ALERT, said))
        return false;
    if (jury_waits(at->hearing, at->rule) || !(alerts || newest))
        return true;
    return fold_move(self, at, verdict, newest, said);
}

bool fold_judge(fold_t *self, const pass_t *pass, const moment_t *moment, const row_t *row,
                uint32_t index, bool revised)
{
    series_t *series = pass->series;
    const table_plan_t *plan = pass->layout->plan;
    hearing_t hearing = hear(pass, moment, row->values);
    bool comes_again = !row->ordinal || plan->lateness_us > 0;
    case_t at = { .pass = pass, .hearing = &hearing, .row = row, .index = index };
    bool comes = !revised && is_newest(&at), next = comes && plan->lateness_us == 0;
    if (!fold_call(self, &hearing, next && series->settled, false) ||
        !fold_stand(self, &hearing, comes))
        return false;
    series->settled = false;
    for (size_t i = 0; i < self->call_count; i++) {
        at.rule = self->calls[i].rule;
        const rule_id_t *id = &plan->rules[at.rule].id;
        unsigned said = fired_said(&series->fired, moment->position, id), before = said;
        if (said & SAID_TRUE)
            continue; // revised, and this rule has told already, under whatever plan
        if (!judge_rule(self, &at, &self->calls[i], &said) ||
            (comes_again && said != before &&
             !fired_say(&series->fired, moment->position, id, said)))
            return false;
    }
    return !next || fold_settle(self, series);
}

// ---- closing ----------------------------------------------------------------------------------

// What it means for the incident: see fold_judge for the newest row. Of an older one an alert that
// comes late may begin one, and what is taken back may end one.
static bool close_incident(fold_t *self, const case_t *at, verdict_t verdict, bool late,
                           unsigned said)
{
    bool newest = is_newest(at) || jury_waits(at->hearing, at->rule);
    if (verdict != VERDICT_TRUE && !fold_retract(self, at))
        return false;
    return !(newest || late) || fold_move(self, at, verdict, newest, &said);
}

// The last word of one rule. What was held back has nothing to be taken back.
static bool close_verdict(fold_t *self, const case_t *at, verdict_t verdict)
{
    const pass_t *pass = at->pass;
    unsigned said =
        fired_said(&pass->series->fired, at->hearing->moment->position, &case_rule(at)->id);
    bool holds = verdict == VERDICT_TRUE, known = true, told = said & SAID_TRUE;
    if (holds && is_edge(pass, at->rule))
        holds = fold_steps(at, &known);
    if (!known || (verdict == VERDICT_WARMING && !jury_covers(at->hearing, at->rule)))
        return true; // the rule came back, and what it would need to judge the row is not there
    if (holds && !told && !fold_tell(self, at, SAY_LATE_ALERT, &said))
        return false;
    if (!holds && said & SAID_ALERT && !fold_say(self, at, SAY_CORRECTION))
        return false;
    return close_incident(self, at, verdict, holds && !told, said);
}

// Has any rule said something of this row, that it may have to take back?
static bool said_any(const series_t *series, uint64_t position)
{
    const fired_t *fired = &series->fired;
    for (size_t i = fired_from(fired, position);
         i < fired->count && fired->rows[i].position == position; i++)
        if (fired->rows[i].said & SAID_ANYTHING)
            return true;
    return false;
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
    hearing_t hearing = hear(pass, moment, row.values);
    case_t at = { .pass = pass, .hearing = &hearing, .row = &row, .index = index };
    series->settled = false;
    if (!fold_call(self, &hearing, false, said_any(series, moment->position)) ||
        !fold_stand(self, &hearing, false))
        return false;
    for (size_t i = 0; i < self->call_count; i++) {
        at.rule = self->calls[i].rule;
        if (!close_verdict(self, &at, self->calls[i].verdict))
            return false;
    }
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
