/*  Any bytes as a segment, and intact segments with some bytes changed: walk through them as the
 *  reader does. Nothing outside is touched, every step goes forward, and what is accepted encodes
 *  to the same bytes again.
 */
#include <assert.h>
#include <stdlib.h>

#include "broker/stage/segment.h"

static void walk(slice_t bytes, uint32_t mark)
{
    while (bytes.size > 0) {
        record_t record;
        size_t size = 0, step = 0;
        switch (segment_parse(bytes, mark, &record, &size)) {
        case SEGMENT_RECORD:
            assert(size == segment_record_size(&record));
            if (size <= bytes.size && segment_payload_is_intact(bytes.data, &record)) {
                assert(segment_record_fits(&record));
                uint8_t *again = (uint8_t *) malloc(size);
                segment_record_encode(again, segment_mark(bytes.data), &record);
                assert(memcmp(again, bytes.data, size) == 0);
                free(again);
            }
            step = size;
            break;
        case SEGMENT_SHORT:
            assert(size > bytes.size);
            step = segment_search(bytes, mark);
            break;
        case SEGMENT_DAMAGED:
            step = segment_search(bytes, mark);
            break;
        }
        assert(step > 0);
        if (step > bytes.size)
            return;
        bytes = slice_of(bytes.data + step, bytes.size - step);
    }
}

// The input describes records, then changes to their bytes: the checksums would keep a fuzzer
// out otherwise.
static void walk_changed(slice_t input, uint32_t mark)
{
    enum { RECORDS = 6, RECORD_MAX = SEGMENT_RECORD_BYTES + 3 * 255 };
    uint8_t bytes[RECORDS * RECORD_MAX];
    size_t used = 0;
    for (uint64_t seq = 1; seq <= RECORDS && input.size >= 4; seq++) {
        uint8_t kind = input.data[0] % RECORD_KIND_LAST + 1, source = input.data[1] % 129;
        uint8_t place = input.data[2], payload = input.data[3];
        input = slice_of(input.data + 4, input.size - 4);
        uint8_t text[3 * 255] = { 0 };
        memcpy(text, input.data, input.size < sizeof text ? input.size : sizeof text);
        const record_t record = { .kind = (record_kind_t) kind,
                                  .seq = seq,
                                  .recv_us = (int64_t) seq,
                                  .source = slice_of(text, source),
                                  .place = slice_of(text + 100, place),
                                  .payload = slice_of(text + 200, payload) };
        segment_record_encode(bytes + used, mark, &record);
        used += segment_record_size(&record);
    }
    walk(slice_of(bytes, used), mark);
    while (input.size >= 3 && used > 0) {
        size_t at = ((size_t) input.data[0] << 8 | input.data[1]) % used;
        bytes[at] ^= input.data[2];
        input = slice_of(input.data + 3, input.size - 3);
    }
    walk(slice_of(bytes, used), mark);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    segment_head_t head;
    uint32_t mark = 0x01020304;
    if (size >= SEGMENT_HEAD_BYTES && segment_head_decode(&head, data)) {
        assert(head.mark != 0 && head.stream.size <= SEGMENT_NAME_MAX);
        mark = head.mark;
    }
    walk(slice_of(data, size), mark);
    walk(slice_of(data, size), 0);
    walk_changed(slice_of(data, size), mark);
    return 0;
}
