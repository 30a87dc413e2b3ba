/*  alert_queue -- alerts of one partition on their way to the outbox, encoded, in order.
 *
 *  Pure. Alerts wait here from the verdict to the commit that takes them. One record can fire
 *  more of them than one commit may carry, so they leave from the front in parts.
 */
#pragma once
#include "broker/store.h"
#include "proto/alert.h"

typedef struct {
    size_t start; // of its bytes: id, topic, body
    uint32_t topic_size, body_size;
} alert_place_t;

typedef struct { // all zero = empty
    buffer_t bytes;
    alert_place_t *places;
    size_t first, count, capacity; // those before `first` have left
    bool failed;                   // out of memory: some are missing
} alert_queue_t;

void alert_queue_destroy(alert_queue_t *self); // frees; empty and usable again
void alert_queue_add(alert_queue_t *self, const alert_t *alert);

static inline size_t alert_queue_waiting(const alert_queue_t *self)
{
    return self->count - self->first;
}

// Point at the first alerts, at most `most`; valid until the queue is touched. How many.
size_t alert_queue_front(const alert_queue_t *self, store_alert_t *alerts, size_t most);

// The first `count` have left.
void alert_queue_drop(alert_queue_t *self, size_t count);
