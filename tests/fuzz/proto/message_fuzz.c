/*  message_fuzz -- any bytes to every decoder; what one takes must walk and encode again. */
#include <assert.h>

#include "proto/message.h"

static uint64_t sum; // so that the compiler keeps the reads

static void touch(slice_t bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        sum += bytes.data[i];
}

// Walk a list, encode each element again, and have list_t of the new bytes.
#define ELEMENT(name, sentence)                                                                    \
    static list_t name##_again(list_t rest, buffer_t *out)                                         \
    {                                                                                              \
        list_t again = { .count = rest.count };                                                    \
        uint32_t walked = 0;                                                                       \
        for (name##_t element; name##_next(&rest, &element); walked++) {
#define TEXT(field, most, sentence) touch(element.field);
#define BYTES(field, most, sentence) touch(element.field);
#define FIXED(field, size, sentence) touch(element.field);
#define ELEMENT_END(name)                                                                          \
    name##_encode(&element, out);                                                                  \
    }                                                                                              \
    assert(walked == again.count && rest.bytes.size == 0);                                         \
    again.bytes = buffer_slice(out);                                                               \
    return again;                                                                                  \
    }
#define MESSAGE(name, NAME, id, route, sentence)                                                   \
    static void try_##name(slice_t frame)                                                          \
    {                                                                                              \
        message_##name##_t element, message;                                                       \
        fault_t fault;                                                                             \
        if (!message_##name##_decode(&element, frame, &fault))                                     \
            return;                                                                                \
        assert(message_kind(frame) == MESSAGE_##NAME);                                             \
        buffer_t lists[3] = { { 0 } }, out = { 0 };                                                \
        unsigned list = 0;
#define LIST(field, element_type, most, sentence)                                                  \
    element.field = element_type##_again(element.field, &lists[list++]);
#define MESSAGE_END(name)                                                                          \
    message_##name##_encode(&element, &out);                                                       \
    assert(message_##name##_decode(&message, buffer_slice(&out), &fault));                         \
    assert(out.size <= frame.size); /* ours is the shortest form */                                \
    (void) list;                                                                                   \
    for (unsigned i = 0; i < 3; i++)                                                               \
        buffer_destroy(&lists[i]);                                                                 \
    buffer_destroy(&out);                                                                          \
    }
#include "proto/schema.def"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice_t frame = slice_of(data, size);
#define MESSAGE(name, NAME, id, route, sentence) try_##name(frame);
#include "proto/schema.def"
    return 0;
}
