/*  bus_watch -- hears which links of a socket were refused.
 *
 *  When a listener refuses a key, or speaks another language, libzmq ends the link for ever: it
 *  connects again after a lost connection, but not after a refusal. A key may be made known a
 *  second later, so whoever connects has to try again by himself (bus_renew_all).
 */
#pragma once
#include <stdbool.h>

#include "broker/endpoint.h"

typedef struct bus_watch bus_watch_t;

// Watch a socket of ZeroMQ that has no link yet. NULL with fault.
bus_watch_t *bus_watch_new(void *socket, fault_t *fault);
// Before the socket goes.
void bus_watch_destroy(bus_watch_t **self_p);
// The address of a link that was refused since the last time. False: no further one.
bool bus_watch_next(bus_watch_t *self, char address[ENDPOINT_MAX]);
