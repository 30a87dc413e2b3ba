/*  topics -- see topics.h. */
#include "broker/topics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/digest.h"

enum {
    ENTRIES_MAX = TOPICS_BYTES_MAX / (TOPICS_EACH_BYTES + 1) + 2,
    SLOTS = 1 << 18, // a power of two, at least twice the entries
    ID_BYTES = 16,
    NOBODY = TOPICS_OWNERS_MAX + 1,
    OWNERS = NOBODY + 1,
};
_Static_assert(SLOTS >= 2 * ENTRIES_MAX, "chains stay short");

typedef struct {
    uint8_t id[ID_BYTES];
    uint32_t bytes; // counted; 0: a free slot
    int link;
    uint16_t owner;
    uint8_t way;
} entry_t;

typedef struct {
    char name[TOPICS_NAME_MAX + 1];
    size_t bytes;
} owner_t;

struct topics {
    uint8_t secret[TOPICS_SECRET_BYTES];
    size_t bytes;
    owner_t owners[OWNERS]; // then all beyond, and nobody
    entry_t slots[SLOTS];
};

topics_t *topics_new(const uint8_t secret[TOPICS_SECRET_BYTES])
{
    topics_t *self = calloc(1, sizeof *self);
    if (self)
        memcpy(self->secret, secret, sizeof self->secret);
    return self;
}

void topics_destroy(topics_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

void topics_clear(topics_t *self)
{
    self->bytes = 0;
    memset(self->owners, 0, sizeof self->owners);
    memset(self->slots, 0, sizeof self->slots);
}

static size_t s_place(const uint8_t id[ID_BYTES])
{
    uint32_t head;
    memcpy(&head, id, sizeof head);
    return head & (SLOTS - 1);
}

// The slot of this topic, or the free one where it would be.
static entry_t *s_find(topics_t *self, slice_t topic, uint8_t id[ID_BYTES])
{
    digest_t digest;
    uint8_t bytes[DIGEST_BYTES];
    digest_begin(&digest);
    digest_add(&digest, slice_of(self->secret, sizeof self->secret));
    digest_add(&digest, topic);
    digest_end(&digest, bytes);
    memcpy(id, bytes, ID_BYTES);
    size_t at = s_place(id);
    while (self->slots[at].bytes && memcmp(self->slots[at].id, id, ID_BYTES) != 0)
        at = (at + 1) & (SLOTS - 1);
    return &self->slots[at];
}

// A name that is new takes the place of one that holds nothing.
static unsigned s_owner(topics_t *self, const char *name)
{
    unsigned empty = TOPICS_OWNERS_MAX;
    for (unsigned i = 0; i < TOPICS_OWNERS_MAX; i++) {
        owner_t *owner = &self->owners[i];
        if (owner->bytes && strncmp(owner->name, name, TOPICS_NAME_MAX) == 0)
            return i;
        if (!owner->bytes && empty == TOPICS_OWNERS_MAX)
            empty = i;
    }
    const char *kept = empty < TOPICS_OWNERS_MAX ? name : "others";
    snprintf(self->owners[empty].name, sizeof self->owners[empty].name, "%s", kept);
    return empty;
}

bool topics_add(topics_t *self, slice_t topic, const char *owner, int link, topic_way_t way)
{
    size_t bytes = topic.size + TOPICS_EACH_BYTES;
    if (topic.size > TOPICS_BYTES_MAX || self->bytes + bytes > TOPICS_BYTES_MAX)
        return false;
    uint8_t id[ID_BYTES];
    entry_t *entry = s_find(self, topic, id);
    if (entry->bytes)
        return true; // told twice: it is on an account already
    *entry = (entry_t){ .bytes = (uint32_t) bytes, .link = link, .way = (uint8_t) way };
    memcpy(entry->id, id, ID_BYTES);
    entry->owner = (uint16_t) s_owner(self, owner);
    self->owners[entry->owner].bytes += bytes;
    self->bytes += bytes;
    return true;
}

// Close the gap: whoever stands behind it, and could stand there, moves up.
static void s_free(topics_t *self, entry_t *entry)
{
    size_t gap = (size_t) (entry - self->slots);
    for (size_t at = (gap + 1) & (SLOTS - 1); self->slots[at].bytes; at = (at + 1) & (SLOTS - 1)) {
        size_t wanted = s_place(self->slots[at].id);
        if (((at - wanted) & (SLOTS - 1)) >= ((at - gap) & (SLOTS - 1))) {
            self->slots[gap] = self->slots[at];
            gap = at;
        }
    }
    self->slots[gap].bytes = 0;
}

bool topics_remove(topics_t *self, slice_t topic, topic_way_t *way)
{
    uint8_t id[ID_BYTES];
    entry_t *entry = s_find(self, topic, id);
    if (!entry->bytes)
        return false;
    *way = (topic_way_t) entry->way;
    self->owners[entry->owner].bytes -= entry->bytes;
    self->bytes -= entry->bytes;
    s_free(self, entry);
    return true;
}

size_t topics_bytes(const topics_t *self)
{
    return self->bytes;
}

size_t topics_evicted_bytes(const topics_t *self)
{
    return self->owners[NOBODY].bytes;
}

static bool s_among(const int *links, size_t count, int link)
{
    for (size_t i = 0; i < count; i++)
        if (links[i] == link)
            return true;
    return false;
}

size_t topics_evict(topics_t *self, char owner[TOPICS_NAME_MAX + 1], int *links, size_t max,
                    size_t *bytes)
{
    unsigned most = 0;
    for (unsigned i = 1; i <= TOPICS_OWNERS_MAX; i++)
        if (self->owners[i].bytes > self->owners[most].bytes)
            most = i;
    owner_t *holder = &self->owners[most];
    size_t count = 0;
    *bytes = 0;
    if (holder->bytes == 0)
        return 0;
    snprintf(owner, TOPICS_NAME_MAX + 1, "%s", holder->name);
    for (size_t i = 0; i < SLOTS; i++) {
        entry_t *entry = &self->slots[i];
        if (!entry->bytes || entry->owner != most)
            continue;
        if (!s_among(links, count, entry->link)) {
            if (count == max)
                continue;
            links[count++] = entry->link;
        }
        entry->owner = NOBODY;
        *bytes += entry->bytes;
    }
    holder->bytes -= *bytes;
    self->owners[NOBODY].bytes += *bytes;
    return count;
}
