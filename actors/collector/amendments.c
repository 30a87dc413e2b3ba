/*  amendments -- see amendments.h. A payload is `from` (int64 little-endian, microseconds), then a
 *  snapshot (proto/plan.h) of the mappings alone.
 */
#include "actors/collector/amendments.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/owned.h"

enum { NUMBER_BYTES = 8, HEAD_BYTES = 2 * NUMBER_BYTES, REQUEST_BYTES_MAX = 255 };

typedef struct {
    uint64_t seq;
    uint64_t edition;
    int64_t from_us;
    slice_t source; // empty = all; points into names
    slice_t request;
    uint8_t names[STAGE_SOURCE_NAME_MAX + REQUEST_BYTES_MAX];
    plan_t *plan;
} amendment_t;

struct amendments {
    size_t count;
    amendment_t *items[AMENDMENTS_MAX];
};

amendments_t *amendments_new(void)
{
    return calloc(1, sizeof(amendments_t));
}

static void s_destroy(amendment_t **self_p)
{
    if (*self_p)
        plan_destroy(&(*self_p)->plan);
    free(*self_p);
    *self_p = NULL;
}

void amendments_destroy(amendments_t **self_p)
{
    amendments_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        s_destroy(&self->items[i]);
    free(self);
    *self_p = NULL;
}

// The mappings of a plan, without its rules. NULL: out of memory.
static plan_t *s_mappings(const plan_t *plan)
{
    owned(plan_destroy) plan_t *mappings = plan_new();
    for (size_t i = 0; mappings && i < plan_count(plan); i++) {
        plan_entry_t entry = plan_at(plan, i);
        fault_t fault;
        if (entry.kind == PLAN_SOURCE &&
            !plan_set(mappings, PLAN_SOURCE, entry.name, entry.body, &fault))
            return NULL;
    }
    plan_t *given = mappings;
    mappings = NULL;
    return given;
}

static void s_store(uint8_t *bytes, uint64_t number)
{
    for (int i = 0; i < NUMBER_BYTES; i++)
        bytes[i] = (uint8_t) (number >> 8 * i);
}

static uint64_t s_load(const uint8_t *bytes)
{
    uint64_t number = 0;
    for (int i = 0; i < NUMBER_BYTES; i++)
        number |= (uint64_t) bytes[i] << 8 * i;
    return number;
}

bool amendments_encode(const plan_t *plan, int64_t from_us, uint64_t edition, buffer_t *out)
{
    owned(plan_destroy) plan_t *mappings = s_mappings(plan);
    uint8_t *head = buffer_extend(out, HEAD_BYTES);
    if (head) {
        s_store(head, (uint64_t) from_us);
        s_store(head + NUMBER_BYTES, edition);
    }
    return mappings && plan_encode(mappings, NULL, out) && !out->failed;
}

bool amendments_mappings(const plan_t *plan, char text[AMENDMENTS_MAPPINGS_TEXT])
{
    owned(plan_destroy) plan_t *mappings = s_mappings(plan);
    if (!mappings)
        return false;
    plan_hash_t hash = plan_hash(mappings);
    for (size_t i = 0; i < sizeof hash.bytes; i++)
        snprintf(text + 2 * i, 3, "%02x", hash.bytes[i]);
    return true;
}

static slice_t s_keep(uint8_t *to, slice_t from)
{
    if (from.size > 0)
        memcpy(to, from.data, from.size);
    return slice_of(to, from.size);
}

bool amendments_note(amendments_t *self, const record_t *reset)
{
    if (reset->payload.size < HEAD_BYTES || reset->source.size > STAGE_SOURCE_NAME_MAX ||
        reset->place.size > REQUEST_BYTES_MAX)
        return true;
    if (self->count == AMENDMENTS_MAX)
        return false;
    owned(s_destroy) amendment_t *item = calloc(1, sizeof *item);
    if (!item || !(item->plan = plan_new()))
        return false;
    fault_t fault;
    slice_t plan =
        slice_of(reset->payload.data + HEAD_BYTES, reset->payload.size - (size_t) HEAD_BYTES);
    if (!plan_apply(item->plan, plan, &fault))
        return true;
    item->from_us = (int64_t) s_load(reset->payload.data);
    item->edition = s_load(reset->payload.data + NUMBER_BYTES);
    item->seq = reset->seq;
    item->source = s_keep(item->names, reset->source);
    item->request = s_keep(item->names + STAGE_SOURCE_NAME_MAX, reset->place);
    self->items[self->count++] = item;
    item = NULL;
    return true;
}

uint64_t amendments_edition(const amendments_t *self)
{
    return self && self->count ? self->items[self->count - 1]->edition : 0;
}

uint64_t amendments_seq(const amendments_t *self)
{
    return self->count ? self->items[self->count - 1]->seq : 0;
}

size_t amendments_count(const amendments_t *self)
{
    return self->count;
}

slice_t amendments_request(const amendments_t *self)
{
    return self->count ? self->items[self->count - 1]->request : (slice_t){ 0 };
}

slice_t amendments_definition(const amendments_t *self, const record_t *record, slice_t staged)
{
    for (size_t i = self ? self->count : 0; i-- > 0;) {
        const amendment_t *item = self->items[i];
        if (item->seq <= record->seq)
            break; // in order of seq: the older ones are not for it either
        if (record->recv_us < item->from_us ||
            (item->source.size > 0 && !slice_same(item->source, record->source)))
            continue;
        const plan_entry_t *entry = plan_find(item->plan, PLAN_SOURCE, record->source);
        if (entry)
            return entry->body;
    }
    return staged;
}
