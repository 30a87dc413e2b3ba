/*  rules_of -- the rules and derived columns of a configuration, compiled, or what is wrong with
 *  them at their place in the file.
 */
#pragma once
#include "actors/rules/ruleset.h"
#include "broker/runtime/settings.h"

// The ruleset of a configuration. Every rule, derived column and mapping that does not compile is
// printed on stderr as `file:line:col: message`; *bad counts them. NULL: out of memory (printed).
ruleset_t *rules_of(const settings_t *settings, size_t *bad);
