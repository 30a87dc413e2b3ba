/*  planner -- configuration and the rules in Redis become one plan, without the bad ones.
 *
 *  Pure. A plan is a function of the two: a rule in Redis hides the rule of that name in the
 *  configuration, also when it is bad; a bad rule never enters a plan, its verdict says why.
 *  What was compiled once is not compiled again while neither it nor what it builds on changed.
 */
#pragma once
#include "broker/runtime/settings.h"
#include "broker/store.h"
#include "proto/plan.h"

// Sources, derived columns and rules of a configuration as a plan, nothing compiled.
// NULL: out of memory, or an entry is too large (fault).
plan_t *planner_base(const settings_t *settings, fault_t *fault);

// The names of all sources of a configuration as one text: two that are equal collect the same.
enum { PLANNER_SOURCES_TEXT = 33 };
void planner_sources(const settings_t *settings, char text[PLANNER_SOURCES_TEXT]);

typedef struct planner planner_t;

planner_t *planner_new(void);
void planner_destroy(planner_t **self_p);

// From now on build on this (copied), with rules that cost at most so many ns a row (rules/cost.h).
bool planner_configure(planner_t *self, const plan_t *base, uint32_t cost_max);

// A verdict on the rule of this name was told in an earlier life: should the rule be gone by the
// next finish, that is to be told too. False: out of memory.
bool planner_was_told(planner_t *self, const char *name);

// Is this rule, whatever its text, one of the configuration?
bool planner_has_configured(const planner_t *self, slice_t rule);

// One look at Redis: begin, then each rule there, then finish. False: out of memory; begin again.
bool planner_begin(planner_t *self);
bool planner_rule(planner_t *self, const store_rule_t *rule);

// What is told of a rule or derived column whose verdict changed.
typedef struct {
    plan_kind_t kind; // PLAN_RULE, or PLAN_DERIVE for a derived column that was left out
    const char *name;
    const char *state; // "ok", "disabled", "error"; NULL: the rule is gone
    const char *error; // with its place; NULL unless state is error
    uint32_t cost;     // ns of CPU a row, an estimate; 0: not known
    bool again;        // it was told before, and nothing is new
} planner_verdict_t;
typedef void planner_tell_t(void *context, const planner_verdict_t *verdict);

// The plan; the caller destroys it. NULL: out of memory.
plan_t *planner_finish(planner_t *self);

// Tell verdicts of the last finish that differ from those told before, at most so many of rules;
// their texts are valid until the next finish. True: there are more.
bool planner_tell(planner_t *self, size_t most, planner_tell_t *tell, void *context);

// All verdicts that were told are to be told again (Redis may have lost them, or had no room).
void planner_tell_again(planner_t *self);
