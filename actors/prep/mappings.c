/*  mappings -- see mappings.h. */
#include "actors/prep/mappings.h"

#include <stdlib.h>
#include <xxhash.h>

enum { SLOTS = 8192, ENTRIES_MAX = SLOTS / 2 };

typedef struct {
    XXH128_hash_t hash;
    mapping_t *mapping; // NULL: it did not compile
    fault_t fault;      // why
} entry_t;

struct mappings {
    size_t count;
    entry_t *slots[SLOTS];
};

mappings_t *mappings_new(void)
{
    return calloc(1, sizeof(mappings_t));
}

static void mappings_forget(mappings_t *self)
{
    for (size_t i = 0; i < SLOTS; i++) {
        if (!self->slots[i])
            continue;
        mapping_destroy(&self->slots[i]->mapping);
        free(self->slots[i]);
        self->slots[i] = NULL;
    }
    self->count = 0;
}

void mappings_destroy(mappings_t **self_p)
{
    if (!*self_p)
        return;
    mappings_forget(*self_p);
    free(*self_p);
    *self_p = NULL;
}

mapping_t *mappings_get(mappings_t *self, slice_t definition, fault_t *fault)
{
    // 128 bits: two different definitions under one hash do not happen by accident, and whoever
    // may write definitions may map a feed as he likes anyway.
    XXH128_hash_t hash = XXH3_128bits(definition.data, definition.size);
    size_t at = hash.low64 % SLOTS;
    while (self->slots[at] && !XXH128_isEqual(self->slots[at]->hash, hash))
        at = (at + 1) % SLOTS;
    if (!self->slots[at]) {
        if (self->count == ENTRIES_MAX) {
            mappings_forget(self);
            at = hash.low64 % SLOTS;
        }
        entry_t *entry = calloc(1, sizeof *entry);
        if (!entry) {
            fault_set(fault, "out of memory");
            return NULL;
        }
        entry->hash = hash;
        entry->mapping = mapping_new(definition, &entry->fault);
        self->slots[at] = entry;
        self->count++;
    }
    if (!self->slots[at]->mapping)
        *fault = self->slots[at]->fault;
    return self->slots[at]->mapping;
}
