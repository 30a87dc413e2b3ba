/*  memo -- a small direct-mapped cache of series numbers. Pure. */
#include "actors/prep/memo.h"

#include <stdlib.h>

enum {
    ENTRIES = 2048,
    KEY_BYTES = 51, // an entry fills a cache line
    PATIENCE = 256, // so many keys of a block, all new: it goes on without a memo
};

typedef struct {
    uint32_t block; // the entry is void if this is not the memo's
    int series;
    uint32_t hash;
    uint8_t size;
    uint8_t key[KEY_BYTES];
} entry_t;

_Static_assert(sizeof(entry_t) == 64, "one cache line");

struct memo {
    uint32_t block;
    const entry_t *last; // of the row before
    int patience;        // below 0: in vain
    entry_t entries[ENTRIES];
};

memo_t *memo_new(void)
{
    memo_t *self = calloc(1, sizeof *self);
    if (self)
        memo_forget(self);
    return self;
}

void memo_destroy(memo_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

void memo_forget(memo_t *self)
{
    self->last = NULL;
    self->patience = PATIENCE;
    if (++self->block == 0) { // once in 2^32 blocks
        memset(self->entries, 0, sizeof self->entries);
        self->block = 1;
    }
}

// Eight bytes at a time; only spread matters, nothing outside depends on it.
static uint32_t s_hash(slice_t key)
{
    const uint64_t multiplier = 0x9e3779b97f4a7c15;
    uint64_t hash = key.size;
    for (size_t at = 0; at < key.size; at += 8) {
        uint64_t word = 0;
        memcpy(&word, key.data + at, key.size - at < 8 ? key.size - at : 8);
        hash = (hash ^ word) * multiplier;
        hash ^= hash >> 32;
    }
    return (uint32_t) hash;
}

static bool s_is(const memo_t *self, const entry_t *entry, slice_t key)
{
    return entry->block == self->block && slice_same(slice_of(entry->key, entry->size), key);
}

bool memo_is_vain(const memo_t *self)
{
    return self->patience < 0;
}

int memo_find(memo_t *self, slice_t key)
{
    if (self->last && s_is(self, self->last, key))
        return self->last->series;
    if (key.size > KEY_BYTES)
        return MEMO_NONE;
    uint32_t hash = s_hash(key);
    const entry_t *entry = &self->entries[hash % ENTRIES];
    if (entry->hash != hash || !s_is(self, entry, key)) {
        self->patience--;
        return MEMO_NONE;
    }
    self->last = entry;
    self->patience = PATIENCE;
    return entry->series;
}

void memo_put(memo_t *self, slice_t key, int series)
{
    if (key.size > KEY_BYTES)
        return;
    uint32_t hash = s_hash(key);
    entry_t *entry = &self->entries[hash % ENTRIES];
    *entry = (entry_t){
        .block = self->block, .series = series, .hash = hash, .size = (uint8_t) key.size
    };
    if (key.size)
        memcpy(entry->key, key.data, key.size);
    self->last = entry;
}
