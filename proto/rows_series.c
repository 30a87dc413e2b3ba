/*  rows_series -- the series of a block, by number: an open hash table over XXH3. */
#include <stdlib.h>
#include <xxhash.h>

#include "proto/rows_builder.h"
#include "proto/series.h"

enum { FIRST_ENTRIES = 64 };

unsigned series_partition(slice_t series)
{
    return (unsigned) (XXH3_64bits(series.data, series.size) % PARTITIONS);
}

static void put_slot(rows_t *self, uint64_t hash, uint32_t index)
{
    size_t at = hash & (self->slot_count - 1);
    while (self->slots[at].generation == self->generation)
        at = (at + 1) & (self->slot_count - 1);
    self->slots[at] = (rows_slot_t){ .generation = self->generation, .index = index };
}

static bool grow_table(rows_t *self)
{
    size_t capacity = self->entry_capacity ? self->entry_capacity * 2 : FIRST_ENTRIES;
    if (!rows_grow((void **) &self->entries, capacity, sizeof *self->entries))
        return false;
    rows_slot_t *slots = calloc(capacity * 2, sizeof *slots);
    if (!slots)
        return false;
    free(self->slots);
    self->slots = slots;
    self->slot_count = capacity * 2;
    self->entry_capacity = capacity;
    self->generation = 1;
    for (size_t i = 0; i < self->entry_count; i++)
        put_slot(self, self->entries[i].hash, (uint32_t) i);
    return true;
}

// The series with this hash and id, or -1.
static int find(const rows_t *self, uint64_t hash, slice_t id)
{
    if (self->slot_count == 0)
        return -1;
    size_t at = hash & (self->slot_count - 1);
    for (; self->slots[at].generation == self->generation; at = (at + 1) & (self->slot_count - 1)) {
        const rows_series_t *entry = &self->entries[self->slots[at].index];
        if (entry->hash == hash && entry->size == id.size &&
            memcmp(self->names.data + entry->offset, id.data, id.size) == 0)
            return (int) self->slots[at].index;
    }
    return -1;
}

int rows_series(rows_t *self, slice_t series)
{
    if (self->failed)
        return -1;
    uint64_t hash = XXH3_64bits(series.data, series.size);
    int known = find(self, hash, series);
    if (known >= 0)
        return known;
    if (!series_valid(series) || self->entry_count == ROWS_PER_BLOCK_MAX ||
        (self->entry_count == self->entry_capacity && !grow_table(self)))
        return -1;
    size_t offset = self->names.size;
    buffer_append(&self->names, series.data, series.size);
    if (self->names.failed)
        return -1;
    uint32_t index = (uint32_t) self->entry_count++;
    self->entries[index] = (rows_series_t){ .hash = hash,
                                            .offset = (uint32_t) offset,
                                            .size = (uint32_t) series.size };
    put_slot(self, hash, index);
    return (int) index;
}
