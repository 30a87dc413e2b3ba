/*  fold_rows -- the way of a row through the fold: see fold.h.
 *
 *  A block arrives as runs: rows of one series in time order. Everything that is the same for a
 *  run (series, layout of its table, where its columns are in the block) is found once; what is
 *  left for a row is to admit it, push its arguments, move the windows and judge.
 */
#include <stdlib.h>

#include "actors/transform/fold_state.h"
#include "actors/transform/hash.h"
#include "actors/transform/journal.h"

enum { COARSE_ROWS_UNSENT = 4096 };

static bool room_for(fold_t *self, const table_plan_t *plan)
{
    if (plan->column_count > self->column_capacity) {
        decimal_t *values = realloc(self->values, plan->column_count * sizeof *values);
        if (values)
            self->values = values;
        int *columns = realloc(self->columns, plan->column_count * sizeof *columns);
        if (columns)
            self->columns = columns;
        if (!values || !columns)
            return false;
        self->column_capacity = plan->column_count;
    }
    if (plan->argument_count > self->argument_capacity) {
        figure_t *arguments = realloc(self->arguments, plan->argument_count * sizeof *arguments);
        if (!arguments)
            return false;
        self->arguments = arguments;
        while (self->argument_capacity < plan->argument_count)
            figure_init(&self->arguments[self->argument_capacity++]);
    }
    return true;
}

// Where the columns of this table are in the block.
static bool find_columns(fold_t *self, pass_t *pass, const layout_t *layout)
{
    const table_plan_t *plan = layout->plan;
    if (!room_for(self, plan))
        return false;
    for (size_t i = 0; i < plan->column_count; i++) {
        self->columns[i] = -1;
        for (uint32_t c = 0; c < pass->block->column_count; c++)
            if (slice_is(pass->block->columns[c].name, plan->columns[i]))
                self->columns[i] = (int) c;
    }
    pass->layout = layout;
    return true;
}

static void take_values(fold_t *self, const pass_t *pass, uint32_t row)
{
    for (size_t i = 0; i < pass->layout->plan->column_count; i++)
        self->values[i] = self->columns[i] < 0
                              ? DECIMAL_NULL
                              : rows_value(pass->block, (unsigned) self->columns[i], row);
}

// Windows by time that hold too many rows turn coarse. Rows that cells have taken are gone from
// memory soon, so they are written to the delta at once. Not inlined: most series never need it.
static __attribute__((noinline)) bool thin_out(const pass_t *pass, bool crowded)
{
    series_t *series = pass->series;
    if (!journal_series(pass->partition, pass->branch, series))
        return false;
    uint32_t rows_max = series->layout->plan->window_rows_max;
    if (crowded && !series_turn(series, series_bearable(series, rows_max)))
        return false;
    series_trim(series);
    return true;
}

static inline bool thin_out_if_needed(const pass_t *pass)
{
    const series_t *series = pass->series;
    bool crowded = series_crowded(series, series->layout->plan->window_rows_max);
    bool unsent = series->cells && series->ring.tail - series->resend >= COARSE_ROWS_UNSENT;
    return !(crowded || unsent) || thin_out(pass, crowded);
}

static bool accept(fold_t *self, pass_t *pass, const row_t *row, uint32_t index)
{
    moment_t moment;
    self->count.accepted++;
    return series_accept(pass->series, row, &moment) &&
           fold_hear(self, pass, &moment, row, index) &&
           fold_judge(self, pass, &moment, row, index, false) && thin_out_if_needed(pass);
}

static bool revise(fold_t *self, pass_t *pass, size_t open, const row_t *row, uint32_t index)
{
    moment_t moment;
    self->count.revisions++;
    return series_revise(pass->series, open, row) && series_look(pass->series, open, &moment) &&
           fold_hear(self, pass, &moment, row, index) &&
           fold_judge(self, pass, &moment, row, index, true) && thin_out_if_needed(pass);
}

static bool tell_taken(const fold_t *self, const pass_t *pass, uint32_t index, bool revised)
{
    const fold_taken_t taken = { .series = series_name(pass->series),
                                 .block = pass->block,
                                 .row = index,
                                 .revised = revised,
                                 .floor_us = pass->series->floor_us };
    return self->take(self->context, &taken);
}

static bool take_row(fold_t *self, pass_t *pass, uint32_t index)
{
    series_t *series = pass->series;
    take_values(self, pass, index);
    row_t row = { .ts = rows_ts(pass->block, index),
                  .values = self->values,
                  .arguments = self->arguments,
                  .identity = rows_identity(pass->block, index),
                  .ordinal = pass->block->ordinal };
    size_t open;
    admit_t admitted = series_admit(series, &row, &open);
    if (admitted == ADMIT_LATE || admitted == ADMIT_DUPLICATE) {
        self->count.late += admitted == ADMIT_LATE;
        self->count.duplicates += admitted == ADMIT_DUPLICATE;
        return true;
    }
    pass->partition->pending_rows++;
    branch_touch(pass->branch, series);
    partition_hide(pass->partition, series);
    if (!fold_close(self, pass, &row, admitted == ADMIT_NEW, index))
        return false;
    if (self->take && !tell_taken(self, pass, index, admitted == ADMIT_REVISION))
        return false;
    jury_arguments(pass->layout, self->values, row.ts, &pass->key, self->arguments);
    if (admitted == ADMIT_REVISION) {
        // Open rows may lie elsewhere by now, but a row that is to be revised has not closed.
        open = open_find(&series->open, row.ts, row.identity);
        return revise(self, pass, open, &row, index);
    }
    return accept(self, pass, &row, index);
}

static bool take_run(fold_t *self, pass_t *pass, const rows_run_t *run)
{
    partition_t *partition = &self->partitions[run->partition];
    branch_t *branch = partition_branch(partition, pass->stream);
    if (!branch)
        return false;
    uint64_t hash = hash_bytes(run->series);
    series_t *series = branch_find(branch, run->series, hash);
    if (!series && !(series = branch_add(branch, run->series, hash)))
        return false;
    if (series->layout != pass->layout && !find_columns(self, pass, series->layout))
        return false;
    pass->number = run->partition;
    pass->partition = partition;
    pass->branch = branch;
    pass->series = series;
    pass->key.count = 0;
    (void) series_split(&pass->key, run->series); // rows_decode has checked it
    for (unsigned i = pass->key.count; i < SERIES_KEYS_MAX; i++)
        pass->key.values[i] = slice_of(NULL, 0); // the plan may know more keys than it has
    for (uint32_t i = run->first; i < run->first + run->count; i++)
        if (!take_row(self, pass, i))
            return false;
    if (!series->cells)
        return true;
    bool ok = journal_series(partition, branch, series);
    series_trim(series);
    return ok;
}

bool fold_rows(fold_t *self, slice_t stream, const rows_view_t *block,
               const partitions_t *partitions, int64_t fired_us)
{
    pass_t pass = { .stream = stream, .block = block, .fired_us = fired_us };
    slice_t rest = block->runs;
    rows_run_t run = { 0 };
    while (rows_run_next(&rest, &run))
        if (self->owned[run.partition] && partitions_has(partitions, run.partition) &&
            !take_run(self, &pass, &run))
            return false;
    return true;
}
