/*  spoken -- what the rules of a table have said of one series: of those that ever said anything.
 *
 *  Pure. Sparse, so that a rule costs nothing in a series that it never spoke of. In order of the
 *  rules in the plan. A topic stays where it is while others come.
 */
#pragma once
#include "actors/transform/topic.h"

typedef struct {
    uint32_t rule; // in the plan
    topic_t *topic;
} spoken_entry_t;

typedef struct {
    size_t count, capacity;
    spoken_entry_t *entries;
    size_t flaps; // topics that have one
    size_t changed_count, changed_capacity;
    uint32_t *changed; // rules whose topics did since the last delta, in order
} spoken_t;

void spoken_close(spoken_t *self);                         // also of a zeroed one
topic_t *spoken_find(const spoken_t *self, uint32_t rule); // or NULL: it has said nothing
topic_t *spoken_take(spoken_t *self, uint32_t rule);       // made if new; NULL: out of memory
bool spoken_flap(spoken_t *self, topic_t *topic); // it has a flap from here on; false: as above
// The topic goes on as this one, of another of these, which keeps nothing.
void spoken_move(spoken_t *self, topic_t *topic, topic_t *from);
size_t spoken_silences(const spoken_t *self);
bool spoken_change(spoken_t *self, uint32_t rule, topic_t *topic); // its topic changes; as above
void spoken_mark(spoken_t *self);                                  // all of it is in a delta
size_t spoken_bytes(const spoken_t *self);
