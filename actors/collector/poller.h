/*  poller -- the http(s) sources of a configuration: asks each when it is due, gives good answers.
 *  Part of the collector actor.
 *
 *  Only 2xx is an answer; anything else backs off, is counted, and is logged at most once a minute
 *  and source.
 */
#pragma once
#include "broker/runtime/settings.h"
#include "proto/fault.h"
#include "proto/slice.h"

typedef struct poller poller_t;

// `settings` must outlive it.
poller_t *poller_new(const settings_t *settings, int64_t mono_us, fault_t *fault);
void poller_destroy(poller_t **self_p);

int poller_descriptor(const poller_t *self); // readable: call poller_work
int64_t poller_next_us(const poller_t *self);

// Start what is due and move on what is under way; never waits.
void poller_work(poller_t *self, int64_t mono_us);

typedef struct {
    const source_t *source;
    slice_t body;
} polled_t;

// The next good answer; the same again until it was done. False: none now.
bool poller_take(poller_t *self, int64_t mono_us, polled_t *polled);
void poller_done(poller_t *self);

typedef struct {
    uint64_t good, failed;
} poller_count_t;
poller_count_t poller_count(const poller_t *self);
