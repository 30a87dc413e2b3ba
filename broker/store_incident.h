/*  store_incident -- the view of incidents in Redis. A part of store.h for those who write it. */
#pragma once
#include "broker/store.h"

// What an incident is now, for people and programs to read: <ns>:incident:<rule>:<series>.
typedef struct {
    slice_t rule, series;
    slice_t state; // "firing", "resolved", ...
    slice_t id;    // of the entry that said so
    slice_t severity;
    slice_t body; // JSON: the entry
    int64_t since_us, ts_us;
    bool over; // then it is forgotten after STORE_INCIDENT_KEPT_S
} store_incident_t;
enum { STORE_INCIDENT_KEPT_S = 7 * 24 * 3600 };
// Whole, in this order, whatever stood there. Any number of them. FULL: not all are, and nothing
// hangs on it.
store_status_t store_incident_put(store_t *self, const store_incident_t *items, size_t count);
