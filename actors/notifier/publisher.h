/*  publisher -- the notifier's end of the alert socket: gives news to every live broker.
 *
 *  An XPUB that connects to the brokers the registry names, because an XPUB hears when a broker
 *  has subscribed: nothing is published into a link that is not yet open. A broker that cannot
 *  keep up makes us wait (nothing is dropped on this link); one that is silent for 4 s is cut
 *  off. While no broker can be reached, publishing waits SETTLE_US for one, then goes on
 *  without: readers find what they missed in <namespace>:alerts.
 */
#pragma once
#include "broker/bus.h"
#include "broker/store.h"

typedef struct publisher publisher_t;

publisher_t *publisher_new(fault_t *fault);
void publisher_destroy(publisher_t **self_p);

// Connect to brokers that are new in the registry, drop those that left it.
void publisher_meet(publisher_t *self, store_t *store);
// Hear which links opened and closed. now_us: monotonic.
void publisher_listen(publisher_t *self, int64_t now_us);
// May be published now: all links are open, or we waited for long enough.
bool publisher_ready(const publisher_t *self, int64_t now_us);
// False: no room just now.
bool publisher_send(publisher_t *self, slice_t topic, slice_t body);

unsigned publisher_links(const publisher_t *self); // brokers that hear us
int publisher_descriptor(const publisher_t *self); // wakes when a link changed (edge)
