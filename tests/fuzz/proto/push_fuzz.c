/*  push_fuzz -- any bytes as a pushed frame; what is taken can be read to its last index. */
#include <assert.h>

#include "proto/push.h"
#include "proto/wire.h"

static void read_column(const push_t *push, const push_column_t *column)
{
    static const size_t item_sizes[] = { 0, 8, 8, 8, 0 };
    wire_reader_t in = wire_reader(column->values);
    switch (column->type) {
    case PUSH_SCALARS:
        for (uint32_t i = 0; i < push->row_count; i++)
            assert(wire_skip(&in, NULL));
        assert(wire_done(&in));
        return;
    case PUSH_I64:
    case PUSH_F64:
    case PUSH_DEC:
        assert(column->values.size == push->row_count * item_sizes[column->type]);
        return;
    case PUSH_DICT:
        for (uint32_t i = 0; i < push->row_count; i++)
            assert(push_index(column, i) < column->text_count);
        return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    push_t push, peeked;
    fault_t fault;
    slice_t frame = slice_of(data, size);
    bool peek = push_peek(&peeked, frame, &fault);
    if (peek && peeked.n == 0) // a question, which has no rows to decode
        assert(!push_decode(&push, frame, &fault));
    if (!push_decode(&push, frame, &fault))
        return 0;
    assert(peek && peeked.n == push.n && slice_same(peeked.client, push.client));
    for (unsigned i = 0; i < push.column_count; i++) {
        assert(push_column(&push, push.columns[i].name) == (int) i);
        read_column(&push, &push.columns[i]);
    }
    return 0;
}
