/*  check -- the invariants: some hold all the time and are looked at wherever they could break, the
 *  others in the end, when all is quiet.
 */
#pragma once
#include <stdbool.h>

#include "broker/store.h"

void check_begin(void);

// An alert was published: it must be one that the log implies.
void check_published(slice_t topic, slice_t body);

// Is everything done that is to be done? Asks Redis.
bool check_is_quiet(store_t *store);
const char *check_unrest(void); // what was not, when last asked

void check_show(void); // what Redis has of the partitions, into the trace

// Who is told of alerts of which rules, from the first on.
typedef struct {
    const char *name, *url;
    const char *rules[4]; // NULL-terminated
} check_subscriber_t;

// The end: the alert log, the states, the quarantine, the webhooks.
void check_end(store_t *store, const check_subscriber_t *subscribers, size_t count);
