/*  rolling -- warns of rules over columns that are themselves rolling sums.
 *
 *  The 24 h `volume` of many ticker APIs hardly moves from one row to the next: three times its own
 *  average of the last hour almost never happens, and a person waits in vain.
 */
#pragma once
#include "actors/rules/ruleset.h"
#include "broker/runtime/settings.h"

// Prints `file:line:col: warning: ...` on stderr for every rule that takes a sum or an average of a
// column that a source of its table declares as `rolling`. Returns how many.
size_t rolling_warn(const settings_t *settings, const ruleset_t *rules);
