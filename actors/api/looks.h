/*  looks -- what Redis says now, as documents for the server.
 *
 *  The alert socket says when (looks_hint), Redis says what. Each kind is looked at about once a
 *  second or rarer, alerts and incidents soon after one was heard of; a look that took long is
 *  followed by a rest, so that Redis has time for others. All in the thread that calls.
 */
#pragma once
#include "actors/api/server.h"
#include "broker/runtime/settings.h"
#include "broker/store.h"

typedef struct looks looks_t;

// All must outlive it. NULL: out of memory.
looks_t *looks_new(store_t *store, server_t *server, const settings_t *settings);
void looks_destroy(looks_t **self_p);

// After a reload: other rules. They must outlive it, too.
void looks_use(looks_t *self, const settings_t *settings);
void looks_hint(looks_t *self, int64_t now_us); // an alert was heard
// Look at what is due. In how many us there is something to do again.
int64_t looks_turn(looks_t *self, int64_t now_us);
// Incidents, and the newest entries of the log, that are none and were left out at the last look.
uint64_t looks_left_out(const looks_t *self);
uint64_t looks_failed(const looks_t *self); // times that Redis did not tell
bool looks_good(const looks_t *self);       // each kind was told at its last look
