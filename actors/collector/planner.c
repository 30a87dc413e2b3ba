/*  planner -- see planner.h. Rules are kept as one list in order of name; a new look makes a new
 *  list, and what the old one knows of the same text is carried over.
 */
#include "actors/collector/planner.h"

#include <assert.h>
#include <stdlib.h>

#include "actors/collector/drafts.h"
#include "actors/collector/rule_fields.h"
#include "actors/rules/cost.h"
#include "actors/rules/ruleset.h"
#include "proto/owned.h"

struct planner {
    plan_t *base;       // as configured
    uint32_t cost_max;  // of a rule, ns a row
    plan_t *foundation; // its sources and those derived columns that compile
    bool moved;         // the foundation changed since the last finish: judge all again
    plan_hash_t tried;  // foundation and all rules that were compiled for the last finish
    drafts_t known;     // as of the last finish, in order of name
    drafts_t next;      // of the look under way
    drafts_t earlier;   // told in an earlier life; in no order
    drafts_t gone;      // rules that are, and that is still to be told
    drafts_t derived;   // derived columns left out, with their errors
    size_t told;        // of known, what comes before is told
    size_t gone_told;   // the same of gone
    bool failed;        // out of memory in a callback
};

planner_t *planner_new(void)
{
    return calloc(1, sizeof(planner_t));
}

void planner_destroy(planner_t **self_p)
{
    planner_t *self = *self_p;
    if (!self)
        return;
    drafts_clear(&self->known);
    drafts_clear(&self->next);
    drafts_clear(&self->earlier);
    drafts_clear(&self->gone);
    drafts_clear(&self->derived);
    plan_destroy(&self->foundation);
    plan_destroy(&self->base);
    free(self);
    *self_p = NULL;
}

static void s_refuse_derived(void *context, plan_kind_t kind, const char *name,
                             const fault_t *fault)
{
    planner_t *self = context;
    if (kind != PLAN_DERIVE)
        return;
    draft_t *draft = drafts_add(&self->derived, slice_text(name));
    if (!draft || !draft_refuse(draft, fault))
        self->failed = true;
}

// Everything but the rules, without the derived columns that do not compile.
static bool s_lay_foundation(planner_t *self)
{
    plan_destroy(&self->foundation);
    drafts_clear(&self->derived);
    self->failed = false;
    self->moved = true;
    self->foundation = plan_copy(self->base);
    if (!self->foundation)
        return false;
    for (size_t i = plan_count(self->foundation); i-- > 0;) {
        plan_entry_t entry = plan_at(self->foundation, i);
        if (entry.kind == PLAN_RULE)
            plan_remove(self->foundation, PLAN_RULE, entry.name);
    }
    owned(ruleset_destroy) ruleset_t *compiled =
        ruleset_new(self->foundation, s_refuse_derived, self);
    for (size_t i = 0; i < self->derived.count; i++)
        plan_remove(self->foundation, PLAN_DERIVE, slice_text(self->derived.items[i].name));
    if (compiled && !self->failed)
        return true;
    plan_destroy(&self->foundation); // the next look lays it
    return false;
}

bool planner_configure(planner_t *self, const plan_t *base, uint32_t cost_max)
{
    plan_t *copy = plan_copy(base);
    if (!copy)
        return false;
    plan_destroy(&self->base);
    self->base = copy;
    self->cost_max = cost_max;
    return s_lay_foundation(self);
}

bool planner_was_told(planner_t *self, const char *name)
{
    return drafts_add(&self->earlier, slice_text(name)) != NULL;
}

bool planner_has_configured(const planner_t *self, slice_t rule)
{
    return plan_find(self->base, PLAN_RULE, rule) != NULL;
}

bool planner_begin(planner_t *self)
{
    assert(self->base);
    drafts_clear(&self->next);
    return self->foundation || s_lay_foundation(self);
}

bool planner_rule(planner_t *self, const store_rule_t *fields)
{
    draft_t *draft = drafts_add(&self->next, slice_text(fields->name));
    if (!draft)
        return false;
    fault_t fault;
    rule_t rule;
    if (!rule_name_is_good(fields->name)) {
        fault_set(&fault, "a name has letters, digits, '.', '_' and '-', at most %d",
                  PLAN_NAME_MAX);
        return draft_refuse(draft, &fault);
    }
    if (!rule_fields_read(&rule, fields, &fault))
        return draft_refuse(draft, &fault);
    draft->enabled = rule.enabled;
    if (!rule_fields_are_whole(&rule))
        return true; // switched off: the rest is that of the configuration
    owned(buffer_destroy) buffer_t body = { 0 };
    rule_encode(&rule, &body);
    return !body.failed && draft_body(draft, buffer_slice(&body));
}

// The rule of the configuration, switched off: all that Redis says of it.
static bool s_switch_off(draft_t *draft, slice_t configured)
{
    rule_t rule;
    if (!rule_decode(&rule, configured, NULL))
        return draft_body(draft, configured); // whoever judges it says why
    rule.enabled = false;
    owned(buffer_destroy) buffer_t body = { 0 };
    rule_encode(&rule, &body);
    return !body.failed && draft_body(draft, buffer_slice(&body));
}

// Switched off, and nothing there to switch off?
static bool s_refuse_empty(planner_t *self)
{
    for (size_t i = 0; i < self->next.count; i++) {
        draft_t *draft = &self->next.items[i];
        fault_t fault;
        fault_set(&fault, "on, when: are missing, and the configuration has no rule of this name "
                          "to switch off");
        if (!draft->body && !draft->error && !draft_refuse(draft, &fault))
            return false;
    }
    return true;
}

// Rules of the configuration that no rule in Redis hides.
static bool s_add_configured(planner_t *self)
{
    size_t sorted = self->next.count;
    for (size_t i = 0; i < plan_count(self->base); i++) {
        plan_entry_t entry = plan_at(self->base, i);
        if (entry.kind != PLAN_RULE)
            continue;
        draft_t *draft = drafts_add(&self->next, entry.name);
        if (!draft || !draft_body(draft, entry.body))
            return false;
        draft_t *hiding = drafts_find(&self->next, draft->name, sorted);
        if (hiding) {
            drafts_drop(&self->next);
            if (!hiding->body && !hiding->error && !s_switch_off(hiding, entry.body))
                return false;
            continue;
        }
        rule_t rule;
        draft->enabled = rule_decode(&rule, entry.body, NULL) && rule.enabled;
    }
    return s_refuse_empty(self);
}

// One that is switched off is in the plan, but not compiled with it.
static bool s_judge_alone(planner_t *self, draft_t *draft)
{
    const draft_t *known = drafts_find(&self->known, draft->name, self->known.count);
    bool same =
        known && known->judged && !self->moved && slice_same(draft_text(known), draft_text(draft));
    if (same) {
        draft->judged = true;
        draft->error = known->error ? strdup(known->error) : NULL;
        return draft->error || !known->error;
    }
    fault_t fault;
    rule_t rule;
    if ((!rule_decode(&rule, draft_text(draft), &fault) ||
         !ruleset_check(self->foundation, draft->name, &rule, &fault)) &&
        (fault_is_no_memory(&fault) || !draft_refuse(draft, &fault)))
        return false;
    draft->judged = true;
    return true;
}

static void s_refuse_rule(void *context, plan_kind_t kind, const char *name, const fault_t *fault)
{
    planner_t *self = context;
    draft_t *draft = kind == PLAN_RULE ? drafts_find(&self->next, name, self->next.count) : NULL;
    if (draft && !draft_refuse(draft, fault))
        self->failed = true;
}

// The foundation and all rules without an error. NULL: out of memory.
static plan_t *s_assemble(planner_t *self)
{
    owned(plan_destroy) plan_t *plan = plan_copy(self->foundation);
    for (size_t i = 0; plan && i < self->next.count; i++) {
        draft_t *draft = &self->next.items[i];
        fault_t fault;
        if (!draft->error &&
            !plan_set(plan, PLAN_RULE, slice_text(draft->name), draft_text(draft), &fault) &&
            (fault_is_no_memory(&fault) || !draft_refuse(draft, &fault)))
            return NULL;
    }
    plan_t *given = plan;
    plan = NULL;
    return given;
}

// What each rule costs is known once it is compiled; one that costs too much is refused.
static void s_weigh(planner_t *self, const ruleset_t *compiled)
{
    const table_plan_t *table;
    for (size_t t = 0; (table = ruleset_at(compiled, t)); t++)
        for (size_t r = 0; r < table->rule_count; r++) {
            const compiled_rule_t *rule = &table->rules[r];
            draft_t *draft = drafts_find(&self->next, rule->name, self->next.count);
            fault_t fault = { 0 };
            if (!draft)
                continue;
            draft->cost = cost_of(table, rule);
            if (!cost_is_borne(draft->cost, self->cost_max, &fault) && !draft_refuse(draft, &fault))
                self->failed = true;
        }
}

// Each rule is compiled once, together with the others: their number is limited as well as its
// text. What was compiled as it is for the last plan has the verdict that it had.
static bool s_judge_together(planner_t *self, const plan_t *plan, size_t *refused)
{
    plan_hash_t hash = plan_hash(plan);
    bool same = !self->moved && memcmp(&hash, &self->tried, sizeof hash) == 0;
    self->failed = false;
    owned(ruleset_destroy) ruleset_t *compiled =
        same ? NULL : ruleset_new(plan, s_refuse_rule, self);
    if (compiled && !self->failed)
        s_weigh(self, compiled);
    if (!same && (!compiled || self->failed))
        return false;
    *refused = 0;
    for (size_t i = 0; i < self->next.count; i++) {
        draft_t *draft = &self->next.items[i];
        if (!plan_find(plan, PLAN_RULE, slice_text(draft->name)))
            continue;
        const draft_t *known = drafts_find(&self->known, draft->name, self->known.count);
        if (same && known && known->error && !(draft->error = strdup(known->error)))
            return false;
        draft->cost = same && known ? known->cost : draft->cost;
        *refused += draft->error != NULL;
    }
    self->tried = hash;
    return true;
}

static plan_t *s_judge(planner_t *self)
{
    for (size_t i = 0; i < self->next.count; i++) {
        draft_t *draft = &self->next.items[i];
        if (!draft->error && !draft->enabled && !s_judge_alone(self, draft))
            return NULL;
    }
    owned(plan_destroy) plan_t *plan = s_assemble(self);
    size_t refused;
    if (!plan || !s_judge_together(self, plan, &refused))
        return NULL;
    if (refused)
        return s_assemble(self); // without them
    plan_t *given = plan;
    plan = NULL;
    return given;
}

static bool s_same_error(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

// Rules of before that are not there any more have to be told.
static bool s_note_gone(planner_t *self, const drafts_t *before)
{
    for (size_t i = 0; i < before->count; i++) {
        const char *name = before->items[i].name;
        if (!drafts_find(&self->next, name, self->next.count) &&
            !drafts_add(&self->gone, slice_text(name)))
            return false;
    }
    return true;
}

// What was told of a rule and is still true is not told again.
static bool s_compare(planner_t *self)
{
    for (size_t i = 0; i < self->next.count; i++) {
        draft_t *draft = &self->next.items[i];
        const draft_t *known = drafts_find(&self->known, draft->name, self->known.count);
        bool same = known && known->enabled == draft->enabled && known->cost == draft->cost &&
                    s_same_error(known->error, draft->error);
        draft->told = same ? known->told : DRAFT_UNTOLD;
    }
    if (self->gone_told == self->gone.count)
        drafts_clear(&self->gone);
    bool noted = s_note_gone(self, &self->known) && s_note_gone(self, &self->earlier);
    drafts_settle(&self->gone);
    return noted;
}

plan_t *planner_finish(planner_t *self)
{
    drafts_sort(&self->next);
    if (!s_add_configured(self))
        return NULL;
    drafts_sort(&self->next);
    owned(plan_destroy) plan_t *plan = s_judge(self);
    if (!plan || !s_compare(self))
        return NULL;
    drafts_clear(&self->known);
    drafts_clear(&self->earlier);
    self->known = self->next;
    self->next = (drafts_t){ 0 };
    self->moved = false;
    self->told = self->gone_told = 0;
    plan_t *given = plan;
    plan = NULL;
    return given;
}

static void s_tell(draft_t *draft, const planner_verdict_t *verdict, planner_tell_t *tell,
                   void *context)
{
    planner_verdict_t told = *verdict;
    told.again = draft->told == DRAFT_AGAIN;
    draft->told = DRAFT_TOLD;
    tell(context, &told);
}

bool planner_tell(planner_t *self, size_t most, planner_tell_t *tell, void *context)
{
    for (size_t i = 0; i < self->derived.count; i++) {
        draft_t *draft = &self->derived.items[i];
        if (draft->told != DRAFT_TOLD)
            s_tell(draft,
                   &(planner_verdict_t){ .kind = PLAN_DERIVE,
                                         .name = draft->name,
                                         .state = "error",
                                         .error = draft->error },
                   tell, context);
    }
    size_t count = 0;
    for (; count < most && self->told < self->known.count; self->told++) {
        draft_t *draft = &self->known.items[self->told];
        if (draft->told == DRAFT_TOLD)
            continue;
        count++;
        s_tell(draft,
               &(planner_verdict_t){ .kind = PLAN_RULE,
                                     .name = draft->name,
                                     .state = draft->error     ? "error"
                                              : draft->enabled ? "ok"
                                                               : "disabled",
                                     .error = draft->error,
                                     .cost = draft->cost },
               tell, context);
    }
    for (; count < most && self->gone_told < self->gone.count; self->gone_told++, count++) {
        draft_t *draft = &self->gone.items[self->gone_told];
        if (!drafts_find(&self->known, draft->name, self->known.count)) // it may have come back
            s_tell(draft, &(planner_verdict_t){ .kind = PLAN_RULE, .name = draft->name }, tell,
                   context);
    }
    return self->told < self->known.count || self->gone_told < self->gone.count;
}

static void s_tell_again(drafts_t *drafts)
{
    for (size_t i = 0; i < drafts->count; i++)
        if (drafts->items[i].told == DRAFT_TOLD)
            drafts->items[i].told = DRAFT_AGAIN;
}

void planner_tell_again(planner_t *self)
{
    self->told = self->gone_told = 0;
    s_tell_again(&self->known);
    s_tell_again(&self->gone);
    s_tell_again(&self->derived);
}
