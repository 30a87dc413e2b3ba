/*  fold_state -- the state behind fold.h, and what its parts ask of each other, for fold*.c only.
 */
#pragma once
#include "actors/transform/fold.h"
#include "actors/transform/jury.h"
#include "actors/transform/partition.h"

struct fold {
    fold_alert_t *alert;
    void *context;
    uint32_t open_rows_max; // of a series
    bool owned[PARTITIONS];
    partition_t partitions[PARTITIONS];
    size_t plan_count, plan_capacity;
    layouts_t **plans; // in force somewhere
    jury_t *jury;
    fold_count_t count;
    size_t column_capacity, argument_capacity;
    decimal_t *values; // of the row in hand, as in its table's columns
    int *columns;      // where they are in the block; -1 = nowhere
    figure_t *arguments;
};

// The block in hand.
typedef struct {
    slice_t stream;
    const rows_view_t *block;
    int64_t fired_us;
    const layout_t *layout; // that fold->columns are for
    const rows_run_t *run;
    partition_t *partition;
    branch_t *branch;
    series_t *series;
    series_parts_t key;
} pass_t;

// One rule on one row.
typedef struct {
    const pass_t *pass;
    const hearing_t *hearing;
    const row_t *row;
    uint32_t rule, index; // in the plan; of the record's row that made us judge
} case_t;

static inline const compiled_rule_t *case_rule(const case_t *self)
{
    return &self->pass->layout->plan->rules[self->rule];
}

typedef enum {
    SAY_ALERT,
    SAY_LATE_ALERT,
    SAY_CORRECTION,
    SAY_FIRING,
    SAY_STILL,
    SAY_RESOLVED,
    SAY_TAKEN_BACK, // resolved, because the alert that began it was corrected
} say_t;

alert_id_t fold_id(const case_t *at); // of an alert on it
// fold_say.c: make an entry of the rule's topic and give it away. False: out of memory.
bool fold_say(fold_t *self, const case_t *at, say_t say);
// An alert, or one that alerts_max holds back. *said: that, too (fired.h).
bool fold_tell(fold_t *self, const case_t *at, say_t say, unsigned *said);

// fold_incident.c: move the incident of a rule by a row as it was judged. *said: may begin it.
bool fold_move(fold_t *self, const case_t *at, verdict_t verdict, bool newest, unsigned *said);
// The row closes and the rule does not hold for it: did it begin the incident?
bool fold_retract(fold_t *self, const case_t *at);

// Judge a row that came or was revised: the first true verdict of a rule publishes. False: out of
// memory, as everywhere here.
bool fold_judge(fold_t *self, const pass_t *pass, const moment_t *moment, const row_t *row,
                uint32_t index);
// Close what closes before this row is taken in, and judge once more what is due; if it needs room,
// because it is a new one, make some.
bool fold_close(fold_t *self, const pass_t *pass, const row_t *row, bool room, uint32_t index);
