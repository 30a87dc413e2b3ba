/*  docket_build -- a table's rules become a docket: see docket.h.
 *
 *  First the questions, by the digest of their verdict. Then each finds its family and the groups
 *  of the keys it asks for; sorted by group, family and step, what lies together is a ladder.
 *  Time and memory are linear in the rules, but for the sorting.
 */
#include <stdlib.h>
#include <string.h>

#include "actors/transform/docket_keys.h"
#include "actors/transform/hash.h"
#include "proto/arena.h"

typedef struct {
    size_t mask;
    uint32_t *items; // index + 1, or 0
} slots_t;

// What is asked where.
typedef struct {
    uint32_t group, family, question;
    const number_t *step; // or NULL
} place_t;

typedef struct {
    const table_plan_t *plan;
    docket_t *docket;
    arena_t *arena, *scratch;
    arena_t *programs; // filled as far as it goes: without one a condition is judged exactly
    size_t question_count, family_count, place_count;
    question_t *questions;
    group_t *groups;
    family_t *kin;    // one of each family
    uint32_t *kin_of; // its question
    place_t *places;
    uint32_t *guarded; // a question of each set of guards
    slots_t known_questions, known_families, known_groups, known_guards;
} build_t;

// The arenas are latched: whoever asks for memory looks at the end.
static bool failed(const build_t *self)
{
    return arena_failed(self->arena) || arena_failed(self->scratch) ||
           arena_starved(self->programs);
}

static bool slots_open(slots_t *self, arena_t *arena, size_t count)
{
    size_t size = 4;
    while (size < 2 * count)
        size *= 2;
    self->items = arena_take(arena, size * sizeof *self->items);
    self->mask = size - 1;
    return self->items != NULL;
}

static const compiled_rule_t *rule_of(const build_t *self, uint32_t question)
{
    return &self->plan->rules[self->questions[question].first];
}

// ---- questions --------------------------------------------------------------------------------

// Whatever else moves an incident than the verdict on a row belongs here.
static bool settles(const compiled_rule_t *rule)
{
    return rule->rule.emit == RULE_EMIT_EDGE && rule->rule.for_us == 0 &&
           rule->rule.cooldown_us == 0 && rule->rule.flap_changes == 0 && !rule->resolve &&
           rule->aggregate_count == 0;
}

// Where windows stand still for a rule hangs on its rows so far, and not on the verdict alone:
// rules that say the same, but came at another time, may be judged by other windows.
static bool stands_alone(const build_t *self, const compiled_rule_t *rule)
{
    return self->plan->linear || rule->rule.freeze;
}

// While questions are found, `first` is the first rule itself.
static uint32_t question_for(build_t *self, uint32_t index)
{
    const compiled_rule_t *rule = &self->plan->rules[index];
    slots_t *slots = &self->known_questions;
    bool calm = settles(rule), alone = stands_alone(self, rule);
    uint64_t hash;
    memcpy(&hash, rule->hash, sizeof hash);
    size_t i = hash & slots->mask;
    for (; !alone && slots->items[i]; i = (i + 1) & slots->mask) {
        uint32_t known = slots->items[i] - 1;
        if (self->questions[known].settles == calm &&
            memcmp(rule_of(self, known)->hash, rule->hash, sizeof rule->hash) == 0)
            return known;
    }
    self->questions[self->question_count] =
        (question_t){ .first = index, .settles = calm && !self->plan->linear };
    self->question_count++;
    if (!alone)
        slots->items[i] = (uint32_t) self->question_count;
    return (uint32_t) self->question_count - 1;
}

static bool find_questions(build_t *self)
{
    size_t count = self->plan->rule_count;
    uint32_t *question_of = arena_take(self->arena, (count + 1) * sizeof *question_of);
    self->questions = arena_take(self->arena, (count + 1) * sizeof *self->questions);
    if (failed(self) || !slots_open(&self->known_questions, self->scratch, count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        question_of[i] = question_for(self, i);
        self->questions[question_of[i]].count++;
    }
    self->docket->question_of = question_of;
    return true;
}

static bool list_copies(build_t *self)
{
    size_t count = self->plan->rule_count;
    uint32_t *copies = arena_take(self->arena, (count + 1) * sizeof *copies), next = 0;
    if (!copies)
        return false;
    for (size_t q = 0; q < self->question_count; q++) {
        question_t *question = &self->questions[q];
        uint32_t copies_of = question->count;
        question->first = next;
        question->count = 0; // counted again below
        next += copies_of;
    }
    for (uint32_t i = 0; i < count; i++) {
        question_t *question = &self->questions[self->docket->question_of[i]];
        copies[question->first + question->count++] = i;
    }
    self->docket->copies = copies;
    return true;
}

// ---- families ---------------------------------------------------------------------------------

static bool same_terms(const compiled_rule_t *a, const compiled_rule_t *b)
{
    return a->rule.emit == b->rule.emit && a->rule.min_rows == b->rule.min_rows &&
           a->rule.positive == b->rule.positive;
}

static uint32_t family_for(build_t *self, uint32_t question, const family_t *family)
{
    slots_t *slots = &self->known_families;
    size_t i = family->hash & slots->mask;
    for (; family->step && slots->items[i]; i = (i + 1) & slots->mask) {
        uint32_t known = slots->items[i] - 1, other = self->kin_of[known];
        if (self->questions[other].settles == self->questions[question].settles &&
            same_terms(rule_of(self, other), rule_of(self, question)) &&
            family_same(&self->kin[known], family))
            return known;
    }
    self->kin[self->family_count] = *family;
    self->kin_of[self->family_count++] = question;
    if (family->step)
        slots->items[i] = (uint32_t) self->family_count;
    return (uint32_t) self->family_count - 1;
}

// ---- groups -----------------------------------------------------------------------------------

// A set of keys too many: then it is in the group of those that ask for none.
static bool mask_known(build_t *self, uint32_t mask)
{
    docket_t *docket = self->docket;
    for (size_t i = 0; i < docket->mask_count; i++)
        if (docket->masks[i] == mask)
            return true;
    if (docket->mask_count == DOCKET_MASKS_MAX)
        return false;
    docket->masks[docket->mask_count++] = mask;
    return true;
}

static bool same_values(const group_t *group, const slice_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!slice_same(group->values[i], values[i]))
            return false;
    return true;
}

static uint32_t group_for(build_t *self, uint32_t mask, const slice_t *values, size_t count)
{
    slots_t *slots = &self->known_groups;
    uint64_t hash = docket_hash(mask, values);
    size_t i = hash & slots->mask;
    for (; slots->items[i]; i = (i + 1) & slots->mask) {
        const group_t *known = &self->groups[slots->items[i] - 1];
        if (known->hash == hash && known->mask == mask && same_values(known, values, count))
            return slots->items[i] - 1;
    }
    docket_t *docket = self->docket;
    slice_t *kept = arena_take(self->arena, (count + 1) * sizeof *kept);
    group_t *groups = arena_grow(self->arena, self->groups, docket->group_count, sizeof *groups);
    if (!kept || !groups)
        return 0;
    memcpy(kept, values, count * sizeof *kept);
    self->groups = groups;
    groups[docket->group_count++] = (group_t){ .mask = mask, .values = kept, .hash = hash };
    slots->items[i] = (uint32_t) docket->group_count;
    return (uint32_t) docket->group_count - 1;
}

// Into each group of its keys.
static void place_question(build_t *self, uint32_t question, uint32_t family, const family_t *its,
                           const spread_t *over)
{
    for (size_t place = 0; place < over->places && !failed(self); place++) {
        slice_t values[SERIES_KEYS_MAX];
        spread_values(over, place, values);
        self->places[self->place_count++] =
            (place_t){ .group = group_for(self, over->mask, values, over->count),
                       .family = family,
                       .question = question,
                       .step = its->step };
    }
}

// How many groups one question may be in. *places: of all of them, at most.
static size_t count_places(const build_t *self, size_t *places)
{
    spreads_t count = { 0 };
    asked_t asked;
    for (uint32_t q = 0; q < self->question_count; q++) {
        keys_asked(&asked, self->plan, rule_of(self, q)->when);
        spreads_count(&count, &asked);
    }
    return spreads_each(&count, self->plan, places);
}

static void place_one(build_t *self, uint32_t question, size_t most)
{
    const expr_t *when = rule_of(self, question)->when;
    family_t family = family_of(when);
    asked_t asked;
    keys_asked(&asked, self->plan, when);
    spread_t over = keys_spread(&asked, most);
    if (!mask_known(self, over.mask))
        over = (spread_t){ .places = 1 };
    if (over.count < asked.count || (over.count == 0 && when != family.order))
        family.column = -1; // keys that no group stands for have to be judged
    if (stands_alone(self, rule_of(self, question))) {
        family.step = NULL;
        family.column = -1;
    }
    place_question(self, question, family_for(self, question, &family), &family, &over);
}

static bool place_questions(build_t *self)
{
    size_t places, most = count_places(self, &places);
    self->kin = arena_take(self->scratch, (self->question_count + 1) * sizeof *self->kin);
    self->kin_of = arena_take(self->scratch, (self->question_count + 1) * sizeof *self->kin_of);
    self->places = arena_take(self->scratch, (places + 1) * sizeof *self->places);
    if (failed(self) || !slots_open(&self->known_families, self->scratch, self->question_count) ||
        !slots_open(&self->known_groups, self->arena, places))
        return false;
    (void) mask_known(self, 0); // the group of rules with one set too many is always looked up
    for (uint32_t q = 0; q < self->question_count && !failed(self); q++)
        place_one(self, q, most);
    self->docket->slots = self->known_groups.items;
    self->docket->slot_mask = self->known_groups.mask;
    return !failed(self);
}

// ---- ladders ----------------------------------------------------------------------------------

static int by_step(const number_t *a, const number_t *b)
{
    double apart = a->nearest - b->nearest, unsure = 2 * (a->error + b->error);
    if (apart > unsure || apart < -unsure)
        return apart > 0 ? 1 : -1;
    return mpq_cmp(a->exact, b->exact);
}

static int by_place(const void *left, const void *right)
{
    const place_t *a = left, *b = right;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    int order = a->step ? by_step(a->step, b->step) : 0;
    return order ? order : (a->question > b->question) - (a->question < b->question);
}

// Once copies are listed.
static const compiled_rule_t *rule_of_copies(const build_t *self, const question_t *question)
{
    return &self->plan->rules[self->docket->copies[question->first]];
}

static uint64_t guards_hash(const compiled_rule_t *rule)
{
    uint64_t hash = rule->guard_count;
    for (size_t i = 0; i < rule->guard_count; i++) {
        const guard_t *guard = &rule->guards[i];
        const uint32_t words[] = { guard->aggregate, guard->positive, guard->least };
        hash = hash_bytes(slice_of(words, sizeof words)) + 31 * hash;
    }
    return hash;
}

static bool same_guards(const compiled_rule_t *a, const compiled_rule_t *b)
{
    bool same = a->guard_count == b->guard_count;
    for (size_t i = 0; same && i < a->guard_count; i++)
        same = a->guards[i].aggregate == b->guards[i].aggregate &&
               a->guards[i].positive == b->guards[i].positive &&
               a->guards[i].least == b->guards[i].least;
    return same;
}

static uint32_t guards_for(build_t *self, uint32_t index, const compiled_rule_t *rule)
{
    slots_t *slots = &self->known_guards;
    docket_t *docket = self->docket;
    size_t i = guards_hash(rule) & slots->mask;
    for (; slots->items[i]; i = (i + 1) & slots->mask) {
        uint32_t known = slots->items[i] - 1;
        if (same_guards(rule, rule_of_copies(self, &self->questions[self->guarded[known]])))
            return known;
    }
    self->guarded[docket->guard_sets++] = index;
    slots->items[i] = docket->guard_sets;
    return docket->guard_sets - 1;
}

static void set_program(build_t *self, uint32_t index, const compiled_rule_t *rule)
{
    question_t *question = &self->questions[index];
    if (question->program || stands_alone(self, rule))
        return;
    question->program = program_new(self->plan, rule->when, self->programs);
    if (question->program)
        question->guards = guards_for(self, index, rule);
}

static bool climb(build_t *self)
{
    docket_t *docket = self->docket;
    size_t count = self->place_count, ladder_count = 0;
    uint32_t *rungs = arena_take(self->arena, (count + 1) * sizeof *rungs);
    decimal_t *steps = arena_take(self->arena, (count + 1) * sizeof *steps);
    ladder_t *ladders = NULL;
    self->guarded = arena_take(self->scratch, (self->question_count + 1) * sizeof *self->guarded);
    if (failed(self) || !slots_open(&self->known_guards, self->scratch, self->question_count))
        return false;
    for (size_t i = 0; i < count && !failed(self); i++) {
        const place_t *place = &self->places[i], *last = i > 0 ? place - 1 : NULL;
        const family_t *family = &self->kin[place->family];
        group_t *group = &self->groups[place->group];
        const question_t *question = &self->questions[place->question];
        if (!last || last->group != place->group || last->family != place->family) {
            ladders = arena_grow(self->arena, ladders, ladder_count, sizeof *ladders);
            if (!ladders)
                return false;
            if (group->count++ == 0)
                group->first = (uint32_t) ladder_count;
            ladders[ladder_count++] = (ladder_t){ .first = (uint32_t) i,
                                                  .column = (int16_t) family->column,
                                                  .compare = (uint8_t) family->compare,
                                                  .settles = question->settles };
        }
        rungs[i] = place->question;
        steps[i] = place->step ? place->step->decimal : DECIMAL_NULL;
        ladder_t *ladder = &ladders[ladder_count - 1];
        if (decimal_is_null(steps[i]))
            ladder->column = -1;
        const compiled_rule_t *rule = rule_of_copies(self, question);
        if (ladder->column < 0)
            set_program(self, place->question, rule);
        ladder->count++;
        ladder->rules += question->count;
        group->rules += question->count;
    }
    docket->rungs = rungs;
    docket->steps = steps;
    docket->ladders = ladders;
    docket->groups = self->groups;
    return !failed(self);
}

// ---- the whole --------------------------------------------------------------------------------

static bool build(build_t *self)
{
    docket_t *docket = self->docket;
    docket->rule_count = (uint32_t) self->plan->rule_count;
    if (!find_questions(self) || !place_questions(self) || !list_copies(self))
        return false;
    if (self->place_count > 0)
        qsort(self->places, self->place_count, sizeof *self->places, by_place);
    docket->questions = self->questions;
    return climb(self);
}

docket_t *docket_new(const table_plan_t *plan)
{
    build_t self = { .plan = plan,
                     .arena = arena_new(DOCKET_BYTES_MAX),
                     .scratch = arena_new(DOCKET_BYTES_MAX),
                     .programs = arena_new(DOCKET_PROGRAMS_MAX) };
    self.docket = self.arena ? arena_take(self.arena, sizeof *self.docket) : NULL;
    bool ok = self.docket && self.scratch && self.programs && build(&self);
    arena_destroy(&self.scratch);
    if (ok) {
        self.docket->arena = self.arena;
        self.docket->programs = self.programs;
        return self.docket;
    }
    arena_destroy(&self.programs);
    arena_destroy(&self.arena);
    return NULL;
}

void docket_destroy(docket_t **self_p)
{
    docket_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    arena_t *arena = self->arena, *programs = self->programs; // it lies in there itself
    arena_destroy(&programs);
    arena_destroy(&arena);
}
