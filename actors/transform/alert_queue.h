/*  alert_queue -- alerts of one partition on their way to the outbox, encoded, in order.
 *
 *  Pure. Alerts wait here from the verdict to the commit that takes them. One record can fire
 *  more of them than one commit may carry, so they leave from the front in parts. Each knows by a
 *  number which stream it came from.
 */
#pragma once
#include "broker/store.h"
#include "proto/alert.h"

typedef struct {
    size_t start; // of its bytes: id, topic, body
    uint32_t topic_size, body_size;
    uint32_t stream;
} alert_place_t;

typedef struct { // all zero = empty
    buffer_t bytes;
    alert_place_t *places;
    size_t first, count, capacity; // those before `first` have left
    bool failed;                   // out of memory: some are missing
} alert_queue_t;

void alert_queue_destroy(alert_queue_t *self); // frees; empty and usable again
void alert_queue_add(alert_queue_t *self, const alert_t *alert, uint32_t stream);

static inline size_t alert_queue_waiting(const alert_queue_t *self)
{
    return self->count - self->first;
}

// Point at the first alerts, at most `most`, and no more than `bytes` hold, but at least one of
// them; valid until the queue is touched. How many.
size_t alert_queue_front(const alert_queue_t *self, store_alert_t *alerts, size_t most,
                         size_t bytes);
// How many of the first `count` came from this stream.
size_t alert_queue_count(const alert_queue_t *self, size_t count, uint32_t stream);

// The first `count` have left.
void alert_queue_drop(alert_queue_t *self, size_t count);
