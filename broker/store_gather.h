/*  store_gather -- deliveries that go as one letter; more verbs of store.h. */
#pragma once
#include "broker/store.h"

enum { STORE_NAMED_MAX = 20 }; // of one letter whose bodies are asked for

// A delivery that was claimed, and may be one of several.
typedef struct {
    const char *alert_id, *recipient, *claim;
    slice_t rule, kind;
    int64_t window_ms; // how long the first waits for others
    unsigned most;     // of one letter
} store_gather_t;

// The first of a rule and kind to this recipient waits, and what comes meanwhile goes with it: from
// then on whatever is said of the first is said of all. *count: so many go now, and the bodies of
// the first STORE_NAMED_MAX that are there are visited, the one that was claimed first of all; it
// is the same at every attempt. 0: it waits, and nothing is to be said of it.
store_status_t store_delivery_gather(store_t *self, const store_gather_t *asked, uint64_t *count,
                                     store_bytes_visit_t *visit, void *context);

// Those that go with it, from the from-th on (0 is itself), STORE_NAMED_MAX at a time; one whose
// body is gone is left out. *count: so many were looked at; fewer: there are no more.
typedef void store_letter_visit_t(void *context, const char *alert_id, slice_t body);
store_status_t store_delivery_letter(store_t *self, const char *alert_id, const char *recipient,
                                     uint64_t from, store_letter_visit_t *visit, void *context,
                                     uint64_t *count);
// These go no further with it: each waits for itself again.
store_status_t store_delivery_part(store_t *self, const char *alert_id, const char *recipient,
                                   const char *const *ids, size_t count);

// One that leads others is sent alone: each of them waits for itself again.
store_status_t store_delivery_alone(store_t *self, const char *alert_id, const char *recipient);
