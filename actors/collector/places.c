/*  places -- see places.h. An open-addressing table that at most doubles; entries are never
 *  removed one by one: when it is full, the older half goes and the rest is hashed again.
 */
#include "actors/collector/places.h"

#include <assert.h>
#include <stdlib.h>

#include <xxhash.h>

enum {
    SLOTS_MIN = 64,
    SLOTS_MAX = 2 * PLACES_MAX,
    NAME_MAX_BYTES = 255,
    ENTRY_BYTES = 14, // of a place written down, besides its names
};

typedef struct {
    char *text; // source, then subject; NULL = free
    uint8_t source_size, subject_size;
    uint64_t number;
    uint64_t touched; // tick of the table's own count, for forgetting
} slot_t;

struct places {
    slot_t *slots;
    size_t slot_count; // a power of two
    size_t count, held;
    size_t text_bytes;
    uint64_t touches, forgotten;
};

static void s_store_u64(uint8_t *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t) (value >> 8 * i);
}

static uint64_t s_load_u64(const uint8_t *in)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value |= (uint64_t) in[i] << 8 * i;
    return value;
}

bool place_make(place_t *self, slice_t subject, uint64_t number)
{
    if (subject.size > PLACE_SUBJECT_MAX)
        return false;
    s_store_u64(self->bytes, number);
    if (subject.size)
        memcpy(self->bytes + 8, subject.data, subject.size);
    self->size = 8 + subject.size;
    return true;
}

bool place_split(slice_t place, slice_t *subject, uint64_t *number)
{
    if (place.size < 8 || place.size > PLACE_BYTES_MAX)
        return false;
    *number = s_load_u64(place.data);
    *subject = slice_of(place.data + 8, place.size - 8);
    return true;
}

places_t *places_new(void)
{
    places_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->slot_count = SLOTS_MIN;
    self->slots = calloc(self->slot_count, sizeof *self->slots);
    if (!self->slots)
        places_destroy(&self);
    return self;
}

void places_destroy(places_t **self_p)
{
    places_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; self->slots && i < self->slot_count; i++)
        free(self->slots[i].text);
    free(self->slots);
    free(self);
    *self_p = NULL;
}

static slot_t *s_slot(slot_t *slots, size_t count, slice_t source, slice_t subject)
{
    XXH64_hash_t hash = XXH3_64bits_withSeed(source.data, source.size, subject.size);
    hash = XXH3_64bits_withSeed(subject.data, subject.size, hash);
    for (size_t i = hash & (count - 1);; i = (i + 1) & (count - 1)) {
        slot_t *slot = &slots[i];
        if (!slot->text)
            return slot;
        if (slice_same(slice_of(slot->text, slot->source_size), source) &&
            slice_same(slice_of(slot->text + slot->source_size, slot->subject_size), subject))
            return slot;
    }
}

static int s_by_touched(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;
    return (x > y) - (x < y);
}

// The touch count below which the older half lies; 0 if there is no memory to find out.
static uint64_t s_median_touch(const places_t *self)
{
    uint64_t *touches = malloc(self->count * sizeof *touches);
    if (!touches)
        return 0;
    size_t count = 0;
    for (size_t i = 0; i < self->slot_count; i++)
        if (self->slots[i].text)
            touches[count++] = self->slots[i].touched;
    qsort(touches, count, sizeof *touches, s_by_touched);
    uint64_t median = touches[count / 2];
    free(touches);
    return median;
}

// Hash again into `count` slots what was touched at `since` or later.
static bool s_rebuild(places_t *self, size_t count, uint64_t since)
{
    slot_t *slots = calloc(count, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < self->slot_count; i++) {
        slot_t *old = &self->slots[i];
        if (!old->text)
            continue;
        if (old->touched < since) {
            self->text_bytes -= (size_t) old->source_size + old->subject_size;
            free(old->text);
            self->count--;
            self->forgotten++;
            continue;
        }
        slice_t source = slice_of(old->text, old->source_size);
        slice_t subject = slice_of(old->text + old->source_size, old->subject_size);
        *s_slot(slots, count, source, subject) = *old;
    }
    free(self->slots);
    self->slots = slots;
    self->slot_count = count;
    return true;
}

static bool s_make_room(places_t *self)
{
    if (self->count < PLACES_MAX && self->count < self->slot_count / 2)
        return true;
    if (self->slot_count < SLOTS_MAX)
        return s_rebuild(self, self->slot_count * 2, 0);
    uint64_t since = s_median_touch(self);
    return since > 0 && s_rebuild(self, SLOTS_MAX, since);
}

bool places_find(places_t *self, slice_t source, slice_t subject, uint64_t *number)
{
    slot_t *slot = s_slot(self->slots, self->slot_count, source, subject);
    if (!slot->text)
        return false;
    slot->touched = ++self->touches;
    *number = slot->number;
    return true;
}

bool places_note(places_t *self, slice_t source, slice_t subject, uint64_t number)
{
    if (source.size > NAME_MAX_BYTES || subject.size > PLACE_SUBJECT_MAX)
        return false;
    slot_t *slot = s_slot(self->slots, self->slot_count, source, subject);
    if (!slot->text) {
        if (!s_make_room(self))
            return false;
        char *text = malloc(source.size + subject.size + 1);
        if (!text)
            return false;
        if (source.size)
            memcpy(text, source.data, source.size);
        if (subject.size)
            memcpy(text + source.size, subject.data, subject.size);
        slot = s_slot(self->slots, self->slot_count, source, subject);
        assert(!slot->text);
        *slot = (slot_t){ .text = text,
                          .source_size = (uint8_t) source.size,
                          .subject_size = (uint8_t) subject.size };
        self->count++;
        self->text_bytes += source.size + subject.size;
    }
    slot->number = number;
    slot->touched = ++self->touches;
    return true;
}

size_t places_hold(places_t *self, size_t before, size_t wanted)
{
    assert(before <= self->held);
    self->held -= before;
    size_t left = PLACES_HELD_MAX - self->held;
    size_t granted = wanted < left ? wanted : left;
    self->held += granted;
    return granted;
}

size_t places_count(const places_t *self)
{
    return self->count;
}

size_t places_bytes(const places_t *self)
{
    return self->text_bytes + self->count * ENTRY_BYTES;
}

static int s_slot_by_touched(const void *a, const void *b)
{
    const slot_t *x = *(const slot_t *const *) a, *y = *(const slot_t *const *) b;
    return (x->touched > y->touched) - (x->touched < y->touched);
}

bool places_each(const places_t *self, places_visit_t *visit, void *context)
{
    const slot_t **order = malloc((self->count + 1) * sizeof *order);
    if (!order)
        return false;
    size_t count = 0;
    for (size_t i = 0; i < self->slot_count; i++)
        if (self->slots[i].text)
            order[count++] = &self->slots[i];
    qsort(order, count, sizeof *order, s_slot_by_touched);
    bool good = true;
    for (size_t i = 0; i < count && good; i++) {
        const slot_t *slot = order[i];
        good = visit(context, slice_of(slot->text, slot->source_size),
                     slice_of(slot->text + slot->source_size, slot->subject_size), slot->number);
    }
    free(order);
    return good;
}

uint64_t places_forgotten(const places_t *self)
{
    return self->forgotten;
}
