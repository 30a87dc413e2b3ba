/*  configured -- the rules, derived columns and mappings of a configuration, compiled, or what is
 *  wrong with them at their place in the file.
 *
 *  Pure, but for configured_print. What actors start from and what `check`, `backtest` and `up`
 *  accept is judged here, so that they agree.
 */
#pragma once
#include "actors/rules/ruleset.h"
#include "broker/runtime/settings.h"

// One thing that does not compile: fault->text names it, line and column are of the file.
typedef void configured_refuse_t(void *context, const fault_t *fault);

// The ruleset of a configuration; every source, rule and derived column that does not compile is
// told and left out. NULL: out of memory, or an entry is too large (told too).
ruleset_t *configured_rules(const settings_t *settings, configured_refuse_t *refuse, void *context);

// Every mapping that does not compile is told (prep would quarantine each record of that source),
// and every simulated market that is none.
void configured_mappings(const settings_t *settings, configured_refuse_t *refuse, void *context);

// Both; each refusal goes to stderr as `file:line:column: message`. *bad counts them. NULL: none
// could be made, and *bad > 0.
ruleset_t *configured_print(const settings_t *settings, size_t *bad);
