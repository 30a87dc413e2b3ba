/*  ownership -- see ownership.h. */
#include "broker/ownership.h"

#include <assert.h>
#include <xxhash.h>

typedef struct {
    const char *const *names;
    size_t count;
    uint16_t load[OWNERSHIP_WORKERS_MAX];
    size_t share;  // every worker has so many partitions in the end, or one more
    size_t larger; // workers that may still have one more
    struct {
        bool agreed;
        uint16_t worker; // that it would like best of those with room
        uint64_t weight;
    } wish[PARTITIONS];
} bargain_t;

static bool has_room(const bargain_t *self, size_t worker)
{
    return self->load[worker] < self->share ||
           (self->load[worker] == self->share && self->larger > 0);
}

static void find_wish(bargain_t *self, unsigned partition)
{
    bool found = false;
    size_t best = 0;
    uint64_t best_weight = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (!has_room(self, i))
            continue;
        const char *name = self->names[i];
        uint64_t weight = XXH3_64bits_withSeed(name, strlen(name), partition);
        // Equal weights: the lesser name, so that the order of the list does not matter.
        if (!found || weight > best_weight ||
            (weight == best_weight && strcmp(name, self->names[best]) < 0)) {
            found = true;
            best = i;
            best_weight = weight;
        }
    }
    assert(found); // there is room for all partitions
    self->wish[partition].worker = (uint16_t) best;
    self->wish[partition].weight = best_weight;
}

// The heaviest pair of a partition that has no owner and a worker that has room.
static unsigned next_agreed(bargain_t *self)
{
    unsigned next = PARTITIONS;
    for (unsigned p = 0; p < PARTITIONS; p++) {
        if (self->wish[p].agreed)
            continue;
        if (!has_room(self, self->wish[p].worker))
            find_wish(self, p);
        if (next == PARTITIONS || self->wish[p].weight > self->wish[next].weight)
            next = p;
    }
    return next;
}

ownership_t ownership_of(const char *const *names, size_t count)
{
    assert(count > 0 && count <= OWNERSHIP_WORKERS_MAX);
    bargain_t bargain = {
        .names = names,
        .count = count,
        .share = PARTITIONS / count,
        .larger = PARTITIONS % count,
    };
    ownership_t result;
    for (unsigned p = 0; p < PARTITIONS; p++)
        find_wish(&bargain, p);
    for (unsigned n = 0; n < PARTITIONS; n++) {
        unsigned p = next_agreed(&bargain);
        uint16_t worker = bargain.wish[p].worker;
        bargain.wish[p].agreed = true;
        bargain.larger -= bargain.load[worker]++ == bargain.share;
        result.worker[p] = worker;
    }
    return result;
}
