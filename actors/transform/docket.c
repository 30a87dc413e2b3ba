/*  docket -- see docket.h: series and what binds them. docket_build.c puts it together. */
#include "actors/transform/docket.h"

#include <stdlib.h>

#include "actors/transform/hash.h"

uint64_t docket_hash(uint32_t mask, const slice_t *values)
{
    uint64_t hash = mask;
    for (; mask; mask &= mask - 1) {
        hash = (hash ^ hash_bytes(*values++)) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    return hash;
}

static bool is_of(const group_t *group, uint32_t mask, const slice_t *values)
{
    if (group->mask != mask)
        return false;
    for (size_t i = 0; mask; mask &= mask - 1, i++)
        if (!slice_same(group->values[i], values[i]))
            return false;
    return true;
}

static const group_t *find_group(const docket_t *self, uint32_t mask, const series_parts_t *key)
{
    slice_t values[SERIES_KEYS_MAX];
    size_t count = 0;
    for (unsigned i = 0; i < SERIES_KEYS_MAX; i++)
        if (mask >> i & 1)
            values[count++] = i < key->count ? key->values[i] : slice_of(NULL, 0);
    uint64_t hash = docket_hash(mask, values);
    for (size_t i = hash & self->slot_mask; self->slots[i]; i = (i + 1) & self->slot_mask) {
        const group_t *group = &self->groups[self->slots[i] - 1];
        if (group->hash == hash && is_of(group, mask, values))
            return group;
    }
    return NULL;
}

roll_t *docket_bind(const docket_t *self, const series_parts_t *key)
{
    roll_t *roll = calloc(1, sizeof *roll);
    if (roll)
        roll->groups = calloc(self->mask_count + 1, sizeof(group_t *));
    if (!roll || !roll->groups) {
        roll_destroy(&roll);
        return NULL;
    }
    for (size_t i = 0; i < self->mask_count; i++) {
        const group_t *group = find_group(self, self->masks[i], key);
        if (!group)
            continue;
        roll->groups[roll->group_count++] = group;
        roll->ladder_count += group->count;
        roll->rules += group->rules;
    }
    if (roll->ladder_count <= ROLL_LADDERS_MAX &&
        !(roll->truths = calloc(roll->ladder_count + 1, sizeof *roll->truths)))
        roll_destroy(&roll);
    return roll;
}

void roll_destroy(roll_t **self_p)
{
    roll_t *self = *self_p;
    if (!self)
        return;
    free(self->groups);
    free(self->truths);
    free(self->watch);
    free(self);
    *self_p = NULL;
}

size_t roll_bytes(const roll_t *self)
{
    if (!self)
        return 0;
    return sizeof *self + (self->group_count + 1) * sizeof(group_t *) +
           (self->truths ? (self->ladder_count + 1) * sizeof *self->truths : 0) +
           self->watch_capacity * sizeof *self->watch;
}

bool roll_watch(roll_t *self, uint32_t rule)
{
    if (self->watch_count == self->watch_capacity) {
        size_t capacity = self->watch_capacity ? 2 * self->watch_capacity : 4;
        uint32_t *watch = realloc(self->watch, capacity * sizeof *watch);
        if (!watch)
            return false;
        self->watch = watch;
        self->watch_capacity = capacity;
    }
    self->watch[self->watch_count++] = rule;
    return true;
}
