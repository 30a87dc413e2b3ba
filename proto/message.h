/*  message -- what actors say to each other, expanded from proto/schema.def.
 *
 *  Pure. For every element of the schema: `<element>_t`, `<element>_encode`, `<element>_next`;
 *  for every message: `message_<name>_t`, `message_<name>_encode`, `message_<name>_decode`.
 *  Decode checks the whole frame, every list element included, allocates nothing and points
 *  into the frame; afterwards walking a list cannot fail:
 *
 *      message_raw_t raw;
 *      if (!message_raw_decode(&raw, frame, &fault))
 *          ...
 *      list_t rest = raw.records;
 *      for (raw_record_t record; raw_record_next(&rest, &record);)
 *          ...
 *
 *  To encode a list, append its elements to a buffer by `<element>_encode` and give buffer_slice
 *  and their number as list_t. A field longer than the schema allows and a full buffer latch
 *  `failed`: look at both buffers, the list's and the message's. Numbers out of bounds are our own
 *  mistake (asserted).
 */
#pragma once
#include "proto/buffer.h"
#include "proto/fault.h"
#include "proto/slice.h"

enum { MESSAGE_VERSION = 3 };

typedef struct {
    uint32_t count; // elements
    slice_t bytes;  // encoded one after the other
} list_t;

typedef enum {
    MESSAGE_NONE = 0,
#define MESSAGE(name, NAME, id, route, sentence) MESSAGE_##NAME = id,
#include "proto/schema.def"
} message_kind_t;

// The id in the frame's header; MESSAGE_NONE if it is not a frame of ours (decode tells why).
message_kind_t message_kind(slice_t frame);

#define TEXT(field, most, sentence) slice_t field;
#define BYTES(field, most, sentence) slice_t field;
#define FIXED(field, size, sentence) slice_t field; // `size` bytes
#define U64(field, least, most, unit, sentence) uint64_t field;
#define U32(field, least, most, unit, sentence) uint32_t field;
#define U8(field, least, most, unit, sentence) uint8_t field;
#define I64(field, least, most, unit, sentence) int64_t field;
#define LIST(field, element, most, sentence) list_t field;
#define ELEMENT(name, sentence) typedef struct {
#define ELEMENT_END(name)                                                                          \
    }                                                                                              \
    name##_t;                                                                                      \
    void name##_encode(const name##_t *self, buffer_t *out);                                       \
    bool name##_next(list_t *rest, name##_t *out);
#define MESSAGE(name, NAME, id, route, sentence) typedef struct {
#define MESSAGE_END(name)                                                                          \
    }                                                                                              \
    message_##name##_t;                                                                            \
    void message_##name##_encode(const message_##name##_t *self, buffer_t *out);                   \
    bool message_##name##_decode(message_##name##_t *self, slice_t frame, fault_t *fault);
#include "proto/schema.def"
