/*  message -- see message.h: encoders and decoders, expanded from proto/schema.def.
 *
 *  A decoder is one && chain of the field readers below; each names the field in its fault.
 */
#include "proto/message.h"

#include <assert.h>

#include "proto/wire.h"

// ---- fields: reading ----------------------------------------------------------------------

// What went wrong with the value that `in` stands at, or with the bound it broke.
static bool refuse(fault_t *fault, const char *owner, const char *field, const char *wanted)
{
    return fault_set(fault, "%s.%s: not %s", owner, field, wanted);
}

static bool read_text(wire_reader_t *in, slice_t *value, size_t most, const char *owner,
                      const char *field, fault_t *fault)
{
    return wire_read_text(in, value, most) || refuse(fault, owner, field, "a text within bounds");
}

static bool read_bytes(wire_reader_t *in, slice_t *value, size_t most, const char *owner,
                       const char *field, fault_t *fault)
{
    return wire_read_bytes(in, value, most) || refuse(fault, owner, field, "bytes within bounds");
}

static bool read_fixed(wire_reader_t *in, slice_t *value, size_t size, const char *owner,
                       const char *field, fault_t *fault)
{
    return (wire_read_bytes(in, value, size) && value->size == size) ||
           refuse(fault, owner, field, "bytes of the fixed length");
}

static bool read_unsigned(wire_reader_t *in, uint64_t *value, uint64_t least, uint64_t most,
                          const char *owner, const char *field, fault_t *fault)
{
    return (wire_read_u64(in, value) && *value >= least && *value <= most) ||
           refuse(fault, owner, field, "a whole number within bounds");
}

static bool read_signed(wire_reader_t *in, int64_t *value, int64_t least, int64_t most,
                        const char *owner, const char *field, fault_t *fault)
{
    return (wire_read_i64(in, value) && *value >= least && *value <= most) ||
           refuse(fault, owner, field, "a whole number within bounds");
}

// The array around the fields of one element or message.
static bool read_frame(wire_reader_t *in, uint32_t fields, const char *owner, fault_t *fault)
{
    uint32_t count;
    return (wire_read_array(in, &count) && count == fields) ||
           fault_set(fault, "%s: not an array of %u fields", owner, fields);
}

// ---- fields: writing ----------------------------------------------------------------------

// Too long is like a full buffer: it depends on what came in, so it is no mistake of ours.
static void write_text(buffer_t *out, slice_t text, size_t most)
{
    out->failed |= text.size > most;
    wire_text(out, text);
}

static void write_bytes(buffer_t *out, slice_t bytes, size_t most)
{
    out->failed |= bytes.size > most;
    wire_bytes(out, bytes);
}

static void write_unsigned(buffer_t *out, uint64_t value, uint64_t least, uint64_t most)
{
    assert(value >= least && value <= most);
    wire_u64(out, value);
}

static void write_signed(buffer_t *out, int64_t value, int64_t least, int64_t most)
{
    assert(value >= least && value <= most);
    wire_i64(out, value);
}

static void write_list(buffer_t *out, const list_t *list)
{
    wire_array(out, list->count);
    buffer_append(out, list->bytes.data, list->bytes.size);
}

static void write_header(buffer_t *out, message_kind_t kind)
{
    wire_array(out, 2);
    wire_array(out, 2);
    wire_u64(out, MESSAGE_VERSION);
    wire_u64(out, kind);
}

// Whether every payload record names one of the mappings of its message: a CHECK of the schema.
static bool sources_known(const message_raw_t *self);
static bool parts_inside(const message_rows_t *self);

// ---- how many fields ----------------------------------------------------------------------

#define ELEMENT(name, sentence) enum { FIELDS_##name = 0
#define ELEMENT_END(name)                                                                          \
    }                                                                                              \
    ;
#define MESSAGE(name, NAME, id, route, sentence) enum { FIELDS_message_##name = 0
#define MESSAGE_END(name) ELEMENT_END(name)
#define TEXT(field, most, sentence) +1
#define BYTES(field, most, sentence) +1
#define FIXED(field, size, sentence) +1
#define U64(field, least, most, unit, sentence) +1
#define U32(field, least, most, unit, sentence) +1
#define U8(field, least, most, unit, sentence) +1
#define I64(field, least, most, unit, sentence) +1
#define LIST(field, element, most, sentence) +1
#include "proto/schema.def"

// ---- encoders -----------------------------------------------------------------------------

#define ELEMENT(name, sentence)                                                                    \
    void name##_encode(const name##_t *self, buffer_t *out)                                        \
    {                                                                                              \
        wire_array(out, FIELDS_##name);
#define ELEMENT_END(name) }
#define MESSAGE(name, NAME, id, route, sentence)                                                   \
    void message_##name##_encode(const message_##name##_t *self, buffer_t *out)                    \
    {                                                                                              \
        write_header(out, MESSAGE_##NAME);                                                         \
        wire_array(out, FIELDS_message_##name);
#define MESSAGE_END(name) }
#define TEXT(field, most, sentence) write_text(out, self->field, most);
#define BYTES(field, most, sentence) write_bytes(out, self->field, most);
#define FIXED(field, length, sentence)                                                             \
    assert(self->field.size == (length));                                                          \
    wire_bytes(out, self->field);
#define U64(field, least, most, unit, sentence) write_unsigned(out, self->field, least, most);
#define U32(field, least, most, unit, sentence) write_unsigned(out, self->field, least, most);
#define U8(field, least, most, unit, sentence) write_unsigned(out, self->field, least, most);
#define I64(field, least, most, unit, sentence) write_signed(out, self->field, least, most);
#define LIST(field, element, most, sentence)                                                       \
    assert(self->field.count <= (most));                                                           \
    write_list(out, &self->field);
#include "proto/schema.def"

// ---- decoders -----------------------------------------------------------------------------

#define ELEMENT(name, sentence)                                                                    \
    static bool name##_read(wire_reader_t *in, name##_t *self, fault_t *fault)                     \
    {                                                                                              \
        const char *owner = #name;                                                                 \
        bool ok = read_frame(in, FIELDS_##name, owner, fault);
#define ELEMENT_END(name)                                                                          \
    return ok;                                                                                     \
    }                                                                                              \
                                                                                                   \
    bool name##_next(list_t *rest, name##_t *out)                                                  \
    {                                                                                              \
        if (rest->count == 0)                                                                      \
            return false;                                                                          \
        wire_reader_t in = wire_reader(rest->bytes);                                               \
        bool read = name##_read(&in, out, NULL);                                                   \
        assert(read); /* the decoder checked every element */                                      \
        rest->count--;                                                                             \
        rest->bytes = slice_of(in.next, (size_t) (in.end - in.next));                              \
        return read;                                                                               \
    }                                                                                              \
                                                                                                   \
    static bool name##_list(wire_reader_t *in, list_t *list, uint32_t most, const char *owner,     \
                            const char *field, fault_t *fault)                                     \
    {                                                                                              \
        if (!wire_read_array(in, &list->count) || list->count > most)                              \
            return refuse(fault, owner, field, "a list within bounds");                            \
        const uint8_t *start = in->next;                                                           \
        name##_t element;                                                                          \
        for (uint32_t i = 0; i < list->count; i++)                                                 \
            if (!name##_read(in, &element, fault))                                                 \
                return false;                                                                      \
        list->bytes = slice_of(start, (size_t) (in->next - start));                                \
        return true;                                                                               \
    }
#define MESSAGE(name, NAME, id, route, sentence)                                                   \
    static bool name##_read_body(wire_reader_t *in, message_##name##_t *self, fault_t *fault)      \
    {                                                                                              \
        const char *owner = #name;                                                                 \
        bool ok = read_frame(in, FIELDS_message_##name, owner, fault);
#define MESSAGE_END(name)                                                                          \
    return ok;                                                                                     \
    }
#define TEXT(field, most, sentence)                                                                \
    ok = ok && read_text(in, &self->field, most, owner, #field, fault);
#define BYTES(field, most, sentence)                                                               \
    ok = ok && read_bytes(in, &self->field, most, owner, #field, fault);
#define FIXED(field, size, sentence)                                                               \
    ok = ok && read_fixed(in, &self->field, size, owner, #field, fault);
#define U64(field, least, most, unit, sentence)                                                    \
    ok = ok && read_unsigned(in, &self->field, least, most, owner, #field, fault);
#define NARROW(field, type, least, most)                                                           \
    uint64_t wide_##field = 0;                                                                     \
    ok = ok && read_unsigned(in, &wide_##field, least, most, owner, #field, fault);                \
    self->field = (type) wide_##field;
#define U32(field, least, most, unit, sentence) NARROW(field, uint32_t, least, most)
#define U8(field, least, most, unit, sentence) NARROW(field, uint8_t, least, most)
#define I64(field, least, most, unit, sentence)                                                    \
    ok = ok && read_signed(in, &self->field, least, most, owner, #field, fault);
#define LIST(field, element, most, sentence)                                                       \
    ok = ok && element##_list(in, &self->field, most, owner, #field, fault);
#define CHECK(condition, sentence)                                                                 \
    ok = ok && ((condition) || fault_set(fault, "%s: %s", owner, sentence));
#include "proto/schema.def"

static bool sources_known(const message_raw_t *self)
{
    enum { PAYLOAD = 1, TORN = 6 };
    list_t rest = self->records;
    for (raw_record_t record; raw_record_next(&rest, &record);)
        if ((record.kind == PAYLOAD || record.kind == TORN) &&
            record.source >= self->mappings.count)
            return false;
    return true;
}

static bool parts_inside(const message_rows_t *self)
{
    list_t plans = self->plans, ticks = self->ticks, blocks = self->blocks;
    for (rows_plan_t plan; rows_plan_next(&plans, &plan);)
        if (plan.seq < self->from || plan.seq > self->to)
            return false;
    for (rows_tick_t tick; rows_tick_next(&ticks, &tick);)
        if (tick.seq < self->from || tick.seq > self->to)
            return false;
    for (rows_block_t block; rows_block_next(&blocks, &block);)
        if (block.seq < self->from || block.seq > self->to)
            return false;
    return true;
}

// ---- the frame ----------------------------------------------------------------------------

static bool read_header(wire_reader_t *in, uint64_t *kind, fault_t *fault)
{
    uint32_t parts, fields;
    uint64_t version;
    if (!wire_read_array(in, &parts) || parts != 2 || !wire_read_array(in, &fields) ||
        fields != 2 || !wire_read_u64(in, &version))
        return fault_set(fault, "not a frame [[version, id], body]");
    if (version != MESSAGE_VERSION)
        return fault_set(fault, "protocol version %llu, this program speaks %d",
                         (unsigned long long) version, MESSAGE_VERSION);
    return wire_read_u64(in, kind) || fault_set(fault, "no message id in the header");
}

message_kind_t message_kind(slice_t frame)
{
    wire_reader_t in = wire_reader(frame);
    uint64_t id;
    if (!read_header(&in, &id, NULL))
        return MESSAGE_NONE;
    switch ((message_kind_t) id) {
#define MESSAGE(name, NAME, number, route, sentence) case MESSAGE_##NAME:
#include "proto/schema.def"
        return (message_kind_t) id;
    case MESSAGE_NONE:
        break;
    }
    return MESSAGE_NONE;
}

static bool read_start(wire_reader_t *in, message_kind_t kind, fault_t *fault)
{
    uint64_t id;
    if (!read_header(in, &id, fault))
        return false;
    return id == (uint64_t) kind ||
           fault_set(fault, "message %llu where %d is expected", (unsigned long long) id, kind);
}

#define MESSAGE(name, NAME, id, route, sentence)                                                   \
    bool message_##name##_decode(message_##name##_t *self, slice_t frame, fault_t *fault)          \
    {                                                                                              \
        wire_reader_t in = wire_reader(frame);                                                     \
        message_##name##_t message;                                                                \
        if (!read_start(&in, MESSAGE_##NAME, fault) || !name##_read_body(&in, &message, fault))    \
            return false;                                                                          \
        if (!wire_done(&in))                                                                       \
            return fault_set(fault, "%s: bytes after the end", #name);                             \
        *self = message;                                                                           \
        return true;                                                                               \
    }
#include "proto/schema.def"
