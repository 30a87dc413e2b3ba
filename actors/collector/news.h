/*  news -- the collector's link to the brokers: what pushing clients are told. Part of the
 *  collector actor.
 */
#pragma once
#include "actors/collector/registry.h"
#include "broker/bus.h"

typedef struct news news_t;

news_t *news_new(fault_t *fault);
void news_destroy(news_t **self_p);

// These are the brokers now: connect to new ones, leave those that are gone.
void news_meet(news_t *self, const registry_brokers_t *brokers);
bus_t *news_bus(news_t *self);
