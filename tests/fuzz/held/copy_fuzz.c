/*  Any bytes as a copy of Redis: refused or read, never anything else. What follows a good checksum
 *  is reached by giving every section one.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "broker/held/copy_reader.h"
#include "proto/owned.h"

static void read_all(const uint8_t *data, size_t size)
{
    fault_t fault;
    int file = memfd_create("copy", 0);
    if (file < 0 || write(file, data, size) != (ssize_t) size)
        __builtin_trap();
    owned(copy_reader_destroy) copy_reader_t *reader = copy_reader_take(file, &fault);
    for (size_t i = 0; reader && i < copy_reader_count(reader); i++) {
        slice_t body, item;
        copy_items_t items;
        if (!copy_reader_body(reader, i, &body, &fault))
            __builtin_trap(); // it was read a moment ago
        if (copy_items_read(&items, body))
            while (copy_items_next(&items, &item))
                continue;
    }
}

// The bytes as bodies of sections: a kind, a length, so much.
static void frame_all(const uint8_t *data, size_t size, buffer_t *out)
{
    buffer_append(out, copy_magic, COPY_MAGIC_BYTES);
    while (size >= 2) {
        size_t length = data[1] < size - 2 ? data[1] : size - 2;
        uint8_t head[COPY_SECTION_HEAD_BYTES];
        slice_t body = slice_of(data + 2, length);
        copy_frame((copy_kind_t) (data[0] % COPY_END + 1), body, head);
        buffer_append(out, head, sizeof head);
        buffer_append(out, body.data, body.size);
        data += 2 + length;
        size -= 2 + length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    buffer_t framed = { 0 };
    read_all(data, size);
    frame_all(data, size, &framed);
    read_all(framed.data, framed.size);
    buffer_destroy(&framed);
    return 0;
}
