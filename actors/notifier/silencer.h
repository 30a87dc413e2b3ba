/*  silencer -- keeps the silences as Redis has them, and lets go what waits for one that is over.
 *
 *  Redis is asked when one changed (keyspace notifications), or each 10 s where those are off;
 *  never for an alert. While that goes on, and where Redis refuses to tell, those that were known
 *  are in force. What is silenced waits in Redis, so nothing is lost with this process; it is
 *  looked at when a silence ends, and once a minute.
 *
 *  Not a process: the notifier's loop calls silencer_step whenever it wakes.
 */
#pragma once
#include "actors/notifier/silence.h"

typedef struct silencer silencer_t;

// Takes the watch over, also on failure. NULL with fault.
silencer_t *silencer_new(store_t *store, store_watch_t *watch, fault_t *fault);
void silencer_destroy(silencer_t **self_p);

// Move on. True: Redis was asked for the silences, and all that has to be let go is: others may ask
// for them. False for as long as Redis does not answer, or there is more to let go.
bool silencer_step(silencer_t *self, int64_t mono_us, int64_t wall_us);
// When silencer_step has to be called at the latest, of both clocks the earlier, as monotonic us.
int64_t silencer_due_us(const silencer_t *self, int64_t mono_us, int64_t wall_us);
int silencer_descriptor(const silencer_t *self); // readable when one changed; -1 = none
// Redis answers, but does not tell of them: its rights, or a key that is not ours.
bool silencer_failed(const silencer_t *self);

// The same as long as the silencer lives.
const silences_t *silencer_silences(const silencer_t *self);
