/*  fresh -- see fresh.h. A ring, whose places are chained by hash. */
#include "actors/cli/fresh.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/digest.h"
#include "proto/wire.h"

enum { KEY_MAX = 64, ID_MAX = 64 };

struct fresh {
    uint8_t digests[FRESH_REMEMBERED][DIGEST_BYTES];
    uint32_t first[FRESH_REMEMBERED], next[FRESH_REMEMBERED]; // place + 1; 0 = none
    uint64_t taken;
};

fresh_t *fresh_new(void)
{
    return calloc(1, sizeof(fresh_t));
}

void fresh_destroy(fresh_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

static slice_t s_id(slice_t body)
{
    wire_reader_t reader = wire_reader(body);
    uint32_t count;
    slice_t key, id;
    if (!wire_read_map(&reader, &count))
        return (slice_t){ 0 };
    for (uint32_t i = 0; i < count && wire_read_text(&reader, &key, KEY_MAX); i++) {
        if (slice_is(key, "id"))
            return wire_read_text(&reader, &id, ID_MAX) ? id : (slice_t){ 0 };
        if (!wire_skip(&reader, NULL))
            break;
    }
    return (slice_t){ 0 };
}

static bool s_starts(slice_t topic, const char *prefix)
{
    size_t size = strlen(prefix);
    return topic.size >= size && memcmp(topic.data, prefix, size) == 0;
}

// False: it is of a kind that is not told apart.
static bool s_digest(slice_t topic, slice_t body, uint8_t digest[DIGEST_BYTES])
{
    digest_t work;
    slice_t id =
        s_starts(topic, "alert/") || s_starts(topic, "health/") ? s_id(body) : (slice_t){ 0 };
    if (id.size == 0 && !s_starts(topic, "metric/"))
        return false;
    digest_begin(&work);
    if (id.size > 0) {
        digest_add_sized(&work, id);
    } else {
        digest_add_sized(&work, topic);
        digest_add_sized(&work, body);
    }
    digest_end(&work, digest);
    return true;
}

static uint32_t *s_chain(fresh_t *self, const uint8_t digest[DIGEST_BYTES])
{
    uint32_t hash;
    memcpy(&hash, digest, sizeof hash);
    return &self->first[hash % FRESH_REMEMBERED];
}

bool fresh_take(fresh_t *self, slice_t topic, slice_t body)
{
    uint8_t digest[DIGEST_BYTES];
    if (!s_digest(topic, body, digest))
        return true;
    uint32_t *chain = s_chain(self, digest);
    for (uint32_t at = *chain; at; at = self->next[at - 1])
        if (memcmp(self->digests[at - 1], digest, DIGEST_BYTES) == 0)
            return false;
    uint32_t place = (uint32_t) (self->taken % FRESH_REMEMBERED);
    if (self->taken++ >= FRESH_REMEMBERED) { // the oldest goes, which has its own chain
        uint32_t *link = s_chain(self, self->digests[place]);
        while (*link != place + 1)
            link = &self->next[*link - 1];
        *link = self->next[place];
    }
    memcpy(self->digests[place], digest, DIGEST_BYTES);
    self->next[place] = *chain;
    *chain = place + 1;
    return true;
}
