/*  foresee -- warns of rules whose end is known before any row comes: they never hold, hold for
 *  every row, match no series of the sources, or begin incidents that nothing ends.
 */
#pragma once
#include "actors/rules/ruleset.h"
#include "broker/runtime/settings.h"
#include "proto/buffer.h"

// What is wrong with this rule of the table, for people; nothing more is appended to `out` than
// that. False: nothing.
bool foresee(const settings_t *settings, const table_plan_t *table, const compiled_rule_t *rule,
             buffer_t *out);

// Prints `file:line:col: warning: ...` on stderr, at most one for each rule of the configuration.
void foresee_warn(const settings_t *settings, const ruleset_t *rules);
