/*  metrics -- what an actor tells whoever watches it over HTTP: /metrics, /healthz, /readyz.
 *
 *      /metrics   Prometheus' text format: the actor's figures (metrics_table.h) and its process's
 *      /healthz   200 while its loop goes round, 503 when it has not for METRICS_STUCK_MS
 *      /readyz    200 while it lives and Redis knows that, else 503
 *
 *  Served by libmicrohttpd from a thread of its own, so that an actor that is stuck can still be
 *  asked whether it is. Only GET and HEAD; no request has any effect. Nothing of the feeds' content
 *  is told, but names of streams and figures are, to whoever reaches the address.
 */
#pragma once
#include "broker/metrics/exposition.h"
#include "proto/fault.h"

enum { METRICS_STUCK_MS = 15000, METRICS_ADDRESS_MAX = 128 };

typedef struct metrics metrics_t;

// Listen at "host:port" (port `*`: a free one). `advertise` is the host to be named to others
// instead, or NULL. role and name must outlive it. NULL with fault.
metrics_t *metrics_new(const char *listen, const char *advertise, const char *role,
                       const char *name, fault_t *fault);
// One that listens nowhere, for an actor that answers HTTP itself, with the two below.
metrics_t *metrics_new_unheard(const char *role, const char *name, fault_t *fault);
void metrics_destroy(metrics_t **self_p);
const char *metrics_address(const metrics_t *self); // "127.0.0.1:41234"

// From any thread: what /metrics says, and /healthz; *ready: /readyz.
void metrics_put(metrics_t *self, buffer_t *out);
bool metrics_lives(metrics_t *self, bool *ready);

// Once a second, from the actor's loop: begin, figures of each stream, end. Each may be called
// with self NULL, for an actor that tells nobody.
void metrics_begin(metrics_t *self);
void metrics_add(metrics_t *self, const char *stream, const store_field_t *figures, size_t count);
void metrics_end(metrics_t *self, bool ready); // ready: the registry took our last beat
