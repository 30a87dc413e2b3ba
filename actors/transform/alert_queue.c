/*  alert_queue -- see alert_queue.h. */
#include "actors/transform/alert_queue.h"

#include <assert.h>
#include <stdlib.h>

enum { PLACES_FIRST = 16, ID_SIZE = ALERT_ID_TEXT - 1 };

void alert_queue_destroy(alert_queue_t *self)
{
    buffer_destroy(&self->bytes);
    free(self->places);
    *self = (alert_queue_t){ .first = 0 };
}

static bool room_for_one(alert_queue_t *self)
{
    if (self->count < self->capacity)
        return true;
    size_t capacity = self->capacity ? self->capacity * 2 : PLACES_FIRST;
    alert_place_t *places = realloc(self->places, capacity * sizeof *places);
    if (!places)
        return false;
    self->places = places;
    self->capacity = capacity;
    return true;
}

void alert_queue_add(alert_queue_t *self, const alert_t *alert, uint32_t stream)
{
    if (!room_for_one(self)) {
        self->failed = true;
        return;
    }
    char id[ALERT_ID_TEXT];
    alert_id_print(alert->id, id);
    alert_place_t place = { .start = self->bytes.size, .stream = stream };
    buffer_append(&self->bytes, id, ID_SIZE);
    size_t topic = self->bytes.size;
    alert_topic(alert, &self->bytes);
    size_t body = self->bytes.size;
    alert_encode(alert, &self->bytes);
    place.topic_size = (uint32_t) (body - topic);
    place.body_size = (uint32_t) (self->bytes.size - body);
    self->failed |= self->bytes.failed;
    self->places[self->count++] = place;
}

size_t alert_queue_front(const alert_queue_t *self, store_alert_t *alerts, size_t most,
                         size_t bytes)
{
    size_t count = alert_queue_waiting(self) < most ? alert_queue_waiting(self) : most;
    for (size_t i = 0, sum = 0; i < count; i++) {
        const alert_place_t *place = &self->places[self->first + i];
        sum += ID_SIZE + place->topic_size + place->body_size;
        if (sum > bytes && i > 0)
            return i;
        const uint8_t *at = self->bytes.data + place->start;
        alerts[i] = (store_alert_t){
            .id = slice_of(at, ID_SIZE),
            .topic = slice_of(at + ID_SIZE, place->topic_size),
            .body = slice_of(at + ID_SIZE + place->topic_size, place->body_size),
        };
    }
    return count;
}

size_t alert_queue_count(const alert_queue_t *self, size_t count, uint32_t stream)
{
    assert(count <= alert_queue_waiting(self));
    size_t of_stream = 0;
    for (size_t i = 0; i < count; i++)
        of_stream += self->places[self->first + i].stream == stream;
    return of_stream;
}

void alert_queue_drop(alert_queue_t *self, size_t count)
{
    assert(count <= alert_queue_waiting(self));
    self->first += count;
    if (self->first < self->count)
        return;
    self->first = self->count = 0;
    buffer_clear(&self->bytes);
}
