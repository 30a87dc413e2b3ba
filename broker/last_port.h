/*  last_port -- the free port that a broker was given last, in DIR, so that it takes the same one
 *  after a restart: whoever reads from it connects again by itself.
 *
 *  For endpoints that end in `:*`. The file is a hint: it may be absent, damaged or out of date.
 */
#pragma once
#include "broker/bus.h"

// The endpoint `wanted` ("tcp://127.0.0.1:*") with the port that `<dir>/<name>.port` holds. False:
// wanted names its port itself, or no port is known.
bool last_port_endpoint(const char *dir, const char *name, const char *wanted,
                        char endpoint[BUS_ENDPOINT_MAX]);

// Remember the port of this endpoint ("tcp://127.0.0.1:45059"). False with fault: it cannot be.
bool last_port_keep(const char *dir, const char *name, const char *endpoint, fault_t *fault);
