/*  fold_state -- the state behind fold.h, and what its parts ask of each other, for fold*.c only.
 */
#pragma once
#include "actors/transform/fold.h"
#include "actors/transform/jury.h"
#include "actors/transform/partition.h"

// A rule that a row concerns, and the verdict on it.
typedef struct {
    uint32_t rule;
    verdict_t verdict;
    bool step; // it is known that the row before was another verdict
} call_t;

struct fold {
    fold_alert_t *alert;
    fold_take_t *take; // NULL: nobody watches
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
    size_t call_count, call_capacity;
    call_t *calls;        // of the row in hand
    standings_t standing; // behind it
    findings_t findings;  // of the row in hand
};

// The record in hand: a block, or without one a control record.
typedef struct {
    slice_t stream;
    const rows_view_t *block;
    uint64_t control_seq;
    int64_t control_us; // its receipt; 0 = unknown
    int64_t fired_us;
    const layout_t *layout; // that fold->columns are for
    unsigned number;        // of the partition
    bool told_anew;         // the series is of a telling that is over
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
    SAY_FLAPPING,
    SAY_CALM_FIRING, // it flaps no more
    SAY_CALM_RESOLVED,
    SAY_TAKEN_BACK, // resolved, because the alert that began it was corrected
    SAY_DROPPED,    // resolved, because its rule is no more
    SAY_NODATA,     // no row came for too long
    SAY_DATA,       // one has come since
    SAY_UNWATCHED,  // resolved: the rule is no more that missed rows
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

// The newest row of a series, as if it was judged now.
typedef struct {
    moment_t moment;
    hearing_t hearing;
    row_t row;
    case_t at; // of its first rule
} newest_t;

// fold_control.c: a control record on this series of a partition, and its newest row.
void fold_pass(pass_t *self, const pass_t *record, unsigned number, series_t *series);
bool fold_newest(newest_t *self, const pass_t *pass);
// The plan of these layouts comes; say what becomes of the incidents of rules that
// it does not have.
bool fold_drop_rules(fold_t *self, const pass_t *record, unsigned number, branch_t *branch,
                     layouts_t *next);
// Were people told of something in this telling that is not over?
bool fold_is_awaited(const branch_t *branch);
// The telling of the record has come to where the ones before it ended: say what of them is over,
// and forget them.
bool fold_end_tellings(fold_t *self, const pass_t *record, unsigned number);

// fold_call.c: list the rules that a row concerns in `calls`. settled: the series is, and this is
// its next row. all: list all of those that can hold for the series. False: out of memory.
bool fold_call(fold_t *self, hearing_t *hearing, bool settled, bool all);
// Those that were called have been heard, for a row that cannot be revised before the next: is the
// series settled now? False: out of memory.
bool fold_settle(fold_t *self, series_t *series);
// fold_step.c: those that were called hold for this row, of rules that recall. newest: it came in
// order, as the last of its series. False: out of memory.
bool fold_stand(fold_t *self, const hearing_t *hearing, bool newest);
// fold_freeze.c: for which of them, and of those for which they did so far, windows stand still
// behind this row. False: out of memory.
bool fold_freeze(fold_t *self, const hearing_t *hearing);
// Of a row for which the condition of an edge rule holds: is it the step? *known: the row before it
// is.
bool fold_steps(const case_t *at, bool *known);
// fold_silence.c: a row came. If its series was silent, say that it is not any more.
bool fold_hear(fold_t *self, const pass_t *pass, const moment_t *moment, const row_t *row,
               uint32_t index);

// Judge a row that came or was revised: the first true verdict of a rule publishes. False: out of
// memory, as everywhere here.
bool fold_judge(fold_t *self, const pass_t *pass, const moment_t *moment, const row_t *row,
                uint32_t index, bool revised);
// Close what closes before this row is taken in, and judge once more what is due; if it needs room,
// because it is a new one, make some.
bool fold_close(fold_t *self, const pass_t *pass, const row_t *row, bool room, uint32_t index);
