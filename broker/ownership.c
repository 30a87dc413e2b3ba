/*  ownership -- see ownership.h. */
#include "broker/ownership.h"

#include <assert.h>
#include <xxhash.h>

size_t ownership_owner(unsigned partition, const char *const *names, size_t count)
{
    assert(count > 0);
    size_t best = 0;
    uint64_t best_weight = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t weight = XXH3_64bits_withSeed(names[i], strlen(names[i]), partition);
        // Equal weights: the lesser name, so that the order of the list does not matter.
        if (i == 0 || weight > best_weight ||
            (weight == best_weight && strcmp(names[i], names[best]) < 0)) {
            best = i;
            best_weight = weight;
        }
    }
    return best;
}
