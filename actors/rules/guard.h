/*  guard -- what has to hold before a rule judges a row. Pure.
 *
 *  For every aggregate of the rule, at least min_rows values of its argument in its window (a
 *  window of N rows: at most N). For every avg or sum that is a factor of a comparison's side or
 *  of a divisor: > 0.
 */
#pragma once
#include "actors/rules/table.h"

// Fill guards and aggregates of a rule; adds the counts it needs to the table.
bool guard_rule(table_t *table, compiled_rule_t *rule, fault_t *fault);
