/*  fold_freeze -- rules whose windows stand still while they hold (`freeze`): see fold.h.
 *
 *  From the first row for which the condition holds what its windows held there is the baseline,
 *  until a row for which it does not hold by that; if the rule has a `resolve`, until one for
 *  which that holds, too. Where the guards of `resolve` failed at the first row it can never be
 *  judged, and does not keep the baseline. This is a function of the rows alone: `for`,
 *  `cooldown` and flaps move no window.
 *
 *  As with steps (fold_step.c), it is remembered for each open row how windows stand behind it,
 *  as of when the row was judged last. A rule that comes to a series under way begins with
 *  windows that move.
 */
#include "actors/transform/fold_state.h"

static bool hold(const hearing_t *hearing, uint32_t rule)
{
    baselines_t *baselines = &hearing->series->baselines;
    uint64_t position = hearing->moment->position;
    baseline_t *before = jury_baseline(hearing, rule);
    if (before)
        return baselines_put(baselines, position, rule, before);
    baseline_t *made = jury_capture(hearing, rule);
    bool ok = made && baselines_put(baselines, position, rule, made);
    baseline_release(&made);
    return ok;
}

// Of rules for which it does not hold any more, but which have not let go.
static bool hold_on(const hearing_t *hearing)
{
    series_t *series = hearing->series;
    uint64_t position = hearing->moment->position;
    if (position == 0)
        return true;
    // What is put in lies behind those of the row before.
    size_t i = baselines_from(&series->baselines, position - 1);
    for (; i < series->baselines.count; i++) {
        const baseline_row_t before = series->baselines.rows[i];
        if (before.position >= position)
            break;
        if (series->layout->plan->rules[before.rule].resolve &&
            !baselines_find(&series->baselines, position, before.rule) &&
            jury_baseline(hearing, before.rule) &&
            jury_resolves(hearing, before.rule) == VERDICT_FALSE &&
            !baselines_put(&series->baselines, position, before.rule, before.baseline))
            return false;
    }
    return true;
}

bool fold_freeze(fold_t *self, const hearing_t *hearing, bool newest)
{
    const table_plan_t *plan = hearing->series->layout->plan;
    if (!newest)
        baselines_clear(&hearing->series->baselines, hearing->moment->position);
    for (size_t i = 0; i < self->call_count; i++) {
        const call_t *called = &self->calls[i];
        if (called->verdict == VERDICT_TRUE && plan->rules[called->rule].rule.freeze &&
            !hold(hearing, called->rule))
            return false;
    }
    return hold_on(hearing);
}
