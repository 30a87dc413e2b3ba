/*  fold_silence -- series that no row comes for: see fold.h.
 *
 *  Told at ticks, since no row can say it, and once: a row ends it. What counts is receipt, because
 *  event time stands still with the rows, and only while the collector was there.
 */
#include <stdlib.h>

#include "actors/rules/family.h"
#include "actors/transform/fold_state.h"
#include "proto/edition.h"

// ---- who asks ---------------------------------------------------------------------------------

// A rule that asks for other keys misses nothing here.
static bool asks(const compiled_rule_t *rule, const series_parts_t *key)
{
    return rule->rule.nodata_us > 0 && family_fits(rule->when, key);
}

// Count those of a ladder; list them, once there is room.
static void look_up_ladder(series_t *series, const ladder_t *ladder, const series_parts_t *key)
{
    const docket_t *docket = series->layout->docket;
    for (uint32_t i = ladder->first; i < ladder->first + ladder->count; i++) {
        const question_t *question = &docket->questions[docket->rungs[i]];
        for (uint32_t c = 0; c < question->count; c++) {
            uint32_t rule = docket->copies[question->first + c];
            if (!asks(&series->layout->plan->rules[rule], key))
                continue;
            if (series->asking)
                series->asking[series->asking_count] = rule;
            series->asking_count++;
        }
    }
}

static int by_number(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *) left, b = *(const uint32_t *) right;
    return (a > b) - (a < b);
}

static void look_up_all(series_t *series, const series_parts_t *key)
{
    series->asking_count = 0;
    for (uint32_t g = 0; g < series->roll->group_count; g++) {
        const group_t *group = series->roll->groups[g];
        for (uint32_t i = 0; i < group->count; i++)
            look_up_ladder(series, &series->layout->docket->ladders[group->first + i], key);
    }
}

// Once a series and plan. Those it is bound to are all that can hold for it.
static bool look_up(series_t *series)
{
    if (series->asking)
        return true;
    series_parts_t key;
    (void) series_split(&key, series_name(series)); // it has been checked on its way in
    if (!series->roll && !(series->roll = docket_bind(series->layout->docket, &key)))
        return false;
    look_up_all(series, &key);
    series->asking = malloc((series->asking_count + 1) * sizeof *series->asking);
    if (!series->asking)
        return false;
    look_up_all(series, &key);
    qsort(series->asking, series->asking_count, sizeof *series->asking, by_number);
    return true;
}

// ---- silence ----------------------------------------------------------------------------------

// How long until a series is silent by then, or 0 and less. What nobody was there to hear does not
// count.
static int64_t wait_us(const series_t *series, const fold_tick_t *tick, uint32_t rule)
{
    int64_t from_us = series->heard_us > tick->since_us ? series->heard_us : tick->since_us;
    int64_t silent_us = tick->recv_us > from_us ? tick->recv_us - from_us : 0;
    return series->layout->plan->rules[rule].rule.nodata_us + 1 - silent_us;
}

static bool rule_is_due(const series_t *series, uint32_t rule, const fold_tick_t *tick)
{
    if (series->heard_us == 0 || wait_us(series, tick, rule) > 0)
        return false;
    const topic_t *topic = spoken_find(&series->topics, rule);
    return !topic || !topic->silent;
}

static bool is_due(const series_t *series, const void *context)
{
    for (size_t i = 0; series->asking && i < series->asking_count; i++)
        if (rule_is_due(series, series->asking[i], context))
            return true;
    return false;
}

static bool tell_silence(fold_t *self, const pass_t *pass, const fold_tick_t *tick)
{
    newest_t newest;
    if (!fold_newest(&newest, pass))
        return false;
    for (size_t i = 0; i < pass->series->asking_count; i++) {
        newest.at.rule = pass->series->asking[i];
        if (rule_is_due(pass->series, newest.at.rule, tick) &&
            !fold_say(self, &newest.at, SAY_NODATA))
            return false;
    }
    return true;
}

// The least that a rule of any table asks for: series that come meanwhile are not silent before.
static int64_t least_nodata_us(const layouts_t *layouts)
{
    int64_t least_us = INT64_MAX;
    const ruleset_t *rules = layouts_rules(layouts);
    const table_plan_t *table;
    for (size_t i = 0; rules && (table = ruleset_at(rules, i)); i++)
        if (table->nodata_us > 0 && table->nodata_us < least_us)
            least_us = table->nodata_us;
    return least_us;
}

// Those that were there before a rule asked count from the first tick on. Until when none is due?
static int64_t watch(branch_t *branch, const fold_tick_t *tick, int64_t least_us)
{
    int64_t until_us;
    for (size_t i = 0; i <= branch->mask; i++) {
        series_t *series = branch->table[i];
        if (!series || series->layout->plan->nodata_us == 0)
            continue;
        if (series->heard_us == 0) {
            series->heard_us = tick->recv_us;
            branch_touch(branch, series);
        }
        for (size_t r = 0; r < series->asking_count; r++) {
            uint32_t rule = series->asking[r];
            const topic_t *topic = spoken_find(&series->topics, rule);
            int64_t more_us = wait_us(series, tick, rule);
            if ((!topic || !topic->silent) && more_us < least_us)
                least_us = more_us;
        }
    }
    return __builtin_add_overflow(tick->recv_us, least_us, &until_us) ? INT64_MAX : until_us;
}

static bool listen(fold_t *self, const pass_t *record, unsigned number, branch_t *branch,
                   const fold_tick_t *tick)
{
    int64_t least_us = least_nodata_us(branch->layouts);
    if (least_us == INT64_MAX) {
        branch->quiet_us = INT64_MAX;
        return true;
    }
    for (size_t i = 0; i <= branch->mask; i++)
        if (branch->table[i] && branch->table[i]->layout->plan->nodata_us > 0 &&
            !look_up(branch->table[i]))
            return false;
    size_t count;
    series_t **silent = branch_sorted(branch, is_due, tick, &count);
    bool ok = silent != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        pass_t pass;
        fold_pass(&pass, record, number, silent[i]);
        ok = tell_silence(self, &pass, tick);
        branch_touch(branch, silent[i]);
    }
    free(silent);
    branch->quiet_us = watch(branch, tick, least_us);
    branch->quiet_at_us = tick->recv_us;
    branch->quiet_since_us = tick->since_us;
    return ok;
}

static bool is_quiet(const branch_t *self, const fold_tick_t *tick)
{
    return tick->recv_us < self->quiet_us && tick->since_us >= self->quiet_since_us;
}

bool fold_tick(fold_t *self, slice_t stream, const partitions_t *partitions,
               const fold_tick_t *tick, int64_t fired_us)
{
    const pass_t pass = { .stream = stream,
                          .control_seq = tick->seq,
                          .control_us = tick->recv_us,
                          .fired_us = fired_us };
    uint64_t edition;
    edition_split(stream, &(slice_t){ 0 }, &edition);
    // This telling was ordered by then: it has come to where the one before it ended.
    bool again = edition > 0 && tick->recv_us >= 0 && (uint64_t) tick->recv_us >= edition;
    for (unsigned p = 0; p < PARTITIONS; p++) {
        bool ours = self->owned[p] && partitions_has(partitions, p);
        if (ours && again && !fold_end_tellings(self, &pass, p))
            return false;
        branch_t *branch = ours ? partition_find(&self->partitions[p], stream) : NULL;
        if (branch && !is_quiet(branch, tick) && !listen(self, &pass, p, branch, tick))
            return false;
    }
    return true;
}

bool fold_hear(fold_t *self, const pass_t *pass, const moment_t *moment, const row_t *row,
               uint32_t index)
{
    series_t *series = pass->series;
    if (pass->layout->plan->nodata_us > 0) {
        series->heard_us = pass->block->recv_us;
        if (series->heard_us < pass->branch->quiet_at_us)
            pass->branch->quiet_us = 0;
    }
    if (series->silences == 0)
        return true;
    const hearing_t hearing = {
        .series = series, .moment = moment, .values = row->values, .key = &pass->key
    };
    case_t at = { .pass = pass, .hearing = &hearing, .row = row, .index = index };
    for (size_t i = 0; i < series->topics.count; i++) {
        at.rule = series->topics.entries[i].rule;
        if (series->topics.entries[i].topic->silent && !fold_say(self, &at, SAY_DATA))
            return false;
    }
    return true;
}
