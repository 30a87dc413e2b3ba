/*  rounds -- one look at everything that can make the watch worse, for vigil to judge.
 *
 *  What is ill is called by its cause, so that one illness is told once: all that keeps staged
 *  records from being worked on is `work`, whatever it is made of.
 *
 *      work                   no prep, no transform, partitions without owner, all logs behind them
 *      log:<collector>        its log is behind, or lost; its disk or its clock is ill
 *      collector[:<name>]     it was there, and is not; or there is none at all
 *      source:<name>          cannot be polled
 *      outbox                 alerts wait to be published
 */
#pragma once
#include "actors/notifier/vigil.h"
#include "broker/store.h"

typedef struct rounds rounds_t;

rounds_t *rounds_new(void); // NULL: out of memory
void rounds_destroy(rounds_t **self_p);
vigil_t *rounds_vigil(rounds_t *self);
// Look once. Not OK: Redis does not answer, and nothing was seen.
store_status_t rounds_look(rounds_t *self, store_t *store, const vigil_time_t *now);
