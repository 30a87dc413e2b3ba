/*  copy_format -- see copy_format.h. */
#include "broker/held/copy_format.h"

#include <assert.h>
#include <string.h>

#include "broker/stage/crc32c.h"

const char copy_magic[COPY_MAGIC_BYTES + 1] = "tidewire copy 1\n";

enum { COUNT_BYTES = 5 }; // a msgpack array head of 32 bits, to be overwritten in place

// ---- the frame of a section -----------------------------------------------------------------

static void s_put_u32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t) (value >> 8 * i);
}

static uint32_t s_get_u32(const uint8_t *from)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++)
        value |= (uint32_t) from[i] << 8 * i;
    return value;
}

void copy_frame(copy_kind_t kind, slice_t body, uint8_t head[COPY_SECTION_HEAD_BYTES])
{
    assert(body.size <= COPY_SECTION_BYTES_MAX);
    s_put_u32(head, kind);
    s_put_u32(head + 4, (uint32_t) body.size);
    s_put_u32(head + 8, crc32c(crc32c(0, head, 8), body.data, body.size));
}

bool copy_frame_read(copy_frame_t *frame, const uint8_t head[COPY_SECTION_HEAD_BYTES])
{
    uint32_t kind = s_get_u32(head);
    frame->size = s_get_u32(head + 4);
    frame->crc = s_get_u32(head + 8);
    if (kind < COPY_HEAD || kind > COPY_ROWS || frame->size > COPY_SECTION_BYTES_MAX)
        return false;
    frame->kind = (copy_kind_t) kind;
    return true;
}

bool copy_frame_fits(const copy_frame_t *frame, const uint8_t head[COPY_SECTION_HEAD_BYTES],
                     slice_t body)
{
    return crc32c(crc32c(0, head, 8), body.data, body.size) == frame->crc;
}

// ---- HEAD and END ---------------------------------------------------------------------------

void copy_head_encode(const copy_head_t *head, buffer_t *body)
{
    assert(head->log_count <= COPY_LOGS_MAX);
    wire_array(body, 3);
    wire_bytes(body, slice_of(head->id, sizeof head->id));
    wire_i64(body, head->created_us);
    wire_map(body, (uint32_t) head->log_count);
    for (size_t i = 0; i < head->log_count; i++) {
        wire_string(body, head->logs[i].stream);
        wire_u64(body, head->logs[i].mark);
    }
}

bool copy_head_decode(copy_head_t *head, slice_t body)
{
    wire_reader_t reader = wire_reader(body);
    uint32_t count, logs;
    slice_t id, name;
    uint64_t mark;
    *head = (copy_head_t){ 0 };
    if (!wire_read_array(&reader, &count) || count != 3 ||
        !wire_read_bytes(&reader, &id, sizeof head->id) || id.size != sizeof head->id ||
        !wire_read_i64(&reader, &head->created_us) || !wire_read_map(&reader, &logs) ||
        logs > COPY_LOGS_MAX)
        return false;
    memcpy(head->id, id.data, id.size);
    for (uint32_t i = 0; i < logs; i++) {
        if (!wire_read_text(&reader, &name, COPY_NAME_MAX) || !wire_read_u64(&reader, &mark) ||
            mark > UINT32_MAX || memchr(name.data, '\0', name.size))
            return false;
        memcpy(head->logs[i].stream, name.data, name.size);
        head->logs[i].mark = (uint32_t) mark;
        head->log_count++;
    }
    return wire_done(&reader);
}

void copy_end_encode(uint64_t sections, buffer_t *body)
{
    wire_u64(body, sections);
}

bool copy_end_decode(uint64_t *sections, slice_t body)
{
    wire_reader_t reader = wire_reader(body);
    return wire_read_u64(&reader, sections) && wire_done(&reader);
}

// ---- lists of byte strings ------------------------------------------------------------------

copy_list_t copy_list_begin(buffer_t *body, uint64_t number, uint64_t more)
{
    buffer_clear(body);
    uint8_t *count = buffer_extend(body, COUNT_BYTES);
    if (count)
        count[0] = 0xdd; // array 32
    wire_u64(body, number);
    wire_u64(body, more);
    return (copy_list_t){ .body = body };
}

void copy_list_add(copy_list_t *self, slice_t item)
{
    wire_bytes(self->body, item);
    self->count++;
}

void copy_list_end(copy_list_t *self)
{
    if (self->body->failed)
        return;
    for (int i = 0; i < 4; i++)
        self->body->data[1 + i] = (uint8_t) ((self->count + 2) >> 8 * (3 - i));
}

bool copy_items_read(copy_items_t *self, slice_t body)
{
    *self = (copy_items_t){ .reader = wire_reader(body) };
    if (!wire_read_array(&self->reader, &self->count) || self->count < 2 ||
        !wire_read_u64(&self->reader, &self->number) || !wire_read_u64(&self->reader, &self->more))
        return false;
    self->count -= 2;
    return self->count <= COPY_ITEMS_MAX;
}

bool copy_items_next(copy_items_t *self, slice_t *item)
{
    if (self->count == 0 || !wire_read_bytes(&self->reader, item, COPY_SECTION_BYTES_MAX))
        return false;
    self->count--;
    return true;
}
