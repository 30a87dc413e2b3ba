/*  recalls -- see recalls.h. */
#include "actors/transform/recalls.h"

#include <stdlib.h>
#include <string.h>

#include "actors/rules/family.h"

enum { RECALLS_FIRST = 4 };

void recalls_close(recalls_t *self)
{
    free(self->rules);
    *self = (recalls_t){ 0 };
}

// The first that is not before this rule.
static size_t place_of(const recalls_t *self, uint32_t rule)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->rules[middle].rule < rule)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t recalls_since(const recalls_t *self, uint32_t rule)
{
    size_t at = place_of(self, rule);
    bool listed = at < self->count && self->rules[at].rule == rule;
    return listed ? self->rules[at].since : RECALLS_ALL;
}

bool recalls_add(recalls_t *self, uint32_t rule, uint64_t since)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? 2 * self->capacity : RECALLS_FIRST;
        recall_t *rules = realloc(self->rules, capacity * sizeof *rules);
        if (!rules)
            return false;
        self->rules = rules;
        self->capacity = capacity;
    }
    size_t at = place_of(self, rule);
    memmove(self->rules + at + 1, self->rules + at, (self->count - at) * sizeof *self->rules);
    self->rules[at] = (recall_t){ .rule = rule, .since = since };
    self->count++;
    return true;
}

void recalls_move_up(recalls_t *self, uint64_t from)
{
    for (size_t i = 0; i < self->count; i++)
        self->rules[i].since +=
            self->rules[i].since >= from && self->rules[i].since != RECALLS_NONE;
}

void recalls_forget(recalls_t *self, uint64_t open)
{
    size_t left = 0;
    for (size_t i = 0; i < self->count; i++)
        if (self->rules[i].since >= open)
            self->rules[left++] = self->rules[i];
    self->count = left;
}

// ---- plans ------------------------------------------------------------------------------------

typedef struct {
    const recalls_t *before;
    const layout_t *from, *to;
    const series_parts_t *key;
    recalls_t *now;
} change_t;

static bool take_rule(const change_t *self, uint32_t rule)
{
    const compiled_rule_t *comes = &self->to->plan->rules[rule];
    if (!rule_recalls(comes) || !family_fits(comes->when, self->key))
        return true;
    int known = layout_rule(self->from, comes->name);
    bool same =
        known >= 0 && memcmp(&self->from->plan->rules[known].id, &comes->id, sizeof comes->id) == 0;
    uint64_t since = same ? recalls_since(self->before, (uint32_t) known) : RECALLS_NONE;
    return since == RECALLS_ALL || recalls_add(self->now, rule, since);
}

static bool take_group(const change_t *self, const group_t *group)
{
    const docket_t *docket = self->to->docket;
    for (uint32_t i = group->first; i < group->first + group->count; i++) {
        const ladder_t *ladder = &docket->ladders[i];
        for (uint32_t r = ladder->first; r < ladder->first + ladder->count; r++) {
            const question_t *question = docket_question(docket, r);
            for (uint32_t c = question->first; c < question->first + question->count; c++)
                if (!take_rule(self, docket->copies[c]))
                    return false;
        }
    }
    return true;
}

// Only rules that can hold for the series: there may be a million others.
bool recalls_reshape(recalls_t *self, const layout_t *from, const layout_t *to,
                     const series_parts_t *key)
{
    recalls_t now = { 0 };
    const change_t change = { .before = self, .from = from, .to = to, .key = key, .now = &now };
    bool ok = true;
    if (to->plan->recalls) {
        roll_t *roll = docket_bind(to->docket, key);
        ok = roll != NULL;
        for (uint32_t g = 0; ok && g < roll->group_count; g++)
            ok = take_group(&change, roll->groups[g]);
        roll_destroy(&roll);
    }
    recalls_close(self);
    *self = now;
    return ok;
}
