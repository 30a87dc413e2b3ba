/*  announce -- keeps telling the registry that an actor lives, from a thread of its own.
 *
 *  For actors whose loop must go on when Redis is slow or away: the broker forwards news at any
 *  time. The thread has its own connection, beats once a second with a lease of 5 s, and tries
 *  again for as long as it takes.
 */
#pragma once
#include "broker/store.h"

typedef struct announce announce_t;

// Takes the store over, also on failure. role and name must outlive it. The first beat waits for
// the first announce_set.
announce_t *announce_new(store_t *store, const char *role, const char *name, fault_t *fault);
// Takes the actor out of the registry, ends the thread. At most one call to Redis is waited for.
void announce_destroy(announce_t **self_p);

// The fields of the next beats; copied. 1 to 16, values of at most 255 bytes.
void announce_set(announce_t *self, const store_field_t *fields, size_t count);

// True when the last beat was taken. Otherwise *reason says why not; empty before the first.
bool announce_heard(announce_t *self, fault_t *reason);
