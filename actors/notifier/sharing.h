/*  sharing -- which deliveries are ours.
 *
 *  Every notifier carries deliveries, each those of some recipients: so many notifiers live, in
 *  order of name, and the place among them says whose. While one comes or goes two may think that
 *  a recipient is theirs; then its deliveries may come out of order, but none comes twice.
 *
 *  Where no notifier has the role perhaps a collector has: it puts a copy of Redis back, and what
 *  is due has no record yet. So nobody delivers then, nor between a broken connection and the
 *  next look.
 */
#pragma once
#include "actors/notifier/courier.h"

typedef struct {
    unsigned peers; // that live, as of the last look; 0: nobody may deliver
    unsigned told;  // as the log has it
    uint64_t epoch; // connection of the store at that look
} sharing_t;

// Once a second, after the registry was told of us: who else is there? The courier hears its share.
void sharing_look(sharing_t *self, store_t *store, const char *name, courier_t *courier);
bool sharing_has_part(const sharing_t *self, const store_t *store);
