/*  outlets -- see outlets.h. */
#include "actors/prep/outlets.h"

#include <stdlib.h>

enum {
    OUTLETS_MAX = 256,
    OUTLET_QUEUE = 64,  // messages; credit keeps what is under way below it
    NEW_WAIT_MS = 1000, // for a new connection to come up
    BUSY_WAIT_MS = 100, // for a worker that has taken before; not again until it takes
    IDLE_US = 60 * 1000 * 1000,
};

typedef enum { OUTLET_NEW, OUTLET_TAKING, OUTLET_STUCK } outlet_state_t;

typedef struct {
    char endpoint[BUS_ENDPOINT_MAX];
    bus_t *bus;
    outlet_state_t state;
    int64_t used_us;
} outlet_t;

struct outlets {
    size_t count;
    outlet_t items[OUTLETS_MAX];
};

outlets_t *outlets_new(void)
{
    return calloc(1, sizeof(outlets_t));
}

static void remove_at(outlets_t *self, size_t index)
{
    bus_destroy(&self->items[index].bus);
    self->items[index] = self->items[--self->count];
}

void outlets_destroy(outlets_t **self_p)
{
    outlets_t *self = *self_p;
    if (!self)
        return;
    while (self->count > 0)
        remove_at(self, self->count - 1);
    free(self);
    *self_p = NULL;
}

void outlets_sweep(outlets_t *self, int64_t now_us)
{
    for (size_t i = self->count; i-- > 0;)
        if (now_us - self->items[i].used_us > IDLE_US)
            remove_at(self, i);
}

static outlet_t *outlet_of(outlets_t *self, slice_t endpoint, fault_t *fault)
{
    for (size_t i = 0; i < self->count; i++)
        if (slice_is(endpoint, self->items[i].endpoint))
            return &self->items[i];
    if (self->count == OUTLETS_MAX || endpoint.size >= BUS_ENDPOINT_MAX) {
        fault_set(fault, "no room for one more worker");
        return NULL;
    }
    outlet_t *outlet = &self->items[self->count];
    *outlet = (outlet_t){ .state = OUTLET_NEW };
    memcpy(outlet->endpoint, endpoint.data, endpoint.size);
    outlet->bus = bus_connect(BUS_PUSH, DOOR_ROWS, outlet->endpoint, OUTLET_QUEUE, fault);
    if (!outlet->bus)
        return NULL;
    self->count++;
    return outlet;
}

bool outlets_send(outlets_t *self, slice_t endpoint, slice_t frame, int64_t now_us, fault_t *fault)
{
    outlet_t *outlet = outlet_of(self, endpoint, fault);
    if (!outlet)
        return false;
    outlet->used_us = now_us;
    static const int patience_ms[] = {
        [OUTLET_NEW] = NEW_WAIT_MS, [OUTLET_TAKING] = BUSY_WAIT_MS, [OUTLET_STUCK] = 0
    };
    if (bus_send(outlet->bus, frame, patience_ms[outlet->state])) {
        outlet->state = OUTLET_TAKING;
        return true;
    }
    outlet->state = OUTLET_STUCK; // the others shall not wait for it
    return fault_set(fault, "worker at %s takes nothing", outlet->endpoint);
}
