/*  jury -- see jury.h. */
#include "actors/transform/jury.h"

#include <stdlib.h>

#include "actors/transform/aggregate_cells.h"

typedef char text_t[EVALUATE_TEXT_MAX];

_Static_assert((int) EVALUATE_TEXT_MAX >= (int) DECIMAL_TEXT_MAX, "columns are printed there too");

struct jury {
    size_t column_capacity;
    alert_value_t *columns;
    text_t *column_texts;
    alert_evidence_t evidence[ALERT_EVIDENCE_MAX];
    text_t sums[ALERT_EVIDENCE_MAX], averages[ALERT_EVIDENCE_MAX], figures[ALERT_EVIDENCE_MAX];
    text_t threshold, ratio;
    mpq_t number;
};

jury_t *jury_new(void)
{
    jury_t *self = calloc(1, sizeof *self);
    if (self)
        mpq_init(self->number);
    return self;
}

void jury_destroy(jury_t **self_p)
{
    jury_t *self = *self_p;
    if (!self)
        return;
    mpq_clear(self->number);
    free(self->column_texts);
    free(self->columns);
    free(self);
    *self_p = NULL;
}

// ---- what expressions see ---------------------------------------------------------------------

static sight_t sight_of(const hearing_t *hearing)
{
    return (sight_t){ .layout = hearing->series->layout, .moment = hearing->moment };
}

static approximate_t see_approximate(void *state, unsigned aggregate, double *value, double *error)
{
    const hearing_t *hearing = state;
    sight_t sight = sight_of(hearing);
    return series_covers(hearing->series, aggregate, hearing->moment)
               ? aggregate_approximate(&sight, aggregate, value, error)
               : APPROXIMATE_NULL;
}

static bool see_exact(void *state, unsigned aggregate, mpq_t value)
{
    const hearing_t *hearing = state;
    sight_t sight = sight_of(hearing);
    return series_covers(hearing->series, aggregate, hearing->moment) &&
           aggregate_exact(&sight, aggregate, value);
}

static const aggregate_source_t sights = { .approximate = see_approximate, .exact = see_exact };

static frame_t frame_of(const hearing_t *hearing)
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

static verdict_t judge(const hearing_t *hearing, const compiled_rule_t *compiled)
{
    if ((hearing->series->partial || hearing->moment->ahead) && !rule_covered(hearing, compiled))
        return VERDICT_WARMING;
    sight_t sight = sight_of(hearing);
    for (size_t i = 0; i < compiled->guard_count; i++)
        if (!guard_holds(&sight, &compiled->guards[i]))
            return VERDICT_WARMING;
    frame_t frame = frame_of(hearing);
    return evaluate_truth(compiled->when, &frame) == TRUTH_TRUE ? VERDICT_TRUE : VERDICT_FALSE;
}

verdict_t jury_rule(const hearing_t *hearing, size_t rule)
{
    return judge(hearing, &hearing->series->layout->plan->rules[rule]);
}

verdict_t jury_resolves(const hearing_t *hearing, size_t rule)
{
    return judge(hearing, hearing->series->layout->plan->rules[rule].resolve);
}

bool jury_waits(const hearing_t *hearing, size_t rule)
{
    const series_t *series = hearing->series;
    const compiled_rule_t *compiled = &series->layout->plan->rules[rule];
    return series->layout->plan->lateness_us > 0 &&
           (compiled->span_us > series->exact_us ||
            (compiled->resolve && compiled->resolve->span_us > series->exact_us));
}

// ---- for people -------------------------------------------------------------------------------

static bool room_for_columns(jury_t *self, size_t count)
{
    if (count <= self->column_capacity)
        return true;
    alert_value_t *columns = realloc(self->columns, count * sizeof *columns);
    if (columns)
        self->columns = columns;
    text_t *texts = realloc(self->column_texts, count * sizeof *texts);
    if (texts)
        self->column_texts = texts;
    if (!columns || !texts)
        return false;
    self->column_capacity = count;
    return true;
}

const alert_value_t *jury_columns(jury_t *self, const hearing_t *hearing, unsigned *count)
{
    const table_plan_t *plan = hearing->series->layout->plan;
    size_t total = plan->column_count + plan->derived_count;
    if (!room_for_columns(self, total ? total : 1))
        return NULL;
    frame_t frame = frame_of(hearing);
    for (size_t i = 0; i < total; i++) {
        bool raw = i < plan->column_count;
        const derived_t *derived = raw ? NULL : &plan->derived[i - plan->column_count];
        bool known;
        if (raw) {
            known = !decimal_is_null(hearing->values[i]);
            decimal_print(hearing->values[i], self->column_texts[i]);
        } else {
            known = evaluate_print(derived->expr, &frame, self->column_texts[i]);
        }
        self->columns[i] = (alert_value_t){ .name = raw ? plan->columns[i] : derived->name,
                                            .text = known ? self->column_texts[i] : NULL };
    }
    *count = (unsigned) total;
    return self->columns;
}

static void describe_aggregate(jury_t *self, const sight_t *sight, size_t index, unsigned aggregate)
{
    const table_plan_t *plan = sight->layout->plan;
    const aggregate_t *what = &plan->aggregates[aggregate];
    alert_evidence_t *evidence = &self->evidence[index];
    *evidence = (alert_evidence_t){ .expr = what->text,
                                    .window = plan->windows[what->window].name,
                                    .rows = aggregate_rows(sight, aggregate),
                                    .exact = !aggregate_coarse(sight, aggregate) };
    if (aggregate_sum(sight, aggregate, self->number) && evidence->rows > 0) {
        rational_print(self->number, self->sums[index]);
        evidence->sum = self->sums[index];
        mpq_t rows;
        mpq_init(rows);
        mpq_set_ui(rows, evidence->rows, 1);
        mpq_div(self->number, self->number, rows);
        mpq_clear(rows);
        rational_print(self->number, self->averages[index]);
        evidence->avg = self->averages[index];
    }
    if (aggregate_exact(sight, aggregate, self->number)) {
        rational_print(self->number, self->figures[index]);
        evidence->value = self->figures[index];
    }
}

bool jury_describe(jury_t *self, const hearing_t *hearing, size_t rule, alert_t *alert)
{
    const table_plan_t *plan = hearing->series->layout->plan;
    const compiled_rule_t *compiled = &plan->rules[rule];
    alert->rule = slice_text(compiled->name);
    alert->severity = compiled->rule.severity;
    alert->when = compiled->rule.when;
    alert->series = series_name(hearing->series);
    alert->ts_us = hearing->moment->ts;
    alert->key_count =
        (unsigned) (plan->key_count < hearing->key->count ? plan->key_count : hearing->key->count);
    for (unsigned i = 0; i < alert->key_count; i++) {
        alert->key_names[i] = plan->keys[i];
        alert->key_values[i] = hearing->key->values[i];
    }
    sight_t sight = sight_of(hearing);
    size_t count = compiled->aggregate_count;
    alert->evidence_count = (unsigned) (count < ALERT_EVIDENCE_MAX ? count : ALERT_EVIDENCE_MAX);
    for (unsigned i = 0; i < alert->evidence_count; i++)
        describe_aggregate(self, &sight, i, compiled->aggregates[i]);
    alert->evidence = self->evidence;
    frame_t frame = frame_of(hearing);
    bool single = evaluate_threshold(compiled->when, &frame, self->threshold, self->ratio);
    alert->threshold = single ? self->threshold : NULL;
    alert->ratio = single ? self->ratio : NULL;
    alert->columns = jury_columns(self, hearing, &alert->column_count);
    return alert->columns != NULL;
}
