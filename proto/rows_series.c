/*  rows_series -- the series of a block, by number: an open hash table over XXH3.
 *
 *  A slot holds a number, counted from 1, and above it some bits of the hash, so that strangers are
 *  told apart without a look at their entry. The table begins small with every block and grows with
 *  it: it is no larger than it must be, for what counts is that it stays in the cache.
 */
#include <assert.h>
#include <stdlib.h>
#include <xxhash.h>

#include "proto/rows_builder.h"
#include "proto/series.h"

enum {
    FIRST_ENTRIES = 64,
    FIRST_SLOTS = 128,
    NUMBER_BITS = 22, // of a slot
    TAG_BITS = 32 - NUMBER_BITS,
    TAG_SHIFT = 64 - TAG_BITS, // of a hash; the slot is found by the low bits
};

_Static_assert(ROWS_PER_BLOCK_MAX < 1 << NUMBER_BITS, "a slot holds every number");

unsigned series_partition(slice_t series)
{
    return (unsigned) (XXH3_64bits(series.data, series.size) % PARTITIONS);
}

static inline uint32_t tag_of(uint64_t hash)
{
    return (uint32_t) (hash >> TAG_SHIFT) << NUMBER_BITS;
}

static void put_slot(rows_t *self, uint64_t hash, uint32_t index)
{
    size_t at = hash & (self->slot_count - 1);
    while (self->slots[at])
        at = (at + 1) & (self->slot_count - 1);
    self->slots[at] = tag_of(hash) | (index + 1);
}

// Room for one more: at most two of three slots are taken.
static bool reserve_slot(rows_t *self)
{
    if ((self->entry_count + 1) * 3 <= self->slot_count * 2)
        return true;
    size_t count = self->slot_count ? self->slot_count * 2 : FIRST_SLOTS;
    if (count > self->slot_capacity) {
        if (!rows_grow((void **) &self->slots, count, sizeof *self->slots))
            return false;
        self->slot_capacity = count;
    }
    self->slot_count = count;
    memset(self->slots, 0, count * sizeof *self->slots);
    for (size_t i = 0; i < self->entry_count; i++)
        put_slot(self, self->entries[i].hash, (uint32_t) i);
    return true;
}

static bool reserve_entry(rows_t *self)
{
    if (self->entry_count < self->entry_capacity)
        return true;
    size_t capacity = self->entry_capacity ? self->entry_capacity * 2 : FIRST_ENTRIES;
    if (!rows_grow((void **) &self->entries, capacity, sizeof *self->entries))
        return false;
    self->entry_capacity = capacity;
    return true;
}

// The series with this hash and id, or -1.
static int find(const rows_t *self, uint64_t hash, slice_t id)
{
    if (self->slot_count == 0)
        return -1;
    uint32_t tag = tag_of(hash);
    size_t at = hash & (self->slot_count - 1);
    for (; self->slots[at]; at = (at + 1) & (self->slot_count - 1)) {
        if ((self->slots[at] ^ tag) >> NUMBER_BITS)
            continue;
        uint32_t index = (self->slots[at] ^ tag) - 1;
        const rows_series_t *entry = &self->entries[index];
        if (entry->hash == hash && entry->size == id.size &&
            memcmp(self->names.data + entry->offset, id.data, id.size) == 0)
            return (int) index;
    }
    return -1;
}

// Give the id that stands at the end of the names a number; one that it has already, or none (-1),
// takes it away again.
static int intern(rows_t *self, size_t offset)
{
    slice_t id = slice_of(self->names.data + offset, self->names.size - offset);
    uint64_t hash = XXH3_64bits(id.data, id.size);
    int known = find(self, hash, id);
    if (known >= 0 || self->entry_count == ROWS_PER_BLOCK_MAX || !reserve_entry(self) ||
        !reserve_slot(self)) {
        self->names.size = offset;
        return known;
    }
    uint32_t index = (uint32_t) self->entry_count++;
    self->entries[index] =
        (rows_series_t){ .hash = hash, .offset = (uint32_t) offset, .size = (uint32_t) id.size };
    put_slot(self, hash, index);
    return (int) index;
}

int rows_series(rows_t *self, slice_t series)
{
    size_t offset = self->names.size;
    if (self->failed || !series_valid(series))
        return -1;
    buffer_append(&self->names, series.data, series.size);
    return self->names.failed ? -1 : intern(self, offset);
}

int rows_series_of(rows_t *self, slice_t table, const slice_t *values, unsigned count,
                   bool *too_long)
{
    size_t offset = self->names.size;
    *too_long = false;
    if (self->failed)
        return -1;
    if (series_build(&self->names, table, values, count))
        return intern(self, offset);
    *too_long = !self->names.failed;
    return -1;
}

slice_t rows_series_id(const rows_t *self, int series)
{
    assert(series >= 0 && (size_t) series < self->entry_count);
    const rows_series_t *entry = &self->entries[series];
    return slice_of(self->names.data + entry->offset, entry->size);
}
