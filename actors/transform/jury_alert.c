/*  jury_alert -- what an alert says of a row, for people: see jury.h. */
#include <stdlib.h>

#include "actors/transform/aggregate_cells.h"
#include "actors/transform/jury_inside.h"

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
    frame_t frame = jury_frame(hearing);
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

// Of an aggregate as the row sees it, but for the numbers that it has: whether it has a sum, too.
static bool look(jury_t *self, const hearing_t *hearing, unsigned aggregate,
                 alert_evidence_t *evidence)
{
    sight_t sight = jury_sight(hearing);
    evidence->rows = aggregate_rows(&sight, aggregate);
    evidence->exact = !aggregate_coarse(&sight, aggregate);
    return aggregate_sum(&sight, aggregate, self->number);
}

static bool look_still(jury_t *self, const still_t *still, size_t index, alert_evidence_t *evidence)
{
    evidence->rows = still->values[index].rows;
    evidence->exact = !still->values[index].coarse;
    return still_sum(still, index, self->number);
}

static void describe_sum(jury_t *self, size_t index, alert_evidence_t *evidence)
{
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

// still: what its windows held; NULL if they move.
static void describe_aggregate(jury_t *self, const hearing_t *hearing, const still_t *still,
                               size_t index, unsigned aggregate)
{
    const table_plan_t *plan = hearing->series->layout->plan;
    const aggregate_t *what = &plan->aggregates[aggregate];
    alert_evidence_t *evidence = &self->evidence[index];
    *evidence =
        (alert_evidence_t){ .expr = what->text, .window = plan->windows[what->window].name };
    bool summed =
        still ? look_still(self, still, index, evidence) : look(self, hearing, aggregate, evidence);
    if (summed && evidence->rows > 0)
        describe_sum(self, index, evidence);
    sight_t sight = jury_sight(hearing);
    bool known = still ? stills.exact((void *) still, aggregate, self->number)
                       : aggregate_exact(&sight, aggregate, self->number);
    if (known) {
        rational_print(self->number, self->figures[index]);
        evidence->value = self->figures[index];
    }
}

// What its windows say, and the comparison.
static void describe_windows(jury_t *self, const hearing_t *hearing, size_t rule, alert_t *alert)
{
    const table_plan_t *plan = hearing->series->layout->plan;
    const compiled_rule_t *compiled = &plan->rules[rule];
    const baseline_t *baseline = compiled->rule.freeze ? jury_baseline(hearing, rule) : NULL;
    still_t still = { .plan = plan };
    frame_t frame = jury_frame(hearing);
    if (baseline) {
        still = still_of(plan, compiled, baseline);
        frame = jury_frame_still(hearing, &still);
        alert->frozen = true;
        alert->frozen_us = baseline->since_us;
        alert->frozen_nth = baseline->nth;
    }
    // Said without a judgement of the row: what its windows do not cover is left out.
    bool seen = baseline || jury_sees(hearing, compiled);
    size_t count = seen ? compiled->aggregate_count : 0;
    alert->evidence_count = (unsigned) (count < ALERT_EVIDENCE_MAX ? count : ALERT_EVIDENCE_MAX);
    for (unsigned i = 0; i < alert->evidence_count; i++)
        describe_aggregate(self, hearing, baseline ? &still : NULL, i, compiled->aggregates[i]);
    alert->evidence = self->evidence;
    bool single = evaluate_threshold(compiled->when, &frame, self->threshold, self->ratio);
    alert->threshold = single ? self->threshold : NULL;
    alert->ratio = single ? self->ratio : NULL;
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
    describe_windows(self, hearing, rule, alert);
    alert->columns = jury_columns(self, hearing, &alert->column_count);
    return alert->columns != NULL;
}
