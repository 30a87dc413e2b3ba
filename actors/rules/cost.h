/*  cost -- what judging a rule takes, before any row comes. Pure.
 *
 *  An estimate in nanoseconds of CPU for each row of a series that the rule looks at, with nothing
 *  shared: windows and conditions that other rules have as well cost once. Of a rule that freezes
 *  it is what a row takes while its windows stand still. The weights are what
 *  400,000 rows of a back-test took more with such a rule than without, on one core of a machine of
 *  2026, rounded; what counts is that they are to each other as they are.
 */
#pragma once
#include "actors/rules/ruleset.h"

uint32_t cost_of(const table_plan_t *table, const compiled_rule_t *rule);

// Is it at most that? False with fault, which tells the cost.
bool cost_is_borne(uint32_t cost, uint32_t most, fault_t *fault);
