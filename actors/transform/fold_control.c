/*  fold_control -- what is said at a control record, without a row: see fold.h. Here rules that
 *  go, and tellings that are over; for silences see fold_silence.c.
 *
 *  It rests on the newest row of the series, and comes in order of series and rules.
 */
#include <stdlib.h>
#include <string.h>

#include "actors/transform/fold_state.h"
#include "actors/transform/journal.h"
#include "proto/edition.h"

bool fold_newest(newest_t *self, const pass_t *pass)
{
    series_t *series = pass->series;
    const open_t *open = &series->open;
    size_t last = open->end - 1; // the newest row is open, always
    if (!series_look(series, last, &self->moment))
        return false;
    self->row = (row_t){ .ts = self->moment.ts,
                         .values = open_values(open, last),
                         .identity = open_identity(open, last),
                         .ordinal = open->rows[last].ordinal };
    self->hearing = (hearing_t){
        .series = series, .moment = &self->moment, .values = self->row.values, .key = &pass->key
    };
    self->at = (case_t){ .pass = pass, .hearing = &self->hearing, .row = &self->row };
    return true;
}

// In place: the key points into it.
void fold_pass(pass_t *self, const pass_t *record, unsigned number, series_t *series)
{
    *self = *record;
    self->number = number;
    self->series = series;
    self->layout = series->layout;
    (void) series_split(&self->key, series_name(series)); // it has been checked on its way in
}

// ---- rules that go ----------------------------------------------------------------------------

// Were people told that it fires, or flaps, and not yet that it is over?
static bool is_told(const topic_t *topic)
{
    return topic->incident.state == INCIDENT_FIRING || topic_flaps(topic);
}

static bool has_open(const series_t *series, const void *context)
{
    (void) context;
    if (series->silences > 0)
        return true;
    for (size_t i = 0; i < series->topics.count; i++)
        if (is_told(series->topics.entries[i].topic))
            return true;
    return false;
}

// What of a topic is over, or goes on elsewhere and is not.
typedef struct {
    bool incident, silence;
} parts_t;
typedef parts_t goes_on_t(const pass_t *pass, uint32_t rule, const topic_t *topic,
                          const void *context);

// Once the silence is said to be over nobody knows any more that it was told: were the rule to come
// again, it would be told once more under the same id. So the series counts from the next tick on.
static bool drop_rule(fold_t *self, const case_t *at, parts_t over)
{
    if (over.incident && !fold_say(self, at, SAY_DROPPED))
        return false;
    if (!over.silence)
        return true;
    at->pass->series->heard_us = 0;
    branch_touch(at->pass->branch, at->pass->series);
    return fold_say(self, at, SAY_UNWATCHED);
}

// The newest row is looked at only if it has to be: its windows may have to be built anew, and most
// plans take no rule away.
static bool drop_rules(fold_t *self, const pass_t *pass, goes_on_t *goes_on, const void *context)
{
    newest_t newest;
    bool looked = false;
    const spoken_t *topics = &pass->series->topics;
    for (size_t i = 0; i < topics->count; i++) {
        const topic_t *topic = topics->entries[i].topic;
        uint32_t rule = topics->entries[i].rule;
        const parts_t going = goes_on(pass, rule, topic, context);
        const parts_t over = { .incident = is_told(topic) && !going.incident,
                               .silence = topic->silent && !going.silence };
        if (!over.incident && !over.silence)
            continue;
        if (!looked && !fold_newest(&newest, pass))
            return false;
        looked = true;
        newest.at.rule = rule;
        if (!drop_rule(self, &newest.at, over))
            return false;
    }
    return true;
}

static parts_t stays(const pass_t *pass, uint32_t rule, const topic_t *topic, const void *context)
{
    (void) topic;
    bool stays = layout_rule(context, pass->layout->plan->rules[rule].name) >= 0;
    return (parts_t){ stays, stays };
}

bool fold_drop_rules(fold_t *self, const pass_t *record, unsigned number, branch_t *branch,
                     layouts_t *next)
{
    size_t count;
    series_t **left = branch_sorted(branch, has_open, NULL, &count);
    bool ok = left != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        pass_t pass;
        fold_pass(&pass, record, number, left[i]);
        pass.branch = branch;
        const layout_t *layout = layouts_find(next, series_name(left[i]));
        ok = layout && drop_rules(self, &pass, stays, layout);
    }
    free(left);
    return ok;
}

// ---- tellings that are over -------------------------------------------------------------------

bool fold_is_awaited(const branch_t *branch)
{
    for (size_t i = 0; i <= branch->mask; i++)
        if (branch->table[i] && has_open(branch->table[i], NULL))
            return true;
    return false;
}

// By what is on in the later telling of this series: what ended there is not remembered. Its end is
// said once more then, under the id that it has anyway, so that people hear it once.
static parts_t came_again(const pass_t *pass, uint32_t rule, const topic_t *topic,
                          const void *context)
{
    (void) topic;
    const series_t *now = context;
    int found = now ? layout_rule(now->layout, pass->layout->plan->rules[rule].name) : -1;
    const topic_t *again = found >= 0 ? spoken_find(&now->topics, (uint32_t) found) : NULL;
    return (parts_t){ .incident = again && is_told(again), .silence = again && again->silent };
}

static bool end_telling(fold_t *self, const pass_t *record, unsigned number, branch_t *old,
                        const branch_t *now)
{
    size_t count;
    series_t **left = branch_sorted(old, has_open, NULL, &count);
    bool ok = left != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        pass_t pass;
        fold_pass(&pass, record, number, left[i]);
        pass.branch = old;
        pass.told_anew = true;
        const series_t *again = now ? branch_find(now, series_name(left[i]), left[i]->hash) : NULL;
        ok = drop_rules(self, &pass, came_again, again);
    }
    free(left);
    return ok;
}

bool fold_end_tellings(fold_t *self, const pass_t *record, unsigned number)
{
    partition_t *state = &self->partitions[number];
    for (size_t i = state->branch_count; i-- > 0;) {
        branch_t *old = &state->branches[i];
        if (!edition_supersedes(record->stream, slice_of(old->name, old->name_size)))
            continue;
        if (!end_telling(self, record, number, old, partition_find(state, record->stream)) ||
            !journal_forget(state, old))
            return false;
        partition_forget(state, old);
    }
    return true;
}
