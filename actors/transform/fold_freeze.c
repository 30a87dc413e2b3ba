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
 *  windows that move, until those of its `resolve` are covered as well: whether its guards would
 *  hold nobody knows before.
 */
#include "actors/transform/fold_state.h"

// Of a rule that holds.
static bool hold(fold_t *self, const hearing_t *hearing, uint32_t rule)
{
    baseline_t *before = jury_baseline(hearing, rule);
    if (!before && !jury_covers_life(hearing, rule))
        return true;
    baseline_t *behind = before ? baseline_share(before) : jury_capture(hearing, rule);
    return behind && standings_add(&self->standing, rule, behind);
}

// Of those that stood still behind the row before, from `*at` on, of rules up to this one: they do
// not hold any more, but may not have let go.
static bool hold_on(fold_t *self, const hearing_t *hearing, size_t *at, uint32_t up_to)
{
    const series_t *series = hearing->series;
    for (; *at < series->baselines.count; ++*at) {
        const baseline_row_t *before = baselines_row(&series->baselines, *at);
        if (before->position >= hearing->moment->position || before->rule >= up_to)
            break;
        if (series->layout->plan->rules[before->rule].resolve &&
            jury_baseline(hearing, before->rule) &&
            jury_resolves(hearing, before->rule) == VERDICT_FALSE &&
            !standings_add(&self->standing, before->rule, baseline_share(before->baseline)))
            return false;
    }
    return true;
}

bool fold_freeze(fold_t *self, const hearing_t *hearing)
{
    const table_plan_t *plan = hearing->series->layout->plan;
    baselines_t *baselines = &hearing->series->baselines;
    uint64_t position = hearing->moment->position;
    size_t at = position > 0 ? baselines_from(baselines, position - 1) : baselines->count;
    standings_clear(&self->standing);
    for (size_t i = 0; i < self->call_count; i++) {
        const call_t *called = &self->calls[i];
        if (called->verdict != VERDICT_TRUE || !plan->rules[called->rule].rule.freeze)
            continue;
        if (!hold_on(self, hearing, &at, called->rule) || !hold(self, hearing, called->rule))
            return false;
        at += at < baselines->count && baselines_row(baselines, at)->position < position &&
              baselines_row(baselines, at)->rule == called->rule;
    }
    return hold_on(self, hearing, &at, UINT32_MAX) &&
           baselines_set(baselines, position, &self->standing);
}
