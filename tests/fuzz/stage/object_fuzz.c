/*  Any bytes as a line of a stage object and as a list of objects; and any payload as a line: it
 *  comes back as it was.
 */
#include <assert.h>
#include <stdlib.h>

#include "broker/stage/manifest.h"
#include "broker/stage/object_line.h"
#include "proto/owned.h"

static void read_line(slice_t bytes)
{
    owned(buffer_destroy) buffer_t scratch = { 0 };
    record_t record;
    slice_t stream;
    fault_t fault = { .text = "" };
    if (!object_line_read(bytes, &record, &stream, &scratch, &fault))
        assert(fault.text[0]);
    else
        (void) object_line_sum(&record);
}

static void write_line(slice_t payload)
{
    owned(buffer_destroy) buffer_t line = { 0 }, scratch = { 0 };
    // Whether it is JSON is for the caller to say; without a line break both must come back.
    for (int json = 0; json < 2; json++) {
        const record_t record = { .kind = RECORD_PAYLOAD,
                                  .seq = 1 + payload.size,
                                  .recv_us = (int64_t) payload.size * 1000003,
                                  .source = slice_text("s"),
                                  .place = slice_of(payload.data, payload.size % 200),
                                  .payload = payload };
        record_t found;
        slice_t stream;
        fault_t fault;
        buffer_clear(&line);
        assert(object_line_write(&line, "c", &record, json && payload.size > 0));
        assert(object_line_read(buffer_slice(&line), &found, &stream, &scratch, &fault));
        assert(slice_same(found.payload, payload) && slice_same(found.place, record.place));
        assert(found.seq == record.seq && found.recv_us == record.recv_us);
    }
}

static void read_list(slice_t text)
{
    manifest_t manifest = { 0 };
    fault_t fault = { .text = "" };
    if (manifest_decode(&manifest, text, &fault)) {
        owned(buffer_destroy) buffer_t out = { 0 };
        manifest_t again = { 0 };
        assert(manifest_encode(&manifest, &out));
        assert(manifest_decode(&again, buffer_slice(&out), &fault));
        assert(again.object_count == manifest.object_count && again.sum == manifest.sum);
        manifest_clear(&again);
    } else {
        assert(fault.text[0]);
    }
    manifest_clear(&manifest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    slice_t rest = slice_of(data + 1, size - 1);
    switch (data[0] % 3) {
    case 0:
        read_line(rest);
        break;
    case 1:
        write_line(rest);
        break;
    case 2:
        read_list(rest);
        break;
    }
    return 0;
}
