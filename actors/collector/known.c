/*  known -- see known.h. */
#include "actors/collector/known.h"

#include "proto/owned.h"
#include "proto/wire.h"

enum {
    VERSION = 1,
    FIELDS = 4,
    PLACE_VALUES = 3,
    AMENDMENT_VALUES = 5,
    SOURCE_BYTES_MAX = 255,
    REQUEST_BYTES_MAX = 255,
};

// ---- writing --------------------------------------------------------------------------------

typedef struct {
    const known_t *known;
    known_put_t *put;
    void *context;
    buffer_t places, amendments; // of the piece at hand
    uint32_t place_count, amendment_count;
} writer_t;

static bool s_give(writer_t *self, bool last)
{
    owned(buffer_destroy) buffer_t payload = { 0 };
    wire_array(&payload, FIELDS);
    wire_u64(&payload, VERSION);
    wire_u64(&payload, self->known->up_us);
    wire_array(&payload, self->place_count * PLACE_VALUES);
    buffer_append(&payload, self->places.data, self->places.size);
    wire_array(&payload, self->amendment_count * AMENDMENT_VALUES);
    buffer_append(&payload, self->amendments.data, self->amendments.size);
    bool good = !self->places.failed && !self->amendments.failed && !payload.failed &&
                self->put(self->context, last, buffer_slice(&payload));
    buffer_clear(&self->places);
    buffer_clear(&self->amendments);
    self->place_count = self->amendment_count = 0;
    return good;
}

static bool s_give_if_full(writer_t *self)
{
    return self->places.size + self->amendments.size < KNOWN_PIECE_BYTES || s_give(self, false);
}

static bool s_add_place(void *context, slice_t source, slice_t subject, uint64_t number)
{
    writer_t *self = context;
    wire_bytes(&self->places, source);
    wire_bytes(&self->places, subject);
    wire_u64(&self->places, number);
    self->place_count++;
    return s_give_if_full(self);
}

static bool s_add_amendment(writer_t *self, size_t index)
{
    owned(buffer_destroy) buffer_t payload = { 0 };
    record_t reset;
    if (!amendments_record(self->known->amendments, index, &reset, &payload))
        return false;
    wire_u64(&self->amendments, reset.seq);
    wire_i64(&self->amendments, reset.recv_us);
    wire_bytes(&self->amendments, reset.source);
    wire_bytes(&self->amendments, reset.place);
    wire_bytes(&self->amendments, reset.payload);
    self->amendment_count++;
    return s_give_if_full(self);
}

bool known_write(const known_t *self, known_put_t *put, void *context)
{
    writer_t writer = { .known = self, .put = put, .context = context };
    bool good = places_each(self->places, s_add_place, &writer);
    for (size_t i = 0; i < amendments_count(self->amendments) && good; i++)
        good = s_add_amendment(&writer, i);
    good = good && s_give(&writer, true);
    buffer_destroy(&writer.places);
    buffer_destroy(&writer.amendments);
    return good;
}

bool known_is_due(const known_t *self, size_t unheaded)
{
    size_t bytes = places_bytes(self->places) + amendments_bytes(self->amendments);
    return unheaded >= bytes / KNOWN_SEGMENT_BYTES;
}

// ---- reading --------------------------------------------------------------------------------

static bool s_read_places(known_t *self, wire_reader_t *in, fault_t *fault)
{
    uint32_t values;
    if (!wire_read_array(in, &values) || values % PLACE_VALUES != 0)
        return fault_set(fault, "known: no list of places");
    for (uint32_t i = 0; i < values; i += PLACE_VALUES) {
        slice_t source, subject;
        uint64_t number;
        if (!wire_read_bytes(in, &source, SOURCE_BYTES_MAX) ||
            !wire_read_bytes(in, &subject, PLACE_SUBJECT_MAX) || !wire_read_u64(in, &number))
            return fault_set(fault, "known: a place is not [source, subject, number]");
        if (!places_note(self->places, source, subject, number))
            return fault_set(fault, "out of memory");
    }
    return true;
}

static bool s_read_amendments(known_t *self, wire_reader_t *in, fault_t *fault)
{
    uint32_t values;
    if (!wire_read_array(in, &values) || values % AMENDMENT_VALUES != 0)
        return fault_set(fault, "known: no list of amendments");
    for (uint32_t i = 0; i < values; i += AMENDMENT_VALUES) {
        record_t reset = { .kind = RECORD_RESET };
        if (!wire_read_u64(in, &reset.seq) || !wire_read_i64(in, &reset.recv_us) ||
            !wire_read_bytes(in, &reset.source, STAGE_SOURCE_NAME_MAX) ||
            !wire_read_bytes(in, &reset.place, REQUEST_BYTES_MAX) ||
            !wire_read_bytes(in, &reset.payload, STAGE_PAYLOAD_BYTES_MAX))
            return fault_set(fault, "known: an amendment is not as it should be");
        if (!amendments_note(self->amendments, &reset))
            return fault_set(fault, "out of memory, or more amendments than there can be");
    }
    return true;
}

bool known_read(known_t *self, slice_t payload, fault_t *fault)
{
    wire_reader_t in = wire_reader(payload);
    uint32_t fields;
    uint64_t version;
    if (!wire_read_array(&in, &fields) || fields != FIELDS || !wire_read_u64(&in, &version) ||
        version != VERSION || !wire_read_u64(&in, &self->up_us))
        return fault_set(fault, "known: not a piece of version %d", VERSION);
    return s_read_places(self, &in, fault) && s_read_amendments(self, &in, fault) &&
           (wire_done(&in) || fault_set(fault, "known: bytes after the end"));
}
