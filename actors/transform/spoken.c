/*  spoken -- see spoken.h. */
#include "actors/transform/spoken.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM_LEAST = 4 };

void spoken_close(spoken_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free(self->entries[i].topic->flap);
        free(self->entries[i].topic);
    }
    free(self->entries);
    free(self->changed);
    *self = (spoken_t){ 0 };
}

// The first that is not before this rule.
static size_t place_of(const spoken_t *self, uint32_t rule)
{
    size_t low = 0, high = self->count;
    // Rules speak in order: mostly behind the last one.
    if (high > 0 && self->entries[high - 1].rule < rule)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->entries[middle].rule < rule)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

topic_t *spoken_find(const spoken_t *self, uint32_t rule)
{
    size_t place = place_of(self, rule);
    bool found = place < self->count && self->entries[place].rule == rule;
    return found ? self->entries[place].topic : NULL;
}

topic_t *spoken_take(spoken_t *self, uint32_t rule)
{
    size_t place = place_of(self, rule);
    if (place < self->count && self->entries[place].rule == rule)
        return self->entries[place].topic;
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? 2 * self->capacity : ROOM_LEAST;
        spoken_entry_t *entries = realloc(self->entries, capacity * sizeof *entries);
        if (!entries)
            return NULL;
        self->entries = entries;
        self->capacity = capacity;
    }
    topic_t *topic = calloc(1, sizeof *topic);
    if (!topic)
        return NULL;
    memmove(self->entries + place + 1, self->entries + place,
            (self->count - place) * sizeof *self->entries);
    self->entries[place] = (spoken_entry_t){ .rule = rule, .topic = topic };
    self->count++;
    return topic;
}

bool spoken_flap(spoken_t *self, topic_t *topic)
{
    if (topic->flap)
        return true;
    topic->flap = calloc(1, sizeof *topic->flap);
    self->flaps += topic->flap != NULL;
    return topic->flap != NULL;
}

void spoken_move(spoken_t *self, topic_t *topic, topic_t *from)
{
    *topic = *from;
    self->flaps += from->flap != NULL;
    from->flap = NULL;
    topic->changed = false;
}

size_t spoken_silences(const spoken_t *self)
{
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++)
        count += self->entries[i].topic->silent;
    return count;
}

bool spoken_change(spoken_t *self, uint32_t rule, topic_t *topic)
{
    if (topic->changed)
        return true;
    if (self->changed_count == self->changed_capacity) {
        size_t capacity = self->changed_capacity ? 2 * self->changed_capacity : ROOM_LEAST;
        uint32_t *changed = realloc(self->changed, capacity * sizeof *changed);
        if (!changed)
            return false;
        self->changed = changed;
        self->changed_capacity = capacity;
    }
    size_t place = self->changed_count++;
    for (; place > 0 && self->changed[place - 1] > rule; place--)
        self->changed[place] = self->changed[place - 1];
    self->changed[place] = rule;
    topic->changed = true;
    return true;
}

void spoken_mark(spoken_t *self)
{
    for (size_t i = 0; i < self->changed_count; i++)
        spoken_find(self, self->changed[i])->changed = false;
    self->changed_count = 0;
}

size_t spoken_bytes(const spoken_t *self)
{
    return self->capacity * sizeof *self->entries + self->count * sizeof(topic_t) +
           self->flaps * sizeof(flap_t) + self->changed_capacity * sizeof *self->changed;
}
