/*  news -- see news.h. */
#include "actors/collector/news.h"

#include <stdlib.h>
#include <string.h>

#include "proto/owned.h"

enum { NEWS_QUEUE = 10000 };

struct news {
    bus_t *bus;
    registry_brokers_t brokers; // that it is connected to
};

news_t *news_new(fault_t *fault)
{
    owned(news_destroy) news_t *self = calloc(1, sizeof *self);
    if (!self) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->bus = bus_connect(BUS_PUB, DOOR_NEWS, NULL, NEWS_QUEUE, fault);
    if (!self->bus)
        return NULL;
    news_t *given = self;
    self = NULL;
    return given;
}

void news_destroy(news_t **self_p)
{
    news_t *self = *self_p;
    if (!self)
        return;
    bus_destroy(&self->bus);
    free(self);
    *self_p = NULL;
}

static bool s_holds(const registry_brokers_t *brokers, const char *endpoint)
{
    for (size_t i = 0; i < brokers->count; i++)
        if (strcmp(brokers->endpoints[i], endpoint) == 0)
            return true;
    return false;
}

void news_meet(news_t *self, const registry_brokers_t *brokers)
{
    for (size_t i = 0; i < self->brokers.count; i++)
        if (!s_holds(brokers, self->brokers.endpoints[i]))
            bus_remove(self->bus, self->brokers.endpoints[i]);
    for (size_t i = 0; i < brokers->count; i++) {
        fault_t fault;
        if (!s_holds(&self->brokers, brokers->endpoints[i]) &&
            !bus_add(self->bus, brokers->endpoints[i], &fault))
            log_event(LOG_WARNING, "cannot reach a broker", "reason=%s", log_quote(fault.text));
    }
    self->brokers = *brokers;
}

bus_t *news_bus(news_t *self)
{
    return self->bus;
}
