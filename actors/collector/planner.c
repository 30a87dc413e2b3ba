/*  planner -- see planner.h. Rules are kept as one list in order of name; a new look makes a new
 *  list, and what the old one knows of the same text is carried over.
 */
#include "actors/collector/planner.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/collector/rule_fields.h"
#include "actors/rules/ruleset.h"
#include "proto/owned.h"

typedef struct {
    char *name;
    uint8_t *body; // rule_encode; NULL if the fields could not even be read
    size_t body_size;
    bool enabled;
    char *error; // NULL = good
    bool judged; // error is known
    bool misfit; // good alone, but not together with the others
    bool told;
} draft_t;

typedef struct {
    draft_t *items;
    size_t count, capacity;
} drafts_t;

struct planner {
    plan_t *base;       // as configured
    plan_t *foundation; // its sources and those derived columns that compile
    bool moved;         // the foundation changed since the last finish: judge all again
    drafts_t known;     // as of the last finish, in order of name
    drafts_t next;      // of the look under way
    drafts_t derived;   // derived columns left out, with their errors
    bool failed;        // out of memory in a callback
};

static void s_draft_clear(draft_t *draft)
{
    free(draft->name);
    free(draft->body);
    free(draft->error);
    *draft = (draft_t){ 0 };
}

static void s_drafts_clear(drafts_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        s_draft_clear(&self->items[i]);
    free(self->items);
    *self = (drafts_t){ 0 };
}

static draft_t *s_drafts_add(drafts_t *self, slice_t name)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? self->capacity * 2 : 16;
        draft_t *items = realloc(self->items, capacity * sizeof *items);
        if (!items)
            return NULL;
        self->items = items;
        self->capacity = capacity;
    }
    char *copy = strndup((const char *) name.data, name.size);
    if (!copy)
        return NULL;
    self->items[self->count] = (draft_t){ .name = copy };
    return &self->items[self->count++];
}

static int s_by_name(const void *a, const void *b)
{
    return strcmp(((const draft_t *) a)->name, ((const draft_t *) b)->name);
}

static draft_t *s_drafts_find(const drafts_t *self, const char *name, size_t sorted)
{
    draft_t key = { .name = (char *) name };
    return sorted ? bsearch(&key, self->items, sorted, sizeof key, s_by_name) : NULL;
}

static bool s_draft_body(draft_t *draft, slice_t body)
{
    draft->body = malloc(body.size + 1);
    if (!draft->body)
        return false;
    memcpy(draft->body, body.data, body.size);
    draft->body_size = body.size;
    return true;
}

// The verdict of a draft is now this; where a place in the condition is known it is said.
static bool s_draft_refuse(draft_t *draft, const fault_t *fault)
{
    free(draft->error);
    int size;
    if (fault->column <= 0)
        size = asprintf(&draft->error, "%s", fault->text);
    else if (fault->line <= 1)
        size = asprintf(&draft->error, "%s at character %d", fault->text, fault->column);
    else
        size = asprintf(&draft->error, "%s at line %d, character %d", fault->text, fault->line,
                        fault->column);
    if (size < 0)
        draft->error = NULL;
    draft->judged = true;
    return draft->error != NULL;
}

planner_t *planner_new(void)
{
    return calloc(1, sizeof(planner_t));
}

void planner_destroy(planner_t **self_p)
{
    planner_t *self = *self_p;
    if (!self)
        return;
    s_drafts_clear(&self->known);
    s_drafts_clear(&self->next);
    s_drafts_clear(&self->derived);
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
    draft_t *draft = s_drafts_add(&self->derived, slice_text(name));
    if (!draft || !s_draft_refuse(draft, fault))
        self->failed = true;
}

// Everything but the rules, without the derived columns that do not compile.
static bool s_lay_foundation(planner_t *self)
{
    plan_destroy(&self->foundation);
    s_drafts_clear(&self->derived);
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
    return compiled && !self->failed;
}

bool planner_configure(planner_t *self, const plan_t *base)
{
    plan_t *copy = plan_copy(base);
    if (!copy)
        return false;
    plan_destroy(&self->base);
    self->base = copy;
    return s_lay_foundation(self);
}

bool planner_was_told(planner_t *self, const char *name)
{
    if (s_drafts_find(&self->known, name, self->known.count))
        return true;
    if (!s_drafts_add(&self->known, slice_text(name)))
        return false;
    qsort(self->known.items, self->known.count, sizeof *self->known.items, s_by_name);
    return true;
}

bool planner_has_configured(const planner_t *self, slice_t rule)
{
    return plan_find(self->base, PLAN_RULE, rule) != NULL;
}

bool planner_begin(planner_t *self)
{
    assert(self->base);
    s_drafts_clear(&self->next);
    return self->foundation || s_lay_foundation(self);
}

bool planner_rule(planner_t *self, const store_rule_t *fields)
{
    draft_t *draft = s_drafts_add(&self->next, slice_text(fields->name));
    if (!draft)
        return false;
    fault_t fault;
    rule_t rule;
    if (!rule_name_is_good(fields->name)) {
        fault_set(&fault, "a name has letters, digits, '.', '_' and '-', at most %d",
                  PLAN_NAME_MAX);
        return s_draft_refuse(draft, &fault);
    }
    if (!rule_fields_read(&rule, fields, &fault))
        return s_draft_refuse(draft, &fault);
    draft->enabled = rule.enabled;
    if (!rule_fields_are_whole(&rule))
        return true; // switched off: the rest is that of the configuration
    owned(buffer_destroy) buffer_t body = { 0 };
    rule_encode(&rule, &body);
    return !body.failed && s_draft_body(draft, buffer_slice(&body));
}

// The rule of the configuration, switched off: all that Redis says of it.
static bool s_switch_off(draft_t *draft, slice_t configured)
{
    rule_t rule;
    if (!rule_decode(&rule, configured, NULL))
        return s_draft_body(draft, configured); // whoever judges it says why
    rule.enabled = false;
    owned(buffer_destroy) buffer_t body = { 0 };
    rule_encode(&rule, &body);
    return !body.failed && s_draft_body(draft, buffer_slice(&body));
}

// Switched off, and nothing there to switch off?
static bool s_refuse_empty(planner_t *self)
{
    for (size_t i = 0; i < self->next.count; i++) {
        draft_t *draft = &self->next.items[i];
        fault_t fault;
        fault_set(&fault, "on, when: are missing, and the configuration has no rule of this name "
                          "to switch off");
        if (!draft->body && !draft->error && !s_draft_refuse(draft, &fault))
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
        draft_t *draft = s_drafts_add(&self->next, entry.name);
        if (!draft || !s_draft_body(draft, entry.body))
            return false;
        draft_t *hiding = s_drafts_find(&self->next, draft->name, sorted);
        if (hiding) {
            s_draft_clear(draft);
            self->next.count--;
            if (!hiding->body && !hiding->error && !s_switch_off(hiding, entry.body))
                return false;
            continue;
        }
        rule_t rule;
        draft->enabled = rule_decode(&rule, entry.body, NULL) && rule.enabled;
    }
    return s_refuse_empty(self);
}

// Good or bad? From memory if text and foundation are the same as when it was judged.
static bool s_judge(planner_t *self, draft_t *draft)
{
    const draft_t *known = s_drafts_find(&self->known, draft->name, self->known.count);
    if (!draft->judged && known && known->judged && !known->misfit && !self->moved &&
        slice_same(slice_of(known->body, known->body_size),
                   slice_of(draft->body, draft->body_size))) {
        draft->judged = true;
        draft->error = known->error ? strdup(known->error) : NULL;
        if (known->error && !draft->error)
            return false;
    }
    fault_t fault;
    rule_t rule;
    if (!draft->judged &&
        (!rule_decode(&rule, slice_of(draft->body, draft->body_size), &fault) ||
         !ruleset_check(self->foundation, draft->name, &rule, &fault)) &&
        !s_draft_refuse(draft, &fault))
        return false;
    draft->judged = true;
    return true;
}

static void s_refuse_rule(void *context, plan_kind_t kind, const char *name, const fault_t *fault)
{
    planner_t *self = context;
    draft_t *draft = kind == PLAN_RULE ? s_drafts_find(&self->next, name, self->next.count) : NULL;
    if (!draft)
        return;
    draft->misfit = true;
    if (!s_draft_refuse(draft, fault))
        self->failed = true;
}

// What passed alone may still not fit together with the rest (limits of a table).
static bool s_drop_misfits(planner_t *self, plan_t *plan)
{
    self->failed = false;
    owned(ruleset_destroy) ruleset_t *compiled = ruleset_new(plan, s_refuse_rule, self);
    if (!compiled || self->failed)
        return false;
    for (size_t i = 0; i < self->next.count; i++)
        if (self->next.items[i].error)
            plan_remove(plan, PLAN_RULE, slice_text(self->next.items[i].name));
    return true;
}

static plan_t *s_assemble(planner_t *self)
{
    owned(plan_destroy) plan_t *plan = plan_copy(self->foundation);
    if (!plan)
        return NULL;
    for (size_t i = 0; i < self->next.count; i++) {
        draft_t *draft = &self->next.items[i];
        if (!s_judge(self, draft))
            return NULL;
        fault_t fault;
        if (!draft->error &&
            !plan_set(plan, PLAN_RULE, slice_text(draft->name),
                      slice_of(draft->body, draft->body_size), &fault) &&
            !s_draft_refuse(draft, &fault))
            return NULL;
    }
    if (!s_drop_misfits(self, plan))
        return NULL;
    plan_t *given = plan;
    plan = NULL;
    return given;
}

static bool s_same_error(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void s_tell_all(planner_t *self, planner_tell_t *tell, void *context)
{
    for (size_t i = 0; i < self->derived.count; i++) {
        draft_t *draft = &self->derived.items[i];
        if (!draft->told)
            tell(context, &(planner_verdict_t){ PLAN_DERIVE, draft->name, "error", draft->error });
        draft->told = true;
    }
    for (size_t i = 0; i < self->next.count; i++) {
        draft_t *draft = &self->next.items[i];
        draft_t *known = s_drafts_find(&self->known, draft->name, self->known.count);
        bool same = known && known->told && known->enabled == draft->enabled &&
                    s_same_error(known->error, draft->error);
        const char *state = draft->error ? "error" : draft->enabled ? "ok" : "disabled";
        draft->told = true;
        if (!same)
            tell(context, &(planner_verdict_t){ PLAN_RULE, draft->name, state, draft->error });
    }
    for (size_t i = 0; i < self->known.count; i++) {
        const char *name = self->known.items[i].name;
        if (!s_drafts_find(&self->next, name, self->next.count))
            tell(context, &(planner_verdict_t){ PLAN_RULE, name, NULL, NULL });
    }
}

plan_t *planner_finish(planner_t *self, planner_tell_t *tell, void *context)
{
    if (self->next.count)
        qsort(self->next.items, self->next.count, sizeof *self->next.items, s_by_name);
    if (!s_add_configured(self))
        return NULL;
    if (self->next.count)
        qsort(self->next.items, self->next.count, sizeof *self->next.items, s_by_name);
    plan_t *plan = s_assemble(self);
    if (!plan)
        return NULL;
    s_tell_all(self, tell, context);
    s_drafts_clear(&self->known);
    self->known = self->next;
    self->next = (drafts_t){ 0 };
    self->moved = false;
    return plan;
}

void planner_tell_again(planner_t *self)
{
    for (size_t i = 0; i < self->known.count; i++)
        self->known.items[i].told = false;
    for (size_t i = 0; i < self->derived.count; i++)
        self->derived.items[i].told = false;
}
