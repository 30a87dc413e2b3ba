/*  json_fuzz -- any bytes as msgpack to JSON, as a string, and as a series id. */
#include <assert.h>

#include "proto/json.h"
#include "proto/series.h"
#include "proto/utf8.h"

// A JSON text never holds a control character or bad UTF-8.
static void check_text(slice_t text)
{
    assert(utf8_valid(text));
    for (size_t i = 0; i < text.size; i++)
        assert(text.data[i] >= 0x20 && text.data[i] != 0x7f);
}

static void try_series(slice_t bytes)
{
    series_parts_t parts;
    if (!series_split(&parts, bytes))
        return;
    buffer_t id = { 0 };
    assert(series_build(&id, parts.table, parts.values, parts.count));
    assert(slice_same(buffer_slice(&id), bytes));
    buffer_destroy(&id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice_t bytes = slice_of(data, size);
    buffer_t out = { 0 };
    if (json_from_wire(&out, bytes))
        check_text(buffer_slice(&out));
    else
        assert(out.size == 0);
    buffer_clear(&out);
    json_text(&out, bytes);
    assert(out.size >= size + 2);
    check_text(buffer_slice(&out));
    buffer_destroy(&out);
    try_series(bytes);
    return 0;
}
