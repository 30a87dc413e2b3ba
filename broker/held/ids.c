/*  ids -- see ids.h. An open table: an id stands in the first free slot behind its hash. */
#include "broker/held/ids.h"

#include <stdlib.h>

enum { SLOTS_LEAST = 1024 };

void ids_clear(ids_t *self)
{
    buffer_destroy(&self->text);
    free(self->table);
    *self = (ids_t){ 0 };
}

static uint64_t s_hash(slice_t id) // FNV-1a
{
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < id.size; i++)
        hash = (hash ^ id.data[i]) * 0x100000001b3;
    return hash;
}

// Where it stands, or the free slot where it would. At least one is free.
static struct ids_slot *s_find(const ids_t *self, slice_t id)
{
    for (size_t i = (size_t) s_hash(id);; i++) {
        struct ids_slot *slot = &self->table[i & (self->slots - 1)];
        if (slot->size == 0 || slice_same(slice_of(self->text.data + slot->at, slot->size), id))
            return slot;
    }
}

static bool s_grow(ids_t *self)
{
    ids_t more = *self;
    more.slots = self->slots ? 2 * self->slots : SLOTS_LEAST;
    more.table = calloc(more.slots, sizeof *more.table);
    if (!more.table)
        return false;
    for (size_t i = 0; i < self->slots; i++) {
        const struct ids_slot *slot = &self->table[i];
        if (slot->size > 0)
            *s_find(&more, slice_of(self->text.data + slot->at, slot->size)) = *slot;
    }
    free(self->table);
    *self = more;
    return true;
}

bool ids_add(ids_t *self, slice_t id)
{
    if (id.size == 0 || id.size > UINT32_MAX)
        return false;
    if (2 * (self->count + 1) > self->slots && !s_grow(self))
        return false;
    struct ids_slot *slot = s_find(self, id);
    if (slot->size > 0)
        return true;
    uint64_t at = self->text.size;
    buffer_append(&self->text, id.data, id.size);
    if (self->text.failed)
        return false;
    *slot = (struct ids_slot){ at, (uint32_t) id.size };
    self->count++;
    return true;
}

bool ids_has(const ids_t *self, slice_t id)
{
    return self->count > 0 && s_find(self, id)->size > 0;
}
