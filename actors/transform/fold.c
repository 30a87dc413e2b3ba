/*  fold -- see fold.h. The way of a row is in fold_rows.c. */
#include <assert.h>
#include <stdlib.h>

#include "actors/transform/fold_state.h"
#include "actors/transform/journal.h"
#include "proto/edition.h"

enum { DELTA_ROW_BYTES = 24 }; // about

fold_t *fold_new(fold_alert_t *alert, void *context)
{
    fold_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->alert = alert;
    self->context = context;
    self->open_rows_max = OPEN_ROWS_MAX;
    self->jury = jury_new();
    if (!self->jury)
        fold_destroy(&self);
    return self;
}

void fold_destroy(fold_t **self_p)
{
    fold_t *self = *self_p;
    if (!self)
        return;
    for (unsigned p = 0; p < PARTITIONS; p++)
        partition_close(&self->partitions[p]);
    for (size_t i = 0; i < self->plan_count; i++)
        layouts_destroy(&self->plans[i]);
    free(self->plans);
    jury_destroy(&self->jury);
    for (size_t i = 0; i < self->argument_capacity; i++)
        figure_clear(&self->arguments[i]);
    free(self->arguments);
    free(self->calls);
    standings_close(&self->standing);
    findings_close(&self->findings);
    free(self->columns);
    free(self->values);
    free(self);
    *self_p = NULL;
}

void fold_watch(fold_t *self, fold_take_t *take)
{
    self->take = take;
}

void fold_limit_open(fold_t *self, uint32_t rows_max)
{
    assert(rows_max >= OPEN_ROWS_LEAST && rows_max <= OPEN_ROWS_MAX && self->plan_count == 0);
    self->open_rows_max = rows_max;
}

// ---- partitions and plans ---------------------------------------------------------------------

void fold_own(fold_t *self, unsigned partition)
{
    assert(partition < PARTITIONS && !self->owned[partition]);
    self->owned[partition] = true;
    partition_init(&self->partitions[partition], self->open_rows_max);
}

void fold_drop(fold_t *self, unsigned partition)
{
    assert(partition < PARTITIONS);
    partition_close(&self->partitions[partition]);
    self->owned[partition] = false;
}

// Let go of plans that are in force nowhere any more.
static void forget_plans(fold_t *self)
{
    size_t left = 0;
    for (size_t i = 0; i < self->plan_count; i++) {
        if (layouts_shared(self->plans[i]))
            self->plans[left++] = self->plans[i];
        else
            layouts_destroy(&self->plans[i]);
    }
    self->plan_count = left;
}

static layouts_t *known_plan(const fold_t *self, plan_hash_t hash)
{
    for (size_t i = 0; i < self->plan_count; i++) {
        plan_hash_t known = ruleset_hash(layouts_rules(self->plans[i]));
        if (memcmp(&known, &hash, sizeof hash) == 0)
            return self->plans[i];
    }
    return NULL;
}

static layouts_t *layouts_for(fold_t *self, ruleset_t *plan)
{
    layouts_t *known = known_plan(self, ruleset_hash(plan));
    if (known)
        return known;
    forget_plans(self);
    if (self->plan_count == self->plan_capacity) {
        size_t capacity = self->plan_capacity ? 2 * self->plan_capacity : 4;
        layouts_t **plans = realloc(self->plans, capacity * sizeof *plans);
        if (!plans)
            return NULL;
        self->plans = plans;
        self->plan_capacity = capacity;
    }
    layouts_t *layouts = layouts_new(plan, self->open_rows_max);
    if (layouts)
        self->plans[self->plan_count++] = layouts;
    return layouts;
}

bool fold_plan(fold_t *self, slice_t stream, const partitions_t *partitions, ruleset_t *plan,
               uint64_t seq, int64_t fired_us)
{
    const pass_t pass = { .stream = stream, .control_seq = seq, .fired_us = fired_us };
    layouts_t *layouts = layouts_for(self, plan);
    if (!layouts)
        return false;
    for (unsigned p = 0; p < PARTITIONS; p++) {
        if (!self->owned[p] || !partitions_has(partitions, p))
            continue;
        branch_t *branch = partition_branch(&self->partitions[p], stream);
        if (!branch)
            return false;
        if (branch->layouts == layouts)
            continue;
        if (!fold_drop_rules(self, &pass, p, branch, layouts) ||
            !journal_plan(&self->partitions[p], branch, ruleset_hash(plan)) ||
            !branch_replan(branch, layouts))
            return false;
    }
    return true;
}

bool fold_supersede(fold_t *self, unsigned partition, slice_t stream)
{
    assert(self->owned[partition]);
    partition_t *state = &self->partitions[partition];
    for (size_t i = state->branch_count; i-- > 0;) {
        branch_t *branch = &state->branches[i];
        if (!edition_supersedes(stream, slice_of(branch->name, branch->name_size)) ||
            fold_is_awaited(branch))
            continue;
        if (!journal_forget(state, branch))
            return false;
        partition_forget(state, branch);
    }
    return true;
}

// ---- figures and checkpoints ------------------------------------------------------------------

fold_count_t fold_count(const fold_t *self)
{
    return self->count;
}

size_t fold_series(const fold_t *self)
{
    size_t count = 0;
    for (unsigned p = 0; p < PARTITIONS; p++)
        count += partition_series(&self->partitions[p]);
    return count;
}

size_t fold_bytes(const fold_t *self)
{
    size_t bytes = sizeof *self;
    for (unsigned p = 0; p < PARTITIONS; p++)
        bytes += partition_bytes(&self->partitions[p]);
    return bytes;
}

size_t fold_uncommitted(const fold_t *self)
{
    size_t bytes = 0;
    for (unsigned p = 0; p < PARTITIONS; p++)
        bytes +=
            self->partitions[p].delta.size + self->partitions[p].pending_rows * DELTA_ROW_BYTES;
    return bytes;
}

bool fold_changed(const fold_t *self, unsigned partition)
{
    return journal_changed(&self->partitions[partition]);
}

bool fold_delta(fold_t *self, unsigned partition, slice_t *delta)
{
    bool ok = journal_flush(&self->partitions[partition]);
    *delta = buffer_slice(&self->partitions[partition].delta);
    return ok;
}

void fold_delta_reset(fold_t *self, unsigned partition)
{
    journal_reset(&self->partitions[partition]);
}

bool fold_base(const fold_t *self, unsigned partition, buffer_t *out)
{
    return journal_base(&self->partitions[partition], out);
}

typedef struct {
    fold_t *fold;
    fold_find_plan_t *find;
    void *context;
} finder_t;

static layouts_t *find_layouts(void *context, plan_hash_t hash)
{
    finder_t *finder = context;
    layouts_t *known = known_plan(finder->fold, hash);
    if (known)
        return known;
    ruleset_t *plan = finder->find(finder->context, hash);
    return plan ? layouts_for(finder->fold, plan) : NULL;
}

bool fold_load(fold_t *self, unsigned partition, slice_t encoded, fold_find_plan_t *find,
               void *context, fault_t *fault)
{
    assert(self->owned[partition]);
    finder_t finder = { .fold = self, .find = find, .context = context };
    return journal_load(&self->partitions[partition], encoded, find_layouts, &finder, fault);
}

// ---- views ------------------------------------------------------------------------------------

void fold_latest(fold_t *self, unsigned partition, size_t most, fold_latest_t *visit, void *context)
{
    series_t *series;
    for (size_t i = 0; i < most && (series = partition_reveal(&self->partitions[partition])); i++) {
        moment_t moment;
        hearing_t hearing = { .series = series, .moment = &moment };
        series_parts_t key = { .count = 0 };
        if (!series_split(&key, series_name(series)) || open_count(&series->open) == 0 ||
            !series_look(series, series->open.end - 1, &moment))
            continue;
        hearing.key = &key;
        hearing.values = open_values(&series->open, series->open.end - 1);
        unsigned count;
        const alert_value_t *values = jury_columns(self->jury, &hearing, &count);
        if (values && count > 0)
            visit(context, series_name(series), series->newest, count, values);
    }
}
