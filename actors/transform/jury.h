/*  jury -- one row against the rules of its table, and what an alert says of it.
 *
 *  Pure. The verdict of a rule is given if its windows are covered and its guards hold; then it
 *  is exact (actors/rules/evaluate.h). Aggregates whose window is not covered are NULL, in
 *  derived columns as well: nobody is shown an average of half an hour as that of a day.
 *
 *  A rule whose windows stand still (`freeze`) is judged by what they held, and its alert shows
 *  that; derived columns are those of the row.
 */
#pragma once
#include "actors/transform/aggregate.h"
#include "actors/transform/findings.h"
#include "actors/transform/series.h"
#include "proto/series.h"

typedef struct jury jury_t;

// The row being judged.
typedef struct {
    series_t *series;
    const moment_t *moment; // windows of the series are moved to it
    const decimal_t *values;
    const series_parts_t *key; // decoded id
    findings_t *findings;      // of this row; or NULL
} hearing_t;

typedef enum { VERDICT_WARMING, VERDICT_FALSE, VERDICT_TRUE } verdict_t;

jury_t *jury_new(void);
void jury_destroy(jury_t **self_p);

// Are the windows of the rule covered, where the row stands?
bool jury_covers(const hearing_t *hearing, size_t rule);
// And those that say how long they stand still, if they do (`resolve`)?
bool jury_covers_life(const hearing_t *hearing, size_t rule);
// Must the rule wait with this row until it closes, because of a coarse window?
bool jury_waits(const hearing_t *hearing, size_t rule);
// Is what ends an incident of the rule true? It has such a condition.
verdict_t jury_resolves(const hearing_t *hearing, size_t rule);

// By what the rule is judged whose windows stand still where the row stands; NULL: they move, or
// nobody knows.
baseline_t *jury_baseline(const hearing_t *hearing, size_t rule);
// What its windows hold for the row. NULL: out of memory.
baseline_t *jury_capture(const hearing_t *hearing, size_t rule);

// WARMING also where a window of the rule is coarse and the row not closed yet (series.h).
verdict_t jury_rule(const hearing_t *hearing, size_t rule);
// The same of the rules of a question of the table's docket; by the program of its condition, if
// there is one and the hearing has findings.
verdict_t jury_ask(const hearing_t *hearing, const question_t *question);

// Exact values of the plan's arguments for a row.
void jury_arguments(const layout_t *layout, const decimal_t *values, int64_t ts,
                    const series_parts_t *key, figure_t *arguments);

// Texts of raw and derived columns; NULL: out of memory. Valid until the next call.
const alert_value_t *jury_columns(jury_t *self, const hearing_t *hearing, unsigned *count);

// Fill in what the rule, the series and the windows say: all but the kind, ids, seq and the record.
// False: out of memory. What *alert points to is valid until the next call.
bool jury_describe(jury_t *self, const hearing_t *hearing, size_t rule, alert_t *alert);
