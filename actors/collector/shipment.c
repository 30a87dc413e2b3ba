/*  shipment -- see shipment.h. */
#include "actors/collector/shipment.h"

#include <assert.h>
#include <stdlib.h>

enum { KEEP_BYTES = 8 << 20 };

// A source named in this message.
typedef struct {
    char name[STAGE_SOURCE_NAME_MAX];
    size_t size;
    slice_t definition; // compared by place, never read
} named_t;

struct shipment {
    buffer_t records, mappings, routes;
    uint32_t record_count;
    size_t bytes;
    named_t *named; // by index in mappings
    uint32_t named_count, named_capacity;
    uint32_t named_since; // those before it are of an earlier plan
    uint32_t named_last;  // found last: records of one source come in runs
};

shipment_t *shipment_new(void)
{
    return calloc(1, sizeof(shipment_t));
}

void shipment_destroy(shipment_t **self_p)
{
    shipment_t *self = *self_p;
    if (!self)
        return;
    buffer_destroy(&self->records);
    buffer_destroy(&self->mappings);
    buffer_destroy(&self->routes);
    free(self->named);
    free(self);
    *self_p = NULL;
}

static void s_empty(buffer_t *buffer)
{
    if (buffer->capacity > KEEP_BYTES)
        buffer_destroy(buffer);
    buffer_clear(buffer);
}

void shipment_begin(shipment_t *self)
{
    s_empty(&self->records);
    s_empty(&self->mappings);
    self->record_count = 0;
    self->bytes = 0;
    self->named_count = self->named_since = self->named_last = 0;
}

static bool s_is_named(const shipment_t *self, uint32_t index, slice_t source, slice_t definition)
{
    const named_t *named = &self->named[index];
    return named->definition.data == definition.data &&
           slice_same(slice_of(named->name, named->size), source);
}

// Index of a source in the mappings of the message, added if it is not there. -1: out of memory.
static int64_t s_name(shipment_t *self, slice_t source, slice_t definition)
{
    assert(source.size <= STAGE_SOURCE_NAME_MAX);
    if (self->named_last >= self->named_since && self->named_last < self->named_count &&
        s_is_named(self, self->named_last, source, definition))
        return self->named_last;
    for (uint32_t i = self->named_since; i < self->named_count; i++)
        if (s_is_named(self, i, source, definition))
            return self->named_last = i;
    if (self->named_count == self->named_capacity) {
        uint32_t capacity = self->named_capacity ? self->named_capacity * 2 : 16;
        named_t *named = realloc(self->named, capacity * sizeof *named);
        if (!named)
            return -1;
        self->named = named;
        self->named_capacity = capacity;
    }
    raw_mapping_t mapping = { .source = source, .definition = definition };
    raw_mapping_encode(&mapping, &self->mappings);
    if (self->mappings.failed)
        return -1;
    named_t *named = &self->named[self->named_count];
    memcpy(named->name, source.data, source.size);
    named->size = source.size;
    named->definition = definition;
    return self->named_last = self->named_count++;
}

bool shipment_add(shipment_t *self, const record_t *record, slice_t definition)
{
    int64_t source = 0;
    if (record_is_raw(record->kind))
        source = s_name(self, record->source, definition);
    if (source < 0)
        return false;
    if (record->kind == RECORD_PLAN)
        self->named_since = self->named_count;
    raw_record_t raw = {
        .seq = record->seq,
        .recv_us = record->recv_us,
        .kind = (uint8_t) record->kind,
        .source = (uint32_t) source,
        .payload = record->payload,
    };
    raw_record_encode(&raw, &self->records);
    self->record_count++;
    self->bytes += record->payload.size + SHIPMENT_RECORD_BYTES;
    return !self->records.failed;
}

bool shipment_has_room(const shipment_t *self, size_t payload_size)
{
    return self->record_count == 0 || (self->record_count < LANE_SHIP_RECORDS &&
                                       self->bytes + payload_size <= LANE_SHIP_BYTES);
}

uint32_t shipment_records(const shipment_t *self)
{
    return self->record_count;
}

size_t shipment_bytes(const shipment_t *self)
{
    return self->bytes;
}

static void s_add_route(shipment_t *self, const lane_route_t *from, const seal_secret_t *secret,
                        seal_claim_t claim)
{
    claim.endpoint = slice_text(from->endpoint);
    claim.lane = from->lane;
    claim.mark = from->mark;
    claim.partitions = slice_of(from->partitions.bits, sizeof from->partitions.bits);
    seal_t seal = seal_of(secret, &claim);
    raw_route_t route = {
        .endpoint = claim.endpoint,
        .lane = claim.lane,
        .mark = claim.mark,
        .partitions = claim.partitions,
        .seal = slice_of(seal.bytes, sizeof seal.bytes),
    };
    raw_route_encode(&route, &self->routes);
}

bool shipment_encode(shipment_t *self, slice_t stream, const seal_secret_t *secret,
                     const lane_ship_t *ship, uint64_t to, int64_t staged_us, buffer_t *frame)
{
    const seal_claim_t claim = { .stream = stream, .first = ship->from, .last = to };
    buffer_clear(&self->routes);
    for (size_t i = 0; i < ship->route_count; i++)
        s_add_route(self, &ship->routes[i], secret, claim);
    message_raw_t raw = {
        .stream = stream,
        .from = ship->from,
        .to = to,
        .staged_us = staged_us,
        .mappings = { .count = self->named_count, .bytes = buffer_slice(&self->mappings) },
        .routes = { .count = (uint32_t) ship->route_count, .bytes = buffer_slice(&self->routes) },
        .records = { .count = self->record_count, .bytes = buffer_slice(&self->records) },
    };
    message_raw_encode(&raw, frame);
    return !self->routes.failed && !frame->failed;
}
