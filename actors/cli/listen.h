/*  listen -- print alerts until time is up or a signal comes: those of all brokers of the registry,
 *  each once.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "broker/bus.h"
#include "broker/store.h"

typedef struct {
    const char *prefix; // of topics, "alert/"
    bool json, colour;
    int64_t until_us; // monotonic; INT64_MAX = for ever
    int signals;      // life_open_signals
    uint64_t most;    // stop after so many; 0 = no limit
    int watch_pid;    // stop when this child has ended; 0 = none
    bool child_ended; // it did
    uint64_t alerts;  // printed for people, without what became of incidents
} listen_t;

// Where alerts are published now: the endpoint of a live broker. False with fault: none.
bool listen_endpoint(store_t *store, char endpoint[BUS_ENDPOINT_MAX], fault_t *fault);

// How many were printed; -1 with fault: no broker may be connected to, or no memory. The registry
// is looked at once a second; stderr tells when brokers come and go, and when none is heard. What
// is published while none is heard is not printed.
int64_t listen_print(listen_t *self, store_t *store, fault_t *fault);
