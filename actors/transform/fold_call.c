/*  fold_call -- which rules of a table a row concerns: see docket.h.
 *
 *  Those that are true for it, and those whose incident is not well. If the series is settled, of
 *  rules that settle only those whose truth changes. All others would say nothing, and nothing of
 *  them would change. They come in order of name, as all that is said of a row does.
 *
 *  Each counts as judged, called or not; one whose keys are not those of the series, too.
 */
#include <stdlib.h>

#include "actors/rules/expr.h"
#include "actors/transform/fold_state.h"

enum { CALLS_LEAST = 16 };

static bool call(fold_t *self, uint32_t rule, verdict_t verdict, bool step)
{
    if (self->call_count == self->call_capacity) {
        size_t capacity = self->call_capacity ? 2 * self->call_capacity : CALLS_LEAST;
        call_t *calls = realloc(self->calls, capacity * sizeof *calls);
        if (!calls)
            return false;
        self->calls = calls;
        self->call_capacity = capacity;
    }
    self->calls[self->call_count++] = (call_t){ .rule = rule, .verdict = verdict, .step = step };
    return true;
}

static bool call_rung(fold_t *self, const docket_t *docket, uint32_t rung, verdict_t verdict,
                      bool step)
{
    const question_t *question = docket_question(docket, rung);
    for (uint32_t i = 0; i < question->count; i++)
        if (!call(self, docket->copies[question->first + i], verdict, step))
            return false;
    return true;
}

// ---- ladders ----------------------------------------------------------------------------------

typedef struct {
    const hearing_t *hearing;
    const docket_t *docket;
    const ladder_t *ladder;
    bool low; // what rungs below the boundary are: true or not
} climb_t;

static bool compared(compare_t compare, int order)
{
    switch (compare) {
    case COMPARE_LESS:
        return order < 0;
    case COMPARE_LESS_EQUAL:
        return order <= 0;
    case COMPARE_GREATER:
        return order > 0;
    case COMPARE_GREATER_EQUAL:
        return order >= 0;
    case COMPARE_EQUAL:
    case COMPARE_UNEQUAL:
        break; // no ladder has them
    }
    abort();
}

static verdict_t ask(const climb_t *self, uint32_t rung)
{
    const ladder_t *ladder = self->ladder;
    if (ladder->column < 0)
        return jury_ask(self->hearing, docket_question(self->docket, ladder->first + rung));
    decimal_t value = self->hearing->values[ladder->column];
    int order = decimal_compare(value, self->docket->steps[ladder->first + rung]);
    return compared((compare_t) ladder->compare, order) ? VERDICT_TRUE : VERDICT_FALSE;
}

static bool below(const climb_t *self, uint32_t rung)
{
    return (ask(self, rung) == VERDICT_TRUE) == self->low;
}

// The first rung from `low` on that is not below the boundary; `high` is none any more. It is
// looked for near `guess` first: mostly it has hardly moved.
static uint32_t boundary(const climb_t *self, uint32_t low, uint32_t high, uint32_t guess)
{
    uint32_t step = 1;
    if (guess >= low && guess <= high) {
        if (guess == low || below(self, guess - 1)) {
            for (low = guess; step <= high - low && below(self, low + step - 1); step *= 2)
                low += step;
            if (step <= high - low)
                high = low + step - 1;
        } else {
            for (high = guess - 1; step <= high - low && !below(self, high - step); step *= 2)
                high -= step;
            if (step <= high - low)
                low = high - step + 1;
        }
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (below(self, middle))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static stretch_t stretch_of(const climb_t *self, uint32_t at)
{
    return self->low ? (stretch_t){ .from = 0, .to = at }
                     : (stretch_t){ .from = at, .to = self->ladder->count };
}

static stretch_t climb_column(climb_t *self, stretch_t guess)
{
    compare_t compare = (compare_t) self->ladder->compare;
    if (decimal_is_null(self->hearing->values[self->ladder->column]))
        return (stretch_t){ 0 };
    self->low = compare == COMPARE_GREATER || compare == COMPARE_GREATER_EQUAL;
    return stretch_of(self,
                      boundary(self, 0, self->ladder->count, self->low ? guess.to : guess.from));
}

// The rungs that are true. *verdict: of those that are not; all of one ladder are warming or none.
static stretch_t climb(climb_t *self, stretch_t guess, verdict_t *verdict)
{
    uint32_t count = self->ladder->count;
    *verdict = VERDICT_FALSE;
    if (self->ladder->column >= 0)
        return climb_column(self, guess);
    verdict_t first = ask(self, 0);
    if (first == VERDICT_WARMING)
        *verdict = first;
    self->low = first == VERDICT_TRUE;
    bool same = first == VERDICT_WARMING || count == 1 || below(self, count - 1);
    if (same)
        return (stretch_t){ .from = 0, .to = self->low ? count : 0 };
    return stretch_of(self, boundary(self, 1, count - 1, self->low ? guess.to : guess.from));
}

// ---- calls ------------------------------------------------------------------------------------

static bool holds(stretch_t span, uint32_t rung)
{
    return rung >= span.from && rung < span.to;
}

// Those from `from` to `to` that are in one span only. No rung is in both ranges that are asked
// for.
static bool call_changed(fold_t *self, const climb_t *on, stretch_t before, stretch_t now,
                         uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        if (holds(before, i) != holds(now, i) &&
            !call_rung(self, on->docket, on->ladder->first + i,
                       holds(now, i) ? VERDICT_TRUE : VERDICT_FALSE, true))
            return false;
    return true;
}

static uint32_t lesser(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static bool call_steps(fold_t *self, const climb_t *on, stretch_t before, stretch_t now)
{
    return call_changed(self, on, before, now, lesser(before.from, now.from),
                        before.from + now.from - lesser(before.from, now.from)) &&
           call_changed(self, on, before, now, lesser(before.to, now.to),
                        before.to + now.to - lesser(before.to, now.to));
}

static bool call_ladder(fold_t *self, climb_t *on, const stretch_t *before, stretch_t *now,
                        bool all)
{
    verdict_t otherwise;
    *now = climb(on, *now, &otherwise);
    self->count.warming += otherwise == VERDICT_WARMING ? on->ladder->rules : 0;
    self->count.judged += otherwise == VERDICT_WARMING ? 0 : on->ladder->rules;
    if (before)
        return call_steps(self, on, *before, *now);
    for (uint32_t i = all ? 0 : now->from; i < (all ? on->ladder->count : now->to); i++)
        if (!call_rung(self, on->docket, on->ladder->first + i,
                       holds(*now, i) ? VERDICT_TRUE : otherwise, false))
            return false;
    return true;
}

static bool call_ladders(fold_t *self, const hearing_t *hearing, bool settled, bool all)
{
    roll_t *roll = hearing->series->roll;
    const docket_t *docket = hearing->series->layout->docket;
    climb_t on = { .hearing = hearing, .docket = docket };
    stretch_t fresh = { 0 }, *truth = roll->truths;
    for (uint32_t g = 0; g < roll->group_count; g++) {
        const ladder_t *ladders = docket->ladders + roll->groups[g]->first;
        for (uint32_t i = 0; i < roll->groups[g]->count; i++) {
            on.ladder = &ladders[i];
            stretch_t before = truth ? *truth : fresh, now = before;
            if (!call_ladder(self, &on, settled && on.ladder->settles ? &before : NULL, &now, all))
                return false;
            if (truth)
                *truth++ = now;
        }
    }
    self->count.judged += docket->rule_count - roll->rules;
    return true;
}

// Of a rule that is not true something may end, and that it flaps may be over. Copies of one
// question mostly follow each other.
static bool call_living(fold_t *self, const hearing_t *hearing, uint32_t rule, call_t *last)
{
    const uint32_t *question_of = hearing->series->layout->docket->question_of;
    if (last->rule == UINT32_MAX || question_of[last->rule] != question_of[rule])
        last->verdict = jury_rule(hearing, rule);
    last->rule = rule;
    return last->verdict == VERDICT_TRUE || call(self, rule, last->verdict, false);
}

static bool call_watched(fold_t *self, const hearing_t *hearing, bool settled)
{
    const series_t *series = hearing->series;
    const roll_t *roll = series->roll;
    call_t last = { .rule = UINT32_MAX };
    for (size_t i = 0; settled && i < roll->watch_count; i++)
        if (!call_living(self, hearing, roll->watch[i], &last))
            return false;
    for (size_t i = 0; !settled && i < series->topics.count; i++) {
        const spoken_entry_t *entry = &series->topics.entries[i];
        if (!topic_is_well(entry->topic) && !call_living(self, hearing, entry->rule, &last))
            return false;
    }
    return true;
}

static int by_rule(const void *left, const void *right)
{
    const call_t *a = left, *b = right;
    return (a->rule > b->rule) - (a->rule < b->rule);
}

// In order, each once.
static void sort_calls(fold_t *self)
{
    bool sorted = true;
    for (size_t i = 1; sorted && i < self->call_count; i++)
        sorted = self->calls[i - 1].rule < self->calls[i].rule;
    if (sorted)
        return;
    qsort(self->calls, self->call_count, sizeof *self->calls, by_rule);
    size_t left = 1;
    for (size_t i = 1; i < self->call_count; i++)
        if (self->calls[i].rule != self->calls[left - 1].rule)
            self->calls[left++] = self->calls[i];
    self->call_count = left;
}

bool fold_call(fold_t *self, hearing_t *hearing, bool settled, bool all)
{
    series_t *series = hearing->series;
    self->call_count = 0;
    if (!series->roll && !(series->roll = docket_bind(series->layout->docket, hearing->key)))
        return false;
    if (!findings_begin(&self->findings, series->layout))
        return false;
    hearing->findings = &self->findings;
    all |= series->layout->plan->linear;
    if (!call_ladders(self, hearing, settled, all) ||
        (!series->layout->plan->linear && !call_watched(self, hearing, settled)))
        return false;
    sort_calls(self);
    return true;
}

bool fold_settle(fold_t *self, series_t *series)
{
    const docket_t *docket = series->layout->docket;
    bool settled = series->roll->truths != NULL;
    series->roll->watch_count = 0;
    for (size_t i = 0; i < self->call_count; i++) {
        const call_t *called = &self->calls[i];
        const topic_t *topic = spoken_find(&series->topics, called->rule);
        incident_state_t state = topic ? topic->incident.state : INCIDENT_WELL;
        bool flaps = topic && topic_flaps(topic);
        if (docket->questions[docket->question_of[called->rule]].settles)
            settled &= !flaps &&
                       state == (called->verdict == VERDICT_TRUE ? INCIDENT_FIRING : INCIDENT_WELL);
        else if ((state != INCIDENT_WELL || flaps) && !roll_watch(series->roll, called->rule))
            return false;
    }
    series->settled = settled;
    return true;
}
