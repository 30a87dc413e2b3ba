/*  store_asleep -- deliveries that wait for the end of quiet hours; more verbs of store.h. */
#pragma once
#include "broker/store_delivery.h"

// Claimed, but its recipient has quiet hours, over in delay_ms: then all that waits for it is due,
// in the old places, before whatever came since. Nothing counts as an attempt.
store_status_t store_delivery_sleep(store_t *self, const store_claimed_t *item);

// Claimed, and its recipient has no quiet hours now. What still waits for the end of some is due
// now. *behind: that, or something woken before, goes first, and this one is back in its place
// behind it; or it has been claimed by another since. Else it may go.
store_status_t store_delivery_wake(store_t *self, const store_claimed_t *item, bool *behind);
