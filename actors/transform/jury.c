/*  jury -- verdicts: see jury.h. What is said for people is in jury_alert.c. */
#include "actors/transform/aggregate_cells.h"
#include "actors/transform/jury_inside.h"

// ---- what expressions see ---------------------------------------------------------------------

static approximate_t see_approximate(void *state, unsigned aggregate, double *value, double *error)
{
    const hearing_t *hearing = state;
    sight_t sight = jury_sight(hearing);
    return series_covers(hearing->series, aggregate, hearing->moment)
               ? aggregate_approximate(&sight, aggregate, value, error)
               : APPROXIMATE_NULL;
}

static bool see_exact(void *state, unsigned aggregate, mpq_t value)
{
    const hearing_t *hearing = state;
    sight_t sight = jury_sight(hearing);
    return series_covers(hearing->series, aggregate, hearing->moment) &&
           aggregate_exact(&sight, aggregate, value);
}

static const aggregate_source_t sights = { .approximate = see_approximate, .exact = see_exact };

frame_t jury_frame(const hearing_t *hearing)
{
    return (frame_t){ .columns = hearing->values,
                      .ts_us = hearing->moment->ts,
                      .key_count = (unsigned) hearing->series->layout->plan->key_count,
                      .key_values = hearing->key->values,
                      .source = &sights,
                      .window_state = (void *) hearing };
}

void jury_arguments(const layout_t *layout, const decimal_t *values, int64_t ts,
                    const series_parts_t *key, figure_t *arguments)
{
    const table_plan_t *plan = layout->plan;
    frame_t frame = { .columns = values,
                      .ts_us = ts,
                      .key_count = (unsigned) plan->key_count,
                      .key_values = key->values };
    for (size_t i = 0; i < plan->argument_count; i++) {
        const argument_t *argument = &plan->arguments[i];
        if (argument->column >= 0) {
            figure_set_decimal(&arguments[i], values[argument->column]);
            continue;
        }
        int128_t mantissa;
        int exponent;
        bool fits = true;
        arguments[i].size = FIGURE_NULL;
        if (evaluate_small(argument->expr, &frame, &mantissa, &exponent, &fits)) {
            figure_set_int128(&arguments[i], mantissa, exponent);
        } else if (!fits) {
            mpq_t value;
            mpq_init(value);
            // Arguments are made of + - * over decimals: what is not one cannot come out.
            if (evaluate_exact(argument->expr, &frame, value) &&
                !figure_set_rational(&arguments[i], value))
                arguments[i].size = FIGURE_NULL;
            mpq_clear(value);
        }
    }
}

// ---- verdicts ---------------------------------------------------------------------------------

static bool guard_holds(const sight_t *sight, const guard_t *guard)
{
    if (guard->positive)
        return aggregate_sign(sight, guard->aggregate) > 0;
    return aggregate_rows(sight, guard->aggregate) >= guard->least;
}

// Not inlined: of most series everything is covered.
static __attribute__((noinline)) bool rule_covered(const hearing_t *hearing,
                                                   const compiled_rule_t *rule)
{
    for (size_t i = 0; i < rule->aggregate_count; i++)
        if (!series_covers(hearing->series, rule->aggregates[i], hearing->moment))
            return false;
    for (size_t i = 0; i < rule->guard_count; i++)
        if (!series_covers(hearing->series, rule->guards[i].aggregate, hearing->moment))
            return false;
    return true;
}

// A coarse window that has not come so far yet is covered all the same.
static bool covers(const hearing_t *hearing, const compiled_rule_t *compiled)
{
    if (!hearing->series->partial)
        return true;
    moment_t moment = *hearing->moment;
    moment.ahead = false;
    hearing_t seen = *hearing;
    seen.moment = &moment;
    return rule_covered(&seen, compiled);
}

bool jury_covers(const hearing_t *hearing, size_t rule)
{
    return covers(hearing, &hearing->series->layout->plan->rules[rule]);
}

bool jury_covers_life(const hearing_t *hearing, size_t rule)
{
    const compiled_rule_t *compiled = &hearing->series->layout->plan->rules[rule];
    const compiled_rule_t *resolve = compiled->rule.freeze ? compiled->resolve : NULL;
    return covers(hearing, compiled) && (!resolve || covers(hearing, resolve));
}

bool jury_sees(const hearing_t *hearing, const compiled_rule_t *compiled)
{
    return !(hearing->series->partial || hearing->moment->ahead) || rule_covered(hearing, compiled);
}

static bool guards_hold(const hearing_t *hearing, const compiled_rule_t *compiled)
{
    sight_t sight = jury_sight(hearing);
    for (size_t i = 0; i < compiled->guard_count; i++)
        if (!guard_holds(&sight, &compiled->guards[i]))
            return false;
    return true;
}

// Can it be judged by windows that move?
static bool is_ready(const hearing_t *hearing, const compiled_rule_t *compiled)
{
    return jury_sees(hearing, compiled) && guards_hold(hearing, compiled);
}

static verdict_t verdict_of(const compiled_rule_t *compiled, const frame_t *frame)
{
    return evaluate_truth(compiled->when, frame) == TRUTH_TRUE ? VERDICT_TRUE : VERDICT_FALSE;
}

static verdict_t judge(const hearing_t *hearing, const compiled_rule_t *compiled)
{
    if (!is_ready(hearing, compiled))
        return VERDICT_WARMING;
    frame_t frame = jury_frame(hearing);
    return verdict_of(compiled, &frame);
}

static verdict_t judge_frozen(const hearing_t *hearing, size_t rule);

verdict_t jury_rule(const hearing_t *hearing, size_t rule)
{
    const compiled_rule_t *compiled = &hearing->series->layout->plan->rules[rule];
    return compiled->rule.freeze ? judge_frozen(hearing, rule) : judge(hearing, compiled);
}

// ---- questions --------------------------------------------------------------------------------

// A rule is large, and of very many each is far away: it is looked at only where it has to be.
static const compiled_rule_t *rule_of(const hearing_t *hearing, const question_t *question)
{
    const layout_t *layout = hearing->series->layout;
    return &layout->plan->rules[layout->docket->copies[question->first]];
}

static bool question_is_ready(const hearing_t *hearing, const question_t *question)
{
    if (hearing->series->partial || hearing->moment->ahead)
        return is_ready(hearing, rule_of(hearing, question));
    bool hold;
    if (!findings_guards(hearing->findings, question->guards, &hold)) {
        hold = guards_hold(hearing, rule_of(hearing, question));
        findings_note(hearing->findings, question->guards, hold);
    }
    return hold;
}

// No rule whose windows stand still has a program.
verdict_t jury_ask(const hearing_t *hearing, const question_t *question)
{
    if (!question->program || !hearing->findings)
        return jury_rule(hearing, hearing->series->layout->docket->copies[question->first]);
    if (!question_is_ready(hearing, question))
        return VERDICT_WARMING;
    frame_t frame = jury_frame(hearing);
    switch (program_run(question->program, &frame, &hearing->findings->leaves)) {
    case PROGRAM_TRUE:
        return VERDICT_TRUE;
    case PROGRAM_NOT_TRUE:
        return VERDICT_FALSE;
    case PROGRAM_UNSURE:
        break;
    }
    return verdict_of(rule_of(hearing, question), &frame);
}

// ---- windows that stand still -----------------------------------------------------------------

frame_t jury_frame_still(const hearing_t *hearing, const still_t *still)
{
    frame_t frame = jury_frame(hearing);
    frame.source = &stills;
    frame.window_state = (void *) still;
    return frame;
}

baseline_t *jury_baseline(const hearing_t *hearing, size_t rule)
{
    const series_t *series = hearing->series;
    uint64_t position = hearing->moment->position;
    if (position == 0 || position - 1 < recalls_since(&series->recalls, (uint32_t) rule))
        return NULL;
    return baselines_find(&series->baselines, position - 1, (uint32_t) rule);
}

// Its guards held when they came to stand still. It is judged no sooner than by windows that move:
// while a coarse one waits, nobody knows yet how they stand.
static verdict_t judge_frozen(const hearing_t *hearing, size_t rule)
{
    const table_plan_t *plan = hearing->series->layout->plan;
    const compiled_rule_t *compiled = &plan->rules[rule];
    const baseline_t *baseline = jury_baseline(hearing, rule);
    if (!baseline)
        return judge(hearing, compiled);
    if (!jury_sees(hearing, compiled))
        return VERDICT_WARMING;
    still_t still = still_of(plan, compiled, baseline);
    frame_t frame = jury_frame_still(hearing, &still);
    return verdict_of(compiled, &frame);
}

verdict_t jury_resolves(const hearing_t *hearing, size_t rule)
{
    const table_plan_t *plan = hearing->series->layout->plan;
    const compiled_rule_t *compiled = &plan->rules[rule];
    const baseline_t *baseline = compiled->rule.freeze ? jury_baseline(hearing, rule) : NULL;
    if (!baseline)
        return judge(hearing, compiled->resolve);
    if (!baseline->resolves)
        return VERDICT_WARMING;
    still_t still = still_resolve(plan, compiled, baseline);
    frame_t frame = jury_frame_still(hearing, &still);
    return verdict_of(compiled->resolve, &frame);
}

static void capture(const hearing_t *hearing, const compiled_rule_t *compiled,
                    baseline_value_t *values)
{
    sight_t sight = jury_sight(hearing);
    for (size_t i = 0; i < compiled->aggregate_count; i++) {
        unsigned aggregate = compiled->aggregates[i];
        values[i].known = aggregate_exact(&sight, aggregate, values[i].value);
        values[i].coarse = aggregate_coarse(&sight, aggregate);
        values[i].rows = aggregate_rows(&sight, aggregate);
        if (!values[i].known)
            mpq_set_ui(values[i].value, 0, 1);
        mpq_canonicalize(values[i].value); // equal ones are written alike
    }
}

baseline_t *jury_capture(const hearing_t *hearing, size_t rule)
{
    const compiled_rule_t *compiled = &hearing->series->layout->plan->rules[rule];
    baseline_t *made = baseline_new(baseline_size(compiled));
    if (!made)
        return NULL;
    made->since_us = hearing->moment->ts;
    made->nth = hearing->moment->position - hearing->moment->first;
    capture(hearing, compiled, made->values);
    made->resolves = compiled->resolve && is_ready(hearing, compiled->resolve);
    if (made->resolves)
        capture(hearing, compiled->resolve, made->values + compiled->aggregate_count);
    return made;
}

bool jury_waits(const hearing_t *hearing, size_t rule)
{
    const series_t *series = hearing->series;
    const compiled_rule_t *compiled = &series->layout->plan->rules[rule];
    return series->layout->plan->lateness_us > 0 &&
           (compiled->span_us > series->exact_us ||
            (compiled->resolve && compiled->resolve->span_us > series->exact_us));
}
