/*  sharing -- see sharing.h. */
#include "actors/notifier/sharing.h"

#include <string.h>

#include "broker/runtime/log.h"

typedef struct {
    const char *name;
    unsigned count, place;
    bool found;  // ourselves
    bool active; // one has the role
} peers_t;

static void see_peer(void *context, const store_actor_t *actor)
{
    peers_t *peers = context;
    const char *state = store_actor_field(actor, "state");
    if (strcmp(actor->name, peers->name) == 0) {
        peers->place = peers->count;
        peers->found = true;
    }
    peers->active |= state && strcmp(state, "active") == 0;
    peers->count++;
}

void sharing_look(sharing_t *self, store_t *store, const char *name, courier_t *courier)
{
    peers_t peers = { .name = name };
    if (store_actors(store, "notifier", see_peer, &peers) != STORE_OK || !peers.found ||
        !peers.active) {
        self->peers = 0;
        return;
    }
    if (peers.count != self->told && (peers.count > 1 || self->told > 1))
        log_event(LOG_INFO, "deliveries are shared out", "notifiers=%u", peers.count);
    self->told = self->peers = peers.count;
    self->epoch = store_epoch(store);
    courier_share(courier, peers.count, peers.place);
}

bool sharing_has_part(const sharing_t *self, const store_t *store)
{
    return self->peers > 0 && self->epoch == store_epoch(store);
}
