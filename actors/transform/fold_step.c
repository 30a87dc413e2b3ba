/*  fold_step -- rules by edge: is a row the step to true? See fold.h.
 *
 *  Without windows the row before is asked by its columns. With windows it is recalled how it stood
 *  when it was judged last: as it came, was revised, or closed. So when a row closes, and the one
 *  before it has, the answer is final. Of a row that came later than its windows are covered, or a
 *  rule that came later than the row, nobody knows: the rule is warming then.
 */
#include "actors/transform/fold_state.h"

static bool steps_by_columns(const case_t *at, bool *known)
{
    const pass_t *pass = at->pass;
    uint64_t position = at->hearing->moment->position;
    moment_t earlier = { .position = position };
    hearing_t hearing = *at->hearing;
    hearing.moment = &earlier;
    hearing.findings = NULL; // those of the row in hand
    switch (series_before(pass->series, position, &earlier.ts, &hearing.values)) {
    case BEFORE_NONE:
        return true;
    case BEFORE_UNKNOWN:
        *known = false;
        return false;
    case BEFORE_KNOWN:
        break;
    }
    return jury_rule(&hearing, at->rule) != VERDICT_TRUE;
}

static bool steps_by_windows(const case_t *at, bool *known)
{
    const series_t *series = at->pass->series;
    uint64_t position = at->hearing->moment->position;
    if (position == 0)
        return true;
    if (fired_said(&series->fired, position - 1, &case_rule(at)->id) & SAID_HELD)
        return false;
    *known = position - 1 >= recalls_since(&series->recalls, at->rule);
    return *known;
}

bool fold_steps(const case_t *at, bool *known)
{
    *known = true;
    return rule_recalls(case_rule(at)) ? steps_by_windows(at, known) : steps_by_columns(at, known);
}

// From the first row on that came under it with windows that are covered, a rule knows of all: they
// are covered for whatever comes behind. Whether they may stand still by then is for fold_freeze.
static void learn(const hearing_t *hearing)
{
    recalls_t *recalls = &hearing->series->recalls;
    for (size_t i = 0; i < recalls->count; i++)
        if (recalls->rules[i].since == RECALLS_NONE && jury_covers(hearing, recalls->rules[i].rule))
            recalls->rules[i].since = hearing->moment->position;
}

bool fold_stand(fold_t *self, const hearing_t *hearing, bool newest)
{
    series_t *series = hearing->series;
    const table_plan_t *plan = series->layout->plan;
    uint64_t position = hearing->moment->position;
    if (!newest) // also what rules recall that are gone, and may come back
        fired_unsay(&series->fired, position, SAID_HELD);
    if (!plan->recalls)
        return true;
    for (size_t i = 0; i < self->call_count; i++) {
        const call_t *called = &self->calls[i];
        const compiled_rule_t *rule = &plan->rules[called->rule];
        if (called->verdict == VERDICT_TRUE && rule_recalls(rule) &&
            rule->rule.emit == RULE_EMIT_EDGE &&
            !fired_say(&series->fired, position, &rule->id, SAID_HELD))
            return false;
    }
    if (plan->freezes && !fold_freeze(self, hearing))
        return false;
    if (newest)
        learn(hearing);
    return true;
}
