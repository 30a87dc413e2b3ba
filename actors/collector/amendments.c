/*  amendments -- see amendments.h. A payload is three numbers of 8 bytes, little-endian, and a
 *  snapshot (proto/plan.h) of the mappings alone: `from` (microseconds), the edition, and the
 *  record at which that begins. The last is left out if it is 1; the highest bit of the edition
 *  says so.
 */
#include "actors/collector/amendments.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/owned.h"

enum { NUMBER_BYTES = 8, HEAD_BYTES = 2 * NUMBER_BYTES, REQUEST_BYTES_MAX = 255 };

static const uint64_t begin_follows = UINT64_C(1) << 63; // of an edition, which is a time

typedef struct {
    uint64_t seq;
    uint64_t edition, begin;
    int64_t recv_us, from_us;
    size_t bytes;   // of its plan, written down
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

static bool s_encode(const plan_t *mappings, int64_t from_us, uint64_t edition, uint64_t begin,
                     buffer_t *out)
{
    bool late = begin > 1;
    uint8_t *head = buffer_extend(out, HEAD_BYTES + (late ? NUMBER_BYTES : 0));
    if (!head)
        return false;
    s_store(head, (uint64_t) from_us);
    s_store(head + NUMBER_BYTES, edition | (late ? begin_follows : 0));
    if (late)
        s_store(head + HEAD_BYTES, begin);
    return plan_encode(mappings, NULL, out) && !out->failed;
}

bool amendments_encode(const plan_t *plan, int64_t from_us, uint64_t edition, uint64_t begin,
                       buffer_t *out)
{
    assert(edition < begin_follows && begin > 0);
    owned(plan_destroy) plan_t *mappings = s_mappings(plan);
    return mappings && s_encode(mappings, from_us, edition, begin, out);
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
    slice_t rest = slice_of(reset->payload.data + HEAD_BYTES, reset->payload.size - HEAD_BYTES);
    item->from_us = (int64_t) s_load(reset->payload.data);
    item->edition = s_load(reset->payload.data + NUMBER_BYTES);
    item->begin = 1;
    if (item->edition & begin_follows) {
        if (rest.size < NUMBER_BYTES)
            return true;
        item->edition &= ~begin_follows;
        item->begin = s_load(rest.data);
        rest = slice_of(rest.data + NUMBER_BYTES, rest.size - NUMBER_BYTES);
    }
    if (item->begin == 0)
        return true;
    plan_result_t read = plan_follow(item->plan, rest, NULL);
    if (read != PLAN_APPLIED)
        return read == PLAN_REFUSED;
    item->bytes = rest.size;
    item->recv_us = reset->recv_us;
    item->seq = reset->seq;
    item->source = s_keep(item->names, reset->source);
    item->request = s_keep(item->names + STAGE_SOURCE_NAME_MAX, reset->place);
    self->items[self->count++] = item;
    item = NULL;
    return true;
}

bool amendments_record(const amendments_t *self, size_t index, record_t *reset, buffer_t *payload)
{
    const amendment_t *item = self->items[index];
    if (!s_encode(item->plan, item->from_us, item->edition, item->begin, payload))
        return false;
    *reset = (record_t){ .kind = RECORD_RESET,
                         .seq = item->seq,
                         .recv_us = item->recv_us,
                         .source = item->source,
                         .place = item->request,
                         .payload = buffer_slice(payload) };
    return true;
}

uint64_t amendments_begin(const amendments_t *self)
{
    return self && self->count ? self->items[self->count - 1]->begin : 1;
}

size_t amendments_bytes(const amendments_t *self)
{
    size_t bytes = 0;
    for (size_t i = 0; i < self->count; i++)
        bytes += self->items[i]->bytes;
    return bytes;
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
