/*  rule_plan -- the plan that would be in force with one rule more, for words that try, check or
 *  print it.
 */
#pragma once
#include "broker/runtime/settings.h"
#include "broker/store.h"
#include "proto/plan.h"

// The plan of the configuration with the rules in Redis (`store`; NULL: without) and with `extra`
// (may be NULL). NULL: why has been printed and *status set. A rule `name` that is refused is told
// and left out; then *status is EXIT_CONFIG.
plan_t *rule_plan(const settings_t *settings, store_t *store, const char *name,
                  const store_rule_t *extra, int *status);
