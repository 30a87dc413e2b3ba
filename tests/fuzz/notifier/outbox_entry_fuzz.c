/*  Any bytes as the body of an outbox entry: never a crash; what is found good is whole. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "actors/notifier/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static batch_t batch;
    batch_clear(&batch);
    store_entry_t entry = {
        .entry = "1-0",
        .id = slice_text("00112233445566778899aabbccddeeff"),
        .topic = slice_text("alert/r/s/"),
        .body = slice_of(data, size),
    };
    batch_add(&batch, &entry, 1700000000000000);
    assert(batch.count == 1 && !batch.bytes.failed);
    const item_t *item = &batch.items[0];
    bulletin_t bulletin;
    if (item->good) {
        assert(item->json.size > 0 && batch_piece(&batch, item->json).data[0] == '{');
        assert(bulletin_read(&bulletin, batch_piece(&batch, item->body)));
    }
    return 0;
}
