/*  store_views -- what series and incidents are now, for who shows it; more verbs of store.h. */
#pragma once
#include "broker/store.h"

// All of them, in order of name: a series; "<rule>:<series>". At most STORE_FIELDS_MAX fields of
// each. Each call looks through all keys of Redis (SCAN): not to be done often.
store_status_t store_latest(store_t *self, store_rule_visit_t *visit, void *context);
store_status_t store_incidents(store_t *self, store_rule_visit_t *visit, void *context);
