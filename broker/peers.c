/*  peers -- see peers.h. */
#include "broker/peers.h"

#include <stdlib.h>

#include "broker/runtime/log.h"

typedef struct {
    char endpoint[BUS_ENDPOINT_MAX];
    bool seen;   // in the registry, just now
    bool linked; // else it was refused
} peer_t;

struct peers {
    bus_t *bus;
    const char *role, *field;
    unsigned count, added;
    peer_t items[PEERS_MAX];
};

peers_t *peers_new(bus_t *bus, const char *role, const char *field)
{
    peers_t *self = calloc(1, sizeof *self);
    if (self)
        *self = (peers_t){ .bus = bus, .role = role, .field = field };
    return self;
}

void peers_destroy(peers_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

static peer_t *s_find(peers_t *self, const char *endpoint)
{
    for (unsigned i = 0; i < self->count; i++)
        if (strcmp(self->items[i].endpoint, endpoint) == 0)
            return &self->items[i];
    return NULL;
}

static void s_link(peers_t *self, peer_t *peer, const char *name, bool first)
{
    fault_t fault = { 0 };
    peer->linked = bus_add(self->bus, peer->endpoint, &fault);
    self->added += peer->linked;
    if (peer->linked)
        log_event(LOG_INFO, "connected", "role=%s peer=%s endpoint=%s", self->role, log_quote(name),
                  log_quote(peer->endpoint));
    else if (first)
        log_event(LOG_ERROR, "cannot connect", "role=%s peer=%s reason=%s", self->role,
                  log_quote(name), log_quote(fault.text));
}

static void s_meet(void *context, const store_actor_t *actor)
{
    peers_t *self = context;
    const char *endpoint = store_actor_field(actor, self->field);
    if (!endpoint || strlen(endpoint) >= BUS_ENDPOINT_MAX)
        return;
    peer_t *peer = s_find(self, endpoint);
    bool first = !peer;
    if (first) {
        if (self->count == PEERS_MAX)
            return;
        peer = &self->items[self->count++];
        *peer = (peer_t){ 0 };
        strcpy(peer->endpoint, endpoint);
    }
    peer->seen = true;
    peer->linked = peer->linked && bus_keeps(self->bus, endpoint);
    if (!peer->linked)
        s_link(self, peer, actor->name, first);
}

unsigned peers_follow(peers_t *self, store_t *store)
{
    for (unsigned i = 0; i < self->count; i++)
        self->items[i].seen = false;
    self->added = 0;
    if (store_actors(store, self->role, s_meet, self) != STORE_OK)
        return 0;
    for (unsigned i = self->count; i-- > 0;) {
        if (self->items[i].seen)
            continue;
        if (self->items[i].linked)
            bus_remove(self->bus, self->items[i].endpoint);
        self->items[i] = self->items[--self->count];
    }
    return self->added;
}

unsigned peers_count(const peers_t *self)
{
    unsigned linked = 0;
    for (unsigned i = 0; i < self->count; i++)
        linked += self->items[i].linked;
    return linked;
}
