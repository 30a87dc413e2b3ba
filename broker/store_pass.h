/*  store_pass -- deliveries by a channel that this notifier lacks; one more verb of store.h. */
#pragma once
#include "broker/store_delivery.h"

// Claimed by the one of several whose part it is (parts > 1), who has no such channel: the next has
// it now, in its old place, and whatever else is for this recipient. STALE: all have been asked.
store_status_t store_delivery_pass(store_t *self, const store_claimed_t *item, unsigned parts,
                                   unsigned part);
