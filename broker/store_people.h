/*  store_people -- subscribers and subscriptions, for whoever writes them on behalf of a person;
 *  more verbs of store.h.
 */
#pragma once
#include "broker/store.h"

// All subscribers, in order of name.
store_status_t store_people(store_t *self, store_rule_visit_t *visit, void *context);
// Set these fields, leave the others; then subscribe to each of `to`, "<rule>" or
// "<rule>:<series>".
store_status_t store_subscriber_set(store_t *self, const char *name, const store_field_t *fields,
                                    size_t count, char *const *to, size_t to_count);
// The subscriber and all its subscriptions: how many there were. *found: there was one of that
// name.
store_status_t store_subscriber_remove(store_t *self, const char *name, bool *found,
                                       uint64_t *subscriptions);
