/*  peers -- the links of one socket to every living actor of a role, as the registry names them.
 *
 *  Followed once a second: who is new is connected to, who has left is left. A peer that may not
 *  be connected to (an unknown key) is told of once, and tried again each time.
 */
#pragma once
#include "broker/bus.h"
#include "broker/store.h"

enum { PEERS_MAX = 256 };

typedef struct peers peers_t;

// role and field, where its endpoint is, must outlive it; so must the bus. NULL: out of memory.
peers_t *peers_new(bus_t *bus, const char *role, const char *field);
void peers_destroy(peers_t **self_p);

// How many links were added; 0 while Redis is away: what there is stays.
unsigned peers_follow(peers_t *self, store_t *store);
unsigned peers_count(const peers_t *self); // links there are
